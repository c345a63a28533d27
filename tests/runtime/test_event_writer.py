"""The writer of events goes on whatever the database says, and ends when it is told to."""

import json
import threading
from dataclasses import replace

import pytest
from lane_parts import until

from park.alarm_ports import CaseFilter
from park.errors import Conflict, Unavailable
from park.events import AlarmState, ConditionChange, DeviceStatus, Finding, Reason, Severity, Status
from park.metrics import Lane
from runtime.dead_letters import DeadLetters
from runtime.event_writer import EventWriter
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarm_outbox import SqlOutbox
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents

EVENT = DeviceStatus(1, Status.ONLINE, 1, 1, Reason.BACK)


class Store:
    """A store of events that fails while it is told to."""

    def __init__(self, why=None):
        self.why = why
        self.asked = threading.Event()
        self.calls = 0
        self.taken = []

    def applied(self, lane):
        """Return where it stands: at the beginning."""
        del lane
        return 0

    def apply(self, lane, position, events):
        """Take events, or fail."""
        self.asked.set()
        self.calls += 1
        if self.why:
            raise self.why
        self.taken.append((lane, position, list(events)))

    def takes(self, lane, events):
        """Take nothing while it fails."""
        del lane, events
        return not self.why


@pytest.mark.parametrize("why", [Unavailable("locked"), Conflict("refused"), ValueError("a fault of ours")])
def test_a_store_that_fails(why, tmp_path):
    """The thread says what is wrong and asks again: whatever it was, a fire may wait behind it."""
    store = Store(why)
    writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"))
    writer.start()
    writer.put(Lane.LIFE, 8, [EVENT])
    until(lambda: store.calls > 5)
    store.why = None
    until(lambda: store.taken)
    writer.stop()

    assert ([(Lane.LIFE, 8, [EVENT])], 8, 0) == (store.taken, writer.applied(Lane.LIFE), writer.waiting)
    assert "" == writer.aside.said


def test_before_the_first_record(tmp_path):
    """What whoever begins anew finds before his log has a record is written at once."""
    store = Store()
    writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"))
    writer.start()
    writer.put(Lane.LIFE, 0, [EVENT])
    until(lambda: store.taken)
    writer.stop()

    assert ([(Lane.LIFE, 0, [EVENT])], 0) == (store.taken, writer.waiting)


def test_a_store_that_fails_to_the_end(tmp_path):
    """A writer that is told to stop while the store takes nothing ends; a replay finds the events again."""
    store = Store(Unavailable("locked"))
    writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"))
    writer.start()
    writer.put(Lane.LIFE, 8, [EVENT])
    assert store.asked.wait(10)
    writer.stop(10)

    assert not writer._thread.is_alive()
    assert 0 == writer.applied(Lane.LIFE)


FIRE = ConditionChange(
    "fire.pre_alarm", "fire", "place:3", 5, 5, 5, AlarmState.ACTIVE, Severity.HIGH, Reason.DETECTOR_ALARM, 1, 3, 11
)
TOO_GREAT = Finding("anomaly", 1, 7, 1, Severity.LOW, Reason.UNUSUAL, park=1 << 70)  # which no column holds
NO_TEXT = replace(TOO_GREAT, park=1, kind="\ud800")  # half a character


class Refusing(SqlEvents):
    """SQL that refuses what is of one kind, as a fault of ours would."""

    def _put(self, connection, lane, events, position=0):
        """Refuse meter findings."""
        if any(getattr(e, "kind", "") == "meter" for e in events):
            raise ZeroDivisionError("meter")
        return super()._put(connection, lane, events, position)


class RefusingFire(SqlEvents):
    """SQL that refuses fires."""

    def _put(self, connection, lane, events, position=0):
        """Refuse conditions."""
        if any(isinstance(e, ConditionChange) for e in events):
            raise ZeroDivisionError("fire")
        return super()._put(connection, lane, events, position)


class RefusingOne(SqlEvents):
    """SQL that refuses the fire of one place."""

    def _put(self, connection, lane, events, position=0):
        """Refuse what is of place 3."""
        if any(event.subject == "place:3" for event in events):
            raise ZeroDivisionError("place 3")
        return super()._put(connection, lane, events, position)


