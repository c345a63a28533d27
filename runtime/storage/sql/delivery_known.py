"""Who there is to be told and what things are called, in one read: for those who must go on without a database."""

from sqlalchemy import select

from park.metrics import Lane
from runtime.standby import Known
from runtime.storage.sql import alarm_plans
from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_targets import holding
from runtime.storage.sql.tables import devices, parks, places

_MOST = 50_000  # names of a kind: a city's detectors; what has none is told by its number


def known_of(database: Database) -> Known:
    """Return targets, people on duty and the names of what life safety is about. Raises MachineryError."""
    with database.read() as connection:
        rows = connection.execute(select(places.c.id, places.c.name, places.c.parent).limit(_MOST))
        tree = {int(key): (str(name), int(parent or 0)) for key, name, parent in rows}
        found = connection.execute(select(parks.c.id, parks.c.name, parks.c.timezone).limit(_MOST))
        named = connection.execute(
            select(devices.c.id, devices.c.name).where(devices.c.lane == Lane.LIFE.value).limit(_MOST)
        )
        return Known(
            tuple(holding(connection)),
            alarm_plans.duty(connection),
            {int(key): (str(name), str(zone) or "Asia/Shanghai") for key, name, zone in found},
            {key: _path(key, tree) for key in tree},
            {int(key): str(name) for key, name in named},
        )


def _path(place: int, tree: dict[int, tuple[str, int]]) -> str:
    """Return the names from the building down to a place."""
    names: list[str] = []
    while place in tree and len(names) < 8:  # a loop in the tree must end
        name, place = tree[place]
        names.append(name)
    return " ".join(reversed(names))
