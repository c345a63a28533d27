"""The loss ledger of one machine: counts wait in memory until the time series are made lasting.

A city counts 3,000 gateways each second, and writing them cost as much as storing their readings. Who asks is told
of what waits; what a crash forgets is counted anew from the log, of which the database says how much it has seen.
"""

from collections.abc import Iterable
from threading import RLock

from park.events import Counted
from park.records import Refused
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import Cell, EdgeRow, SqlLedger, cells_of

_MOST = 50_000  # cells that wait, 20 MB


class WaitingLedger(SqlLedger):
    """A ledger that only its own process reads. Whoever makes readings lasting calls `flush` first."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._lock = RLock()
        self._waiting: dict[str, tuple[int, dict[Cell, list[int]]]] = {}  # by stream: position, counts

    def add(
        self,
        stream: str,
        position: int,
        edge: Iterable[EdgeRow],
        refused: Iterable[Refused] = (),
        counted: Iterable[Counted] = (),
    ) -> None:
        """Add what log records up to a position say, once. Raises what writing raises, where too much waits."""
        with self._lock:
            if position <= self.reached(stream):
                return
            _, cells = self._waiting.get(stream, (0, {}))
            self._waiting[stream] = position, cells_of(edge, refused, counted, cells)
            if len(cells) > _MOST:
                self.flush()

    def flush(self) -> None:
        """Write what waits. Raises Full, Unavailable; then it waits on."""
        with self._lock:
            for stream, (position, cells) in list(self._waiting.items()):
                self._write(stream, position, cells)
                del self._waiting[stream]

    def reached(self, stream: str) -> int:
        """Return the position through which a log is counted."""
        with self._lock:
            return self._waiting[stream][0] if stream in self._waiting else super().reached(stream)

    def _counted(self, start: int, end: int) -> dict[Cell, tuple[int, ...]]:
        with self._lock:
            counted = super()._counted(start, end)
            for _, cells in self._waiting.values():
                for cell, counts in cells.items():
                    if start <= cell[1] < end:
                        had = counted.get(cell, (0,) * len(counts))
                        counted[cell] = tuple(a + b for a, b in zip(had, counts, strict=True))
        return counted
