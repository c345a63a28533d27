"""Parts that tests of lanes and of the projector are put together from."""

import threading
from collections import deque
from functools import partial

import msgspec

from ingest.batcher import Batcher
from ingest.resolver import Binding, Resolver
from park.errors import Unavailable
from park.metrics import Lane
from park.records import Config, DeviceRow, PlaceRow, PointRow
from park.settings import IngestSettings, LogSettings
from runtime.lane import LaneWorker
from runtime.lane_words import LaneSettings
from runtime.log import SegmentLog
from runtime.log_time import LogTime
from runtime.storage.snapshots import FileSnapshots
from stream.pipeline import Pipeline
from stream.stages import life_stages
from tests import tools

START = 1_750_003_200_000  # a whole hour, epoch ms
MINUTE = 60_000
POWER, SMOKE, HEAT = 1, 2, 3
CONFIG = Config(
    1, START,
    points=(PointRow(POWER, "power", 10, 3, 1), PointRow(SMOKE, "smoke", 11, 3, 1), PointRow(HEAT, "heat", 12, 3, 1)),
    devices=(
        DeviceRow(10, 1, 3, Lane.BULK, "meter"),
        DeviceRow(11, 1, 3, Lane.LIFE, "smoke_detector"),
        DeviceRow(12, 1, 3, Lane.LIFE, "heat_detector"),
    ),
    places=(PlaceRow(1, 1, 0, "park", "park"), PlaceRow(3, 1, 1, "unit", "unit")),
)  # fmt: skip
BINDINGS = [
    Binding("native:p/-/meter", "power", POWER, metric="power", device=10),
    Binding("native:p/-/smoke", "smoke", SMOKE, metric="smoke", device=11, lane=Lane.LIFE),
    Binding("native:p/-/heat", "heat", HEAT, metric="heat", device=12, lane=Lane.LIFE),
]

until = partial(tools.until, every=0.005)  # lanes of tests are quick


def message(device, values, ts=None, n=0):
    """Return a message in the native dialect."""
    lane = "bulk" if device == "meter" else "life"
    body = {"v": values} if ts is None else {"ts": ts, "v": values}
    return f"parks/p/{lane}/-/{device}".encode(), msgspec.json.encode(body), n.to_bytes(2), 2


class Recorded:
    """A source of messages that were recorded: given out in order, again after a restart unless acknowledged."""

    def __init__(self, messages=(), at_once=3):
        self.waiting = deque(messages)
        self.acknowledged = []
        self.alive = 0  # polls that only kept the connection alive
        self.listening = True  # whether there is somebody to connect to
        self._handed = deque()
        self._at_once = at_once
        self._bell = threading.Event()

    def give(self, *messages):
        """Let more messages come."""
        self.waiting.extend(messages)
        self._bell.set()

    def open(self):
        """Begin, or fail as with a broker that is away."""
        if not self.listening:
            raise Unavailable("the broker is away")

    def poll(self, timeout, limit=None):
        """Return the next few messages."""
        if limit == 0:
            self.alive += 1
            self._bell.wait(min(timeout, 0.01))
            return []
        if not self.waiting:
            self._bell.wait(timeout)
        self._bell.clear()
        some = [self.waiting.popleft() for _ in range(min(self._at_once, len(self.waiting)))]
        if some:
            self._handed.append(some)
        return some

    def ack(self, messages):
        """Take an acknowledgement, in order only."""
        if messages:
            assert self._handed.popleft() is messages
            self.acknowledged += messages

    def wake(self):
        """End the waiting of `poll`."""
        self._bell.set()

    def close(self):
        """Keep what was not acknowledged."""


class Writer:
    """A writer of events in memory: skips what it has, as the one in SQL does."""

    def __init__(self):
        self.events = []
        self.position = 0

    def __call__(self, lane, position, events):
        """Take the events of a step."""
        del lane
        if position > self.position:
            known = {e.id for e in self.events}
            self.events += [e for e in events if e.id not in known]
            self.position = position


class Clock:
    """A clock that a test sets."""

    def __init__(self, now=START):
        self.now = now
        self.elapsed = 1.0  # s that have passed on a clock that nobody sets
        self.disciplined = False  # whether a time server keeps it right

    def __call__(self):
        """Return the time, epoch ms."""
        return self.now


class Bench:
    """A lane on real files, with everything a test looks at."""

    def __init__(
        self, folder, lane=Lane.LIFE, *, stages=life_stages, log=None, decode=None, sink=None, registry=None, **settings
    ):
        self.clock = Clock()
        self.source = Recorded()
        self.writer = Writer()
        self.published = []
        self.early = []
        self.folder = folder
        self.log = log or SegmentLog(folder / lane, LogSettings(reserve_bytes=0, segment_bytes=1 << 16), lane)
        resolver = Resolver(IngestSettings())
        self.bind = lambda: resolver.bind(BINDINGS)
        batcher = Batcher(IngestSettings(), resolver)
        self.worker = LaneWorker(
            lane,
            source=self.source,
            decode=decode(batcher.batch) if decode else batcher.batch,
            log=self.log,
            pipeline=lambda: Pipeline(stages),
            snapshots=FileSnapshots(folder / "snapshots"),
            sink=sink or self.writer,
            publish=self.published.append,
            applied=lambda: self.writer.position,
            time=LogTime(self.clock, lambda: self.clock.elapsed, lambda: self.clock.disciplined),
            settings=LaneSettings(**{"poll": 0.02, "retry": 0.01, **settings}),
            registry=registry,
            early=lambda _lane, events: self.early.extend(events),
        )

    def start(self, configure=True):
        """Go live, with the devices known."""
        self.worker.start()
        assert self.worker.live.wait(20), self.worker.state
        if configure:
            self.worker.submit(CONFIG, self.bind).result(20)
        else:
            self.bind()
        return self

    def run(self, *messages):
        """Give messages and wait until all are acknowledged."""
        wanted = len(self.source.acknowledged) + len(messages)
        self.source.give(*messages)
        until(lambda: len(self.source.acknowledged) >= wanted)
        position = self.log.end
        until(lambda: self.worker.runner.position >= position)

    def stop(self):
        """End in order."""
        assert self.worker.stop(20)
        self.log.close()


def rules(events):
    """Return the rules of some events."""
    return [e.rule for e in events]


def kinds(log):
    """Return what a log holds, record by record."""
    return [type(r).__name__ for _, r in log.read(0)]
