"""How large a request may be: refused by its own word before it is read, or while it is."""

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.permissions import V1
from api.problems import problem

MAX_BODY: Final = 1 << 20  # bytes: as large as the largest message that is kept
MAX_FILE: Final = 64 << 20  # bytes: a registry of 200,000 points takes about 20 MB of CSV
MAX_PHOTOGRAPH: Final = 5 << 20  # bytes: an attachment of an alarm, a hazard or a round
_ATTACHMENTS: Final = re.compile(rf"{V1}/(?:alarms|hazards|rounds)/\d+/attachments").fullmatch
MAX_BODIES: Final = {f"{V1}/registry/import": MAX_FILE}
_TOO_LARGE: Final = "the body is larger than this call takes"


class BodyLimit:
    """Answer 413 to bodies that are too large, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as long as it is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_BODIES.get(scope["path"], MAX_PHOTOGRAPH if _ATTACHMENTS(scope["path"]) else MAX_BODY)
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > most:
            await problem(413, _TOO_LARGE)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, _TOO_LARGE)
            return message

        await self._app(scope, counted, send)
