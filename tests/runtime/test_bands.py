"""What was usual reaches the store by a queue that holds nobody up."""

import msgspec
import numpy as np
import pytest

from park.errors import Full
from park.events import Bands
from runtime.ahead import Line
from runtime.bands import COLUMNS, BandQueue, packed, unpacked
from runtime.storage.memory import MemoryStore

T0 = 1_760_000_400_000


def hour(n, points=2):
    """Return the n-th hour of some points."""
    e = np.arange(points, dtype=np.float64)
    return Bands(
        np.arange(points, dtype=np.int32), np.full(points, T0 + n * 3_600_000), 3_600_000, e, e, e, e,
        np.zeros(points, np.bool_),
    )  # fmt: skip


class Moody(MemoryStore):
    """A store whose disk is full at times."""

    full = False

    def write_bands(self, bands):
        """Take windows, or refuse."""
        if self.full:
            raise Full("no room")
        super().write_bands(bands)


def test_to_the_store():
    """What was put is in the store once it is written, and waits no more."""
    store = MemoryStore()
    queue = BandQueue(store)
    queue.put(hour(0))
    queue.put(hour(1))
    queue.write()

    assert [T0, T0 + 3_600_000] == store.bands(1, 0, 1 << 53).start.tolist()
    assert 0 == queue.waiting


def test_refused():
    """What the store refuses stays, in its order, and is given again."""
    store = Moody()
    queue = BandQueue(store)
    store.full = True
    queue.put(hour(0))
    queue.put(hour(1))
    with pytest.raises(Full):
        queue.write()
    assert 4 == queue.waiting
    store.full = False
    queue.write()

    assert [T0, T0 + 3_600_000] == store.bands(0, 0, 1 << 53).start.tolist()


def test_between_processes():
    """Bands go through a line of JSON between processes as they are."""
    line = msgspec.json.decode(msgspec.json.encode(Line(1, [], [packed(hour(1))])), type=Line)
    heard = unpacked(*line.bands[0])

    assert 3_600_000 == heard.width
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(hour(1), name), getattr(heard, name), strict=True)


def test_too_much():
    """Where too much waits the oldest is let go and counted; nobody is held up."""
    store = MemoryStore()
    queue = BandQueue(store, most=5)
    for n in range(4):
        queue.put(hour(n))
    assert (4, 4) == (queue.waiting, queue.dropped)
    queue.write()

    assert [T0 + 2 * 3_600_000, T0 + 3 * 3_600_000] == store.bands(0, 0, 1 << 53).start.tolist()
