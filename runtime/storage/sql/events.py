"""What the stages found, in SQL: conditions and their history, findings, device health, active days."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, insert, select, tuple_

from alerts.gate import exempt
from park.errors import MachineryError, UserError
from park.events import ActivityDay, AlarmState, ConditionChange, DeviceStatus, Finding
from park.wire import SmallEvent, decode_event, encode_event
from runtime.storage.sql import positions
from runtime.storage.sql.activity import put_days
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.database import Database, among, upsert
from runtime.storage.sql.tables import activity_days, condition_changes, conditions, device_status, findings

_MOST = 10_000  # rows in one answer
_NEVER = 1 << 62  # ms: after every time


class _Undone(Exception):
    """Take a transaction back."""


class SqlEvents:
    """park.ports.EventStore over a database."""

    def __init__(self, database: Database, intake: Intake | None = None) -> None:
        """`intake` tells cases of what is new, in the same transaction."""
        self._database = database
        self._intake = intake

    def apply(self, stream: str, position: int, events: Sequence[SmallEvent], *, last: bool = True) -> None:
        """Store the events of log records up to a position, together with it; or but a part of them, not the `last`.

        Positions at or below the one reached are skipped, known ids one by one: a log may be read again from
        anywhere. Life safety is known by its ids alone: a log that lost its end gives its positions out again.
        """
        with self._database.write() as connection:
            known = position <= positions.reached(connection, positions.EVENTS, stream)
            if known and not (events := [event for event in events if _of_life(event)]):
                return
            tell = self._put(connection, stream, events, position)
            if last and not known:
                positions.reach(connection, positions.EVENTS, stream, position)
        if tell is not None:
            tell()

    def takes(self, stream: str, events: Sequence[SmallEvent]) -> bool:
        """Tell whether events could be stored, without storing them. Raises Full, Unavailable."""
        try:
            with self._database.write() as connection:
                self._put(connection, stream, events)
                raise _Undone  # noqa: TRY301 - what was tried is taken back with the transaction
        except _Undone:
            return True
        except (MachineryError, OSError):
            raise
        except Exception:  # noqa: BLE001 - drivers and stores refuse in many words
            return False

    def _put(
        self, connection: Connection, stream: str, events: Sequence[SmallEvent], position: int = 0
    ) -> Callable[[], None] | None:
        """Store events and tell cases; return what is to be called once it is committed."""
        sorted_out: dict[type, list[Any]] = {kind: [] for kind in _STORE}
        for event in events:
            sorted_out[type(event)].append(event)
        triggers = self._intake.fresh(connection, stream, events, position) if self._intake else []
        for kind, found in sorted_out.items():
            if found:
                _STORE[kind](connection, found)
        return self._intake.take(connection, triggers) if self._intake else None

    def applied(self, stream: str) -> int:
        """Return the position through which events are stored."""
        with self._database.read() as connection:
            return positions.reached(connection, positions.EVENTS, stream)

    def conditions(
        self, *, park: int = 0, standing: bool | None = None, before: str = "", limit: int = 100
    ) -> list[ConditionChange]:
        """Return the newest change of each condition, newest begun first, from past the id `before` on.

        What is of no park that is known, a stranger's fire, is of every park.
        """
        c = conditions.c
        query = select(c.body)
        if park:
            query = query.where(c.park.in_((park, 0)))
        if standing is not None:
            query = query.where(c.standing == standing)
        if before:
            query = query.where(tuple_(c.since, c.condition_id) < tuple_(time_in(before, -1), before))
        return self._bodies(query.order_by(c.since.desc(), c.condition_id.desc()).limit(_bounded(limit)))

    def history(self, condition_id: str) -> list[ConditionChange]:
        """Return every change of one condition, oldest first; none for a condition that never was."""
        c = condition_changes.c
        return self._bodies(select(c.body).where(c.condition_id == condition_id).order_by(c.seq).limit(_MOST))

    def findings(
        self, *, park: int = 0, start: int = 0, end: int = _NEVER, kind: str = "", before: str = "", limit: int = 100
    ) -> list[Finding]:
        """Return findings with start <= ts < end, newest first, from past the id `before` on."""
        c = findings.c
        query = select(c.body).where(c.ts >= start, c.ts < end)
        if park:
            query = query.where(c.park == park)
        if kind:
            query = query.where(c.kind == kind)
        if before:
            query = query.where(tuple_(c.ts, c.id) < tuple_(time_in(before, -2), before))
        return self._bodies(query.order_by(c.ts.desc(), c.id.desc()).limit(_bounded(limit)))

    def health(self, *, park: int = 0) -> list[DeviceStatus]:
        """Return the newest status of each device that ever had one."""
        c = device_status.c
        query = select(c.body).order_by(c.device)
        return self._bodies(query.where(c.park == park) if park else query)

    def activity(self, enterprise: int, start: str, end: str) -> list[ActivityDay]:
        """Return the judged days of an enterprise with start <= day < end (ISO dates), rising."""
        c = activity_days.c
        query = select(c.body).where(c.enterprise == enterprise, c.day >= start, c.day < end)
        return self._bodies(query.order_by(c.day).limit(_MOST))

    def trim(self, before: int) -> int:
        """Delete findings of before a time and conditions that were over by then; return how many.

        A condition that stands stays, however old.
        """
        over = and_(conditions.c.standing.is_(False), conditions.c.since < before)
        with self._database.write() as connection:
            old = [row[0] for row in connection.execute(select(conditions.c.condition_id).where(over))]
            count = int(connection.execute(delete(findings).where(findings.c.ts < before)).rowcount)
            for table in (condition_changes, conditions):
                ended = select(conditions.c.condition_id).where(over)
                connection.execute(delete(table).where(table.c.condition_id.in_(ended)))
            return count + len(old)

    def _bodies(self, query: Select[Any]) -> list[Any]:
        with self._database.read() as connection:
            return [decode_event(body) for (body,) in connection.execute(query)]


def _of_life(event: SmallEvent) -> bool:
    return isinstance(event, ConditionChange) and exempt(event)


def _bounded(limit: int) -> int:
    return max(1, min(limit, _MOST))


def time_in(key: str, place: int) -> int:
    """Return the time that an id of a condition or finding holds. Raises UserError for what is no id of ours."""
    parts = key.split("/")
    try:
        found = int(parts[place])
    except (IndexError, ValueError):
        found = _NEVER
    if abs(found) >= _NEVER:  # no column holds it
        raise UserError(f"{key!r} is no place to go on from")
    return found


def _text(event: SmallEvent) -> str:
    return encode_event(event).decode()


def _conditions(connection: Connection, found: list[ConditionChange]) -> None:
    ids = {change.id for change in found}
    c = condition_changes.c
    known = {row[0] for row in among(connection, select(c.id), c.id, ids)}
    new: dict[str, ConditionChange] = {}
    for change in found:
        if change.id not in known:
            new.setdefault(change.id, change)
    if not new:
        return
    bodies = {key: _text(change) for key, change in new.items()}
    connection.execute(
        insert(condition_changes),
        [{"id": key, "condition_id": change.condition_id, "body": bodies[key]} for key, change in new.items()],
    )
    newest = {change.condition_id: (key, change) for key, change in new.items()}
    row = upsert(connection, conditions)
    put = row.on_conflict_do_update(
        index_elements=["condition_id"],
        set_={name: row.excluded[name] for name in ("park", "standing", "body")},
    )
    rows = [
        {
            "condition_id": condition, "park": change.park, "since": change.since, "body": bodies[key],
            "standing": change.state is not AlarmState.CLEARED,
        }
        for condition, (key, change) in newest.items()
    ]  # fmt: skip
    connection.execute(put, rows)


def _findings(connection: Connection, found: list[Finding]) -> None:
    rows = [_finding_row(f) for f in found]
    connection.execute(upsert(connection, findings).on_conflict_do_nothing(index_elements=["id"]), rows)


def _finding_row(f: Finding) -> dict[str, object]:
    return {
        "id": f.id, "kind": f.kind, "park": f.park, "ts": f.ts, "point": f.point, "episode": f.episode,
        "body": _text(f),
    }  # fmt: skip


def _status(connection: Connection, found: list[DeviceStatus]) -> None:
    newest = {status.device: status for status in found}
    row = upsert(connection, device_status)
    put = row.on_conflict_do_update(
        index_elements=["device"],
        set_={name: row.excluded[name] for name in ("park", "at", "body")},
        where=device_status.c.at <= row.excluded.at,
    )
    rows = [{"device": s.device, "park": s.park, "at": s.at, "body": _text(s)} for s in newest.values()]
    connection.execute(put, rows)


_STORE: Mapping[type, Callable[[Connection, list[Any]], None]] = MappingProxyType({
    ConditionChange: _conditions,
    Finding: _findings,
    DeviceStatus: _status,
    ActivityDay: put_days,
})  # fmt: skip
