"""The stores of a city, opened for one process: rows in PostgreSQL, time series in InfluxDB, live pages through Kafka.

What is rows is the same as in a data folder (runtime.sql_house). What belongs to one machine only, attachments and
events that no database takes, lies in the data folder; where several processes serve attachments they share it.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from api.services import Services
from park.errors import UserError
from park.settings import Settings
from runtime import clock
from runtime.city_live import CityFeed, LivePublisher
from runtime.city_rulebook import CityRulebook
from runtime.city_series import CitySeries
from runtime.city_settings import influx_token, postgres_url
from runtime.doors import make_folder
from runtime.gateways import Gateways
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Partition
from runtime.names import ATTACHMENTS
from runtime.sql_house import SqlHouse
from runtime.storage.influx import Influx
from runtime.storage.influx_newest import NewestKept
from runtime.storage.sql import positions
from runtime.storage.sql.cuts import SERIES
from runtime.storage.sql.database import Database
from runtime.storage.sql.rules import SqlRules
from runtime.topics import LIVE

_log = logging.getLogger(__name__)


class _Positions:
    """How far the workers' writing has come, for one who only reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, stream: str) -> int:
        """Return the position through which a log lasts in InfluxDB."""
        with self._database.read() as connection:
            return positions.reached(connection, SERIES, stream)

    def write(self, stream: str, position: int) -> None:
        """Keep nothing: the workers do."""


class CityHouse(SqlHouse):
    """The stores of a city; nothing runs but what brings changes of cases to all live pages."""

    def __init__(self, settings: Settings, database: Database, client: KafkaClient, resources: ExitStack) -> None:
        """Open everything over a database that is up to date; `resources` closes it in reverse."""
        self._resources = resources
        self.publisher = LivePublisher(Partition(client, LIVE, 0))
        super().__init__(settings, database, settings.data_dir / ATTACHMENTS, clock.elapsed)
        resources.callback(self.delivery.close)
        city = settings.city
        self.influx = Influx(city.influx_url, influx_token(city), city.influx_org, _unwritten)
        gateways = Gateways(self.registry)
        self.series = CitySeries(self.registry)
        self.readings: NewestKept = NewestKept(
            self.influx, self.series, _Positions(database), gateways.column, now=clock.now, elapsed=clock.elapsed
        )
        resources.callback(self.readings.close)
        self.live: CityFeed = CityFeed(settings.api, clock.now())
        self.publisher.start()
        resources.callback(self.publisher.stop)

    @classmethod
    def open(cls, settings: Settings, client: KafkaClient, database: Database) -> Self:
        """Open the stores of a city over a database. Raises UserError, MachineryError."""
        make_folder(settings.data_dir)
        resources = ExitStack()
        try:
            return cls(settings, database, client, resources)
        except BaseException:
            resources.close()
            raise

    def _rules(self, store: SqlRules) -> CityRulebook:
        return CityRulebook(store, self.registry, clock.now)

    def renew(self) -> None:
        """Take up what other processes have changed. Raises MachineryError."""
        assert isinstance(self.rulebook, CityRulebook)  # noqa: S101 - `_rules`
        self.rulebook.renew()

    def tell(self, event: str, park: int, body: bytes) -> None:
        """Tell the live pages of all processes."""
        self.publisher.publish(event, park, body)

    def services(self, *, require_keys: bool, **verbs: Any) -> Services:
        """Return what the API may touch, with the verbs that its role knows."""
        return self.served(require_keys=require_keys, bands=self.readings, **verbs)


def open_database(settings: Settings) -> Database:
    """Open the database of a city, brought up to date. Raises SettingsError, MachineryError."""
    return Database.open(postgres_url(settings.city))


def _unwritten(bucket: str, line: bytes, why: str) -> None:
    """Say what nobody here writes."""
    _log.error("a line for %s was refused: %s: %r", bucket, why, line[:200])


def not_in_a_city(what: str) -> Callable[..., Any]:
    """Return a verb that a city has no one process for."""

    def refuse(*_: object) -> Any:
        raise UserError(f"{what}: in a city this is done with the tools of its databases (docs/distributed.md)")

    return refuse
