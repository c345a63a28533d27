"""Letters come onto the page of refused messages, also where their topic was lost and has grown again."""

from contextlib import contextmanager

import pytest

from park.settings import Settings
from runtime.dead_reading import DeadReading
from runtime.house import House
from tests.runtime.memory_partition import MemoryPartition
from tests.tools import until


@pytest.fixture
def house(tmp_path):
    """The stores of one data folder."""
    with House.open(Settings(data_dir=tmp_path)) as opened:
        yield opened


@contextmanager
def reading(house, partition):
    """Read letters until the block ends."""
    reader = DeadReading(house.database, house.quarantine, partition, ask=0.05)
    reader.follower.start()
    try:
        yield reader.follower
    finally:
        reader.follower.stop()


def waiting(house):
    """Return the letters that wait for people."""
    return [one.refused.payload for one in house.quarantine.waiting()]


OLD = [b"1", b"2", b"3", b"4"]
TOPICS = {  # what stands of the old letters, and what came behind them
    "anew and fewer": (0, [b"a", b"b"]), "anew and more": (0, [b"a", b"b", b"c", b"d", b"e"]),
    "cut and as many": (2, [b"c", b"d"]), "cut and more": (2, [b"c", b"d", b"e", b"f"]), "cut": (2, [b"c"]),
}  # fmt: skip


@pytest.mark.parametrize(("kept", "again"), TOPICS.values(), ids=TOPICS)
class TestLostAndGrownAgain:
    def test_while_it_is_read(self, house, kept, again):
        """What came in the place of letters waits for people, and so does what comes then."""
        partition = MemoryPartition(list(OLD))
        with reading(house, partition) as follower:
            until(lambda: waiting(house) == OLD)
            partition.replace(kept, *again)
            until(lambda: follower.lost)
            partition.put(b"after")
            until(lambda: b"after" in waiting(house))

        assert [*again, b"after"] == waiting(house)[-len(again) - 1 :]

    def test_at_a_start(self, house, kept, again):
        """So it does where nobody read when it was lost."""
        partition = MemoryPartition(list(OLD))
        with reading(house, partition):
            until(lambda: waiting(house) == OLD)
        partition.replace(kept, *again)
        with reading(house, partition) as follower:
            assert follower.caught_up.wait(10)

        assert again == waiting(house)[-len(again) :]


def test_once(house):
    """A letter waits once, however often reading begins."""
    partition = MemoryPartition(list(OLD))
    for _ in range(2):
        with reading(house, partition) as follower:
            assert follower.caught_up.wait(10)

    assert OLD == waiting(house)
