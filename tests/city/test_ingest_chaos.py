"""An ingester that is killed, and a Kafka that goes: nothing that was acknowledged is lost, nothing counted twice."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from park.events import ConditionChange
from park.metrics import Lane
from park.ports import Chunk
from park.readings import concat
from park.records import Batch
from park.settings import CitySettings
from park.streams import stream_of
from runtime import clock
from runtime.broker import Broker, Kind
from runtime.cases import Cases
from runtime.late import LateGate
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.tables_alarms import cases, outbox
from runtime.topics import prepare_topics
from stream.pipeline import Pipeline
from stream.stages import life_stages, store_stages
from tests.city.ingest_city import METERS, Devices, Reading, fill
from tests.city.kafka import apache_kafka
from tests.city.wire import Wire
from tests.servers import postgresql
from tests.tools import SLOWER, free_port, until

pytestmark = [pytest.mark.server, pytest.mark.slow]
CODES = ("liuxi", "qinglong", "beihu", "nanshan", "xicheng")
OUTAGE = 600.0 if os.environ.get("PARK_LONG") else 0.0  # s that Kafka is away beyond what it takes to notice
T0 = clock.now() - 3_600_000  # what devices said an hour ago, each second of it once


class Ingester:
    """`park ingest`, as a process."""

    def __init__(self, settings, port):
        self._settings, self._port = settings, port
        self._process = None

    def start(self):
        """Start it; return when it is well."""
        command = [sys.executable, "-m", "runtime", "ingest", "--settings", str(self._settings)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.health().get("status") == "ok", 60)

    def health(self):
        """Return what it says of itself."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health", timeout=5) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as why:
            return json.loads(why.read())
        except OSError:
            return {}

    def kill(self):
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self):
        """End it in order; return its exit code."""
        self._process.terminate()
        return self._process.wait(30 * SLOWER)


class Ground:
    """Everything beside the ingester, and the wires from that to the engines."""

    def __init__(self, folder, node, url, mqtt, wires):
        self.node, self.mqtt, self.wires = node, mqtt, wires
        self.city = CitySettings(kafka=node.address)
        self.database = Database.open(url)
        fill(SqlRegistry(self.database), CODES)
        over = make_url(url).set(port=wires["postgres"].port)
        (folder / "url").write_text(over.render_as_string(hide_password=False))
        port = free_port()
        file = folder / "park.toml"
        file.write_text(
            f'data_dir = "{folder}"\n'
            f'[ingest]\nbroker_host = "127.0.0.1"\nbroker_port = {wires["mosquitto"].port}\nkeepalive = 5\n'
            f'[city]\nkafka = "{wires["kafka"].address}"\npostgres_url_file = "{folder / "url"}"\nrole_port = {port}\n'
        )
        self.ingester = Ingester(file, port)
        asyncio.run(prepare_topics(self.city))
        self.reading = Reading(self.city)

    def told(self):
        """Return how many cases and messages there are, once there are some."""
        with self.database.read() as connection:
            found = [connection.execute(select(func.count()).select_from(t)).scalar() for t in (cases, outbox)]
        return tuple(found) if all(found) else ()


@pytest.fixture(scope="module")
def engines():
    """Run Kafka, with a wire to it, and PostgreSQL."""
    with Wire(free_port()) as wire, apache_kafka([(wire.to, wire.address)]) as node, postgresql() as url:
        yield node, url, wire


@pytest.fixture
def ground(tmp_path, engines):
    """Run Mosquitto beside them, over a database of its own."""
    node, url, kafka = engines
    if not node.pid:  # another test has left it so
        node.start()
    name = f"t{clock.now()}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    admin.dispose()
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    with Wire(make_url(url).port) as postgres, Wire(broker.port5) as mosquitto:
        wires = {"kafka": kafka, "postgres": postgres, "mosquitto": mosquitto}
        made = Ground(tmp_path, node, url.rpartition("/")[0] + f"/{name}", broker, wires)
        try:
            yield made
        finally:
            made.ingester.kill()
            made.reading.close()
            made.database.close()
            broker.stop()


