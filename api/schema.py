"""The description of the API (OpenAPI 3.1) with an example of every call."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.examples import ANSWERS, BODIES, PROBLEM, TEXTS
from api.permissions import ROUTES
from api.problems import MEDIA_TYPE
from api.schemas import ProblemOut

_ABOUT = """Parks of small firms: what stands in them, what their devices say, what was found.

Times are epoch milliseconds. Lists are pages: ask again with `after` (or `before`) = `next` until `next` is null.
Every error is a problem (RFC 9457, `application/problem+json`). Keys: `Authorization: Bearer park_...` or `X-API-Key`;
pages open a session (`POST /api/v1/session`), event streams may use a one-use ticket (`POST /api/v1/live/ticket`).
What lies outside a key's parks is answered as if it were not there (404).
"""


def described(app: FastAPI) -> dict[str, Any]:
    """Return the description. Raises KeyError for a call that has no example."""
    schema = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
    parts = schema["components"]
    parts["schemas"]["Problem"] = ProblemOut.model_json_schema()
    parts["schemas"].pop("HTTPValidationError", None)
    parts["schemas"].pop("ValidationError", None)
    parts["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "session": {"type": "apiKey", "in": "cookie", "name": "park_session"},
    }
    problem = {
        "description": "A problem.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": PROBLEM}},
    }
    needed = {(method, path.replace(":path", "")): permission for (method, path), permission in ROUTES.items()}
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            _describe(call, needed[method.upper(), path])
            call["responses"].pop("422", None)
            call["responses"]["default"] = problem
    return schema


def _describe(call: dict[str, Any], permission: str | None) -> None:
    name = call["operationId"]
    if permission is None:
        call["security"] = []
    else:
        call["security"] = [{"bearer": []}, {"key": []}, {"session": []}]
        call["x-permission"] = permission
    if "requestBody" in call:
        next(iter(call["requestBody"]["content"].values()))["example"] = BODIES[name]
    for status in ("200", "201", "202"):
        answer = call["responses"].get(status)
        if answer is None:
            continue
        if name in TEXTS:
            media, text = TEXTS[name]
            answer["content"] = {media: {"schema": {"type": "string"}, "example": text}}
        else:
            answer["content"]["application/json"]["example"] = ANSWERS[name]
