"""A partition's worker over a database and engines in memory, for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from park.errors import Unavailable
from park.events import ConditionChange
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow
from park.wire import encode
from runtime.city_lane import CityLane, Parts
from runtime.city_lane_words import ALL, CityLaneSettings
from runtime.kafka_log import Entry
from runtime.kafka_records import open_record
from runtime.partition_pipeline import PartitionPipeline
from runtime.projector import Projector, ProjectorSettings
from runtime.runner import Runner
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.assignments import take
from runtime.storage.sql.cuts import SqlJournal, fit
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.snapshots import SqlSnapshots, known_of
from runtime.stream_log import StreamLog, Tail
from stream.stages import life_stages, store_stages
from tests.tools import until

MINUTE = 60_000
STREAM = "life-1"
QUICK = CityLaneSettings(retry=0.01, snapshot_records=1 << 30, snapshot_seconds=1e9, said=0.0)
NONE = np.zeros(0, np.int32)
REGISTERED = Config(
    1, 0,
    points=tuple(PointRow(n, "smoke", n, 1, 1) for n in (1, 2)),
    devices=tuple(DeviceRow(n, 1, 1, Lane.LIFE, "smoke_detector") for n in (1, 2)),
    places=(PlaceRow(1, 1, 0, "park", "Liuxi", code="liuxi"),),
)  # fmt: skip


def smoke(minute, value, point=1):
    """Return what a smoke detector says in a minute."""
    at = minute * MINUTE + 1
    one = np.array([1], np.int32)
    return Batch(batch_of([(point, at, value, 0, at)]), Edge(one - 1, one, one))


@dataclass
class Kafka:
    """A partition and the topic of events, in memory."""

    values: list[bytes] = field(default_factory=list)
    told: list[object] = field(default_factory=list)
    begin: int = 0
    away: bool = False

    def add(self, *records):
        """Append records, or bytes that are none; return the messages."""
        first = len(self.values)
        self.values += [r if isinstance(r, bytes) else encode(r) for r in records]
        return [Entry(n + 1, b"", self.values[n], 5) for n in range(first, len(self.values))]

    @property
    def end(self):
        """Position after the newest."""
        return len(self.values)

    def read(self, position, end=None):
        """Yield messages."""
        for n in range(position, min(self.end if end is None else end, self.end)):
            yield Entry(n + 1, b"", self.values[n], 5)

    def tell(self, messages):
        """Take what was found."""
        if self.away:
            raise Unavailable("Kafka is away")
        self.told += messages

    def close(self):
        """Release nothing."""


class Ground:
    """A database, other engines in memory, and partitions' workers over them."""

    def __init__(self, folder):
        self.database = Database.open(folder / "park.db")
        self.kafka, self.store = Kafka(), MemoryStore()
        self.lanes = []
        self.reachable = True
        self.take = lambda: None  # called before a log is taken over
        self.taken = lambda: None  # called once it is

    def lane(self, stream=STREAM, sound=ALL, settings=QUICK):
        """Return a worker, not begun yet."""
        lane = CityLane(stream, Tail(stream, lambda e: open_record(e.value)), self.parts, settings, sound=sound)
        self.lanes.append(lane)
        return lane

    def parts(self, lane):
        """Take the log over, as the program's workshop does."""
        self.take()
        if not self.reachable:
            raise Unavailable("the database is away")
        lane.tail.reach(self.kafka.end)
        held = take(self.database, lane.stream, "a test", 0, lambda: not lane.ending)
        self.taken()
        marks, known = known_of(held, self.kafka, self.kafka.end, lane.sound)
        lost = fit(held, known, (lane.stream, f"store-{lane.stream}"), self.kafka.end)
        snapshots = SqlSnapshots(held, marks=marks.before)
        log = StreamLog(lane.tail, self.kafka, lane.refuse, marks)
        runner = Runner(
            lane.stream,
            lambda: PartitionPipeline(life_stages),
            log,
            snapshots,
            careful=True,
            registry=lambda: REGISTERED,
        )
        turn = threading.Lock()
        projector = Projector(
            logs={lane.stream: StreamLog(lane.tail, self.kafka)}, stages=store_stages,
            store=self.store, quarantine=SqlQuarantine(held.database),
            ledger=SqlLedger(held.database), snapshots=snapshots, journals=lambda _: SqlJournal(held),
            settings=ProjectorSettings(cycle=0.01), registry=lambda _: REGISTERED, pipeline=PartitionPipeline,
            saving=turn,
        )  # fmt: skip
        return Parts(
            held, log, runner, snapshots, projector, self.kafka.tell, lambda _: None, turn, lambda: None,
            "records were lost" if lost else "",
        )  # fmt: skip

    def begun(self):
        """Return a worker that is live."""
        lane = self.lane()
        lane.start()
        assert lane.live.wait(20)
        return lane

    def put(self, lane, *records):
        """Append records and hand them over; wait until they are run."""
        for entry in self.kafka.add(*records):
            lane.put(entry)
        until(lambda: lane.state.position >= self.kafka.end)

    @property
    def fires(self):
        """Return (epoch, position, state) of the fires that were told."""
        told = [(m, e) for m in self.kafka.told for e in m.events if isinstance(e, ConditionChange)]
        return [(m.epoch, m.position, str(e.state)) for m, e in told if e.family == "fire"]


@contextmanager
def lane_ground(folder) -> Iterator[Ground]:
    """Open a ground, and end all that was begun on it."""
    made = Ground(folder)
    try:
        yield made
    finally:
        for lane in made.lanes:
            lane.stop(keep=False)
        made.database.close()