class Heard:
    """Notes what is known to be written."""

    def __init__(self):
        self.written = []

    def heard(self, stream, event, *, live=True):
        """Pass it over."""

    def through(self, event):
        """Note it."""
        self.written.append(event)


def written(tmp_path, *steps, kind=SqlEvents):
    """Write steps of events to SQL; return (store, dead letters)."""
    database = Database.open(tmp_path / "park.db")
    store, aside = kind(database), DeadLetters(tmp_path / "refused.jsonl")
    writer = EventWriter(store, aside)
    writer.start()
    for position, (lane, events) in enumerate(steps, 1):
        writer.put(lane, position, events)
    until(lambda: not writer.waiting)
    writer.stop()
    until(lambda: writer.troubles.newest == "")
    return store, aside


def test_called_out_before_it_is_logged(tmp_path):
    """What no log has taken yet reaches people at once, and calls them once only when it is logged in the end."""
    database = Database.open(tmp_path / "park.db")
    alarms, outbox = SqlAlarms(database), SqlOutbox(database)
    intake = Intake(alarms, lambda: 10, outbox.put)
    store = SqlEvents(database, intake)
    writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"), intake.alone)
    writer.start()
    writer.early(Lane.LIFE, [FIRE, EVENT])
    until(outbox.deliveries)
    before = store.conditions(standing=True)
    writer.put(Lane.LIFE, 9, [FIRE, EVENT])
    until(lambda: not writer.waiting)
    writer.stop()

    assert ([], [FIRE]) == (before, store.conditions(standing=True))
    assert (1, 1) == (len(outbox.deliveries()), len(alarms.cases(CaseFilter())))


class Slow(SqlEvents):
    """SQL that tells how many events each transaction held, and hands over a fire in the midst of the first."""

    def __init__(self, database, intake, meanwhile):
        """Take what happens while the first part is written."""
        super().__init__(database, intake)
        self.sizes = []
        self.meanwhile = meanwhile

    def apply(self, lane, position, events, *, last=True):
        """Store them."""
        super().apply(lane, position, events, last=last)
        self.sizes.append((lane, len(events)))
        if len(self.sizes) == 1:
            self.meanwhile()


STATUSES = [replace(EVENT, device=n, status=Status.SILENT) for n in range(1, 451)]


class TestFlood:
    def test_a_fire_waits_for_one_part(self, tmp_path):
        """Hundreds of devices that fall silent in one record hold a fire up for a part of them only."""
        database = Database.open(tmp_path / "park.db")
        store = Slow(database, Intake(SqlAlarms(database), lambda: 10), lambda: writer.put(Lane.LIFE, 1, [FIRE]))
        writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"))
        writer.start()
        writer.put(Lane.BULK, 1, STATUSES)
        until(lambda: not writer.waiting)
        writer.stop()

        assert [(Lane.BULK, 100), (Lane.LIFE, 1)] == store.sizes[:2]
        assert (1, 1, 450) == (store.applied(Lane.LIFE), store.applied(Lane.BULK), len(store.health()))

    def test_a_fire_behind_them(self, tmp_path):
        """Behind hundreds of its own lane a fire is called out before their rest, and calls once."""
        database = Database.open(tmp_path / "park.db")
        alarms, outbox = SqlAlarms(database), SqlOutbox(database)
        intake = Intake(alarms, lambda: 10, outbox.put)
        called = []

        def aloud(lane, event, *, live):
            intake.alone(lane, event, live=live)
            called.append((event, len(store.sizes)))

        store = Slow(database, intake, lambda: writer.put(Lane.LIFE, 2, [FIRE]))
        writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"), aloud)
        writer.start()
        writer.put(Lane.LIFE, 1, STATUSES)
        until(lambda: not writer.waiting)
        writer.stop()

        assert [(FIRE, 1)] == called
        assert 1 == sum(d.notification.life for d in outbox.deliveries(limit=1_000))

    def test_a_fire_on_the_other_lane_behind_them(self, tmp_path):
        """A fire that the bulk lane heard waits for no flood of its lane either; nothing else is called out."""
        database = Database.open(tmp_path / "park.db")
        alarms, outbox = SqlAlarms(database), SqlOutbox(database)
        intake = Intake(alarms, lambda: 10, outbox.put)
        called = []

        def aloud(lane, event, *, live):
            intake.alone(lane, event, live=live)
            called.append((event, len(store.sizes)))

        store = Slow(database, intake, lambda: writer.put(Lane.BULK, 2, [EVENT, FIRE, EVENT]))
        writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"), aloud)
        writer.start()
        writer.put(Lane.BULK, 1, STATUSES)
        until(lambda: not writer.waiting)
        writer.stop()

        assert [(FIRE, 1)] == called
        assert 1 == sum(d.notification.life for d in outbox.deliveries(limit=1_000))


