"""What people say of episodes."""

from fastapi import FastAPI

from api.door import Caller
from api.permissions import V1
from api.routes.findings import told
from api.schemas_findings import MarkBody, MarkOut
from api.services import Services
from api.view import View


def add(app: FastAPI, services: Services, view: View) -> None:  # noqa: ARG001 - as every module of routes
    """Add the route."""

    @app.post(f"{V1}/episodes/mark", tags=["findings"], status_code=201)
    def mark_episode(body: MarkBody, caller: Caller) -> MarkOut:
        """Say whether an episode was worth telling. What was said before stays in the books; the last holds."""
        episode = told(services, caller, body.episode)
        return MarkOut.of(
            services.episodes.mark(episode, body.verdict, note=body.note.strip(), actor=caller.name, now=services.now())
        )
