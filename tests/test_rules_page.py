"""docs/rules.md is the shipped table, with its basis."""

import os
from pathlib import Path

from park.measures import MEASURES
from stream.rules import life_safety, parse, shipped
from stream.rules_page import page

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"


def test_is_committed():
    """The page is what the code says (GOLDEN=1 rewrites it)."""
    said = page(parse(shipped()))
    if os.environ.get("GOLDEN"):
        PAGE.write_text(said, "utf-8")

    assert said == PAGE.read_text("utf-8")


def test_every_rule_with_its_basis():
    """Every rule stands on the page with what it rests on, and what lives hang on is marked."""
    text = page(parse(shipped())).split("What to do")[0]
    lines = {
        line.split("|")[1].strip().strip("*").strip("`"): line for line in text.splitlines() if line.count("|") == 8
    }

    for row in parse(shipped()):
        assert row.basis.replace("|", "\\|") in lines[row.rule], row.rule
        assert life_safety(row) == lines[row.rule].startswith("| **"), row.rule


def test_every_measure_is_made():
    """Each measure is held to a rule of the shipped table or of another stage's own, and is on the page."""
    text = page(parse(shipped()))

    assert [] == [name for name in MEASURES if f"| `{name}` |" not in text]
    assert {"voltage_unbalance", "energy_imbalance", "night_stay"} <= {row.metric for row in parse(shipped())}
