"""`park ingest`: a process that ingests, with what it knows of the city's database where that is away.

Where PostgreSQL is away at its start it begins with a copy, and anew once PostgreSQL answers: whoever is on fire
meanwhile is heard, under the numbers of then.
"""

import logging
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from api.services import Component, Figure
from park.errors import MachineryError
from park.settings import Settings
from runtime import clock
from runtime.city_ingest import NAME, CityIngest, copy_of
from runtime.city_settings import postgres_url, share_of
from runtime.doors import make_folder
from runtime.patience import patiently
from runtime.role_door import RoleDoor
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry_copy import open_copy
from runtime.topics_ready import TopicsReady
from runtime.troubles import Troubles

_LOOK = 5.0  # s between two looks for a database that is away
_SWITCH = 0.001  # s; a busy bulk lane must not keep life safety waiting (runtime.serve)
_KAFKA = 1.0  # s that a start waits for Kafka, that may say nothing at all, before it begins without
_WAITS = 10.0  # s that a start waits for the database before it begins with what is known of it
_log = logging.getLogger(__name__)


class IngestRole:
    """A process that ingests."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is opened before `run`."""
        self._settings = settings
        self._troubles = Troubles(NAME)
        self._running: CityIngest | None = None
        self._copied = False  # whether it works with a copy of what is registered

    def run(self, stop: threading.Event) -> None:
        """Ingest until told to stop. Raises UserError for settings that cannot be."""
        settings, city = self._settings, self._settings.city
        share_of(city)
        url = postgres_url(city)
        make_folder(settings.data_dir)
        sys.setswitchinterval(_SWITCH)
        with ExitStack() as stack:
            door = RoleDoor(city.role_port, NAME, self.components, self.figures, host=city.role_host)
            stack.callback(door.stop)
            door.start()
            topics = TopicsReady(city, stop)
            topics.begin(_KAFKA)  # without Kafka fires are heard all the same
            began = clock.elapsed()
            while not stop.is_set():
                database = patiently(lambda: self._open(url, clock.elapsed() - began), stop, self._troubles)
                if database is not None:
                    self._work(database, url, topics, stop)

    def _open(self, url: str, waited: float) -> Database:
        """Return the city's database; where that is away, and we waited, what is known of it. Raises MachineryError."""
        copy = copy_of(self._settings)
        try:
            self._copied = False
            return Database.open(url)
        except MachineryError:
            if waited >= _WAITS and copy.exists():
                with self._troubles.passing("what is known of the registry cannot be read"):
                    found = open_copy(copy)
                    self._copied = True
                    return found
            raise

    def _work(self, database: Database, url: str, topics: TopicsReady, stop: threading.Event) -> None:
        """Ingest until told to stop; with what is known of a database, until that answers again."""
        settings = self._settings
        with ExitStack() as stack:
            stack.callback(database.close)
            topics.check()
            running = patiently(lambda: CityIngest(settings, database), stop, self._troubles)
            if running is None:
                return
            self._running = running
            stack.callback(running.stop)
            running.start()
            _log.info("ingesting share %s%s", settings.city.share, ", with a copy of what is registered" * self._copied)
            while not stop.wait(_LOOK):
                topics.check()
                if self._copied:
                    with suppress(MachineryError):
                        Database.open(url).close()
                        return

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        running = self._running
        if running is not None:
            copied = "it is away: what is registered is known by a copy" if self._copied else ""
            return [*running.components(), Component("database", not copied, copied)]
        return [Component(NAME, ready=False, detail=self._troubles.newest or "starting", serving=False)]

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        running = self._running
        return running.figures() if running is not None else []


def run_ingest(settings: Settings, stop: threading.Event) -> None:
    """Ingest until told to stop. Raises UserError for settings that cannot be."""
    IngestRole(settings).run(stop)
