"""The live feed of a city: every process of the API hears the same events from Kafka, and relays them to its pages.

```
 workers ── park.events ──┐                                  ┌─> pages of this process
 alarms, other APIs ── park.live (changes of cases) ─────────┴── CityFeed: a ring, numbered by Kafka's times
```
A page that comes back may meet another process: numbers there are alike, not the same, so it is told again what came
within two seconds before; events have ids of their own, and a page shows each once.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence

import msgspec

from park.errors import Corrupt, MachineryError
from park.ports import LiveEvent
from park.settings import ApiSettings
from park.told import Told
from park.wire import encode_event, event_name
from runtime.kafka_log import Partition
from runtime.live import LiveBuffer
from runtime.troubles import Troubles

OVERLAP = 2_000  # ms that are told again
_KNOWN = 20_000  # ids of events that are remembered: a worker that takes over tells some again
_WAITING = 10_000  # changes of cases that wait for Kafka; beyond them the oldest go: pages ask for the present anyhow
_AT_ONCE = 200
_REST = 0.5  # s


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    event: str
    park: int
    body: msgspec.Raw


_in = msgspec.json.Decoder(_Said)
_out = msgspec.json.Encoder()


def encode_live(event: str, park: int, body: bytes) -> bytes:
    """Return what goes into the topic of live pages."""
    return _out.encode(_Said(event, park, msgspec.Raw(body)))


def decode_live(content: bytes) -> tuple[str, int, bytes]:
    """Return (event, park, body) of `encode_live`. Raises Corrupt."""
    try:
        said = _in.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise Corrupt(f"this is nothing for live pages: {why}") from why
    if not said.event.isidentifier():  # it becomes a line of a stream of events
        raise Corrupt("this names no event for live pages")
    return said.event, said.park, bytes(said.body)


class CityFeed(LiveBuffer):
    """A live feed that others fill as well."""

    def __init__(self, settings: ApiSettings, started: int) -> None:
        super().__init__(settings, started)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._telling = threading.Lock()

    def relay_told(self, told: Told, at: int) -> None:
        """Tell pages what a worker told, nothing twice.

        Under whatever epoch: who was replaced tells what his successor finds again, under the same ids, and the epochs
        of a database that was restored begin lower. What is believed is for who writes it down (runtime.told_gate).
        """
        with self._telling:
            fresh = [event for event in told.events if event.id not in self._known]
            for event in fresh:
                self._known[event.id] = None
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
            for event in fresh:
                self.relay(event_name(event), event.park, encode_event(event), at)

    def since(self, last: int) -> tuple[Sequence[LiveEvent], bool]:
        """Return what came after an id of any process, and whether that is all of it."""
        newest, overlap = self.newest, OVERLAP * 1_000
        if last > newest + overlap:
            return super().since(last)  # nobody can have given it out
        return super().since(min(last, newest) - overlap)


class LivePublisher:
    """Brings what this process changes to the pages of all: never blocks who publishes."""

    def __init__(self, partition: Partition) -> None:
        """Take the partition of the topic of live pages."""
        self.troubles = Troubles("live pages")
        self._partition = partition
        self._waiting: deque[bytes] = deque(maxlen=_WAITING)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-publisher")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Bring what waits, where Kafka takes it, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._partition.close()

    def publish(self, event: str, park: int, body: bytes) -> None:
        """Tell all pages; from any thread."""
        self._waiting.append(encode_live(event, park, body))
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting and self._brought():
                pass
            if self._stopping.is_set():
                return

    def _brought(self) -> bool:
        some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
        while True:
            try:
                self._partition.append([(b"", body) for body in some])
            except MachineryError as why:
                self.troubles.tell("pages are not told of changes now", why)
                if self._stopping.wait(_REST):
                    return False
            except ValueError as why:  # too large for a topic: pages ask for it
                self.troubles.tell("a change is too large for live pages", why)
                return True
            else:
                self.troubles.over()
                return True
