"""Rules of safe running that rest on several parts at once, with the real ones."""

import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from lane_parts import CONFIG as LANE_CONFIG
from lane_parts import Bench, message, until
from paho.mqtt.enums import CallbackAPIVersion

from park.errors import Corrupt, Full
from park.events import AlarmState, ConditionChange
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.records import Command, Config, DeviceRow, PlaceRow, PointRow, Verb
from park.settings import IngestSettings, LogSettings, Settings
from runtime.broker import Broker
from runtime.dead_letters import DeadLetters
from runtime.embedded import Embedded
from runtime.event_writer import EventWriter
from runtime.house import House
from runtime.log import SegmentLog
from runtime.runner import Runner
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from stream.pipeline import Pipeline
from stream.stages import life_stages

FIRE = message("smoke", {"smoke": True})


def conditions(events):
    """Return what is told of conditions."""
    return [e for e in events if isinstance(e, ConditionChange)]


class Gated(SqlEvents):
    """SQL on a disk that takes nothing until a gate is opened."""

    def __init__(self, database):
        super().__init__(database)
        self.gate = threading.Event()
        self.asked = threading.Event()

    def apply(self, lane, position, events):
        """Take events, when there is room."""
        self.asked.set()
        if events and not self.gate.is_set():
            raise Full("no room for the database")
        super().apply(lane, position, events)


def test_no_snapshot_passes_what_lasts(tmp_path):
    """With the real writer: while what was found is not in SQL no snapshot is saved that would have forgotten it."""
    store = Gated(Database.open(tmp_path / "park.db"))
    writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"))
    bench = Bench(tmp_path, snapshot_bytes=1, sink=writer.put)
    bench.worker._applied = lambda: writer.applied(Lane.LIFE)
    snapshots = FileSnapshots(tmp_path / "snapshots")
    writer.start()
    bench.start()
    quiet = [message("meter", {"power": 1.0})] * 5
    bench.run(*quiet)
    until(lambda: snapshots.newest("life"))

    bench.run(FIRE)
    found = bench.log.end
    bench.run(*quiet)
    assert store.asked.wait(20)
    bench.run(*quiet)
    assert snapshots.newest("life") < found
    store.gate.set()
    until(lambda: writer.applied(Lane.LIFE) >= found)
    until(lambda: bench.run(*quiet) or snapshots.newest("life") > found)
    bench.stop()
    writer.stop()

    assert ["place:3"] == [c.subject for c in store.conditions(standing=True)]


def test_retention_keeps_two_snapshots_and_the_projector(tmp_path):
    """Whatever is trimmed, the log reaches back to the older of two snapshots, and to where the projector stands."""
    settings = LogSettings(segment_bytes=4096, keep_bytes=0, reserve_bytes=0)
    bench = Bench(tmp_path, snapshot_bytes=4096, log=SegmentLog(tmp_path / "life", settings, Lane.LIFE)).start()
    snapshots = FileSnapshots(tmp_path / "snapshots")
    held = 0
    for n in range(40):
        bench.run(*[message("meter", {"power": float(n * 10 + i)}) for i in range(10)])
        if n % 8 == 0:  # it lags, and comes on in steps
            held = bench.log.end
            bench.log.hold("projector", held)
        assert bench.log.begin <= held
        assert bench.log.begin <= snapshots.oldest("life")
    assert bench.log.begin > 0, "nothing was ever trimmed: the test would prove nothing"
    bench.run(FIRE)
    bench.stop()

    newest = max((tmp_path / "snapshots").glob("life.*.snapshot"))
    newest.write_bytes(b"torn")
    again = Bench(tmp_path, log=SegmentLog(tmp_path / "life", settings, Lane.LIFE))
    again.writer.position = bench.writer.position
    again.start(configure=False)
    again.run(message("heat", {"heat": True}))
    again.stop()

    assert ["fire.confirmed"] == [e.rule for e in conditions(again.published)]
    assert "" == again.worker.state.lost


class FullLog(SegmentLog):
    """A log on a disk that is full while told so."""

    full = False

    def append(self, records):
        """Append, if there is room."""
        if self.full:
            raise Full("no room for the log")
        return super().append(records)


def test_reset_without_room(tmp_path):
    """With no room in the log a person's reset acts at once; it is confirmed when it lasts, and found again."""
    log = FullLog(tmp_path / "life", LogSettings(reserve_bytes=0), Lane.LIFE)
    bench = Bench(tmp_path, log=log).start()
    bench.run(FIRE)
    log.full = True
    future = bench.worker.submit(Command(Verb.RESET, 0, "Lin", place=3))

    until(lambda: [AlarmState.ACTIVE, AlarmState.CLEARED] == [e.state for e in conditions(bench.published)])
    assert not future.done()
    bench.source.give(message("heat", {"heat": True}))
    until(lambda: len(conditions(bench.published)) == 3)
    log.full = False
    assert future.result(20) == log.end
    until(lambda: bench.writer.events == bench.published)
    bench.stop()

    again = Bench(tmp_path).start(configure=False)
    assert [e.id for e in bench.writer.events] == [e.id for e in again.writer.events]
    again.stop()


