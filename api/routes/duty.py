"""Who is told of alarms, and what holds alarms back: plans that people make, and what is hidden by them now."""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response

from api.alarm_services import AlarmServices
from api.bodies import Id, Time
from api.door import Caller
from api.permissions import V1
from api.schemas import Page, TextPage
from api.schemas_alarms import AlarmOut
from api.schemas_apart import SetApartOut
from api.schemas_duty import (
    ChainBody,
    ChainOut,
    HiddenOut,
    OfficerBody,
    OfficerOut,
    OnDuty,
    PlanBody,
    PreviewOut,
    RotaBody,
    RotaOut,
    SilenceBody,
    SilenceOut,
    WindowBody,
    WindowOut,
)
from api.services import Services
from api.view import View
from park.alarm_ports import place_after
from park.apart import devices_apart, set_apart
from park.duty import Chain, MaintenanceWindow, Officer, Plan, Rota, Silence
from park.errors import NotFound, Unavailable, UserError
from park.model import Device, Place
from park.roles import Principal

_PREVIEWED = 100  # alarms shown of what a silence would hold back


@dataclass(frozen=True, slots=True)
class PlanRoutes:
    """One row of the table."""

    path: str
    one: str
    kind: type[Any]
    body: type[PlanBody]
    out: type[Any]


