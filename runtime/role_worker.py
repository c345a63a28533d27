"""`park worker`: records of the partitions that the group gives us, through the stages, into the stores.

```
 park.life ─ FaustFeed ─> LanePartitions(life) ─┐ each its own Kafka client, group and threads
 park.bulk ─ FaustFeed ─> LanePartitions(bulk) ─┴─> park.events; InfluxDB, PostgreSQL under an epoch
```
A worker keeps nothing: any number of them run, and each may be killed at any time.
"""

import asyncio
import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa

from api.services import Component, Figure
from park.errors import SettingsError, Unavailable
from park.metrics import Lane
from park.series import BUCKETS
from park.settings import CitySettings, Settings
from runtime.city_house import open_database
from runtime.city_lane_words import CityLaneState, Phase
from runtime.city_parts import Workshop
from runtime.city_settings import influx_token
from runtime.city_worker import LanePartitions
from runtime.faust_app import FaustFeed
from runtime.kafka_client import KafkaClient
from runtime.lean import be_lean, give_back
from runtime.patience import patiently
from runtime.role_door import RoleDoor
from runtime.storage.influx import Influx, SetAside
from runtime.storage.sql.assignments import holders
from runtime.storage.sql.database import Database
from runtime.topics import prepare_topics, topic_of
from runtime.troubles import Troubles

NAME = "worker"
_LAG = 20_000  # messages that a store may be behind and still be called ready
_LOOK = 1.0  # s
_TIDY = 10  # looks between two that give memory back: chunks and copies leave it in pieces between what stays
_log = logging.getLogger(__name__)


class WorkerAtWork:
    """Everything that a worker runs."""

    def __init__(self, settings: Settings, database: Database, lanes: Sequence[Lane], folder: Path) -> None:
        """Take a database that is up to date, and a folder for what Faust writes; nothing runs before `start`."""
        city = settings.city
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self._stack = ExitStack()
        self.shop = Workshop(city, database, partial(_influx, settings), self.owner)
        self._stack.callback(self.shop.close)
        self.partitions: dict[Lane, LanePartitions] = {}
        self.feeds: dict[Lane, FaustFeed] = {}
        self._clients: dict[Lane, KafkaClient] = {}
        self._troubles = Troubles("buckets")
        self._stopping = threading.Event()
        self._providing = threading.Thread(target=self._provide, args=(settings,), name="buckets")
        for lane in lanes:
            client = KafkaClient(city, f"{NAME}-{lane}")
            self._stack.callback(client.close)
            mine = LanePartitions(lane, partial(self.shop.lane, client), partial(_epochs, database))
            self.partitions[lane] = mine
            self._clients[lane] = client
            self.feeds[lane] = FaustFeed(city, topic_of(lane), f"park-{NAME}-{lane}", folder / lane, mine)

    def start(self) -> None:
        """Begin, life safety first."""
        for lane, mine in self.partitions.items():
            mine.start()
            self.feeds[lane].start()
        self._providing.start()

    def _provide(self, settings: Settings) -> None:
        """Make the buckets that are not there, beside: no fire waits for them."""
        influx = _influx(settings, lambda _bucket, _line, _why: None)
        patiently(lambda: influx.provision(list(BUCKETS.values())), self._stopping, self._troubles)
        influx.close()

    def stop(self) -> None:
        """Save, leave the groups, and end: others go on where we stand."""
        self._stopping.set()
        for lane in reversed(self.partitions):
            # Saved before it is given away: who takes over begins there, and reads for himself what came meanwhile.
            self.partitions[lane].stop()
            self.feeds[lane].stop()
        self._providing.join()
        self._stack.close()

    # ── how it is ────────────────────────────────────────────────────────────────────────────────

    @property
    def states(self) -> list[CityLaneState]:
        """How each partition is."""
        return [state for mine in self.partitions.values() for state in mine.states]

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        parts = []
        for lane, mine in self.partitions.items():
            feed = self.feeds[lane]
            joined = feed.joined.is_set()
            said = feed.troubles.newest or mine.troubles.newest or self._clients[lane].notice
            parts.append(Component(f"{lane} group", joined and not said, said or ("" if joined else "not joined yet")))
            for state in mine.states:
                parts.append(_component(state))
                parts.append(_store(state))
        parts.append(Component("buckets", not self._troubles.newest, self._troubles.newest))
        dead = self.shop.dead
        parts.append(
            Component("dead letters", not dead, f"{dead} messages could not be read or stored" if dead else "")
        )
        return parts

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        states = self.states

        def each(name: str, kind: str, text: str, field: str) -> Figure:
            return Figure(name, kind, text, [({"stream": s.stream}, float(getattr(s, field))) for s in states])

        behind = [({"stream": s.stream}, float(s.end - s.position)) for s in states]
        stores = [(s, s.store) for s in states if s.store is not None]
        messages = [({"lane": lane.value}, float(feed.messages)) for lane, feed in self.feeds.items()]
        feeding = [({"lane": lane.value}, feed.cpu) for lane, feed in self.feeds.items()]
        running = [({"stream": lane.stream}, lane.cpu) for mine in self.partitions.values() for lane in mine.lanes]
        return [
            Figure("park_worker_partitions", "gauge", "Partitions by phase.", _phases(states)),
            each("park_worker_epoch", "gauge", "Epoch under which a log is held.", "epoch"),
            each("park_worker_position", "gauge", "Position of a log, run through.", "position"),
            Figure("park_worker_behind", "gauge", "Messages of a log that were not run yet.", behind),
            each("park_worker_readings_total", "counter", "Readings run.", "readings"),
            each("park_worker_events_total", "counter", "Events found.", "events"),
            each("park_worker_dead_total", "counter", "Messages that were no records.", "dead"),
            each("park_worker_failures_total", "counter", "Faults of stages.", "failures"),
            Figure(
                "park_worker_store_behind", "gauge", "Messages of a log that are not in the stores yet.",
                [({"stream": s.stream}, float(store.lag_bytes)) for s, store in stores],
            ),
            Figure("park_worker_messages_total", "counter", "Messages that Kafka gave.", messages),
            Figure("park_worker_feed_cpu_seconds_total", "counter", "CPU time of Faust's thread.", feeding),
            Figure("park_worker_lane_cpu_seconds_total", "counter", "CPU time of the stages' threads.", running),
        ]  # fmt: skip


