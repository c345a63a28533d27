"""The stores that are rows of one database, and what the API may do with them: the same on one machine and in a city.

```
 SqlHouse   registry, events, cases, delivery, office, quarantine, ledger, keys, rules     over SQLite or PostgreSQL
  ├─ House      a data folder: segment logs, snapshots in files, time series in DuckDB      runtime.house
  └─ CityHouse  the servers of a city: logs in Kafka, time series in InfluxDB               runtime.city_house
```
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from api.services import Services
from park.episodes import BandStore
from park.ports import ReadingStore
from park.settings import Settings
from runtime import clock
from runtime.cases import Cases
from runtime.delivery_office import DeliveryOffice
from runtime.link_words import LinkWords
from runtime.live import LiveBuffer
from runtime.office_house import OfficeHouse
from runtime.registry_transfer import given_out, taken_in
from runtime.rulebook import Rulebook
from runtime.storage.sql.activity import SqlActivity
from runtime.storage.sql.database import Database
from runtime.storage.sql.episodes import SqlEpisodes
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.keys import SqlKeys
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.papers import SqlPapers
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rules import SqlRules


class SqlHouse:
    """Rows of one database, opened; whoever inherits adds time series and a live feed."""

    readings: ReadingStore
    live: LiveBuffer
    _resources: ExitStack  # of whoever inherits; what was opened is closed in reverse

    def __init__(
        self, settings: Settings, database: Database, attachments: Path, elapsed: Callable[[], float],
        link_key: Path | None = None,
    ) -> None:  # fmt: skip
        """Put the stores together over a database that is up to date.

        `link_key` is where the key of links in messages lies if no setting says where; None: then they carry none.
        Raises SettingsError, Unavailable.
        """
        self.settings = settings
        self.database = database
        self.registry = SqlRegistry(database)
        self.activity = SqlActivity(database)
        self.episodes = SqlEpisodes(database)
        self.papers = SqlPapers(database)
        self.rulebook = self._rules(SqlRules(database))
        self.cases = Cases(
            database, attachments, self.tell, clock.now, elapsed, settings.store.attachment_bytes
        )  # fmt: skip
        key = Path(settings.delivery.link_key_file) if settings.delivery.link_key_file else link_key
        words = LinkWords.kept_in(key) if key is not None else None
        self.delivery = DeliveryOffice(database, lambda: self.rulebook.rows, words)
        self.events = SqlEvents(database, self.cases.intake)
        self.office = OfficeHouse(database, self.registry, self.events, self.cases)
        self.quarantine = SqlQuarantine(database)
        self.ledger = SqlLedger(database)
        self.keys = SqlKeys(database)

    def _rules(self, store: SqlRules) -> Rulebook:
        return Rulebook(store, self.registry, clock.now)

    def tell(self, event: str, park: int, body: bytes) -> None:
        """Tell live pages, which there are once everything is open."""
        self.live.publish(event, park, body)

    def close(self) -> None:
        """Close everything, newest first."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def served(self, *, require_keys: bool, bands: BandStore, **verbs: Any) -> Services:
        """Return what the API may touch: the stores, and the verbs that only the caller knows."""
        own: dict[str, Any] = {
            "registry_import": lambda name, content, actor: taken_in(self.registry, name, content, actor, clock.now()),
            "registry_export": lambda form: given_out(self.registry, form),
            "alarms": self.cases.services(),
            "office": self.office.desk,
            "delivery": self.delivery.services(self.settings.delivery, self.cases.clock.now, lambda: None),
        }
        return Services(
            registry=self.registry, readings=self.readings, events=self.events, quarantine=self.quarantine,
            live=self.live, keys=self.keys, rules=self.rulebook, now=clock.now, require_keys=require_keys,
            activity=self.activity, papers=self.papers, bands=bands, episodes=self.episodes,
            settings=self.settings.api, **(own | verbs),
        )  # fmt: skip
