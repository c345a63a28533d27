"""A log that gives its positions out again, since it was made anew or lost its end: nothing of it is passed over."""

import numpy as np
import pytest
from lane_parts import CONFIG, MINUTE, POWER, SMOKE, START

from park.events import AlarmState, ConditionChange, Finding, Reason, Severity
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
from runtime.storage.sql.cuts import SqlJournal, fit
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.snapshots import SqlSnapshots
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


class Rows:
    """A log's rows in SQL: snapshots, and how far consumers have come."""

    def __init__(self, folder):
        self.database = Database.open(folder / "park.db")
        self.held = take(self.database, "life-1", "a test", 0)
        self.snapshots = SqlSnapshots(self.held)
        self.events = SqlEvents(self.database)


@pytest.fixture
def rows(tmp_path):
    made = Rows(tmp_path)
    yield made
    made.database.close()


def fire(since):
    """Return a fire that began."""
    return ConditionChange(
        "fire.pre_alarm", "fire", "place:3", since, since, since, AlarmState.ACTIVE, Severity.CRITICAL,
        Reason.DETECTOR_ALARM, 1,
    )  # fmt: skip


@pytest.mark.parametrize("saved", [(), (30,), (10, 30), (50, 60)], ids=str)
def test_a_fire_at_a_position_that_was_told_of(rows, saved):
    """Who takes a log that lost its end forgets what was told of beyond: a fire that stands there now is stored."""
    rows.events.apply("life-1", 40, [fire(1)])
    for position in saved:
        rows.snapshots.save("life-1", position, {"stage": {"n": np.array(position)}})

    assert fit(rows.held, 35, ("life-1", "store-life-1"))
    assert (40 if min(saved, default=0) > 35 else 35) == rows.events.applied("life-1")
    rows.events.apply("life-1", 36, [fire(2)])
    assert {1, 2} == {c.since for c in rows.events.conditions()}


def test_a_fire_at_a_position_that_was_passed(rows):
    """Where nobody noticed that positions were given out again a fire is stored all the same, once; the position stays.

    Anything else is passed over.
    """
    rows.events.apply("life-1", 40, [fire(1)])
    rows.events.apply("life-1", 36, [fire(2), Finding("anomaly", 1, 1, 1, Severity.LOW, Reason.ABOVE_LIMIT)])
    rows.events.apply("life-1", 36, [fire(2)])

    assert ({1, 2}, [], 40) == (
        {c.since for c in rows.events.conditions()}, rows.events.findings(), rows.events.applied("life-1")
    )  # fmt: skip


def test_what_was_learned_of_a_log_that_was_made_anew(rows):
    """The newest snapshot is put before the first record of a log that ends before all of them: latches stand."""
    for position in (500, 900):
        rows.snapshots.save("life-1", position, {"stage": {"n": np.array(position)}})

    assert fit(rows.held, 20, ("life-1", "store-life-1"))
    position, states = rows.snapshots.load("life-1")
    assert (0, 900, []) == (position, int(states["stage"]["n"]), rows.snapshots.notices)
    assert not fit(rows.held, 20, ("life-1", "store-life-1"))


@pytest.mark.parametrize(("newest", "told"), [(0, 600), (550, 600), (700, 0)], ids=str)
def test_events_of_a_log_that_was_made_anew(rows, newest, told):
    """How far events were told stays while it lies beyond the log's end, by which it is noticed; not beyond that."""
    rows.events.apply("life-1", 600, [fire(1)])
    rows.snapshots.save("life-1", 500, {"stage": {"n": np.array(1)}})

    assert fit(rows.held, 20, ("life-1", "store-life-1"), newest)
    assert told == rows.events.applied("life-1")
