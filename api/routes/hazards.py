"""Hazards: found, settled five ways (五落实), rectified, re-inspected, closed."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query, Response

from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.problems import problem
from api.routes.office_files import add_files, add_history, found, office, within
from api.schemas import Page
from api.schemas_office import DeedBody, ExtendBody, FiveBody, HazardBody, HazardCounts, HazardOut
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.errors import Conflict, NotFound, Unavailable, UserError
from park.governance import Five, Hazard, HazardGrade, HazardState, HazardVerb
from park.model import Place
from park.roles import Principal

_MOST = 1_000
_OPEN = (HazardState.FOUND, HazardState.RECTIFYING, HazardState.RECTIFIED)
# verb in the address -> what it does, and its line in the description
_DEEDS = (
    ("begin", HazardVerb.BEGIN, "Begin rectification: all five are settled, or 409 names what is missing."),
    ("done", HazardVerb.DONE, "Say that it is mended, and how; it waits for the re-inspection."),
    ("approve", HazardVerb.APPROVE, "Close it after the re-inspection: evidence attached since, and another person."),
    ("reject", HazardVerb.REJECT, "Send it back after the re-inspection: what is still wrong."),
    ("dismiss", HazardVerb.DISMISS, "Say that it is none, and why."),
    ("reopen", HazardVerb.REOPEN, "Open it again, and why."),
    ("comment", HazardVerb.COMMENT, "Add words to its history."),
)


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def shown(hazard: Hazard) -> HazardOut:
        desk = office(services)
        return HazardOut.of(hazard, desk.now(), desk.verbs(hazard))

    def do(
        key: int, caller: Principal, verb: HazardVerb, note: str, version: int | None, *, five: Five | None = None,
        due: int = 0, officer: int | None = None,
    ) -> Response | HazardOut:  # fmt: skip
        """Do a deed, or answer 409 with the hazard as it is now."""
        found(services, Hazard, key, caller)
        try:
            done = office(services).do(
                key, verb, caller.name, note=note, five=five, due=due, officer=officer, version=version
            )
        except Conflict as why:
            now = shown(found(services, Hazard, key, caller))
            return problem(409, str(why), hazard=now.model_dump(mode="json"))
        return shown(done)

    def _park_of(origin: str) -> int:
        """Return the park of the alarm or episode that a hazard comes from. Raises NotFound."""
        kind, _, key = origin.partition(":")
        if kind == "episode":
            return services.episodes.episode(key).began.park
        if services.alarms is None:
            raise Unavailable("this instance has no alarms")
        return services.alarms.store.get(int(key)).park

    @app.get(f"{V1}/hazards", tags=["hazards"])
    def list_hazards(
        caller: Caller,
        park: Id | None = None,
        state: Annotated[list[HazardState] | None, Query(max_length=5)] = None,
        overdue: Annotated[bool, Query(description="only those whose limit is over")] = False,
        before: Id = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    ) -> Page[HazardOut]:
        """Return hazards, newest first."""
        desk = office(services)
        asked = park_asked(caller, park) if park else 0
        states = tuple(state or ()) or (_OPEN if overdue else ())
        some = desk.store.find(
            Hazard, parks=caller.parks, park=asked, states=states, due_before=desk.now() if overdue else 0,
            before=before, limit=limit + 1,
        )  # fmt: skip
        return Page(items=[shown(h) for h in some[:limit]], next=some[limit - 1].id if len(some) > limit else None)

    @app.get(f"{V1}/hazards/counts", tags=["hazards"])
    def count_hazards(caller: Caller, park: Id | None = None) -> HazardCounts:
        """Return how many hazards there are, by what an office looks at."""
        desk = office(services)
        asked, now = park_asked(caller, park) if park else 0, desk.now()
        some, before = list[Hazard](), 0
        while page := desk.store.find(Hazard, parks=caller.parks, park=asked, before=before, limit=_MOST):
            some += page
            before = page[-1].id
        open_ones = [h for h in some if h.open]
        return HazardCounts(
            open=len(open_ones), overdue=sum(h.overdue(now) for h in open_ones),
            major=sum(h.grade is HazardGrade.MAJOR for h in open_ones),
            by_state={s.value: sum(h.state is s for h in some) for s in HazardState},
            by_category=dict(Counter(h.category or "other" for h in open_ones)),
        )  # fmt: skip

    @app.get(f"{V1}/hazards/{{key}}", tags=["hazards"])
    def read_hazard(key: Id, caller: Caller) -> HazardOut:
        """Return one hazard as it is now."""
        return shown(found(services, Hazard, key, caller))

    @app.post(f"{V1}/hazards", tags=["hazards"], status_code=201)
    def report_hazard(body: HazardBody, caller: Caller) -> HazardOut:
        """Keep a hazard that somebody found outside a round."""
        within(caller, body.park)
        if body.place != body.park and services.registry.get(Place, body.place).park != body.park:
            raise UserError(f"the place {body.place} is not in the park {body.park}")
        if body.origin and _park_of(body.origin) != body.park:
            raise NotFound(f"there is no {body.origin} in the park {body.park}")
        desk = office(services)
        return shown(desk.report(body.hazard(caller.name, desk.now()), caller.name))

    @app.post(f"{V1}/hazards/{{key}}/plan", tags=["hazards"], response_model=HazardOut)
    def plan_hazard(key: Id, body: FiveBody, caller: Caller) -> Response | HazardOut:
        """Settle any of 五落实: who answers, what is done, with which money, until when, what protects until then."""
        five = body.five()
        return do(key, caller, HazardVerb.PLAN, body.note, body.version, five=five, officer=body.officer)

    @app.post(f"{V1}/hazards/{{key}}/extend", tags=["hazards"], response_model=HazardOut)
    def extend_hazard(key: Id, body: ExtendBody, caller: Caller) -> Response | HazardOut:
        """Move its time limit, with a written explanation."""
        return do(key, caller, HazardVerb.EXTEND, body.note, body.version, due=body.due)

    for word, verb, text in _DEEDS:
        _add_deed(app, do, word, verb, text)
    add_history(app, services, "hazards", "hazard", Hazard)
    add_files(app, services, "hazards", "hazard", Hazard)
    del view


def _add_deed(app: FastAPI, do: Callable[..., Response | HazardOut], word: str, verb: HazardVerb, text: str) -> None:
    def deed(key: Id, body: DeedBody, caller: Caller) -> Response | HazardOut:
        return do(key, caller, verb, body.note, body.version)

    app.add_api_route(
        f"{V1}/hazards/{{key}}/{word}", deed, methods=["POST"], tags=["hazards"], name=f"{word}_hazard",
        description=text, response_model=HazardOut,
    )  # fmt: skip
