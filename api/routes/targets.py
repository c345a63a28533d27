"""Who is told of alarms and over what, whether it arrived, and what did not."""

from typing import Annotated

from fastapi import FastAPI, Query, Response

from api.bodies import Id
from api.delivery_services import DeliveryServices
from api.door import Caller
from api.permissions import V1
from api.schemas import Page
from api.schemas_targets import DeliveryOut, TargetBody, TargetOut, TemplateBody, TemplateOut
from api.services import Services
from api.view import View
from park.alarms import DeliveryState, MessageKind, Notification
from park.delivery import Channel, Dispatch, Target
from park.errors import Forbidden, NotFound, Unavailable
from park.events import Severity
from park.model import Park
from park.roles import Principal


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def desk() -> DeliveryServices:
        if services.delivery is None:
            raise Unavailable("this instance delivers nothing")
        return services.delivery

    def out(target: Target) -> TargetOut:
        return TargetOut.of(target, desk().shown(target))

    def found(key: int, caller: Principal) -> Target:
        target = desk().targets.get(key)
        if not caller.sees(target.park):
            raise NotFound(f"there is no target {key}")
        return target

    def within(target: Target, caller: Principal, old: Target | None) -> None:
        """See that a target stays within the parks of a key, and commands nothing of another's. Raises NotFound."""
        if not caller.sees(target.park):
            raise NotFound(f"there is no park {target.park}" if target.park else "name one of the parks of this key")
        if target.park and target.park not in view.directory().places:
            raise NotFound(f"there is no park {target.park}")
        moved = old is None or (old.channel, old.url) != (target.channel, target.url)
        if target.channel is Channel.SOUNDER and moved and caller.parks is not None:
            own = f"mqtt:parks/{services.registry.get(Park, target.park).code}/"
            if not target.url.startswith(own):
                raise Forbidden(f"a key of some parks commands topics of their own only: {own}…")

    def save(target: Target, caller: Principal, old: Target | None = None) -> TargetOut:
        within(target, caller, old)
        desk().barred(target)
        saved = desk().targets.save(target, actor=caller.name, now=desk().now())
        desk().wake()
        return out(saved)

    @app.get(f"{V1}/targets", tags=["delivery"])
    def list_targets(caller: Caller) -> Page[TargetOut]:
        """Return the receivers that are set up; their addresses without keys, and no secrets."""
        return Page(items=[out(t) for t in desk().targets.all() if caller.sees(t.park)], next=None)

    @app.get(f"{V1}/targets/{{key}}", tags=["delivery"])
    def read_target(key: Id, caller: Caller) -> TargetOut:
        """Return one receiver."""
        return out(found(key, caller))

    @app.post(f"{V1}/targets", tags=["delivery"], status_code=201)
    def create_target(body: TargetBody, caller: Caller) -> TargetOut:
        """Set up a receiver. Its text, address and addresses are seen to before anything is kept."""
        return save(body.target(None), caller)

    @app.put(f"{V1}/targets/{{key}}", tags=["delivery"])
    def replace_target(key: Id, body: TargetBody, caller: Caller) -> TargetOut:
        """Change a receiver; an address or secret that is left out stays. `enabled: false` turns it off."""
        old = found(key, caller)
        return save(body.target(old), caller, old)

    @app.delete(f"{V1}/targets/{{key}}", tags=["delivery"], status_code=204)
    def end_target(key: Id, caller: Caller) -> Response:
        """Take a receiver away; what waits for it is shown as dead."""
        found(key, caller)
        desk().targets.end(key, actor=caller.name, now=desk().now())
        desk().wake()
        return Response(status_code=204)

    @app.post(f"{V1}/targets/{{key}}/test", tags=["delivery"], status_code=202)
    def test_target(key: Id, caller: Caller) -> DeliveryOut:
        """Send a receiver a drill; its delivery says how that went."""
        target = found(key, caller)
        now = desk().now()
        note = Notification(
            f"test-{target.id}-{now}", 0, f"target:{target.name}", MessageKind.DRILL, Severity.LOW, life=False,
            not_before=now, group="", created=now, park=target.park, body={"by": caller.name},
        )  # fmt: skip
        dispatch = desk().dispatches.tell(note, target, now)
        desk().wake()
        return DeliveryOut.of(dispatch)

    @app.post(f"{V1}/targets/preview", tags=["delivery"])
    def preview_template(body: TemplateBody) -> TemplateOut:
        """Return what a text makes of an example, or what is wrong with it; nothing is kept."""
        message = desk().preview(body.template, body.channel, body.language)
        return TemplateOut(title=message.title, text=message.text)

    @app.get(f"{V1}/deliveries", tags=["delivery"])
    def list_deliveries(
        caller: Caller,
        alarm: Id = 0,
        target: Annotated[str, Query(max_length=64)] = "",
        state: DeliveryState | None = None,
        before: Annotated[int, Query(ge=0, lt=1 << 53, description="the `next` of the page before")] = 0,
        limit: Annotated[int, Query(ge=1, le=999)] = 100,
    ) -> Page[DeliveryOut]:
        """Return messages to receivers, newest first: receipts, and dead ones with what was wrong."""
        found = desk().dispatches.list(
            parks=caller.parks, case=alarm, target=target, state=state.value if state else "", before=before,
            limit=limit + 1,
        )  # fmt: skip
        items = [DeliveryOut.of(d) for d in found[:limit]]
        return Page(items=items, next=items[-1].place if len(found) > limit else None)

    @app.post(f"{V1}/deliveries/{{key}}/again", tags=["delivery"], status_code=202)
    def deliver_again(key: str, caller: Caller) -> DeliveryOut:
        """Send a dead message again, under its old id."""
        sees(desk().dispatches.get(key), caller)
        again = desk().dispatches.again(key, desk().now())
        desk().wake()
        return DeliveryOut.of(again)


def sees(dispatch: Dispatch, caller: Principal) -> None:
    """See that a message is of a park of the key. Raises NotFound."""
    if not caller.sees(dispatch.facts.park_id):
        raise NotFound("there is no such message")
