"""The web application, put together. Nothing happens at import."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.door import Door, KeyedRoute
from api.limits import BodyLimit
from api.problems import add_problems
from api.routes import (
    activity,
    activity_table,
    alarms,
    answer,
    bands,
    drills,
    duty,
    events,
    files,
    findings,
    hazards,
    ingest,
    inspections,
    kpi,
    ledger,
    live,
    marks,
    nouns,
    parks,
    points,
    proposals,
    quarantine,
    readings,
    rules,
    session,
    stand_ins,
    system,
    targets,
)
from api.schema import described
from api.services import Services
from api.view import View

_GZIP_FROM = 4_096  # bytes: below, the headers of compression cost more than it saves

# Vendored files only: nothing from elsewhere, nothing inline (OWASP secure headers; CSP level 3).
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_ROUTES = (
    system,
    session,
    parks,
    nouns,
    points,
    readings,
    rules,
    events,
    ledger,
    quarantine,
    files,
    ingest,
    live,
    activity,
    activity_table,
    alarms,
    duty,
    stand_ins,
    answer,
    targets,
    inspections,
    hazards,
    drills,
    kpi,
    bands,
    findings,
    marks,
    proposals,
)


class Headers:
    """Put the security headers on every answer, and keep answers of the API out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app behind it does, with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # Pages are asked for anew each time (304 where nothing changed): old ones would not fit a new API.
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/api/") else "no-cache")
            await send(message)

        await self._app(scope, receive, sent)


def _name(route: APIRoute) -> str:
    return route.name


def create_app(services: Services) -> FastAPI:
    """Return the application over some services."""
    view = View(services)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        # A city's registry takes seconds to read: not in the first page's time, and nobody waits for it here.
        warming = asyncio.get_running_loop().run_in_executor(None, view.directory)
        yield
        await warming

    app = FastAPI(
        lifespan=life,
        title="Park platform",
        version=services.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name,
        telemetry={"tracing": False, "metrics": False},
    )
    app.router.route_class = KeyedRoute
    app.state.door = Door(services)
    for part in _ROUTES:
        part.add(app, services, view)
    add_problems(app)
    app.add_middleware(GZipMiddleware, minimum_size=_GZIP_FROM, compresslevel=1)
    app.add_middleware(BodyLimit)
    app.add_middleware(Headers)
    schema: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not schema:
            schema.update(described(app))
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app