def _influx(settings: Settings, set_aside: SetAside) -> Influx:
    city = settings.city
    return Influx(city.influx_url, influx_token(city), city.influx_org, set_aside)


def _epochs(database: Database) -> dict[str, int]:
    return {stream: epoch for stream, (epoch, _, _) in holders(database).items()}


def _phases(states: Sequence[CityLaneState]) -> list[tuple[dict[str, str], float]]:
    return [({"phase": phase.value}, float(sum(s.phase is phase for s in states))) for phase in Phase]


_SAYS = {
    Phase.TAKING: "is being taken over",
    Phase.FILLING: "reads what came before",
    Phase.LOST: "is another's",
    Phase.FAILED: "has failed",
    Phase.STOPPED: "has stopped",
}


def _component(state: CityLaneState) -> Component:
    said = "; ".join(filter(None, (_SAYS.get(state.phase, ""), state.lost, state.trouble)))
    return Component(state.stream, not said, said, serving=state.phase is Phase.LIVE)


def _store(state: CityLaneState) -> Component:
    store = state.store
    if store is None:
        return Component(f"{state.stream} store", ready=False, detail="not there yet")
    behind = not store.ready or store.lag_bytes > _LAG
    detail = f"{store.lag_bytes} messages behind" if behind else store.trouble
    return Component(f"{state.stream} store", not behind and not store.trouble, detail)


class WorkerRole:
    """A worker's process."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is opened before `run`. Raises SettingsError."""
        self.work: WorkerAtWork | None = None
        self._settings = settings
        self._lanes = lanes_of(settings.city)
        self._troubles = Troubles("worker role")

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. Raises UserError."""
        city = self._settings.city
        with ExitStack() as stack:
            door = RoleDoor(city.role_port, NAME, self.components, self.figures, host=city.role_host)
            stack.callback(door.stop)
            door.start()
            database = patiently(lambda: open_database(self._settings), stop, self._troubles)
            if database is None:
                return
            stack.callback(database.close)
            if patiently(lambda: asyncio.run(prepare_topics(city)), stop, self._troubles) is None:
                return
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="park-worker-"))
            work = WorkerAtWork(self._settings, database, self._lanes, Path(folder))
            stack.callback(work.stop)
            self.work = work
            work.start()
            _log.info("working on %s; health on port %d", ", ".join(self._lanes), door.port)
            looks = 0
            while not stop.wait(_LOOK):
                looks += 1
                if looks % _TIDY == 0:
                    give_back()
                    pa.default_memory_pool().release_unused()
                if any(feed.stuck for feed in work.feeds.values()):
                    # It may hold partitions that nobody hears. Whoever starts us starts us again.
                    raise Unavailable("a consumer of Kafka hangs: this process ends so that others take its partitions")

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        trouble, work = self._troubles.newest, self.work
        begun = Component("worker", work is not None and not trouble, trouble, serving=work is not None)
        return [begun, *(work.components() if work is not None else ())]

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        cpu = Figure(
            "park_worker_cpu_seconds_total", "counter", "CPU time of the process.", [({}, time.process_time())]
        )
        return [cpu, *(self.work.figures() if self.work is not None else ())]


def lanes_of(settings: CitySettings) -> Sequence[Lane]:
    """Return the lanes of a worker: both, or one: life safety may have processes of its own. Raises SettingsError."""
    if settings.lanes == "both":
        return tuple(Lane)
    if settings.lanes not in set(Lane):
        raise SettingsError(f"[city] lanes: {settings.lanes!r} is none of life, bulk and both")
    return (Lane(settings.lanes),)


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """Be a worker until told to stop. Raises UserError."""
    be_lean()
    WorkerRole(settings).run(stop)
