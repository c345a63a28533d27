"""Receivers in SQL, with who changed them; secrets never leave for the audit."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from alerts.targets import checked
from park.delivery import Target
from park.errors import Conflict, NotFound, UserError
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_alarms import alarm_links
from runtime.storage.sql.tables_delivery import target_changes, targets

_log = logging.getLogger(__name__)
TARGETS_MOST = 500  # that hold at once
_encode = msgspec.json.Encoder().encode
_target = msgspec.json.Decoder(Target).decode


class SqlTargets:
    """park.delivery.Targets over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, target: Target, *, actor: str, now: int) -> Target:
        """Insert (id 0) or replace a target. Raises Conflict, UserError, NotFound."""
        checked(target)
        t = targets.c
        with self._database.write() as connection:
            held = holding(connection)
            if any(x.name == target.name and x.id != target.id for x in held):
                raise Conflict(f"there is a target {target.name} already")
            if target.id:
                old = next((x for x in held if x.id == target.id), None)
                if old is None:
                    raise NotFound(f"there is no target {target.id}")
                if old.version != target.version:
                    raise Conflict(f"the target {target.id} was changed meanwhile; it is at version {old.version}")
            elif len(held) >= TARGETS_MOST:
                raise UserError(f"there are {TARGETS_MOST} targets already")
            row = {"name": target.name, "park": target.park, "version": target.version + 1, "body": ""}
            key = target.id
            if not key:
                key = int(connection.execute(insert(targets).values(**row).returning(t.id)).scalar_one())
            saved = replace(target, id=key, version=target.version + 1)
            row["body"] = _encode(saved).decode()
            connection.execute(update(targets).where(t.id == key).values(**row))
            _audit(connection, saved, actor, now)
        return saved

    def end(self, key: int, *, actor: str, now: int) -> Target:
        """Take a target away, and the links that were sent to it; what waits for it dies. Raises NotFound."""
        with self._database.write() as connection:
            held = next((x for x in holding(connection) if x.id == key), None)
            if held is None:
                raise NotFound(f"there is no target {key}")
            gone = replace(held, secret="", url="", enabled=False, file="")  # what is gone keeps no secret
            values = {"ended": now, "body": _encode(gone).decode()}
            connection.execute(update(targets).where(targets.c.id == key).values(**values))
            connection.execute(delete(alarm_links).where(alarm_links.c.actor == held.name))
            _audit(connection, gone, actor, now)
        return held

    def all(self) -> list[Target]:
        """Return targets, rising by id."""
        with self._database.read() as connection:
            return list(holding(connection))

    def get(self, key: int) -> Target:
        """Return one. Raises NotFound."""
        found = next((x for x in self.all() if x.id == key), None)
        if found is None:
            raise NotFound(f"there is no target {key}")
        return found


def holding(connection: Connection) -> Sequence[Target]:
    """Return the targets that hold now."""
    t = targets.c
    query = select(t.body).where(t.ended.is_(None)).order_by(t.id)
    return [target for (body,) in connection.execute(query) if (target := _usable(body)) is not None]


@lru_cache(maxsize=TARGETS_MOST)
def _usable(body: str) -> Target | None:
    """Return the target of a row; None for one that another program wrote, so that the others are told of a fire."""
    try:
        return _target(body)
    except msgspec.DecodeError as why:
        _log.error("a target is passed over: %s", why)
        return None


def _audit(connection: Connection, target: Target, actor: str, at: int) -> None:
    shown = replace(target, secret="set" if target.secret else "", url="set" if target.url else "", file="")
    row = {"target": target.id, "at": at, "actor": actor, "after": _encode(shown).decode()}
    connection.execute(insert(target_changes).values(**row))
