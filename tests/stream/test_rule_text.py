"""A bar put into a rule table's text: one rule more, or other numbers in one, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import SettingsError
from stream.rule_text import with_bar
from stream.rules import parse, shipped

WORDS = {"basis": "I: four marks", "version": "2026-11-21"}
OTHERS = """# a remark of ours
[[limit]]
rule = "unusual"
metric = "rarity"
points = [40, 41]
high = 9000.0  # for both
severity = "low"
basis = "I: a test"
version = 2026-01-01

# before the next
[[limit]]
rule = "warm"
metric = "temperature"
high = 35
severity = "low"
basis = "I: a test"
version = 2026-01-01
"""


def bars(text):
    return {row.points: row.high for row in parse(text) if row.rule == "unusual"}


def test_added():
    """A point without a bar of its own gets one at the end; all that stood there stands there still."""
    text = with_bar(OTHERS, 40, 12_000.0, **WORDS)

    assert {(40, 41): 9_000.0, (40,): 12_000.0} == bars(text)
    assert text.startswith(OTHERS.rstrip("\n"))


def test_changed():
    """A bar that is there already gets the new number, date and basis; no second one is added."""
    once = with_bar(OTHERS, 40, 12_000.0, **WORDS)
    twice = with_bar(once, 40, 20_000.0, basis="I: five marks", version="2026-11-22")

    (row,) = (r for r in parse(twice) if r.points == (40,))
    assert (20_000.0, "I: five marks", "2026-11-22") == (row.high, row.basis, row.version)
    assert len(once.splitlines()) == len(twice.splitlines())


def test_in_the_shipped_table():
    """The shipped table takes one, too."""
    assert len(parse(shipped())) + 1 == len(parse(with_bar(shipped(), 7, 1e300, **WORDS)))


def test_what_cannot_be_read():
    """A table that is none gets no bar."""
    with pytest.raises(SettingsError):
        with_bar("[[limit]]\nrule = 1", 7, 1.0, **WORDS)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=50).filter(str.strip), st.floats(1, 1e300))
def test_any_words(basis, days):
    """Whatever a person writes as a basis, and whatever the number, is read back as it was."""
    once = with_bar("", 7, days, basis=basis, version="2026-11-21")
    (row,) = parse(once)

    assert (basis, days, (7,)) == (row.basis, row.high, row.points)
    assert parse(with_bar(once, 7, 5.0, **WORDS))[0].high == 5.0
