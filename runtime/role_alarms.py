"""`park alarms`: from what the workers tell to cases, calls and messages; one process at a time, any number in wait.

```
 park.events ─ a ToldReading a log ─> EventWriter ─> PostgreSQL: events, cases, outbox ─> courier ─> people
                                                       case timers, office ──┘
```
Everything that writes does so under the epoch of the leadership: who was paused and followed writes nothing more.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial

from api.services import Component, Figure
from park.errors import SettingsError
from park.metrics import Lane
from park.settings import Settings
from park.streams import lane_of, partition_of
from runtime import clock
from runtime.cases import case_timer
from runtime.city_house import CityHouse, open_database
from runtime.dead_letters import DeadLetters
from runtime.dead_reading import DeadReading
from runtime.dead_topic import DeadTopic
from runtime.delivery_chart import chart_of
from runtime.delivery_office import adapters_of
from runtime.ear import Ear
from runtime.event_writer import EventWriter
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Partition
from runtime.names import REFUSED_EVENTS
from runtime.office import office_timer
from runtime.patience import patiently
from runtime.role_door import RoleDoor
from runtime.storage.sql.assignments import Held
from runtime.storage.sql.leadership import Leadership
from runtime.told_gate import Verdict
from runtime.told_reading import ToldReading
from runtime.topics import DEAD, EVENTS, events_partition, streams_of, topic_of
from runtime.topics_ready import TopicsReady
from runtime.troubles import Troubles

NAME = "alarms"
PATIENCE = 4.0  # s of silence after which a holder is followed
_TURN = 1.0  # s between two words of the holder
_LOOK = 10  # turns between two looks at whether Kafka was made anew
_DAY = 86_400_000  # ms
_log = logging.getLogger(__name__)


class AlarmsAtWork:
    """Everything that the holder runs."""

    def __init__(self, settings: Settings, held: Held, client: KafkaClient, ends: Mapping[str, int]) -> None:
        """Open the stores under the holder's epoch; nothing runs before `start`.

        `ends` says where the logs ended when this process began: what comes from beyond happens now, however long
        it took until somebody did this work. Raises MachineryError, UserError.
        """
        self.held = held
        self.remade = False
        self.troubles = Troubles(NAME)
        self._trimmed = 0
        self._stopping = threading.Event()
        self._chores = threading.Thread(target=self._do_chores, name="alarms-chores")
        self._closing = ExitStack()
        try:
            self._open(settings, held, client, ends)
        except BaseException:
            self._closing.close()
            raise

    def _open(self, settings: Settings, held: Held, client: KafkaClient, ends: Mapping[str, int]) -> None:
        self._house = house = self._closing.enter_context(CityHouse.open(settings, client, held.database))
        self._dead = DeadTopic(client)
        self._closing.callback(self._dead.close)
        streams = streams_of(settings.city)
        house.delivery.prepare(settings.delivery, house.cases, house.cases.clock.now())
        self._courier = house.delivery.courier(
            settings.delivery, house.cases, time.monotonic, adapters_of(house), chart_of(house.readings)
        )
        self._standby = house.delivery.standby(self._courier, house.cases, time.monotonic)
        house.cases.intake.live_from(ends)
        aside = DeadLetters(settings.data_dir / REFUSED_EVENTS)
        self.writer = EventWriter(
            house.events, aside, house.cases.intake.alone, streams, watch=self._standby, ends=ends
        )
        self.readings = [self._reading(stream, client) for stream in streams]
        self.letters = DeadReading(held.database, house.quarantine, Partition(client, DEAD, 0))
        self._case_timer = case_timer(house.cases)
        self._office_timer = office_timer(house.office.office, house.office.offset)

    def _reading(self, stream: str, client: KafkaClient) -> ToldReading:
        number = events_partition(stream)
        events = Partition(client, EVENTS, number)
        log = log_of(client, stream)
        self._closing.callback(log.close)
        dead = partial(self._dead.put, f"{EVENTS}-{number}")
        return ToldReading(stream, self.held, self.writer, events, log, dead)

    def start(self) -> None:
        """Start every part, life safety first."""
        self._standby.start()
        self.writer.start()
        self._case_timer.start()
        self._courier.start()
        for reading in self.readings:
            reading.follower.start()
        self._office_timer.start()
        self.letters.follower.start()
        self._chores.start()

    def stop(self) -> None:
        """Stop every part, in the order of what flows; what is not written comes again."""
        self._stopping.set()
        followers = [*(reading.follower for reading in self.readings), self.letters.follower]
        for follower in followers:
            follower.leave()
        for follower in followers:
            follower.stop()
        self._office_timer.stop()
        self._case_timer.stop()
        self.writer.stop()
        if self._chores.ident is not None:
            self._chores.join()
        with self.troubles.passing("how far events were read could not be written down"):
            self._mark()
        self._courier.stop()
        self._standby.stop()
        self._closing.close()

    def _do_chores(self) -> None:
        """Each second, ten seconds and day. Kafka may be slow to answer: whose work it is is said elsewhere."""
        turns = 0
        while not self._stopping.wait(_TURN):
            with self.troubles.passing("how far events were read could not be written down"):
                self._mark()
                self.troubles.over()
            turns += 1
            if turns % _LOOK == 0:
                with self.troubles.passing("the rules could not be read"):
                    self._house.renew()
                with self.troubles.passing("Kafka could not be asked for its logs"):
                    self.remade = any(reading.remade() for reading in self.readings)
            if clock.now() // _DAY != self._trimmed:
                with self.troubles.passing("what is old could not be deleted"):
                    self._trim()
                self._trimmed = clock.now() // _DAY

    def _mark(self) -> None:
        with self.held.database.write() as connection:
            for reading in self.readings:
                reading.mark(connection)

    def _trim(self) -> None:
        house, now = self._house, clock.now()
        keep = house.settings.store.event_days * _DAY
        house.cases.trim(keep)
        if keep:
            house.delivery.dispatches.trim(now - keep)
            house.events.trim(now - keep)

    # ── how it is ────────────────────────────────────────────────────────────────────────────────

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        parts = []
        for lane in (Lane.LIFE, Lane.BULK):
            mine = [r for r in self.readings if lane_of(r.stream) is lane]
            said = [w for r in mine for w in (r.follower.troubles.newest, r.follower.lost, r.troubles.newest) if w]
            serving = all(r.follower.caught_up.is_set() for r in mine)
            parts.append(Component(f"{lane} events", not said, "; ".join(said[:3]), serving=serving))
        house = self._house
        for name, words in (
            ("event writer", (self.writer.troubles.newest, self.writer.aside.said)),
            ("alarms", (self._case_timer.troubles.newest or house.cases.intake.troubles.newest,)),
            ("office", (self._office_timer.troubles.newest,)),
            ("delivery", (self._courier.trouble,)),
            ("live pages", (house.publisher.troubles.newest,)),
            ("dead letters", (self.letters.follower.troubles.newest, self.letters.follower.lost)),
            ("chores", (self.troubles.newest,)),
        ):
            detail = "; ".join(filter(None, words))
            parts.append(Component(name, not detail, detail))
        return parts

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        verdicts = [
            ({"stream": r.stream, "verdict": v.value}, float(r.counts[v])) for r in self.readings for v in Verdict
        ]
        behind = [({"stream": r.stream}, float(r.follower.behind)) for r in self.readings]
        return [
            Figure("park_told_total", "counter", "Messages of workers, by what became of them.", verdicts),
            Figure("park_told_behind", "gauge", "Messages of workers that were not read yet.", behind),
            _of("park_events_waiting", "gauge", "Events that wait to be written.", self.writer.waiting),
            _of("park_events_set_aside_total", "counter", "Events refused by the database.", self.writer.aside.total),
            _of("park_dead_letters_total", "counter", "Messages that were no such thing.", self._dead.total),
        ]


def log_of(client: KafkaClient, stream: str) -> Partition:
    """Return the partition that is a log."""
    return Partition(client, topic_of(lane_of(stream)), partition_of(stream))


def ends_of(client: KafkaClient, settings: Settings) -> dict[str, int]:
    """Return where each log ends now. Raises Unavailable."""
    found = {}
    for stream in streams_of(settings.city):
        with closing(log_of(client, stream)) as log:
            found[stream] = log.end
    return found


def _of(name: str, kind: str, text: str, value: float) -> Figure:
    return Figure(name, kind, text, [({}, float(value))])


class AlarmsRole:
    """A process that would do the alarms: it waits, or it does them."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is opened before `run`."""
        self._settings = settings
        self._troubles = Troubles("alarms role")
        self._work: AlarmsAtWork | None = None
        self._leadership: Leadership | None = None
        self._topics: TopicsReady | None = None
        self._ear: Ear | None = None

    def run(self, stop: threading.Event) -> None:
        """Wait for the work and do it until told to stop. Raises UserError."""
        settings = self._settings
        city = settings.city
        with ExitStack() as stack:
            door = RoleDoor(city.role_port, NAME, self.components, self.figures, host=city.role_host)
            stack.callback(door.stop)
            door.start()
            client = KafkaClient(city, NAME)
            stack.callback(client.close)
            database = patiently(lambda: open_database(settings), stop, self._troubles)
            if database is None:
                return
            stack.callback(database.close)
            topics = TopicsReady(city, stop)
            self._topics = topics
            ends: Mapping[str, int] = {}
            if topics.begin():
                with self._troubles.passing("Kafka could not be asked where its logs end"):
                    ends = ends_of(client, settings)
            owner = f"{socket.gethostname()}:{os.getpid()}"
            self._leadership = Leadership(
                database, NAME, owner, now=clock.now, elapsed=clock.elapsed, patience=PATIENCE
            )
            stack.callback(self._leadership.give)
            self._ear = Ear(partial(getattr, Partition(client, EVENTS, 0), "end"), clock.elapsed)
            stack.callback(self._ear.stop)
            self._ear.start()
            stack.callback(self._rest)
            _log.info("waiting for the work of %s; health on port %d", NAME, door.port)
            while True:
                with self._troubles.passing("whose work it is could not be found out", but=(SettingsError,)):
                    # Who hears nothing of Kafka makes no alarm of a fire: he works on until another can.
                    self._turn(self._leadership.turn(able=self._ear.hears), client, ends)
                    self._troubles.over()
                if stop.wait(_TURN):
                    return
                topics.check()

    def _turn(self, held: Held | None, client: KafkaClient, ends: Mapping[str, int]) -> None:
        work = self._work
        if work is not None and (held is not work.held or work.remade):
            _log.warning("the work of %s is %s", NAME, "another's now" if held is not work.held else "begun anew")
            self._rest()
        if held is not None and self._work is None:
            work = AlarmsAtWork(self._settings, held, client, ends)
            self._work = work
            work.start()

    def _rest(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.stop()

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work; who waits for another's work is as well as he who does it."""
        work, leadership = self._work, self._leadership
        deaf = self._ear is not None and not self._ear.hears
        topics = self._topics.troubles.newest if self._topics is not None else ""
        words = (self._troubles.newest, topics, "Kafka does not answer" if deaf else "")
        trouble = "; ".join(filter(None, words))
        known = leadership is not None and (work is not None or bool(leadership.holder))
        mine = [Component("work", not trouble, trouble, serving=known)]
        if self._topics is not None:
            mine.append(Component("topics", ready=True, detail="; ".join(self._topics.differs)))
        return [*mine, *(work.components() if work is not None else ())]

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        work = self._work
        leads = _of("park_alarms_leads", "gauge", "1 where this process does the work.", work is not None)
        return [leads, *(work.figures() if work is not None else ())]


def run_alarms(settings: Settings, stop: threading.Event) -> None:
    """Be a process that would do the alarms, until told to stop. Raises UserError."""
    AlarmsRole(settings).run(stop)
