"""The office of a data folder, put together: its store, its rules of time, its desk."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from governance.checklists import shipped
from governance.drills import message_id
from park.errors import NotFound
from park.governance import Drill
from park.model import Park
from park.ports import EventStore
from runtime.cases import Cases
from runtime.office import Office
from runtime.office_desk import Desk
from runtime.storage.sql.database import Database
from runtime.storage.sql.governance import SqlOffice
from runtime.storage.sql.governance_receipts import receipts_of
from runtime.storage.sql.registry import SqlRegistry

_CHINA = 480  # minutes


class OfficeHouse:
    """The office over the stores of a house."""

    def __init__(self, database: Database, registry: SqlRegistry, events: EventStore, cases: Cases) -> None:
        self._database = database
        self._registry = registry
        self._now = cases.clock.now
        self.store = SqlOffice(database, lambda _: cases.wake())
        self.office = Office(self.store, registry, events, self._receipts, self._now, cases.store)
        self.desk = Desk(database, self.office, registry, cases.files, shipped(), self.offset)

    def offset(self, park: int) -> int:
        """Return the minutes east of UTC of a park now; China's where it is gone."""
        try:
            zone = ZoneInfo(self._registry.get(Park, park).timezone)
        except NotFound:
            return _CHINA
        away = datetime.fromtimestamp(self._now() / 1000, UTC).astimezone(zone).utcoffset()
        return _CHINA if away is None else int(away.total_seconds() // 60)

    def _receipts(self, drill: Drill) -> list[tuple[int, int]]:
        return receipts_of(self._database, drill, {message_id(drill.id, d): d for d in drill.devices})
