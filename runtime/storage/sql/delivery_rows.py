"""Rows of messages on their way to receivers: made, found, and ended with the notification that they are of."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from alerts import delivery
from park.alarms import DeliveryState, Notification
from park.delivery import Dispatch, Facts
from runtime.link_words import LinkWords
from runtime.storage.sql.alarm_links import Fresh, keep
from runtime.storage.sql.database import chunks, upsert
from runtime.storage.sql.tables_alarms import outbox
from runtime.storage.sql.tables_delivery import dispatches

WAITS = ("waiting", "sending")
_encode = msgspec.json.Encoder().encode
_facts = msgspec.json.Decoder(Facts).decode
_d = dispatches.c
_o = outbox.c
COLUMNS = (
    _d.id, _d.target, _d.address, _d.body, _d.told_group, _d.state, _d.seq, _d.attempts, _d.due, _d.created, _d.ended,
    _d.receipt, _d.trouble, _d.batch,
)  # fmt: skip


def key_of(notification: str, receiver: delivery.Receiver) -> str:
    """Return the id of the message by which a notification reaches a receiver: the same at every attempt."""
    return sha256("\n".join((notification, *receiver)).encode()).hexdigest()[:32]


def row_of(note: Notification, receiver: delivery.Receiver, facts: Facts, now: int) -> dict[str, Any]:
    """Return the row of a message that waits from now on."""
    target, address = receiver
    return {
        "id": key_of(note.id, receiver), "notification": note.id, "target": target, "address": address,
        "life": note.life, "case": note.case, "park": note.park, "told_group": note.group,
        "state": DeliveryState.WAITING.value, "due": now, "attempts": 0, "created": now, "batch": "",
        "receipt": "", "trouble": "", "body": _encode(facts).decode(),
    }  # fmt: skip


def insert(connection: Connection, rows: Sequence[dict[str, Any]], now: int, words: LinkWords | None = None) -> None:
    """Insert rows; those that are there stay as they are, but for dead ones, which wait anew. Keep their links."""
    if not rows:
        return
    fresh = {"state": DeliveryState.WAITING.value, "due": now, "created": now, "ended": None, "attempts": 0}
    put = upsert(connection, dispatches)
    connection.execute(
        put.on_conflict_do_update(index_elements=["id"], set_=fresh, where=_d.state == DeliveryState.DEAD.value), rows
    )
    told = [(row["id"], _facts(row["body"])) for row in rows] if words else []
    if words is not None:
        links = [Fresh(words.of(key), f.case, f.answered_by, f.version) for key, f in told if f.answered_by]
        keep(connection, links, now)


def mark(connection: Connection, keys: Sequence[str], values: Mapping[str, Any]) -> None:
    """Write down how it stands with notifications, by their ids."""
    for part in chunks(keys):
        connection.execute(update(outbox).where(_o.id.in_(part)).values(**values))


def dispatch_of(row: Any) -> Dispatch:
    """Return what a row of COLUMNS holds."""
    key, target, address, body, group, state, seq, attempts, due, created, ended, receipt, trouble, batch = row
    return Dispatch(
        key, target, address, _facts(body), group, DeliveryState(state), seq, attempts, due, created, ended, receipt,
        trouble, batch,
    )  # fmt: skip


def end(connection: Connection, ended: Sequence[Dispatch], state: DeliveryState, now: int, **more: str) -> None:
    """End dispatches, and the notifications that have none left."""
    for part in chunks([d.id for d in ended]):
        values = {"state": state.value, "ended": now, **more}
        connection.execute(update(dispatches).where(_d.id.in_(part), _d.state.in_(WAITS)).values(**values))
    for key in dict.fromkeys(d.facts.notification for d in ended):
        states = connection.execute(select(_d.state).where(_d.notification == key)).scalars().all()
        if any(s in WAITS for s in states):
            continue
        good = sum(s == DeliveryState.DELIVERED.value for s in states)
        reached = DeliveryState.DELIVERED if good else DeliveryState.DEAD
        said = {"receipt": f"{good} of {len(states)} receivers", "trouble": "" if good else more.get("trouble", "")}
        mark(connection, [key], {"state": reached.value, "ended": now, **said})
