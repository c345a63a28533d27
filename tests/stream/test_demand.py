"""The demand of a place against its contract: which meters count, when it is told, and the contract of stages."""

from dataclasses import replace

import pytest
from contract import HOUR, MINUTE, START, Case, contract_of, records_of, rows, run
from hypothesis import strategies as st

from park.events import AlarmState
from park.metrics import Lane
from park.readings import Quality
from park.records import Config, DeviceRow, LimitRow, PlaceRow, PointRow
from stream.demand import LATENESS, Demand
from stream.pipeline import Pipeline
from stream.rules import parse, shipped

ON, OFF = AlarmState.ACTIVE, AlarmState.CLEARED
OVER = LimitRow("demand", "demand_share", "medium", "I: a test", high=100.0, dead_band=5.0, version="2026-01-01")
PARK, BUILDING = PlaceRow(9, 9, 0, "park", "p"), PlaceRow(10, 9, 9, "building", "b")
UNIT = PlaceRow(11, 9, 10, "unit", "u", contracted_demand=200.0)
DEVICES = tuple(
    DeviceRow(n, 9, place, Lane.BULK, kind)
    for n, place, kind in ((1, 11, "meter"), (2, 11, "meter"), (3, 11, "sub_meter"), (4, 10, "meter"))
)
POINTS = (
    *(PointRow(d.device, "power", d.device, d.place, 9) for d in DEVICES),
    PointRow(5, "power", 1, 11, 9, channel="a"),
)
CONFIG = Config(1, START, POINTS, DEVICES, (PARK, BUILDING, UNIT), (OVER,))


def told(items, configuration=CONFIG):
    """Return (rule, subject, state, minutes since START, value) of what is said of readings."""
    pipeline = Pipeline(lambda d: (Demand(d),))
    pipeline.run(configuration, lambda _: None)
    out = run(pipeline, records_of(items, (), HOUR))
    return [(e.rule, e.subject, e.state, (e.at - START) / MINUTE, round(e.value, 1)) for e in out.events]


def steady(point, value, begin, end, quality=Quality.GOOD):
    return [(point, START + m * MINUTE, float(value), int(quality), START + m * MINUTE) for m in range(begin, end)]


def test_above_the_contract():
    """The meters of the place together are held to its contract, by the quarter hour; well below it is over."""
    items = steady(1, 150, 0, 30) + steady(2, 60, 0, 15) + steady(2, 10, 15, 30)

    assert [("limit.demand", "place:11", ON, 17.0, 105.0), ("limit.demand", "place:11", OFF, 32.0, 80.0)] == told(items)


def test_short_peaks_are_no_demand():
    """Five minutes at three times the contract are none where the quarter hour is below it."""
    assert [] == told(steady(1, 600, 0, 4) + steady(1, 10, 4, 15) + steady(2, 10, 0, 15))


@pytest.mark.parametrize("point", [3, 4, 5])
def test_other_meters(point):
    """A meter below the place's own, another place's, and a single phase are not added up."""
    assert [] == told(steady(1, 90, 0, 15) + steady(2, 90, 0, 15) + steady(point, 900, 0, 15))


@pytest.mark.parametrize("rest", [[], steady(2, 90, 0, 5), steady(2, 90, 0, 15, Quality.SUSPECT)])
def test_a_meter_that_is_not_heard(rest):
    """A quarter hour in which a meter was silent, or doubtful, for too long decides nothing."""
    assert [] == told(steady(1, 900, 0, 15) + rest)


def test_no_contract():
    """A place that has contracted nothing has no demand to exceed."""
    free = replace(CONFIG, places=(PARK, BUILDING, replace(UNIT, contracted_demand=0.0)))

    assert [] == told(steady(1, 900, 0, 15) + steady(2, 900, 0, 15), free)


def test_the_contract_changes():
    """A larger contract holds from the configuration on that tells of it."""
    pipeline, found = Pipeline(lambda d: (Demand(d),)), []
    pipeline.run(CONFIG, found.append)
    larger = Config(2, START + 1, places=(replace(UNIT, contracted_demand=500.0),))
    for record in (larger, *records_of(steady(1, 150, 0, 15) + steady(2, 60, 0, 15), (), HOUR)):
        pipeline.run(record, found.append)

    assert [] == found


def test_shipped_rules():
    """The shipped table tells of the contract's end, and of the share from which it is charged twice."""
    assert {"demand": 100.0, "demand_billed_twice": 105.0} == {
        rule.rule: rule.high for rule in parse(shipped()) if rule.metric == "demand_share"
    }


TestDemandContract = contract_of(
    Case("demand", lambda d: (Demand(d),), CONFIG,
         rows([1, 2, 3, 4], st.sampled_from([0.0, 90.0, 150.0, 1e300]), span=3 * HOUR, step=3 * MINUTE,
              qualities=(Quality.GOOD, Quality.LATE, Quality.RETAINED, Quality.SUSPECT), delays=(0, 500, 90_000)),
         event_time=True, lateness=LATENESS),
)  # fmt: skip
