"""Messages over HTTP, for gateways and programs that do not speak MQTT."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore

from fastapi import FastAPI

from api.door import Caller
from api.permissions import V1
from api.schemas_ingest import MessageBody, MessagesBody, Taken
from api.services import Services
from api.view import View
from park.errors import Forbidden, Unavailable
from park.metrics import Lane
from park.model import Park
from park.roles import Principal

_AT_ONCE = 8  # calls that wait for a lane: one whose disk is full must not take every thread of the API


@contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    """Hold one of some places. Raises Unavailable when all are taken."""
    if not places.acquire(blocking=False):
        raise Unavailable("too many calls wait for the log already")
    try:
        yield
    finally:
        places.release()


def add(app: FastAPI, services: Services, view: View) -> None:  # noqa: ARG001
    """Add the route."""
    places = {life: BoundedSemaphore(_AT_ONCE) for life in (True, False)}

    def check_parks(messages: Sequence[MessageBody], caller: Principal) -> None:
        """See that a key of some parks speaks in no other's name: a fire would be told to the wrong park."""
        if caller.parks is None:
            return
        codes = {services.registry.get(Park, park).code for park in caller.parks}
        for message in messages:
            code = message.topic.split("/")[1]
            if code not in codes:
                raise Forbidden(f"this key hands in nothing of a park {code!r}")

    @app.post(f"{V1}/ingest", tags=["ingest"])
    def hand_in(body: MessagesBody, caller: Caller) -> Taken:
        """Take messages as if they had been published, life safety first; answered once they are in the log.

        They are stamped and decoded with what comes over MQTT: devices that wait to be claimed, refused values and
        alarms of strangers are treated alike. After a 503 or 507 the messages may be handed in again: a value that has
        come with its own time is stored once.
        """
        check_parks(body.messages, caller)
        lanes: dict[Lane, list[tuple[str, bytes]]] = {Lane.LIFE: [], Lane.BULK: []}
        for message in body.messages:
            payload = json.dumps(message.payload, separators=(",", ":")).encode()
            lanes[Lane(message.topic.split("/")[2])].append((message.topic, payload))
        with _place(places[bool(lanes[Lane.LIFE])]):
            services.hand_in(lanes)
        return Taken(messages=len(body.messages), life=len(lanes[Lane.LIFE]))
