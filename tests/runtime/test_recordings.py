"""Tables and maps as others write them: times, missing values, marks of spreadsheets, and what is wrong with a map."""

import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from park.errors import UserError
from runtime.recordings import absent, cells_of, moment, read_map

PARK = ZoneInfo("Asia/Shanghai")
EIGHT = 1_772_323_200_000  # 2026-03-01 08:00 in the park
TIMES = {
    "iso": ("2026-03-01T08:00:00", EIGHT),
    "blank": (" 2026-03-01 08:00 ", EIGHT),
    "offset": ("2026-03-01T00:00:00Z", EIGHT),
    "another zone": ("2026-02-28T19:00:00-05:00", EIGHT),
    "basic": ("20260301T080000", EIGHT),
    "spreadsheet": ("2026/3/1 8:00", EIGHT),
    "spreadsheet with seconds": ("2026/03/01 08:00:01.5", EIGHT + 1500),
    "dots": ("2026.3.1 8:00:00", EIGHT),
    "one digit": ("2026-3-1 8:00", EIGHT),
    "slashes and offset": ("2026/3/1 0:00 +00:00", EIGHT),
    "day alone": ("2026/3/1", EIGHT - 8 * 3_600_000),
    "end of a day": ("2026-02-28 24:00", EIGHT - 8 * 3_600_000),
    "end of a day, iso": ("2026-02-28T24:00:00+08:00", EIGHT - 8 * 3_600_000),
    "day or month first": ("03/01/2026 08:00", None),
    "no such day": ("2026/2/30 8:00", None),
    "no such hour": ("2026/3/1 25:00", None),
    "after the end of a day": ("2026-02-28 24:01", None),
    "a number": ("1772323200", None),
    "words": ("soon", None),
    "nothing": ("", None),
    "before all years": ("0001-01-01T00:00:00+08:00", None),
    "after all years": ("9999-12-31T23:00:00-08:00", None),
    "end of all years": ("9999-12-31 24:00", None),
    "days before the end of all years": ("9999-06-01", None),
    "in a while": ("9998-01-01T00:00Z", 253_339_228_800_000),
}


@pytest.mark.parametrize(("text", "expected"), TIMES.values(), ids=TIMES)
def test_times(text, expected):
    """A time is read where it can mean one thing only; one without offset is the park's."""
    assert expected == moment(text, PARK)


@pytest.mark.parametrize("text", ["", " ", "NaN", "N/A", "#N/A", "NULL", "none", "na"])
def test_no_value(text):
    """What tables write where there is no value is none."""
    assert absent(text)


@pytest.mark.parametrize("text", ["0", "-1", "inf", "-", "x"])
def test_some_value(text):
    """Everything else is looked at."""
    assert not absent(text)


