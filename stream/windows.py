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
    """All open windows: rows of rings, a cell a point. A row has memory while something is in it.

    ```
     cell   count, bad | total | low | high | last | last_ts | slots | good        f64, i64 or u64
    ```
    `slots` are the slots of the window that readings stand for, where the level is the finest of the
    point; `good` is the time in ms that finer levels told.
    """

    def __init__(self, rows: int) -> None:
        self.size = 1  # points in a row; a cell's number is row * size + point
        self._rows: list[Float64 | None] = [None] * rows  # [point, column]; None: nothing is in it

    def grow(self, size: int) -> None:
        """Make room for points."""
        if size <= self.size:
            return
        for n, row in enumerate(self._rows):
            if row is not None:
                self._rows[n] = np.concatenate([row, np.tile(_EMPTY, (size - self.size, 1))])
        self.size = size

    def _open(self, row: int) -> Float64:
        """Return a row, which begins empty."""
        cells = self._rows[row]
        if cells is None:
            cells = self._rows[row] = np.empty((self.size, _COLUMNS))
            cells[:] = _EMPTY
        return cells

    def _by_row(self, cell: Rows) -> Iterator[tuple["_Row", Rows | slice, Rows]]:
        """Yield the rows that cells are in, which of the cells these are, and where they begin there."""
        if not len(cell):
            return
        row = cell // self.size
        first = int(row[0])
        if (row == first).all():
            yield _Row(self._open(first)), slice(None), (cell - first * self.size) * _COLUMNS
            return
        for n in np.unique(row).tolist():
            some = np.flatnonzero(row == n)
            yield _Row(self._open(n)), some, (cell[some] - n * self.size) * _COLUMNS

    def add_readings(self, cell: Rows, ts: Int64, value: Float64, slots: NDArray[np.uint64]) -> None:
        """Add good readings to their cells."""
        for row, some, at in self._by_row(cell):
            v = value[some]
            np.add.at(row.i64, at, 1)
            np.add.at(row.f64, at + _TOTAL, v)
            np.minimum.at(row.f64, at + _LOW, v)
            np.maximum.at(row.f64, at + _HIGH, v)
            np.bitwise_or.at(row.u64, at + _SLOTS, slots[some])
            row.add_last(at, ts[some], v)

    def add_bad(self, cell: Rows) -> None:
        """Count readings that are kept and not counted."""
        for row, _, at in self._by_row(cell):
            np.add.at(row.i64, at, _BAD)

    def add_parts(self, cell: Rows, parts: Parts) -> None:
        """Add parts of windows, told by a finer level, to their cells."""
        for row, some, at in self._by_row(cell):
            part = parts if isinstance(some, slice) else parts.rows(some)
            np.add.at(row.i64, at, part.count + part.bad * _BAD)
            np.add.at(row.f64, at + _TOTAL, part.total)
            np.minimum.at(row.f64, at + _LOW, part.low)
            np.maximum.at(row.f64, at + _HIGH, part.high)
            np.add.at(row.i64, at + _GOOD, part.good)
            said = part.count > 0
            row.add_last(at[said], part.last_ts[said], part.last[said])

    def take(self, row: int, points: Rows, begin: int, width: int) -> Parts:
        """Return the cells of some points in a row as parts of the windows that begin then, and empty them."""
        whole_row = self._open(row)
        if len(points) == np.count_nonzero(whole_row.view(np.int64)[:, _COUNT]):
            self._rows[row] = None  # nobody else's are in it: a city's row is 13 MB, and four in ten are not needed
            cells = whole_row if len(points) == self.size else whole_row.take(points, axis=0)
        else:
            cells = whole_row.take(points, axis=0)
            whole_row[points] = _EMPTY
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
        cells = self._rows[row]
        if cells is None:
            return np.zeros(self.size, np.bool_)
        said: Bool = cells.view(np.int64)[:, _COUNT] > 0
        return said

    def snapshot(self) -> State:
        """Return copies of the cells in use, with their place."""
        points = [np.flatnonzero(self.used(n)) for n in range(len(self._rows))]
        row = np.repeat(np.arange(len(self._rows)), [len(some) for some in points])
        cells = [held[some] for held, some in zip(self._rows, points, strict=True) if held is not None]
        return {
            "row": row, "point": np.concatenate(points), "cells": np.concatenate([np.zeros((0, _COLUMNS)), *cells]),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`; room for all points has been made."""
        self._rows = [None] * len(self._rows)
        for n in np.unique(state["row"]).tolist():
            some = state["row"] == n
            self._open(n)[state["point"][some]] = state["cells"][some]


class _Row:
    """The memory of a row as numbers of each type: `ufunc.at` takes 2 ns where no type must be cast, else 50."""

    def __init__(self, cells: Float64) -> None:
        self.f64: Float64 = cells.reshape(-1)
        self.i64: Int64 = self.f64.view(np.int64)
        self.u64: NDArray[np.uint64] = self.f64.view(np.uint64)

    def add_last(self, at: Rows, ts: Int64, value: Float64) -> None:
        """Keep the value with the greatest time; of equal times the one that came last."""
        when = at + _LAST_TS
        np.maximum.at(self.i64, when, ts)
        newest = ts >= self.i64[when]
        if newest.all():
            self.f64[at + _LAST] = value
        else:
            self.f64[at[newest] + _LAST] = value[newest]


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
