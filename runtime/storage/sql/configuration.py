"""What stages and resolver must learn of the registry: rows of a Config, and bindings of the wire."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from park.metrics import Lane
from park.model import Device, DeviceState, Enterprise, Lease, Park, Place, Point
from park.records import Config, DeviceRow, EnterpriseRow, PlaceRow, PointRow
from runtime.storage.sql import numbers
from runtime.storage.sql.database import among, unhurried
from runtime.storage.sql.rows import SHAPES, thing_of
from runtime.storage.sql.tables import changes

_MU = 2_000 / 3  # m2
_MINUTE = 60  # s


class Bound(NamedTuple):
    """What one name on the wire means. Of device 0: nothing any more; of point 0: a device without it.

    Every device is also told once by itself, with an empty source key.
    """

    device_key: str
    source_key: str
    point: int
    scale: float
    offset: float
    metric: str
    device: int
    gateway: int
    lane: Lane


class _Changed:
    """Which things changed after a version, and what they were before."""

    def __init__(self, connection: Connection, version: int) -> None:
        self.keys: dict[str, set[int]] = {shape.name: set() for shape in SHAPES.values()}
        self.before: list[Any] = []
        query = select(changes.c.noun, changes.c.key, changes.c.before).where(changes.c.id > version)
        for noun, key, before in connection.execute(query):
            self.keys[noun].add(key)
            if before:
                self.before.append(thing_of(noun, before))


def config_since(connection: Connection, version: int, received: int) -> Config:
    """Return the rows of everything (version 0), or of what the changes after a version touch."""
    newest = numbers.last(connection, numbers.CHANGE)
    if version >= newest:
        return Config(newest, received)
    unhurried(connection)
    changed = _Changed(connection, version) if version else None
    if changed is None:
        parks, places = fetch_all(connection, Park), fetch_all(connection, Place)
        devices, points = fetch_all(connection, Device), fetch_all(connection, Point)
        told_places: Iterable[Any] = [*parks.values(), *places.values()]
        told_devices = devices
        gone: dict[int, Device] = {}
        firms = fetch_all(connection, Enterprise)
    else:
        told_devices, gone, points = _touched(connection, changed)
        firms = _some(connection, Enterprise, changed.keys["enterprise"])
        devices = told_devices | _some(connection, Device, {p.device for p in points.values()})
        near = {d.park for d in devices.values()} | {d.park for d in gone.values()} | changed.keys["park"]
        told = _some(connection, Place, changed.keys["place"])
        parks = _some(connection, Park, near | {p.park for p in told.values()})
        places = {p.id: p for p in _by(connection, Place, "park", parks)}
        told_parks = changed.keys["park"]
        told_places = [p for p in parks.values() if p.id in told_parks]
        told_places += [p for p in places.values() if p.id in told or p.park in told_parks]
    tenancy = Tenancy(places, _by(connection, Lease, "place", places), received)
    return Config(
        version=newest,
        received=received,
        points=tuple(_point_row(p, devices[p.device], tenancy) for p in points.values() if p.device in devices),
        devices=tuple(_device_rows(told_devices.values(), gone.values())),
        places=tuple(_place_row(p, parks, received) for p in told_places),
        enterprises=tuple(EnterpriseRow(e.id, e.park, e.trade, e.headcount) for e in firms.values()),
    )


def _touched(
    connection: Connection, changed: _Changed
) -> tuple[dict[int, Device], dict[int, Device], dict[int, Point]]:
    """Return the devices and points that changes touch, and the devices that they retired."""
    devices = _some(connection, Device, changed.keys["device"])
    gone_keys = changed.keys["device"] - devices.keys()
    shape = SHAPES[Device]
    gone_rows = among(connection, shape.select(), shape.table.c.id, gone_keys)
    gone = {row[0]: shape.thing(row) for row in gone_rows}
    # Tenants: all that stands in the places whose leases changed, or that moved within the tree.
    moved = set(changed.keys["place"])
    leased = _some(connection, Lease, changed.keys["lease"])
    moved |= {lease.place for lease in leased.values()}
    moved |= {thing.place for thing in changed.before if isinstance(thing, Lease)}
    inside, ring = set(moved), set(moved)
    while ring:
        ring = {p.id for p in _by(connection, Place, "parent", ring)} - inside
        inside |= ring
    near = {d.id for d in _by(connection, Device, "place", inside)} if inside else set()
    points = {p.id: p for p in _by(connection, Point, "device", near | devices.keys())}
    return devices, gone, points | _some(connection, Point, changed.keys["point"])


class Tenancy:
    """Who occupies a place at a time: its own lease, or that of the nearest place around it."""

    def __init__(self, places: dict[int, Place], leases: Iterable[Lease], at: int) -> None:
        self._places = places
        self._at = at
        self._leases: dict[int, list[Lease]] = {}
        for lease in leases:
            self._leases.setdefault(lease.place, []).append(lease)
        self._known: dict[int, tuple[int, int]] = {}

    def of(self, place: int) -> tuple[int, int]:
        """Return (enterprise or 0, since when: 0 if it was never another's)."""
        if place not in self._known:
            self._known[place] = self._ask(place)
        return self._known[place]

    def _ask(self, place: int) -> tuple[int, int]:
        vacant = 0
        at: Place | None = self._places.get(place)
        while at:
            leases = self._leases.get(at.id, ())
            for lease in leases:
                if lease.valid_from <= self._at and (lease.valid_to is None or self._at < lease.valid_to):
                    earlier = any(other.valid_from < lease.valid_from for other in leases)
                    return lease.enterprise, lease.valid_from if earlier else 0
            over = [lease.valid_to for lease in leases if lease.valid_to is not None and lease.valid_to <= self._at]
            vacant = max(vacant, *over, 0)
            at = self._places.get(at.parent)
        return 0, vacant


def _point_row(point: Point, device: Device, tenancy: Tenancy) -> PointRow:
    enterprise, since = tenancy.of(device.place)
    return PointRow(
        point.id, point.metric, point.device, device.place or device.park, device.park, enterprise, point.channel,
        point.interval, point.source, point.modulus, point.ratio, max(point.effective, since),
    )  # fmt: skip


def _device_rows(devices: Iterable[Device], gone: Iterable[Device]) -> Iterator[DeviceRow]:
    for d in devices:
        yield DeviceRow(d.id, d.park, d.place or d.park, d.lane, d.kind, d.gateway, d.interval, str(d.mode))
    for d in gone:
        yield DeviceRow(d.id, d.park, d.place or d.park, d.lane, d.kind, 0, d.interval, "maintenance", retired=True)


def _place_row(place: Park | Place, parks: dict[int, Park], at: int) -> PlaceRow:
    if isinstance(place, Park):
        area = place.area_mu * _MU
        return PlaceRow(
            place.id, place.id, 0, "park", place.name, area, _utc_offset(place.timezone, at), place.code,
            contracted_demand=place.contracted_demand,
        )  # fmt: skip
    offset = _utc_offset(parks[place.park].timezone, at)
    return PlaceRow(
        place.id, place.park, place.parent, str(place.kind), place.name, place.area, offset,
        contracted_demand=place.contracted_demand,
    )  # fmt: skip


def _utc_offset(timezone: str, at: int) -> int:
    """Return the minutes by which a zone is ahead of UTC at a time."""
    ahead = datetime.fromtimestamp(at / 1_000, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return int(ahead.total_seconds()) // _MINUTE if ahead is not None else 0


def bindings_since(connection: Connection, version: int) -> list[Bound]:
    """Return what names on the wire mean: all (version 0), or of the devices that changed after a version.

    What no longer holds comes first.
    """
    if not version:
        unhurried(connection)
        devices, points = fetch_all(connection, Device), fetch_all(connection, Point)
        return list(_bound(devices.values(), points.values()))
    if version >= numbers.last(connection, numbers.CHANGE):
        return []
    changed = _Changed(connection, version)
    touched = _some(connection, Point, changed.keys["point"])
    were = [p for p in changed.before if isinstance(p, Point) and p.source_key]
    keys = changed.keys["device"] | {p.device for p in touched.values()} | {p.device for p in were}
    devices = _some(connection, Device, keys)
    holds = list(_bound(devices.values(), _by(connection, Point, "device", devices)))
    names = {b[:2] for b in holds}
    ends: dict[tuple[str, str], Bound] = {}
    for device in changed.before:
        if isinstance(device, Device) and (device.key, "") not in names:
            ends[device.key, ""] = Bound(device.key, "", 0, 1.0, 0.0, "", 0, 0, device.lane)
    for point in were:
        at = devices.get(point.device)
        if at and (at.key, point.source_key) not in names:
            ends[at.key, point.source_key] = Bound(
                at.key, point.source_key, 0, 1.0, 0.0, "", at.id, at.gateway, at.lane
            )
    return [*ends.values(), *holds]


def _bound(devices: Iterable[Device], points: Iterable[Point]) -> Iterator[Bound]:
    active = {d.id: d for d in devices if d.state is DeviceState.ACTIVE}
    for d in active.values():
        yield Bound(d.key, "", 0, 1.0, 0.0, "", d.id, d.gateway, d.lane)
    for p in points:
        at = active.get(p.device)
        if at and p.source_key:
            yield Bound(at.key, p.source_key, p.id, p.scale, p.offset, p.metric, at.id, at.gateway, at.lane)


# ── fetching ─────────────────────────────────────────────────────────────────────────────────────


def fetch_all(connection: Connection, kind: type[Any]) -> dict[int, Any]:
    """Return all living things of a kind by number."""
    shape = SHAPES[kind]
    rows = connection.execute(shape.select().where(shape.table.c.gone.is_(None)).order_by(shape.table.c.id))
    return {row[0]: shape.thing(row) for row in rows}


def _some(connection: Connection, kind: type[Any], keys: Iterable[int]) -> dict[int, Any]:
    return {thing.id: thing for thing in _by(connection, kind, "id", keys)}


def _by(connection: Connection, kind: type[Any], field: str, values: Iterable[object]) -> list[Any]:
    shape = SHAPES[kind]
    living = shape.select().where(shape.table.c.gone.is_(None))
    things = [shape.thing(row) for row in among(connection, living, shape.table.c[field], values)]
    return sorted(things, key=lambda thing: int(thing.id))
