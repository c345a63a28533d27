"""Fires in messages that are not believed, or not whole yet: people are called to them all the same, each once.

A message of an epoch that was never given out is a worker's own where PostgreSQL was restored to before it took the
log, and one beyond its log's end where Kafka lost the log's newest records. Whoever finds it again tells it again,
under the same id; but until then it burns. What only claims to be a worker's is bounded: who floods the topic gets no
more people called than a park on fire would.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

from park.told import heard
from park.wire import SmallEvent
from runtime.event_writer import EventWriter, urgent

_KNOWN = 10_000  # events that were called out, by which one that comes again is known
_MOST = 200  # events of one log within `_SPAN`: what one message of a worker holds
_SPAN = 60.0  # s


class ToldAloud:
    """The calls of one log; it belongs to one thread."""

    def __init__(self, writer: EventWriter, elapsed: Callable[[], float]) -> None:
        """Take who calls people, and a clock that nobody sets (s)."""
        self.passed = 0  # events beyond the bound
        self._writer = writer
        self._elapsed = elapsed
        self._known: OrderedDict[str, None] = OrderedDict()
        self._when: deque[float] = deque()  # of the newest calls

    def hear(self, content: bytes) -> int:
        """Call out what of a message people are called to at once; return how much that was. Never fails."""
        stream, events = heard(content)
        fresh = {event.id: event for event in events if urgent(event) and event.id not in self._known}
        now = self._elapsed()
        while self._when and now - self._when[0] >= _SPAN:
            self._when.popleft()
        called = list(fresh.values())[: _MOST - len(self._when)]
        self.passed += len(fresh) - len(called)
        self._when.extend([now] * len(called))
        self._note(called)
        # Whether it is news is judged by its time: it may have lain in the topic for days.
        self._writer.early(stream, called, live=False)
        return len(called)

    def _note(self, events: list[SmallEvent]) -> None:
        for event in events:
            self._known[event.id] = None
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)
