"""What every store of time series promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.errors import UserError
from park.events import Counted, Level, Rollups
from park.metrics import Lane
from park.ports import Chunk
from park.readings import Quality, batch_of
from park.settings import StoreSettings
from runtime.storage.duckdb import DuckStore
from runtime.storage.memory import MemoryStore
from tests.contracts.influx_house import InfluxHouse

T0 = 1_760_000_400_000  # an hour's start
MINUTE, QUARTER, HOUR, DAY = 60_000, 900_000, 3_600_000, 86_400_000
GATEWAYS = np.array([0, 7, 7, 8, 0, -1], np.int32)  # by point; -1: made by the stages


def gateways():
    return GATEWAYS


def memory(_):
    return MemoryStore(gateway_of=gateways)


def duck(folder):
    return DuckStore(folder, StoreSettings(duckdb_memory="200MB"), gateway_of=gateways)


HOUSE = {}  # the one InfluxDB of this run


@pytest.fixture(scope="module", autouse=True)
def served():
    HOUSE["influx"] = InfluxHouse()
    yield
    HOUSE.pop("influx").close()


def influx(_):
    return HOUSE["influx"].store(gateways)


STORES = {"memory": memory, "duckdb": duck, "influx": influx}
PARAMS = [pytest.param(n, marks=pytest.mark.server) if n == "influx" else n for n in STORES]


@pytest.fixture(params=PARAMS, ids=str)
def store(request, tmp_path):
    made = STORES[request.param](tmp_path / "series")
    yield made
    made.close()


def reading(point, ts, value, quality=Quality.GOOD, received=None):
    return (point, ts, float(value), int(quality), ts + 100 if received is None else received)


def chunk(position, *rows, lane=Lane.BULK, rollups=(), counted=()):
    return Chunk(lane, position, batch_of(rows), tuple(rollups), tuple(counted))


def part(level, *rows):
    """Return rollup parts of (point, start, values, bad)."""
    columns = [
        (p, s, len(v), sum(v), min(v, default=0), max(v, default=0), v[-1] if v else 0, s + len(v), 1000 * len(v), bad)
        for p, s, v, bad in rows
    ]
    kinds = (np.int32, np.int64, np.int32, *[np.float64] * 4, np.int64, np.int64, np.int32)
    return Rollups(level, *(np.array(c, k) for c, k in zip(zip(*columns, strict=True), kinds, strict=True)))


def rows_of(batch):
    columns = (batch.point, batch.ts, batch.value, batch.quality, batch.received)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def pairs(batch):
    return list(zip(batch.ts.tolist(), batch.value.tolist(), strict=True))


class TestReadings:
    def test_at_once(self, store):
        """What was written can be asked for before any flush, and after it, with all its columns."""
        rows = [reading(1, T0, -1.5), reading(2, T0, 2.0, Quality.LATE), reading(1, T0 + 5, 3.0, received=T0 + 9)]
        store.write(chunk(10, *rows))

        before = rows_of(store.raw(1, T0, T0 + 10, 100))
        store.flush()

        assert [rows[0], rows[2]] == before == rows_of(store.raw(1, T0, T0 + 10, 100))

    def test_rising(self, store):
        """Readings come back by time, whatever the order of arrival, from memory and disk together."""
        store.write(chunk(1, reading(1, T0 + 20, 2), reading(1, T0, 0)))
        store.flush()
        store.write(chunk(2, reading(1, T0 + 30, 3), reading(1, T0 + 10, 1)))

        assert [(T0, 0), (T0 + 10, 1), (T0 + 20, 2), (T0 + 30, 3)] == pairs(store.raw(1, T0, T0 + 99, 99))

    def test_half_open_and_limited(self, store):
        """A range holds its start but not its end, and a limit cuts from the start."""
        store.write(chunk(1, *(reading(1, T0 + i, i) for i in range(5))))

        assert [(T0 + 1, 1), (T0 + 2, 2)] == pairs(store.raw(1, T0 + 1, T0 + 3, 9))
        assert [(T0, 0)] == pairs(store.raw(1, T0, T0 + 3, 1))

    @pytest.mark.parametrize("flushed", [False, True])
    def test_twice_is_once(self, store, flushed):
        """Readings written again change nothing: the first receipt stays."""
        store.write(chunk(1, reading(1, T0, 5.0)))
        if flushed:
            store.flush()
        store.write(chunk(2, reading(1, T0, 5.0, Quality.LATE, received=T0 + DAY)))
        store.flush()

        assert [reading(1, T0, 5.0)] == rows_of(store.raw(1, 0, T0 + DAY, 9))
        assert {(7, T0): 1} == dict(store.stored(T0, T0 + 2 * DAY))

    @pytest.mark.parametrize("flushed", [False, True])
    def test_correction(self, store, flushed):
        """Of two values for one time the newer wins, and is counted once, where the first was received."""
        store.write(chunk(1, reading(1, T0, 5.0), reading(1, T0 + 1, 6.0)))
        if flushed:
            store.flush()
        store.write(chunk(2, reading(1, T0, 7.0, Quality.LATE, received=T0 + HOUR)))

        for _ in range(2):
            assert [(T0, 7.0), (T0 + 1, 6.0)] == pairs(store.raw(1, 0, T0 + DAY, 9))
            assert [T0 + 100] == store.raw(1, T0, T0 + 1, 9).received.tolist()
            assert [(T0 + 1, T0 + 101)] == list(zip(store.latest([1]).ts, store.latest([1]).received, strict=True))
            assert {(7, T0): 2} == dict(store.stored(T0, T0 + DAY))
            store.flush()

    def test_same_position_is_skipped(self, store):
        """A chunk that was taken is not taken again, so rollup parts never double."""
        hour = part(Level.HOUR, (1, T0, [1.0, 2.0], 0))
        for _ in range(2):
            store.write(chunk(5, rollups=[hour]))
            store.flush()

        assert [2] == store.rollups(Level.HOUR, [1], T0, T0 + HOUR).count.tolist()

    def test_lanes_apart(self, store):
        """Each lane has its own position, and only what is flushed counts."""
        store.write(chunk(5, reading(1, T0, 1), lane=Lane.LIFE))
        store.flush()
        store.write(chunk(9, reading(2, T0, 1)))

        assert (5, 0) == (store.position(Lane.LIFE), store.position(Lane.BULK))

    def test_never_nan(self, store):
        """No NaN and no infinity is stored."""
        store.write(chunk(1, reading(1, T0, np.nan), reading(1, T0 + 1, np.inf), reading(1, T0 + 2, 1)))
        store.flush()

        assert [(T0 + 2, 1.0)] == pairs(store.raw(1, 0, T0 + 9, 9))
        assert [T0 + 2] == store.latest([1]).ts.tolist()

    def test_nothing(self, store):
        """Unknown points, empty and turned ranges and empty chunks give nothing, and no error."""
        store.write(chunk(1))
        store.flush()

        assert [] == rows_of(store.raw(99, 0, 1 << 62, 9))
        assert [] == rows_of(store.raw(1, T0, T0, 9))
        assert [] == store.buckets(1, T0 + 9, T0, MINUTE).start.tolist()
        assert [] == store.buckets(1, 0, 1 << 60, MINUTE).start.tolist()
        assert [] == store.latest([1, 99, 1 << 30]).point.tolist()
        assert [] == store.rollups(Level.HOUR, [1], 0, 1 << 60).start.tolist()
        assert [] == store.rollups(Level.HOUR, [], 0, 1 << 60).start.tolist()
        assert {} == dict(store.stored(0, 1 << 60))
        assert [] == store.known(batch_of([])).tolist()

    def test_many_days(self, store):
        """Readings of many days, before 1970 as well, are found in one range."""
        rows = [reading(3, day * DAY + 7, day) for day in range(-2, 5)]
        store.write(chunk(1, *reversed(rows)))
        store.flush()

        assert rows == rows_of(store.raw(3, -9 * DAY, 9 * DAY, 99))
        assert rows[:3] == rows_of(store.raw(3, -9 * DAY, 9 * DAY, 3))

    def test_late_days(self, store):
        """Readings for a day that was flushed long ago merge into it."""
        store.write(chunk(1, reading(1, T0, 0), reading(1, T0 + 20, 2)))
        store.flush()
        store.write(chunk(2, reading(1, T0 + 3 * DAY, 9)))
        store.flush()
        store.write(chunk(3, reading(1, T0 + 10, 1, Quality.LATE)))
        store.flush()

        assert [0, 1, 2, 9] == store.raw(1, 0, T0 + 9 * DAY, 99).value.tolist()

    @settings(max_examples=20, deadline=None)
    @given(
        st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6), st.integers(0, 2)), max_size=8), max_size=6),
        st.lists(st.booleans(), min_size=6, max_size=6),
    )
    @pytest.mark.parametrize("make", PARAMS)
    def test_like_a_table(self, make, tmp_path_factory, chunks, flushes):
        """Whatever is written and flushed when, a point has one value a time: the newest."""
        store = STORES[make](tmp_path_factory.mktemp("series"))
        expected = {}
        for position, (rows, flush) in enumerate(zip(chunks, flushes, strict=False)):
            store.write(chunk(position + 1, *(reading(p, T0 + t * 6 * HOUR, v) for p, t, v in rows)))
            expected.update({(p, T0 + t * 6 * HOUR): float(v) for p, t, v in rows})
            if flush:
                store.flush()

        for point in (1, 2, 3):
            wanted = sorted((ts, v) for (p, ts), v in expected.items() if p == point)
            assert wanted == pairs(store.raw(point, 0, 1 << 60, 999))
            assert wanted[-1:] == pairs(store.latest([point]))
        assert len(expected) == sum(store.stored(0, 1 << 60).values())
        store.close()


class TestKnown:
    @pytest.mark.parametrize("flushed", [False, True])
    def test_by_point_and_time(self, store, flushed):
        """A reading is known when its point has one for that time, whatever its value."""
        store.write(chunk(1, reading(1, T0, 1), reading(2, T0 + DAY, 1), reading(1, T0 + 50, 1)))
        if flushed:
            store.flush()
        asked = [
            reading(1, T0, 9),
            reading(2, T0, 1),
            reading(2, T0 + DAY, 1),
            reading(1, T0 + 1, 1),
            reading(99, 5, 1),
        ]

        assert [True, False, True, False, False] == store.known(batch_of(asked)).tolist()


class TestLatest:
    def test_newest(self, store):
        """The newest by the device's clock wins, not the last to arrive; silent points are left out."""
        store.write(chunk(1, reading(1, T0 + 9, 1), reading(2, T0, 5, Quality.RETAINED), reading(1, T0, 2)))
        store.flush()
        store.write(chunk(2, reading(1, T0 + 4, 3, Quality.LATE)))

        latest = store.latest([2, 1, 77])

        assert [(2, T0, 5.0, Quality.RETAINED, T0 + 100), (1, T0 + 9, 1.0, 0, T0 + 109)] == rows_of(latest)


