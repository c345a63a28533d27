"""The partitions of a lane in one worker: begun as the group gives them, lost, left to others and followed alone."""

import threading

import pytest

from park.errors import Unavailable
from park.metrics import Lane
from park.records import Tick
from runtime.city_lane_words import Phase
from runtime.city_worker import LanePartitions
from runtime.storage.sql.assignments import holders, take
from runtime.storage.sql.snapshots import SqlSnapshots
from tests.runtime.lane_ground import MINUTE, REGISTERED, STREAM, lane_ground, smoke
from tests.tools import until


@pytest.fixture
def ground(tmp_path):
    with lane_ground(tmp_path) as made:
        yield made


def epochs_of(ground):
    """Return who says which epoch of each log is the newest, as far as the database can be reached."""

    def epochs():
        if not ground.reachable:
            raise Unavailable("the database is away")
        return {s: e for s, (e, _, _) in holders(ground.database).items()}

    return epochs


def test_taken_over(ground):
    """Once somebody else holds the log it ends by itself, and saves nothing."""
    lane = ground.begun()
    ground.put(lane, REGISTERED, Tick(MINUTE))
    other = take(ground.database, STREAM, "another", 0)
    partitions = LanePartitions(Lane.LIFE, lambda *_: lane, epochs_of(ground))
    partitions._lanes[1] = lane
    partitions._mark_lost(partitions._holders())
    until(lambda: lane.over)

    assert (Phase.LOST, 2) == (lane.phase, other.epoch)
    assert SqlSnapshots(other).load(STREAM) is None


def test_lost_and_given_back(ground):
    """What others had meanwhile, and the group gives to us now, is taken at once: nobody else hears a fire in it."""
    partitions = LanePartitions(Lane.LIFE, ground.lane, epochs_of(ground))
    partitions.assigned(frozenset({1}))
    (lane,) = partitions.lanes
    try:
        assert lane.live.wait(20)
        take(ground.database, STREAM, "another", 0)
        partitions._mark_lost(partitions._holders())
        before = lane.state.epoch
        partitions.assigned(frozenset({1}))
        (again,) = partitions.lanes
        live = again.live.wait(20)
        after = again.state.epoch
    finally:
        partitions.stop()

    assert (0, True, 3) == (before, live, after)


def test_who_can_take_nothing(ground):
    """Whoever can take nothing of what the group gives leaves it to others, and stays once it can."""
    partitions = LanePartitions(Lane.LIFE, ground.lane, dict, helpless=0.0)
    ground.reachable = False
    partitions.assigned(frozenset({1}))
    until(lambda: partitions.helpless)
    ground.reachable = True
    until(lambda: not partitions.helpless)
    live = partitions.lanes[0].live.wait(20)
    partitions.stop()

    assert live


@pytest.fixture
def left(ground):
    """Partitions of which one runs and one cannot be taken over, the database being away, and which were left."""
    partitions = LanePartitions(Lane.LIFE, ground.lane, epochs_of(ground), helpless=0.0)
    partitions.assigned(frozenset({1}))
    partitions.start()
    assert partitions.lanes[0].live.wait(20)
    ground.reachable = False
    partitions.assigned(frozenset({1, 2}))
    until(lambda: partitions.helpless)
    partitions.left()
    yield partitions
    partitions.stop()


def test_one_that_nobody_can_take(ground):
    """While one log runs and the database answers, another that cannot be taken over is no reason to leave."""
    partitions = LanePartitions(Lane.LIFE, ground.lane, dict, helpless=0.0)
    partitions.assigned(frozenset({1}))
    assert partitions.lanes[0].live.wait(20)
    ground.reachable = False  # for whoever takes a log over; who holds them is answered
    partitions.assigned(frozenset({1, 2}))
    until(lambda: any(lane.kept_away for lane in partitions.lanes))
    helpless = partitions.helpless
    partitions.stop()

    assert not helpless


def test_a_database_that_says_nothing(ground):
    """Over a wire that is cut nobody is refused: a log that waits to be taken over is no less left to others."""
    partitions = LanePartitions(Lane.LIFE, ground.lane, epochs_of(ground), helpless=0.0)
    held = threading.Event()
    ground.take = lambda: held.wait(20)
    partitions.assigned(frozenset({1}))
    waits = partitions.helpless
    ground.reachable = False
    partitions.start()
    until(lambda: partitions.helpless)
    trouble = partitions.lanes[0].state.trouble
    held.set()
    partitions.stop()

    assert (False, "") == (waits, trouble)


def test_lost_while_the_database_says_nothing(ground):
    """A log that others took, and the group gave back, is left to others as well: nobody begins it anew meanwhile."""
    silence = threading.Event()

    def epochs():
        silence.wait(60)
        return {}

    partitions = LanePartitions(Lane.LIFE, ground.lane, epochs, helpless=0.0, silent=0.0)
    partitions.assigned(frozenset({1}))
    (lane,) = partitions.lanes
    try:
        assert lane.live.wait(20)
        partitions.start()
        runs = partitions.helpless
        lane.held.lost.set()
        lane.tail.wake()
        until(lambda: partitions.helpless)
        partitions.left()
        rest = partitions.lanes
    finally:
        silence.set()
        partitions.stop()

    assert (False, []) == (runs, rest)


def test_what_runs_goes_on_beside_the_group(ground, left):
    """What could not be taken over is left to others; of what runs a fire is found, though nobody puts it."""
    ground.kafka.add(REGISTERED, Tick(MINUTE), smoke(1, 1))
    able = left.able
    left.follow()
    until(lambda: ground.fires)

    assert ([STREAM], False, [(1, 3, "active")]) == ([lane.stream for lane in left.lanes], able, ground.fires)


def test_taken_meanwhile(ground, left):
    """What others took of one that left is theirs once the database says so, and is not taken back."""
    other = take(ground.database, STREAM, "another", 0)
    ground.reachable = True
    until(lambda: left.able and not left.lanes)

    assert other.still()


def test_given_again(ground, left):
    """What is given again goes on where it is still ours, and begins anew where another had it."""
    (first,) = left.lanes
    ground.reachable = True
    left.assigned(frozenset({1}))
    same = left.lanes
    left.left()
    first.held.lost.set()
    left.assigned(frozenset({1}))
    (second,) = left.lanes
    assert second.live.wait(20)

    assert ([first], 2) == (same, second.state.epoch)


def test_who_holds_a_log_joins_again(ground):
    """Whether one can join hangs on the database for who holds nothing, or has left: what runs goes on without it."""
    ground.reachable = False
    partitions = LanePartitions(Lane.LIFE, ground.lane, epochs_of(ground))
    partitions.start()
    until(lambda: not partitions.able)
    partitions.assigned(frozenset({1}))
    holding = partitions.able
    partitions.left()
    gone = partitions.able
    ground.reachable = True
    until(lambda: partitions.able)
    partitions.stop()

    assert (True, False) == (holding, gone)


def watched(ground):
    """Return partitions that hold the log and look at it, once they are live."""
    partitions = LanePartitions(Lane.LIFE, ground.lane, epochs_of(ground))
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


def test_nobody_hands_it_over(ground):
    """What stands in the log is read though the group hands on nothing: where the log ends is asked of Kafka."""
    partitions = watched(ground)
    ground.kafka.add(REGISTERED, Tick(MINUTE), smoke(1, 1))
    until(lambda: ground.fires)
    partitions.stop()

    assert [(1, 3, "active")] == ground.fires