class TestPoison:
    def test_set_aside(self, tmp_path):
        """An event that SQL refuses is kept for a person; a fire beside it and one behind it are stored."""
        poison = Finding("meter", 1, 1, 1, Severity.LOW, Reason.METER_SWAP)
        later = replace(FIRE, subject="place:4")
        store, aside = written(
            tmp_path, (Lane.LIFE, [FIRE, poison]), (Lane.LIFE, [later]), (Lane.BULK, [EVENT]), kind=Refusing
        )

        assert {"place:3", "place:4"} == {c.subject for c in store.conditions(standing=True)}
        assert (2, 3) == (store.applied(Lane.LIFE), store.applied(Lane.BULK))
        assert (1, 1) == (aside.kept, aside.total)
        (line,) = aside.path.read_text(encoding="ascii").splitlines()
        told = json.loads(line)
        assert ("life", "finding", "meter") == (told["lane"], told["type"], told["event"]["kind"])
        assert "ZeroDivisionError" in told["why"]

    @pytest.mark.parametrize("event", [TOO_GREAT, NO_TEXT, replace(FIRE, subject="topic:\ud800", park=1 << 64)])
    def test_mended(self, tmp_path, event):
        """What only holds a value that no column takes is stored with the nearest that one does."""
        store, aside = written(tmp_path, (Lane.LIFE, [event, EVENT]))

        assert ("", 1) == (aside.said, store.applied(Lane.LIFE))
        assert 1 == len(store.findings() if isinstance(event, Finding) else store.conditions(standing=True))

    def test_a_fire_that_is_refused(self, tmp_path):
        """A fire that SQL refuses is set aside, and called out all the same."""
        database = Database.open(tmp_path / "park.db")
        alarms, outbox = SqlAlarms(database), SqlOutbox(database)
        intake = Intake(alarms, lambda: 10, outbox.put)
        writer = EventWriter(RefusingFire(database, intake), DeadLetters(tmp_path / "refused.jsonl"), intake.alone)
        writer.start()
        writer.put(Lane.LIFE, 1, [FIRE, EVENT])
        until(lambda: not writer.waiting)
        writer.stop()

        (case,) = alarms.cases(CaseFilter())
        assert ("place:3", 1) == (case.subject, writer.aside.kept)
        assert [("all", True)] == [(d.notification.target, d.notification.life) for d in outbox.deliveries()]

    def test_a_fire_that_cannot_even_be_called(self, tmp_path):
        """A fire that SQL refuses and cannot be called out holds up none behind it, and is not known to be told."""
        watch, later = Heard(), replace(BURNING, subject="place:4")

        def aloud(_stream, event, *, live):
            raise ValueError(f"a fault of ours with {event.subject} {live}")

        store = RefusingOne(Database.open(tmp_path / "park.db"))
        writer = EventWriter(store, DeadLetters(tmp_path / "refused.jsonl"), aloud, watch=watch)
        writer.start()
        writer.put(Lane.LIFE, 1, [BURNING])
        writer.put(Lane.LIFE, 2, [later])
        try:
            until(lambda: not writer.waiting)
        finally:
            writer.stop()

        assert ["place:4"] == [c.subject for c in store.conditions(standing=True)]
        assert ([later], 1) == (watch.written, writer.aside.kept)

    def test_told_after_a_restart(self, tmp_path):
        """Until a person has moved the file away, health says how many there are."""
        DeadLetters(tmp_path / "x.jsonl").put(Lane.BULK, 1, EVENT, "why")

        assert "1 events could not be stored; they are kept in x.jsonl" == DeadLetters(tmp_path / "x.jsonl").said
        (tmp_path / "x.jsonl").unlink()
        assert "" == DeadLetters(tmp_path / "x.jsonl").said

    def test_no_room_for_the_file(self, tmp_path):
        """Where an event cannot be set aside it is not lost: it waits, and is asked for again."""
        poison = Finding("meter", 1, 1, 1, Severity.LOW, Reason.METER_SWAP)
        (tmp_path / "folder").mkdir()
        writer = EventWriter(Refusing(Database.open(tmp_path / "park.db")), DeadLetters(tmp_path / "folder" / "x"))
        (tmp_path / "folder").rmdir()
        writer.start()
        writer.put(Lane.LIFE, 8, [poison, FIRE])
        until(lambda: "cannot be kept" in writer.troubles.newest)
        (tmp_path / "folder").mkdir()
        until(lambda: not writer.waiting)
        writer.stop()

        assert (1, 8) == (writer.aside.kept, writer.applied(Lane.LIFE))


