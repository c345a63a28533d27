"""The loss ledger: what the edge counted, set against what the store holds.

```
received  =  stored  +  duplicate  +  rejected  +  quarantined  +  in flight
 edge        asked       quality       values        values of       in the log,
             of store    stage         refused       unknown devices  not yet stored
```
By gateway and hour of receipt. A message that is put in again after a retry is received anew: both
sides of the sum count it a second time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, func, select

from park.events import Counted
from park.ports import LedgerRow
from park.records import Refusal, Refused
from runtime.storage.sql import positions
from runtime.storage.sql.database import Database, upsert
from runtime.storage.sql.tables import ledger

HOUR = 3_600_000  # ms
_CELL = ("lane", "gateway", "hour")
_COLUMNS = ("messages", "received", "duplicate", "rejected", "quarantined")
Cell = tuple[int, int]  # gateway, hour


class EdgeRow(NamedTuple):
    """What the edge counted of one gateway within an hour of receipt."""

    gateway: int
    hour: int  # epoch ms
    messages: int
    readings: int


class SqlLedger:
    """The first count, and what was set aside, as rows of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        stream: str,
        position: int,
        edge: Iterable[EdgeRow],
        refused: Iterable[Refused] = (),
        counted: Iterable[Counted] = (),
    ) -> None:
        """Add what log records up to a position say, once: positions at or below the one reached are skipped."""
        self._write(stream, position, cells_of(edge, refused, counted, {}))

    def _write(self, stream: str, position: int, cells: Mapping[Cell, Sequence[int]]) -> None:
        with self._database.write() as connection:
            if position <= positions.reached(connection, positions.LEDGER, stream):
                return
            if cells:
                _add(connection, [(stream, *cell, *counts) for cell, counts in cells.items()])
            positions.reach(connection, positions.LEDGER, stream, position)

    def reached(self, stream: str) -> int:
        """Return the position through which a log is counted."""
        with self._database.read() as connection:
            return positions.reached(connection, positions.LEDGER, stream)

    def rows(
        self,
        start: int,
        end: int,
        stored: Mapping[Cell, int],
        in_flight: Mapping[Cell, int] | None = None,
    ) -> list[LedgerRow]:
        """Return rows of the hours with start <= hour < end, by hour and gateway, the second count joined in."""
        waiting = in_flight or {}
        counted = self._counted(start, end)
        cells = {cell for cell in (*counted, *stored, *waiting) if start <= cell[1] < end}
        nothing = (0,) * len(_COLUMNS)
        rows = []
        for cell in sorted(cells, key=lambda cell: (cell[1], cell[0])):
            messages, received, duplicate, rejected, quarantined = counted.get(cell, nothing)
            there, coming = int(stored.get(cell, 0)), int(waiting.get(cell, 0))
            rows.append(LedgerRow(*cell, messages, received, there, duplicate, rejected, quarantined, coming))
        return rows

    def _counted(self, start: int, end: int) -> dict[Cell, tuple[int, ...]]:
        c = ledger.c
        query = select(c.gateway, c.hour, *(func.sum(c[name]) for name in _COLUMNS)).where(
            c.hour >= start, c.hour < end
        )
        with self._database.read() as connection:
            return {
                (gateway, hour): tuple(int(n) for n in counts)
                for gateway, hour, *counts in connection.execute(query.group_by(c.gateway, c.hour))
            }


def _add(connection: Connection, rows: Sequence[tuple[str | int, ...]]) -> None:
    """Add rows of (lane, gateway, hour, counts) to what stands there.

    A city has a row for each of 3,000 gateways each second: handed to the driver as they are, where a dictionary a row
    that the toolkit looks through cost ten times as much as the writing.
    """
    row = upsert(connection, ledger)
    more = {name: ledger.c[name] + row.excluded[name] for name in _COLUMNS}
    statement = row.on_conflict_do_update(index_elements=_CELL, set_=more)
    names = (*_CELL, *_COLUMNS)
    made = statement.compile(dialect=connection.dialect, column_keys=names)
    if made.positiontup is None:
        connection.exec_driver_sql(str(made), [dict(zip(names, values, strict=True)) for values in rows])
        return
    place = [names.index(name) for name in made.positiontup]
    connection.exec_driver_sql(str(made), [tuple(values[k] for k in place) for values in rows])


def cells_of(
    edge: Iterable[EdgeRow], refused: Iterable[Refused], counted: Iterable[Counted], cells: dict[Cell, list[int]]
) -> dict[Cell, list[int]]:
    """Add counts to cells of messages, received, duplicate, rejected, quarantined; return them."""

    def cell(gateway: int, at: int) -> list[int]:
        return cells.setdefault((gateway, at - at % HOUR), [0] * len(_COLUMNS))

    for gateway, hour, messages, readings in edge:
        counts = cell(gateway, hour)
        counts[0] += messages
        counts[1] += readings
    for r in refused:
        if r.readings:
            cell(r.gateway, r.received)[4 if r.reason is Refusal.UNKNOWN_DEVICE else 3] += r.readings
    for c in counted:
        for i in np.flatnonzero(c.duplicates).tolist():
            cell(int(c.gateway[i]), int(c.hour[i]))[2] += int(c.duplicates[i])
    return cells


def unexplained(rows: Sequence[LedgerRow]) -> int:
    """Return how many readings the ledger cannot account for, missing and surplus added up."""
    return sum(abs(row.unexplained) for row in rows)
