"""`park api`: pages and API of a city; any number of processes, none of which holds anything that another needs.

```
 PostgreSQL, InfluxDB ── CityHouse ──> api.app ──> people        park.events, park.live ── followers ──> live pages
 what people do ── cases: PostgreSQL; commands, messages: PartitionedLog ──> park.life, park.bulk
```
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from api.app import create_app
from api.services import Claim, Component, Figure, Services
from park.errors import Corrupt
from park.metrics import Lane
from park.model import Device
from park.records import Batch, Command
from park.settings import Settings
from park.streams import lane_of, partition_of
from park.told import decode_told
from runtime import clock
from runtime.city_health import CityHealth
from runtime.city_homes import CityHomes, CityRegistry
from runtime.city_house import CityHouse, not_in_a_city, open_database
from runtime.city_live import decode_live
from runtime.city_settings import influx_token
from runtime.claiming import claim_device
from runtime.doors import listen
from runtime.follower import Follower
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Entry, KafkaLog, Partition
from runtime.kafka_records import record_again
from runtime.letters_again import LettersAgain
from runtime.loss import WholeLedger
from runtime.partitioned_log import PartitionedLog
from runtime.patience import patiently
from runtime.pulse import Pulse
from runtime.role_door import RoleDoor
from runtime.serve import keys_needed
from runtime.settled_bindings import SettledBindings
from runtime.storage.influx import Influx
from runtime.storage.sql.database import Database
from runtime.taking_again import TakingAgain
from runtime.topics import EVENTS, LIVE, events_partition, streams_of, topic_of
from runtime.topics_ready import TopicsReady
from runtime.troubles import Troubles
from runtime.web_server import WebServer

NAME = "api"
_PAST = 1_000  # messages of each log's events that are read at the start, for pages that come back
_TAIL = 5_000  # records of each log that the ledger looks at
_CHORE = 5.0  # s between two looks at what others have changed
_AHEAD = 60_000  # ms that another machine's clock may be ahead of ours, for the numbers of live events
Take = Callable[[Entry], None]
_log = logging.getLogger(__name__)


class CityLogs:
    """What people bring into the logs: one thread at a time, each answered once it is certain."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Connect to nothing yet. A client that tries again in silence would do what somebody was told had failed."""
        self._client = KafkaClient(settings.city, f"{NAME}-commands", sure=False)
        self._homes = CityHomes(settings.city.partitions)
        self._registry = CityRegistry(database, self._homes)
        everywhere = range(settings.city.partitions)
        self._logs = {lane: PartitionedLog(self._client, lane, self._homes, everywhere) for lane in Lane}
        self._locks = {lane: threading.Lock() for lane in Lane}
        self._learning = threading.Lock()
        self._version = 0

    def append(self, lane: Lane, record: Batch | Command) -> int:
        """Put a record into a lane and wait until all copies have it. Raises Unavailable: then none has."""
        with self._learning:
            version = self._registry.version
            if version != self._version:
                self._registry.config_since(self._version, clock.now())  # teaches the homes
                self._version = version
        with self._locks[lane]:
            return self._logs[lane].append([record])

    def close(self) -> None:
        """Release the connection."""
        self._client.close()


