"""What every store of bands promises."""

import numpy as np
import pytest

from park.events import Bands
from park.metrics import Lane
from park.ports import Chunk
from park.readings import batch_of
from park.settings import StoreSettings
from runtime.storage.duckdb import DuckStore
from runtime.storage.memory import MemoryStore
from tests.contracts.influx_house import InfluxHouse

T0 = 1_760_000_400_000  # an hour's start
HOUR, DAY = 3_600_000, 86_400_000
STORES = {
    "memory": lambda _: MemoryStore(),
    "duckdb": lambda folder: DuckStore(folder, StoreSettings(duckdb_memory="200MB")),
}
PARAMS = [*STORES, pytest.param("influx", marks=pytest.mark.server)]


@pytest.fixture(scope="module")
def house():
    made = InfluxHouse()
    yield made
    made.close()


@pytest.fixture(params=PARAMS, ids=str)
def store(request, tmp_path, house):
    made = house.store() if request.param == "influx" else STORES[request.param](tmp_path / "series")
    yield made
    made.close()


def bands(*rows, width=HOUR):
    """Return bands of (point, start, expected, learning)."""
    point, start, expected, learning = (np.array(c) for c in zip(*rows, strict=True))
    e = expected.astype(np.float64)
    return Bands(
        point.astype(np.int32), start.astype(np.int64), width, e, e - 1, e + 2, np.full(len(e), 0.25),
        learning.astype(np.bool_),
    )  # fmt: skip


def told(found):
    columns = (found.point, found.start, found.expected, found.low, found.high, found.score, found.learning)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def test_range(store):
    """Windows of one point come rising, the first inclusive and the last exclusive, before and after a flush."""
    store.write_bands(bands((1, T0 + HOUR, 5, 0), (1, T0, 4, 1), (2, T0, 9, 0), (1, T0 + 2 * HOUR, 6, 0)))
    expected = [(1, T0, 4.0, 3.0, 6.0, 0.25, True), (1, T0 + HOUR, 5.0, 4.0, 7.0, 0.25, False)]

    assert expected == told(store.bands(1, T0, T0 + 2 * HOUR))
    store.flush()
    assert expected == told(store.bands(1, T0, T0 + 2 * HOUR))


def test_width(store):
    """Windows are as wide as they were told."""
    store.write_bands(bands((1, T0, 4, 0), width=900_000))

    assert 900_000 == store.bands(1, T0, T0 + 1).width


def test_none(store):
    """A point that nothing is usual of has no windows."""
    assert [] == told(store.bands(3, 0, 1 << 53))


def test_again(store):
    """What is told again, before a flush and after it, is there once."""
    for _ in range(3):
        store.write_bands(bands((1, T0, 4, 0), (1, T0 + HOUR, 5, 0)))
        store.flush()
    store.write_bands(bands((1, T0, 4, 0)))

    assert [T0, T0 + HOUR] == store.bands(1, 0, 1 << 53).start.tolist()


def test_months(store):
    """A range may reach over files of several months."""
    starts = [T0 + 40 * n * DAY for n in range(4)]
    store.write_bands(bands(*((1, start, n, 0) for n, start in enumerate(starts))))
    store.flush()

    assert starts[1:] == store.bands(1, starts[1], starts[3] + 1).start.tolist()


def test_no_number(store):
    """A row that is no number is left out; the others stay."""
    store.write_bands(bands((1, T0, float("nan"), 0), (1, T0 + HOUR, 5, 0), (1, T0 + 2 * HOUR, float("inf"), 0)))

    assert [T0 + HOUR] == store.bands(1, 0, 1 << 53).start.tolist()


def test_told_anew(store):
    """A window that is told again with other figures, after a rule of the detector changed, has the last."""
    store.write_bands(bands((1, T0, 4, 1)))
    store.flush()
    store.write_bands(bands((1, T0, 7, 0)))

    assert [(1, T0, 7.0, 6.0, 9.0, 0.25, False)] == told(store.bands(1, T0, T0 + 1))


class TestFiles:
    def test_lasts(self, tmp_path):
        """What was flushed is there when the folder is opened again, also where nothing but bands came."""
        first = STORES["duckdb"](tmp_path)
        first.write_bands(bands((1, T0, 4, 0)))
        first.flush()
        first._engine.close()  # without the flush of an orderly end
        again = STORES["duckdb"](tmp_path)

        assert [(1, T0, 4.0, 3.0, 6.0, 0.25, False)] == told(again.bands(1, T0, T0 + 1))
        again.close()

    def test_kept_so_long(self, tmp_path):
        """Windows of a month that is past its keep are dropped; newer ones stay."""
        store = DuckStore(tmp_path, StoreSettings(duckdb_memory="200MB", minute_days=60))
        store.write_bands(bands((1, T0, 4, 0), (1, T0 + 100 * DAY, 5, 0)))
        store.flush()
        late = T0 + 120 * DAY
        store.write(Chunk(Lane.BULK, 1, batch_of([(1, late, 1.0, 0, late)])))
        store.flush()

        assert [T0 + 100 * DAY] == store.bands(1, 0, 1 << 53).start.tolist()
        store.close()

    def test_sorted(self, tmp_path):
        """A month that was written many times is rewritten once it is over, with each window once."""
        store = STORES["duckdb"](tmp_path)
        for n in range(6):
            store.write_bands(bands((1, T0, 4, 0), (1, T0 + n * HOUR, 4, 0)))
            store.flush()
        late = T0 + 60 * DAY
        for n in range(4):
            store.write(Chunk(Lane.BULK, n + 1, batch_of([(1, late + n, 1.0, 0, late + n)])))
            store.flush()

        assert [T0 + n * HOUR for n in range(6)] == store.bands(1, 0, T0 + DAY).start.tolist()
        assert [4.0] * 6 == store.bands(1, 0, T0 + DAY).expected.tolist()
        store.close()
