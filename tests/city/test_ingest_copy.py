"""An ingester that starts while PostgreSQL or Kafka is away hears a fire."""

import asyncio
import os
import threading
from contextlib import ExitStack, closing, contextmanager

import pytest
from sqlalchemy import func, make_url, select

from park.alarm_ports import CaseFilter
from park.metrics import Lane
from park.model import Point
from park.settings import CitySettings, IngestSettings, Settings
from runtime.broker import Broker, Kind
from runtime.city_ingest import copy_of
from runtime.kafka_node import kafka_home
from runtime.role_ingest import IngestRole
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.registry_copy import write_copy
from runtime.storage.sql.tables_alarms import cases, outbox
from runtime.topics import prepare_topics
from tests.city.ingest_city import Devices, Reading, fill
from tests.city.kafka import any_kafka, apache_kafka
from tests.city.wire import Wire
from tests.servers import postgresql
from tests.tools import free_port, until

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_a_start_without_the_database(tmp_path):
    """With a copy it takes what devices say; once the database answers it goes on with that, and keeps it."""
    with any_kafka() as kafka, postgresql() as url, Wire(free_port()) as wire:
        there = make_url(url)
        (tmp_path / "postgres").write_text(
            there.set(host=wire.host, port=wire.port).render_as_string(hide_password=False)
        )
        city = CitySettings(kafka=kafka, partitions=2, postgres_url_file=str(tmp_path / "postgres"))
        asyncio.run(prepare_topics(city))
        broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
        ingest = IngestSettings(broker_host="127.0.0.1", broker_port=broker.port5)
        settings = Settings(data_dir=tmp_path, ingest=ingest, city=city)
        role, copy = IngestRole(settings), copy_of(settings)
        stop = threading.Event()
        running = threading.Thread(target=role.run, args=(stop,))
        with closing(Database.open(url)) as database, closing(Reading(city)) as reading:
            registry = SqlRegistry(database)
            fill(registry, ("liuxi",))
            write_copy(database, copy)
            fill(registry, ("beihu",))
            old, new = (p.id for p in registry.find(Point, metric="smoke"))

            def heard():
                return {point for point, _, value in reading.taken(Lane.LIFE).rows() if value}

            running.start()
            try:
                with closing(Devices(broker.port)) as devices:
                    until(lambda: _unready(role) == {"registry", "database"}, 60)
                    devices.say("parks/liuxi/life/-/smoke", {"smoke": "alarm"})
                    until(lambda: heard() == {old}, 60)
                    wire.to = there.port
                    until(lambda: not _unready(role), 60)
                    devices.say("parks/beihu/life/-/smoke", {"smoke": "alarm"})
                    until(lambda: heard() == {old, new}, 60)
                    until(lambda: _points(copy) == _points_of(database), 60, 0.5)
            finally:
                stop.set()
                running.join(60)
                broker.stop()

    assert not running.is_alive()


@pytest.mark.skipif(kafka_home(os.environ) is None, reason="it comes back on one port: Apache Kafka is not installed")
def test_a_start_without_kafka(tmp_path):
    """It hears a fire, and tells of it once; the broker keeps what was said until Kafka is there, and sends it then.

    A second process, that hears it before Kafka is there as well, tells of the same fire; so does who reads the log.
    """
    port = free_port()
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    with ExitStack() as stack:
        stack.callback(broker.stop)
        url = stack.enter_context(postgresql())
        (tmp_path / "postgres").write_text(url)
        city = CitySettings(kafka=f"127.0.0.1:{port}", partitions=2, postgres_url_file=str(tmp_path / "postgres"))
        ingest = IngestSettings(broker_host="127.0.0.1", broker_port=broker.port5)
        settings = Settings(data_dir=tmp_path, ingest=ingest, city=city)
        database = stack.enter_context(closing(Database.open(url)))
        registry = SqlRegistry(database)
        fill(registry, ("liuxi",))
        (smoke,) = (p.id for p in registry.find(Point, metric="smoke"))
        devices = stack.enter_context(closing(Devices(broker.port)))
        with running(settings) as role:
            until(lambda: any("fires are heard" in c.detail for c in role.components()), 60)
            devices.say("parks/liuxi/life/-/smoke", {"smoke": "alarm"})
            until(lambda: told(database) == (["fire"], 1), 60)
        role = stack.enter_context(running(settings))
        until(lambda: any(f.samples[0][1] for f in role.figures() if f.name == "park_early_events_total"), 60)
        stack.enter_context(apache_kafka([(port, f"127.0.0.1:{port}")]))
        until(lambda: not _unready(role), 60)
        reading = stack.enter_context(closing(Reading(city, begin=True)))
        until(lambda: [(smoke, 1.0)] == [(p, v) for p, _, v in reading.taken(Lane.LIFE).rows()], 60)

        (case,) = SqlAlarms(database).cases(CaseFilter())
        logged = [b.readings.received.tolist() for _, b in reading.taken(Lane.LIFE).batches() if len(b.readings)]
        assert (["fire"], 1) == told(database)
        assert ([[int(case.condition.rpartition("/")[2])]], 1) == (logged, case.count)


@contextmanager
def running(settings):
    """Run an ingester in a thread; yield it."""
    role, stop = IngestRole(settings), threading.Event()
    thread = threading.Thread(target=role.run, args=(stop,))
    thread.start()
    try:
        yield role
    finally:
        stop.set()
        thread.join(60)


def told(database):
    """Return the family of each case, and how many messages there are."""
    with database.read() as connection:
        found = list(connection.execute(select(cases.c.family)).scalars())
        return found, connection.execute(select(func.count()).select_from(outbox)).scalar()


def _unready(role):
    return {c.name for c in role.components() if not c.ready}


def _points(copy):
    with closing(Database.open(copy)) as database:
        return _points_of(database)


def _points_of(database):
    return [p.id for p in SqlRegistry(database).find(Point)]
