"""What a log was when it was read: a mark of each message, by which one that came in its place is noticed.

```
 read            1 2 3 4 5 6 7        the log ends before what was read: it was cut short (whoever reads it asks)
 the log later   1 2 3 a b c d e      it does not, and yet 4 to 7 are others: only their content tells
```
A Kafka that lost its newest records, or all of them, gives positions out again. Once it has grown past where we were
nothing of its positions shows that. So what was read since the last look is read again and compared, and the newest
mark of the look before with it: a log that is the same there is the same in all that came before, for Kafka only
appends. Whoever begins compares what stands beside his snapshot. (The epochs of KIP-320 say that a log may have been
cut, not whether it was, and no client of ours tells them; ids of topics, KIP-516, say nothing of a log cut short.)
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol
from zlib import crc32

import numpy as np

from park.errors import Corrupt
from runtime.kafka_log import Entry

_KEPT = 4_096  # marks: what a partition takes in a minute, and between two looks at its very busiest
_NEAR = 64  # messages that are read to no purpose rather than asked past
_LENGTH = 32  # bits of a mark that are the message's checksum; its length stands above them
Mark = tuple[int, int]  # position after the message, what it was


class Messages(Protocol):
    """What can be read again (runtime.kafka_log.Partition)."""

    @property
    def begin(self) -> int:
        """Position of the oldest message kept. Raises Unavailable."""

    def read(self, position: int, end: int | None = None) -> Iterator[Entry]:
        """Yield messages from a position on, if there are any. Raises Corrupt when they are gone, Unavailable."""


class LogMarks:
    """The marks of one log. One thread reads the log, another may look, a third may save."""

    def __init__(self, known: Sequence[Mark] = ()) -> None:
        """Begin with what is known of the log: what stands beside the snapshot that its reader begins with."""
        self._lock = threading.Lock()
        self._marks: deque[Mark] = deque(known, maxlen=_KEPT)
        self._proven = known[-1][0] if known else 0  # position through which the log was the same at the last look

    def saw(self, entry: Entry) -> None:
        """Take note of a message that is read; of one that was read before nothing is learned."""
        with self._lock:
            if not self._marks or entry.position > self._marks[-1][0]:
                self._marks.append((entry.position, mark_of(entry)))

    def changed(self, messages: Messages) -> int | None:
        """Return the position through which the log is still the one that was read; None: all of it is.

        Raises Unavailable.
        """
        with self._lock:
            marks, proven = list(self._marks), self._proven
        fresh = [mark for mark in marks if mark[0] >= proven]
        if not fresh or sound(fresh, messages) is None:
            self._proven = fresh[-1][0] if fresh else proven
            return None
        return sound(marks, messages)

    def before(self, position: int) -> list[Mark]:
        """Return the marks of a snapshot of a position: what was not looked at again, and one that was."""
        with self._lock:
            known = [mark for mark in self._marks if mark[0] <= position]
            looked = [mark for mark in known if mark[0] <= self._proven]
        return looked[-1:] + known[len(looked) :]


def mark_of(entry: Entry) -> int:
    """Return what tells a message from another in its place: its length and its checksum, below 2**63."""
    return (len(entry.value) << _LENGTH | crc32(entry.value)) & ((1 << 63) - 1)


def sound(marks: Sequence[Mark], messages: Messages) -> int | None:
    """Return the newest of rising marks up to which a log has them all; 0: not even the first; None: all of them.

    What the log keeps no more is not asked for. Raises Unavailable.
    """
    try:
        return _compared(marks, messages)
    except Corrupt:
        begin = messages.begin
    try:
        return _compared([mark for mark in marks if mark[0] > begin], messages)
    except Corrupt:  # it lets go of its oldest at this moment, or begins anew: the next look tells
        return None


def _compared(marks: Sequence[Mark], messages: Messages) -> int | None:
    through = 0
    for run in _runs(marks):
        found = {entry.position: mark_of(entry) for entry in messages.read(run[0][0] - 1, run[-1][0])}
        for position, mark in run:
            if found.get(position) != mark:
                return through
            through = position
    return None


def _runs(marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    """Yield marks in runs that are read at once: between those of two snapshots may lie minutes of a city."""
    run: list[Mark] = []
    for mark in marks:
        if run and mark[0] - run[-1][0] > _NEAR:
            yield run
            run = []
        run.append(mark)
    if run:
        yield run


def packed(marks: Sequence[Mark]) -> bytes:
    """Return marks as bytes."""
    return np.array(marks, "<i8").reshape(-1, 2).tobytes()


def unpacked(content: bytes | None) -> list[Mark]:
    """Return marks of bytes; none of what is none."""
    if not content or len(content) % 16:
        return []
    return [(int(p), int(m)) for p, m in np.frombuffer(content, "<i8").reshape(-1, 2)]
