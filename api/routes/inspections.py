"""Fire self-inspections: checklists, plans, and rounds that are answered on the way."""

from typing import Annotated

from fastapi import FastAPI, Query, Response

from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.routes.office_files import add_files, add_history, found, office, within
from api.schemas import Page
from api.schemas_office import AnswersBody, PlanBody, RoundOut, SeenBody, VisitBody
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.governance import Checklist, InspectionPlan, Round, RoundState
from park.roles import Principal

_Limit = Annotated[int, Query(ge=1, le=1_000)]


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def shown(visit: Round) -> RoundOut:
        checklist = office(services).checklists.get(visit.checklist)
        return RoundOut.of(visit, tuple(i.key for i in checklist.items) if checklist else ())

    def plan_of(key: int, caller: Principal) -> InspectionPlan:
        plan: InspectionPlan = found(services, InspectionPlan, key, caller)
        return plan

    @app.get(f"{V1}/checklists", tags=["inspections"])
    def list_checklists(caller: Caller) -> Page[Checklist]:
        """Return the checklists with their items, and what each item rests on."""
        del caller
        return Page(items=list(office(services).checklists.values()), next=None)

    @app.get(f"{V1}/inspection-plans", tags=["inspections"])
    def list_inspection_plans(
        caller: Caller, park: Id | None = None, ended: bool = False, before: Id = 0, limit: _Limit = 100
    ) -> Page[InspectionPlan]:
        """Return plans, newest first; with those that have ended where asked."""
        states = () if ended else ("standing",)
        asked = park_asked(caller, park) if park else 0
        plans = office(services).store.find(
            InspectionPlan, parks=caller.parks, park=asked, states=states, before=before, limit=limit + 1
        )
        return Page(items=plans[:limit], next=plans[limit - 1].id if len(plans) > limit else None)

    @app.get(f"{V1}/inspection-plans/{{key}}", tags=["inspections"])
    def read_inspection_plan(key: Id, caller: Caller) -> InspectionPlan:
        """Return one plan."""
        return plan_of(key, caller)

    @app.post(f"{V1}/inspection-plans", tags=["inspections"], status_code=201)
    def create_inspection_plan(body: PlanBody, caller: Caller) -> InspectionPlan:
        """Keep a plan; its first round is there within a minute of its day."""
        within(caller, body.park)
        return office(services).save_plan(body.plan(0), caller.name)

    @app.put(f"{V1}/inspection-plans/{{key}}", tags=["inspections"])
    def replace_inspection_plan(key: Id, body: PlanBody, caller: Caller) -> InspectionPlan:
        """Change a plan; rounds that are there stay as they are."""
        plan_of(key, caller)
        within(caller, body.park)
        return office(services).save_plan(body.plan(key), caller.name, body.version)

    @app.delete(f"{V1}/inspection-plans/{{key}}", tags=["inspections"], status_code=204)
    def end_inspection_plan(key: Id, caller: Caller) -> Response:
        """End a plan: no further round comes due."""
        plan_of(key, caller)
        office(services).end_plan(key, caller.name)
        return Response(status_code=204)

    @app.get(f"{V1}/rounds", tags=["inspections"])
    def list_rounds(
        caller: Caller,
        park: Id | None = None,
        state: Annotated[list[RoundState] | None, Query(max_length=4)] = None,
        before: Id = 0,
        limit: _Limit = 100,
    ) -> Page[RoundOut]:
        """Return rounds, newest first."""
        asked = park_asked(caller, park) if park else 0
        some = office(services).store.find(
            Round, parks=caller.parks, park=asked, states=tuple(state or ()), before=before, limit=limit + 1
        )
        more = some[limit - 1].id if len(some) > limit else None
        return Page(items=[shown(r) for r in some[:limit]], next=more)

    @app.get(f"{V1}/rounds/{{key}}", tags=["inspections"])
    def read_round(key: Id, caller: Caller) -> RoundOut:
        """Return one round with its answers and what is still open."""
        return shown(found(services, Round, key, caller))

    @app.post(f"{V1}/rounds", tags=["inspections"], status_code=201)
    def begin_round(body: VisitBody, caller: Caller) -> RoundOut:
        """Begin a round that nobody planned."""
        within(caller, body.park)
        return shown(office(services).visit(body.park, body.checklist, body.places, caller.name))

    @app.post(f"{V1}/rounds/{{key}}/answers", tags=["inspections"])
    def answer_round(key: Id, body: AnswersBody, caller: Caller) -> RoundOut:
        """Answer items, one by one as a phone sends them, or many; each call is kept at once."""
        found(services, Round, key, caller)
        desk = office(services)
        answers = [a.word(caller.name, desk.now()) for a in body.answers]
        return shown(desk.answer(key, answers, caller.name, body.version))

    @app.post(f"{V1}/rounds/{{key}}/finish", tags=["inspections"])
    def finish_round(key: Id, body: SeenBody, caller: Caller) -> RoundOut:
        """Say that a round is done: every item is answered, and each fault becomes a hazard (`origin` round:N/item)."""
        found(services, Round, key, caller)
        return shown(office(services).finish(key, caller.name, body.version))

    add_history(app, services, "rounds", "round", Round)
    add_files(app, services, "rounds", "round", Round)
    del view
