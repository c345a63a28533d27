"""What must be true of a thing before it enters the registry, as sentences a person can act on.

Nothing here writes; `Known` fetches what a check asks for.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from park.errors import Conflict, NotFound, UserError
from park.metrics import METRICS
from park.model import Device, DeviceState, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.ports import Noun
from runtime.storage.sql.known import Known

GREATEST = (1 << 31) - 1  # numbers are int32 in every column of readings
_CODE = re.compile(r"[a-z0-9-]{1,32}")  # of parks: part of topics and files
_KEY = re.compile(r"[a-z0-9_]+:[^\s#+]+(?: [^\s#+]+)*")  # "<dialect>:<name>"; no wild cards of MQTT
_DEEP = 16  # levels of places; more is a ring
_LONGEST: Mapping[str, int] = MappingProxyType({"code": 64, "key": 256, "source_key": 256, "contact": 500})
_DEFAULT_LONGEST = 200
_OUTLINE = 1_000  # corners

Said = Iterator[tuple[type[UserError], str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one thing cannot be saved."""

    index: int  # in the sequence that was given
    error: type[UserError]
    sentence: str


def name_of(thing: Noun) -> str:
    """Return how a sentence calls a thing."""
    match thing:
        case Device():
            return f"device {thing.key!r}"
        case Point():
            return f"point {thing.metric!r} ({thing.source_key or 'derived'}) of device {thing.device}"
        case Lease():
            return f"lease of place {thing.place}"
        case _:
            return f"{type(thing).__name__.lower()} {thing.code!r}"


def check(thing: Noun, before: Noun | None, known: Known) -> Said:
    """Yield what is wrong with one thing, given what it was before (None: new)."""
    sound = True
    for said in _values(thing):
        sound = False
        yield said
    if sound:
        yield from _CHECKS[type(thing)](thing, before, known)


def _text_fields(kind: type[Any]) -> tuple[tuple[str, int], ...]:
    return tuple((f.name, _LONGEST.get(f.name, _DEFAULT_LONGEST)) for f in fields(kind) if f.type is str)


_TEXTS = {kind: _text_fields(kind) for kind in (Park, Place, Enterprise, Lease, Device, Point)}
_REALS = {
    kind: tuple(f.name for f in fields(kind) if f.type is float) for kind in (Park, Place, Enterprise, Lease, Point)
} | {Device: ()}


def _values(thing: Noun) -> Said:
    """Check what needs no knowledge of anything else: lengths, signs, finite numbers."""
    for field, longest in _TEXTS[type(thing)]:
        text = getattr(thing, field)
        if len(text) > longest or not text.isprintable():
            yield UserError, f"{name_of(thing)}: {field} must be at most {longest} printable characters"
    for field in _REALS[type(thing)]:
        if not isfinite(getattr(thing, field)):
            yield UserError, f"{name_of(thing)}: {field} must be a finite number"
    outline = getattr(thing, "outline", ())
    if len(outline) > _OUTLINE or not all(isfinite(x) and isfinite(y) for x, y in outline):
        yield UserError, f"{name_of(thing)}: outline must be at most {_OUTLINE} pairs of finite metres"


