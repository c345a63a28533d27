"""What a worker's partition is put together from: Kafka, PostgreSQL and InfluxDB under one epoch."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from threading import Lock

from park.errors import Unavailable
from park.metrics import Lane
from park.records import Config, Record
from park.settings import CitySettings
from park.streams import lane_of, partition_of
from park.told import Told, encode_told, halved
from runtime import clock
from runtime.bands import BandQueue
from runtime.city_homes import CityHomes, CityRegistry
from runtime.city_lane import CityLane, Parts
from runtime.city_lane_words import ALL, CityLaneSettings
from runtime.city_series import CitySeries
from runtime.dead_topic import DeadTopic
from runtime.gateways import Gateways
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Entry, Partition
from runtime.kafka_records import open_record
from runtime.kafka_routes import Routes
from runtime.partition_pipeline import PartitionPipeline
from runtime.past import config_for
from runtime.projector import Projector, ProjectorSettings
from runtime.rulebook import Rulebook
from runtime.runner import Runner
from runtime.storage.influx import Influx
from runtime.storage.influx_store import InfluxStore
from runtime.storage.sql.assignments import take
from runtime.storage.sql.cuts import SqlJournal, SqlPositions, fit
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.papers import SqlPapers
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.rules import SqlRules
from runtime.storage.sql.snapshots import SqlSnapshots, known_of
from runtime.stream_log import StreamLog, Tail
from runtime.topics import EVENTS, events_partition, topic_of
from stream.stages import bulk_stages, life_stages, store_stages

# Positions are messages here, not bytes.
STORING = ProjectorSettings(share=1.0, snapshot_bytes=20_000, snapshot_seconds=300.0)
_STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}
_log = logging.getLogger(__name__)


class Workshop:
    """Makes the parts of partitions, for all lanes of a process."""

    def __init__(
        self,
        settings: CitySettings,
        database: Database,
        influx: Callable[[Callable[[str, bytes, str], None]], Influx],
        owner: str,
        *,
        lane_settings: CityLaneSettings | None = None,
        storing: ProjectorSettings = STORING,
    ) -> None:
        """Take the stores; `influx` opens InfluxDB for one who says what becomes of lines that it refuses."""
        self._settings = settings
        self._database = database
        self._owner = owner
        self._lane_settings = lane_settings or CityLaneSettings()
        self._storing = storing
        self._homes = CityHomes(settings.partitions)
        self._registry = CityRegistry(database, self._homes)
        self._gateways = Gateways(self._registry)
        self._series = CitySeries(self._registry)
        self._refused: deque[tuple[str, bytes, str]] = deque(maxlen=1_000)  # lines that InfluxDB will never take
        self.refused = 0
        self._influx = influx(self._set_aside)
        self._saving = {lane: Lock() for lane in Lane}
        self._turns = {lane: Lock() for lane in Lane}  # no fire waits for a snapshot of bulk
        self.dead = 0  # messages and lines put into the dead letters

    def lane(self, client: KafkaClient, stream: str, sound: int = ALL) -> CityLane:
        """Return what does a partition's work, not begun yet; `client` is its lane's, `sound` as CityLane has it."""
        tail = Tail(stream, partial(self._opened, stream))
        return CityLane(stream, tail, partial(self._parts, client), self._lane_settings, sound=sound)

    def close(self) -> None:
        """Release InfluxDB; the database is another's."""
        self._influx.close()

    def _parts(self, client: KafkaClient, lane: CityLane) -> Parts:
        stream, tail = lane.stream, lane.tail
        number = partition_of(stream)
        stack = ExitStack()
        try:
            soon, late, events = (
                stack.enter_context(closing(Partition(client, topic, n)))
                for topic, n in (
                    (topic_of(lane.lane), number), (topic_of(lane.lane), number), (EVENTS, events_partition(stream)),
                )
            )  # fmt: skip
            dead = stack.enter_context(closing(DeadTopic(client)))
            _ = soon.end  # who cannot ask Kafka takes nothing from whoever can
            held = take(self._database, stream, self._owner, clock.now(), lambda: not lane.ending)
            end = soon.end  # asked behind it: whoever held the log before went on, and wrote, until then
            marks, known = known_of(held, soon, end, lane.sound)
            lost = ""
            if fit(held, known, (stream, f"store-{stream}"), end):
                lost = f"records of {stream} beyond {known} were lost; what was made of them is forgotten"
                _log.error("%s", lost)
            tail.reach(end)
            snapshots = SqlSnapshots(held, turn=self._turns[lane.lane], marks=marks.before)
            log = StreamLog(tail, soon, lane.refuse, marks)
            pipeline = partial(PartitionPipeline, _STAGES[lane.lane])
            registry = partial(self._whole, stream)
            runner = Runner(stream, pipeline, log, snapshots, careful=lane.lane is Lane.LIFE, registry=registry)
            quarantine, ledger = SqlQuarantine(held.database), SqlLedger(held.database)
            store = InfluxStore(
                self._influx, self._series, SqlPositions(held), self._gateways.column, writer=stream,
                learned=self._series.forget,
            )  # fmt: skip
            bands = BandQueue(store)
            projector = Projector(
                logs={stream: StreamLog(tail, late)}, stages=store_stages, store=store, quarantine=quarantine,
                ledger=ledger, snapshots=snapshots, journals=lambda _stream: SqlJournal(held),
                reached=lambda of: (quarantine.kept(of), ledger.reached(of)), settings=self._storing,
                registry=lambda _stream: registry(), beside=partial(self._beside, lane, dead, bands),
                pipeline=PartitionPipeline, saving=self._saving[lane.lane],
            )  # fmt: skip
        except BaseException:
            stack.close()
            raise
        tell = partial(_tell, events, stream.encode())
        saving, close = self._saving[lane.lane], stack.close
        return Parts(held, log, runner, snapshots, projector, tell, bands.put, saving, close, lost)

    def _opened(self, stream: str, entry: Entry) -> Record:
        """Return the record of a message. Raises Corrupt."""
        return open_record(
            entry.value,
            key=entry.key,
            partition=partition_of(stream),
            partitions=self._settings.partitions,
            appended=entry.appended,
            life=lane_of(stream) is Lane.LIFE,
        )

    def _whole(self, stream: str) -> Config:
        """Return what a partition must know of all that is registered now, for a past that is gone."""
        lane = lane_of(stream)
        config = config_for(self._registry.config_since(0, clock.now()), lane)
        told = Routes(self._homes, [partition_of(stream)]).ways(config)
        parts = [piece for _, piece in told if isinstance(piece, Config)]
        return Config(
            config.version,
            config.received,
            tuple(row for part in parts for row in part.points),
            tuple(row for part in parts for row in part.devices),
            tuple(row for part in parts for row in part.places),
            Rulebook(SqlRules(self._database), self._registry, clock.now).rows,
            tuple(row for part in parts for row in part.enterprises),
            SqlPapers(self._database).standing() if lane is Lane.BULK else None,
        )

    def _beside(self, lane: CityLane, dead: DeadTopic, bands: BandQueue) -> None:
        """Give the stores what comes beside the log, in the projector's thread. Raises Unavailable."""
        while lane.dead:
            dead.put(f"{topic_of(lane.lane)}-{partition_of(lane.stream)}", *lane.dead[0])
            lane.dead.popleft()
            self.dead += 1
        while self._refused:
            bucket, line, why = self._refused[0]
            dead.put(f"influx:{bucket}", Entry(0, b"", line, clock.now()), why)
            self._refused.popleft()
            self.dead += 1
        bands.write()

    def _set_aside(self, bucket: str, line: bytes, why: str) -> None:
        """Keep a line that InfluxDB will never take, for people."""
        self.refused += 1
        self._refused.append((bucket, line, why))
        _log.error("InfluxDB refuses a line of %s for good: %s: %r", bucket, why, line[:200])


def _tell(events: Partition, key: bytes, untold: Sequence[Told]) -> None:
    """Tell what was found, acknowledged by all copies; in halves where the topic takes no more. Raises Unavailable."""
    messages = [(key, encode_told(told)) for told in untold]
    try:
        events.append(messages)
    except ValueError as why:
        halves = [half for told in untold for half in halved(told)]
        if len(halves) == len(untold):
            raise Unavailable(f"{events.topic} takes no events: its max.message.bytes is too small ({why})") from why
        events.client.group = max(1, events.client.group // 2)
        _tell(events, key, halves)