PLANS = (
    PlanRoutes("silences", "silence", Silence, SilenceBody, SilenceOut),
    PlanRoutes("windows", "window", MaintenanceWindow, WindowBody, WindowOut),
    PlanRoutes("officers", "officer", Officer, OfficerBody, OfficerOut),
    PlanRoutes("rotas", "rota", Rota, RotaBody, RotaOut),
    PlanRoutes("chains", "chain", Chain, ChainBody, ChainOut),
)


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""
    for plan in PLANS:
        _add_plan(app, services, view, plan)

    @app.post(f"{V1}/silences/preview", tags=["duty"])
    def preview_silence(body: SilenceBody, caller: Caller) -> PreviewOut:
        """Return the open alarms that a silence would hold back now; it is not kept."""
        silence = body.plan(0, caller.name)
        _within(services, view, caller, silence)
        held = [c for c in desk(services).preview(silence, _PREVIEWED + 1) if caller.sees(c.park)]
        return PreviewOut(alarms=[AlarmOut.of(c) for c in held[:_PREVIEWED]], more=len(held) > _PREVIEWED)

    @app.get(f"{V1}/hidden", tags=["duty"])
    def list_hidden(
        caller: Caller,
        before: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> TextPage[HiddenOut]:
        """Return the open alarms that call nobody now, and why. Life safety is never among them."""
        found = desk(services).store.hidden(caller.parks, before=before, limit=limit + 1)
        more = place_after(found[limit - 1].case) if len(found) > limit else None
        return TextPage(items=[HiddenOut.of(h) for h in found[:limit]], next=more)

    @app.get(f"{V1}/hidden/devices", tags=["duty"])
    def list_apart(
        caller: Caller, after: Id = 0, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> Page[SetApartOut]:
        """Return the devices that guard lives and are in test or maintenance: their alarms call nobody now."""
        parks = {} if caller.parks is None else {"park": caller.parks}
        found = list(islice(devices_apart(services.registry, after, **parks), limit + 1))
        items = [SetApartOut.of(set_apart(services.registry, device)) for device in found[:limit]]
        return Page(items=items, next=items[-1].device if len(found) > limit else None)

    @app.get(f"{V1}/rotas/{{key}}/duty", tags=["duty"])
    def rota_duty(key: Id, caller: Caller, at: Time | None = None) -> OnDuty:
        """Return who is on duty in a rota at a time, now by default; stand-ins in the place of whom they stand for."""
        alarms = desk(services)
        rota = found_plan(alarms, Rota, key, caller)
        at = alarms.now() if at is None else at
        on_duty = [alarms.plans.plan(Officer, o) for o in alarms.on_duty(rota, at)]
        officers = [o for o in on_duty if not o.park or caller.sees(o.park)]
        return OnDuty(rota=key, at=at, officers=[OfficerOut.of(o) for o in officers])


def desk(services: Services) -> AlarmServices:
    """Return the services of alarms. Raises Unavailable."""
    if services.alarms is None:
        raise Unavailable("this instance has no alarms")
    return services.alarms


def _add_plan(app: FastAPI, services: Services, view: View, plan: PlanRoutes) -> None:
    """Add the routes of one kind of plan."""
    body_kind, out = plan.body, plan.out
    there = f"{V1}/{plan.path}"

    @app.get(there, tags=["duty"], name=f"list_{plan.path}", response_model=Page[out])  # type: ignore[valid-type]
    def find(
        caller: Caller,
        ended: Annotated[bool, Query(description="with those that are over")] = False,
    ) -> Any:
        alarms = desk(services)
        now = alarms.now()
        found = [p for p in alarms.plans.plans(plan.kind, ended=ended) if caller.sees(p.park)]
        return Page(items=[out.of(p) for p in found if ended or getattr(p, "ends", now + 1) > now], next=None)

    @app.get(f"{there}/{{key}}", tags=["duty"], name=f"read_{plan.one}", response_model=out)
    def read(key: Id, caller: Caller) -> Any:
        return out.of(found_plan(desk(services), plan.kind, key, caller))

    @app.post(there, tags=["duty"], name=f"create_{plan.one}", response_model=out, status_code=201)
    def create(body: body_kind, caller: Caller) -> Any:  # type: ignore[valid-type]
        alarms = desk(services)
        new = replace(body.plan(0, caller.name), version=0)  # type: ignore[attr-defined]
        _within(services, view, caller, new)
        return out.of(alarms.plans.save(new, actor=caller.name, now=alarms.now()))

    @app.put(f"{there}/{{key}}", tags=["duty"], name=f"replace_{plan.one}", response_model=out)
    def change(key: Id, body: body_kind, caller: Caller) -> Any:  # type: ignore[valid-type]
        alarms = desk(services)
        old = found_plan(alarms, plan.kind, key, caller)
        new = body.plan(key, caller.name)  # type: ignore[attr-defined]
        if isinstance(old, Officer):
            new = replace(new, file=old.file)
        _within(services, view, caller, new)
        return out.of(alarms.plans.save(new, actor=caller.name, now=alarms.now()))

    @app.delete(f"{there}/{{key}}", tags=["duty"], name=f"end_{plan.one}", status_code=204)
    def end(key: Id, caller: Caller) -> Response:
        alarms = desk(services)
        found_plan(alarms, plan.kind, key, caller)
        alarms.plans.end(plan.kind, key, actor=caller.name, now=alarms.now())
        return Response(status_code=204)


def found_plan(alarms: AlarmServices, kind: type[Any], key: int, caller: Principal) -> Any:
    """Return a plan that a key may see. Raises NotFound."""
    plan = alarms.plans.plan(kind, key)
    if not caller.sees(plan.park):
        raise NotFound(f"there is no {kind.__name__.lower()} {key}")
    return plan


def _within(services: Services, view: View, caller: Principal, plan: Plan) -> None:
    """See that a plan stays within the parks of a key, and within its own. Raises NotFound, UserError."""
    if not caller.sees(plan.park):
        said = f"there is no park {plan.park}" if plan.park else "name one of the parks of this key"
        raise NotFound(said)
    if plan.park and plan.park not in view.directory().places:
        raise NotFound(f"there is no park {plan.park}")
    if isinstance(plan, MaintenanceWindow):
        about = [services.registry.get(Place, plan.place)] if plan.place and plan.place != plan.park else []
        parks = {p.park for p in about} | ({services.registry.get(Device, plan.device).park} if plan.device else set())
        if not all(caller.sees(park) and park == plan.park for park in parks):
            raise UserError("the place, or the device, is not in that park")
