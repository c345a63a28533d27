"""Files of alarms: photographs and reports, given out as files and never shown as pages."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Body as RawBody
from fastapi import FastAPI, Query, Request, Response

from api.alarm_services import AlarmServices
from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.schemas import Page
from api.schemas_alarms import AttachmentOut
from api.scope import sees_alarm
from api.services import Services
from park.alarms import Attachment, Case
from park.errors import NotFound, Unavailable, UserError
from park.roles import Principal

_NAME = r"^[^/\\\x00-\x1f\x7f]{1,200}$"


def add(app: FastAPI, services: Services) -> None:
    """Add the routes."""

    def desk() -> AlarmServices:
        if services.alarms is None:
            raise Unavailable("this instance has no alarms")
        return services.alarms

    def found(key: int, caller: Principal) -> Case:
        case = desk().store.get(key)
        if not sees_alarm(caller, case):
            raise NotFound(f"there is no alarm {key}")
        return case

    @app.get(f"{V1}/alarms/{{key}}/attachments", tags=["alarms"])
    def list_attachments(key: Id, caller: Caller) -> Page[AttachmentOut]:
        """Return the files of an alarm, oldest first."""
        found(key, caller)
        return Page(items=[AttachmentOut.of(a) for a in desk().store.attachments(key)], next=None)

    @app.post(f"{V1}/alarms/{{key}}/attachments", tags=["alarms"], status_code=201)
    def attach(
        key: Id,
        request: Request,
        caller: Caller,
        name: Annotated[str, Query(pattern=_NAME, description="of the file")],
        content: Annotated[bytes, RawBody(media_type="application/octet-stream")],
    ) -> AttachmentOut:
        """Attach a JPEG, PNG, WebP, PDF or text of up to 5 MiB; its kind is told by Content-Type."""
        case = found(key, caller)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not name.isprintable():
            raise UserError("the name of a file is printable")
        with desk().files.keeping(content, media_type, case.park, case.attachments) as digest:
            kept = Attachment(key, name, media_type, len(content), digest, 0, caller.name)
            return AttachmentOut.of(desk().store.attach(kept, desk().now()))

    @app.get(f"{V1}/alarms/{{key}}/attachments/{{attachment}}", tags=["alarms"], response_class=Response)
    def read_attachment(key: Id, attachment: Id, caller: Caller) -> Response:
        """Return a file of an alarm, to be saved."""
        found(key, caller)
        kept = next((a for a in desk().store.attachments(key) if a.id == attachment), None)
        if kept is None:
            raise NotFound(f"the alarm {key} has no attachment {attachment}")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(kept.name, safe='')}"}
        return Response(desk().files.content(kept.digest), media_type=kept.media_type, headers=headers)
