"""Who stands in for whom: an officer of safety says so, without the right to change the rota itself."""

from dataclasses import replace

from fastapi import FastAPI

from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.routes.duty import desk, found_plan
from api.schemas_duty import RotaOut
from api.schemas_stand_ins import StandInBody, StandInEndBody
from api.services import Services
from api.view import View
from park.duty import Rota, Substitute
from park.errors import Conflict, NotFound, UserError

_KEPT = 30 * 86_400_000  # ms after its end that a stand-in stays in its rota: longer than anybody asks back


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def save(rota: Rota, substitutes: tuple[Substitute, ...], version: int, actor: str) -> RotaOut:
        alarms = desk(services)
        if version and version != rota.version:
            raise Conflict(f"the rota {rota.id} has changed: it is at version {rota.version}")
        recent = tuple(s for s in substitutes if s.ends > alarms.now() - _KEPT)
        return RotaOut.of(alarms.plans.save(replace(rota, substitutes=recent), actor=actor, now=alarms.now()))

    @app.post(f"{V1}/rotas/{{key}}/substitutes", tags=["duty"], status_code=201)
    def stand_in(key: Id, body: StandInBody, caller: Caller) -> RotaOut:
        """Let somebody stand in for an officer of a rota; the newest word on an officer's hours holds."""
        rota: Rota = found_plan(desk(services), Rota, key, caller)
        if body.officer not in {shift.officer for shift in rota.shifts}:
            raise UserError(f"the officer {body.officer} has no shift in the rota {key}")
        if body.ends <= desk(services).now():
            raise UserError("it would be over already")
        new = Substitute(body.officer, body.by, body.starts, body.ends)
        return save(rota, (new, *rota.substitutes), body.version, caller.name)

    @app.post(f"{V1}/rotas/{{key}}/substitutes/end", tags=["duty"])
    def end_stand_in(key: Id, body: StandInEndBody, caller: Caller) -> RotaOut:
        """Take a stand-in back: the officer is told himself again, from now on."""
        rota: Rota = found_plan(desk(services), Rota, key, caller)
        gone = Substitute(body.officer, body.by, body.starts, body.ends)
        if gone not in rota.substitutes:
            raise NotFound("there is no such stand-in")
        return save(rota, tuple(s for s in rota.substitutes if s != gone), body.version, caller.name)

    del view
