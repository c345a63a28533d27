"""The platform about itself: health, figures, its own description, and the pages."""

from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.staticfiles import StaticFiles

from api.door import Caller
from api.exposition import MEDIA_TYPE, exposition
from api.permissions import V1
from api.schemas import ComponentOut, PlatformHealth
from api.services import Services
from api.view import View

CONSOLE = Path(__file__).parent.parent / "console"

_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Park platform: API</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/vendor/swagger/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="/static/vendor/swagger/swagger-ui-bundle.js"></script>
<script src="/static/vendor/swagger/start.js"></script></body></html>
"""


def add(app: FastAPI, services: Services, view: View) -> None:  # noqa: ARG001
    """Add the routes."""

    @app.get(f"{V1}/health", tags=["system"], responses={503: {"model": PlatformHealth}})
    def platform_health(response: Response) -> PlatformHealth:
        """Return whether the platform serves (503 until it does), and what is missing."""
        parts = services.components()
        serving = all(c.serving for c in parts)
        missing = [c.name for c in parts if not c.ready]
        if not serving:
            response.status_code = 503
            response.headers["Retry-After"] = "2"
        return PlatformHealth(
            status="starting" if not serving else "degraded" if missing else "ok",
            version=services.version,
            at=services.now(),
            missing=missing,
            components=[ComponentOut(name=c.name, ready=c.ready, detail=c.detail) for c in parts],
        )

    def figures(_: Caller) -> Response:
        """Return the platform's figures as Prometheus reads them."""
        return Response(exposition(services.figures()), media_type=MEDIA_TYPE)

    for path, shown in ((f"{V1}/metrics", True), ("/metrics", False)):
        app.add_api_route(path, figures, methods=["GET"], tags=["system"], include_in_schema=shown)

    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_DOCS)

    @app.get(f"{V1}/openapi.json", include_in_schema=False)
    def schema() -> dict[str, object]:
        return app.openapi()

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(CONSOLE / "index.html")

    app.mount("/static", StaticFiles(directory=CONSOLE, check_dir=False), name="static")
