"""Windows of readings."""

from dataclasses import replace

import pytest
from hypothesis import strategies as st

from park.events import Level
from park.metrics import Lane
from park.readings import Quality
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.meters import Meters
from stream.quality import QualityGate
from stream.rollups import LATENESS, Rollups
from tests.stream.contract import DAY, HOUR, MINUTE, START, Case, contract_of, records_of, rows, run, started

FAST, QUARTERLY, HOURLY, REGISTER, USE, DOOR, ABROAD = 1, 2, 3, 4, 5, 6, 7
CONFIG = Config(
    1, START,
    points=(PointRow(FAST, "power", 11, 5, 1, interval=10_000),
            PointRow(QUARTERLY, "temperature", 11, 5, 1, interval=15 * MINUTE),
            PointRow(HOURLY, "humidity", 11, 5, 1, interval=HOUR),
            PointRow(REGISTER, "energy", 11, 5, 1, interval=15 * MINUTE),
            PointRow(USE, "energy_use", 11, 5, 1, interval=15 * MINUTE, source=REGISTER),
            PointRow(DOOR, "people_in", 11, 5, 1, interval=MINUTE),
            PointRow(ABROAD, "power", 12, 6, 2, interval=10_000)),
    devices=(DeviceRow(11, 1, 5, Lane.BULK, "meter"), DeviceRow(12, 2, 6, Lane.BULK, "meter")),
    places=(PlaceRow(1, 1, 0, "park", "a park"), PlaceRow(5, 1, 1, "unit", "a unit"),
            PlaceRow(2, 2, 0, "park", "a park in London", utc_offset=0), PlaceRow(6, 2, 2, "unit", "a unit")),
)  # fmt: skip
CASE = Case("rollups", lambda directory: (Rollups(directory),), CONFIG, st.nothing())

_values = st.sampled_from([0.0, 0.5, -3.0, 20.25, 1000.0])
TestRollupsContract = contract_of(
    Case(
        "rollups", lambda d: (Rollups(d),), CONFIG,
        rows([FAST, QUARTERLY, HOURLY, USE, DOOR, ABROAD], _values, step=5_000, span=2 * HOUR,
             qualities=(Quality.GOOD, Quality.GOOD, Quality.LATE, Quality.RETAINED, Quality.OUT_OF_RANGE),
             delays=(0, 500, 90_000, -30_000, 20 * MINUTE, 2 * DAY)),
        event_time=True, lateness=LATENESS,
    )
)  # fmt: skip
TestDenseRollupsContract = contract_of(
    Case(
        "dense rollups", lambda d: (Rollups(d),), CONFIG,
        rows([FAST, DOOR], _values, step=500, span=4 * MINUTE, delays=(0, 119_000)), event_time=True, lateness=LATENESS,
    )
)  # fmt: skip
TestStoreStagesContract = contract_of(
    Case(
        "store stages", lambda d: (QualityGate(d), Meters(d), Rollups(d)), CONFIG,
        rows([FAST, REGISTER, DOOR], st.sampled_from([0.0, 64.0, 128.0, 192.0]), step=225_000, span=8 * HOUR),
        guarded=True,
    )
)  # fmt: skip


def at(second, value, quality=Quality.GOOD, point=FAST, later=0):
    """Return a reading `second` s after the start."""
    ts = START + int(second * 1_000)
    return (point, ts, value, int(quality), ts + later)


