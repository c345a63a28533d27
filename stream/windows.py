"""Open windows of one level, in columns: a ring of a few windows for every point.

The ring holds exactly the windows that may still be open: from the oldest that the lateness bound
allows to the next to come. So a window needs no look-up: its place in the ring follows from its time.

```
 lateness 2 min, log time 10:07      10:05 | 10:06 | 10:07 | 10:08     rows of the ring of minutes,
                                                                        a column a point
```
What falls outside (a back-fill of yesterday, a clock that is ahead) is told at once as parts of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from park.events import Level, Rollups
from park.operator import State
from park.readings import Bool, Float64, Int32, Int64, Rows

SLOTS = 60  # of a window: the time that good readings stand for is kept as a set, so that order cannot matter
FULL = np.array([(1 << n) - 1 for n in range(SLOTS + 1)], np.uint64)  # the first n slots
_ONE = np.int32(1)  # of the columns' own type: `ufunc.at` takes 2 ns a row then, 50 ns where it must cast
_COLUMNS: dict[str, tuple[type, float]] = {
    "count": (np.int32, 0),
    "total": (np.float64, 0),
    "low": (np.float64, np.inf),
    "high": (np.float64, -np.inf),
    "last": (np.float64, 0),
    "last_ts": (np.int64, -1),
    "slots": (np.uint64, 0),  # that readings stand for, where this level is the finest of the point
    "good": (np.int64, 0),  # ms told by windows of a finer level
    "bad": (np.int32, 0),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A level: how wide its windows are, and how many may be open at a time (a power of two)."""

    level: Level
    width: int  # ms
    ring: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of windows, one row each; of one point and window there may be several."""

    point: Rows
    at: Int64  # epoch ms within the window
    count: Int32
    total: Float64
    low: Float64  # inf and -inf where count is 0
    high: Float64
    last: Float64
    last_ts: Int64
    good: Int64  # ms
    bad: Int32

    def __len__(self) -> int:
        return len(self.point)

    def rows(self, rows: Rows | Bool) -> "Parts":
        """Return some rows."""
        return Parts(
            self.point[rows], self.at[rows], self.count[rows], self.total[rows], self.low[rows], self.high[rows],
            self.last[rows], self.last_ts[rows], self.good[rows], self.bad[rows],
        )  # fmt: skip


class Cells:
    """The columns of all open windows: rows of rings, a column a point, and a flat view of each."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.size = 0  # columns; a cell's number is row * size + point
        self.columns: dict[str, NDArray[Any]] = {}
        self._flat: dict[str, NDArray[Any]] = {}
        self.grow(1)

    def grow(self, size: int) -> None:
        """Make room for points."""
        if size <= self.size:
            return
        for name, (kind, fill) in _COLUMNS.items():
            wider: NDArray[Any] = np.full((self._rows, size), fill, kind)
            if self.size:
                wider[:, : self.size] = self.columns[name]
            self.columns[name] = wider
        self._flat = {name: column.reshape(-1) for name, column in self.columns.items()}
        self.size = size

    def add_readings(self, cell: Rows, ts: Int64, value: Float64, slots: NDArray[np.uint64]) -> None:
        """Add good readings to their cells."""
        f = self._flat
        np.add.at(f["count"], cell, _ONE)
        np.add.at(f["total"], cell, value)
        np.minimum.at(f["low"], cell, value)
        np.maximum.at(f["high"], cell, value)
        np.bitwise_or.at(f["slots"], cell, slots)
        self._add_last(cell, ts, value)

    def add_bad(self, cell: Rows) -> None:
        """Count readings that are kept and not counted."""
        np.add.at(self._flat["bad"], cell, _ONE)

    def add_parts(self, cell: Rows, parts: Parts) -> None:
        """Add parts of windows, told by a finer level, to their cells."""
        f = self._flat
        np.add.at(f["count"], cell, parts.count)
        np.add.at(f["total"], cell, parts.total)
        np.minimum.at(f["low"], cell, parts.low)
        np.maximum.at(f["high"], cell, parts.high)
        np.add.at(f["good"], cell, parts.good)
        np.add.at(f["bad"], cell, parts.bad)
        said = parts.count > 0
        self._add_last(cell[said], parts.last_ts[said], parts.last[said])

    def _add_last(self, cell: Rows, ts: Int64, value: Float64) -> None:
        """Keep the value with the greatest time; of equal times the one that came last."""
        last_ts = self._flat["last_ts"]
        np.maximum.at(last_ts, cell, ts)
        newest = ts >= last_ts[cell]
        if newest.all():
            self._flat["last"][cell] = value
        else:
            self._flat["last"][cell[newest]] = value[newest]

    def take(self, row: int, points: Rows) -> dict[str, NDArray[Any]]:
        """Return the cells of some points in a row, and empty them."""
        taken = {}
        for name, (_, fill) in _COLUMNS.items():
            column = self.columns[name][row]
            taken[name] = column[points]
            column[points] = fill
        return taken

    def used(self, row: int) -> Bool:
        """Return which points have said anything in a row."""
        said: Bool = (self.columns["count"][row] > 0) | (self.columns["bad"][row] > 0)
        return said

    def snapshot(self) -> State:
        """Return copies of the cells in use, with their place."""
        cell = np.flatnonzero((self._flat["count"] > 0) | (self._flat["bad"] > 0))
        return {"row": cell // self.size, "point": cell % self.size} | {n: f[cell] for n, f in self._flat.items()}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`; room for all points has been made."""
        for name, (_, fill) in _COLUMNS.items():
            self.columns[name][...] = fill
            self.columns[name][state["row"], state["point"]] = state[name]


class Windows:
    """The open windows of one level: a ring of rows from `base` on.

    Windows of points whose park day begins at another time than that of UTC are shifted.
    """

    def __init__(self, shape: Shape, base: int, cells: Cells) -> None:
        self.shape = shape
        self.base = base
        self.bound = 0  # log time less the lateness bound, epoch ms
        self._cells = cells
        self._offset: Int64 = np.zeros(0, np.int64)  # ms by point; empty: none is shifted
        self._offsets: Int64 = np.zeros(1, np.int64)  # the different ones

    def shift(self, offset: Int64) -> None:
        """Take where the windows of points begin, ms east of UTC."""
        self._offsets = np.unique(offset)
        self._offset = offset if offset.any() else np.zeros(0, np.int64)

    def cells(self, point: Rows, at: Int64) -> tuple[Rows, Bool, Int64]:
        """Return the cell of each row, which rows are outside the ring, and the windows' begins."""
        width, ring = self.shape.width, self.shape.ring
        offset: Int64 | int = self._offset[point] if len(self._offset) else 0
        number = (at + offset) // width
        ahead = number - (self.bound + offset) // width
        outside: Bool = ahead.view(np.uint64) >= ring  # behind is huge
        return ((number & (ring - 1)) + self.base) * self._cells.size + point, outside, number * width - offset

    def close(self, bound: int) -> Iterator[Parts]:
        """Move the ring on; yield what was in the windows that end at the bound or before it."""
        width, ring = self.shape.width, self.shape.ring
        before, self.bound = self.bound, bound
        for offset in self._offsets.tolist():
            first, last = (before + offset) // width, (bound + offset) // width
            for number in range(first, min(last, first + ring)):
                row = self.base + (number & (ring - 1))
                used = self._cells.used(row)
                if len(self._offset):
                    used[: len(self._offset)] &= self._offset == offset
                    used[len(self._offset) :] = False
                points = np.flatnonzero(used)
                if len(points):
                    yield self._take(points, row, number * width - offset)

    def _take(self, points: Rows, row: int, begin: int) -> Parts:
        taken = self._cells.take(row, points)
        good = taken["good"] + np.bitwise_count(taken["slots"]).astype(np.int64) * (self.shape.width // SLOTS)
        return Parts(
            points, np.full(len(points), begin, np.int64), taken["count"], taken["total"], taken["low"],
            taken["high"], taken["last"], taken["last_ts"], np.minimum(good, self.shape.width), taken["bad"],
        )  # fmt: skip


def reduced(parts: Parts, begin: Int64, width: int) -> Parts:
    """Add up the rows of each point and window; `begin` are the windows' begins, which become `at`."""
    order = np.lexsort((parts.last_ts, begin, parts.point))
    parts, begin = parts.rows(order), begin[order]
    new = np.ones(len(parts), np.bool_)
    new[1:] = (parts.point[1:] != parts.point[:-1]) | (begin[1:] != begin[:-1])
    first = np.flatnonzero(new)
    end = np.append(first[1:], len(parts)) - 1
    return Parts(
        parts.point[first], begin[first],
        np.add.reduceat(parts.count, first).astype(np.int32), np.add.reduceat(parts.total, first),
        np.minimum.reduceat(parts.low, first), np.maximum.reduceat(parts.high, first),
        parts.last[end], parts.last_ts[end],
        np.minimum(np.add.reduceat(parts.good, first), width), np.add.reduceat(parts.bad, first).astype(np.int32),
    )  # fmt: skip


def told(level: Level, parts: Parts) -> Rollups:
    """Return parts as the event; windows without a good reading hold zeros, never an infinity."""
    none = parts.count == 0
    low, high, last, last_ts = parts.low, parts.high, parts.last, parts.last_ts
    if none.any():
        low, high, last = (np.where(none, 0.0, column) for column in (low, high, last))
        last_ts = np.where(none, 0, last_ts)
    return Rollups(
        level, parts.point.astype(np.int32), parts.at, parts.count.astype(np.int32), parts.total, low, high, last,
        last_ts, parts.good, parts.bad.astype(np.int32),
    )  # fmt: skip
