"""Clock windows of the points that a stage watches, summed as they come and judged when they are over.

What is common to stages that hold sums of several points to rules: which readings count, when a window is
over, and what of it a snapshot keeps. Event-time: log time passes a window's end by the lateness bound first.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from park.directory import Directory
from park.operator import Emit, State
from park.readings import Bool, Quality, ReadingBatch
from park.records import LimitRow
from stream.holding import Holding
from stream.scopes import MINUTE, offset_of
from stream.sums import Closed, Sums

_CELLS = ("row", "point", "total", "count", "mask")
Judge = Callable[[Closed, int, Emit], None]  # windows, and the end of them all


class Gathering:
    """The open windows of one stage, and what it holds to rules at their ends."""

    def __init__(self, directory: Directory, holding: Holding, judge: Judge, *, width: int, lateness: int) -> None:
        """`width` and `lateness` are ms; a window of `width` is judged `lateness` after its end."""
        self._directory, self._holding, self._judge = directory, holding, judge
        self._lateness, self._sums = lateness, Sums(width)
        self._watched: Bool = np.zeros(2, np.bool_)  # by point; the last row is for all beyond
        self._any = False  # whether there is any
        self._now = 0

    def watch(self, points: Iterable[int]) -> None:
        """Sum these points and no others."""
        wanted = sorted(set(points))
        self._watched = np.zeros(max(wanted, default=0) + 2, np.bool_)
        self._watched[wanted] = True
        self._any = bool(wanted)
        for point in wanted:
            row = self._directory.points[point]
            self._sums.watch(point, row.interval, offset_of(self._directory, row.park) * MINUTE)

    def points(self, closed: Closed) -> list[int]:
        """Return the points of windows that are over, row by row."""
        return [self._sums.points[slot] for slot in closed.slot.tolist()]

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add good readings to their windows, late ones too; a broker's memory of one is not a second one.

        All go on as they came.
        """
        if not self._any:
            return batch
        rows = np.flatnonzero(self._watched.take(batch.point, mode="clip"))
        if not len(rows):
            return batch
        if not self._now:
            self.on_tick(int(batch.received[0]) // MINUTE * MINUTE, emit)
        quality = batch.quality[rows]
        good = (quality < Quality.SUSPECT) & (quality != Quality.RETAINED) & np.isfinite(batch.value[rows])
        rows = rows[good]
        self._sums.add(batch.point[rows], batch.ts[rows], batch.value[rows])
        return batch

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the windows that are over, then end the waits that are over by now."""
        if now <= self._now:
            return
        before, self._now = self._now, now
        if not before:
            self._sums.bound = now - self._lateness
        else:
            for part in self._sums.close(now - self._lateness):
                end = int(part.begin[0]) + self._sums.width
                self._holding.on_tick(end + self._lateness - 1, emit)
                self._judge(part, end, emit)
        self._holding.on_tick(now, emit)

    def snapshot(self) -> State:
        """Return copies of open windows, of log time, and of what is held."""
        return {**self._holding.snapshot(), "now": np.array(self._now), **self._sums.cells()}

    def restore(self, state: State, of: Mapping[int, tuple[LimitRow, ...]]) -> None:
        """Take the state of an earlier `snapshot`, as far as rules `of` subjects still hold."""
        self._now = int(state["now"])
        cells = {name: state[name] for name in _CELLS}
        self._sums.take_cells(cells, self._now - self._lateness if self._now else 0)
        self._holding.restore(state, of)
