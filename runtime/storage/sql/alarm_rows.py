"""Cases and what belongs to them as rows, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, false, or_, select, tuple_

from alerts.suppression import may_inhibit
from park.alarm_ports import WORST, CaseFilter
from park.alarms import Attachment, Case, Delivery, DeliveryState, Notification, Transition
from park.errors import NotFound, UserError
from runtime.storage.sql.database import among
from runtime.storage.sql.tables import places
from runtime.storage.sql.tables_alarms import case_attachments, cases, outbox

MOST = 10_000  # rows in one answer
_DEEP = 16  # places above one another at most; a loop in the tree must end

encode = msgspec.json.Encoder().encode
_case = msgspec.json.Decoder(Case).decode
_transition = msgspec.json.Decoder(Transition).decode
_notification = msgspec.json.Decoder(Notification).decode


def case_of(body: str) -> Case:
    """Return the case of a row."""
    return _case(body)


def row_of(case: Case, path: str, announced: int) -> dict[str, Any]:
    """Return the row of a case."""
    return {
        "family": case.family, "subject": case.subject, "cause": case.cause, "open": case.closed is None,
        "life": case.life, "rank": WORST[case.severity], "state": case.state.value,
        "held_back": bool(case.held_back),
        "inhibits": case.closed is None and (may_inhibit(case) or stands_as_flood(case)), "park": case.park,
        "place": case.place, "device": case.device, "gateway": case.gateway, "path": path, "owner": case.owner,
        "raised": case.raised, "announced": announced, "version": case.version, "body": encode(case).decode(),
    }  # fmt: skip


def stands_as_flood(case: Case) -> bool:
    """Tell whether a case is a flood that others are told in."""
    return case.family == "flood" and case.active


def transition_of(key: int, body: str) -> Transition:
    """Return the line of a row."""
    return replace(_transition(body), id=key)


def attachment_of(row: Any) -> Attachment:
    """Return the attachment of a row of `ATTACHMENT`."""
    return Attachment(*row)


_a = case_attachments.c
ATTACHMENT = (_a.case, _a.name, _a.media_type, _a.size, _a.digest, _a.at, _a.actor, _a.id)
_o = outbox.c
DELIVERY = (_o.body, _o.state, _o.attempts, _o.due, _o.receipt, _o.trouble, _o.ended)


def delivery_of(row: Any) -> Delivery:
    """Return the delivery of a row of `DELIVERY`."""
    body, state, attempts, due, receipt, trouble, ended = row
    return Delivery(_notification(body), DeliveryState(state), attempts, due, receipt, trouble, ended)


def paths_of(connection: Connection, below: Iterable[int]) -> dict[int, str]:
    """Return the places from the park down to each of some, as "/1/2/12/"."""
    above: dict[int, int] = {}  # 0: nothing is above it
    wanted = set(below) - {0}
    asked = wanted
    for _ in range(_DEEP):
        if not asked:
            break
        query = select(places.c.id, places.c.parent, places.c.park)
        for place, parent, park in among(connection, query, places.c.id, sorted(asked)):
            above[place] = parent or (park if park != place else 0)
        asked = set(above.values()) - above.keys() - {0}
    return {place: _path(place, above) for place in wanted}


def _path(place: int, above: Mapping[int, int]) -> str:
    found: list[int] = []
    while place and len(found) < _DEEP and place not in found:
        found.append(place)
        place = above.get(place, 0)
    return "/" + "".join(f"{p}/" for p in reversed(found)) if found else ""


def steps_of(path: str) -> tuple[int, ...]:
    """Return the places of a path."""
    return tuple(int(p) for p in path.split("/") if p)


def asked_for(asked: CaseFilter, before: str) -> Select[Any]:
    """Return a query for the bodies of cases, worst first, then newest. Raises UserError."""
    c = cases.c
    query = select(c.body)
    if asked.open is not None:
        query = query.where(c.open.is_(asked.open))
    # What is of no park that is known, a stranger's fire, is of every park.
    if asked.parks is not None:
        query = query.where(or_(c.park.in_(sorted(asked.parks)), and_(c.park == 0, c.life)))
    if asked.park:
        query = query.where(or_(c.park == asked.park, and_(c.park == 0, c.life)))
    if asked.place:
        query = query.where(c.path.contains(f"/{int(asked.place)}/", autoescape=True))
    for column, value in ((c.device, asked.device), (c.owner, asked.owner)):
        if value:
            query = query.where(column == value)
    if asked.states:
        query = query.where(c.state.in_([s.value for s in asked.states]))
    if asked.severities:
        query = query.where(c.rank.in_([WORST[s] for s in asked.severities]))
    if asked.family:
        query = query.where(or_(c.family == asked.family, c.family.startswith(f"{asked.family}.", autoescape=True)))
    if asked.held_back is not None:
        query = query.where(c.held_back.is_(asked.held_back))
    if asked.life is not None:
        query = query.where(c.life.is_(asked.life))
    if asked.answers:  # no column: those that are open are few, and quotes of people's words are escaped in JSON
        query = query.where(or_(*(c.body.contains(f'"answer":"{a.value}"', autoescape=True) for a in asked.answers)))
    if asked.start > 0 or asked.end < 1 << 53:
        query = query.where(c.raised >= asked.start, c.raised < asked.end)
    if asked.parks is not None and not asked.parks:
        query = query.where(false())
    if before:
        query = query.where(tuple_(c.rank, c.raised, c.id) < tuple_(*_place_in(before)))
    return query.order_by(c.rank.desc(), c.raised.desc(), c.id.desc())


def _place_in(before: str) -> tuple[int, int, int]:
    try:
        rank, raised, key = (int(part) for part in before.split("."))
    except ValueError:
        raise UserError(f"{before[:64]!r} is no place to go on from") from None
    if max(abs(rank), abs(raised), abs(key)) >= 1 << 62:
        raise UserError(f"{before[:64]!r} is no place to go on from")
    return rank, raised, key


def found(connection: Connection, key: int, *, to_write: bool = False) -> Case:
    """Return one case. Raises NotFound."""
    query = select(cases.c.body).where(cases.c.id == key)
    body = connection.execute(query.with_for_update() if to_write else query).scalar()
    if body is None:
        raise NotFound(f"there is no alarm {key}")
    return case_of(body)
