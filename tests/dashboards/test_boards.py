"""Dashboards made from the catalogue, and the files that are committed of them."""

import json
import os
from pathlib import Path

import pytest

from dashboards import rows
from dashboards.boards import boards
from dashboards.panels import WIDTH
from dashboards.provisioning import CONSOLE, FOLDER, committed, differences
from dashboards.queries import filled, quoted, text_of
from park.metrics import METRICS, Kind

FILES = Path(__file__).parents[2] / "dashboards" / "grafana"


@pytest.fixture(scope="module")
def made():
    return boards(CONSOLE)


def queries_of(board):
    return [t.get("query") or t["rawSql"] for p in board["panels"] for t in p.get("targets", ())]


class TestFiles:
    def test_committed(self):
        """What Grafana reads at its start is what the code makes; GOLDEN=1 writes it anew."""
        made = committed()
        if os.environ.get("GOLDEN"):
            for name, text in made.items():
                (FILES / name).parent.mkdir(parents=True, exist_ok=True)
                (FILES / name).write_text(text, encoding="utf-8")
        there = {
            f.relative_to(FILES).as_posix(): f.read_text(encoding="utf-8") for f in FILES.rglob("*") if f.is_file()
        }

        assert dict(made) == there

    def test_no_secrets(self):
        """No file holds a password or a token; it names the file that does."""
        secure = [
            s["secureJsonData"] for s in json.loads(committed()["provisioning/datasources/park.yaml"])["datasources"]
        ]

        assert all("$__file{/run/secrets/" in value for one in secure for value in one.values())


class TestBoards:
    def test_every_metric_is_shown(self, made):
        """A metric of the catalogue has its chart; a register is shown by its use."""
        asked = "\n".join(q for board in made.values() for q in queries_of(board))
        shown = {name for name in METRICS if f"..{quoted(name)}" in asked}

        assert {name for name, m in METRICS.items() if m.kind is not Kind.REGISTER} == shown

    def test_every_sql_query_is_asked(self, made):
        """No query lies about unused."""
        asked = {q for board in made.values() for q in queries_of(board)}
        asked |= {v["query"] for b in made.values() for v in b["templating"]["list"]}
        unused = [name for name in rows.names() if rows.query(name) not in asked]

        assert [] == unused

    @pytest.mark.parametrize("uid", sorted(boards(CONSOLE)))
    def test_panels_fit(self, made, uid):
        """Panels have numbers of their own, stay on the grid and do not overlap."""
        cells = set()
        for panel in made[uid]["panels"]:
            grid = panel["gridPos"]
            own = {
                (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
            }
            assert not own & cells
            assert grid["x"] + grid["w"] <= WIDTH
            cells |= own
        numbers = [p["id"] for p in made[uid]["panels"]]

        assert sorted(set(numbers)) == numbers

    def test_links_lead_somewhere(self, made):
        """Every dashboard links to the console and to all others."""
        for uid, board in made.items():
            urls = {link["url"] for link in board["links"]}

            assert {CONSOLE, *(f"/d/{other}" for other in made if other != uid)} == urls

    def test_titles(self, made):
        """Grafana refuses a dashboard with its folder's title."""
        assert FOLDER["title"] not in {board["title"] for board in made.values()}


class TestDifferences:
    def test_same(self, made):
        """Numbers that Grafana gives are no difference."""
        board = made["park-city"]

        assert [] == differences(board, {**board, "id": 7, "version": 3})

    def test_not_there(self, made):
        """A dashboard that is missing is told."""
        assert ["is not there"] == differences(made["park-city"], None)

    def test_changed_by_hand(self, made):
        """A panel that somebody changed is named, and one that is not ours."""
        board = made["park-city"]
        first = {**board["panels"][0], "title": "x"}
        theirs = {**board, "panels": [first, *board["panels"][1:], {"id": 99, "title": "own"}], "time": {}}

        assert ["panel '园区 · Parks' differs", "panel 'own' is not ours", "time differs"] == differences(board, theirs)


class TestWords:
    @pytest.mark.parametrize(
        ("word", "expected"), [("a", "'a'"), ("a'b", "'a\\'b'"), ("\\", "'\\\\'")], ids=["plain", "quote", "backslash"]
    )
    def test_text(self, word, expected):
        """A string of InfluxQL cannot be left from inside."""
        assert expected == text_of(word)

    def test_unknown_variable(self):
        """A query whose variable nobody fills is told, not sent."""
        with pytest.raises(KeyError):
            filled("SELECT $what", {}, start=0, end=1)
