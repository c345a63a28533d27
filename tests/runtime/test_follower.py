"""A follower hands on what stands in its partition, also where that was lost and has grown again."""

from contextlib import contextmanager

import pytest

from runtime.follower import Follower
from tests.runtime.memory_partition import MemoryPartition
from tests.tools import until


@contextmanager
def following(partition, start=lambda begin, _end: begin, ask=0.05):
    """Follow a partition; yield the follower and what it hands on."""
    taken = []
    follower = Follower(partition, start, lambda entry: taken.append(entry.value), lambda *_: None, ask=ask)
    follower.start()
    try:
        yield follower, taken
    finally:
        follower.stop()


def test_in_order():
    """What is there and what comes is handed on, in order."""
    partition = MemoryPartition([b"1", b"2"])
    with following(partition) as (follower, taken):
        assert follower.caught_up.wait(10)
        partition.put(b"3")
        until(lambda: taken == [b"1", b"2", b"3"])

    assert 3 == follower.position


@pytest.mark.parametrize(
    ("kept", "again"),
    [(2, [b"c", b"d"]), (2, [b"c", b"d", b"e", b"f"]), (0, [b"a", b"b", b"c", b"d", b"e"]), (2, [b"c"]), (0, [])],
    ids=["as many", "more", "anew and more", "fewer", "empty"],
)
def test_lost_and_grown_again(kept, again):
    """What came in the place of messages that were lost is handed on, however many there are by now."""
    partition = MemoryPartition([b"1", b"2", b"3", b"4"])
    with following(partition) as (follower, taken):
        until(lambda: len(taken) == 4)
        partition.replace(kept, *again)
        until(lambda: follower.lost)
        partition.put(b"after")
        until(lambda: taken[-1:] == [b"after"])

    assert [*again, b"after"] == taken[-len(again) - 1 :]


def test_gone_before_it_was_read():
    """What Kafka let go of before anybody read it is said."""
    partition = MemoryPartition([b"1", b"2", b"3"], begin=2)
    with following(partition, start=lambda *_: 1) as (follower, taken):
        until(lambda: taken)

    assert ([b"3"], "1 messages of park.events-0 were gone before they were read") == (taken, follower.lost)
