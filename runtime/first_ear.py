"""Fires that are heard before there is a log: by an ingester that starts while Kafka is away.

```
 broker ─ the life-safety lane's session ─> FirstEar ─ stages of fires ─> EarlyCalls (runtime.ingest_watch)
                                               └ nothing is acknowledged: the broker sends all of it to the lane again
```
What time a lane's logs have reached only Kafka knows, so the lane may append nothing and does not listen. This one
listens in its place, under the same session, and leaves before the lane connects.
"""

import threading
from collections.abc import Callable

from ingest.mqtt import Reader
from park.directory import Directory
from park.events import Event
from park.metrics import Lane
from park.operator import Operator
from park.records import Config
from park.wire import SmallEvent
from runtime.intake import Intake
from runtime.lane_words import Decode
from runtime.log_time import LogTime
from runtime.troubles import Troubles
from stream.fire import Fire
from stream.pipeline import Pipeline
from stream.unreadable import Unreadable

_PATIENCE = 3.0  # s that a lane may need to begin; where Kafka is there it needs less
_LOOK = 0.2  # s
_LEAVING = 5.0  # s that it may take to leave
_REST = 1.0  # s after something that may pass
_SMALL = SmallEvent.__args__


class FirstEar:
    """Listens from a while after `start` until `stop`, in a thread of its own."""

    def __init__(
        self,
        reader: Callable[[], Reader],
        decode: Decode,
        time: LogTime,
        registry: Callable[[], Config],
        early: Callable[[Lane, list[SmallEvent]], None],
        patience: float = _PATIENCE,
    ) -> None:
        """Take what makes the lane's connection, what is registered, and who calls people; nothing runs yet."""
        self.troubles = Troubles("first ear")
        self.hears = False  # whether it listens now
        self._reader = reader
        self._intake = Intake(decode, time, self.troubles)
        self._registry = registry
        self._early = early
        self._patience = patience
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="first-ear")

    def start(self) -> None:
        """Listen, unless it is stopped soon."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, and leave the session to the lane; twice is as good as once."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_LEAVING)  # one that still waits for the registry will not connect any more

    def _run(self) -> None:
        rest = self._patience
        while not self._stopping.wait(rest):
            with self.troubles.passing("nobody hears of fires yet"):
                self._listen()
            rest = _REST

    def _listen(self) -> None:
        stages = Pipeline(fire_stages)
        stages.run(self._registry(), lambda _event: None)
        reader = self._reader()
        tick = 0
        try:
            if not self._stopping.is_set():
                reader.open()
            while not self._stopping.is_set():
                messages = reader.poll(_LOOK)
                self.hears = reader.subscribed
                if self.hears:
                    self.troubles.over()
                tick, batches = self._intake.take(messages, tick)
                for batch in batches:
                    found: list[Event] = []
                    with self.troubles.passing("a stage failed on a batch"):
                        stages.run(batch, found.append)
                    self._early(Lane.LIFE, [event for event in found if isinstance(event, _SMALL)])
        finally:
            self.hears = False
            reader.close()


def fire_stages(directory: Directory) -> tuple[Operator, ...]:
    """Return the stages that find what people are called to at once."""
    return (Fire(directory), Unreadable(directory))
