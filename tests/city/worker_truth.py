"""What the logs of a city say, worked out by one machine: what workers, whatever happened to them, must end up with."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from park.events import Level, Rollups
from park.metrics import Lane
from park.ports import Chunk
from park.records import Batch, Config
from park.streams import lane_of, partition_of
from park.wire import SmallEvent, decode_event, encode_event
from runtime.city_series import CitySeries
from runtime.gateways import Gateways
from runtime.kafka_log import Partition
from runtime.kafka_records import open_record
from runtime.merging import received
from runtime.partition_pipeline import PartitionPipeline
from runtime.storage.influx import Influx
from runtime.storage.influx_store import InfluxStore
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.assignments import holders
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.registry import SqlRegistry
from runtime.told_gate import ToldGate, Verdict
from runtime.topics import topic_of
from stream.stages import bulk_stages, life_stages, store_stages
from tests.city.worker_city import Engines, told
from tests.noted import Noted

SMALL = SmallEvent.__args__
STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}


@dataclass
class Truth:
    """What must be found and stored."""

    events: dict[str, list[bytes]] = field(default_factory=dict)
    store: MemoryStore = field(default_factory=MemoryStore)
    points: set[int] = field(default_factory=set)
    begin: int = 1 << 62
    end: int = 0


def truth(engines: Engines) -> Truth:
    """Run every log through the stages, record by record."""
    made = Truth()
    client = engines.client("truth")
    for stream in engines.streams:
        found = made.events[stream] = []
        finding, storing = PartitionPipeline(STAGES[lane_of(stream)]), PartitionPipeline(store_stages)
        with closing(Partition(client, topic_of(lane_of(stream)), partition_of(stream))) as log:
            for entry in log.read(0):
                record = open_record(entry.value)
                if isinstance(record, Config):
                    made.points |= {row.point for row in record.points}
                if isinstance(record, Batch) and received(record):
                    made.begin, made.end = min(made.begin, received(record)), max(made.end, received(record))
                finding.run(record, lambda e: found.append(encode_event(e)) if isinstance(e, SMALL) else None)  # noqa: B023
                rollups: list[Rollups] = []
                out = storing.run(record, lambda e: rollups.append(e) if isinstance(e, Rollups) else None)  # noqa: B023
                made.store.write(Chunk(stream, entry.position, out, tuple(rollups)))
    client.close()
    return made


@dataclass
class Outcome:
    """What a city has ended up with."""

    events: dict[str, list[bytes]]
    conditions: list[bytes]
    raw: dict[int, list[tuple[int, float]]]
    rollups: list[tuple[object, ...]]
    unexplained: int
    received: int


def outcome(engines: Engines, wanted: Truth) -> Outcome:
    """Return what workers have told, as the role of alarms takes it, and stored."""
    events, rows = _told(engines)
    refused: list[object] = []
    registry = SqlRegistry(engines.database)
    client = Influx(engines.influx.url, engines.influx.token, "park", lambda *why: refused.append(why))
    store = InfluxStore(client, CitySeries(registry), Noted(), Gateways(registry).column)
    span = wanted.begin - 3_600_000, wanted.end + 3_600_000
    ledger = SqlLedger(engines.database).rows(
        *span, {cell: n for cell, n in store.stored(*span).items() if cell[0] >= 0}
    )
    made = Outcome(
        events, rows, raw_of(store, wanted.points), rolled_of(store, wanted.points),
        sum(abs(row.unexplained) for row in ledger), sum(row.received for row in ledger),
    )  # fmt: skip
    store.close()
    return made


def raw_of(store: MemoryStore | InfluxStore, points: set[int]) -> dict[int, list[tuple[int, float]]]:
    """Return (time, value) of all readings by point."""
    found = {p: store.raw(p, 0, 1 << 62, 1 << 30) for p in sorted(points)}
    return {p: list(zip(rows.ts.tolist(), rows.value.tolist(), strict=True)) for p, rows in found.items()}


def rolled_of(store: MemoryStore | InfluxStore, points: set[int]) -> list[tuple[object, ...]]:
    """Return what rollups count exactly, and their sums to nine digits: parts are added up in another order."""
    made: list[tuple[object, ...]] = []
    for level in (Level.MINUTE, Level.QUARTER, Level.HOUR):
        rows = store.rollups(level, sorted(points), 0, 1 << 62)
        columns = (rows.point, rows.start, rows.count, rows.good, rows.low, rows.high, rows.last)
        sums = [f"{v:.9g}" for v in rows.total.tolist()]
        made += zip([level] * len(sums), *(c.tolist() for c in columns), sums, strict=True)
    return made


def _told(engines: Engines) -> tuple[dict[str, list[bytes]], list[bytes]]:
    """Return the events of each log in order, each once, and what stands in a database that took them."""
    database = Database.open("sqlite://")
    store, given = SqlEvents(database), holders(engines.database)
    found: dict[str, list[bytes]] = {}
    for stream, messages in told(engines).items():
        gate = ToldGate(stream, 0, lambda stream=stream: given[stream][0], lambda: 1 << 62)
        seen: dict[str, bytes] = {}
        for message in messages:
            judged = gate.judge(message)
            if judged.verdict is not Verdict.TAKEN:
                continue
            store.apply(stream, judged.position, judged.events)
            for event in judged.events:
                seen.setdefault(event.id, encode_event(event))
        found[stream] = list(seen.values())
    rows = stood(store)
    database.close()
    return found, rows


def stood(store: SqlEvents) -> list[bytes]:
    """Return what stands in a store of events."""
    return sorted(encode_event(e) for e in (*store.conditions(limit=10_000), *store.findings(limit=10_000)))


def stands(events: dict[str, Sequence[bytes]]) -> list[bytes]:
    """Return what stands once all events are stored, each log's in order."""
    database = Database.open("sqlite://")
    store = SqlEvents(database)
    for stream, told_ in events.items():
        store.apply(stream, 1, [decode_event(text) for text in told_])
    rows = stood(store)
    database.close()
    return rows