class Noted(Store):
    """A store that notes what is written, and lets something happen while it writes first."""

    def __init__(self, order, meanwhile):
        super().__init__()
        self.order = order
        self.meanwhile = meanwhile

    def applied(self, lane):
        """Return where it stands: at the beginning."""
        del lane
        return 0

    def apply(self, lane, position, events, *, last=True):
        """Note it."""
        del position, events, last
        if not self.order:
            self.meanwhile()
        self.order.append(str(lane))


BURNING = ConditionChange(
    "fire.pre_alarm", "fire", "place:3", 1, 1, 1, AlarmState.ACTIVE, Severity.CRITICAL, Reason.DETECTOR_ALARM, 1
)


@pytest.mark.parametrize("behind", ["life-0", "life-1"])
def test_a_fire_behind_a_flood_of_life_safety(behind, tmp_path):
    """It is called out before the flood is written, and no log of life safety waits for all of another."""
    order = []
    store = Noted(order, lambda: writer.put(behind, 101, [BURNING]))
    called = lambda stream, _event, *, live: order.append(f"called {stream}")  # noqa: ARG005, E731
    writer = EventWriter(store, DeadLetters(tmp_path / "x"), called, ("life-0", "life-1"))
    for position in range(1, 101):
        writer.put("life-0", position, [EVENT] * 50)
    writer.start()
    until(lambda: not writer.waiting)
    writer.stop()

    assert order.index(f"called {behind}") <= 2
    if behind == "life-1":
        assert order.index("life-1") <= 4


def test_a_call_that_always_fails(tmp_path):
    """What cannot be called out, whatever is tried, holds up no other call for long, and nothing that is written."""
    called = []
    broken = replace(BURNING, subject="place:9")

    def aloud(_stream, event, *, live):
        del live
        if event is broken:
            raise ValueError("a fault of ours")
        called.append(event)

    writer = EventWriter(Store(), DeadLetters(tmp_path / "x"), aloud)
    writer.start()
    writer.early(Lane.LIFE, [broken, BURNING])
    until(lambda: called)
    writer.stop()

    assert [BURNING] == called


def test_a_fire_that_is_over_is_not_called_again(tmp_path):
    """A log that is read again tells of a fire that was stored, and of its end: calling it out makes no case of it."""
    database = Database.open(tmp_path / "park.db")
    alarms, outbox = SqlAlarms(database), SqlOutbox(database)
    intake = Intake(alarms, lambda: 10, outbox.put)
    over = replace(BURNING, at=2, ts=2, state=AlarmState.CLEARED)
    SqlEvents(database, intake).apply(Lane.LIFE, 1, [BURNING, over])
    (before,) = alarms.cases(CaseFilter())
    intake.alone(Lane.LIFE, BURNING)

    assert [before] == alarms.cases(CaseFilter())
    intake.alone(Lane.LIFE, replace(BURNING, subject="place:4"))
    assert 2 == len(alarms.cases(CaseFilter()))
    database.close()
