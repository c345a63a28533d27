"""Drills: planned, watched as they run, acknowledged, stopped; each is its own report."""

from dataclasses import asdict
from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.routes.office_files import add_history, found, office, within
from api.schemas import Page
from api.schemas_office import DrillBody, DrillOut, DrillSeenBody, IndicatorOut, ObservedOut, SeenBody
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.governance import Drill, DrillState


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def shown(drill: Drill) -> DrillOut:
        desk = office(services)
        whole = {k: v for k, v in asdict(drill).items() if k not in {"observed", "marked"}}
        observed = [ObservedOut(**asdict(o), delays=dict(desk.delays(o))) for o in drill.observed]
        return DrillOut(**whole, observed=observed, indicators=IndicatorOut.of_all(desk.measured(drill)))

    @app.get(f"{V1}/drills", tags=["drills"])
    def list_drills(
        caller: Caller,
        park: Id | None = None,
        state: Annotated[list[DrillState] | None, Query(max_length=7)] = None,
        before: Id = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> Page[DrillOut]:
        """Return drills, newest first, with what they measured."""
        asked = park_asked(caller, park) if park else 0
        some = office(services).store.find(
            Drill, parks=caller.parks, park=asked, states=tuple(state or ()), before=before, limit=limit + 1
        )
        return Page(items=[shown(d) for d in some[:limit]], next=some[limit - 1].id if len(some) > limit else None)

    @app.get(f"{V1}/drills/{{key}}", tags=["drills"])
    def read_drill(key: Id, caller: Caller) -> DrillOut:
        """Return a drill: of each device when it alarmed, was told of and acknowledged, and the delays."""
        return shown(found(services, Drill, key, caller))

    @app.post(f"{V1}/drills", tags=["drills"], status_code=201)
    def plan_drill(body: DrillBody, caller: Caller) -> DrillOut:
        """Plan a drill: its devices are in test between `starts` and `ends`, and come back by themselves."""
        within(caller, body.park)
        drill = Drill(body.name, body.park, body.starts, body.ends, body.devices, caller.name, body.note, body.target)
        return shown(office(services).plan_drill(drill, caller.name))

    @app.post(f"{V1}/drills/{{key}}/stop", tags=["drills"])
    def stop_drill(key: Id, body: SeenBody, caller: Caller) -> DrillOut:
        """End a drill now, or cancel it: what still burns when its devices are given back is raised as fire."""
        del body
        found(services, Drill, key, caller)
        return shown(office(services).stop_drill(key, caller.name))

    @app.post(f"{V1}/drills/{{key}}/acknowledge", tags=["drills"])
    def acknowledge_drill(key: Id, body: DrillSeenBody, caller: Caller) -> DrillOut:
        """Say that a device's alarm was seen: the end of its chain of delays."""
        found(services, Drill, key, caller)
        return shown(office(services).acknowledge_drill(key, body.device, caller.name))

    add_history(app, services, "drills", "drill", Drill)
    del view