@pytest.mark.server
def test_who_hears_a_detector(tmp_path):
    """A detector of another dialect is left to the life-safety client once the broker has granted its topic.

    Until then, and whenever that client is away, bulk hears it; in between nothing is heard by nobody.
    """
    topic = "zigbee2mqtt/hall"
    broker = Broker.start(tmp_path / "broker", port=0)
    settings = Settings(
        data_dir=tmp_path / "park",
        ingest=IngestSettings(broker_host="127.0.0.1", broker_port=broker.port5),
        log=LogSettings(reserve_bytes=0),
    )
    speaker = mqtt.Client(CallbackAPIVersion.VERSION2)
    try:
        with House.open(settings) as house, Embedded(house) as platform:
            until(lambda: all(r.subscribed for r in platform.readers.values()), 30)
            assert not platform._covered(topic)
            (_, unit, _, _) = house.registry.save(
                [
                    Park(-1, "p", "park"), Place(-2, -1, -1, PlaceKind.UNIT, "u", "unit"),
                    Device(-3, -1, "z2m:hall", "smoke_detector", place=-2, lane=Lane.LIFE),
                    Point(0, -3, "smoke", source_key="smoke"),
                ], actor="t", reason="t", now=1,
            )  # fmt: skip
            platform.roster.sync()
            until(lambda: platform._covered(topic), 30)
            speaker.connect("127.0.0.1", broker.port)
            speaker.loop_start()
            speaker.publish(topic, b'{"smoke": true}', qos=1).wait_for_publish(20)
            until(lambda: house.events.conditions(standing=True), 30)
            until(lambda: platform.lanes[Lane.BULK].state.messages == 1, 30)

            assert [f"place:{unit.id}"] == [c.subject for c in house.events.conditions(standing=True)]
            states = {lane: worker.state for lane, worker in platform.lanes.items()}
            assert (1, 0) == (states[Lane.LIFE].readings, states[Lane.BULK].readings)
            broker.stop()
            until(lambda: not platform._covered(topic), 30)
    finally:
        speaker.loop_stop()
        broker.stop()


POINTS = 50_000


def test_the_registry_of_a_city(tmp_path):
    """A lane that begins with a large registry has it in one record; what it keeps of a point is bounded."""
    config = Config(
        1, 1_750_003_200_000,
        points=tuple(PointRow(n, "smoke", n, 2, 1) for n in range(1, POINTS + 1)),
        devices=tuple(DeviceRow(n, 1, 2, Lane.LIFE, "smoke_detector") for n in range(1, POINTS + 1)),
        places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(2, 1, 1, "unit", "u")),
    )  # fmt: skip
    log = SegmentLog(tmp_path / "log", LogSettings(reserve_bytes=0), Lane.LIFE)
    position = log.append([config])
    del config
    tracemalloc.start()
    runner = Runner("life", lambda: Pipeline(life_stages), log, FileSnapshots(tmp_path / "none"), careful=True)
    assert [position] == [at for at, _ in runner.replay()]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    states = runner.states()
    log.close()

    arrays = sum(np.asarray(a).nbytes for state in states.values() for a in state.values())
    assert kept / POINTS < 2_000, "bytes a point"
    assert arrays / POINTS < 1_000, "bytes a point in a snapshot"
    assert POINTS == len(runner.stages.directory.points)
    assert replace(runner.stages.directory.points[7], metric="smoke") == PointRow(7, "smoke", 7, 2, 1)


def test_a_snapshot_that_cannot_be_taken_takes_nothing_away(tmp_path):
    """Where a snapshot fails in all its parts the stages stay what they were: they know their detectors still."""
    log, snapshots = SegmentLog(tmp_path / "life", LogSettings(reserve_bytes=0)), FileSnapshots(tmp_path / "snapshots")
    runner = Runner("life", lambda: Pipeline(life_stages), log, snapshots, careful=True)
    runner.run(LANE_CONFIG)
    position = log.append([LANE_CONFIG])
    runner.logged(position)
    snapshots.save("life", position, {"directory": {"config": np.zeros(3, np.uint8)}})
    with pytest.raises(Corrupt):
        runner.restore()
    log.close()

    assert (position, len(LANE_CONFIG.points)) == (runner.position, len(runner.stages.directory.points))
