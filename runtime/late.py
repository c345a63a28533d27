"""The gate for what comes late: a reading that the store has already is neither stored nor summed twice.

The quality stage remembers the last few readings of each point; what a broker or a gateway delivers
again after hours is beyond that, and only the store knows it.
"""

from collections.abc import Callable

import numpy as np

from park.directory import Directory
from park.events import Counted
from park.operator import Emit, State
from park.readings import Bool, Int32, Int64, Quality, ReadingBatch, concat
from park.records import Config

_HOUR = 3_600_000


class LateGate:
    """A stage behind quality, in the projector only: it asks the store, or repeats what it decided.

    A row that is known goes past the other stages; it may correct a value, so it is handed to the
    store all the same, which leaves out what is equal.
    """

    name = "late"

    def __init__(self, directory: Directory, known: Callable[[ReadingBatch], Bool]) -> None:
        """Take what tells of readings of the stages which ones the store has (park.ports.ReadingStore.known)."""
        self._directory = directory
        self._known = known
        self._recalled: Bool = np.zeros(0, np.bool_)
        self._decided: list[Bool] = []
        self._aside: list[ReadingBatch] = []
        self._chunk: list[tuple[Int32, Int64]] = []  # (point, ts) of rows that the store has not been given yet

    def begin(self, recalled: Bool) -> None:
        """Begin a chunk; `recalled` is what was decided of its late rows when it was made before."""
        self._recalled, self._decided, self._aside, self._chunk = recalled, [], [], []

    def decided(self) -> Bool:
        """Return what was decided in this chunk."""
        return np.concatenate(self._decided) if self._decided else np.zeros(0, np.bool_)

    def aside(self) -> ReadingBatch:
        """Return the rows of this chunk that went past the other stages."""
        return concat(self._aside)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Set aside the late (and retained) rows whose point and time are stored already."""
        late = (batch.quality >= Quality.LATE) & (batch.quality < Quality.SUSPECT)
        if not late.any():
            self._chunk.append((batch.point, batch.ts))
            return batch
        rows = np.flatnonzero(late)
        known = self._recalled[: len(rows)]
        self._recalled = self._recalled[len(rows) :]
        if len(known) < len(rows):
            asked = rows[len(known) :]
            known = np.concatenate([known, self._known(batch.rows(asked)) | self._in_chunk(batch, asked)])
        self._decided.append(known)
        self._chunk.append((batch.point, batch.ts))
        if not known.any():
            return batch
        aside = np.zeros(len(batch), np.bool_)
        aside[rows[known]] = True
        again = batch.rows(aside)
        self._aside.append(again)
        self._count(again, emit)
        return batch.rows(~aside)

    def _in_chunk(self, batch: ReadingBatch, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Bool:
        """Return for some rows whether an earlier row of this chunk has the same point and time."""
        mine = np.zeros(max(self._directory.size, int(batch.point.max()) + 1), np.bool_)
        mine[batch.point[rows]] = True
        points = [p for p, _ in self._chunk] + [batch.point]
        stamps = [t for _, t in self._chunk] + [batch.ts]
        near = [p < len(mine) for p in points]
        near = [n & mine[np.where(n, p, 0)] for n, p in zip(near, points, strict=True)]
        point = np.concatenate([p[n] for p, n in zip(points, near, strict=True)])
        ts = np.concatenate([t[n] for t, n in zip(stamps, near, strict=True)])
        order = np.lexsort((ts, point))  # stable: of equal ones the earliest stands first
        same = np.zeros(len(order), np.bool_)
        same[order[1:]] = (np.diff(point[order]) == 0) & (np.diff(ts[order]) == 0)
        whole = np.zeros(len(batch), np.bool_)
        whole[near[-1]] = same[len(same) - int(near[-1].sum()) :]
        return whole[rows]

    def _count(self, again: ReadingBatch, emit: Emit) -> None:
        """Count what came again as duplicates, by gateway and hour of receipt."""
        gateway = self._directory.gateway[again.point]
        hour = again.received // _HOUR * _HOUR
        cells, counts = np.unique(np.stack([gateway.astype(np.int64), hour]), axis=1, return_counts=True)
        emit(Counted(cells[0].astype(np.int32), cells[1], counts.astype(np.int32), np.zeros(cells.shape[1], np.int32)))

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: time decides nothing here."""

    def on_config(self, config: Config, emit: Emit) -> None:
        """Do nothing: the directory is read when it is needed."""

    def snapshot(self) -> State:
        """Return nothing but a version: the journal remembers for it."""
        return {"version": np.array(1)}

    def restore(self, state: State) -> None:
        """Take nothing."""
