"""The loss ledger, whole: what the edge counted, what the store says it holds, and what is on its way."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Protocol

from park.ports import LedgerRow, Log, ReadingStore
from park.records import Batch
from runtime.merging import received
from runtime.storage.sql.ledger import HOUR, SqlLedger

_TAIL = 64 << 20  # bytes of log that are looked at; what is further behind is counted when it is stored
_TRIES = 3
Cell = tuple[int, int]  # gateway, hour
_Positions = Mapping[str, tuple[int, int]]  # of each log: stored, counted


class Behind(Protocol):
    """Where the stores stand (runtime.projector)."""

    giving: Lock

    def position(self, stream: str) -> int:
        """Return the log position through which the stores were given everything."""


class WholeLedger:
    """Joins the counts at a moment between two chunks, so that they speak of the same readings."""

    def __init__(
        self,
        ledger: SqlLedger,
        readings: ReadingStore,
        logs: Mapping[str, Log],
        behind: Behind | None = None,
        tail: int = _TAIL,
    ) -> None:
        """`tail` is how far of each log is looked at, in its own positions."""
        self._ledger = ledger
        self._readings = readings
        self._logs = logs
        self._behind = behind
        self._span = tail

    def rows(self, start: int, end: int) -> Sequence[LedgerRow]:
        """Return rows of the hours with start <= hour < end."""
        behind = self._behind
        if behind is not None:
            with behind.giving:
                return self._joined(start, end, self._positions(behind.position))
        positions = self._positions(self._readings.position)
        found = self._joined(start, end, positions)
        for _ in range(_TRIES):  # others may write meanwhile: what is joined should be of one moment
            before, positions = positions, self._positions(self._readings.position)
            if positions == before:
                break
            found = self._joined(start, end, positions)
        return found

    def _positions(self, stored: Callable[[str], int]) -> _Positions:
        """Return how far each log is stored, and counted: after a crash, and in a backup, either may be ahead."""
        return {stream: (stored(stream), self._ledger.reached(stream)) for stream in self._logs}

    def _joined(self, start: int, end: int, positions: _Positions) -> list[LedgerRow]:
        messages, received, coming = self._tail(positions)
        # Rows that stages derive from readings (use of a register, people inside) came through no edge.
        stored = {cell: n for cell, n in self._readings.stored(start, end).items() if cell[0] >= 0}
        return [
            replace(row, messages=row.messages + messages[cell], received=row.received + received[cell])
            for row in self._ledger.rows(start, end, stored, coming)
            for cell in [(row.gateway, row.hour)]
        ]

    def _tail(self, positions: _Positions) -> tuple[Counter[Cell], Counter[Cell], Counter[Cell]]:
        """Count messages and readings that the ledger has not seen, and readings that the store has not."""
        messages: Counter[Cell] = Counter()
        readings: Counter[Cell] = Counter()
        coming: Counter[Cell] = Counter()
        for stream, log in self._logs.items():
            stored, counted = positions[stream]
            begin = max(min(stored, counted), log.begin)
            for position, record in log.read(begin, min(log.end, begin + self._span)):
                if isinstance(record, Batch):
                    hour = received(record) // HOUR * HOUR
                    e = record.edge
                    for gateway, m, r in zip(e.gateway.tolist(), e.messages.tolist(), e.readings.tolist(), strict=True):
                        coming[gateway, hour] += r if position > stored else 0
                        if position > counted:
                            messages[gateway, hour] += m
                            readings[gateway, hour] += r
                    # Refused and counted so: not on their way any more. Stored up to here and not counted: still.
                    sign = (counted < position) - (stored < position)
                    for refused in record.refused if sign else ():
                        coming[refused.gateway, refused.received // HOUR * HOUR] += sign * refused.readings
        return messages, readings, coming
