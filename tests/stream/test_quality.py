"""The quality gate: marks, duplicates, clocks, counts."""

import numpy as np
import pytest
from hypothesis import strategies as st

from park.events import Reason, Status
from park.metrics import Lane
from park.readings import Quality
from park.records import Command, Config, DeviceRow, PlaceRow, PointRow, Verb
from stream.quality import QualityGate
from tests.stream.contract import HOUR, MINUTE, START, Case, Told, contract_of, records_of, rows, run, started

POWER, SMOKE, TESTED, DOOR = 1, 2, 3, 4
CONFIG = Config(
    1, START,
    points=(PointRow(POWER, "power", 11, 5, 1), PointRow(SMOKE, "smoke", 12, 5, 1),
            PointRow(TESTED, "voltage", 13, 5, 1), PointRow(DOOR, "people_in", 11, 5, 1)),
    devices=(DeviceRow(10, 1, 5, Lane.BULK, "gateway"), DeviceRow(11, 1, 5, Lane.BULK, "meter", gateway=10),
             DeviceRow(12, 1, 5, Lane.LIFE, "smoke_detector"), DeviceRow(13, 1, 5, Lane.BULK, "meter", mode="test")),
    places=(PlaceRow(1, 1, 0, "park", "a park"), PlaceRow(5, 1, 1, "unit", "a unit")),
)  # fmt: skip
CASE = Case("quality", lambda directory: (QualityGate(directory),), CONFIG, st.nothing())


def gone(*items) -> list[tuple[float, int]]:
    """Return value and quality of what goes on."""
    return [(row[2], row[3]) for row in run(started(CASE), records_of(items)).readings]


def at(point, second, value, quality=Quality.GOOD, later=0):
    """Return a reading `second` s after the start, received `later` ms after its time."""
    return (point, START + second * 1_000, value, int(quality), START + second * 1_000 + later)


_values = st.sampled_from([0.0, 1.0, 2.0, 5.0, 1e9, -0.0])
_qualities = (Quality.GOOD, Quality.GOOD, Quality.LATE, Quality.RETAINED, Quality.WRONG_CLOCK)
TestQualityContract = contract_of(
    Case(
        "quality", lambda d: (QualityGate(d),), CONFIG,
        rows([POWER, TESTED, DOOR], _values, step=20_000, qualities=_qualities),
        guarded=True,
    )
)  # fmt: skip
TestLifeQualityContract = contract_of(
    Case(
        "life quality", lambda d: (QualityGate(d),), CONFIG,
        rows([SMOKE, POWER], st.sampled_from([0.0, 1.0]), step=120_000, qualities=_qualities),
    )
)  # fmt: skip


TestBurstContract = contract_of(
    Case(
        "burst", lambda d: (QualityGate(d),), CONFIG,
        rows([POWER], st.sampled_from([0.0, 1.0]), step=1_000, span=60_000, max_size=60, qualities=_qualities,
             delays=(100_000,)),
        guarded=True,
    )
)  # fmt: skip
TestLifeBurstContract = contract_of(
    Case(
        "life burst", lambda d: (QualityGate(d),), CONFIG,
        rows([SMOKE], st.sampled_from([0.0, 1.0]), step=1_000, span=60_000, max_size=60, qualities=_qualities,
             delays=(100_000,)),
    )
)  # fmt: skip


class TestMarks:
    @pytest.mark.parametrize(
        ("value", "quality"), [(5.0, Quality.GOOD), (1e9, Quality.OUT_OF_RANGE), (np.inf, Quality.OUT_OF_RANGE)]
    )
    def test_range(self, value, quality):
        """A value that its metric cannot be is marked, and kept."""
        assert gone(at(POWER, 0, value)) == [(value, quality)]

    def test_nan(self):
        """A value that is no number is marked."""
        assert [q for _, q in gone(at(POWER, 0, np.nan))] == [Quality.OUT_OF_RANGE]

    def test_older_than_newest(self):
        """A reading older than what its point has said is late, not news."""
        items = (at(POWER, 60, 1.0), at(POWER, 30, 2.0, later=40_000))

        assert gone(*items) == [(1.0, Quality.GOOD), (2.0, Quality.LATE)]

    def test_correction(self):
        """The same time with another value is a correction of the past, kept as late."""
        assert gone(at(POWER, 60, 1.0), at(POWER, 60, 2.0)) == [(1.0, Quality.GOOD), (2.0, Quality.LATE)]

    def test_back_fill_does_not_age_the_present(self):
        """Back-filled and retained readings leave what is newest as it was."""
        items = (
            at(POWER, 60, 1.0, Quality.LATE),
            at(POWER, 61, 1.5, Quality.RETAINED),
            at(POWER, 30, 2.0, later=50_000),
        )

        assert [q for _, q in gone(*items)] == [Quality.LATE, Quality.RETAINED, Quality.GOOD]

    def test_device_under_test(self):
        """Readings of a device under test are set apart."""
        assert gone(at(TESTED, 0, 230.0)) == [(230.0, Quality.TEST)]

    def test_command_sets_apart_and_back(self):
        """A person puts a device into maintenance and takes it back."""

        def mode(second, word):
            return Command(Verb.MODE, START + second * 1_000, "Wang", device=11, arguments={"mode": word})

        items = (at(POWER, 0, 1.0), mode(1, "maintenance"), at(POWER, 2, 1.0), mode(3, "normal"), at(POWER, 4, 1.0))

        assert [q for _, q in gone(*items)] == [Quality.GOOD, Quality.MAINTENANCE, Quality.GOOD]


