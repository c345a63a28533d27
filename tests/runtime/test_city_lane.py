"""A partition's worker: what it tells and saves, and what it does when others hold its log or are away."""

import threading
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from park.errors import Unavailable
from park.events import ConditionChange
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow, Tick
from park.wire import encode
from runtime.city_lane import CityLane, Parts
from runtime.city_lane_words import ALL, CityLaneSettings, Phase
from runtime.city_worker import LanePartitions
from runtime.kafka_log import Entry
from runtime.kafka_records import open_record
from runtime.partition_pipeline import PartitionPipeline
from runtime.projector import Projector, ProjectorSettings
from runtime.runner import Runner
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.assignments import holders, take
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

    def lane(self, stream=STREAM, sound=ALL, settings=QUICK):
        """Return a worker, not begun yet."""
        lane = CityLane(stream, Tail(stream, lambda e: open_record(e.value)), self.parts, settings, sound=sound)
        self.lanes.append(lane)
        return lane

    def parts(self, lane):
        """Take the log over, as the program's workshop does."""
        if not self.reachable:
            raise Unavailable("the database is away")
        lane.tail.reach(self.kafka.end)
        held = take(self.database, lane.stream, "a test", 0)
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


@pytest.fixture
def ground(tmp_path):
    made = Ground(tmp_path)
    yield made
    for lane in made.lanes:
        lane.stop(keep=False)
    made.database.close()


def test_a_fire_is_told(ground):
    """What is found is told under the epoch, with the position of its record."""
    lane = ground.begun()
    ground.put(lane, REGISTERED, Tick(MINUTE), smoke(1, 0), smoke(1, 1))
    until(lambda: ground.fires)

    assert [(1, 4, "active")] == ground.fires
    assert (Phase.LIVE, 1, 4, MINUTE, 2) == (
        lane.phase, lane.state.epoch, lane.state.position, lane.state.tick, lane.state.readings
    )  # fmt: skip


def test_what_came_before_is_read(ground):
    """What stood in the log before the start is read from Kafka; nobody has to hand it over."""
    ground.kafka.add(REGISTERED, Tick(MINUTE), smoke(1, 0), smoke(1, 1))
    lane = ground.begun()

    assert [(1, 4, "active")] == ground.fires
    assert 4 == lane.state.position


@pytest.mark.parametrize("keep", [True, False], ids=["saved", "not saved"])
def test_another_goes_on(ground, keep):
    """Whoever takes over goes on at the snapshot, or reads all again; what stands was told, with the same ids."""
    first = ground.begun()
    ground.put(first, REGISTERED, Tick(MINUTE), smoke(1, 0), smoke(1, 1))
    assert first.stop(keep=keep)
    before = list(ground.kafka.told)
    second = ground.begun()
    ground.put(second, smoke(2, 1, point=2))
    until(lambda: any(m.epoch == 2 and m.position == 5 for m in ground.kafka.told))

    assert Phase.STOPPED is first.phase
    assert (1 if keep else 3) == second.state.readings
    ids = {e.id for m in before for e in m.events}
    assert ids
    again = {e.id for m in ground.kafka.told[len(before) :] for e in m.events if m.position <= 4}
    assert again == (set() if keep else ids)


def test_kafka_takes_nothing(ground):
    """What cannot be told is told later, first things first; until then nothing is saved."""
    lane = ground.begun()
    ground.put(lane, REGISTERED, Tick(MINUTE), smoke(1, 0))
    ground.kafka.away = True
    for entry in ground.kafka.add(smoke(1, 1), smoke(2, 0), smoke(2, 1, point=2)):
        lane.put(entry)
    until(lambda: "Kafka is away" in lane.state.trouble)
    assert not lane.settle(0.05)
    ground.kafka.away = False
    until(lambda: any(m.position == 6 and m.events for m in ground.kafka.told))
    told = [m.position for m in ground.kafka.told if m.events]

    assert sorted(told) == told
    assert ground.fires


def test_taken_over(ground):
    """Once somebody else holds the log it ends by itself, and saves nothing."""
    lane = ground.begun()
    ground.put(lane, REGISTERED, Tick(MINUTE))
    other = take(ground.database, STREAM, "another", 0)
    partitions = LanePartitions(
        Lane.LIFE, lambda *_: lane, lambda: {s: e for s, (e, _, _) in holders(ground.database).items()}
    )
    partitions._lanes[1] = lane
    partitions._mark_lost(partitions._holders())
    until(lambda: lane.over)

    assert (Phase.LOST, 2) == (lane.phase, other.epoch)
    assert SqlSnapshots(other).load(STREAM) is None


