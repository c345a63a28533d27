"""What one turn of a lane brings, what waits for a log that takes nothing, and what of the findings is for people."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from ingest.message import Message
from park.events import Bands, Event
from park.records import Record
from park.wire import SmallEvent

_SMALL = SmallEvent.__args__


@dataclass(slots=True)
class Step:
    """What one turn brings: records that go into the log together."""

    messages: list[Message]  # of the source, that it is to acknowledge
    records: list[Record]
    taken: int = 0  # messages in all
    waiting: list[tuple["Future[int]", Callable[[], None] | None]] = field(default_factory=list)
    found: list[SmallEvent] | None = None  # None: not run yet

    @property
    def size(self) -> int:
        """Bytes of its messages."""
        return sum(len(message[1]) for message in self.messages)


class HeldSteps:
    """Steps that the log has not taken, in order."""

    def __init__(self) -> None:
        self.steps: deque[Step] = deque()
        self.messages = self.bytes = 0

    def __bool__(self) -> bool:
        return bool(self.steps)

    def append(self, step: Step) -> None:
        """Hold one more."""
        self.steps.append(step)
        self.messages += step.taken
        self.bytes += step.size

    def take(self) -> Step:
        """Let go of the oldest, which the log has now."""
        step = self.steps.popleft()
        self.messages -= step.taken
        self.bytes -= step.size
        return step


def for_people(events: Iterable[Event], drawn: Callable[[Bands], None]) -> list[SmallEvent]:
    """Return what is for people; hand on what was usual, leave out what else is for time series."""
    found: list[SmallEvent] = []
    for event in events:
        if isinstance(event, _SMALL):
            found.append(event)
        elif isinstance(event, Bands):
            drawn(event)
    return found
