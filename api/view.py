"""The registry as the pages ask for it: one park at a time, resolved, kept until something changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from api.newest import NewestRows, newest_rows
from api.services import Services
from park.directory import Directory
from park.errors import NotFound
from park.metrics import METRICS, Feed
from park.model import Device, DeviceState, Enterprise, Lease, Park, Place, PlaceKind
from park.ports import RegistryStore, T
from park.readings import Int32
from park.records import PointRow
from park.roles import Principal

# Of devices themselves: that a smoke detector tells its battery does not make the air watched.
ABOUT_DEVICES = frozenset({"battery", "signal", "low_battery", "online", "tamper", "fault"})
_AT_ONCE = 2_000  # rows
_PARKS_KEPT = 200  # of ~300 kB each at 1,400 points: a city of 150 parks


def every(registry: RegistryStore, kind: type[T], **equal: object) -> Iterator[T]:
    """Yield all things whose fields equal the given ones, rising by id."""
    after = 0
    while page := registry.find(kind, after=after, limit=1_000, **equal):
        yield from page
        after = page[-1].id


@dataclass(frozen=True, slots=True)
class ParkView:
    """A park and what stands in it, at one version of the registry. Nobody writes to it."""

    park: Park
    version: int
    places: dict[int, Place]
    devices: dict[int, Device]  # retired ones are left out
    enterprises: dict[int, Enterprise]
    leases: dict[int, tuple[Lease, ...]]  # by place
    rows: dict[int, PointRow]  # points of those devices, rising
    points: Int32  # the same numbers
    feeds: dict[Feed, Int32]  # measured points that show whether a feed lives

    def unit_of(self, place: int) -> int:
        """Return the unit that a place is or lies in; 0 for none."""
        for _ in range(8):  # park, building, unit, zone: a tree of four levels; a loop in it must end
            found = self.places.get(place)
            if found is None:
                return 0
            if found.kind is PlaceKind.UNIT:
                return found.id
            place = found.parent
        return 0

    def within(self, place: int) -> frozenset[int]:
        """Return a place and everything in it."""
        inside = {place}
        grown = True
        while grown:
            more = {p.id for p in self.places.values() if p.parent in inside} - inside
            inside |= more
            grown = bool(more)
        return frozenset(inside)

    def tenant(self, place: int, now: int) -> Enterprise | None:
        """Return who may use a place at a time."""
        for lease in self.leases.get(place, ()):
            if lease.valid_from <= now and (lease.valid_to is None or now < lease.valid_to):
                return self.enterprises.get(lease.enterprise)
        return None


class View:
    """Parks by id; asks the registry only for what changed since."""

    def __init__(self, services: Services) -> None:
        self._registry = services.registry
        self._now = services.now
        self._directory = Directory()
        self._version = -1
        self._parks: dict[int, ParkView] = {}
        self._newest: dict[int, NewestRows] = {}
        self._leases: tuple[int, dict[int, tuple[Lease, ...]]] = (-1, {})
        self._lock = Lock()

    def directory(self) -> Directory:
        """Return all points, devices and places by number; look up in it, do not walk over it."""
        with self._lock:
            self._refresh()
            return self._directory

    def _refresh(self) -> int:
        version = self._registry.version
        if version != self._version:
            self._directory.apply(self._registry.config_since(max(self._version, 0), self._now()))
            self._version = version
        return version

    def park(self, park: int, caller: Principal) -> ParkView:
        """Return a park. Raises NotFound, also where it is outside the key's scope."""
        if not caller.sees(park):
            raise NotFound(f"there is no park {park}")
        with self._lock:
            version = self._refresh()
            found = self._parks.get(park)
            if found is None or found.version != version:
                self._parks.pop(park, None)
                while len(self._parks) >= _PARKS_KEPT:
                    del self._parks[next(iter(self._parks))]
                found = self._parks[park] = self._build(park, version)
            return found

    def newest(self, park: int, caller: Principal) -> NewestRows:
        """Return what is known before of the newest readings of a park, without what else stands in it.

        A first look costs a millisecond, not the tens that all nouns of a park cost. Raises NotFound as `park` does.
        """
        if not caller.sees(park):
            raise NotFound(f"there is no park {park}")
        with self._lock:
            version = self._refresh()
            found = self._newest.get(park)
            if found is None or found.version != version:
                self._registry.get(Park, park)
                self._newest.pop(park, None)
                while len(self._newest) >= _PARKS_KEPT:
                    del self._newest[next(iter(self._newest))]
                found = self._newest[park] = newest_rows(version, self._rows_of(park))
            return found

    def _rows_of(self, park: int) -> dict[int, PointRow]:
        """Return the points of a park, rising; those of retired devices are left out."""
        known = self._directory
        rows = known.points.rows(np.flatnonzero((known.park == park) & (known.metric >= 0)))
        devices = known.devices
        return {row.point: row for row in rows if row.device in devices and not devices[row.device].retired}

    def _build(self, park: int, version: int) -> ParkView:
        noun = self._registry.get(Park, park)
        devices = {
            d.id: d for d in every(self._registry, Device, park=park) if d.state is not DeviceState.RETIRED
        }  # fmt: skip
        rows = {p: row for p, row in self._rows_of(park).items() if row.device in devices}
        feeds: dict[Feed, list[int]] = {feed: [] for feed in Feed}
        for number, row in rows.items():
            if not row.source and row.metric not in ABOUT_DEVICES and devices[row.device].kind != "zone_counter":
                feeds[METRICS[row.metric].feed].append(number)
        places = {p.id: p for p in every(self._registry, Place, park=park)}
        leases = self._leases_by_place(version)
        return ParkView(
            noun,
            version,
            places,
            devices,
            {e.id: e for e in every(self._registry, Enterprise, park=park)},
            {place: leases[place] for place in places if place in leases},
            rows,
            np.array(list(rows), np.int32),
            {feed: np.array(points, np.int32) for feed, points in feeds.items()},
        )

    def _leases_by_place(self, version: int) -> dict[int, tuple[Lease, ...]]:
        if self._leases[0] != version:
            by_place: dict[int, list[Lease]] = {}
            for lease in every(self._registry, Lease):
                by_place.setdefault(lease.place, []).append(lease)
            self._leases = version, {place: tuple(leases) for place, leases in by_place.items()}
        return self._leases[1]

    def rows(self, after: int) -> Iterator[PointRow]:
        """Yield all points past a number, of every park, rising; no more of them are made than are taken."""
        points = self.directory().points
        numbers = points.numbers()
        for begin in range(int(np.searchsorted(numbers, after, "right")), len(numbers), _AT_ONCE):
            yield from points.rows(numbers[begin : begin + _AT_ONCE])

    def row(self, point: int, caller: Principal) -> PointRow:
        """Return a point as the stages see it. Raises NotFound, also outside the key's scope."""
        row = self.directory().points.get(point)
        if row is None or not caller.sees(row.park):
            raise NotFound(f"there is no point {point}")
        return row
