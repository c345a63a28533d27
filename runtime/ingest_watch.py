"""Fires that Kafka does not take: found by the ingester itself, and told through the database.

```
 life lane ─ append ─> Kafka                      as long as that goes, nothing happens here
                └ Unavailable ─> Fire, Unreadable ─┬─> cases in PostgreSQL ─> outbox ─> `park alarms` tells people
                                                   └─> Standby, 8 s later: where PostgreSQL takes nothing either
```
Whoever is on fire cannot wait for a broker. Events and their ids are derived from the readings, so that what the
worker finds of the same readings, once Kafka has them, is known already. The stages begin without a memory at each
outage: a fire that stood before it and speaks again is told again, which is the smaller harm.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from park.delivery import Channel
from park.directory import Directory
from park.metrics import Lane
from park.operator import Emit, State
from park.readings import ReadingBatch, batch_of
from park.records import Config, Record
from park.settings import Settings
from park.wire import SmallEvent
from runtime.cases import Cases
from runtime.dead_letters import DeadLetters
from runtime.delivery_mail import Mail
from runtime.delivery_network import Network
from runtime.delivery_send import Adapter, Sender
from runtime.delivery_sounder import Sounder
from runtime.event_writer import EventWriter
from runtime.first_ear import fire_stages
from runtime.names import ATTACHMENTS, REFUSED_EVENTS
from runtime.receipts import Receipts
from runtime.standby import PATIENCE, Standby
from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_known import known_of
from runtime.storage.sql.events import SqlEvents
from stream.pipeline import Pipeline

_KNOW = 60.0  # s between two looks at who there is: every ingester asks, and few are ever needed
_NOTHING = batch_of([])


class KnownOnly:
    """In the place of stages: what a lane was told of the registry, as far as the roster asks (runtime.roster)."""

    def __init__(self) -> None:
        self.directory = Directory()

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Note versions, tables and devices."""
        del emit
        if isinstance(record, Config):
            self.directory.apply(Config(record.version, 0, (), record.devices, (), record.limits, (), record.papers))
        return _NOTHING

    def snapshot(self) -> Mapping[str, State]:
        """Return nothing: at each start the partitions are told the whole registry."""
        return {}

    def restore(self, states: Mapping[str, State]) -> None:
        """Take nothing."""


class NoSnapshots:
    """An ingester has no state but its logs' time."""

    def save(self, name: str, position: int, states: Mapping[str, State]) -> None:
        """Keep nothing."""

    def load(self, name: str) -> tuple[int, dict[str, dict[str, Any]]] | None:
        """Return that there is none."""
        del name
        return None

    def oldest(self, name: str) -> int:
        """Return that there is none."""
        del name
        return 0


class FireWatch(KnownOnly):
    """The same for life safety, and the stages of fires while its log takes nothing."""

    def __init__(self, away: Callable[[], bool]) -> None:
        """Take whether the log takes nothing now."""
        super().__init__()
        self._away = away
        self._stages: Pipeline | None = None

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Note the registry; find fires where nobody else can yet."""
        if isinstance(record, Config):
            self.directory.apply(record)
        if not self._away():
            self._stages = None
            return _NOTHING
        if self._stages is None:
            self._stages = Pipeline(fire_stages)
            self._stages.run(self.directory.config(), _ignore)
        return self._stages.run(record, emit)


class EarlyCalls:
    """Tells people of what no log has, as soon as the database takes it, or past it where it does not."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        now: Callable[[], int],
        elapsed: Callable[[], float],
        patience: float = PATIENCE,
    ) -> None:
        """Take the city's database and the settings of this process, with its folder. Raises MachineryError.

        `patience` (s) is how long the database may take; then this process tells people by itself, whoever it reaches:
        sounders by the devices' broker, and receivers if its network and settings (`delivery`) let it.
        """
        folder = settings.data_dir
        self._cases = Cases(database, folder / ATTACHMENTS, _nobody, now, elapsed)
        aside = DeadLetters(folder / REFUSED_EVENTS)
        self._network = Network(settings.delivery, elapsed)
        sounder = Sounder(lambda: settings.ingest)
        adapters: dict[Channel, Adapter] = {Channel.EMAIL: Mail(settings.delivery), Channel.SOUNDER: sounder}
        sender = Sender(settings.delivery, self._network, adapters)
        # What the database has is the courier's of `park alarms`: a turn of ours begins at any time.
        self.standby = Standby(
            partial(known_of, database), sender, Receipts(), elapsed, now, elapsed, patience, know=_KNOW
        )
        self._writer = EventWriter(
            SqlEvents(database), aside, self._cases.intake.alone, (Lane.LIFE,), watch=self.standby
        )
        self.told = 0  # events that were handed over

    def start(self) -> None:
        """Learn who there is to be told, while the database answers, and begin."""
        self.standby.start()
        self._writer.start()

    def stop(self) -> None:
        """Tell what waits, as far as there is time, and end."""
        self._writer.stop()
        self.standby.stop()
        self._network.close()

    def put(self, lane: Lane, events: list[SmallEvent]) -> None:
        """Take events; never blocks, never fails."""
        self.told += len(events)
        self._writer.early(lane, events)

    @property
    def trouble(self) -> str:
        """Why people could not be told, in words; "" for nothing."""
        return self._writer.troubles.newest or self.standby.troubles.newest


def _nobody(event: str, park: int, body: bytes) -> None:
    """Tell no page: those of a city look at the database."""


def _ignore(event: object) -> None:
    """Swallow what stages say of a registry."""