FORMS = {
    "as it should be": "t,v\n1,2\n3,4\n",
    "mark of a spreadsheet": "\ufefft,v\n1,2\n3,4\n",
    "lines of another system": "t,v\r\n1,2\r\n3,4\r\n",
    "lines of an old system": "t,v\r1,2\r3,4\r",
    "quotes": '"t","v"\n"1","2"\n"3","4"\n',
    "quotes behind a mark": '\ufeff"t","v"\n"1","2"\n"3","4"\n',
    "another order": "v,t\n2,1\n4,3\n",
    "other columns": "a,v,b,t\nx,2,y,1\nx,4,y,3\n",
    "blanks in the header": " t , v \n1,2\n3,4\n",
    "empty lines": "t,v\n\n1,2\n\n3,4\n\n",
    "no end of the last line": "t,v\n1,2\n3,4",
    "rows with numbers of their own": "t,v\n1,1,2\n2,3,4\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_forms(tmp_path, text):
    """The same table is read from whatever wrote it."""
    (tmp_path / "in.csv").write_text(text, "utf-8", newline="")

    assert [["1", "2"], ["3", "4"]] == [list(cells) for _, cells in cells_of(tmp_path / "in.csv", ["t", "v"])]


UNREADABLE = {
    "another separator": (b"t;v\n1;2\n", "has no column 't', but 't;v'"),
    "a line before the header": (b"# of a meter\nt,v\n", "has no column 't', but '# of a meter'"),
    "nothing": (b"", "has no column 't', but nothing"),
    "another code": ("t,v\n1,\u6b63\u5e38\n".encode("gbk"), "no CSV in UTF-8"),
    "two bytes a letter": ("t,v\n1,2\n".encode("utf-16"), "no CSV in UTF-8"),
    "cells too few": (b"t,v\n1\n", "line 2: 1 cells; the header has 2"),
    "an endless cell": (b"t,v\n1," + b"9" * 200_000 + b"\n", "line 2: is no CSV"),
}


@pytest.mark.parametrize(("content", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(tmp_path, content, words):
    """What is no such table is said in one sentence that names the file."""
    (tmp_path / "in.csv").write_bytes(content)

    with pytest.raises(UserError) as why:
        list(cells_of(tmp_path / "in.csv", ["t", "v"]))

    assert words in str(why.value)
    assert str(tmp_path / "in.csv") in str(why.value)


POINT = '[[file.point]]\ncolumn = "v"\ndevice = "m"\nmetric = "power"\n'
FILE = f'[[file]]\npath = "in.csv"\ntime = "t"\n{POINT}'
PAPER = 'tenant = "x"\ntype = "holiday"\nfrom = 2026-02-10\nto = 2026-02-20\n'
MAPS = {
    "files that are texts": ('file = ["in.csv"]\n', "file is written"),
    "points that are texts": ('[[file]]\npath = "in.csv"\ntime = "t"\npoint = ["v"]\n', "file 1: point is written"),
    "a paper that is a number": (f"paper = 3\n{FILE}", "paper is written"),
    "papers that are texts": (f'paper = ["x"]\n{FILE}', "paper is written"),
    "a unit that is a list": (f'{FILE}unit = ["kW"]\n', "unit is missing, or no text"),
    "a paper that ends before it begins": (
        f"{FILE}[[paper]]\n{PAPER.replace('2026-02-20', '2026-01-20')}", "to 2026-01-20 is before from 2026-02-10",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MAPS.values(), ids=MAPS)
def test_wrong_map(tmp_path, text, words):
    """What is wrong with a map is one sentence that names it."""
    (tmp_path / "map.toml").write_text(text)

    with pytest.raises(UserError) as why:
        read_map(tmp_path / "map.toml")

    assert words in str(why.value)


@pytest.mark.parametrize("brackets", ["[[paper]]", "[paper]"])
def test_one_paper(tmp_path, brackets):
    """A single table in single brackets is a list of one; dates need no quotes; a spreadsheet's mark is no word."""
    (tmp_path / "map.toml").write_text(f"\ufeff{FILE}{brackets}\n{PAPER}", "utf-8")

    assert ["x"] == [paper.tenant for paper in read_map(tmp_path / "map.toml").papers]


def test_map_of_the_page(tmp_path):
    """The map that the page of recorded tables shows is one, and says what the page says of it."""
    page = (Path(__file__).parents[2] / "docs" / "replay.md").read_text("utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "map.toml").write_text(text)
    plan = read_map(tmp_path / "map.toml")
    column, paper = plan.tables[0].columns[0], plan.papers[0]

    assert {"park", "file", "paper"} == set(tomllib.loads(text))
    assert (("main kWh", 40.0), ("tool works", "holiday")) == (
        (column.name, column.reading("1")), (paper.tenant, paper.kind),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "unit", "expected"),
    [("temperature", "\N{DEGREE CELSIUS}", 21.5), ("water", "\N{SQUARE M CUBED}", 21.5), ("power", "W", 0.0215)],
)
def test_units(tmp_path, metric, unit, expected):
    """Units are known by the signs that keyboards have for them, and values come in the metric's own."""
    text = FILE.replace('"power"', f'"{metric}"')
    (tmp_path / "map.toml").write_text(f'{text}unit = "{unit}"\n', "utf-8")

    (table,) = read_map(tmp_path / "map.toml").tables

    assert expected == pytest.approx(table.columns[0].reading("21.5"))
