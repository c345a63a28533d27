"""A person's reset on its way through a city: it ends what was looked at, once, and nothing that came meanwhile."""

import numpy as np
import pytest

from park.events import AlarmState, ConditionChange
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Command, Config, DeviceRow, Edge, PlaceRow, PointRow, Refusal, Refused, Tick, Verb
from runtime.partition_pipeline import PartitionPipeline
from stream.stages import life_stages

MINUTE = 60_000
START = 1_790_000_040_000  # epoch ms, a whole minute
HOUR = 60 * MINUTE
REGISTERED = Config(
    1, START,
    points=tuple(PointRow(n, "smoke", n, 2, 1) for n in (1, 2)),
    devices=tuple(DeviceRow(n, 2, 1, Lane.LIFE, "smoke_detector") for n in (1, 2)),
    places=(PlaceRow(1, 1, 0, "park", "Liuxi", code="liuxi"), PlaceRow(2, 1, 1, "unit", "A")),
)  # fmt: skip
NOBODY = np.zeros(0, np.int32)


class Partition:
    """The stages of life safety over one partition, and what they tell."""

    def __init__(self):
        self.pipeline = PartitionPipeline(life_stages)
        self.at = START
        self.run(REGISTERED)
        self.run(Tick(START))

    def run(self, record):
        """Run a record; return (rule, state) of the fires and unreadable devices that it told of."""
        told = []
        self.pipeline.run(record, told.append)
        return [(e.rule, e.state) for e in told if isinstance(e, ConditionChange)]

    def smoke(self, point, value=1, ts=None):
        """Let a detector speak, a second later."""
        self.at += 1_000
        return self.run(Batch(batch_of([(point, ts or self.at, value, 0, self.at)]), Edge(NOBODY, NOBODY, NOBODY)))

    def unreadable(self):
        """Let a detector say what nobody can read, a second later."""
        self.at += 1_000
        bad = Refused(Refusal.MALFORMED, "parks/liuxi/life/-/s", b"?", 1, self.at, device=1)
        return self.run(Batch(batch_of([]), Edge(NOBODY, NOBODY, NOBODY), (bad,)))

    def held(self, family="fire", rule=""):
        """Return what a reset of the condition that began just now says, as the API makes it."""
        subject = "place:2" if family == "fire" else "device:1"
        return {"condition": f"{family}/{subject}/{self.at}", "family": family, "subject": subject, "rule": rule}

    def reset(self, about, received=None):
        """Bring a reset; it was looked at by anna at a time of the API's clock."""
        return self.run(Command(Verb.RESET, received or self.at, "anna", reason="seen", arguments=about))

    def again(self):
        """Go on from a snapshot, as whoever takes the partition over does."""
        states = self.pipeline.snapshot()
        self.pipeline = PartitionPipeline(life_stages)
        self.pipeline.restore(states)


PRE, CONFIRMED = "fire.pre_alarm", "fire.confirmed"
ON, OVER = AlarmState.ACTIVE, AlarmState.CLEARED


@pytest.mark.parametrize("moved", [False, True], ids=["stays", "rebalanced"])
@pytest.mark.parametrize("ahead", [MINUTE + 1, HOUR, 20 * HOUR])
def test_a_clock_that_is_ahead(ahead, moved):
    """A reset that an API dates hours ahead ends the fire that stands, and none that begins after it."""
    partition = Partition()
    partition.smoke(2, 0)  # of whom nothing was heard before is believed anyhow
    partition.smoke(1)
    ended = partition.reset(partition.held(rule=PRE), partition.at + ahead)
    if moved:
        partition.again()
    partition.at += 2 * MINUTE

    assert ([(PRE, OVER)], [(PRE, ON)]) == (ended, partition.smoke(2))


@pytest.mark.parametrize("moved", [False, True], ids=["stays", "rebalanced"])
def test_twice(moved):
    """A command that was retried, or appended twice, ends what it names; a fire that begins between the two stands."""
    partition = Partition()
    partition.smoke(1)
    about = partition.held(rule=PRE)
    first = partition.reset(about)
    if moved:
        partition.again()
    anew = partition.smoke(1)

    assert ([(PRE, OVER)], [(PRE, ON)], []) == (first, anew, partition.reset(about))


def test_who_ended_it():
    """What a person's command ended says whose it was; what a device ended says nobody's."""
    partition, told = Partition(), []
    partition.smoke(1)
    about = partition.held(rule=PRE)
    partition.pipeline.run(Command(Verb.RESET, partition.at, "anna", arguments=about), told.append)
    partition.unreadable()
    unread = partition.held("unreadable")
    partition.pipeline.run(Command(Verb.RESET, partition.at, "bo", arguments=unread), told.append)

    assert [("fire", "anna"), ("unreadable", "bo")] == [(e.family, e.actor) for e in told]


def test_it_got_worse_meanwhile():
    """A fire that was confirmed while the reset of its pre-alarm was on its way stands, until that is looked at."""
    partition = Partition()
    partition.smoke(1)
    seen = partition.held(rule=PRE)
    worse = partition.smoke(2)
    first = partition.reset(seen)

    assert ([(CONFIRMED, ON)], []) == (worse, first)
    assert [(CONFIRMED, OVER)] == partition.reset(seen | {"rule": CONFIRMED})


def test_a_case_that_says_worse():
    """Where two lanes confirm each other, who resets the confirmed case ends the pre-alarm of each."""
    partition = Partition()
    partition.smoke(1)

    assert [(PRE, OVER)] == partition.reset(partition.held(rule=CONFIRMED))


def test_another_that_cannot_be_read():
    """A reset of a device that could not be read, come late or twice, does not end what cannot be read since."""
    partition = Partition()
    partition.unreadable()
    about = partition.held("unreadable", "unreadable")
    first = partition.reset(about)
    anew = partition.unreadable()

    assert ([("unreadable", OVER)], [("unreadable", ON)]) == (first, anew)
    assert [] == partition.reset(about)


def test_nobody():
    """A command without a person's name ends nothing."""
    partition = Partition()
    partition.smoke(1)
    about = partition.held(rule=PRE)

    assert [] == partition.run(Command(Verb.RESET, partition.at, " ", arguments=about))