def test_settled(ground):
    """Where it stands is saved when that is asked, while it goes on."""
    lane = ground.begun()
    ground.put(lane, REGISTERED, Tick(MINUTE), smoke(1, 1))

    assert lane.settle(10)
    assert 3 == SqlSnapshots(lane.held).load(STREAM)[0]
    assert Phase.LIVE is lane.phase


def test_a_database_that_is_away(ground):
    """A log that cannot be taken yet is taken when it can be."""
    ground.reachable = False
    ground.kafka.add(REGISTERED, Tick(MINUTE), smoke(1, 1))
    lane = ground.lane()
    lane.start()
    until(lambda: "the database is away" in lane.state.trouble)
    before = lane.phase
    ground.reachable = True
    assert lane.live.wait(20)

    assert (Phase.TAKING, [(1, 3, "active")], "") == (before, ground.fires, lane.state.trouble)


def test_helpless(ground):
    """Who can take nothing of what the group gives leaves it to others; who holds one log stays."""
    away = LanePartitions(Lane.LIFE, ground.lane, dict, helpless=0.0)
    ground.reachable = False
    away.assigned(frozenset({1}))
    until(lambda: away.helpless)
    ground.reachable = True
    until(lambda: not away.helpless)
    assert away.lanes[0].live.wait(20)
    ground.reachable = False
    away.assigned(frozenset({1, 2}))
    until(lambda: any("the database is away" in state.trouble for state in away.states))
    stays = not away.helpless
    away.stop()

    assert stays


def test_who_holds_a_log_joins_again(ground):
    """Whether one can join is asked of the database by who holds nothing: what runs goes on without it."""

    def away():
        raise Unavailable("the database is away")

    partitions = LanePartitions(Lane.LIFE, ground.lane, away)
    before = partitions.able()
    partitions.assigned(frozenset({1}))
    after = partitions.able()
    partitions.stop()

    assert (False, True) == (before, after)


def test_told_to_stop_first(ground):
    """One that never got its log ends as it is told to."""
    ground.reachable = False
    lane = ground.lane()
    lane.start()

    assert lane.stop(10)
    assert Phase.STOPPED is lane.phase


def test_the_past_is_gone(ground):
    """Where Kafka has let go of what was to be read it begins there, with the registry as it is, and says so."""
    ground.kafka.add(REGISTERED, Tick(MINUTE), smoke(1, 0), Tick(2 * MINUTE), smoke(2, 1))
    ground.kafka.begin = 3
    lane = ground.begun()

    assert [(1, 5, "active")] == ground.fires
    assert "begins at 3" in lane.state.lost


def test_a_message_that_is_no_record(ground):
    """It is kept for people, told where lives hang on it, and what comes behind it is run."""
    lane = ground.begun()
    ground.put(lane, REGISTERED, Tick(MINUTE), b"\x09half a bat", smoke(1, 1))
    quarantine = SqlQuarantine(ground.database)
    (kept,) = until(quarantine.waiting)

    assert (b"\x09half a bat", STREAM, Lane.LIFE) == (kept.refused.payload, kept.refused.topic, kept.lane)
    assert [(1, 4, "active")] == ground.fires
    assert [3] == [entry.position for entry, _ in lane.dead]
    assert 1 == lane.state.dead
    assert {"unreadable", "fire"} == {e.family for m in ground.kafka.told for e in m.events if m.position <= 4}


def test_no_store_holds_it_up(ground):
    """A store that takes nothing holds up no fire."""
    lane = ground.lane()
    gate = threading.Event()

    class Stuck(MemoryStore):
        def write(self, chunk):
            gate.wait(20)
            super().write(chunk)

    ground.store = Stuck()
    lane.start()
    assert lane.live.wait(20)
    ground.put(lane, REGISTERED, Tick(MINUTE), smoke(1, 0), smoke(2, 1))
    until(lambda: ground.fires)
    behind = lane.state.store.lag_bytes
    gate.set()
    until(lambda: lane.given == 4)

    assert behind > 0
    assert 2 == len(ground.store.raw(1, 0, 1 << 62, 9))