class TestDuplicates:
    def test_same_time_and_value(self):
        """The same point, time and value is dropped, also some readings later."""
        items = (at(POWER, 1, 5.0), at(POWER, 1, 5.0), at(POWER, 2, 5.0), at(POWER, 1, 5.0, later=2_000))

        assert gone(*items) == [(5.0, Quality.GOOD), (5.0, Quality.GOOD)]

    def test_same_value_at_another_time(self):
        """Equal values of different times are no duplicates."""
        assert len(gone(at(POWER, 1, 5.0), at(POWER, 2, 5.0))) == 2

    def test_retained_copy(self):
        """What a broker replays without a time of its own is dropped when we have it."""
        assert gone(at(POWER, 1, 5.0), at(POWER, 60, 5.0, Quality.RETAINED)) == [(5.0, Quality.GOOD)]

    @pytest.mark.parametrize("before", [0, 20])  # more than the memory of one point: another way through the gate
    def test_retained_copy_delivered_twice(self, before):
        """A broker's copy that was left out is known when it comes again, whatever was said meanwhile."""
        many = [(POWER, START - n, 2.0, int(Quality.GOOD), START + 60_000 + n) for n in range(before)]
        copy = at(POWER, 90, 5.0, Quality.RETAINED)
        again = (*copy[:4], START + 100_000)
        items = (at(POWER, 1, 5.0, later=88_000), *many, copy, at(POWER, 95, 7.0), again)

        assert [5.0, 7.0] == [value for value, _ in gone(*items) if value != 2.0]

    def test_retained_alarm(self):
        """A retained alarm goes on whatever we have."""
        items = (at(SMOKE, 1, 1.0), at(SMOKE, 60, 1.0, Quality.RETAINED))

        assert gone(*items) == [(1.0, Quality.GOOD), (1.0, Quality.RETAINED)]

    def test_alarm_that_differs_from_the_last(self):
        """An alarm that was followed by a normal goes on even as a duplicate; a normal does not."""
        items = (at(SMOKE, 1, 1.0), at(SMOKE, 2, 0.0), at(SMOKE, 1, 1.0, later=3_000), at(SMOKE, 2, 0.0, later=4_000))

        assert gone(*items) == [(1.0, Quality.GOOD), (0.0, Quality.GOOD), (1.0, Quality.LATE)]

    def test_burst_of_one_point(self):
        """A long store-and-forward burst of one point, delivered twice, is kept once."""
        burst = [at(POWER, n, float(n), later=(100 - n) * 1_000) for n in range(16)]

        assert gone(*burst, *burst) == [(float(n), Quality.GOOD) for n in range(16)]

    def test_counts(self):
        """Readings and duplicates are counted by gateway and hour of receipt."""
        items = (at(POWER, 0, 1.0), at(POWER, 0, 1.0), at(SMOKE, 0, 0.0), at(DOOR, 3_600, 2.0))

        counted = run(started(CASE), records_of(items)).counted

        assert counted == {(10, START): (1, 2), (0, START): (0, 1), (10, START + HOUR): (0, 1)}


class TestClocks:
    def statuses(self, *items):
        """Return what is said of devices."""
        return [(e.device, e.status, e.reason) for e in run(started(CASE), records_of(items)).events]

    def slow(self, minutes, off):
        """Return a reading a minute, `off` ms from the time of receipt."""
        return [(POWER, START + m * MINUTE - off, float(m), 0, START + m * MINUTE) for m in minutes]

    @pytest.mark.parametrize("off", [20 * MINUTE, -2 * MINUTE])
    def test_told_once_and_cleared_once(self, off):
        """A device whose clock goes wrong and right again is told twice in all."""
        items = [*self.slow(range(30), off), *self.slow(range(60, 90), 500)]

        assert self.statuses(*items) == [
            (11, Status.WRONG_CLOCK, Reason.WRONG_CLOCK),
            (11, Status.ONLINE, Reason.CLOCK_OK),
        ]

    def test_gathered_readings(self):
        """A gateway that gathers for an hour and sends all at once has no wrong clock."""
        hours = [
            (POWER, START + h * HOUR - m * MINUTE, float(h * 60 - m), 0, START + h * HOUR)
            for h in range(1, 5)
            for m in range(59, -1, -1)
        ]

        assert self.statuses(*hours) == []

    def test_back_fill(self):
        """Back-filled readings say nothing of a clock."""
        items = [(POWER, START + m * MINUTE - HOUR, 1.0, int(Quality.LATE), START + m * MINUTE) for m in range(60)]

        assert self.statuses(*items) == []


def test_slow_and_fast_ways_agree():
    """A batch of one reading a point and one with many a point leave the same state."""
    items = [at(p, s, float(s)) for s in range(20) for p in (POWER, DOOR)]
    one, many = started(CASE), started(CASE)

    run(one, records_of(items, range(60)), Told())
    run(many, records_of(items), Told())

    for name, column in one.snapshot()["quality"].items():
        assert np.array_equal(column, many.snapshot()["quality"][name]), name
