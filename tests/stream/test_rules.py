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
BROKEN |= {  # table -> what is said
    "line": ("# a remark\n" + GOOD.replace("high = 70", "high = true"), "line 9: rule 'hot': high"),
    "line of the second": (
        GOOD + GOOD.replace('"hot"', '"hotter"').replace("on_delay = 1.5", "for = 'soon'"),
        "line 18:",
    ),
    "no duration": (GOOD.replace("on_delay = 1.5", "for = '5 minutes'"), "for '5 minutes' is no duration"),
    "said twice": (GOOD + "for = 3\n", "rule 'hot': for and on_delay are the same"),
    "dead band without room": (GOOD + "low = 60\ndead_band = 6\n", "dead_band 6.0 leaves no room"),
    "hours": (GOOD + 'hours = ["8-18"]\n', "hours '8-18'"),
    "no hours": (GOOD + 'hours = ["08:00-08:00"]\n', "hours '08:00-08:00'"),
    "days": (GOOD + 'days = ["someday"]\n', "days 'someday'"),
    "dates": (GOOD + "valid_from = 2026-02-01\nvalid_to = 2026-01-01\n", "valid_to is not after"),
    "no date": (GOOD + 'valid_from = "soon"\n', "valid_from 'soon' is no date"),
    "places": (GOOD + 'places = ["A-101"]\n', "places is no list of numbers"),
    "window": (GOOD + 'window = "7h"\n', "window does not divide a day"),
    "state": (GOOD.replace('"temperature"', '"switch"') + 'window = "1h"\n', "window says nothing for switch"),
    "usual alone": (GOOD + "usual = 7\n", "window must be given"),
    "too little is usual": (GOOD + 'window = "1h"\nusual = 2\n', "usual 2"),
    "floor of nothing": (GOOD + 'window = "1h"\nfloor = 2\n', "floor is of rules against the usual"),
    "window of a measure": (GOOD.replace('"temperature"', '"night_stay"') + 'window = "1h"\n', "window usual"),
    "finding without a window": (
        GOOD.replace('metric = "temperature"', 'finding = "occupancy"'),
        "window must be given",
    ),
    "unknown reason": (
        GOOD.replace('metric = "temperature"', 'finding = "occupancy"') + 'window = "1h"\nreasons = ["x"]\n',
        "reasons 'x'",
    ),
    "reasons of a value": (GOOD + 'reasons = ["stuck"]\n', "reasons are of findings"),
    "a name with a blank": (GOOD.replace('"hot"', '"hot room"'), "rule 'hot room'"),
    "same scope twice": ((GOOD + "places = [1]\n") * 2, "rule 'hot': stands twice"),
    "labels": (GOOD + "labels = 3\n", "labels is no table"),
    "life safety at night only": (
        GOOD.replace('"temperature"', '"co"') + 'hours = ["08:00-18:00"]\n',
        "hours cannot be given",
    ),
    "life safety until": (
        GOOD.replace('"temperature"', '"co"') + "valid_to = 2027-01-01\n",
        "valid_to cannot be given",
    ),
    "a fire rule for a place": (GOOD.replace('"hot"', '"fire.heat"') + "places = [1]\n", "places cannot be given"),
    "too many": ("[[limit]]\n" * 2_001, "2000 are the most"),
    "too long": ("#" * 300_000, "longer than"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_table(text, words):
    """A broken table says which rule and which field, in one sentence."""
    with pytest.raises(SettingsError) as why:
        parse(text)

    assert words in str(why.value)
    assert "\n" not in str(why.value)


WORDS = """
[[limit]]
rule = "night"
metric = "power"
severity = "紧急"
high = 2
floor = 3
window = "1h"
usual = 42
valid = 0.75
for = "1h30m"
keep_firing_for = 90
hours = ["22:00-05:00"]
days = ["workday"]
places = [12, 13]
channels = [""]
valid_from = 2026-03-01
basis = "I: a test"
version = 2026-01-01
labels = { team = "power" }
[limit.annotations]
runbook_zh = "看一看"
"""


def test_words():
    """Every word of a rule is read: Prometheus' durations and labels, Chinese severities, hours, days and dates."""
    (row,) = parse(WORDS)

    assert ("critical", 5_400_000, 90_000, 3_600_000, 42, 0.75, 3.0) == (
        row.severity, row.on_delay, row.off_delay, row.window, row.usual, row.valid, row.floor,
    )  # fmt: skip
    assert (((1320, 300),), ("workday",), (12, 13), ("",), "2026-01-01") == (
        row.hours, row.days, row.places, row.channels, row.version,
    )  # fmt: skip
    assert (1_772_294_400_000, (("team", "power"),), (("runbook_zh", "看一看"),)) == (
        row.valid_from, row.labels, row.annotations,
    )  # fmt: skip


def test_one_name_several_places():
    """A name may stand again for a narrower scope."""
    assert 2 == len(parse(GOOD + GOOD + "places = [12]\n"))


def test_new_rules_speak_to_people():
    """Each shipped rule on a measure that an officer must act on says what to do, in both languages."""
    told = {row.rule: dict(row.annotations) for row in parse(shipped()) if row.severity in {"high", "medium"}}

    for name in ("voltage_unbalance", "energy_loss", "night_stay", "nmhc_hour", "idle_discharge", "crowd_zone"):
        assert {"summary_zh", "summary_en", "runbook_zh", "runbook_en"} <= told[name].keys(), name
