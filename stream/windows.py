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

from park.directory import grown
from park.events import Level, Rollups
from park.operator import State
from park.readings import Bool, Float64, Int32, Int64, Rows

SLOTS = 60  # of a window: the time that good readings stand for is kept as a set, so that order cannot matter
FULL = np.array([(1 << n) - 1 for n in range(SLOTS + 1)], np.uint64)  # the first n slots
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


class Windows:
    """The open windows of one level.

    `offset` shifts the windows of points whose park day begins at another time than that of UTC.
    """

    def __init__(self, shape: Shape, lateness: int) -> None:
        self.shape = shape
        self._lateness = lateness
        self._now = 0  # log time that the ring stands for
        self._offset: Int64 = np.zeros(0, np.int64)  # ms by point
        self._offsets: Int64 = np.zeros(1, np.int64)  # the different ones
        self._shifted = False
        self._cells: dict[str, NDArray[Any]] = {
            name: np.full((shape.ring, 0), fill, kind) for name, (kind, fill) in _COLUMNS.items()
        }
        self._flat: dict[str, NDArray[Any]] = {}

    def grow(self, size: int) -> None:
        """Make room for points."""
        had = len(self._offset)
        if size > had:
            for name, (kind, fill) in _COLUMNS.items():
                wider: NDArray[Any] = np.full((self.shape.ring, size), fill, kind)
                wider[:, :had] = self._cells[name]
                self._cells[name] = wider
            self._flat = {name: cells.reshape(-1) for name, cells in self._cells.items()}
            self._offset = grown(self._offset, size)[:size]

    def shift(self, offset: Int64) -> None:
        """Take where the windows of points begin, ms east of UTC."""
        self._offset[: len(offset)] = offset
        self._offsets = np.unique(self._offset)
        self._shifted = bool(self._offset.any())

    def cells(self, point: Rows, at: Int64) -> tuple[Rows, Bool | None, Int64]:
        """Return the cell of each row, which rows are outside the ring (None: no row), and the windows' begins."""
        width, ring = self.shape.width, self.shape.ring
        bound = self._now - self._lateness
        if self._shifted:
            offset = self._offset[point]
            number = (at + offset) // width
            begin = number * width - offset
            ahead = number - (bound + offset) // width
        else:
            number = at // width
            begin = number * width
            ahead = number - bound // width
        cell = (number & (ring - 1)) * len(self._offset) + point
        outside = ahead.view(np.uint64) >= ring  # behind is huge
        return cell, outside if outside.any() else None, begin

    def add_readings(self, cell: Rows, ts: Int64, value: Float64, slots: NDArray[np.uint64]) -> None:
        """Add good readings to their cells."""
        f = self._flat
        np.add.at(f["count"], cell, 1)
        np.add.at(f["total"], cell, value)
        np.minimum.at(f["low"], cell, value)
        np.maximum.at(f["high"], cell, value)
        np.bitwise_or.at(f["slots"], cell, slots)
        self._add_last(cell, ts, value)

    def add_bad(self, cell: Rows) -> None:
        """Count readings that are kept and not counted."""
        np.add.at(self._flat["bad"], cell, 1)

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

    def close(self, now: int) -> Iterator[Parts]:
        """Move the ring on to a log time; yield what was in the windows that are closed by it."""
        width, ring = self.shape.width, self.shape.ring
        before, after = self._now - self._lateness, now - self._lateness
        self._now = now
        for offset in self._offsets.tolist():
            first, last = (before + offset) // width, (after + offset) // width
            for number in range(first, min(last, first + ring)):
                row = number & (ring - 1)
                used = (self._cells["count"][row] > 0) | (self._cells["bad"][row] > 0)
                if self._shifted:
                    used &= self._offset == offset
                points = np.flatnonzero(used)
                if len(points):
                    yield self._take(points, row, number * width - offset)

    def _take(self, points: Rows, row: int, begin: int) -> Parts:
        """Return the cells of some points in a row of the ring, and empty them."""
        taken = {name: cells[row][points] for name, cells in self._cells.items()}
        for name, (_, fill) in _COLUMNS.items():
            self._cells[name][row][points] = fill
        good = taken["good"] + np.bitwise_count(taken["slots"]).astype(np.int64) * (self.shape.width // SLOTS)
        return Parts(
            points, np.full(len(points), begin, np.int64), taken["count"], taken["total"], taken["low"],
            taken["high"], taken["last"], taken["last_ts"], np.minimum(good, self.shape.width), taken["bad"],
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return copies of the cells in use, with their place."""
        used = np.flatnonzero((self._flat["count"] > 0) | (self._flat["bad"] > 0)) if self._flat else np.zeros(0, int)
        name = self.shape.level.value
        size = max(len(self._offset), 1)
        state: dict[str, NDArray[Any]] = {f"{name}.{c}": self._flat[c][used] for c in self._flat}
        return state | {
            f"{name}.now": np.array(self._now), f"{name}.row": used // size, f"{name}.point": used % size,
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`; room for all points has been made."""
        name = self.shape.level.value
        self._now = int(state[f"{name}.now"])
        row, point = state[f"{name}.row"], state[f"{name}.point"]
        for column, (_, fill) in _COLUMNS.items():
            self._cells[column][...] = fill
            self._cells[column][row, point] = state[f"{name}.{column}"]


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
        np.add.reduceat(parts.count, first), np.add.reduceat(parts.total, first),
        np.minimum.reduceat(parts.low, first), np.maximum.reduceat(parts.high, first),
        parts.last[end], parts.last_ts[end],
        np.minimum(np.add.reduceat(parts.good, first), width), np.add.reduceat(parts.bad, first),
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
