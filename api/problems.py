"""Every error as RFC 9457 problem details, and nothing of our insides in any of them."""

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from park.errors import Conflict, Corrupt, Forbidden, Full, MachineryError, NotFound, ParkError, Unavailable, UserError

_log = logging.getLogger("park.api")

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER = "5"  # s: a log that is full or a server that is away is looked at again about as often

# Narrowest first; the sentence of a UserError is meant for the person, that of machinery is not.
STATUS: Mapping[type[ParkError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Forbidden: HTTPStatus.FORBIDDEN,
    UserError: HTTPStatus.BAD_REQUEST,
    Full: HTTPStatus.INSUFFICIENT_STORAGE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Corrupt: HTTPStatus.INTERNAL_SERVER_ERROR,
    MachineryError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_SAID: Mapping[HTTPStatus, str] = {
    HTTPStatus.INSUFFICIENT_STORAGE: "there is no room left to keep this; it can be tried again when there is",
    HTTPStatus.SERVICE_UNAVAILABLE: "a part of the platform is away for now; try again soon",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something failed here that is not your fault; the log knows it by this instance",
}


def problem(
    status: int, detail: str, *, instance: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return a problem; `more` are extension members (RFC 9457, 3.2)."""
    word = HTTPStatus(status).phrase
    content = {
        "type": f"urn:park:problem:{word.lower().replace(' ', '-')}",
        "title": word,
        "status": status,
        "detail": detail,
        **({"instance": instance} if instance else {}),
        **more,
    }
    return Response(msgspec.json.encode(content), status, headers, MEDIA_TYPE)


async def _http(_: Request, why: Exception) -> Response:
    said = cast("HTTPException", why)
    plain = said.detail == HTTPStatus(said.status_code).phrase
    detail = _ABOUT.get(said.status_code, said.detail) if plain else said.detail
    return problem(said.status_code, detail, headers=said.headers)


_ABOUT = {
    404: "there is nothing at this address",
    405: "this address does not know the method",
}


async def _invalid(_: Request, why: Exception) -> Response:
    # What was sent is not sent back: it may be a secret in the wrong place.
    errors = [
        {"where": "/".join(map(str, e["loc"])), "why": e["msg"]}
        for e in cast("RequestValidationError", why).errors()[:20]
    ]
    return problem(422, "the request does not fit this call", errors=errors)


async def _ours(_: Request, why: Exception) -> Response:
    status = next(code for kind, code in STATUS.items() if isinstance(why, kind))
    if isinstance(why, UserError):
        return problem(status, str(why))
    instance = f"urn:park:instance:{secrets.token_hex(8)}"
    _log.error("%s: %s", instance, why, exc_info=why)
    headers = {"Retry-After": _RETRY_AFTER} if isinstance(why, MachineryError) and why.retry else None
    return problem(status, _SAID[status], instance=instance, headers=headers)


async def _unknown(_: Request, why: Exception) -> Response:
    instance = f"urn:park:instance:{secrets.token_hex(8)}"
    _log.error("%s: %s", instance, type(why).__name__)  # the server logs the traceback: it is raised again
    return problem(500, _SAID[HTTPStatus.INTERNAL_SERVER_ERROR], instance=instance)


def add_problems(app: FastAPI) -> None:
    """Answer every error of an app with a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ParkError, _ours)
    app.add_exception_handler(Exception, _unknown)
