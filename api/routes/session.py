"""A browser's session: the key goes into a cookie that no script can read."""

from fastapi import FastAPI, Request, Response

from api.bodies import SessionBody
from api.door import COOKIE, SESSION_MS, Caller, Door
from api.permissions import V1
from api.schemas import SessionOut
from api.services import Services
from api.view import View
from park.roles import ALLOWED, Principal


def add(app: FastAPI, services: Services, view: View) -> None:  # noqa: ARG001
    """Add the routes."""
    door: Door = app.state.door

    def who(principal: Principal) -> SessionOut:
        return SessionOut(
            name=principal.name,
            role=principal.role,
            parks=None if principal.parks is None else sorted(principal.parks),
            permissions=sorted(ALLOWED[principal.role]),
            keys_required=services.require_keys,
        )

    @app.post(f"{V1}/session", tags=["session"])
    def open_session(body: SessionBody, request: Request, response: Response) -> SessionOut:
        """Open a session with a key; it lasts a shift of twelve hours."""
        word, principal = door.open_session(body.key, request)
        response.set_cookie(
            COOKIE,
            word,
            max_age=SESSION_MS // 1_000,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return who(principal)

    @app.get(f"{V1}/session", tags=["session"])
    def read_session(caller: Caller) -> SessionOut:
        """Return who asks, and what they may."""
        return who(caller)

    @app.delete(f"{V1}/session", tags=["session"], status_code=204)
    def close_session(request: Request) -> Response:
        """End the session of this browser."""
        door.close_session(request)
        gone = Response(status_code=204)
        gone.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return gone
