"""A running ingester: from the devices' broker into Kafka, acknowledged to the broker once all copies have it.

```
 broker ─ session of a lane ─> LaneWorker, without stages ─> PartitionedLog ─> park.life, park.bulk
 PostgreSQL ─ registry, rules, papers ─> Roster ─ Config ───────┘
```
The same lanes as on one machine (runtime.embedded), with Kafka for a log and nothing behind it. Several ingesters
share a city by partitions (`share`); each has sessions and clients of its own, and so has each lane.
What it must know of PostgreSQL it keeps a copy of, for a start without it (runtime.role_ingest).
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import cast

from api.services import Component, Figure
from ingest.batcher import Batcher
from ingest.mqtt import Reader
from ingest.resolver import Resolver
from park.events import Event
from park.metrics import Lane
from park.model import Park
from park.settings import IngestSettings, Settings
from park.streams import stream_of
from park.wire import SmallEvent
from runtime import clock
from runtime.city_homes import CityHomes, CityRegistry
from runtime.city_rulebook import CityRulebook
from runtime.city_settings import share_of
from runtime.first_ear import FirstEar
from runtime.first_heard import FirstHeard
from runtime.ingest_watch import EarlyCalls, FireWatch, KnownOnly, NoSnapshots
from runtime.kafka_client import KafkaClient
from runtime.lane import LaneWorker
from runtime.lane_health import lane_figures, lane_parts
from runtime.lane_words import LaneSettings, Phase
from runtime.log_time import Agreement, LogTime
from runtime.names import FIRST_HEARD, REGISTRY_COPY
from runtime.partitioned_log import PartitionedLog
from runtime.roster import Prepared, Roster
from runtime.sharing import Sharing, filters_of, park_filter, partitions_of
from runtime.storage.sql import positions
from runtime.storage.sql.database import Database
from runtime.storage.sql.papers import SqlPapers
from runtime.storage.sql.registry_copy import write_copy
from runtime.storage.sql.rules import SqlRules
from runtime.topics import partition_of, prepare_topics
from runtime.troubles import Troubles

NAME = "ingest"
_LOOK = 5.0  # s between two looks at the registry: how long a new device waits to be heard
_STALE = 30.0  # s after which what is known of the registry is not sure any more
_ALONE = "Kafka was never there: fires are heard and told, and the broker keeps what devices say"
_FULL = "Kafka takes nothing: what comes waits at the broker"
_TOLD = "ingest"  # consumer: the version of the registry that a log was told
_PARKS = 100_000  # more than there are
_COPIES = (300.0, 3_600.0)  # s between two copies of what is known, where it changed and where it did not
_EVER = 1 << 40  # attempts to learn what time the logs have reached: without it nothing may be appended
_log = logging.getLogger(__name__)


class CityIngest:
    """A running ingester."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Build every part over a database that is up to date; nothing runs before `start`. Raises MachineryError."""
        city = settings.city
        self._which, self._many = share_of(city)
        self._mine = partitions_of(self._which, self._many, city.partitions)
        self._streams = [stream_of(lane, partition) for lane in Lane for partition in self._mine]
        self._city = city
        self._database = database
        self._troubles = Troubles("registry")
        self._read_at = clock.elapsed()
        self._copy = copy_of(settings)
        self._copying = Troubles("registry copy")
        self._copied: tuple[object, float] = None, -inf  # what of, and when
        self._resources = ExitStack()
        self.homes = CityHomes(city.partitions)
        self.registry = CityRegistry(database, self.homes)
        self._rulebook = CityRulebook(SqlRules(database), self.registry, clock.now)
        self.roster = Roster(self.registry, self._rulebook.rows, clock.now, SqlPapers(database).standing)
        self.early = EarlyCalls(database, settings, clock.now, clock.elapsed)
        self.readers: dict[Lane, Reader] = {}
        self.lanes: dict[Lane, LaneWorker] = {}
        self.logs: dict[Lane, PartitionedLog] = {}
        self._clients: dict[Lane, KafkaClient] = {}
        self._codes = self._own_codes()
        self._told = self._told_before()
        self._moved = self._homes_before()
        agreement = Agreement()
        ingest = _named(settings.ingest, self._which, self._many)
        self._heard = FirstHeard(
            settings.data_dir / FIRST_HEARD.format(self._which, self._many),
            f"{ingest.broker_host}:{ingest.broker_port} {ingest.client_prefix}",
        )
        try:
            for lane in (Lane.LIFE, Lane.BULK):
                self._open(lane, settings, ingest, agreement)
        except BaseException:
            self._resources.close()  # it is tried again, with threads of its own
            raise
        self._stopping = threading.Event()
        self._chores = threading.Thread(target=self._look, name="registry")

    def _open(self, lane: Lane, settings: Settings, ingest: IngestSettings, agreement: Agreement) -> None:
        client = KafkaClient(settings.city, f"{NAME}-{self._which}-{lane}")
        self._resources.callback(client.close)
        log = PartitionedLog(client, lane, self.homes, self._mine)
        log.remember(self._moved)
        resolver = Resolver(ingest)
        sharing = Sharing(
            self._which, self._many, self.homes, resolver, clock.elapsed, self._fresh, careful=lane is Lane.LIFE
        )
        batcher = Batcher(ingest, resolver, self._leaves(lane, sharing))
        reader, life = self._reader(lane, ingest), lane is Lane.LIFE
        worker = LaneWorker(
            lane,
            source=Prepared(reader, partial(self._prepare, lane), self._heard.forget if life else None),
            decode=partial(self._heard.decoded, batcher.batch) if life else batcher.batch,
            log=log,
            pipeline=(lambda: FireWatch(lambda: log.unsure)) if life else KnownOnly,
            snapshots=NoSnapshots(),
            sink=_told_elsewhere,
            publish=_ignore,
            applied=lambda: _EVER,
            time=LogTime(clock.now, agreement=agreement, engine=log.kafka_time),
            early=self._call_early,
            settings=LaneSettings(
                nap=ingest.batch_nap if lane is Lane.BULK else 0.0, busy=ingest.receive_maximum // 4, tries=_EVER
            ),
        )
        self.roster.attach(worker, resolver, reader)
        if life:
            self.ear = FirstEar(
                partial(self._reader, lane, ingest),
                partial(self._heard.decoded, Batcher(ingest, resolver, sharing.leaves).batch),
                LogTime(clock.now, agreement=Agreement()), partial(self.roster.whole, lane), self._call_early,
            )  # fmt: skip
        self.readers[lane], self.lanes[lane], self.logs[lane], self._clients[lane] = reader, worker, log, client

    def _reader(self, lane: Lane, ingest: IngestSettings) -> Reader:
        return Reader(ingest, lane, filters_of(lane, self._many, self._codes, self.roster.life_topics))

    def _call_early(self, lane: Lane, events: list[SmallEvent]) -> None:
        """Tell people of what no log has, so that it is known when the broker sends it again."""
        if events:
            self._heard.keep()
        self.early.put(lane, events)

    def _prepare(self, lane: Lane) -> None:
        """Bring a lane up to date before its first message; whoever listened in its place leaves."""
        self.roster.prepare(lane)
        if lane is Lane.LIFE:
            self.ear.stop()

    def _leaves(self, lane: Lane, sharing: Sharing) -> Callable[[str], bool]:
        """Return what a lane leaves to others: to other ingesters, and bulk to life safety what that hears."""
        if lane is Lane.LIFE:
            return sharing.leaves
        life = self.readers[Lane.LIFE]
        return lambda topic: (topic in self.roster.covered and life.hears(topic)) or sharing.leaves(topic)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start both lanes; life safety listens before the other begins."""
        self.lanes[Lane.LIFE].start()
        self._chores.start()
        self.early.start()  # asks the database who there is: no lane waits for that
        self.ear.start()

    def stop(self) -> None:
        """Finish the turns at hand and end; what is not acknowledged comes again."""
        self._stopping.set()
        if self._chores.ident is not None:
            self._chores.join()
        for lane in (Lane.BULK, Lane.LIFE):
            if self.lanes[lane].stop():
                self.readers[lane].close()  # also of a lane that was never started
        self.ear.stop()
        self.early.stop()
        self._resources.close()

    def _look(self) -> None:
        """Start the bulk lane once life safety listens; then look at the registry every few seconds."""
        life = self.lanes[Lane.LIFE]
        while not life.live.wait(0.1):
            if self._stopping.is_set():
                return
            if life.state.phase is Phase.FAILED:
                break
        self.lanes[Lane.BULK].start()
        while not self._stopping.wait(_LOOK):
            with self._troubles.passing("the registry could not be read"):
                self._sync()
                self._troubles.over()
                self._keep()

    def _sync(self) -> None:
        began = clock.elapsed()
        before = self._rulebook.rows
        self._rulebook.renew()
        if self._rulebook.rows is before:
            self.roster.sync()
        else:
            self.roster.rule(self._rulebook.rows)
        if self._many > 1:
            codes = self._own_codes()
            self.readers[Lane.BULK].subscribe(park_filter(code) for code in sorted(codes - self._codes))
            self._codes |= codes
        self._read_at = began
        for lane, log in self.logs.items():
            if log.begun_anew:
                _log.error(
                    "the logs of %s were made anew, or lost records: they are told again what is registered", lane
                )
                self.roster.again(lane)
                log.begun_anew = False
        if any(log.unsure for log in self.logs.values()):
            asyncio.run(prepare_topics(self._city))  # a Kafka that lost everything knows no topics
        else:
            self._note()

    def _keep(self) -> None:
        """Write down what is known, for a start without the database."""
        known, now = (self.registry.version, self._rulebook.rows), self._read_at
        if now - self._copied[1] >= _COPIES[known == self._copied[0]]:
            self._copied = self._copied[0], now
            with self._copying.passing("what is registered could not be kept for a start without the database"):
                write_copy(self._database, self._copy)
                self._copied = known, now
                self._copying.over()

    # ── what partitions were told ────────────────────────────────────────────────────────────────

    def _told_before(self) -> int:
        """Return the version of the registry that all of our partitions were told; 0: none that is known."""
        with self._database.read() as connection:
            return min(positions.reached(connection, _TOLD, stream) for stream in self._streams)

    def _homes_before(self) -> dict[int, int]:
        """Return which partition was told of each device that changed since: it may be another's park's by now."""
        parks = self.registry.parks_before(self._told)
        homes = {
            p.id: partition_of(p.code, self.homes.partitions)
            for p in self.registry.find(Park, id=set(parks.values()), limit=_PARKS)
        }
        return {device: homes[park] for device, park in parks.items() if park in homes}

    def _note(self) -> None:
        """Write down what our partitions were told, for whoever begins where we end."""
        version = min(cast(KnownOnly, worker.runner.stages).directory.version for worker in self.lanes.values())
        if version > self._told:
            with self._database.write() as connection:
                for stream in self._streams:
                    positions.reach(connection, _TOLD, stream, version)
            self._told = version

    def _own_codes(self) -> set[str]:
        """Return the codes of the parks that are ours."""
        if self._many == 1:
            return set()
        codes: set[str] = set()
        after = 0
        while parks := self.registry.find(Park, after=after):
            after = parks[-1].id
            codes |= {p.code for p in parks if partition_of(p.code, self.homes.partitions) in self._mine}
        return codes

    def _fresh(self) -> bool:
        """Tell whether the registry was read lately."""
        return clock.elapsed() - self._read_at < _STALE

    # ── how it is ────────────────────────────────────────────────────────────────────────────────

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        parts: list[Component] = []
        for lane, worker in self.lanes.items():
            parts += lane_parts(worker, self.readers[lane], full=_FULL)
            parts.append(Component(f"{lane} kafka", ready=True, detail=self._clients[lane].notice))
        # A wire that is cut says nothing: who asks over it waits, and has no trouble to tell of.
        late = "" if self._fresh() else f"it was not read for {_STALE:.0f} s"
        for name, trouble in (
            ("registry", self._troubles.newest or late), ("registry copy", self._copying.newest),
            ("early calls", self.early.trouble or self._heard.troubles.newest),
            ("first ear", _ALONE if self.ear.hears else self.ear.troubles.newest),
        ):  # fmt: skip
            parts.append(Component(name, not trouble, trouble))
        return parts

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        told = {lane: log.delivered for lane, log in self.logs.items()}
        loops = [({"lane": lane.value}, client.cpu) for lane, client in self._clients.items()]

        def of(name: str, text: str, field: str) -> Figure:
            samples = [({"lane": lane.value}, float(getattr(d, field))) for lane, d in told.items()]
            return Figure(name, "counter", text, samples)

        return [
            *lane_figures(self.lanes, self.readers),
            of("park_kafka_messages_total", "Messages that Kafka has acknowledged.", "messages"),
            of("park_kafka_bytes_total", "Bytes of records that Kafka has acknowledged.", "bytes"),
            Figure(
                "park_early_events_total", "counter", "Events told while Kafka took nothing.", [({}, self.early.told)]
            ),
            Figure("park_kafka_cpu_seconds_total", "counter", "CPU time of the thread that speaks to Kafka.", loops),
        ]


def _named(settings: IngestSettings, which: int, many: int) -> IngestSettings:
    """Return settings under which several ingesters have sessions of their own at the broker.

    Another number of them makes other sessions: whoever went on with an old one would be sent parks of others.
    """
    return settings if many == 1 else replace(settings, client_prefix=f"{settings.client_prefix}-{which}-of-{many}")


def _told_elsewhere(lane: Lane, position: int, events: list[SmallEvent]) -> None:
    """Take nothing: an ingester finds nothing."""


def _ignore(event: Event) -> None:
    """Tell nobody."""


def copy_of(settings: Settings) -> Path:
    """Return where an ingester keeps what it knows of the city's database."""
    return settings.data_dir / REGISTRY_COPY.format(*share_of(settings.city))
