"""Refused messages, raw, until a person retries or discards them; bounded, and never lost in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from park.errors import NotFound, UserError
from park.ports import Quarantined
from park.records import Refusal, Refused
from park.streams import lane_of
from runtime.storage.sql import positions
from runtime.storage.sql.database import Database, chunks, upsert
from runtime.storage.sql.tables import quarantine, tallies

WAITING = "waiting"
_STATES = frozenset({"retried", "discarded"})  # that a person may move a message to
_MOST = 1_000  # messages in one answer; each may be 1 MiB
_OVERHEAD = 300  # bytes a row takes beside its payload and texts, about
_ROWS, _BYTES, _DROPPED = "quarantine.rows", "quarantine.bytes", "quarantine.discarded"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept."""

    rows: int = 200_000
    bytes: int = 512 << 20
    share: float = 0.05  # of the rows that goes at once when it is full


class SqlQuarantine:
    """park.ports.QuarantineStore over a database."""

    def __init__(self, database: Database, bounds: Bounds | None = None) -> None:
        self._database = database
        self._bounds = bounds or Bounds()

    def keep(self, stream: str, position: int, refused: Sequence[Refused]) -> None:
        """Store the refused messages of log records up to a position, once."""
        with self._database.write() as connection:
            if position <= positions.reached(connection, positions.QUARANTINE, stream):
                return
            if refused:
                rows = [_row(stream, r) for r in refused]
                connection.execute(insert(quarantine), rows)
                _tally(connection, _ROWS, len(rows))
                _tally(connection, _BYTES, sum(row["bytes"] for row in rows))
                self._make_room(connection)
            positions.reach(connection, positions.QUARANTINE, stream, position)

    def kept(self, stream: str) -> int:
        """Return the position through which refused messages are stored."""
        with self._database.read() as connection:
            return positions.reached(connection, positions.QUARANTINE, stream)

    def _make_room(self, connection: Connection) -> None:
        """Drop what nobody waits for first, then the oldest of the device that sends most.

        So one broken device cannot push out what the others have sent.
        """
        bounds = self._bounds
        while _count(connection, _ROWS) > bounds.rows or _count(connection, _BYTES) > bounds.bytes:
            step = max(1, int(bounds.rows * bounds.share))
            c = quarantine.c
            oldest = select(c.id, c.bytes).where(c.state != WAITING).order_by(c.id).limit(step)
            found = connection.execute(oldest).all()
            if not found:
                count = func.sum(c.bytes)
                most = select(c.device_key).where(c.state == WAITING).group_by(c.device_key).order_by(count.desc())
                key = connection.execute(most.limit(1)).scalar_one()
                mine = select(c.id, c.bytes).where(c.state == WAITING, c.device_key == key).order_by(c.id)
                found = connection.execute(mine.limit(step)).all()
                _tally(connection, _DROPPED, len(found))
            for part in chunks(row.id for row in found):
                connection.execute(delete(quarantine).where(c.id.in_(part)))
            _tally(connection, _ROWS, -len(found))
            _tally(connection, _BYTES, -sum(row.bytes for row in found))

    def waiting(
        self, *, reason: str = "", device_key: str = "", after: int = 0, limit: int = 100, payloads: bool = True
    ) -> list[Quarantined]:
        """Return waiting messages, oldest first, from past `after` on; without `payloads` theirs are empty."""
        c = quarantine.c
        columns = [x if payloads or x is not c.payload else literal(b"").label("payload") for x in c]
        query = select(*columns).where(c.state == WAITING, c.id > after)
        if reason:
            query = query.where(c.reason == reason)
        if device_key:
            query = query.where(c.device_key == device_key)
        with self._database.read() as connection:
            return [_kept(row) for row in connection.execute(query.order_by(c.id).limit(max(1, min(limit, _MOST))))]

    def show(self, key: int) -> Quarantined:
        """Return one. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(quarantine).where(quarantine.c.id == key)).first()
        if row is None:
            raise NotFound(f"there is no kept message {key}")
        return _kept(row)

    def mark(self, keys: Sequence[int], state: str, actor: str) -> int:
        """Move waiting messages to "retried" or "discarded"; return how many moved."""
        if state not in _STATES:
            raise UserError(f"a kept message cannot become {state!r}")
        c = quarantine.c
        moved = 0
        with self._database.write() as connection:
            for part in chunks(keys):
                change = update(quarantine).where(c.id.in_(part), c.state == WAITING)
                moved += int(connection.execute(change.values(state=state, actor=actor)).rowcount)
        return moved

    def devices(self) -> list[tuple[str, int, int, bytes]]:
        """Return the unknown devices: key, messages waiting, newest receipt, newest payload."""
        c = quarantine.c
        unknown = (c.state == WAITING) & (c.reason == Refusal.UNKNOWN_DEVICE) & (c.device_key != "")
        groups = (
            select(func.count().label("waiting"), func.max(c.received).label("newest"), func.max(c.id).label("last"))
            .where(unknown)
            .group_by(c.device_key)
            .subquery()
        )
        query = select(c.device_key, groups.c.waiting, groups.c.newest, c.payload).join(groups, c.id == groups.c.last)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.device_key).limit(_MOST))
            return [(key, waiting, newest, bytes(payload)) for key, waiting, newest, payload in rows]

    def totals(self) -> tuple[int, int, int]:
        """Return messages kept, bytes they take, and waiting messages that had to go for want of room."""
        with self._database.read() as connection:
            return _count(connection, _ROWS), _count(connection, _BYTES), _count(connection, _DROPPED)


def _row(stream: str, r: Refused) -> dict[str, Any]:
    size = len(r.payload) + len(r.topic) + len(r.device_key) + len(r.detail) + _OVERHEAD
    return {
        "lane": stream, "state": WAITING, "actor": "", "reason": r.reason, "topic": _clean(r.topic),
        "payload": r.payload, "size": r.size, "received": r.received, "device_key": _clean(r.device_key),
        "gateway": r.gateway, "readings": r.readings, "detail": _clean(r.detail), "alarm": r.alarm, "whole": r.whole,
        "bytes": size, "retained": r.retained,
    }  # fmt: skip


def _clean(text: str) -> str:
    """Return a text that every database takes: PostgreSQL knows no NUL, and neither knows half a character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _kept(row: Row[Any]) -> Quarantined:
    refused = Refused(
        Refusal(row.reason), row.topic, bytes(row.payload), row.size, row.received, row.device_key, row.gateway,
        row.readings, row.detail, row.alarm, row.whole, row.retained,
    )  # fmt: skip
    return Quarantined(row.id, refused, lane_of(row.lane), row.state, row.actor)


def _tally(connection: Connection, name: str, more: int) -> None:
    row = upsert(connection, tallies).values(name=name, value=more)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": tallies.c.value + more}))


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(select(tallies.c.value).where(tallies.c.name == name)).scalar() or 0)
