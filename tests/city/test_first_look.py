"""One recorded hour on one machine and through a city's parts: the same findings, byte for byte."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from park.events import Level, Rollups
from park.metrics import Lane
from park.ports import Chunk, ReadingStore
from park.records import Batch, Config, PointRow, Record, Tick
from park.series import BUCKETS, measurement_text
from park.settings import LogSettings
from park.wire import SmallEvent, encode, encode_event
from runtime.faust_app import build_app
from runtime.log import SegmentLog
from runtime.past import edge_of
from runtime.storage.influx import Influx
from runtime.storage.influx_store import InfluxStore
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from simulators.history import Past
from simulators.injections import injections
from simulators.registry import load, park_plan
from simulators.scenario import HOUR, MINUTE, Scenario
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, store_stages
from tests.city.kafka import PROGRAM, kafka
from tests.influx_v2 import influx_v2
from tests.noted import Noted

SMALL = SmallEvent.__args__
TOPIC = "park.bulk"
BEGIN = 1_767_196_800_000  # 2026-01-01 00:00 in the park

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(
        not PROGRAM.exists(), reason="the Kafka-protocol broker's package has no program for this machine"
    ),
]


@pytest.fixture
def hour(tmp_path: Path) -> list[Record]:
    """Return an hour of a simulated park with a fire in it, as its log holds it: all devices in one lane."""
    plan = park_plan(Scenario(BEGIN, enterprises=12))
    events = injections(plan, BEGIN + 60 * 24 * HOUR)
    begin = next(x.start for x in events if x.kind == "fire") - 10 * MINUTE
    database = Database.open(tmp_path / "registry.db")
    registry = SqlRegistry(database)
    numbers = load(plan, registry, now=BEGIN)
    pipeline = Pipeline(lambda _: ())
    records: list[Record] = [registry.config_since(0, begin)]
    database.close()
    pipeline.run(records[0], lambda _: None)
    past = Past(plan, events)
    log = SegmentLog(tmp_path / "log", LogSettings(), Lane.BULK)
    for minute in range(begin // MINUTE * MINUTE, begin + HOUR, MINUTE):
        batch = numbers.batch(past.received(minute, minute + MINUTE))
        records.append(Tick(minute))
        if len(batch):
            records.append(Batch(batch, edge_of(batch, pipeline.directory)))
    log.append(records)
    recorded = [record for _, record in log.read(0)]
    log.close()
    return recorded


class OnePartition:
    """The pipelines of one partition, and what they found."""

    def __init__(self) -> None:
        self.findings = Pipeline(bulk_stages)
        self.storing = Pipeline(store_stages)
        self.found: list[bytes] = []
        self.readings = 0

    def take(self, record: Record) -> tuple[int, list[Rollups]]:
        """Run a record; return the readings and rollups to store."""
        self.findings.run(record, lambda e: self.found.append(encode_event(e)) if isinstance(e, SMALL) else None)
        rollups: list[Rollups] = []
        out = self.storing.run(record, lambda e: rollups.append(e) if isinstance(e, Rollups) else None)
        self.readings += len(out)
        return out, rollups


def city_points(records: list[Record]) -> dict[int, PointRow]:
    """Return the points that a log's configuration names."""
    return {row.point: row for record in records if isinstance(record, Config) for row in record.points}


def _series(point: int, row: PointRow) -> tuple[str, str]:
    name = measurement_text(row.metric)
    return row.metric, f"{name},park=liuxi,device={row.device},point={point}"


def test_a_city_finds_what_one_machine_finds(hour: list[Record], tmp_path: Path) -> None:
    """Faust on a Kafka-protocol broker gives the same findings, in the same bytes and order."""
    embedded = OnePartition()
    for record in hour:
        embedded.take(record)
    city = OnePartition()

    series = {p: _series(p, row) for p, row in city_points(hour).items()}
    memory = MemoryStore()
    with kafka() as broker, influx_v2(tmp_path) as database:
        refused: list[bytes] = []
        client = Influx(database.url, database.token, "park", lambda _bucket, line, _why: refused.append(line))
        client.provision(list(BUCKETS.values()), keep=False)
        store = InfluxStore(client, series.__getitem__, Noted())
        asyncio.run(_through_faust(broker, hour, city, (store, memory), tmp_path))
        theirs = {p: store.raw(p, 0, 1 << 62, 1 << 30).value.tolist() for p in series}
        rolled = store.rollups(Level.HOUR, list(series), 0, 1 << 62)
        store.close()

    assert any(b'"fire' in event for event in embedded.found)
    assert embedded.found == city.found
    assert embedded.readings == city.readings
    assert [] == refused
    assert {p: memory.raw(p, 0, 1 << 62, 1 << 30).value.tolist() for p in series} == theirs
    assert memory.rollups(Level.HOUR, list(series), 0, 1 << 62).total.tolist() == rolled.total.tolist()


async def _through_faust(
    broker: str, hour: list[Record], city: OnePartition, stores: tuple[ReadingStore, ...], folder: Path
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", max_request_size=16 << 20)
    await producer.start()
    for record in hour:
        await producer.send_and_wait(TOPIC, encode(record), key=b"liuxi", partition=0)
    await producer.stop()
    done = asyncio.Event()
    positions: list[int] = []
    faults: list[str] = []

    def take(_partition: int, offset: int, record: Record) -> None:
        if positions and offset <= positions[-1]:
            return  # delivered again: the position is ours, not the broker's
        out, rollups = city.take(record)
        for store in stores:
            store.write(Chunk(Lane.BULK, offset + 1, out, tuple(rollups)))
        positions.append(offset)
        if len(positions) == len(hour):
            done.set()

    def refuse(_partition: int, _offset: int, _value: bytes, why: str) -> None:
        faults.append(why)
        done.set()

    app = build_app(f"kafka://{broker}", "park-worker", TOPIC, folder / "faust", take, refuse)
    app.finalize()
    await app.start()
    try:
        await asyncio.wait_for(done.wait(), 120)
    finally:
        await app.stop()
    assert [] == faults
