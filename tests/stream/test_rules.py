"""The rule table: what is shipped, and what a broken one says."""

import pytest

from park.errors import SettingsError
from stream.rules import parse, shipped

GOOD = """
[[limit]]
rule = "hot"
metric = "temperature"
severity = "high"
basis = "I: a test"
version = "2026-01-01"
high = 70
on_delay = 1.5
"""


def test_shipped_table():
    """The shipped table can be read, and each rule says what it rests on: a grade and a source."""
    rows = parse(shipped())

    assert len(rows) > 20
    assert all(row.basis[0] in "SLOAVCKIM" and len(row.basis) > 12 for row in rows)
    assert {"over_voltage", "residual_current", "hydrant_pressure_low", "fire.heat"} <= {row.rule for row in rows}


def test_units():
    """Delays are written in seconds and kept in milliseconds."""
    (row,) = parse(GOOD)

    assert (70.0, 1500, None) == (row.high, row.on_delay, row.low)


BROKEN = {
    "no toml": ("[[limit", "TOML"),
    "another table": ("[rule]", "'rule'"),
    "not a table": ("limit = 3", "[[limit]]"),
    "no name": (GOOD.replace('rule = "hot"', ""), "limit number 1: rule"),
    "unknown metric": (GOOD.replace('"temperature"', '"warmth"'), "rule 'hot': metric 'warmth'"),
    "unknown severity": (GOOD.replace('"high"', '"loud"'), "rule 'hot': severity 'loud'"),
    "no basis": (GOOD.replace('"I: a test"', '""'), "rule 'hot': basis"),
    "unknown field": (GOOD + "hihg = 3\n", "rule 'hot': hihg"),
    "no limit": (GOOD.replace("high = 70\n", ""), "rule 'hot': high or low"),
    "no number": (GOOD.replace("high = 70", "high = true"), "rule 'hot': high True"),
    "not finite": (GOOD.replace("high = 70", "high = nan"), "rule 'hot': high nan"),
    "negative": (GOOD + "dead_band = -1\n", "rule 'hot': dead_band -1"),
    "crossed": (GOOD + "low = 80\n", "rule 'hot': low 80"),
    "kinds": (GOOD + 'kinds = "meter"\n', "rule 'hot': kinds"),
    "twice": (GOOD + GOOD, "rule 'hot': stands twice"),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_table(text, words):
    """A broken table says which rule and which field, in one sentence."""
    with pytest.raises(SettingsError) as why:
        parse(text)

    assert words in str(why.value)
    assert "\n" not in str(why.value)
