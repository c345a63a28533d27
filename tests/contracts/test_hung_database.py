"""A database that hangs, whichever it is, holds no page of a fire back."""

import sqlite3
import time
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text

from park.alarm_ports import CaseFilter
from park.events import DeviceStatus, Reason, Status
from park.metrics import Lane
from park.settings import DeliverySettings, Settings
from runtime.dead_letters import DeadLetters
from runtime.delivery import Courier
from runtime.event_writer import EventWriter
from runtime.ingest_watch import EarlyCalls
from runtime.standby import Standby
from runtime.storage.sql.delivery_known import known_of
from runtime.storage.sql.registry import SqlRegistry
from tests.alerts.alarm_house import small_park
from tests.alerts.alarm_words import NOW, fire
from tests.alerts.delivery_house import Office
from tests.alerts.receivers import Receiver
from tests.tools import until

STATUS = DeviceStatus(1, Status.SILENT, NOW, NOW, Reason.SILENT, 1)


class Running:
    """A writer of events, a courier and a standby that is patient for a short while, over one database."""

    def __init__(self, where, tmp_path, url, patience=0.3):
        self.office = Office(where)
        self.ids = small_park(SqlRegistry(self.office.database))
        self.office.target("desk", url)
        self.courier = Courier(self.office.dispatches, self.office.sender, lambda: self.office.now, time.monotonic)
        self.office.store._told = lambda _cases, _notified: self.courier.wake()
        self.standby = Standby(
            lambda: known_of(self.office.database), self.office.sender, self.courier.receipts,
            lambda: self.courier.turned, lambda: self.office.now, time.monotonic, patience,
        )  # fmt: skip
        aside = DeadLetters(tmp_path / "refused.jsonl")
        self.writer = EventWriter(self.office.events, aside, watch=self.standby)
        self.standby.start()
        self.courier.start()
        self.writer.start()

    def close(self):
        """Stop everything."""
        self.writer.stop()
        self.courier.stop()
        self.standby.stop()
        self.office.close()


@contextmanager
def locked_file(path):
    """Hold the lock of a SQLite file, as a program that hangs does."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@contextmanager
def locked_tables(url):
    """Hold locks on tables of PostgreSQL that let not even readers through."""
    engine = create_engine(make_url(url))
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE cases, outbox, targets, dispatches IN ACCESS EXCLUSIVE MODE"))
        yield
        connection.rollback()
    engine.dispose()


def hangs_and_comes_back(running, hook, lock):
    """Let a fire come while the database hangs; return the ids of messages by then, and in the end."""
    with lock:
        running.writer.put(Lane.LIFE, 10, [STATUS, fire(device=running.ids.smoke, place=running.ids.unit)])
        until(hook.told)
        meanwhile = ids_of(hook)
        assert 0 == running.writer.applied(Lane.LIFE)
    until(lambda: running.writer.applied(Lane.LIFE) == 10)
    until(lambda: running.office.states() and set(running.office.states(target="desk")) == {"delivered"})
    return meanwhile, ids_of(hook)


def ids_of(hook):
    """Return the ids that a receiver knows messages by."""
    return [headers["webhook-id"] for _, headers, _ in list(hook.got)]


def lock_of(where):
    """Return what holds a database."""
    return locked_tables(where) if isinstance(where, str) else locked_file(where)


def test_hangs(where, tmp_path):
    """A fire reaches people while another program holds the database; when it lets go its case is made.

    The receiver is told once, under the id of the message that the case's notification becomes.
    """
    with Receiver() as hook:
        running = Running(where, tmp_path, hook.url)
        before, after = hangs_and_comes_back(running, hook, lock_of(where))
        (case,) = running.office.store.cases(CaseFilter(family="fire"))
        (dispatch,) = running.office.dispatches.list(case=case.id)
        running.close()

    assert ([dispatch.id], [dispatch.id]) == (before, after)


def test_says_where(where, tmp_path):
    """What is told without the database names the place and the device as people do."""
    with Receiver() as hook:
        running = Running(where, tmp_path, hook.url)
        with lock_of(where):
            running.writer.put(Lane.LIFE, 10, [fire(device=running.ids.smoke, place=running.ids.unit)])
            (told, *_) = until(hook.bodies)
        running.close()

    (alarm,) = told["alarms"]
    assert (["西兴小微园", "A", "幢", "101", "烟感"], True) == (
        f"{alarm['park']} {alarm['place']} {alarm['device']}".split(), alarm["life"]
    )  # fmt: skip


def test_ends(where, tmp_path):
    """A program whose database hangs can still be ended."""
    with Receiver() as hook:
        running = Running(where, tmp_path, hook.url)
        with lock_of(where):
            running.writer.put(Lane.LIFE, 10, [fire()])
            until(hook.told)
            running.standby.stop()
            assert not running.standby._watching.is_alive()
        running.close()


def test_of_an_ingester(where, tmp_path):
    """While Kafka takes nothing and the database hangs an ingester tells people by itself; its case comes later."""
    with Receiver() as hook:
        office = Office(where)
        ids = small_park(SqlRegistry(office.database))
        office.target("desk", hook.url)
        settings = Settings(data_dir=tmp_path, delivery=DeliverySettings(loopback=True))
        early = EarlyCalls(office.database, settings, lambda: NOW, time.monotonic, 0.3)
        early.start()
        with lock_of(where):
            early.put(Lane.LIFE, [STATUS, fire(device=ids.smoke, place=ids.unit)])
            until(hook.told)
        until(lambda: office.store.cases(CaseFilter(family="fire")))
        early.stop()
        told = hook.told()
        office.close()

    assert (1, 1) == (len(told), early.standby.told)
