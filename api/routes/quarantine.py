"""Refused messages and waiting devices: look, try again, discard, claim."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query

from api.bodies import ClaimBody, Id, Ids
from api.door import Caller
from api.permissions import V1
from api.schemas import Moved, Page, Payload, RefusedOut, WaitingDevice
from api.scope import NATIVE, check_key
from api.services import Claim, ClaimedPoint, Services
from api.view import View
from park.errors import NotFound
from park.metrics import METRICS
from park.model import Device, Park
from park.ports import Quarantined
from park.records import Refusal
from park.roles import Principal

_SHOWN = 64 << 10  # bytes of a payload that an answer holds
_SHORT = 2 << 10  # of the newest payload in a list


def readable(payload: bytes, most: int) -> tuple[str | None, str | None]:
    """Return a payload as (text, None) where it is printable UTF-8, else (None, base64); cut to `most` bytes."""
    part = payload[:most]
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError as why:
        if why.reason != "unexpected end of data":
            return None, b64encode(part).decode()
        text = part[: why.start].decode("utf-8")  # cut within a character
    if all(c.isprintable() or c in "\t\r\n" for c in text):
        return text, None
    return None, b64encode(part).decode()


def _shown(q: Quarantined) -> dict[str, Any]:
    r = q.refused
    return {
        "id": q.id, "lane": q.lane, "state": q.state, "actor": q.actor, "reason": r.reason, "detail": r.detail,
        "topic": r.topic, "device_key": r.device_key, "gateway": r.gateway, "received": r.received, "size": r.size,
        "readings": r.readings, "alarm": r.alarm,
    }  # fmt: skip


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def codes(caller: Principal) -> frozenset[str] | None:
        """Return the codes of the parks in scope; None: all."""
        if caller.parks is None:
            return None
        return frozenset(services.registry.get(Park, park).code for park in caller.parks)

    def sees(q: Quarantined, caller: Principal, in_scope: frozenset[str] | None) -> bool:
        if in_scope is None:
            return True
        gateway = view.directory().devices.get(q.refused.gateway)
        if gateway is not None:
            return caller.sees(gateway.park)
        return any(q.refused.topic.startswith(f"parks/{code}/") for code in in_scope)

    def own(ids: Sequence[int], caller: Principal) -> list[int]:
        """Return the ids, if all of them are in scope. Raises NotFound."""
        in_scope = codes(caller)
        for key in ids if in_scope is not None else ():
            if not sees(services.quarantine.show(key), caller, in_scope):
                raise NotFound(f"there is no message {key}")
        return list(ids)

    @app.get(f"{V1}/quarantine", tags=["quarantine"])
    def list_quarantine(
        caller: Caller,
        reason: Refusal | None = None,
        device_key: Annotated[str, Query(max_length=300)] = "",
        after: Id = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Page[RefusedOut]:
        """Return refused messages that wait for a person, oldest first; without their payloads."""
        found = services.quarantine.waiting(
            reason=reason or "", device_key=device_key, after=after, limit=limit + 1, payloads=False
        )  # fmt: skip  (a thousand payloads may be a gigabyte)
        in_scope = codes(caller)
        items = [RefusedOut(**_shown(q)) for q in found[:limit] if sees(q, caller, in_scope)]
        return Page(items=items, next=found[limit - 1].id if len(found) > limit else None)

    @app.get(f"{V1}/quarantine/{{key}}", tags=["quarantine"])
    def show_quarantined(key: Id, caller: Caller) -> Payload:
        """Return one refused message with its payload, up to 64 KiB of it."""
        q = services.quarantine.show(key)
        if not sees(q, caller, codes(caller)):
            raise NotFound(f"there is no message {key}")
        text, coded = readable(q.refused.payload, _SHOWN)
        return Payload(**_shown(q), text=text, base64=coded, cut=q.refused.size > min(_SHOWN, len(q.refused.payload)))

    @app.post(f"{V1}/quarantine/retry", tags=["quarantine"])
    def retry(body: Ids, caller: Caller) -> Moved:
        """Put messages back into their lanes, as if they came now with their old time of receipt told."""
        return Moved(moved=services.retry(own(body.ids, caller), caller.name))

    @app.post(f"{V1}/quarantine/discard", tags=["quarantine"])
    def discard(body: Ids, caller: Caller) -> Moved:
        """Set messages aside for good; they are counted as rejected."""
        return Moved(moved=services.quarantine.mark(own(body.ids, caller), "discarded", caller.name))

    @app.get(f"{V1}/waiting", tags=["quarantine"])
    def waiting(caller: Caller) -> list[WaitingDevice]:
        """Return devices that speak and are not claimed yet, with their newest message."""
        in_scope = codes(caller)
        out = []
        for key, messages, newest, payload in services.quarantine.devices():
            park = key.removeprefix(NATIVE).split("/")[0] if key.startswith(NATIVE) else ""
            if in_scope is None or park in in_scope:
                text, coded = readable(payload, _SHORT)
                out.append(
                    WaitingDevice(device_key=key, messages=messages, newest=newest, text=text, base64=coded)
                )  # fmt: skip
        return out

    @app.post(f"{V1}/waiting/claim", tags=["quarantine"], status_code=201)
    def claim(body: ClaimBody, caller: Caller) -> Device:
        """Say what a waiting device is; its kept messages are then taken in."""
        seen = view.park(body.park, caller)
        if caller.parks is not None and not body.device_key.startswith(NATIVE):
            raise NotFound(f"there is no waiting device {body.device_key[:64]!r}")  # nor is it listed for such keys
        check_key(caller, body.device_key, seen.park.code)
        if body.place != body.park and body.place not in seen.places:
            raise NotFound(f"there is no place {body.place} in that park")
        for point in body.points:
            if point.metric not in METRICS:
                raise NotFound(f"there is no metric {point.metric[:64]!r}")
        points = tuple(ClaimedPoint(**point.model_dump()) for point in body.points)
        return services.claim(Claim(**{**body.model_dump(exclude={"points"}), "points": points}), caller.name)
