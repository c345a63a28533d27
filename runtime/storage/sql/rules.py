"""Versions of the rule table over a database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, literal, select

from park.errors import Conflict
from park.rulebook import RuleSet
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_rules import rule_sets

_MOST = 1_000


class SqlRules:
    """Rule tables; see park.rulebook.RuleStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> RuleSet | None:
        """Return the table that holds; None: nobody has changed the shipped one."""
        query = select(rule_sets).order_by(rule_sets.c.version.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _set(row)

    def get(self, version: int) -> RuleSet | None:
        """Return a version, from 1 on."""
        with self._database.read() as connection:
            row = connection.execute(select(rule_sets).where(rule_sets.c.version == version)).first()
        return None if row is None else _set(row)

    def history(self, *, before: int | None = None, limit: int = 100) -> Sequence[RuleSet]:
        """Return versions, the newest first, those before one if asked; their texts are left empty."""
        c = rule_sets.c
        columns = [literal("").label("text") if column is c.text else column for column in c]
        query = select(*columns).order_by(c.version.desc()).limit(max(1, min(limit, _MOST)))
        if before is not None:
            query = query.where(c.version < before)
        with self._database.read() as connection:
            return [_set(row) for row in connection.execute(query)]

    def add(self, rules: RuleSet, expected: int) -> RuleSet:
        """Keep a table as the version after `expected`. Raises Conflict when another came in between."""
        query = select(rule_sets.c.version, rule_sets.c.actor).order_by(rule_sets.c.version.desc()).limit(1)
        row = {
            "version": expected + 1, "at": rules.at, "actor": rules.actor, "reason": rules.reason, "text": rules.text,
            "rules": rules.rules, "life_safety": rules.life_safety, "rolled_back_to": rules.rolled_back_to,
        }  # fmt: skip
        with self._database.write() as connection:
            last = connection.execute(query).first()
            if (last.version if last else 0) != expected:
                said = f"version {last.version} by {last.actor}" if last else "the shipped table"
                raise Conflict(f"the rules were changed meanwhile: now {said} holds, not {expected}")
            connection.execute(insert(rule_sets).values(row))  # two at once: the key refuses the second
            return _set(connection.execute(select(rule_sets).where(rule_sets.c.version == expected + 1)).one())


def _set(row: Row[Any]) -> RuleSet:
    return RuleSet(row.version, row.at, row.actor, row.reason, row.text, row.rules, row.life_safety, row.rolled_back_to)
