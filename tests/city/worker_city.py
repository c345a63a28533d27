"""A city's engines for tests of workers: Kafka, PostgreSQL and InfluxDB's stand-in, and what goes into their logs."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from park.metrics import Lane
from park.records import Batch, Config, Record, Tick
from park.settings import CitySettings, LogSettings, Settings
from park.streams import lane_of, partition_of, stream_of
from park.told import Told, decode_told
from park.wire import encode_event
from runtime.city_homes import CityHomes, CityRegistry
from runtime.city_house import open_database
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Partition
from runtime.log import SegmentLog
from runtime.partitioned_log import PartitionedLog
from runtime.past import config_for, edge_of
from runtime.role_worker import WorkerRole
from runtime.storage.sql.database import Database
from runtime.topics import EVENTS, events_partition, prepare_topics, topic_of
from simulators.history import Past
from simulators.injections import injections
from simulators.registry import load, park_plan
from simulators.scenario import HOUR, MINUTE, Scenario
from stream.pipeline import Pipeline
from tests.city.kafka import any_kafka
from tests.influx_v2 import InfluxV2, influx_v2
from tests.servers import postgresql
from tests.tools import until

BEGIN = 1_767_196_800_000  # 2026-01-01 00:00 in the park


@dataclass
class Engines:
    """What a city stands on."""

    settings: Settings
    database: Database
    influx: InfluxV2

    def client(self, name: str = "test") -> KafkaClient:
        """Return a client of Kafka; the caller closes it."""
        return KafkaClient(self.settings.city, name)

    @property
    def streams(self) -> list[str]:
        """The names of all logs."""
        return [stream_of(lane, n) for lane in Lane for n in range(self.settings.city.partitions)]


@contextmanager
def engines(folder: Path, *, partitions: int = 2, kafka: str = "") -> Iterator[Engines]:
    """Start everything; `kafka` is the address of a broker that runs already."""
    with ExitStack() as stack:
        address = kafka or stack.enter_context(any_kafka())
        url = stack.enter_context(postgresql())
        influx = stack.enter_context(influx_v2(folder))
        for name, text in (("postgres", url), ("influx", influx.token)):
            (folder / name).write_text(text)
        city = CitySettings(
            kafka=address, partitions=partitions, postgres_url_file=str(folder / "postgres"),
            influx_url=influx.url, influx_token_file=str(folder / "influx"), influx_org="park",
        )  # fmt: skip
        # Before anybody asks for them: the small broker makes what it is asked for, with a number of its own.
        asyncio.run(prepare_topics(city))
        settings = Settings(data_dir=folder / "data", city=city)
        database = open_database(settings)
        stack.callback(database.close)
        yield Engines(settings, database, influx)


def recorded(engines: Engines, minutes: int = 60, parks: Sequence[str] = ("liuxi",)) -> dict[Lane, list[Record]]:
    """Register simulated parks, and return what their devices say around a fire in the first, lane by lane."""
    plans = [park_plan(Scenario(BEGIN, seed, 12, code, code)) for seed, code in enumerate(parks, 1)]
    told = [injections(plan, BEGIN + 60 * 24 * HOUR) for plan in plans]
    begin = next(x.start for x in told[0] if x.kind == "fire") - 10 * MINUTE
    registry = CityRegistry(engines.database, CityHomes(engines.settings.city.partitions))
    numbers = [load(plan, registry, now=BEGIN) for plan in plans]
    whole = registry.config_since(0, begin)
    records: dict[Lane, list[Record]] = {lane: [config_for(whole, lane)] for lane in Lane}
    directory = Pipeline(lambda _: ())
    directory.run(whole, lambda _: None)
    pasts = [Past(plan, events) for plan, events in zip(plans, told, strict=True)]
    for minute in range(begin // MINUTE * MINUTE, begin + minutes * MINUTE, MINUTE):
        for lane in Lane:
            records[lane].append(Tick(minute))
        for number, past in zip(numbers, pasts, strict=True):
            batch = number.batch(past.received(minute, minute + MINUTE))
            life = directory.directory.life[batch.point]
            for lane, rows in ((Lane.LIFE, batch.rows(life)), (Lane.BULK, batch.rows(~life))):
                if len(rows):
                    records[lane].append(Batch(rows, edge_of(rows, directory.directory)))
    return records


def logged(records: Sequence[Record], folder: Path, lane: Lane) -> list[tuple[int, Record]]:
    """Return records with their positions as a segment log of one machine gives them back."""
    log = SegmentLog(folder / lane, LogSettings(), lane)
    log.append(records)
    found = list(log.read(0))
    log.close()
    return found


class Ingester:
    """Puts records into the partitions, as the role does."""

    def __init__(self, engines: Engines) -> None:
        self._clients = {lane: engines.client(f"ingest-{lane}") for lane in Lane}
        partitions = engines.settings.city.partitions
        homes = CityHomes(partitions)
        CityRegistry(engines.database, homes).config_since(0, 0)
        self._logs = {
            lane: PartitionedLog(client, lane, homes, range(partitions)) for lane, client in self._clients.items()
        }

    def put(self, lane: Lane, records: Sequence[Record]) -> None:
        """Append records to a lane."""
        self._logs[lane].append(records)

    def close(self) -> None:
        """Let go."""
        for client in self._clients.values():
            client.close()


class Working:
    """A worker's process, as a thread of this one."""

    def __init__(self, settings: Settings, lanes: str = "both") -> None:
        self.stop = threading.Event()
        self.role = WorkerRole(replace(settings, city=replace(settings.city, lanes=lanes)))
        self._thread = threading.Thread(target=self.role.run, args=(self.stop,), name="worker")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    @property
    def states(self):
        """How each partition is."""
        return self.role.work.states if self.role.work is not None else []

    def through(self, ends: dict[str, int], *, stored: bool = True) -> bool:
        """Tell whether it has run, and stored, all logs up to somewhere."""
        states = {state.stream: state for state in self.states}
        return all(
            stream in states
            and states[stream].position >= end
            and (not stored or (states[stream].store is not None and states[stream].store.lag_bytes == 0))
            for stream, end in ends.items()
        )


def ends_of(engines: Engines) -> dict[str, int]:
    """Return where each log ends."""
    client = engines.client("ends")
    found = {}
    for stream in engines.streams:
        with closing(Partition(client, topic_of(lane_of(stream)), partition_of(stream))) as log:
            found[stream] = log.end
    client.close()
    return found


def told(engines: Engines) -> dict[str, list[Told]]:
    """Return what was told of each log, in order."""
    client = engines.client("told")
    found = {}
    for stream in engines.streams:
        with closing(Partition(client, EVENTS, events_partition(stream))) as events:
            found[stream] = [decode_told(entry.value) for entry in events.read(0)]
    client.close()
    return found


def once(messages: Sequence[Told]) -> list[bytes]:
    """Return the events of messages in order, each once: what was told again is known by its id."""
    seen: dict[str, bytes] = {}
    for message in messages:
        for event in message.events:
            seen.setdefault(event.id, encode_event(event))
    return list(seen.values())


def config_of(records: Sequence[Record]) -> Config:
    """Return the configuration that a recording begins with."""
    first = records[0]
    assert isinstance(first, Config)
    return first


def worked(working: Working, ends: dict[str, int], seconds: float = 60.0) -> None:
    """Wait until a worker is through."""
    until(lambda: working.through(ends), seconds, every=0.05)
