"""An ingester that starts while PostgreSQL is away hears a fire, under the numbers that it knew."""

import asyncio
import threading
from contextlib import closing

import pytest
from sqlalchemy import make_url

from park.metrics import Lane
from park.model import Point
from park.settings import CitySettings, IngestSettings, Settings
from runtime.broker import Broker, Kind
from runtime.role_ingest import IngestRole, copy_of
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.registry_copy import write_copy
from runtime.topics import prepare_topics
from tests.city.ingest_city import Devices, Reading, fill
from tests.city.kafka import any_kafka
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


def _unready(role):
    return {c.name for c in role.components() if not c.ready}


def _points(copy):
    with closing(Database.open(copy)) as database:
        return _points_of(database)


def _points_of(database):
    return [p.id for p in SqlRegistry(database).find(Point)]
