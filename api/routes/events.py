"""What the stages found: findings, and conditions with a person's reset of them."""

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id, ResetBody, Time
from api.door import Caller
from api.permissions import V1
from api.schemas import Accepted, ConditionOut, ConditionStory, TextPage
from api.schemas_findings import FindingOut
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.errors import Conflict, Forbidden, MachineryError, NotFound
from park.events import AlarmState, ConditionChange
from park.metrics import Lane
from park.records import Command, Verb
from park.roles import Principal

_Limit = Annotated[int, Query(ge=1, le=1_000)]
_MOST = 10_000  # standing conditions among which another of the same subject is looked for
_Before = Annotated[str, Query(max_length=400, description="the `next` of the page before")]


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    @app.get(f"{V1}/findings", tags=["findings"])
    def list_findings(
        caller: Caller,
        park: Id | None = None,
        kind: Annotated[str, Query(max_length=64)] = "",
        start: Time = 0,
        end: Time = (1 << 53) - 1,
        before: _Before = "",
        limit: _Limit = 100,
    ) -> TextPage[FindingOut]:
        """Return findings, newest first."""
        found = services.events.findings(
            park=park_asked(caller, park), start=start, end=end, kind=kind, before=before, limit=limit + 1
        )
        items = [FindingOut.of(f) for f in found[:limit]]
        return TextPage(items=items, next=items[-1].id if len(found) > limit else None)

    @app.get(f"{V1}/conditions", tags=["conditions"])
    def list_conditions(
        caller: Caller,
        park: Id | None = None,
        standing: Annotated[bool | None, Query(description="true: now; false: over; left out: both")] = None,
        before: _Before = "",
        limit: _Limit = 100,
    ) -> TextPage[ConditionOut]:
        """Return conditions as they are now, newest first."""
        found = services.events.conditions(
            park=park_asked(caller, park), standing=standing, before=before, limit=limit + 1
        )  # fmt: skip
        items = [ConditionOut.of(c) for c in found[:limit]]
        return TextPage(items=items, next=items[-1].id if len(found) > limit else None)

    def story(key: str, caller: Principal) -> list[ConditionChange]:
        history = services.events.history(key)
        if not history or not caller.hears(history[-1].park):
            raise NotFound("there is no such condition")
        return history

    @app.get(f"{V1}/conditions/{{key:path}}", tags=["conditions"])
    def read_condition(key: str, caller: Caller) -> ConditionStory:
        """Return one condition and all that happened to it."""
        history = story(key, caller)
        return ConditionStory(condition=ConditionOut.of(history[-1]), history=[ConditionOut.of(c) for c in history])

    @app.post(f"{V1}/conditions/reset", tags=["conditions"], status_code=202)
    def reset(body: ResetBody, caller: Caller) -> Accepted:
        """Reset a latched condition: an act of a named person, that enters the log and takes effect in order.

        A fire that was heard on both lanes stands as one condition in each; both are ended. One of no park that
        is known is every park's to see, and of a key of every park to end.
        """
        now_standing = story(body.condition, caller)[-1]
        if now_standing.state is AlarmState.CLEARED:
            raise Conflict("this condition is over already")
        if not caller.sees(now_standing.park):
            raise Forbidden("nobody knows which park this is in: a key of every park may end it")
        received = services.now()
        _in_each(
            [
                (lane, _reset(condition, received, caller.name, body.reason))
                for condition in _twins(services, now_standing)
                for lane in _lanes(view, condition)
            ],
            services.submit,
        )
        return Accepted(received=received, actor=caller.name)


def _twins(services: Services, condition: ConditionChange) -> list[ConditionChange]:
    """Return a standing condition, and those of its family and subject that stand beside it.

    Each lane that hears a fire holds it in a condition of its own; whoever ends the one has seen them all.
    """
    standing = services.events.conditions(park=condition.park, standing=True, limit=_MOST)
    key, own = (condition.family, condition.subject), condition.condition_id
    return [condition, *(c for c in standing if (c.family, c.subject) == key and c.condition_id != own)]


def _reset(condition: ConditionChange, received: int, actor: str, reason: str) -> Command:
    """Return a person's reset of one condition.

    It names neither place nor device: a stage takes a place with all within it, and another fire would end unseen.
    """
    about = {
        "condition": condition.condition_id,
        "rule": condition.rule,
        "family": condition.family,
        "subject": condition.subject,
    }
    return Command(Verb.RESET, received, actor, reason=reason, arguments=about)


def _lanes(view: View, condition: ConditionChange) -> tuple[Lane, ...]:
    """Return the lanes that may hold a condition, the likelier first.

    Both lanes hear alarms: a detector, or a stranger, may speak on a topic of bulk. The event does not say
    which lane holds it, and a reset of what a lane does not hold does nothing there.
    """
    device = view.directory().devices.get(condition.device)
    alarm = condition.family in {"fire", "gas", "test", "unreadable"}
    first = device.lane if device is not None else Lane.LIFE if alarm else Lane.BULK
    return (first, *(lane for lane in Lane if lane is not first)) if alarm else (first,)


def _in_each(told: list[tuple[Lane, Command]], submit: Callable[[Lane, Command], object]) -> None:
    """Tell each lane, whatever happens in the others; raise what was raised first."""
    failed: list[MachineryError] = []
    for lane, command in told:
        try:
            submit(lane, command)
        except MachineryError as why:
            failed.append(why)
    if failed:
        raise failed[0]
