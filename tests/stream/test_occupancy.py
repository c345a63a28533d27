"""People inside a zone."""

import pytest
from hypothesis import strategies as st

from park.events import Reason
from park.metrics import Lane
from park.readings import Quality
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.occupancy import Occupancy
from stream.quality import QualityGate
from tests.stream.contract import DAY, HOUR, MINUTE, START, Case, contract_of, records_of, rows, run, started

IN, OUT, SIDE_IN, INSIDE, DENSITY, ELSEWHERE, POWER = range(1, 8)
CONFIG = Config(
    1, START,
    points=(PointRow(IN, "people_in", 11, 5, 1), PointRow(OUT, "people_out", 11, 5, 1),
            PointRow(SIDE_IN, "people_in", 12, 5, 1), PointRow(INSIDE, "people_inside", 13, 5, 1),
            PointRow(DENSITY, "people_density", 13, 5, 1), PointRow(ELSEWHERE, "people_in", 14, 6, 1),
            PointRow(POWER, "power", 11, 5, 1)),
    devices=(*(DeviceRow(n, 1, 5, Lane.BULK, "door_counter") for n in (11, 12, 14)),
             DeviceRow(13, 1, 5, Lane.BULK, "zone_counter")),
    places=(PlaceRow(1, 1, 0, "park", "a park"), PlaceRow(5, 1, 1, "zone", "a hall", area=50.0),
            PlaceRow(6, 1, 1, "zone", "a yard")),
)  # fmt: skip
CASE = Case("occupancy", lambda directory: (Occupancy(directory),), CONFIG, st.nothing())

TestOccupancyContract = contract_of(
    Case(
        "occupancy", lambda d: (QualityGate(d), Occupancy(d)), CONFIG,
        rows([IN, OUT, SIDE_IN, ELSEWHERE, POWER], st.sampled_from([0.0, 1.0, 4.0, 40.0]), step=600_000, span=2 * DAY,
             qualities=(Quality.GOOD, Quality.GOOD, Quality.LATE, Quality.RETAINED)),
        guarded=True,
    )
)  # fmt: skip


def at(minute, people, point=IN, quality=Quality.GOOD, later=0):
    """Return a count of a door, `minute` minutes after midnight."""
    ts = START + int(minute * MINUTE)
    return (point, ts, people, int(quality), ts + later)


def told(*items, point=INSIDE):
    """Return (ms after midnight, people) as told of the zone."""
    return [(ts - START, v) for p, ts, v, _, _ in run(started(CASE), records_of(items, after=0)).readings if p == point]


def findings(*items):
    """Return what a person is told."""
    return run(started(CASE), records_of(items)).events


class TestPeopleInside:
    def test_in_and_out(self):
        """People inside are those who came less those who left, through all doors of the zone."""
        assert told(at(1, 3.0), at(2, 2.0, SIDE_IN), at(3, 1.0, OUT)) == [(60_000, 3), (120_000, 5), (180_000, 4)]

    def test_density(self):
        """Where the zone has an area, people per square metre are told too."""
        assert told(at(1, 100.0), point=DENSITY) == [(60_000, 2.0)]

    def test_elsewhere(self):
        """Doors of a place that is no counted zone are left alone."""
        assert told(at(1, 3.0, ELSEWHERE)) == []

    def test_same_time(self):
        """Two doors that speak at the same time give two readings of the zone at two times."""
        assert told(at(1, 3.0), at(1, 1.0, OUT)) == [(60_000, 3), (60_001, 2)]

    def test_never_below_zero(self):
        """More people out than in leave nobody inside, and the next who comes is one."""
        assert [v for _, v in told(at(1, 1.0), at(2, 3.0, OUT), at(3, 1.0))] == [1, 0, 1]

    @pytest.mark.parametrize(
        ("quality", "people"), [(Quality.LATE, 5), (Quality.RETAINED, 3), (Quality.OUT_OF_RANGE, 3)]
    )
    def test_quality(self, quality, people):
        """A late count still counts; a retained one was counted, an impossible one is none."""
        assert told(at(5, 3.0), at(4, 2.0, quality=quality, later=5 * MINUTE))[-1][1] == people

    def test_bound(self):
        """The count is told with the error that so many crossings may have made."""
        pipeline = started(CASE)
        run(pipeline, records_of([at(1, 750.0), at(2, 700.0, OUT)], after=0))

        bound = pipeline.operators[0].bound(5)

        assert (bound.inside, bound.low, bound.high) == (50, 21, 79)


class TestNight:
    EVENING, MORNING = 20 * 60, 32 * 60  # minutes

    def test_reset(self):
        """At the known-empty hour the zone is empty, and the next day begins there."""
        items = [at(self.EVENING, 2.0), at(self.MORNING, 5.0)]

        assert told(*items) == [(self.EVENING * MINUTE, 2), (28 * HOUR, 0), (self.MORNING * MINUTE, 5)]

    def test_small_drift(self):
        """A count that is off by no more than its bound is put right in silence."""
        assert findings(at(self.EVENING, 500.0), at(self.EVENING + 1, 492.0, OUT), at(self.MORNING, 5.0))[:1] == []

    def test_great_drift(self):
        """A count that is off by more than its bound is told, with the bound."""
        (finding, *_) = findings(at(self.EVENING, 500.0), at(self.EVENING + 1, 440.0, OUT))

        assert (finding.reason, finding.value, finding.ts - START) == (Reason.DRIFT_RESET, 60.0, 28 * HOUR)
        assert finding.high == pytest.approx(18.8)
        assert finding.place == 5

    def test_people_who_never_came(self):
        """A door that misses those who come in is told as well."""
        (finding, *_) = findings(at(self.EVENING, 10.0), at(self.EVENING + 1, 440.0, OUT))

        assert finding.value == -430.0

    def test_late_count_of_yesterday(self):
        """A count from before the zone was empty changes nothing any more."""
        items = [at(self.EVENING, 2.0), at(self.MORNING, 5.0), at(self.EVENING, 7.0, OUT, Quality.LATE, 14 * HOUR)]

        assert told(*items)[-1] == (self.MORNING * MINUTE, 5)
