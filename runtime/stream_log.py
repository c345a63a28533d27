"""One partition's log as its worker reads it: what Faust handed over lately from memory, all else from Kafka.

```
 Faust ── put ──> Tail (bounded, decoded once) ──┬──> StreamLog of the stages
                                                 └──> StreamLog of the store, behind it
 Kafka ── read ──> what the tail does not hold: the time before the start, gaps, what the store is far behind
```
Two read every record, one soon and one late; fetching and decoding it twice would cost as much as some stages. What
all of them have behind them is let go of: eight partitions with a minute of messages each, and once more as records,
were 130 MB of a worker.
A message that is no record becomes a batch with one refused message, at the same place for both of them: so it
is kept for a person with all others, told where lives hang on it, and the flow goes on.
"""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from park.errors import Corrupt, MachineryError
from park.readings import batch_of
from park.records import Batch, Edge, Record, Refusal, Refused
from runtime import log_marks
from runtime.kafka_log import Entry
from runtime.log_marks import LogMarks

_HELD = 8 << 20  # bytes of messages in memory: a minute of a city's partition; once more as records
_KEPT = 1 << 20  # bytes of a message that is no record, as of any refused one
_NO_COUNT = np.zeros(0, np.int32)


class Messages(log_marks.Messages, Protocol):
    """A partition in bytes (runtime.kafka_log.Partition)."""

    @property
    def end(self) -> int:
        """Position after the newest. Raises Unavailable."""

    def close(self) -> None:
        """Release the connection."""


Open = Callable[[Entry], Record]  # raises Corrupt for what is no record


class _Slot:
    """A message in memory, and its record once somebody has asked for it."""

    __slots__ = ("entry", "record", "size", "why")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.record: Record | None = None
        self.why = ""
        self.size = len(entry.value)


class Tail:
    """The newest messages of a partition. Filled by one thread, read by several."""

    def __init__(self, name: str, opened: Open, bound: int = _HELD) -> None:
        """Take what turns a message into a record; `bound` is how many bytes of messages are held."""
        self.name = name
        self._opened = opened
        self._bound = bound
        self._grown = threading.Condition()
        self._slots: deque[_Slot] = deque()
        self._bytes = 0
        self._end = 0
        self._woken = False
        self._behind: WeakKeyDictionary[object, int] = WeakKeyDictionary()  # by reader: position that it goes on from

    @property
    def end(self) -> int:
        """Position after the newest message that is known of."""
        return self._end

    def reach(self, end: int) -> None:
        """Learn that the log reaches so far, whoever hands it over."""
        with self._grown:
            self._end = max(self._end, end)
            self._grown.notify_all()

    def put(self, entry: Entry) -> None:
        """Take the next message; what was taken before is left out. Of a gap only what follows it is held."""
        with self._grown:
            if self._slots and entry.position <= self._slots[-1].entry.position:
                return
            if self._slots and entry.position != self._slots[-1].entry.position + 1:
                self._slots.clear()
                self._bytes = 0
            slot = _Slot(entry)
            self._slots.append(slot)
            self._bytes += slot.size
            while self._bytes > self._bound and len(self._slots) > 1:
                self._bytes -= self._slots.popleft().size
            self._end = max(self._end, entry.position)
            self._grown.notify_all()

    def passed(self, reader: object, position: int) -> None:
        """Learn that a reader goes on from a position: what all have behind them is let go of, but for the newest."""
        with self._grown:
            self._behind[reader] = position
            least = min(self._behind.values())
            while len(self._slots) > 1 and self._slots[0].entry.position <= least:
                self._bytes -= self._slots.popleft().size

    def wait(self, position: int, timeout: float) -> bool:
        """Sleep until there is something after a position, somebody wakes us, or s have passed."""
        with self._grown:
            self._grown.wait_for(lambda: self._end > position or self._woken, timeout)
            self._woken = False
            return self._end > position

    def wake(self) -> None:
        """End a waiting."""
        with self._grown:
            self._woken = True
            self._grown.notify_all()

    def held(self, position: int, end: int) -> tuple[int, Sequence[_Slot]]:
        """Return what is in memory of a span, and where it begins: what lies before it is not."""
        with self._grown:
            slots = list(self._slots)
        first = bisect_right(slots, position, key=lambda s: s.entry.position)
        last = bisect_right(slots, end, key=lambda s: s.entry.position)
        found = slots[first:last]
        return (found[0].entry.position - 1 if found else end), found

    def waiting(self, position: int) -> int:
        """Return how many of the messages in memory lie beyond a position."""
        with self._grown:
            if not self._slots:
                return 0
            return min(len(self._slots), max(0, self._slots[-1].entry.position - position))

    def record_of(self, slot: _Slot) -> tuple[Record, str]:
        """Return a message's record, opened once, and why it is none; "" where it is."""
        if slot.record is None:
            slot.record, slot.why = self.opened(slot.entry)
        return slot.record, slot.why

    def opened(self, entry: Entry) -> tuple[Record, str]:
        """Return a message's record, and why it is none: then a batch stands for it that says so."""
        try:
            return self._opened(entry), ""
        except Corrupt as why:
            return dead(self.name, entry, str(why)), str(why)


