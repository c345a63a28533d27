"""Engines that go and come back under the alarms of a city: each fire is one alarm, and people are told meanwhile."""

import asyncio
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.city_engines import postgres
from runtime.role_alarms import run_alarms
from runtime.storage.sql.database import Database
from runtime.topics import prepare_topics
from tests.city.kafka import PROGRAM, apache_kafka
from tests.city.told_city import T0, cases, fire, settings_in, thread_of, webhook, with_webhook, worker_in
from tests.servers import memory_folder
from tests.tools import free_port, until, until_open

pytestmark = [pytest.mark.server, pytest.mark.slow]


class Postgres:
    """A PostgreSQL that is stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder / "postgres", free_port()
        self._running = ExitStack()
        self.start()

    def start(self) -> None:
        """Start it, with what it held."""
        self.url = self._running.enter_context(postgres(self._folder, self._port)).replace(":", "+psycopg:", 1)

    def stop(self) -> None:
        """Stop it; whoever is connected is cut off."""
        self._running.close()


@pytest.fixture
def database_server():
    """Run a PostgreSQL outside the test's folder, which the user that it runs as may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="park-chaos-", dir=memory_folder()))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def forgetful_kafka(port):
    """Run a broker that keeps nothing when it ends."""
    url = f"tcp://127.0.0.1:{port}"
    where = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
    child = subprocess.Popen([str(PROGRAM), "broker", *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_open(port)
        yield
    finally:
        child.kill()
        child.wait()


def fires(notes):
    """Return the numbers of the fires that a webhook was told of."""
    return {alarm["since"] - T0 for note in notes for alarm in note["alarms"] if alarm["family"] == "fire"}


def test_engines_that_come_back(tmp_path, database_server):
    """PostgreSQL goes for longer than a fire may wait, then Kafka is killed: nothing is lost, nothing doubled."""
    url = database_server.url
    with apache_kafka() as kafka, webhook() as (address, notes):
        settings = with_webhook(settings_in(tmp_path, kafka.address, url), address)
        asyncio.run(prepare_topics(settings.city))
        told = 0

        def tell(count):
            nonlocal told
            for _ in range(count):
                told += 1
                worker.tell(f"life-{told % 2}", [fire(told)])

        def all_there():
            look = Database.open(url)
            try:
                return told == len(cases(look))
            finally:
                look.close()

        with worker_in(settings, url) as worker, thread_of(run_alarms, replace(settings, data_dir=tmp_path / "a")):
            tell(3)
            until(all_there, 60, 0.5)
            until(lambda: {1, 2, 3} <= fires(notes), 60, 0.5)
            database_server.stop()
            tell(3)
            until(lambda: {4, 5, 6} <= fires(notes), 60, 0.5)  # past the database
            database_server.start()
            until(all_there, 60, 0.5)
            kafka.kill()
            kafka.start()
            tell(3)
            until(all_there, 60, 0.5)
            until(lambda: set(range(1, 10)) == fires(notes), 60, 0.5)
        look = Database.open(url)
        found = cases(look)
        look.close()

    assert [(f"place:{n}", 1) for n in range(1, 10)] == found


def test_a_kafka_that_has_forgotten_everything(tmp_path, database_server):
    """Logs that begin anew give positions out again: fires at positions that were written before are alarms, too."""
    port, url = free_port(), database_server.url
    settings = settings_in(tmp_path, f"127.0.0.1:{port}", url)

    def there(count):
        look = Database.open(url)
        try:
            return len(cases(look)) == count
        finally:
            look.close()

    with forgetful_kafka(port):
        asyncio.run(prepare_topics(settings.city))
        stop = ExitStack()
        stop.enter_context(thread_of(run_alarms, settings))
        with worker_in(settings, url) as worker:
            for n in range(1, 8):
                worker.tell("life-0", [fire(n)])
            until(lambda: there(7), 60, 0.5)
    with stop, forgetful_kafka(port):
        asyncio.run(prepare_topics(settings.city))
        with worker_in(settings, url) as worker:
            position = worker.tell("life-0", [fire(20)])
            until(lambda: there(8), 90, 0.5)

    assert position < 7
