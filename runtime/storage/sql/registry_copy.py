"""What an ingester must know of the city's database, kept in a file beside it, for a start while that is away.

Rows of the registry, of the rules and of who is told of a fire; nobody else's. A copy is written beside the one that is
there and takes its place whole. It is only read: nothing can be told or written down through it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Connection, Select, Table, delete, insert, select

from park.errors import Unavailable
from runtime.storage.sql.database import CHUNK, Database
from runtime.storage.sql.tables import calendar, devices, enterprises, leases, numbers, parks, places, points
from runtime.storage.sql.tables_activity import papers
from runtime.storage.sql.tables_alarms import duty_plans
from runtime.storage.sql.tables_delivery import targets
from runtime.storage.sql.tables_rules import rule_sets

_HIDDEN: Mapping[Table, Mapping[str, Any]] = {enterprises: {"contact": ""}}  # of people, whom no reading is about


def _newest(table: Table) -> Select[Any]:
    query = select(table)
    if table is rule_sets:
        return query.order_by(table.c.version.desc()).limit(1)
    return query.where(table.c.ended.is_(None)) if table is targets else query


# In the order in which one refers to another.
_TABLES = (
    numbers, calendar, parks, places, enterprises, leases, devices, points, rule_sets, papers, duty_plans, targets,
)  # fmt: skip


def write_copy(database: Database, path: Path) -> None:
    """Write a copy of one moment of a city's database. Raises MachineryError, OSError: what was there stays."""
    fresh = path.with_suffix(".new")
    for left in _files(fresh):
        left.unlink(missing_ok=True)
    fresh.touch(0o600)  # targets may hold secrets
    copy = Database.open(fresh)
    try:
        with database.read() as reading, copy.write() as writing:
            for table in _TABLES:
                writing.execute(delete(table))  # what an empty database begins with
                for rows in _rows(reading, table):
                    writing.execute(insert(table), rows)
    finally:
        copy.close()
    for left in _files(path)[1:]:
        left.unlink(missing_ok=True)
    fresh.replace(path)


def open_copy(path: Path) -> Database:
    """Open a copy for reading; whoever writes to it is told that the database is away. Raises MachineryError."""
    return Database.open(path).guarded(_refuse)


def _rows(reading: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    hidden = _HIDDEN.get(table, {})
    found = reading.execution_options(stream_results=True).execute(_newest(table)).mappings()
    for part in found.partitions(CHUNK):
        yield [{**row, **hidden} for row in part]


def _files(path: Path) -> list[Path]:
    """Return a database's file, and those that SQLite keeps beside it."""
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]


def _refuse(_: Connection) -> NoReturn:
    raise Unavailable("the database is away; what is known of it is a copy")
