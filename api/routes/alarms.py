"""Alarms: what is open, what happened to it, and what people do about it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query, Response

from api.alarm_services import AlarmServices
from api.bodies import Id, Time
from api.door import Caller
from api.permissions import V1
from api.problems import problem
from api.routes.alarm_files import add as add_files
from api.schemas import Page, TextPage
from api.schemas_alarms import (
    ActBody,
    AlarmCounts,
    AlarmOut,
    AssignBody,
    CloseBody,
    CommentBody,
    RemoveBody,
    ReportBody,
    ResetAlarmBody,
    ShelveBody,
    TransitionOut,
)
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.alarm_ports import CaseFilter
from park.alarms import Act, Answer, Case, CaseState, CaseVerb, Holder
from park.errors import Conflict, MachineryError, NotFound, Unavailable, UserError
from park.events import Severity
from park.metrics import Lane
from park.model import Park, Place
from park.records import Command, Verb
from park.roles import Principal

_COUNTED = 10_000  # alarms counted at most
_Key = Annotated[int, "number of an alarm"]


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""
    asked = services.alarms
    add_files(app, services)

    def desk() -> AlarmServices:
        if asked is None:
            raise Unavailable("this instance has no alarms")
        return asked

    def found(key: int, caller: Principal) -> Case:
        case = desk().store.get(key)
        if not sees(caller, case):
            raise NotFound(f"there is no alarm {key}")
        return case

    def do(key: int, caller: Principal, act: Act, version: int | None) -> Response | AlarmOut:
        """Do an act, or answer 409 with the alarm as it is now."""
        found(key, caller)
        try:
            return AlarmOut.of(desk().store.act(key, act, desk().now(), version=version))
        except Conflict as why:
            return problem(409, str(why), alarm=AlarmOut.of(found(key, caller)).model_dump(mode="json"))

    @app.get(f"{V1}/alarms", tags=["alarms"])
    def list_alarms(
        caller: Caller,
        park: Id | None = None,
        place: Annotated[Id, Query(description="it and all within")] = 0,
        device: Id = 0,
        state: Annotated[list[CaseState] | None, Query(max_length=7)] = None,
        severity: Annotated[list[Severity] | None, Query(max_length=4)] = None,
        family: Annotated[str, Query(max_length=100)] = "",
        owner: Annotated[str, Query(max_length=200)] = "",
        held_back: bool | None = None,
        life: bool | None = None,
        open: Annotated[bool | None, Query(description="true: open; false: closed; left out: open")] = True,  # noqa: A002
        start: Time = 0,
        end: Time = (1 << 53) - 1,
        before: Annotated[str, Query(max_length=100, description="the `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> TextPage[AlarmOut]:
        """Return alarms, the most severe first, then the newest; raised within [start, end)."""
        which = CaseFilter(
            open=open, parks=caller.parks, park=park_asked(caller, park) if park else 0, place=place, device=device,
            states=tuple(state or ()), severities=tuple(severity or ()), family=family, owner=owner,
            held_back=held_back, life=life, start=start, end=end + 1 if end == (1 << 53) - 1 else end,
        )  # fmt: skip
        cases = desk().store.cases(which, before=before, limit=limit + 1)
        more = place_after(cases[limit - 1]) if len(cases) > limit else None
        return TextPage(items=[AlarmOut.of(c) for c in cases[:limit]], next=more)

    @app.get(f"{V1}/alarms/counts", tags=["alarms"])
    def count_alarms(caller: Caller, park: Id | None = None) -> AlarmCounts:
        """Return how many alarms are open, by what a desk looks at."""
        which = CaseFilter(parks=caller.parks, park=park_asked(caller, park) if park else 0)
        cases = desk().store.cases(which, limit=_COUNTED)
        return AlarmCounts(
            open=len(cases), unacknowledged=sum(not c.acknowledged for c in cases),
            held_back=sum(bool(c.held_back) for c in cases),
            nobody_answered=sum(c.answer is Answer.NOBODY for c in cases),
            by_severity={s.value: sum(c.severity is s for c in cases) for s in Severity},
        )  # fmt: skip

    @app.get(f"{V1}/alarms/{{key}}", tags=["alarms"])
    def read_alarm(key: Id, caller: Caller) -> AlarmOut:
        """Return one alarm as it is now."""
        return AlarmOut.of(found(key, caller))

    @app.get(f"{V1}/alarms/{{key}}/history", tags=["alarms"])
    def alarm_history(
        key: Id, caller: Caller, after: Id = 0, limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000
    ) -> Page[TransitionOut]:
        """Return all that happened to an alarm, oldest first: who, when, what and why."""
        found(key, caller)
        lines = desk().store.history(key, after=after, limit=limit + 1)
        items = [TransitionOut.of(line) for line in lines[:limit]]
        return Page(items=items, next=items[-1].id if len(lines) > limit else None)

    @app.post(f"{V1}/alarms", tags=["alarms"], status_code=201)
    def report_alarm(body: ReportBody, caller: Caller) -> AlarmOut:
        """Report a fire, or a smell of gas, that a person noticed: everybody is called as to a confirmed one."""
        if not caller.sees(body.park):
            raise NotFound(f"there is no park {body.park}")
        park = services.registry.get(Park, body.park)
        if body.place != park.id and services.registry.get(Place, body.place).park != park.id:
            raise UserError(f"the place {body.place} is not in the park {park.id}")
        return AlarmOut.of(
            desk().report(body.family, f"place:{body.place}", caller.name, body.park, body.place, body.note)
        )

    @app.post(f"{V1}/alarms/{{key}}/acknowledge", tags=["alarms"], response_model=AlarmOut)
    def acknowledge_alarm(key: Id, body: ActBody, caller: Caller) -> Response | AlarmOut:
        """Say that it was seen, which is not that it is over."""
        return do(key, caller, Act(CaseVerb.ACKNOWLEDGE, caller.name, body.note), body.version)

    @app.post(f"{V1}/alarms/{{key}}/confirm", tags=["alarms"], response_model=AlarmOut)
    def confirm_alarm(key: Id, body: ActBody, caller: Caller) -> Response | AlarmOut:
        """Say that a fire or gas alarm is true: it becomes critical, and everybody is called again."""
        return do(key, caller, Act(CaseVerb.CONFIRM, caller.name, body.note), body.version)

    @app.post(f"{V1}/alarms/{{key}}/assign", tags=["alarms"], response_model=AlarmOut)
    def assign_alarm(key: Id, body: AssignBody, caller: Caller) -> Response | AlarmOut:
        """Give it to an officer, or to oneself."""
        return do(key, caller, Act(CaseVerb.ASSIGN, caller.name, body.note, owner=body.owner), body.version)

    @app.post(f"{V1}/alarms/{{key}}/comment", tags=["alarms"], response_model=AlarmOut)
    def comment_alarm(key: Id, body: CommentBody, caller: Caller) -> Response | AlarmOut:
        """Add words to its history."""
        return do(key, caller, Act(CaseVerb.COMMENT, caller.name, body.note), body.version)

    @app.post(f"{V1}/alarms/{{key}}/shelve", tags=["alarms"], response_model=AlarmOut)
    def shelve_alarm(key: Id, body: ShelveBody, caller: Caller) -> Response | AlarmOut:
        """Put it aside until a time within seven days; never one of life safety."""
        return do(key, caller, Act(CaseVerb.SHELVE, caller.name, body.note, until=body.until), body.version)

    @app.post(f"{V1}/alarms/{{key}}/unshelve", tags=["alarms"], response_model=AlarmOut)
    def unshelve_alarm(key: Id, body: ActBody, caller: Caller) -> Response | AlarmOut:
        """Take it from the shelf."""
        return do(key, caller, Act(CaseVerb.UNSHELVE, caller.name, body.note), body.version)

    @app.post(f"{V1}/alarms/{{key}}/remove", tags=["alarms"], response_model=AlarmOut)
    def remove_alarm(key: Id, body: RemoveBody, caller: Caller) -> Response | AlarmOut:
        """Take it out of service while something is repaired; never one of life safety."""
        return do(key, caller, Act(CaseVerb.REMOVE, caller.name, body.note), body.version)

    @app.post(f"{V1}/alarms/{{key}}/restore", tags=["alarms"], response_model=AlarmOut)
    def restore_alarm(key: Id, body: ActBody, caller: Caller) -> Response | AlarmOut:
        """Put it back into service."""
        return do(key, caller, Act(CaseVerb.RESTORE, caller.name, body.note), body.version)

    @app.post(f"{V1}/alarms/{{key}}/reset", tags=["alarms"], status_code=202, response_model=AlarmOut)
    def reset_alarm(key: Id, body: ResetAlarmBody, caller: Caller) -> Response | AlarmOut:
        """Reset a latched alarm: an act of a named person, that enters the log and takes effect in order."""
        case = found(key, caller)
        act = Act(CaseVerb.RESET, caller.name, body.note, body.why)
        if body.version is not None and body.version != case.version:
            return do(key, caller, act, body.version)  # which answers 409 with the alarm as it is
        if not case.holders:
            raise Conflict("this alarm is over already")
        desk().store.may(case, act, desk().now())
        _in_each(case, lambda lane, holder: services.submit(lane, _reset(case, holder, act, services.now())))
        answer = do(key, caller, act, None)
        # The command is in the log, whatever became of the case meanwhile.
        return answer if isinstance(answer, AlarmOut) else AlarmOut.of(found(key, caller))

    @app.post(f"{V1}/alarms/{{key}}/close", tags=["alarms"], response_model=AlarmOut)
    def close_alarm(key: Id, body: CloseBody, caller: Caller) -> Response | AlarmOut:
        """Close it with what it was; one of life safety only when it is over."""
        return do(key, caller, Act(CaseVerb.CLOSE, caller.name, body.note, verdict=body.verdict), body.version)

    del view


def sees(caller: Principal, case: Case) -> bool:
    """Tell whether a key may see an alarm; a stranger's fire, of no park that is known, is everybody's."""
    return caller.sees(case.park) or (case.life and not case.park)


def place_after(case: Case) -> str:
    """Return the place in a list from which the alarms after this one come."""
    rank = list(reversed(Severity)).index(case.severity)
    return f"{rank}.{case.raised}.{case.id}"


def _reset(case: Case, holder: Holder, act: Act, now: int) -> Command:
    """Return the command by which a lane ends one condition, and no other."""
    return Command(
        Verb.RESET, now, act.actor, reason=f"{act.why}: {act.note}",
        arguments={
            "condition": holder.origin, "rule": case.rule, "family": case.family, "subject": case.subject,
        },
    )  # fmt: skip


def _in_each(case: Case, do: Callable[[Lane, Holder], object]) -> None:
    """Tell every lane that holds the case up, whatever happens in the others; raise what was raised first."""
    failed: list[MachineryError] = []
    for holder in case.holders:
        if holder.source in {lane.value for lane in Lane}:
            try:
                do(Lane(holder.source), holder)
            except MachineryError as why:
                failed.append(why)
    if failed:
        raise failed[0]
