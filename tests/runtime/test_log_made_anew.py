"""A log that gives its positions out again, since it was made anew or lost its end: nothing of it is passed over."""

import numpy as np
import pytest
from lane_parts import CONFIG, MINUTE, POWER, SMOKE, START

from park.events import ConditionChange
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Edge, Tick
from park.settings import LogSettings
from runtime.log import SegmentLog
from runtime.projector import Projector, ProjectorSettings
from runtime.runner import Runner
from runtime.storage.memory import MemoryStore
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.assignments import take
from runtime.storage.sql.cuts import SqlJournal
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from stream.pipeline import Pipeline
from stream.stages import life_stages, store_stages

_NONE = np.zeros(0, np.int32)
FAR = 1 << 40  # a position that the log at hand reaches in years


def reading(minute, value, point=SMOKE):
    """Return what a device says in a minute."""
    at = START + minute * MINUTE + 1
    return Batch(batch_of([(point, at, value, 0, at)]), Edge(_NONE, _NONE, _NONE))


def tick(minute):
    """Return the tick of a minute."""
    return Tick(START + minute * MINUTE)


class Ground:
    """A log and snapshots, and runners over them."""

    def __init__(self, folder):
        self.log = SegmentLog(folder / "life", LogSettings(reserve_bytes=0), Lane.LIFE)
        self.snapshots = FileSnapshots(folder / "snapshots")

    def runner(self):
        """Return a runner that has restored nothing yet."""
        return Runner(
            "life", lambda: Pipeline(life_stages), self.log, self.snapshots, careful=True, registry=lambda: CONFIG
        )

    def saved(self, *records, position):
        """Keep what a runner knows after some records, as of a position."""
        before = self.runner()
        for record in records:
            before.run(record, 0)
        self.snapshots.save("life", position, before.states())

    def found(self):
        """Return (rule, subject) of what a restored runner finds in its log."""
        runner = self.runner()
        runner.restore()
        events = [e for _, some in runner.replay() for e in some if isinstance(e, ConditionChange)]
        return [(e.rule, e.state.value) for e in events], runner


@pytest.fixture
def ground(tmp_path):
    made = Ground(tmp_path)
    yield made
    made.log.close()


@pytest.mark.parametrize("older", [(), (FAR // 2,)], ids=["one snapshot", "two"])
def test_a_fire_in_a_log_that_was_made_anew(ground, older):
    """What was appended before anybody looked is run: a fire among it is found, by the registry that was known."""
    for position in (*older, FAR):
        ground.saved(CONFIG, tick(1), reading(1, 0.0), position=position)
    ground.log.append([tick(3), reading(3, 1.0)])
    found, runner = ground.found()

    assert ([("fire.pre_alarm", "active")], ground.log.end) == (found, runner.position)
    assert "the snapshot is of position" in runner.lost


def test_a_fire_of_the_minute_of_the_snapshot(ground):
    """Of the minute in which it was saved everything is run again: what it knows of that is known already."""
    ground.saved(CONFIG, tick(3), position=FAR)
    ground.log.append([tick(3), reading(3, 1.0)])

    assert [("fire.pre_alarm", "active")] == ground.found()[0]


def test_a_log_that_lost_its_end(ground):
    """What a snapshot of a later minute knows is not run again: a fire that was reset since does not come back."""
    ground.saved(CONFIG, tick(1), reading(1, 1.0), reading(2, 0.0), tick(5), position=FAR)
    ground.log.append([CONFIG, tick(1), reading(1, 1.0), tick(2), reading(2, 0.0), tick(4)])
    ground.log.append([reading(6, 1.0)])

    assert [("fire.pre_alarm", "active")] == ground.found()[0]


def test_a_fire_that_stood(ground):
    """What was latched in the log before stands: the second device confirms it."""
    ground.saved(CONFIG, tick(1), reading(1, 1.0), position=FAR)
    ground.log.append([tick(3), reading(3, 1.0, point=3)])

    assert [("fire.confirmed", "active")] == ground.found()[0]


def test_the_stores(tmp_path):
    """Stores that were told where the log ends go on with its first record, under the registry that was known."""
    with_past = [CONFIG, tick(1), reading(1, 1.0, POWER)]
    database = Database.open(tmp_path / "park.db")
    held, store = take(database, "bulk", "a test", 0), MemoryStore()
    snapshots = FileSnapshots(tmp_path / "snapshots")
    log = SegmentLog(tmp_path / "bulk", LogSettings(reserve_bytes=0), Lane.BULK)

    def projector():
        return Projector(
            logs={"bulk": log}, stages=store_stages, store=store, quarantine=SqlQuarantine(database),
            ledger=SqlLedger(database), snapshots=snapshots, journals=lambda _: SqlJournal(held),
            settings=ProjectorSettings(cycle=0.01),
        )  # fmt: skip

    log.append(with_past)
    first = projector()
    first.catch_up()
    states = snapshots.load("store-bulk")[1]
    snapshots.save("store-bulk", FAR, states)
    store = MemoryStore()
    log.close()
    log = SegmentLog(tmp_path / "anew", LogSettings(reserve_bytes=0), Lane.BULK)
    log.append([tick(3), reading(3, 2.0, POWER)])
    second = projector()
    second.catch_up()
    second.stop()

    assert [2.0] == store.raw(POWER, 0, 1 << 62, 9).value.tolist()
    log.close()
    database.close()
