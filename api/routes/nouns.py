"""What the registry holds: one table of nouns, the same five calls for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replace_in
from typing import Annotated, Any, cast

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from api.bodies import (
    DeviceBody,
    EnterpriseBody,
    GatewayBody,
    Id,
    LeaseBody,
    ModeBody,
    ParkBody,
    PlaceBody,
    PointBody,
    Time,
)  # fmt: skip
from api.door import Caller
from api.permissions import V1
from api.schemas import Page
from api.scope import check_key, park_asked
from api.services import Services
from api.view import View
from park.apart import bounded
from park.errors import Forbidden, NotFound
from park.metrics import Lane
from park.model import Device, DeviceMode, DeviceState, Enterprise, Lease, Park, Place, PlaceKind, Point, lane_of
from park.ports import Noun
from park.roles import Principal

_SCANNED = 1_000  # leases looked at in one step when they are sought by park


class Filter(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")
    after: Annotated[Id, Field(description="the `next` of the page before")] = 0
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class InPark(Filter):
    """Things of a park."""

    park: Id | None = None
    code: Annotated[str, Field(max_length=64)] | None = None


class PlaceFilter(InPark):
    """Places by where they stand."""

    parent: Id | None = None


class LeaseFilter(Filter):
    """Leases by who and where."""

    park: Id | None = None
    place: Id | None = None
    enterprise: Id | None = None


class GatewayFilter(Filter):
    """Gateways by park."""

    park: Id | None = None
    key: Annotated[str, Field(max_length=300)] | None = None
    state: DeviceState | None = None


class DeviceFilter(GatewayFilter):
    """Devices by what and where they are."""

    place: Id | None = None
    gateway: Id | None = None
    kind: Annotated[str, Field(max_length=64)] | None = None
    lane: Lane | None = None


@dataclass(frozen=True, slots=True)
class NounRoutes:
    """One row of the table."""

    path: str
    one: str  # the word for one of them
    kind: type[Any]
    body: type[BaseModel]
    filter: type[Filter] | None  # None: listed elsewhere
    fixed: Mapping[str, Any] = field(default_factory=dict)  # what the address says


NOUNS = (
    NounRoutes("parks", "park", Park, ParkBody, Filter),
    NounRoutes("buildings", "building", Place, PlaceBody, PlaceFilter, {"kind": PlaceKind.BUILDING}),
    NounRoutes("units", "unit", Place, PlaceBody, PlaceFilter, {"kind": PlaceKind.UNIT}),
    NounRoutes("zones", "zone", Place, PlaceBody, PlaceFilter, {"kind": PlaceKind.ZONE}),
    NounRoutes("enterprises", "enterprise", Enterprise, EnterpriseBody, InPark),
    NounRoutes("leases", "lease", Lease, LeaseBody, LeaseFilter),
    NounRoutes("gateways", "gateway", Device, GatewayBody, GatewayFilter, {"kind": "gateway"}),
    NounRoutes("devices", "device", Device, DeviceBody, DeviceFilter),
    NounRoutes("points", "point", Point, PointBody, None),
)

Reason = Annotated[str, Query(max_length=500, description="why, for the audit")]


def park_of(view: View, thing: Noun) -> int:
    """Return the park a thing belongs to; 0 for none that is known."""
    if isinstance(thing, Park):
        return thing.id
    if isinstance(thing, Lease):
        place = view.directory().places.get(thing.place)
        return place.park if place else 0
    if isinstance(thing, Point):
        device = view.directory().devices.get(thing.device)
        return device.park if device else 0
    return thing.park


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes of every noun."""
    for noun in NOUNS:
        _add_noun(app, services, view, noun)

    @app.post(f"{V1}/devices/{{key}}/mode", tags=["devices"])
    def set_mode(key: Id, body: ModeBody, caller: Caller) -> Device:
        """Put a device into test or maintenance until a time, or back; its readings are then kept apart."""
        device = services.registry.get(Device, key)
        if not caller.sees(device.park):
            raise NotFound(f"there is no device {key}")
        now = services.now()
        apart = bounded(replace_in(device, mode=body.mode, mode_until=body.until), None, now)
        (saved,) = services.registry.save([apart], actor=caller.name, reason=body.reason, now=now)
        services.registry_changed()
        return cast("Device", saved)


