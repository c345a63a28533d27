"""What happens, as it happens: server-sent events.

```
subscribe ── since(Last-Event-ID) ── what is remembered ── then what comes, in order, nothing twice
```
A client that reads slowly fills its own bounded queue, loses the oldest, and is told so by an event
"gap"; it then asks the ordinary calls for the present. Nobody waits for it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.bodies import Id
from api.door import TICKET_MS, Caller, Door
from api.permissions import V1
from api.schemas import TicketOut
from api.services import Services
from api.view import View
from park.errors import MachineryError, NotFound, Unavailable
from park.ports import LiveEvent

PING: Final = 15.0  # s: below the minute after which proxies give up on a silent connection
MAX_CLIENTS: Final = 500
_LOOK: Final = 15_000  # ms after which a stream asks anew whether its key still holds
# An event and no comment: a page must hear it, to know a dead line from a quiet park. It has no id.
_PING: Final = b"event: ping\ndata: {}\n\n"
_RETRY: Final = b"retry: 1000\n\n"  # ms that a browser waits before it comes back


def framed(events: Sequence[LiveEvent]) -> bytes:
    """Return events as they go over the wire; JSON needs no line breaks, so a body is one line."""
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n" % (e.id, e.event.encode(), e.body.replace(b"\n", b" ")) for e in events
    )


def add(app: FastAPI, services: Services, view: View) -> None:  # noqa: ARG001
    """Add the routes."""
    door: Door = app.state.door
    clients: set[int] = set()

    def holds(request: Request) -> bool:
        try:
            return door.holds(request)
        except MachineryError:
            return True  # who was let in hears of fires also while the keys cannot be read

    async def events(request: Request, parks: frozenset[int] | None, last: int | None) -> AsyncIterator[bytes]:
        listening = services.live.subscribe(parks)  # here, so that what was never begun holds nothing
        sent = 0
        looked = services.now()
        clients.add(id(listening))
        try:
            yield _RETRY
            if last is not None:
                missed, whole = services.live.since(last)
                # What is whole may begin a little before `last`: another process may have numbered it another way.
                after = [e for e in missed if whole or e.id > last]
                mine = [e for e in after if parks is None or not e.park or e.park in parks]
                sent = missed[-1].id if missed else last
                gap = b"" if whole else b'event: gap\ndata: {"reason":"forgotten"}\n\n'
                if mine or gap:
                    yield gap + framed(mine)
            while not listening.over:
                fresh = [e for e in await listening.next(PING) if e.id > sent or e.event == "gap"]
                if services.now() - looked >= _LOOK:
                    looked = services.now()
                    if not await run_in_threadpool(holds, request):
                        return
                yield framed(fresh) if fresh else _PING
        finally:
            clients.discard(id(listening))
            listening.close()

    @app.get(f"{V1}/live", tags=["live"], response_class=StreamingResponse)
    async def live(
        request: Request,
        caller: Caller,
        park: Id | None = None,
        ticket: Annotated[str, Query(max_length=100, description="of POST /live/ticket, for EventSource")] = "",  # noqa: ARG001  (read by the door)
        last_event_id: Annotated[int | None, Header(ge=0)] = None,
        after: Annotated[int | None, Query(ge=0, description="as Last-Event-ID, for a first connection")] = None,
    ) -> Response:
        """Stream events: condition, finding, device, alarm, latest, freshness; `gap` where some were lost."""
        if park and not caller.sees(park):
            raise NotFound(f"there is no park {park}")
        if len(clients) >= MAX_CLIENTS:
            raise Unavailable(f"{MAX_CLIENTS} live clients are connected already")
        parks = frozenset({park}) if park else caller.parks
        last = last_event_id if last_event_id is not None else after
        return StreamingResponse(
            events(request, parks, last),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @app.post(f"{V1}/live/ticket", tags=["live"])
    def ticket(request: Request, _: Caller) -> TicketOut:
        """Return a word that opens one live stream, once, within half a minute."""
        return TicketOut(ticket=door.ticket(request), lasts=TICKET_MS)
