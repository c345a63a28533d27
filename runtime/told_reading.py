"""What workers tell, from Kafka into the database: one log's partition of `park.events`, followed, judged, written.

```
 park.events ── Follower ── decode ── ToldGate ── EventWriter ── SQL: events, cases, position     one transaction
                               └─ wrong, or passed       └─ mark: how far this partition was read, once it lasts
                                  over: called out, park.dead
```
Marks may be behind: what is read again is known by its log position and its ids, and changes nothing.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

from sqlalchemy import Connection

from park.errors import Corrupt, MachineryError, Unavailable
from park.told import Told, decode_told
from park.wire import SmallEvent
from runtime.event_writer import EventWriter
from runtime.follower import Follower
from runtime.kafka_log import Entry, Partition
from runtime.log_marks import mark_of, sound
from runtime.storage.sql import positions
from runtime.storage.sql.assignments import Held, holders
from runtime.told_aloud import ToldAloud
from runtime.told_gate import Judged, ToldGate, Verdict
from runtime.troubles import Troubles

# Consumers: how far a partition of events was read, what stood there (runtime.log_marks), and under which epoch.
READ, MARK, EPOCH = "told", "told-mark", "told-epoch"
# Messages before where one was that are read again at a start: of a topic that lost its newest and grew again some
# may be others. What a busy log tells between two looks of a follower.
_AGAIN = 200
Dead = Callable[[Entry, str], None]
_Step = tuple[int, list[SmallEvent]]  # position of the log, events up to it


class ToldReading:
    """One log's events on their way into the database."""

    def __init__(
        self, stream: str, held: Held, writer: EventWriter, events: Partition, log: Partition, dead: Dead
    ) -> None:
        """Take the partition of events of a log and the log itself; `dead` keeps what is no such thing."""
        self.stream = stream
        self.counts: Counter[Verdict] = Counter()
        self.troubles = Troubles(f"events of {stream}")
        self._database = held.database
        self._writer = writer
        self._events = events
        self._log = log
        self._dead = dead
        self.aloud = ToldAloud(writer, time.monotonic)
        self._gate = ToldGate(stream, 0, self._given, lambda: log.end)
        self._ready: tuple[Entry, _Step] | None = None  # judged, and not taken by the writer yet
        self._marks: deque[tuple[int, int, int, int]] = deque()  # position of the log, of the partition, mark, epoch
        self.follower = Follower(events, self._begin, self._take, self._pass_over)

    def remade(self) -> bool:
        """Tell whether the log ends before what was written of it: it was made anew. Raises MachineryError."""
        with self._database.read() as connection:
            reached = positions.reached(connection, positions.EVENTS, self.stream)
        return bool(reached) and reached > self._log.end

    def mark(self, connection: Connection) -> None:
        """Write down how far the partition was read of what lasts."""
        applied, newest = self._writer.applied(self.stream), None
        while self._marks and self._marks[0][0] <= applied:
            newest = self._marks.popleft()
        if newest is not None:
            for consumer, reached in zip((READ, MARK, EPOCH), newest[1:], strict=True):
                positions.reach(connection, consumer, self.stream, reached)

    # ── in the follower's thread ─────────────────────────────────────────────────────────────────

    def _begin(self, begin: int, end: int) -> int:
        """Return where to go on; of a log that was made anew everything is read again."""
        if self.remade():
            with self._database.write() as connection:
                for consumer in (positions.EVENTS, READ, MARK, EPOCH):
                    positions.reach(connection, consumer, self.stream, 0)
        with self._database.read() as connection:
            self._gate.epoch = positions.reached(connection, EPOCH, self.stream)
            read = positions.reached(connection, READ, self.stream)
            mark = positions.reached(connection, MARK, self.stream)
        if read > end or (mark and sound([(read, mark)], self._events) is not None):
            return begin
        return min(max(read - _AGAIN, begin), end)

    def _given(self) -> int:
        return holders(self._database).get(self.stream, (0, "", 0))[0]

    def _take(self, entry: Entry) -> None:
        """Judge a message once, and hand it on until it is taken. Raises Full, Unavailable."""
        if self._ready is None or self._ready[0] is not entry:
            judged = self._judged(entry)
            if judged is None:
                return
            self._ready = entry, judged
        position, events = self._ready[1]
        self._writer.put(self.stream, position, events)
        self._marks.append((position, entry.position, mark_of(entry), self._gate.epoch))
        self._ready = None

    def _pass_over(self, entry: Entry, why: str) -> None:
        """Call people to the fires of a message that a fault of ours keeps from them, and keep it."""
        self.aloud.hear(entry.value)
        self._dead(entry, why)

    def _asked(self, told: Told, entry: Entry) -> Judged:
        """Judge what a worker tells; where nobody answers, its fires do not wait for that. Raises MachineryError."""
        try:
            return self._gate.judge(told)
        except MachineryError:
            self.aloud.hear(entry.value)
            raise

    def _judged(self, entry: Entry) -> _Step | None:
        """Return the step that a message ends; None where it ends none, or is none."""
        try:
            told = decode_told(entry.value)
        except Corrupt as why:
            judged = Judged(Verdict.WRONG, why=str(why))
        else:
            judged = self._asked(told, entry)
        # Who told a part may be gone before he tells the last, and whoever follows needs 10 s to find it again.
        called = self.aloud.hear(entry.value) if judged.verdict in {Verdict.WRONG, Verdict.WAITS} else 0
        if judged.verdict is Verdict.WRONG:
            self._dead(entry, judged.why)
            said = f", and people are called to {called} fires of it" if called else ""
            self.troubles.tell(f"message {entry.position} is not believed{said}", Unavailable(judged.why))
        self.counts[judged.verdict] += 1
        return (judged.position, list(judged.events)) if judged.verdict is Verdict.TAKEN else None
