"""What is in the registry, as far as one save needs to know it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, or_

from park.model import Device, Enterprise, Lease, Park, Place, Point
from park.ports import Noun
from runtime.storage.sql.database import among
from runtime.storage.sql.rows import SHAPES


class Known:
    """Things by number: those of the database, and over them those that are about to be saved."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._things: dict[type[Any], dict[int, Any]] = {kind: {} for kind in SHAPES}
        self._asked: dict[type[Any], set[int]] = {kind: set() for kind in SHAPES}
        self._leases: dict[int, set[int]] = {}  # by place

    def load(self, kind: type[Any], keys: Iterable[int]) -> None:
        """Fetch living things, many at once."""
        missing = {key for key in keys if key > 0} - self._asked[kind]
        self._asked[kind] |= missing
        self._take(kind, "id", missing)

    def load_by(self, kind: type[Any], field: str, values: Iterable[object]) -> None:
        """Fetch the living things that have one of some values in a field."""
        self._take(kind, field, set(values))

    def _take(self, kind: type[Any], field: str, values: Iterable[object]) -> None:
        shape = SHAPES[kind]
        living = shape.select().where(shape.table.c.gone.is_(None))
        known = self._things[kind]
        for row in among(self._connection, living, shape.table.c[field], values):
            if row[0] not in known:  # what is about to be saved stands
                self.put(shape.thing(row))

    def put(self, thing: Noun) -> None:
        """Take a thing as it is, or is about to be."""
        self._things[type(thing)][thing.id] = thing
        if isinstance(thing, Lease):
            self._leases.setdefault(thing.place, set()).add(thing.id)

    def get(self, kind: type[Any], key: int) -> Any:
        """Return a thing, or None."""
        if key > 0 and key not in self._things[kind] and key not in self._asked[kind]:
            self.load(kind, (key,))
        return self._things[kind].get(key)

    def park(self, key: int) -> Park | None:
        """Return a park, or None."""
        park: Park | None = self.get(Park, key)
        return park

    def place(self, key: int) -> Place | None:
        """Return a building, unit or zone, or None."""
        place: Place | None = self.get(Place, key)
        return place

    def park_of(self, key: int) -> int:
        """Return the park of a place (of a park: itself); 0: there is no such place."""
        place = self.place(key)
        if place:
            return place.park
        return key if self.park(key) else 0

    def enterprise(self, key: int) -> Enterprise | None:
        """Return an enterprise, or None."""
        enterprise: Enterprise | None = self.get(Enterprise, key)
        return enterprise

    def device(self, key: int) -> Device | None:
        """Return a device, or None."""
        device: Device | None = self.get(Device, key)
        return device

    def point(self, key: int) -> Point | None:
        """Return a point, or None."""
        point: Point | None = self.get(Point, key)
        return point

    def leases_of(self, place: int) -> list[Lease]:
        """Return what is known of the leases of a place."""
        leases = (self._things[Lease][key] for key in self._leases.get(place, ()))
        return [lease for lease in leases if lease.place == place]

    def of(self, kind: type[Any]) -> Iterable[Any]:
        """Return all things of a kind that were fetched or put."""
        return self._things[kind].values()


def dependents(connection: Connection, kind: type[Any], key: int) -> list[tuple[str, int]]:
    """Count the living things, by noun, that would be left hanging if a thing were retired."""
    counts = []
    for other, shape in SHAPES.items():
        if (kind, other) in ((Device, Point), (Point, Point), (Enterprise, Lease), (Place, Lease)):
            continue  # points go with their device; leases are asked for by date
        space = SHAPES[kind].space
        on = [shape.table.c[field] == key for field, of in shape.references if of == space]
        if not on:
            continue
        rows = connection.execute(shape.select().where(shape.table.c.gone.is_(None), or_(*on))).all()
        if rows:
            counts.append((shape.name, len(rows)))
    return counts