class CityApi:
    """Everything that one process of the API runs, but its web server."""

    def __init__(self, settings: Settings, database: Database, client: KafkaClient) -> None:
        """Open everything; nothing runs before `start`. Raises MachineryError, UserError."""
        self.settings = settings
        self.troubles = Troubles("chores")
        self._resources = ExitStack()
        try:
            self._open(settings, database, client)
        except BaseException:
            self._resources.close()
            raise

    def _open(self, settings: Settings, database: Database, client: KafkaClient) -> None:
        stack = self._resources
        self.house = stack.enter_context(CityHouse.open(settings, client, database))
        self.logs = CityLogs(settings, database)
        stack.callback(self.logs.close)
        self._again = TakingAgain(settings.ingest, self.house.quarantine, self.logs.append, record_again)
        city = settings.city
        influx = partial(Influx, city.influx_url, influx_token(city), city.influx_org)
        self._letters = LettersAgain(self.house.quarantine, self.house.events, influx, self._again.retry)
        self._bindings = SettledBindings(self.house.registry, self._again.resolver, clock.elapsed)
        self.followers = [self._of_events(client, stream) for stream in streams_of(settings.city)]
        self.followers.append(self._follower(Partition(client, LIVE, 0), self._relay))
        logs: dict[str, KafkaLog] = {}
        for stream in streams_of(settings.city):
            logs[stream] = KafkaLog(client, topic_of(lane_of(stream)), partition_of(stream), refuse=_pass)
            stack.callback(logs[stream].close)
        self._ledger = WholeLedger(self.house.ledger, self.house.readings, logs, tail=_TAIL)
        self.health = CityHealth(self.house, database, logs, clock.elapsed)
        self._pulse = Pulse(self.house)
        self._claimed: dict[str, str] = {}  # device key -> by whom: what it said last may still be on its way
        self._stopping = threading.Event()
        self._chores = threading.Thread(target=self._do_chores, name="chores")

    # ── live pages ───────────────────────────────────────────────────────────────────────────────

    def _of_events(self, client: KafkaClient, stream: str) -> Follower:
        return self._follower(Partition(client, EVENTS, events_partition(stream)), self._told)

    def _follower(self, partition: Partition, take: Take) -> Follower:
        return Follower(partition, lambda begin, end: max(begin, end - _PAST), take, _passed)

    def _told(self, entry: Entry) -> None:
        try:
            told = decode_told(entry.value)
        except Corrupt as why:
            _passed(entry, str(why))
            return
        self.house.live.relay_told(told, _when(entry))

    def _relay(self, entry: Entry) -> None:
        try:
            event, park, body = decode_live(entry.value)
        except Corrupt as why:
            _passed(entry, str(why))
            return
        self.house.live.relay(event, park, body, _when(entry))

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to hear what happens."""
        for follower in self.followers:
            follower.start()
        self.health.start()
        self._pulse.start()
        self._chores.start()

    def stop(self) -> None:
        """End, newest first."""
        self._stopping.set()
        if self._chores.ident is not None:
            self._chores.join()
        self._pulse.stop()
        self.health.stop()
        for follower in self.followers:
            follower.leave()
        for follower in self.followers:
            follower.stop()
        self._resources.close()

    def _do_chores(self) -> None:
        while not self._stopping.wait(_CHORE):
            with self.troubles.passing("what others have changed could not be read"):
                self.house.renew()
                self._bindings.look()
                for key, actor in list(self._claimed.items()):
                    if self._again.resolver.known(key) is not None:
                        self._again.of_device(key, actor)
                        del self._claimed[key]
                self.troubles.over()

    # ── what the API may do ──────────────────────────────────────────────────────────────────────

    def services(self, *, require_keys: bool) -> Services:
        """Return what the API may touch."""
        return self.house.services(
            require_keys=require_keys,
            submit=self.submit,
            retry=self._letters.retry,
            claim=self.claim,
            hand_in=self.hand_in,
            components=self.components,
            figures=self.figures,
            limits=lambda: self.house.rulebook.rows,
            ledger=self._ledger,
            backup=not_in_a_city("a backup"),
            readings_export=not_in_a_city("an export of readings"),
        )

    def submit(self, lane: Lane, command: Command) -> object:
        """Put a command into its park's log and wait until it is there. Raises Unavailable."""
        return self.logs.append(lane, command)

    def hand_in(self, lanes: Mapping[Lane, Sequence[tuple[str, bytes]]]) -> None:
        """Take messages (topic, payload), those of life safety first, and wait until they are in the logs.

        Raises Unavailable.
        """
        now = clock.now()
        for lane in (Lane.LIFE, Lane.BULK):
            if lanes.get(lane):
                messages = [(topic.encode(), payload, b"", 0) for topic, payload in lanes[lane]]
                self.logs.append(lane, self._again.decoded(messages, now))

    def claim(self, claim: Claim, actor: str) -> Device:
        """Make a waiting device ours; what it has said so far is taken in once the logs know it."""
        device = claim_device(self.house, claim, actor, clock.now())
        self._claimed[claim.device_key] = actor
        return device

    # ── how it is ────────────────────────────────────────────────────────────────────────────────

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        said = "; ".join(dict.fromkeys(f.troubles.newest for f in self.followers if f.troubles.newest))
        live = Component("live events", not said, said)
        trouble = self.house.publisher.troubles.newest
        chores = self.troubles.newest
        return [
            *self.health.components(), live, Component("live changes", not trouble, trouble),
            Component("chores", not chores, chores),
        ]  # fmt: skip

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        behind = [({"of": f.name}, float(f.behind)) for f in self.followers]
        return [
            Figure("park_live_clients", "gauge", "Live pages that listen.", [({}, float(self.house.live.clients))]),
            Figure("park_live_behind", "gauge", "Messages for live pages that were not read yet.", behind),
            *self.health.figures(),
        ]


def _when(entry: Entry) -> int:
    """Return when a message was appended, as far as that can be believed: numbers of live events rise by it."""
    return min(entry.appended, clock.now() + _AHEAD)


def _pass(position: int, content: bytes, why: str) -> None:
    """Pass over a record that is none: its worker keeps it."""


def _passed(entry: Entry, why: str) -> None:
    _log.warning("a message before %d is nothing for live pages: %s", entry.position, why)


class ApiRole:
    """A process that serves pages and API."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is opened before `run`."""
        self._settings = settings
        self._troubles = Troubles(NAME)
        self._running: CityApi | None = None

    def run(self, stop: threading.Event) -> None:
        """Serve until told to stop. Raises UserError."""
        settings = self._settings
        city = settings.city
        require_keys = keys_needed(settings)
        with ExitStack() as stack:
            door = stack.enter_context(listen(settings.api.host, settings.api.port, "another with --http-port"))
            own = RoleDoor(city.role_port, NAME, self.components, self.figures, host=city.role_host)
            stack.callback(own.stop)
            own.start()
            client = KafkaClient(city, NAME)
            stack.callback(client.close)
            database = patiently(lambda: open_database(settings), stop, self._troubles)
            if database is None:
                return
            stack.callback(database.close)
            topics = TopicsReady(city, stop)
            topics.begin()  # without Kafka pages say so, and show what is stored
            running = CityApi(settings, database, client)
            stack.callback(running.stop)
            running.start()
            self._running = running
            app = create_app(running.services(require_keys=require_keys))
            server = WebServer(running.house.live.close, app, settings.api)
            thread = threading.Thread(target=partial(server.run, sockets=[door]), name="web")
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.leave)
            _log.info("serving on port %d; health on port %d", door.getsockname()[1], own.port)
            while thread.is_alive() and not stop.wait(0.5):
                topics.check()

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        running = self._running
        if running is not None:
            return running.components()
        return [Component("database", ready=False, detail=self._troubles.newest or "not open yet", serving=False)]

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        running = self._running
        return running.figures() if running is not None else ()


def run_api(settings: Settings, stop: threading.Event) -> None:
    """Serve pages and API until told to stop. Raises UserError."""
    ApiRole(settings).run(stop)
