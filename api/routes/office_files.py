"""Files of hazards and rounds: given out as files, never shown as pages. And what all routes of the office share."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Body as RawBody
from fastapi import FastAPI, Query, Request, Response

from api.bodies import Id
from api.door import Caller
from api.office_services import OfficeDesk
from api.permissions import V1
from api.schemas import Page
from api.services import Services
from park.errors import NotFound, Unavailable, UserError
from park.governance import Hazard, OfficeChange, OfficeFile, Round
from park.roles import Principal

_NAME = r"^[^/\\\x00-\x1f\x7f]{1,200}$"
_Name = Annotated[str, Query(pattern=_NAME, description="of the file")]
_Bytes = Annotated[bytes, RawBody(media_type="application/octet-stream")]


def office(services: Services) -> OfficeDesk:
    """Return the office. Raises Unavailable."""
    if services.office is None:
        raise Unavailable("this instance has no office")
    return services.office


def found(services: Services, kind: type[Any], key: int, caller: Principal) -> Any:
    """Return a thing that a key may see. Raises NotFound."""
    thing = office(services).store.get(kind, key)
    if not caller.sees(thing.park):
        raise NotFound(f"there is no {kind.__name__.lower()} {key}")
    return thing


def within(caller: Principal, park: int) -> None:
    """See that a park is one of a key's. Raises NotFound."""
    if not park or not caller.sees(park):
        raise NotFound(f"there is no park {park}")


def add_history(app: FastAPI, services: Services, path: str, one: str, kind: type[Any]) -> None:
    """Add the route of a thing's history."""

    @app.get(f"{V1}/{path}/{{key}}/history", tags=[path], name=f"{one}_history")
    def history(key: Id, caller: Caller) -> Page[OfficeChange]:
        """Return what happened to it, oldest first: who, when, what and why."""
        found(services, kind, key, caller)
        return Page(items=office(services).store.history(kind, key), next=None)


def add_files(app: FastAPI, services: Services, path: str, one: str, kind: type[Any]) -> None:
    """Add the routes of a thing's files."""

    @app.get(f"{V1}/{path}/{{key}}/attachments", tags=[path], name=f"list_{one}_files")
    def list_files(key: Id, caller: Caller) -> Page[OfficeFile]:
        """Return its files, oldest first."""
        found(services, kind, key, caller)
        return Page(items=office(services).store.files(kind, key), next=None)

    @app.post(f"{V1}/{path}/{{key}}/attachments", tags=[path], name=f"attach_to_{one}", status_code=201)
    def attach(key: Id, request: Request, caller: Caller, name: _Name, content: _Bytes) -> OfficeFile:
        """Attach a JPEG, PNG, WebP, PDF or text of up to 5 MiB; its kind is told by Content-Type."""
        found(services, kind, key, caller)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not name.isprintable():
            raise UserError("the name of a file is printable")
        desk = office(services)
        keep = desk.attach if kind is Hazard else desk.attach_to_round
        return keep(key, name, media_type, content, caller.name)

    @app.get(
        f"{V1}/{path}/{{key}}/attachments/{{attachment}}", tags=[path], name=f"read_{one}_file", response_class=Response
    )
    def read_file(key: Id, attachment: Id, caller: Caller) -> Response:
        """Return a file, to be saved."""
        found(services, kind, key, caller)
        desk = office(services)
        kept = next((f for f in desk.store.files(kind, key) if f.id == attachment), None)
        if kept is None:
            raise NotFound(f"it has no attachment {attachment}")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(kept.name, safe='')}"}
        return Response(desk.content(kept.digest), media_type=kept.media_type, headers=headers)


KINDS = (("hazards", "hazard", Hazard), ("rounds", "round", Round))