def _park(park: Park, _before: Park | None, _known: Known) -> Said:
    if not _CODE.fullmatch(park.code):
        yield UserError, f"{name_of(park)}: code must be 1 to 32 of a-z, 0-9 and -"
    if not park.name:
        yield UserError, f"{name_of(park)}: name is missing"
    if park.area_mu < 0:
        yield UserError, f"{name_of(park)}: area_mu must not be negative"
    try:
        ZoneInfo(park.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield UserError, f"{name_of(park)}: there is no time zone {park.timezone!r}"


def _place(place: Place, before: Place | None, known: Known) -> Said:
    if not place.code:
        yield UserError, f"{name_of(place)}: code is missing"
    if place.kind is PlaceKind.PARK:
        yield UserError, f"{name_of(place)}: a park is saved as a Park"
    if place.area < 0:
        yield UserError, f"{name_of(place)}: area must not be negative"
    if not known.park(place.park):
        yield NotFound, f"{name_of(place)}: there is no park {place.park}"
        return
    if before and before.park != place.park:
        yield Conflict, f"{name_of(place)}: a {place.kind} cannot move to another park"
    if known.park_of(place.parent) != place.park:
        yield NotFound, f"{name_of(place)}: there is no parent {place.parent} in its park"
        return
    above, levels = known.place(place.parent), 0
    while above and levels <= _DEEP:
        if above.id == place.id:
            yield Conflict, f"{name_of(place)}: would lie within itself"
            return
        above, levels = known.place(above.parent), levels + 1
    if levels > _DEEP:
        yield Conflict, f"{name_of(place)}: lies more than {_DEEP} levels deep"


def _enterprise(enterprise: Enterprise, before: Enterprise | None, known: Known) -> Said:
    if not enterprise.code:
        yield UserError, f"{name_of(enterprise)}: code is missing"
    if enterprise.headcount < 0:
        yield UserError, f"{name_of(enterprise)}: headcount must not be negative"
    if not known.park(enterprise.park):
        yield NotFound, f"{name_of(enterprise)}: there is no park {enterprise.park}"
    if before and before.park != enterprise.park:
        yield Conflict, f"{name_of(enterprise)}: an enterprise cannot move to another park"


def _lease(lease: Lease, _before: Lease | None, known: Known) -> Said:
    place, enterprise = known.place(lease.place), known.enterprise(lease.enterprise)
    if not place:
        yield NotFound, f"lease: there is no building, unit or zone {lease.place}"
    if not enterprise:
        yield NotFound, f"{name_of(lease)}: there is no enterprise {lease.enterprise}"
    if lease.valid_to is not None and lease.valid_to <= lease.valid_from:
        yield UserError, f"{name_of(lease)}: ends before it begins"
    if not place or not enterprise:
        return
    if place.park != enterprise.park:
        yield Conflict, f"{name_of(lease)}: the enterprise belongs to another park"
    # A reading has one enterprise; sub-tenants get a zone of their own.
    for other in known.leases_of(lease.place):
        if other.id != lease.id and _overlap(lease, other):
            tenant = known.enterprise(other.enterprise)
            named = tenant.name if tenant else other.enterprise
            yield Conflict, f"lease: {place.code} is leased to {named} at that time"
            return


def _overlap(a: Lease, b: Lease) -> bool:
    return (b.valid_to is None or a.valid_from < b.valid_to) and (a.valid_to is None or b.valid_from < a.valid_to)


def _device(device: Device, _before: Device | None, known: Known) -> Said:
    if not _KEY.fullmatch(device.key):
        yield UserError, f"{name_of(device)}: key must read <dialect>:<name on the wire>"
    if not device.kind:
        yield UserError, f"{name_of(device)}: kind is missing"
    if not 0 < device.interval <= GREATEST:
        yield UserError, f"{name_of(device)}: interval must be 1 ms to 24 days"
    if device.state is DeviceState.RETIRED:
        yield UserError, f"{name_of(device)}: is retired by retiring it"
    if not known.park(device.park):
        yield NotFound, f"{name_of(device)}: there is no park {device.park}"
        return
    if device.place and known.park_of(device.place) != device.park:
        yield NotFound, f"{name_of(device)}: there is no place {device.place} in its park"
    if device.gateway:
        gateway = known.device(device.gateway)
        if device.gateway == device.id:
            yield Conflict, f"{name_of(device)}: cannot be its own gateway"
        elif not gateway or gateway.kind != "gateway" or gateway.park != device.park:
            yield NotFound, f"{name_of(device)}: there is no gateway {device.gateway} in its park"


def _point(point: Point, before: Point | None, known: Known) -> Said:
    metric = METRICS.get(point.metric)
    if not metric:
        yield UserError, f"{name_of(point)}: there is no such metric"
        return
    if before and before.metric != point.metric:
        # A number means one quantity for ever: readings refer to it.
        yield Conflict, f"{name_of(point)}: was a point of {before.metric!r}; retire it and make another"
    if not point.scale:
        yield UserError, f"{name_of(point)}: scale must not be 0"
    if point.ratio <= 0 or point.modulus < 0:
        yield UserError, f"{name_of(point)}: ratio must be above 0, modulus 0 or above"
    if not 0 < point.interval <= GREATEST:
        yield UserError, f"{name_of(point)}: interval must be 1 ms to 24 days"
    if not known.device(point.device):
        yield NotFound, f"{name_of(point)}: there is no device {point.device}"
    if point.source:
        source = known.point(point.source)
        if not source or METRICS[source.metric].derives != point.metric or source.device != point.device:
            yield NotFound, f"{name_of(point)}: point {point.source} is no register that it could come from"


_CHECKS: Mapping[type[Any], Callable[[Any, Any, Known], Said]] = MappingProxyType({
    Park: _park,
    Place: _place,
    Enterprise: _enterprise,
    Lease: _lease,
    Device: _device,
    Point: _point,
})  # fmt: skip

# What must be one of its kind among living things, with a field to fetch candidates by.
_UNIQUE: Mapping[type[Any], tuple[str, tuple[str, ...]]] = MappingProxyType({
    Park: ("code", ("code",)),
    Place: ("code", ("park", "code")),
    Enterprise: ("code", ("park", "code")),
    Device: ("key", ("key",)),
    Point: ("device", ("device", "source_key")),
})  # fmt: skip


def twins(kind: type[Any], things: list[tuple[int, Noun]], known: Known) -> Iterator[Problem]:
    """Yield the things whose code or key is taken by another, in the registry or beside them."""
    if kind not in _UNIQUE:
        return
    fetch, unique = _UNIQUE[kind]
    known.load_by(kind, fetch, {getattr(thing, fetch) for _, thing in things})
    by_name: dict[tuple[Any, ...], int] = {}
    mine = {thing.id for _, thing in things}
    for thing in known.of(kind):
        if thing.id not in mine:
            by_name[tuple(getattr(thing, f) for f in unique)] = thing.id
    for index, thing in things:
        name = tuple(getattr(thing, f) for f in unique)
        if kind is Point and not name[1]:
            continue  # derived points have no name on the wire
        taken = by_name.setdefault(name, thing.id)
        if taken != thing.id:
            yield Problem(
                index, Conflict, f"{name_of(thing)}: {unique[-1]} is taken by {kind.__name__.lower()} {taken}"
            )
