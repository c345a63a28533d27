"""What workers tell on its way into the database: what is not believed is heard where lives hang on it, and once."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from park.alarm_ports import CaseFilter
from park.errors import Unavailable
from park.events import AlarmState, ConditionChange, DeviceStatus, Reason, Severity, Status
from park.told import Told, encode_told
from runtime.dead_letters import DeadLetters
from runtime.event_writer import EventWriter
from runtime.storage.sql import positions
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarm_outbox import SqlOutbox
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.assignments import Held, take
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.told_aloud import ToldAloud
from runtime.told_reading import MARK, READ, ToldReading
from tests.runtime.memory_partition import MemoryPartition
from tests.tools import until

STREAM = "life-0"
NOW = 1_000_000
SILENT = DeviceStatus(1, Status.SILENT, NOW, 1, Reason.SILENT)


def fire(number, state=AlarmState.ACTIVE):
    """Return the fire of a place."""
    at = NOW + number
    return ConditionChange(
        "fire.pre_alarm", "fire", f"place:{number}", at, at, at, state, Severity.HIGH, Reason.DETECTOR_ALARM, 1, number
    )  # fmt: skip


def told(position, *events, epoch=1, stream=STREAM):
    """Return what a worker tells."""
    return encode_told(Told(stream, epoch, position, events))


@dataclass
class Alarms:
    """A database with cases, and the partitions of one log."""

    database: Database
    held: Held
    outbox: SqlOutbox
    cases: SqlAlarms
    events: MemoryPartition
    log: MemoryPartition
    folder: object

    def __post_init__(self):
        self.dead = []

    @contextmanager
    def reading(self):
        """Read, as the role does; yield what reads."""
        intake = Intake(self.cases, lambda: NOW, self.outbox.put)
        store = SqlEvents(self.held.database, intake)
        writer = EventWriter(store, DeadLetters(self.folder / "refused"), intake.alone, (STREAM,), ends={STREAM: 0})
        reading = ToldReading(STREAM, self.held, writer, self.events, self.log, lambda *said: self.dead.append(said))
        writer.start()
        reading.follower.start()
        try:
            yield reading
            until(lambda: reading.follower.position >= self.events.end and not writer.waiting)
        finally:
            reading.follower.stop()
            writer.stop()
        with self.held.database.write() as connection:
            reading.mark(connection)

    @property
    def told(self):
        """The places of which people were told, by how often."""
        found = [c.subject for c in self.cases.cases(CaseFilter())]
        return {subject: found.count(subject) for subject in found}, len(self.outbox.deliveries())


@pytest.fixture
def alarms(tmp_path):
    database = Database.open(tmp_path / "park.db")
    take(database, STREAM, "worker", 0)
    held = take(database, "alarms", "test", 0)
    log = MemoryPartition([b"record"] * 10)
    yield Alarms(database, held, SqlOutbox(database), SqlAlarms(database), MemoryPartition(), log, tmp_path)
    database.close()


def other_version(content):
    """Return a message as a program of the next version would tell it."""
    return json.dumps(json.loads(content) | {"version": 2, "more": True}).encode()


def half_read(content):
    """Return a message beside whose fire stands an event that nobody can read."""
    body = json.loads(content)
    return json.dumps(body | {"events": [{"type": "omen"}, *body["events"], 7]}).encode()


@pytest.mark.parametrize(
    "message",
    [
        told(5, fire(1), SILENT, epoch=7),
        told(99, fire(1)),
        told(5, fire(1), stream="life-1"),
        other_version(told(5, fire(1))),
        half_read(told(5, fire(1))),
    ],
    ids=["epoch never given", "beyond the end", "of another log", "of another version", "beside what is none"],
)
def test_a_fire_that_is_not_believed(alarms, message):
    """People are called to it, once, however often it is told; the message is kept, and nothing else of it counts."""
    with alarms.reading():
        alarms.events.put(message, message)
        until(lambda: len(alarms.dead) == 2)
        until(lambda: alarms.told[1])
        alarms.events.put(told(6, fire(1)))

    assert ({"place:1": 1}, 1) == alarms.told
    assert [] == SqlEvents(alarms.database).health()


def test_a_fire_in_a_step_that_is_never_whole(alarms):
    """People are called to it though who told it ended in the midst of it, and once when another tells it again."""
    with alarms.reading():
        alarms.events.put(encode_told(Told(STREAM, 1, 5, (fire(1),), last=False)))
        until(lambda: alarms.told[1])
        alarms.events.put(told(5, fire(1)))

    assert (({"place:1": 1}, 1), []) == (alarms.told, alarms.dead)


def test_what_nobody_is_called_to(alarms):
    """Of a message that is not believed nothing is heard but what burns: no end of a fire, nothing ordinary."""
    alarms.events.put(told(5, fire(1)))
    with alarms.reading():
        alarms.events.put(told(6, fire(1, AlarmState.CLEARED), SILENT, epoch=7), b"\xff", b"[]", b'{"events":[]}')

    assert 4 == len(alarms.dead)
    assert [AlarmState.ACTIVE] == [c.state for c in SqlEvents(alarms.database).conditions()]


class Calls:
    """Whoever calls people, noting it."""

    def __init__(self):
        self.called = []

    def early(self, stream, events, *, live):
        """Note it."""
        self.called += [(stream, event, live) for event in events]


class Hanging(Database):
    """A database that may stop to answer."""

    answers = True
    asked = 0  # in vain

    def read(self):
        """Answer, or not. Raises Unavailable."""
        if not self.answers:
            self.asked += 1
            raise Unavailable("it does not answer")
        return super().read()


def test_a_fire_that_cannot_be_judged(alarms, tmp_path):
    """People are called to it, once, while the database does not say whether its epoch was given out."""
    database, calls = Hanging.open(tmp_path / "park.db"), Calls()
    reading = ToldReading(STREAM, SimpleNamespace(database=database), calls, alarms.events, alarms.log, print)
    reading.follower.start()
    until(reading.follower.caught_up.is_set)
    database.answers = False
    alarms.events.put(told(5, fire(1), SILENT))
    try:
        until(lambda: database.asked > 1)
    finally:
        reading.follower.stop()
        database.close()

    assert [(STREAM, fire(1), False)] == calls.called


def test_a_fire_that_is_passed_over(alarms):
    """People are called to it, once, where a fault of ours keeps its message from being judged; the message is kept."""
    calls = Calls()
    log = SimpleNamespace(end=property())  # no number: to hold a position against it is a fault
    reading = ToldReading(STREAM, alarms.held, calls, alarms.events, log, lambda *said: alarms.dead.append(said))
    alarms.events.put(told(5, fire(1), SILENT))
    reading.follower.start()
    try:
        until(lambda: alarms.dead)
    finally:
        reading.follower.stop()

    assert [(STREAM, fire(1), False)] == calls.called


def test_a_flood_of_forgeries():
    """Who floods the topic gets a bounded number of calls a minute; later fires are heard again."""
    at = [0.0]
    calls = Calls()
    aloud = ToldAloud(calls, lambda: at[0])
    said = [aloud.hear(told(5, *(fire(100 * n + m) for m in range(100)), epoch=9)) for n in range(4)]
    at[0] = 61.0
    later = aloud.hear(told(5, fire(1), fire(900), epoch=9))

    assert ([100, 100, 0, 0], 200, 1) == (said, aloud.passed, later)
    assert (201, {False}) == (len(calls.called), {live for _, _, live in calls.called})


def test_goes_on_where_it_was(alarms):
    """A start reads no more than a little again, and nobody is told twice."""
    alarms.events.put(*(told(1, fire(n)) for n in range(3)), *(told(2) for _ in range(500)))
    with alarms.reading():
        pass
    before = alarms.told
    with alarms.reading() as reading:
        pass

    assert ({f"place:{n}": 1 for n in range(3)}, 3) == before == alarms.told
    assert 200 == sum(reading.counts.values())


@pytest.mark.parametrize("grown", [10, 600], ids=["shorter", "longer"])
def test_a_topic_that_was_made_anew(alarms, grown):
    """Of a topic that is another than the one that was read everything is read, however far it has grown."""
    alarms.events.put(*(told(1, fire(n)) for n in range(2)), *(told(2) for _ in range(500)))
    with alarms.reading():
        pass
    alarms.events.values = [told(3, fire(7), epoch=1), *(told(4) for _ in range(grown))]
    with alarms.reading():
        pass

    assert ({f"place:{n}": 1 for n in (0, 1, 7)}, 3) == alarms.told


def test_a_database_of_an_older_program(alarms):
    """Without a mark of what was read it goes on where it was."""
    alarms.events.put(*(told(1, fire(n)) for n in range(3)))
    with alarms.reading():
        pass
    with alarms.database.write() as connection:
        positions.reach(connection, MARK, STREAM, 0)
        positions.reach(connection, READ, STREAM, 2)
    with alarms.reading():
        alarms.events.put(told(2, replace(fire(5))))

    assert ({f"place:{n}": 1 for n in (0, 1, 2, 5)}, 4) == alarms.told
