"""A partition's worker: what it tells and saves, and what it does when others hold its log or are away."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from park.metrics import Lane
from park.records import Tick
from park.wire import encode
from runtime.city_lane_words import Phase
from runtime.partition_pipeline import PartitionPipeline
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.assignments import holders
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.snapshots import SqlSnapshots
from stream.stages import life_stages
from tests.runtime.lane_ground import MINUTE, REGISTERED, STREAM, lane_ground, smoke
from tests.tools import until


@pytest.fixture
def ground(tmp_path):
    with lane_ground(tmp_path) as made:
        yield made


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


@pytest.mark.parametrize(("silent", "epochs"), [("take", []), ("taken", [1])])
def test_taken_when_nobody_waits_any_more(ground, silent, epochs):
    """A log that the database gives only after the lane was to end is not taken, or let go of again: all of it ends."""
    asked, answers, before = threading.Event(), threading.Event(), set(threading.enumerate())
    setattr(ground, silent, lambda: asked.set() or answers.wait(60))
    lane = ground.lane()
    lane.start()
    assert asked.wait(60)
    ended = lane.stop(0.1)
    answers.set()
    until(lambda: lane.phase is Phase.STOPPED)
    until(lambda: set(threading.enumerate()) <= before)

    assert (False, None) == (ended, lane.held)
    assert epochs == [epoch for epoch, _, _ in holders(ground.database).values()]


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


@pytest.mark.parametrize("since", [(), (Tick(2 * MINUTE),)], ids=["nothing", "a tick"])
def test_a_test_that_is_over_by_the_registry(ground, since):
    """What burns in a detector under test is a fire by the registry that a worker begins anew with.

    It is told at once, and as the same fire with the next record, whose position nobody was told of.
    """
    under_test = replace(REGISTERED, devices=tuple(replace(d, mode="test") for d in REGISTERED.devices))
    first = ground.begun()
    ground.put(first, under_test, Tick(MINUTE), smoke(1, 1))
    assert first.stop()
    before = list(ground.fires)
    ground.kafka.values[:] = []
    ground.kafka.add(*since)
    ground.begun()
    until(lambda: len(ground.fires) > len(since))

    assert ([], [(2, n, "active") for n in range(1 + len(since))]) == (before, ground.fires)
    assert 1 == len({e.id for m in ground.kafka.told for e in m.events if getattr(e, "rule", "") == "fire.pre_alarm"})


def test_whoever_takes_over_compares(ground):
    """A log that was lost and grew again while nobody had it is run from where it is another."""
    first = ground.begun()
    ground.put(first, REGISTERED, Tick(MINUTE), smoke(1, 0))
    assert first.stop()
    ground.kafka.values[2:] = [encode(smoke(1, 1)), encode(Tick(2 * MINUTE)), encode(Tick(3 * MINUTE))]
    ground.begun()

    assert [(2, 3, "active")] == ground.fires


@pytest.mark.parametrize("name", [STREAM, f"store-{STREAM}"])
def test_a_snapshot_of_stages_that_knew_nothing(ground, name):
    """It is passed over for the one before it, and that is said: who went on from it would know no detector."""
    first = ground.begun()
    ground.put(first, REGISTERED, Tick(MINUTE))
    assert first.settle(10)
    ground.put(first, Tick(2 * MINUTE))
    until(lambda: first.given == 3)
    empty = {**PartitionPipeline(life_stages).snapshot(), "lane": {"version": np.array(1), "tick": np.array(MINUTE)}}
    assert first.stop(keep=False)
    SqlSnapshots(first.held).save(name, 3, empty)
    second = ground.begun()
    ground.put(second, smoke(3, 1))
    until(lambda: second.given == 4)

    assert [(2, 4, "active")] == ground.fires
    assert f"snapshot {name} of 3 is passed over: its stages knew nothing" in second.state.lost
