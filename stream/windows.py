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

import numpy as np
from numpy.typing import NDArray

from park.events import Level, Rollups
from park.operator import State
from park.readings import Bool, Float64, Int64, Rows

SLOTS = 60  # of a window: the time that good readings stand for is kept as a set, so that order cannot matter
FULL = np.array([(1 << n) - 1 for n in range(SLOTS + 1)], np.uint64)  # the first n slots
_COLUMNS = 8  # of eight bytes each: a cell is one line of the processor's cache
_COUNT, _TOTAL, _LOW, _HIGH, _LAST, _LAST_TS, _SLOTS, _GOOD = range(_COLUMNS)
_BAD = 1 << 32  # one bad reading: they are counted in the upper half of the count
_EMPTY = np.zeros(_COLUMNS)
_EMPTY[_LOW], _EMPTY[_HIGH] = np.inf, -np.inf
_EMPTY.view(np.int64)[_LAST_TS] = -1


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
    count: Int64
    total: Float64
    low: Float64  # inf and -inf where count is 0
    high: Float64
    last: Float64
    last_ts: Int64
    good: Int64  # ms
    bad: Int64

    def __len__(self) -> int:
        return len(self.point)

    def rows(self, rows: Rows | Bool) -> "Parts":
        """Return some rows."""
        return Parts(
            self.point[rows], self.at[rows], self.count[rows], self.total[rows], self.low[rows], self.high[rows],
            self.last[rows], self.last_ts[rows], self.good[rows], self.bad[rows],
        )  # fmt: skip


class Cells:
    """All open windows: rows of rings, a cell a point.

    ```
     cell   count, bad | total | low | high | last | last_ts | slots | good        f64, i64 or u64
    ```
    `slots` are the slots of the window that readings stand for, where the level is the finest of the
    point; `good` is the time in ms that finer levels told.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.size = 0  # points in a row; a cell's number is row * size + point
        self._cells: Float64 = np.zeros((rows, 0, _COLUMNS))
        self.grow(1)

    def grow(self, size: int) -> None:
        """Make room for points."""
        if size <= self.size:
            return
        wider: Float64 = np.empty((self._rows, size, _COLUMNS))
        wider[:, : self.size] = self._cells
        wider[:, self.size :] = _EMPTY
        self._cells, self.size = wider, size
        # The same memory as numbers of each type. `ufunc.at` takes 2 ns a row where no type must be cast, else 50.
        self._f64: Float64 = wider.reshape(-1)
        self._i64: Int64 = self._f64.view(np.int64)
        self._u64: NDArray[np.uint64] = self._f64.view(np.uint64)

    def add_readings(self, cell: Rows, ts: Int64, value: Float64, slots: NDArray[np.uint64]) -> None:
        """Add good readings to their cells."""
        at = cell * _COLUMNS
        np.add.at(self._i64, at, 1)
        np.add.at(self._f64, at + _TOTAL, value)
        np.minimum.at(self._f64, at + _LOW, value)
        np.maximum.at(self._f64, at + _HIGH, value)
        np.bitwise_or.at(self._u64, at + _SLOTS, slots)
        self._add_last(at, ts, value)

    def add_bad(self, cell: Rows) -> None:
        """Count readings that are kept and not counted."""
        np.add.at(self._i64, cell * _COLUMNS, _BAD)

    def add_parts(self, cell: Rows, parts: Parts) -> None:
        """Add parts of windows, told by a finer level, to their cells."""
        at = cell * _COLUMNS
        np.add.at(self._i64, at, parts.count + parts.bad * _BAD)
        np.add.at(self._f64, at + _TOTAL, parts.total)
        np.minimum.at(self._f64, at + _LOW, parts.low)
        np.maximum.at(self._f64, at + _HIGH, parts.high)
        np.add.at(self._i64, at + _GOOD, parts.good)
        said = parts.count > 0
        self._add_last(at[said], parts.last_ts[said], parts.last[said])

    def _add_last(self, at: Rows, ts: Int64, value: Float64) -> None:
        """Keep the value with the greatest time; of equal times the one that came last."""
        when = at + _LAST_TS
        np.maximum.at(self._i64, when, ts)
        newest = ts >= self._i64[when]
        if newest.all():
            self._f64[at + _LAST] = value
        else:
            self._f64[at[newest] + _LAST] = value[newest]

    def take(self, row: int, points: Rows, begin: int, width: int) -> Parts:
        """Return the cells of some points in a row as parts of the windows that begin then, and empty them."""
        cells = self._cells[row].take(points, axis=0)
        self._cells[row][points] = _EMPTY
        whole = cells.view(np.int64)
        counts = whole[:, _COUNT]
        slots = np.bitwise_count(cells.view(np.uint64)[:, _SLOTS]).astype(np.int64)
        good = np.minimum(whole[:, _GOOD] + slots * (width // SLOTS), width)
        return Parts(
            points, np.full(len(points), begin, np.int64), counts % _BAD, cells[:, _TOTAL].copy(),
            cells[:, _LOW].copy(), cells[:, _HIGH].copy(), cells[:, _LAST].copy(), whole[:, _LAST_TS].copy(),
            good, counts // _BAD,
        )  # fmt: skip

    def used(self, row: int) -> Bool:
        """Return which points have said anything in a row."""
        said: Bool = self._cells[row].view(np.int64)[:, _COUNT] > 0
        return said

    def snapshot(self) -> State:
        """Return copies of the cells in use, with their place."""
        cell = np.flatnonzero(self._i64[_COUNT::_COLUMNS])
        cells = self._cells.reshape(-1, _COLUMNS)[cell]
        return {"row": cell // self.size, "point": cell % self.size, "cells": cells}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`; room for all points has been made."""
        self._cells[...] = _EMPTY
        self._cells[state["row"], state["point"]] = state["cells"]


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
                    yield self._cells.take(row, points, number * width - offset, width)


def reduced(parts: Parts, begin: Int64) -> Parts:
    """Add up the rows of each point and window; `begin` are the windows' begins, which become `at`.

    `good` may come out wider than the window: parts must add up alike however they were cut; who reads
    the sum holds it to the width.
    """
    order = np.lexsort((parts.last_ts, begin, parts.point))
    parts, begin = parts.rows(order), begin[order]
    new = np.ones(len(parts), np.bool_)
    new[1:] = (parts.point[1:] != parts.point[:-1]) | (begin[1:] != begin[:-1])
    first = np.flatnonzero(new)
    end = np.append(first[1:], len(parts)) - 1
    return Parts(
        parts.point[first], begin[first],
        np.add.reduceat(parts.count, first), np.add.reduceat(parts.total, first),
        np.minimum.reduceat(parts.low, first), np.maximum.reduceat(parts.high, first),
        parts.last[end], parts.last_ts[end],
        np.add.reduceat(parts.good, first), np.add.reduceat(parts.bad, first),
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
