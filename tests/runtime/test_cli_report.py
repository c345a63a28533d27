"""`park report`: the figures of a month, over the files of a folder on which nothing runs."""

import csv

import pytest

from park.errors import Conflict, UserError
from park.model import Park
from park.settings import Settings
from runtime.cli_report import report
from runtime.house import House


@pytest.fixture
def folder(tmp_path):
    """Return a data folder with a park."""
    with House.open(Settings(data_dir=tmp_path / "park")) as house:
        house.registry.save([Park(0, "xixing", "西兴小微园")], actor="test", reason="", now=1_000)
    return tmp_path / "park"


def asked(folder, month="2026-11", **more):
    rest = {"park": None, "out": None, "lang": "zh", "as_csv": False, "positions": 1, "settings_file": None}
    report(month, **{**rest, "data_dir": folder, **more})


def test_page_and_table(folder, tmp_path):
    """The month of a park is written as a page with its name, or as a table of figures."""
    asked(folder, park="xixing", out=tmp_path / "report.html")
    asked(folder, as_csv=True, month="2026-12", out=tmp_path / "kpi.csv")
    rows = list(csv.DictReader((tmp_path / "kpi.csv").read_text("utf-8-sig").splitlines()))

    assert "西兴小微园 2026-11 报警月报" in (tmp_path / "report.html").read_text("utf-8")
    assert {"per_10_minutes", "false_alarms_per_100_detectors"} <= {row["key"] for row in rows}


@pytest.mark.parametrize("wrong", [{"month": "2026-13"}, {"month": "soon"}, {"lang": "fr"}])
def test_bad_words(folder, wrong):
    """A month or a language that is none is refused with a sentence."""
    with pytest.raises(UserError):
        asked(folder, **wrong)


def test_overwrites_nothing(folder, tmp_path):
    """A file that is there stays as it is."""
    (tmp_path / "x").write_text("mine")
    with pytest.raises(Conflict):
        asked(folder, out=tmp_path / "x")

    assert "mine" == (tmp_path / "x").read_text()
