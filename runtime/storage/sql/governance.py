"""Plans, rounds, hazards and drills in SQL. See park.governance.OfficeStore."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, text, update

from park.errors import Conflict, NotFound
from park.governance import (
    Done,
    Drill,
    Hazard,
    InspectionPlan,
    OfficeChange,
    OfficeFile,
    Round,
    T,
    Thing,
)
from runtime.attachments import EACH
from runtime.storage.sql.alarm_case_rows import put_notifications
from runtime.storage.sql.database import Database, upsert
from runtime.storage.sql.tables_governance import office_changes, office_files, office_things

_KINDS: Mapping[type[Any], str] = MappingProxyType(
    {InspectionPlan: "plan", Round: "round", Hazard: "hazard", Drill: "drill"}
)
_DECODE: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {name: msgspec.json.Decoder(kind).decode for kind, name in _KINDS.items()}
)
_encode = msgspec.json.Encoder().encode
_MOST = 1_000


class SqlOffice:
    """park.governance.OfficeStore over a database; `told` hears how many notifications were written."""

    def __init__(self, database: Database, told: Callable[[int], None] = lambda _: None) -> None:
        self._database = database
        self._told = told

    def add(self, thing: T, *, actor: str, now: int, verb: str = "create", note: str = "") -> T:
        """Keep a new thing. Raises Conflict where its origin is known."""
        with self._database.write() as connection:
            kept = _made(connection, thing, actor, now, verb, note)
            if kept is None:
                raise Conflict(f"there is one of {_origin(thing)} already")
        added: T = kept
        return added

    def change(
        self, kind: type[T], key: int, step: Callable[[T], Done], *, actor: str, now: int, version: int | None = None
    ) -> T:
        """Do a step on a thing, with all that follows. Raises NotFound, Conflict, and what the step raises."""
        with self._database.write() as connection:
            kept, told = _stepped(connection, _KINDS[kind], key, step, actor, now, version)
        if told:
            self._told(told)
        changed: T = kept
        return changed

    def get(self, kind: type[T], key: int) -> T:
        """Return one. Raises NotFound."""
        with self._database.read() as connection:
            found: T = _found(connection, _KINDS[kind], key)
            return found

    def find(
        self, kind: type[T], *, parks: frozenset[int] | None = None, park: int = 0, states: Sequence[str] = (),
        due_before: int = 0, before: int = 0, limit: int = 100,
    ) -> list[T]:  # fmt: skip
        """Return things, newest first, from past the number `before` on."""
        c, name = office_things.c, _KINDS[kind]
        query = select(c.body).where(c.kind == name)
        if parks is not None:
            query = query.where(c.park.in_(sorted(parks)))
        if park:
            query = query.where(c.park == park)
        if states:
            query = query.where(c.state.in_(list(states)))
        if due_before:
            query = query.where(c.due < due_before, c.due > 0)
        if before:
            query = query.where(c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(c.id.desc()).limit(max(1, min(limit, _MOST))))
            return [_DECODE[name](body) for (body,) in rows]

    def history(self, kind: type[T], key: int) -> list[OfficeChange]:
        """Return what happened to one, oldest first."""
        c = office_changes.c
        with self._database.read() as connection:
            _found(connection, _KINDS[kind], key)
            query = select(c.id, c.at, c.actor, c.verb, c.note, c.version).where(c.thing == key)
            return [OfficeChange(*row) for row in connection.execute(query.order_by(c.id).limit(_MOST))]

    def attach(
        self, kind: type[T], key: int, file: OfficeFile, step: Callable[[T], Done], *, actor: str, now: int
    ) -> OfficeFile:
        """Write down a file of a thing, and do the step that it is. Raises NotFound, Conflict."""
        c = office_files.c
        with self._database.write() as connection:
            _stepped(connection, _KINDS[kind], key, step, actor, now, None)
            count = connection.execute(select(func.count()).where(c.thing == key)).scalar() or 0
            if count >= EACH:
                raise Conflict(f"there are {EACH} files of it already")
            row = {"thing": key, "name": file.name, "media_type": file.media_type, "size": file.size,
                   "digest": file.digest, "at": now, "actor": actor}  # fmt: skip
            number = int(connection.execute(insert(office_files).values(**row).returning(c.id)).scalar_one())
        return replace(file, id=number, at=now, actor=actor)

    def files(self, kind: type[T], key: int) -> list[OfficeFile]:
        """Return the files of one, oldest first."""
        c = office_files.c
        with self._database.read() as connection:
            _found(connection, _KINDS[kind], key)
            query = select(c.name, c.media_type, c.size, c.digest, c.at, c.actor, c.id).where(c.thing == key)
            return [OfficeFile(*row) for row in connection.execute(query.order_by(c.id).limit(EACH))]

    def counts(self, kind: type[T], park: int) -> dict[str, int]:
        """Return how many there are of a park (0: of all) in each state."""
        c = office_things.c
        query = select(c.state, func.count()).where(c.kind == _KINDS[kind]).group_by(c.state)
        with self._database.read() as connection:
            rows = connection.execute(query.where(c.park == park) if park else query)
            return {str(state): int(count) for state, count in rows}


def _found(connection: Connection, name: str, key: int, *, to_write: bool = False) -> Any:
    c = office_things.c
    query = select(c.body).where(c.id == key, c.kind == name)
    body = connection.execute(query.with_for_update() if to_write else query).scalar()
    if body is None:
        raise NotFound(f"there is no {name} {key}")
    return _DECODE[name](body)


def _stepped(
    connection: Connection, name: str, key: int, step: Callable[[Any], Done], actor: str, now: int,
    version: int | None,
) -> tuple[Any, int]:  # fmt: skip
    """Do a step within a transaction; return the thing and how many notifications were written."""
    before = _found(connection, name, key, to_write=True)
    if version is not None and version != before.version:
        raise Conflict(f"the {name} {key} changed meanwhile: it is at version {before.version}, you saw {version}")
    done = step(before)
    if done.thing == before and not done.verb:
        return before, 0
    after = replace(done.thing, version=before.version + 1)
    connection.execute(update(office_things).where(office_things.c.id == key).values(**_row(after)))
    _line(connection, key, now, actor, done.verb, done.note, after.version)
    for thing in done.made:
        _made(connection, thing, actor, now, "find", "")
    return after, put_notifications(connection, done.messages)


def _made(connection: Connection, thing: Any, actor: str, now: int, verb: str, note: str) -> Any:
    """Insert a thing; None: its origin is known."""
    new = replace(thing, version=1)
    c = office_things.c
    put = upsert(connection, office_things).values(**_row(new))
    if _origin(new):  # the partial index speaks of these alone
        put = put.on_conflict_do_nothing(index_elements=[c.kind, c.origin], index_where=text("origin != ''"))
    key = connection.execute(put.returning(c.id)).scalar()
    if key is None:
        return None
    new = replace(new, id=int(key))
    connection.execute(update(office_things).where(c.id == new.id).values(body=_encode(new).decode()))
    _line(connection, new.id, now, actor, verb, note, 1)
    return new


def _line(connection: Connection, key: int, at: int, actor: str, verb: str, note: str, version: int) -> None:
    row = {"thing": key, "at": at, "actor": actor, "verb": verb, "note": note, "version": version}
    connection.execute(insert(office_changes).values(**row))


def _row(thing: Thing) -> dict[str, Any]:
    kind = _KINDS[type(thing)]
    due = {"round": "due", "hazard": "due", "drill": "ends"}.get(kind)
    ended = isinstance(thing, InspectionPlan) and thing.ended is not None
    state = ("ended" if ended else "standing") if isinstance(thing, InspectionPlan) else thing.state.value
    return {
        "kind": kind, "park": thing.park, "state": state, "due": getattr(thing, due) if due else 0,
        "origin": _origin(thing), "version": thing.version, "body": _encode(thing).decode(),
    }  # fmt: skip


def _origin(thing: Thing) -> str:
    if isinstance(thing, Hazard):
        return thing.origin
    if isinstance(thing, Round) and thing.plan:
        return f"plan:{thing.plan}/{thing.day}"
    return ""