class TestBuckets:
    def test_of_readings(self, store):
        """A window tells lowest, highest, mean, last, sum and how many; empty ones are left out."""
        store.write(chunk(1, *(reading(1, T0 + t, v) for t, v in [(0, 4), (10, -2), (19, 1), (45, 9)])))
        store.flush()

        got = store.buckets(1, T0, T0 + 100, 20)

        assert [T0, T0 + 40] == got.start.tolist()
        assert [3, 1] == got.count.tolist()
        assert [-2, 9] == got.low.tolist()
        assert [4, 9] == got.high.tolist()
        assert [1, 9] == got.mean.tolist()
        assert [1, 9] == got.last.tolist()
        assert [3, 9] == got.total.tolist()

    def test_offset(self, store):
        """Windows start where the offset says: a park day is no UTC day."""
        store.write(chunk(1, reading(1, T0, 1)))
        offset = -8 * HOUR

        got = store.buckets(1, 0, T0 + DAY, DAY, offset)

        assert [(T0 - offset) // DAY * DAY + offset] == got.start.tolist()

    def test_bad_readings_do_not_count(self, store):
        """Readings that are not good for history neither fill a window nor count as good time."""
        minute = [reading(1, T0 + 1000 * i, 1, Quality.GOOD if i < 30 else Quality.SUSPECT) for i in range(60)]
        store.write(chunk(1, *minute, reading(1, T0 + MINUTE, 1, Quality.OUT_OF_RANGE)))

        got = store.buckets(1, T0, T0 + 2 * MINUTE, MINUTE)

        assert [30] == got.count.tolist()
        assert [pytest.approx(0.5, abs=0.02)] == got.good.tolist()

    def test_good_share_of_steady_readings(self, store):
        """A point that speaks on time has a share of 1, in every window."""
        store.write(chunk(1, *(reading(1, T0 + 15_000 * i, i) for i in range(241))))

        got = store.buckets(1, T0, T0 + HOUR, QUARTER)

        assert [60] * 4 == got.count.tolist()
        assert [pytest.approx(1, abs=0.02)] * 4 == got.good.tolist()

    def test_rollups_suffice(self, store):
        """Where only rollups are left, windows that they tile are made of them, parts added up."""
        store.write(chunk(1, rollups=[part(Level.QUARTER, (1, T0, [1.0, 5.0], 1), (1, T0 + QUARTER, [2.0], 0))]))
        store.flush()
        store.write(chunk(2, rollups=[part(Level.QUARTER, (1, T0, [-3.0], 0), (1, T0 + HOUR, [8.0], 0))]))

        got = store.buckets(1, T0, T0 + 2 * HOUR, HOUR)

        assert [T0, T0 + HOUR] == got.start.tolist()
        assert [4, 1] == got.count.tolist()
        assert [-3, 8] == got.low.tolist()
        assert [5, 8] == got.high.tolist()
        assert [2, 8] == got.last.tolist()
        assert [5, 8] == got.total.tolist()
        assert [4000 / HOUR, 1000 / HOUR] == got.good.tolist()

    def test_exact_edges(self, store):
        """Ragged edges, and what is newer than the newest rollup, come from readings: nothing is lost or doubled."""
        rows = [reading(1, T0 + MINUTE * i + 30_000, 1) for i in range(180)]
        hours = [(1, T0 + HOUR * h, [1.0] * 60, 0) for h in range(2)]
        store.write(chunk(1, *rows, rollups=[part(Level.HOUR, *hours)]))
        store.flush()

        got = store.buckets(1, T0 + 10 * MINUTE, T0 + 170 * MINUTE, HOUR)

        assert [T0, T0 + HOUR, T0 + 2 * HOUR] == got.start.tolist()
        assert [50, 60, 50] == got.count.tolist()

    def test_windows_that_rollups_do_not_tile(self, store):
        """A step that no level divides is made of readings."""
        rows = [reading(1, T0 + MINUTE * i, i) for i in range(20)]
        store.write(chunk(1, *rows, rollups=[part(Level.QUARTER, (1, T0, [99.0], 0))]))

        assert [7, 7, 6] == store.buckets(1, T0, T0 + 20 * MINUTE, 7 * MINUTE, offset=T0).count.tolist()

    @pytest.mark.parametrize("step", [0, -5])
    def test_bad_step(self, store, step):
        """A step that is no time is refused."""
        with pytest.raises(UserError):
            store.buckets(1, 0, 10, step)

    def test_too_many_windows(self, store):
        """An answer is bounded."""
        store.write(chunk(1, *(reading(1, T0 + i, 0) for i in range(250_000))))

        with pytest.raises(UserError, match="windows"):
            store.buckets(1, 0, 1 << 60, 1)


class TestRollups:
    def test_parts_add_up(self, store):
        """Parts of a window are one row, by point and start, whether in memory or on disk."""
        store.write(chunk(1, rollups=[part(Level.MINUTE, (2, T0, [4.0], 2), (1, T0, [1.0, 3.0], 0))]))
        store.flush()
        store.write(chunk(2, rollups=[part(Level.MINUTE, (1, T0 + MINUTE, [2.0], 0), (1, T0, [0.5], 1))]))

        got = store.rollups(Level.MINUTE, [1, 2, 9], T0, T0 + HOUR)

        assert [1, 1, 2] == got.point.tolist()
        assert [T0, T0 + MINUTE, T0] == got.start.tolist()
        assert [3, 1, 1] == got.count.tolist()
        assert [4.5, 2, 4] == got.total.tolist()
        assert [0.5, 2, 4] == got.low.tolist()
        assert [3, 2, 4] == got.high.tolist()
        assert [3, 2, 4] == got.last.tolist()
        assert [1, 0, 2] == got.bad.tolist()
        assert [3000, 1000, 1000] == got.good.tolist()

    def test_windows_without_values(self, store):
        """A window that held only bad readings says how many, and no value."""
        store.write(chunk(1, rollups=[part(Level.HOUR, (1, T0, [], 3))]))
        store.flush()
        store.write(
            chunk(2, rollups=[part(Level.HOUR, (1, T0 + HOUR, [], 1)), part(Level.HOUR, (1, T0 + HOUR, [6.0], 0))])
        )

        got = store.rollups(Level.HOUR, [1], T0, T0 + 2 * HOUR)

        assert [(0, 3, 0.0), (1, 1, 6.0)] == list(
            zip(got.count.tolist(), got.bad.tolist(), got.low.tolist(), strict=True)
        )

    @pytest.mark.parametrize("level", Level)
    def test_every_level(self, store, level):
        """Each level is kept apart, over months."""
        starts = [T0 + i * 20 * DAY for i in range(4)]
        store.write(chunk(1, rollups=[part(level, *((1, s, [1.0], 0) for s in starts))]))
        store.flush()

        assert starts == store.rollups(level, [1], 0, 1 << 60).start.tolist()
        assert starts[1:2] == store.rollups(level, [1], starts[1], starts[2]).start.tolist()


class TestLedger:
    def test_stored(self, store):
        """What is stored is counted by gateway and hour of receipt, on disk and in memory."""
        rows = [
            reading(1, T0, 1), reading(2, T0, 1), reading(3, T0 + 1, 1),
            reading(3, T0 - 40 * DAY, 2, Quality.LATE, T0 + 5),
            reading(1, T0 + 2 * HOUR, 1), reading(4, T0, 1), reading(77, T0, 1),
        ]  # fmt: skip
        expected = {(7, T0): 2, (8, T0): 2, (7, T0 + 2 * HOUR): 1, (0, T0): 2}
        store.write(chunk(1, *rows[:3]))
        store.flush()
        store.write(chunk(2, *rows[3:]))

        assert expected == dict(store.stored(T0, T0 + DAY))
        store.flush()
        assert expected == dict(store.stored(T0, T0 + DAY))
        assert {(7, T0 + 2 * HOUR): 1} == dict(store.stored(T0 + HOUR, T0 + DAY))

    def test_stored_of_the_stages(self, store):
        """What stages made of other readings came through no gateway, and is counted apart from those without one."""
        for flushed in (False, True):
            store.write(chunk(1 + flushed, reading(4, T0, 1), reading(5, T0, 1), reading(5, T0 + 1, 1)))
            if flushed:
                store.flush()

            assert {(0, T0): 1, (-1, T0): 2} == dict(store.stored(T0, T0 + HOUR))

    def test_counted(self, store):
        """What the quality stage set aside adds up by gateway and hour."""
        told = Counted(
            *(np.array(c, k) for c, k in (([7], np.int32), ([T0], np.int64), ([2], np.int32), ([9], np.int32)))
        )
        store.write(chunk(1, counted=[told]))
        store.flush()
        store.write(chunk(2, counted=[told, told]))

        assert {(7, T0): (6, 27)} == dict(store.counted(T0, T0 + HOUR))
        assert {} == dict(store.counted(T0 + HOUR, T0 + DAY))
