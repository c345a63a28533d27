"""Numbers that are given out once: rising, gapless within a save, never again."""

from sqlalchemy import Connection, select

from park.errors import Conflict
from runtime.storage.sql.checks import GREATEST
from runtime.storage.sql.database import upsert
from runtime.storage.sql.tables import numbers

CHANGE = "change"  # space of the audit's own numbers, which are also the registry's versions


def take(connection: Connection, space: str, count: int) -> int:
    """Return the first of `count` new numbers. Raises Conflict when a space is used up."""
    row = upsert(connection, numbers).values(space=space, last=count)
    # One statement: on PostgreSQL it also makes writers take turns until they commit.
    more = row.on_conflict_do_update(index_elements=["space"], set_={"last": numbers.c.last + count})
    last = connection.execute(more.returning(numbers.c.last)).scalar_one()
    if last > GREATEST and space != CHANGE:
        raise Conflict(f"all {GREATEST} numbers for a {space} are used up")
    return int(last) - count + 1


def last(connection: Connection, space: str) -> int:
    """Return the last number that was given out; 0: none."""
    return int(connection.execute(select(numbers.c.last).where(numbers.c.space == space)).scalar() or 0)
