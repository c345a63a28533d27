"""A partition as its worker reads it: from memory and from Kafka alike, whatever is handed over, and in what order."""

import gc
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import Corrupt, MachineryError
from park.records import Batch, Refusal, Tick
from park.wire import encode
from runtime.kafka_log import Entry
from runtime.kafka_records import open_record
from runtime.stream_log import StreamLog, Tail

MINUTE = 60_000


def entry(position, value=None):
    """Return the message before a position: the tick of its minute."""
    return Entry(position, b"", encode(Tick(position * MINUTE)) if value is None else value, 7)


@dataclass
class Held:
    """A partition that notes what is asked of it."""

    entries: list[Entry]
    asked: list[tuple[int, int]] = field(default_factory=list)
    begin: int = 0
    closed: bool = False

    @property
    def end(self):
        """Position after the newest."""
        return self.entries[-1].position if self.entries else 0

    def read(self, position, end=None):
        """Yield messages."""
        if position < self.begin:
            raise Corrupt("gone")
        self.asked.append((position, end))
        yield from (e for e in self.entries if position < e.position <= end)

    def close(self):
        """Note it."""
        self.closed = True


def opened(message):
    """Return a record."""
    return open_record(message.value)


def log_of(count, put=(), *, bound=1 << 20, refuse=lambda *_: None):
    """Return (log, tail, partition) of some messages, some of which were put."""
    held = Held([entry(n) for n in range(1, count + 1)])
    tail = Tail("bulk-1", opened, bound)
    tail.reach(held.end)
    for n in put:
        tail.put(entry(n))
    return StreamLog(tail, held, refuse), tail, held


def minutes(found):
    """Return the minutes of ticks, with their positions."""
    return [(position, record.now // MINUTE) for position, record in found]


@given(
    put=st.lists(st.integers(1, 30), max_size=40),
    position=st.integers(0, 30),
    end=st.none() | st.integers(0, 40),
    bound=st.integers(1, 400),
)
def test_the_same_whatever_was_put(put, position, end, bound):
    """What is read is what stands in the log, whichever messages were handed over, twice or in any order."""
    log, _, _ = log_of(30, put, bound=bound)

    stop = 30 if end is None else min(end, 30)
    assert [(n, n) for n in range(position + 1, stop + 1)] == minutes(log.read(position, end))


def test_from_memory():
    """What is in memory is not asked of Kafka again."""
    log, _, held = log_of(9, range(4, 10))

    assert [4, 5, 6, 7, 8, 9] == [p for p, _ in log.read(3)]
    assert [] == held.asked


def test_what_came_before():
    """What lies before is asked of Kafka, up to where memory begins."""
    log, _, held = log_of(9, range(4, 10))

    assert 9 == len(list(log.read(0)))
    assert [(0, 3)] == held.asked


def test_a_gap():
    """Messages that were not handed over are read from Kafka, in their place."""
    log, _, _ = log_of(9, (1, 2, 3, 7, 8, 9))

    assert list(range(1, 10)) == [p for p, _ in log.read(0)]


def test_bounded():
    """Memory holds so many bytes of messages, the newest."""
    log, tail, held = log_of(1_000, range(1, 1_001), bound=1_000)
    list(log.read(0))

    assert 1_000 - held.asked[0][1] < 100
    assert tail.waiting(0) < 100


def test_gone():
    """What Kafka has let go of is no end of the log: it is said."""
    log, _, held = log_of(9)
    held.begin = 5

    with pytest.raises(Corrupt):
        list(log.read(2))


def test_decoded_once():
    """Two readers are given the very same record."""
    _, tail, held = log_of(3, (1, 2, 3))
    readers = [list(StreamLog(tail, held).read(0)) for _ in range(2)]

    assert all(a[1] is b[1] for a, b in zip(*readers, strict=True))


@pytest.mark.parametrize("put", [(), (1, 2, 3)], ids=["kafka", "memory"])
def test_no_record(put):
    """A message that is no record is a batch with one refused message in its place, told as it is read."""
    heard = []
    log, tail, held = log_of(3, refuse=lambda message, why: heard.append((message.position, why)))
    held.entries[1] = entry(2, b"\x09nonsense")
    for n in put:
        tail.put(held.entries[n - 1])
    found = dict(log.read(0))

    assert [1, 2, 3] == list(found)
    batch = found[2]
    assert isinstance(batch, Batch)
    assert (0, 0) == (len(batch.readings), len(batch.edge.gateway))
    (refused,) = batch.refused
    assert (Refusal.MALFORMED, "bulk-1", b"\x09nonsense", 9, 7, 0) == (
        refused.reason, refused.topic, refused.payload, refused.size, refused.received, refused.readings,
    )  # fmt: skip
    assert "record before 2: record of version 9" in refused.detail
    assert [2] == [position for position, _ in heard]


def test_a_giant():
    """Of a giant that is no record a part is kept, and how large it was."""
    log, _, held = log_of(1)
    held.entries[0] = entry(1, b"\xff" * (3 << 20))
    ((_, batch),) = log.read(0)

    assert (1 << 20, 3 << 20) == (len(batch.refused[0].payload), batch.refused[0].size)


def test_nothing_is_appended():
    """A worker's log takes nothing."""
    log, _, held = log_of(1)
    with pytest.raises(MachineryError, match="only read"):
        log.append([Tick(MINUTE)])
    log.close()

    assert held.closed


class TestWait:
    def test_something_there(self):
        """What is there is not waited for."""
        _, tail, _ = log_of(3)

        assert (True, False) == (tail.wait(2, 10), tail.wait(3, 0))

    def test_woken(self):
        """Whoever waits can be woken, once."""
        _, tail, _ = log_of(3)
        tail.wake()

        assert (False, False) == (tail.wait(3, 10), tail.wait(3, 0))


@pytest.mark.parametrize(
    ("soon", "late", "left"),
    [(5, 3, [4, 5]), (3, 5, [4, 5]), (5, 5, [5]), (5, 0, [1, 2, 3, 4, 5])],
    ids=["one is behind", "the other is", "nobody is", "one has not begun"],
)
def test_what_all_have_read_is_let_go_of(soon, late, left):
    """Messages that every reader goes on behind are in memory no more, but for the newest."""
    first, tail, held = log_of(5, range(1, 6))
    second = StreamLog(tail, held)

    for log, position in ((first, soon), (second, late)):
        list(log.read(position))

    assert left == [slot.entry.position for slot in tail.held(0, 5)[1]]
    assert [5 - soon, 5 - late] == [len(list(log.read(at))) for log, at in ((first, soon), (second, late))]


def test_a_reader_that_is_gone_holds_nothing():
    """A log that nobody has any more keeps no messages in memory."""
    first, tail, held = log_of(5, range(1, 6))
    second = StreamLog(tail, held)
    del second
    gc.collect()

    list(first.read(5))

    assert [5] == [slot.entry.position for slot in tail.held(0, 5)[1]]