def _add_noun(app: FastAPI, services: Services, view: View, noun: NounRoutes) -> None:
    registry = services.registry
    path, tag = f"{V1}/{noun.path}", [noun.path]

    def one(key: int, caller: Principal) -> Any:
        thing = registry.get(noun.kind, key)
        if not caller.sees(park_of(view, thing)) or any(getattr(thing, k) != v for k, v in noun.fixed.items()):
            raise NotFound(f"there is no {noun.one} {key}")
        return thing

    def save(thing: Any, caller: Principal, reason: str) -> Any:
        if isinstance(thing, Park):
            if not thing.id and caller.parks is not None:
                raise Forbidden("this key is for parks that exist; a new one needs a key for all parks")
        elif not caller.sees(park_of(view, thing)):
            raise NotFound(f"the {noun.one} would stand in a park that is not there")
        if isinstance(thing, Device) and caller.parks is not None:
            check_key(caller, thing.key, registry.get(Park, thing.park).code)
        now = services.now()
        if isinstance(thing, Device):
            thing = bounded(thing, registry.get(Device, thing.id) if thing.id else None, now)
        saved = registry.save([thing], actor=caller.name, reason=reason, now=now)
        services.registry_changed()
        return saved[0]

    def create(body: Any, caller: Caller, reason: Reason = "") -> Any:
        return save(_thing(noun, body, 0), caller, reason)

    def read(
        key: Id,
        caller: Caller,
        at: Annotated[Time | None, Query(description="as it was at this time, epoch ms")] = None,
    ) -> Any:
        if at is None:
            return one(key, caller)
        thing = registry.as_of(noun.kind, key, at)
        if thing is None or not caller.sees(park_of(view, thing)):
            raise NotFound(f"there was no {noun.one} {key} then")
        return thing

    def replace(key: Id, body: Any, caller: Caller, reason: Reason = "") -> Any:
        one(key, caller)
        return save(_thing(noun, body, key), caller, reason)

    def retire(key: Id, caller: Caller, reason: Reason = "") -> None:
        one(key, caller)
        registry.retire(noun.kind, key, actor=caller.name, reason=reason, now=services.now())
        services.registry_changed()

    def page(asked: Any, caller: Caller) -> dict[str, Any]:
        equal = {k: v for k, v in asked.model_dump(exclude={"after", "limit"}).items() if v is not None}
        items = _find(services, view, noun, {**equal, **noun.fixed}, caller, asked)
        return {"items": items[: asked.limit], "next": items[asked.limit - 1].id if len(items) > asked.limit else None}

    said = f"{noun.one}"
    routes: tuple[tuple[str, str, Callable[..., Any], str, int], ...] = (
        ("POST", path, create, f"Add one {said}.", 201),
        ("GET", f"{path}/{{key}}", read, f"Return one {said}, now or as it was.", 200),
        ("PUT", f"{path}/{{key}}", replace, f"Replace one {said}; who, when and why stand in the audit.", 200),
        ("DELETE", f"{path}/{{key}}", retire, f"End one {said} as of now; its number is never used again.", 204),
    )
    create.__annotations__["body"] = replace.__annotations__["body"] = noun.body
    page.__annotations__["asked"] = Annotated[noun.filter, Query()]
    if noun.filter is not None:
        app.add_api_route(
            path, page, methods=["GET"], tags=list(tag), response_model=Page.__class_getitem__(noun.kind),
            description=f"Return {noun.path}, rising by id.", operation_id=f"list_{noun.path}",
        )  # fmt: skip
    for method, address, endpoint, text, status in routes:
        if noun.path == "points" and method == "GET":
            continue  # shown with the catalogue's words, in points.py
        app.add_api_route(
            address, endpoint, methods=[method], tags=list(tag), status_code=status, description=text,
            response_model=None if status == 204 else noun.kind, operation_id=f"{endpoint.__name__}_{noun.one}",
        )  # fmt: skip


def _thing(noun: NounRoutes, body: BaseModel, key: int) -> Any:
    fields = {name: getattr(body, name) for name in type(body).model_fields}
    fields |= noun.fixed
    if noun.kind is Device and fields.get("lane") is None:
        fields["lane"] = lane_of(fields["kind"])
    if noun.path == "gateways":
        fields.setdefault("mode", DeviceMode.NORMAL)
    return noun.kind(id=key, **fields)


def _find(
    services: Services, view: View, noun: NounRoutes, equal: dict[str, Any], caller: Principal, asked: Filter
) -> list[Any]:
    registry, after, limit = services.registry, asked.after, asked.limit + 1  # one more tells whether there is more
    if noun.kind is Park:
        if caller.parks is None:
            return list(registry.find(Park, after=after, limit=limit))
        return [registry.get(Park, park) for park in sorted(caller.parks) if park > after][:limit]
    park = park_asked(caller, equal.pop("park", None))
    if noun.kind is not Lease:
        return list(registry.find(noun.kind, after=after, limit=limit, **equal, **({"park": park} if park else {})))
    found: list[Any] = []
    while len(found) < limit:
        step = registry.find(Lease, after=after, limit=_SCANNED, **equal)
        found += [lease for lease in step if not park or park_of(view, lease) == park]
        if len(step) < _SCANNED:
            break
        after = step[-1].id
    return found[:limit]