class StreamLog:
    """park.ports.Log of one reader; see the module. Nothing is appended here."""

    def __init__(
        self,
        tail: Tail,
        messages: Messages,
        refuse: Callable[[Entry, str], None] = lambda _entry, _why: None,
        marks: LogMarks | None = None,
    ) -> None:
        """Take where messages come from; `refuse` is told of those that are no records, `marks` of all that is read."""
        self._tail = tail
        self._messages = messages
        self._refuse = refuse
        self._marks = marks or LogMarks()
        tail.passed(self, 0)

    def append(self, records: Sequence[Record]) -> NoReturn:
        """Refuse: only ingesters append. Raises MachineryError."""
        raise MachineryError(f"{self._tail.name} is only read here; {len(records)} records were to be appended")

    def read(self, position: int, end: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield (position after it, record) from a position on, to `end` or what is known of.

        Raises Corrupt when it is gone from Kafka, Unavailable.
        """
        self._tail.passed(self, position)
        stop = self._tail.end if end is None else min(end, self._tail.end)
        while position < stop:
            begin, slots = self._tail.held(position, stop)
            if begin > position:
                for entry in self._messages.read(position, begin):
                    yield entry.position, self._told(entry, *self._tail.opened(entry))
            for slot in slots:
                yield slot.entry.position, self._told(slot.entry, *self._tail.record_of(slot))
            position = slots[-1].entry.position if slots else stop

    def _told(self, entry: Entry, record: Record, why: str) -> Record:
        self._marks.saw(entry)
        if why:
            self._refuse(entry, why)
        return record

    @property
    def begin(self) -> int:
        """Position of the oldest record kept. Raises Unavailable."""
        return self._messages.begin

    @property
    def end(self) -> int:
        """Position after the newest record that is known of."""
        return self._tail.end

    @property
    def newest(self) -> int:
        """Position after the newest record, as Kafka says. Raises Unavailable."""
        return self._messages.end

    @property
    def changed(self) -> int | None:
        """Position through which it is the log that was read; None: as far as it was. Raises Unavailable."""
        return self._marks.changed(self._messages)

    def hold(self, consumer: str, position: int) -> None:
        """Do nothing: Kafka keeps records by hours and bytes, whoever has read them."""

    def trim(self, position: int) -> None:
        """Do nothing, as `hold`."""

    def close(self) -> None:
        """Release the connection."""
        self._messages.close()


def dead(name: str, entry: Entry, why: str) -> Batch:
    """Return the batch that stands for a message which is no record."""
    refused = Refused(
        Refusal.MALFORMED,
        name,
        entry.value[:_KEPT],
        len(entry.value),
        max(0, entry.appended),
        detail=f"record before {entry.position}: {why}",
    )
    return Batch(batch_of([]), Edge(_NO_COUNT, _NO_COUNT, _NO_COUNT), (refused,))
