"""Events into SQL, behind the lanes: a disk that syncs slowly holds no lane up."""

import threading
from collections import deque
from collections.abc import Callable

from park.errors import Full
from park.metrics import Lane
from park.ports import EventStore
from park.wire import SmallEvent
from runtime.troubles import Troubles

_WAITING = 200_000  # events that may wait; then the lanes are told to wait
_AT_ONCE = 5_000  # events of one transaction
_IDLE = 5.0  # s after which a position without events is written down, too

Told = Callable[[list[SmallEvent]], None]


class EventWriter:
    """Writes what lanes find, the life-safety lane's first, in a thread of its own."""

    def __init__(self, store: EventStore) -> None:
        self.troubles = Troubles("event writer")
        self._store = store
        self._change = threading.Condition()
        self._waiting: dict[Lane, deque[tuple[int, list[SmallEvent]]]] = {Lane.LIFE: deque(), Lane.BULK: deque()}
        self._count = 0
        self._stopping = False
        self._applied = {lane: store.applied(lane) for lane in Lane}
        self._thread = threading.Thread(target=self._run, name="event-writer")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, lane: Lane, position: int, events: list[SmallEvent]) -> None:
        """Take events of log records up to a position. Raises Full when too many wait."""
        with self._change:
            if self._count > _WAITING and lane is Lane.BULK:
                raise Full("too many events wait to be written")
            self._waiting[lane].append((position, events))
            self._count += len(events)
            if events:
                self._change.notify()

    def applied(self, lane: Lane) -> int:
        """Return the position through which a lane's events last."""
        return self._applied[lane]

    @property
    def waiting(self) -> int:
        """Events that wait."""
        return self._count

    def stop(self, timeout: float = 30.0) -> None:
        """Write what waits, then end."""
        with self._change:
            self._stopping = True
            self._change.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._change:
                if not self._count and not self._stopping:
                    self._change.wait(_IDLE)
                stopping = self._stopping  # what was put before it is written
            wrote = False
            for lane in (Lane.LIFE, Lane.BULK):
                while taken := self._take(lane):
                    wrote = True
                    if not self._write(lane, *taken) and self._stopping:
                        return
                    if lane is Lane.BULK:
                        break  # life safety first, again
            if stopping and not wrote:
                return

    def _take(self, lane: Lane) -> tuple[int, list[SmallEvent]] | None:
        """Return the next transaction's worth, left in the queue until it is written."""
        found: list[SmallEvent] = []
        position = 0
        with self._change:
            for position, events in self._waiting[lane]:  # noqa: B007 - the last one is used
                found += events
                if len(found) >= _AT_ONCE:
                    break
        return (position, found) if position else None

    def _write(self, lane: Lane, position: int, events: list[SmallEvent]) -> bool:
        written = False
        with self.troubles.passing("events could not be written"):
            self._store.apply(lane, position, events)
            written = True
        if not written:
            with self._change:
                if not self._stopping:
                    self._change.wait(0.5)
            return False
        self.troubles.over()
        self._applied[lane] = position
        with self._change:
            queue = self._waiting[lane]
            while queue and queue[0][0] <= position:
                self._count -= len(queue.popleft()[1])
        return True