@contextmanager
def load(port, messages):
    """Let devices speak beside us; yield (what they said so far, by park), and wait until they have said all."""
    said = []

    def speak():
        devices = Devices(port)
        for n in range(messages):
            code = CODES[n % len(CODES)]
            devices.say(f"parks/{code}/bulk/g/m{n // len(CODES) % METERS}", {"power": n}, ts=T0 + n)
            if n % 100 == 0:
                devices.say(f"parks/{code}/life/-/smoke", {"smoke": n // 100 % 2}, ts=T0 + n)
            said.append(n)
            if n % 500 == 499:
                devices.settle()
        devices.settle()
        devices.close()

    speaking = threading.Thread(target=speak)
    speaking.start()
    yield said
    speaking.join()


def arrived(reading, messages):
    """Wait for everything and check that it is there, whole; return how often each reading stands in the logs."""
    found = {}
    for lane, count in ((Lane.BULK, messages), (Lane.LIFE, (messages + 99) // 100)):

        def all_there(lane=lane, count=count):
            return len({ts for _, ts, _ in reading.taken(lane).rows()}) >= count

        until(all_there, 90)
        rows = Counter(reading.taken(lane).rows())
        assert count == len(rows), "a duplicate that is none"
        assert {T0 + n for n in range(0, messages, 1 if lane is Lane.BULK else 100)} == {ts for _, ts, _ in rows}
        assert sum(rows.values()) == reading.taken(lane).counted()[1]
        reading.taken(lane).in_order()
        found[lane] = rows
    return found


def stored(reading):
    """Return how many readings of meters a store holds behind the stages, and how often a value was summed up."""
    store, summed = MemoryStore(), 0
    for partition, records in reading.taken(Lane.BULK).records.items():
        gates: list[LateGate] = []

        def stages(directory, gates=gates):
            first, *rest = store_stages(directory)
            gates.append(LateGate(directory, store.known))
            return (first, gates[0], *rest)

        pipeline = Pipeline(stages)
        for position, record in records:
            gates[0].begin(np.zeros(0, np.bool_))
            out = pipeline.run(record, lambda _: None)
            summed += len(out) if isinstance(record, Batch) else 0
            store.write(Chunk(stream_of(Lane.BULK, partition), position, concat([out, gates[0].aside()])))
    return sum(store.stored(0, 1 << 60).values()), summed


def test_killed(ground):
    """An ingester that is killed twice under load loses nothing; what comes again is known as a duplicate."""
    messages = 8_000
    ground.ingester.start()
    with load(ground.mqtt.port, messages) as said:
        for share in (4, 2):
            until(lambda share=share: len(said) > messages // share, 60)
            ground.ingester.kill()
            ground.ingester.start()
    arrived(ground.reading, messages)

    assert (messages, messages) == stored(ground.reading)
    assert 0 == ground.ingester.stop()


@pytest.mark.timeout(1_200 if OUTAGE else 180)
def test_kafka_goes(ground):
    """While Kafka is killed nothing is acknowledged; when it is back everything is there, once."""
    messages = 8_000
    ground.ingester.start()
    with load(ground.mqtt.port, messages) as said:
        until(lambda: len(said) > messages // 4, 60)
        ground.node.kill()
        until(lambda: "bulk lane" in ground.ingester.health().get("missing", ()), 60)
        said_then = ground.ingester.health()
        back = clock.elapsed() + OUTAGE
        until(lambda: clock.elapsed() > back, OUTAGE + 60, 0.5)
        ground.node.start()
        until(lambda: ground.ingester.health().get("status") == "ok", 60)
    rows = arrived(ground.reading, messages)

    (detail,) = [c["detail"] for c in said_then["components"] if c["name"] == "bulk lane"]
    assert "Kafka takes nothing" in detail
    assert (messages, messages) == stored(ground.reading)
    # A producer that is away for minutes begins anew: what it had sent may stand twice then, and counts once.
    assert OUTAGE or {1} == set(rows[Lane.BULK].values()) == set(rows[Lane.LIFE].values())
    assert 0 == ground.ingester.stop()


SAYS = {"kafka": "bulk lane", "postgres": "registry", "mosquitto": "bulk broker"}


@pytest.mark.parametrize("engine", SAYS)
def test_cut_off(ground, engine):
    """While a wire of it is cut the ingester says so; mended, all that devices said is there, and counts once."""
    messages = 8_000
    ground.ingester.start()
    with load(ground.mqtt.port, messages) as said:
        until(lambda: len(said) > messages // 4, 60)
        ground.wires[engine].cut()
        until(lambda: SAYS[engine] in ground.ingester.health().get("missing", ()), 60)
        ground.wires[engine].mend()
        until(lambda: ground.ingester.health().get("status") == "ok", 90)
    arrived(ground.reading, messages)

    assert (messages, messages) == stored(ground.reading)
    assert 0 == ground.ingester.stop()


def test_a_fire_while_kafka_is_away(ground, tmp_path):
    """A fire is told within the 15 s of GB/T 45839-2025, 5.10.4 though Kafka is away, and once when it is back."""
    ground.ingester.start()
    devices = Devices(ground.mqtt.port)
    devices.say("parks/liuxi/life/-/smoke", {"smoke": "normal"})
    until(lambda: ground.reading.taken(Lane.LIFE).rows(), 30)
    ground.node.kill()
    began = clock.elapsed()
    devices.say("parks/liuxi/life/-/smoke", {"smoke": "alarm"})
    until(ground.told, 30)
    took = clock.elapsed() - began
    told = ground.told()
    ground.node.start()
    until(lambda: 1.0 in [value for _, _, value in ground.reading.taken(Lane.LIFE).rows()], 60)
    devices.close()

    events = SqlEvents(ground.database, Cases(ground.database, tmp_path, _nobody, clock.now, clock.elapsed).intake)
    for partition, records in ground.reading.taken(Lane.LIFE).records.items():
        pipeline = Pipeline(life_stages)
        for position, record in records:
            found = []
            pipeline.run(record, found.append)
            small = [e for e in found if isinstance(e, ConditionChange)]
            events.apply(stream_of(Lane.LIFE, partition), position, small)
    assert [1] == [1 for c in events.conditions(standing=True) if c.family.startswith("fire")]
    assert told == ground.told()
    assert took < 15
    assert 0 == ground.ingester.stop()


def _nobody(*_):
    """Tell no page."""