def watched(ground):
    """Return partitions that hold the log and look at it, once they are live."""
    partitions = LanePartitions(
        Lane.LIFE, ground.lane, lambda: {s: e for s, (e, _, _) in holders(ground.database).items()}
    )
    partitions.assigned(frozenset({1}))
    partitions.start()
    assert partitions.lanes[0].live.wait(20)
    return partitions


@pytest.mark.parametrize("lost", [1, 3], ids=["its end", "everything"])
def test_positions_that_are_given_out_again(ground, lost):
    """A log that lost its newest records under a running worker is taken anew: the fire that stands there is told."""
    partitions = watched(ground)
    (first,) = partitions.lanes
    ground.put(first, REGISTERED, Tick(MINUTE), smoke(1, 0))
    assert first.settle(10)
    until(lambda: first.given == 3)
    del ground.kafka.values[3 - lost :]
    until(lambda: partitions.lanes[0] is not first and partitions.lanes[0].live.is_set())
    for entry in ground.kafka.add(smoke(2, 1)):
        partitions.put(1, entry)
    until(lambda: ground.fires)
    partitions.stop()

    assert [(2, 4 - lost, "active")] == ground.fires
    assert "the log ends at" in first.state.trouble


@pytest.mark.parametrize("saved", [True, False], ids=["saved meanwhile", "not saved"])
@pytest.mark.parametrize("lost", [2, 5], ids=["its end", "everything"])
def test_a_log_that_was_lost_and_grew_again(ground, lost, saved):
    """Of a log that lost records, and had more than those again before anybody looked, the fire among them is told."""
    first = ground.begun()
    ground.put(first, REGISTERED, Tick(MINUTE), smoke(1, 0))
    assert first.settle(10)
    ground.put(first, Tick(2 * MINUTE), smoke(2, 0))
    first.look()
    del ground.kafka.values[5 - lost :]
    ticks = [Tick(n * MINUTE) for n in (3, 4, 5)]
    for entry in ground.kafka.add(*([REGISTERED] if lost == 5 else []), smoke(2, 1), *ticks, smoke(5, 0, point=2)):
        first.put(entry)
    until(lambda: first.state.position == ground.kafka.end)
    before = list(ground.fires)
    if saved:
        assert first.settle(10)
    first.look()
    until(lambda: first.over)
    second = ground.lane(sound=first.sound)
    second.start()
    assert second.live.wait(20)

    assert [] == before
    assert [(2, 4 if lost == 2 else 2, "active")] == ground.fires
    assert "its records were lost" in first.state.trouble


@pytest.mark.parametrize("lost", [1, 3], ids=["its end", "everything"])
def test_what_was_registered_last(ground, lost):
    """A detector whose registration was among the records that were lost is known, and its fire is told."""
    first = ground.begun()
    ground.put(first, replace(REGISTERED, points=REGISTERED.points[:1], devices=REGISTERED.devices[:1]), Tick(MINUTE))
    assert first.settle(10)
    ground.put(first, replace(REGISTERED, version=2))
    assert first.stop()
    ground.kafka.values[3 - lost :] = []
    ground.kafka.add(*(Tick(n * MINUTE) for n in (1, 2, 3, 4)), smoke(4, 1, point=2))
    ground.begun()

    assert [(2, 8 - lost, "active")] == ground.fires


def test_whoever_takes_over_compares(ground):
    """A log that was lost and grew again while nobody had it is run from where it is another."""
    first = ground.begun()
    ground.put(first, REGISTERED, Tick(MINUTE), smoke(1, 0))
    assert first.stop()
    ground.kafka.values[2:] = [encode(smoke(1, 1)), encode(Tick(2 * MINUTE)), encode(Tick(3 * MINUTE))]
    ground.begun()

    assert [(2, 3, "active")] == ground.fires


def test_nobody_hands_it_over(ground):
    """What stands in the log is read though the group hands on nothing: where the log ends is asked of Kafka."""
    partitions = watched(ground)
    ground.kafka.add(REGISTERED, Tick(MINUTE), smoke(1, 1))
    until(lambda: ground.fires)
    partitions.stop()

    assert [(1, 3, "active")] == ground.fires
