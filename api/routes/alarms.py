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
from api.scope import park_asked, sees_alarm
from api.services import Services
from api.view import View
from park.alarm_ports import CaseFilter, place_after
from park.alarms import Act, Answer, Case, CaseState, CaseVerb, Holder
from park.errors import Conflict, Forbidden, MachineryError, NotFound, Unavailable, UserError
from park.events import Severity
from park.metrics import Lane
from park.model import Park, Place
from park.records import Command, Verb
from park.roles import Principal

_COUNTED = 10_000  # alarms counted at most
_Asked = ActBody | CommentBody | ShelveBody | RemoveBody
_MORE = ("owner", "until", "verdict")  # fields of an act that some bodies have
# What a person may do to an alarm by one call; a reset is a command besides.
_VERBS: tuple[tuple[CaseVerb, type[_Asked], str], ...] = (
    (CaseVerb.ACKNOWLEDGE, ActBody, "Say that it was seen, which is not that it is over."),
    (CaseVerb.CONFIRM, ActBody,
     "Say that a fire or gas alarm is true: it becomes critical, and everybody is called again."),
    (CaseVerb.ASSIGN, AssignBody, "Give it to an officer, or to oneself."),
    (CaseVerb.COMMENT, CommentBody, "Add words to its history."),
    (CaseVerb.SHELVE, ShelveBody, "Put it aside until a time within seven days; never one of life safety."),
    (CaseVerb.UNSHELVE, ActBody, "Take it from the shelf."),
    (CaseVerb.REMOVE, RemoveBody, "Take it out of service while something is repaired; never one of life safety."),
    (CaseVerb.RESTORE, ActBody, "Put it back into service."),
    (CaseVerb.CLOSE, CloseBody, "Close it with what it was; one of life safety only when it is over."),
)  # fmt: skip


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
        if not sees_alarm(caller, case):
            raise NotFound(f"there is no alarm {key}")
        return case

    def may_end(case: Case, caller: Principal) -> None:
        """See that a key ends no fire of another park. Raises Forbidden."""
        if not caller.sees(case.park):
            raise Forbidden("nobody knows which park this is in: a key of every park may end it")

    def do(key: int, caller: Principal, act: Act, version: int | None) -> Response | AlarmOut:
        """Do an act, or answer 409 with the alarm as it is now."""
        case = found(key, caller)
        if act.verb is CaseVerb.CLOSE:
            may_end(case, caller)
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
        answer: Annotated[list[Answer] | None, Query(max_length=4, description="where its escalation stands")] = None,
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
            answers=tuple(answer or ()),
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
            nobody_answered=sum(c.answer in {Answer.NOBODY, Answer.UNREACHED} for c in cases),
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

    def add_verb(verb: CaseVerb, of: type[_Asked], said: str) -> None:
        def endpoint(key: Id, body: of, caller: Caller) -> Response | AlarmOut:  # type: ignore[valid-type]
            more = {name: getattr(body, name) for name in _MORE if name in of.model_fields}
            asked: _Asked = body
            return do(key, caller, Act(verb, caller.name, asked.note, **more), asked.version)

        endpoint.__name__, endpoint.__doc__ = f"{verb}_alarm", said
        app.post(f"{V1}/alarms/{{key}}/{verb}", tags=["alarms"], response_model=AlarmOut)(endpoint)

    for verb, of, said in _VERBS:
        add_verb(verb, of, said)

    @app.post(f"{V1}/alarms/{{key}}/reset", tags=["alarms"], status_code=202, response_model=AlarmOut)
    def reset_alarm(key: Id, body: ResetAlarmBody, caller: Caller) -> Response | AlarmOut:
        """Reset a latched alarm: an act of a named person, that enters the log and takes effect in order."""
        case = found(key, caller)
        may_end(case, caller)
        act = Act(CaseVerb.RESET, caller.name, body.note, body.why, seen=case.holders)
        if body.version is not None and body.version != case.version:
            return do(key, caller, act, body.version)  # which answers 409 with the alarm as it is
        if not case.holders:
            raise Conflict("this alarm is over already")
        desk().store.may(case, act, desk().now())
        _in_each(case, lambda lane, holder: services.submit(lane, _reset(case, holder, act, services.now())))
        answer = do(key, caller, act, None)
        # The command is in the log, whatever became of the case meanwhile.
        return answer if isinstance(answer, AlarmOut) else AlarmOut.of(found(key, caller))

    del view


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
