"""When and where rules hold: hours, day types, dates, places; and what a condition does when its hours end."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from contract import MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st
from test_limits import CONFIG, run, tick

from park.events import AlarmState
from park.records import Config, LimitRow, PlaceRow, PointRow
from stream.limits import Limits
from stream.scopes import fitting, in_force

CHINA = timezone(timedelta(hours=8))
ON, OFF = AlarmState.ACTIVE, AlarmState.CLEARED


def rule(name="r", **more):
    return LimitRow(name, "temperature", "low", "I: a test", high=70.0, **more)


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp() * 1000)


DAY_RULE = {"hours": ((8 * 60, 18 * 60),)}
NIGHT = {"hours": ((22 * 60, 5 * 60),)}
TIMES = {
    "always": ({}, "2026-01-01T03:00", True),
    "inside": (DAY_RULE, "2026-03-02T08:00", True),
    "at the end": (DAY_RULE, "2026-03-02T18:00", False),
    "before midnight": (NIGHT, "2026-03-02T23:00", True),
    "after midnight": (NIGHT, "2026-03-03T04:59", True),
    "in the morning": (NIGHT, "2026-03-03T05:00", False),
    "until midnight": ({"hours": ((22 * 60, 1440),)}, "2026-03-02T23:59", True),
    "from midnight": ({"hours": ((0, 60),)}, "2026-03-02T00:00", True),
    "a second span": ({"hours": ((60, 120), (300, 360))}, "2026-03-02T05:30", True),
    "a workday": ({"days": ("workday",)}, "2026-03-02T12:00", True),
    "a Sunday": ({"days": ("workday",)}, "2026-03-08T12:00", False),
    "a make-up Sunday": ({"days": ("workday",)}, "2024-04-28T12:00", True),
    "National Day": ({"days": ("rest",)}, "2026-10-01T12:00", True),
    "New Year's Day by the moon": ({"days": ("workday",)}, "2026-02-17T12:00", False),
    "a weekday a week before it": ({"days": ("workday",)}, "2026-02-11T12:00", True),
    "a Friday": ({"days": ("fri", "sat")}, "2026-03-06T12:00", True),
    "the night belongs to its evening": (NIGHT | {"days": ("fri",)}, "2026-03-07T03:00", True),
    "and not to its morning": (NIGHT | {"days": ("sat",)}, "2026-03-07T03:00", False),
    "not yet": ({"valid_from": at("2026-03-02T00:00")}, "2026-03-01T23:59", False),
    "from its day on": ({"valid_from": at("2026-03-02T00:00")}, "2026-03-02T00:00", True),
    "no more": ({"valid_to": at("2026-03-02T00:00")}, "2026-03-02T00:00", False),
}


@pytest.mark.parametrize(("words", "time", "holds"), TIMES.values(), ids=TIMES)
def test_in_force(words, time, holds):
    """A rule holds in its hours, on its days, between its dates, by the park's clock."""
    assert holds == in_force(rule(**words), at(time))


def test_park_clock():
    """Hours are those of the park: a park elsewhere has its own."""
    assert not in_force(rule(**DAY_RULE), at("2026-03-02T08:00"), offset=0)


def test_park_calendar():
    """Days are those of the park's calendar: one without holidays rests on weekends only."""
    workday = rule(days=("workday",))

    assert (False, True) == tuple(in_force(workday, at("2026-10-01T12:00"), calendar=c) for c in ("CN", "none"))


class TestFitting:
    def test_narrowest(self):
        """Of one name the innermost place holds, then the park, then kinds; other names are left alone."""
        every, park, building, unit = rule(), rule(parks=(9,)), rule(places=(10,)), rule(places=(11,))
        other = rule("other", kinds=("sensor",))
        table = (unit, every, building, park, other)

        assert {unit, other} == set(fitting(table, (11, 10, 9), park=9, kind="sensor"))
        assert {building} == set(fitting(table, (12, 10, 9), park=9, kind="meter"))
        assert {park} == set(fitting(table, (13, 9), park=9, kind="meter"))
        assert {every} == set(fitting(table, (20,), park=8, kind="meter"))

    def test_channels(self):
        """A rule for phases leaves line voltages alone."""
        assert () == fitting((rule(channels=("a", "b", "c")),), (9,), park=9, channel="ab")


SHIFT = rule("shift", hours=((8 * 60, 8 * 60 + 10),), on_delay=2 * MINUTE, off_delay=5 * MINUTE)  # START is midnight
EIGHT = 8 * 3600
SCHEDULED = Config(1, START, CONFIG.points, CONFIG.devices, CONFIG.places, (SHIFT,))


class TestSchedule:
    def test_ends_with_its_hours(self):
        """A condition of a rule with hours ends when they are over, whatever the value does."""
        told = run((1, 90, EIGHT), (1, 90, EIGHT + 300), tick(EIGHT + 600), (1, 90, EIGHT + 700), config=SCHEDULED)

        assert [("limit.shift", ON, EIGHT + 120, 90.0), ("limit.shift", OFF, EIGHT + 600, 90.0)] == told

    def test_outside_nothing_begins(self):
        """Outside its hours a rule neither begins nor waits."""
        assert [] == run((1, 90, EIGHT - 300), (1, 90, EIGHT - 1), (1, 20, EIGHT), tick(EIGHT + 500), config=SCHEDULED)
        assert [] == run((1, 90, EIGHT + 590), tick(EIGHT + 600), tick(EIGHT + 900), config=SCHEDULED)

    def test_moved_place(self):
        """When a place moves within the tree, its points follow to the rules there."""
        inside = rule("inside", places=(20,))
        places = (*CONFIG.places, PlaceRow(10, 9, 9, "unit", "u"), PlaceRow(20, 9, 9, "building", "b"))
        before = Config(1, START, CONFIG.points, CONFIG.devices, places, (inside,))
        moved = Config(2, START + 2_000, places=(PlaceRow(10, 9, 20, "unit", "u"),))

        assert [("limit.inside", ON, 3, 90.0)] == run((1, 90, 1), moved, (1, 90, 3), config=before)

    def test_raised_twice_in_a_millisecond(self):
        """A condition that ends and comes again within a millisecond is another one, with an id of its own."""
        from park.readings import batch_of
        from stream.pipeline import Pipeline

        told = []
        pipeline = Pipeline(lambda d: (Limits(d),))
        pipeline.run(Config(1, START, CONFIG.points, CONFIG.devices, CONFIG.places, (rule(),)), told.append)
        values = [(1, START + n, v, 0, START) for n, v in enumerate((90.0, 20.0, 90.0, 20.0))]
        pipeline.operators[0].on_batch(batch_of(values), told.append)

        assert [ON, OFF, ON, OFF] == [e.state for e in told]
        assert 2 == len({e.condition_id for e in told})
        assert 4 == len({e.id for e in told})


VALUES = st.sampled_from([20.0, 71.0, 90.0])
POINT = PointRow(1, "temperature", 1, 10, 9)
HOURLY = rule("hourly", hours=((0, 5), (7, 12)), on_delay=MINUTE, off_delay=MINUTE)
TestScheduledContract = contract_of(
    Case(
        "scheduled", lambda d: (Limits(d),), replace(SCHEDULED, points=(POINT,), limits=(HOURLY, rule())),
        rows([1], VALUES, span=15 * MINUTE, delays=(0, 500)),
    )
)  # fmt: skip