def windows(level, *items, point=FAST):
    """Return the windows of a point by the minute they begin: count, total, low, high, last, last_ts, good, bad."""
    told = run(started(CASE), records_of(items)).windows
    return {(start - START) // MINUTE: w for (lv, p, start), w in told.items() if (lv, p) == (level, point)}


class TestWindows:
    def test_gauge(self):
        """A window holds count, sum, extremes, the last value and the time that good readings stand for."""
        items = [at(5 + 10 * n, v) for n, v in enumerate([1.0, 5.0, 3.0, 2.0, 2.0, 4.0])]

        assert windows(Level.MINUTE, *items) == {0: [6, 17.0, 1.0, 5.0, 4.0, START + 55_000, MINUTE, 0]}

    @pytest.mark.parametrize(
        ("point", "levels"),
        [(FAST, "1m 15m 1h 1d"), (QUARTERLY, "1h 1d"), (HOURLY, "1d"), (USE, "15m 1h 1d"), (DOOR, "15m 1h 1d")],
    )
    def test_levels(self, point, levels):
        """A level is kept where its windows hold two promised readings, and from 15 minutes on for use."""
        told = run(started(CASE), records_of([at(5, 1.0, point=point)])).windows

        assert " ".join(level for level, _, _ in told) == levels

    def test_park_day(self):
        """A day is a day of the park: it begins at midnight there."""
        items = [at(s, 1.0, point=p) for s in (0, 16 * 3_600 - 1, 16 * 3_600) for p in (FAST, ABROAD)]

        assert {m: w[0] for m, w in windows(Level.DAY, *items).items()} == {0: 3}
        assert {m: w[0] for m, w in windows(Level.DAY, *items, point=ABROAD).items()} == {-960: 1, 480: 2} or {
            m: w[0] for m, w in windows(Level.DAY, *items, point=ABROAD).items()
        } == {-960: 1}

    def test_late_data(self):
        """What comes a day late is added to its windows at every level."""
        items = [at(5, 1.0), at(10, 9.0, Quality.LATE, later=2 * DAY), at(2 * 86_400 + 20, 1.0)]

        assert windows(Level.MINUTE, *items)[0][:2] == [2, 10.0]
        assert windows(Level.QUARTER, *items)[0][:6] == [2, 10.0, 1.0, 9.0, 9.0, START + 10_000]
        assert windows(Level.DAY, *items)[0][:2] == [2, 10.0]

    def test_doubtful(self):
        """Readings that are not good for history are counted apart."""
        items = [at(5, 1.0), at(10, 1e9, Quality.OUT_OF_RANGE), at(15, 2.0, Quality.TEST)]

        assert windows(Level.HOUR, *items)[0] == [1, 1.0, 1.0, 1.0, 1.0, START + 5_000, 15_000, 2]

    def test_only_doubtful(self):
        """A window without a good reading says so, and holds no infinity."""
        assert windows(Level.MINUTE, at(5, 1e9, Quality.OUT_OF_RANGE)) == {0: [0, 0.0, 0.0, 0.0, 0.0, 0, 0, 1]}

    def test_retained_amount(self):
        """A retained count is not counted twice; a retained level counts as a level."""
        assert windows(Level.QUARTER, at(5, 3.0, point=DOOR), at(6, 3.0, Quality.RETAINED, DOOR), point=DOOR)[0][0] == 1
        assert windows(Level.QUARTER, at(5, 3.0), at(6, 3.0, Quality.RETAINED))[0][0] == 2

    def test_silence(self):
        """Where a device was silent, the good time of its window says so."""
        items = [at(5 + 10 * n, 1.0) for n in (0, 1)]

        assert windows(Level.MINUTE, *items)[0][6] == 25_000
        assert windows(Level.HOUR, *items)[0][6] == 25_000

    def test_regular_device_is_good_all_the_time(self):
        """A device that speaks as promised has nothing but good time, wherever its readings fall."""
        items = [at(60 * n + 17, 1.0, point=DOOR) for n in range(60)]

        assert windows(Level.HOUR, *items, point=DOOR)[0][6] == HOUR

    def test_told_once(self):
        """A window is told once, when log time has passed it by the lateness bound, and not before."""
        pipeline = started(CASE)
        events = []
        for record in records_of([at(5, 1.0), at(65, 1.0), at(125, 1.0), at(185, 1.0)], after=0):
            pipeline.run(record, lambda e, now=record: events.append((now.now, e.level, e.start.tolist())))

        assert events == [(START + 3 * MINUTE, Level.MINUTE, [START])]

    def test_sums_agree(self):
        """Every level holds the same count and sum."""
        items = [at(37 * n, float(n % 7)) for n in range(500)]

        sums = {level: sum(w[1] for w in windows(level, *items).values()) for level in Level}

        assert set(sums.values()) == {sum(float(n % 7) for n in range(500))}


def test_new_interval():
    """A point whose interval changes goes on in the levels that it is kept in now."""
    row = replace(CONFIG.points[0], interval=HOUR)
    first, later = records_of([at(5, 1.0)], after=0)[:2], records_of([at(3_700, 2.0)])
    told = run(started(CASE), [*first, Config(2, START, points=(row,)), *later]).windows

    assert [w[0] for (level, _, _), w in told.items() if level is Level.DAY] == [2]
