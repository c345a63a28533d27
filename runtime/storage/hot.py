"""Columns in memory: the last minutes of what was written, and the newest reading of every point.

One thread writes; others read what a view gave them, which no later write changes: appending fills
rows beyond every view, growing and clearing take new arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from park.directory import grown
from park.readings import Bool, Float64, Int32, Int64, Rows

Array = NDArray[Any]

_LOW = 1 << 16


class Columns:
    """A table of columns that grows at its end."""

    def __init__(self, types: Mapping[str, type]) -> None:
        self.types = dict(types)
        self._columns: dict[str, Array] = {}
        self._size = 0
        self._room = 0  # rows that it had when it was cleared last: it is likely to have as many again
        self.clear()

    def __len__(self) -> int:
        return self._size

    def append(self, columns: Sequence[Array]) -> None:
        """Add rows, given as columns in the order of the types."""
        self.publish(self.appended(columns))

    def appended(self, columns: Sequence[Array]) -> tuple[dict[str, Array], int]:
        """Return what `publish` makes visible: all columns with rows added, and how many rows; no view sees them yet.

        Growing may copy a hundred megabytes: readers need not be kept waiting for that.
        """
        size = self._size + len(columns[0])
        longer = {}
        for name, new in zip(self.types, columns, strict=True):
            column = self._columns[name]
            if size > len(column):
                column = grown(column, max(size, 2 * len(column), self._room))
            longer[name] = column
            column[self._size : size] = new
        return longer, size

    def publish(self, made: tuple[dict[str, Array], int]) -> None:
        """Make rows visible."""
        self._columns, self._size = made

    def view(self) -> dict[str, Array]:
        """Return all rows as they are now."""
        return {name: column[: self._size] for name, column in self._columns.items()}

    def clear(self) -> None:
        """Forget all rows and their memory."""
        self._columns = {name: np.empty(0, kind) for name, kind in self.types.items()}
        self._room, self._size = self._size, 0


class Newest:
    """The newest reading of every point, by point number."""

    TYPES: Mapping[str, type] = {"ts": np.int64, "value": np.float64, "quality": np.uint8, "received": np.int64}
    NEVER = -(1 << 62)  # ts of a point that never spoke

    def __init__(self) -> None:
        self.columns: dict[str, Array] = {name: np.zeros(0, kind) for name, kind in self.TYPES.items()}

    def grow(self, size: int) -> None:
        """Make room for points below `size`."""
        for name, column in self.columns.items():
            self.columns[name] = grown(column, size, self.NEVER if name == "ts" else 0)

    def take(self, point: Int32, ts: Int64, value: Float64, quality: Array, received: Int64) -> None:
        """Learn of readings in order of arrival: the greatest ts wins, then the later arrival.

        A reading told again, of the same ts and value, changes nothing; a correction keeps the first receipt.
        """
        self.publish(self.settled(point, ts, value, quality, received))

    def settled(self, point: Int32, ts: Int64, value: Float64, quality: Array, received: Int64) -> "News":
        """Return what readings change, for `publish`; nothing is changed yet."""
        self.grow(int(point.max()) + 1)
        at: Rows = point.astype(np.intp)  # numpy would make it of each look-up
        before, held = self.columns["ts"][at], self.columns["value"][at]
        size = len(self.columns["ts"])
        if _once(at, size):  # as nearly always where there are many: nothing needs an order, nor a copy of all
            first = rows = np.flatnonzero(ts >= before)
        else:
            newest = self.columns["ts"].copy()
            np.maximum.at(newest, at, ts)
            rows = np.flatnonzero(ts == newest[at])
            if _once(at[rows], size):
                first = rows
            else:
                last, first = settled(point[rows], ts[rows], value[rows], by_point(point[rows], ts[rows]))
                rows, first = rows[last], rows[first]
        later = ts[rows] > before[rows]
        changed = rows[later | (value[rows] != held[rows])]
        return News(at[rows[later]], received[first[later]], at[changed], ts[changed], value[changed], quality[changed])

    def publish(self, news: "News") -> None:
        """Let readers see them."""
        self.columns["received"][news.heard] = news.received
        for name in ("ts", "value", "quality"):
            self.columns[name][news.point] = getattr(news, name)


@dataclass(frozen=True, slots=True)
class News:
    """The newest readings of some points, where they are newer than what was known or correct it."""

    heard: Rows  # points whose reading is newer
    received: Int64  # of those
    point: Rows
    ts: Int64
    value: Float64
    quality: Array


def _once(point: Rows, size: int) -> bool:
    """Return whether no point below `size` occurs twice: the last row that stamped a point is the only one."""
    rows, stamp = np.arange(len(point), dtype=np.int32), np.empty(size, np.int32)
    stamp[point] = rows
    return bool((stamp[point] == rows).all())


def entries(column: Array, point: Array, missing: int) -> Array:
    """Return the entries of points in a column by point number."""
    if not len(column):
        return np.full(len(point), missing, np.int64)
    inside = (point >= 0) & (point < len(column))
    if inside.all():
        return column[point]
    return np.where(inside, column[np.where(inside, point, 0)], missing)


def by_point(point: Int32, ts: Int64) -> Rows:
    """Return the order by (point, ts), equals in order of arrival.

    Radix sort of 16 bits at a time: 25 ns a row where a comparing sort takes 100. Readings of a point
    mostly arrive by time; only where they do not is the whole sorted by comparison.
    """
    order = np.argsort(point.astype(np.uint16), kind="stable")
    if len(point) and int(point.max()) >= _LOW:
        order = order[np.argsort((point >> 16).astype(np.uint16)[order], kind="stable")]
    p, t = point[order], ts[order]
    if ((p[1:] == p[:-1]) & (t[1:] < t[:-1])).any():
        return np.lexsort((ts, point))
    return order


def settled(point: Int32, ts: Int64, value: Float64, order: Rows) -> tuple[Rows, Rows]:
    """Return, of an order by (point, ts), the rows that hold, one a point and ts; and the first told of each.

    The same value told again is a duplicate and falls; of different values the last arrival holds.
    What it corrects stays known by its receipt: that is the first row's.
    """
    p, t, v = point[order], ts[order], value[order]
    same = (p[1:] == p[:-1]) & (t[1:] == t[:-1])
    if not same.any():
        return order, order
    first = order[~np.append(False, same)]
    order = order[~np.append(False, same & (v[1:] == v[:-1]))]
    p, t = point[order], ts[order]
    return order[~np.append((p[1:] == p[:-1]) & (t[1:] == t[:-1]), False)], first


def summed(columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return rows of counts, of which each point and start has one: those of the same are added up."""
    order = np.lexsort((columns["start"], columns["point"]))
    c = {name: column[order] for name, column in columns.items()}
    new = np.ones(len(order), np.bool_)
    new[1:] = (c["point"][1:] != c["point"][:-1]) | (c["start"][1:] != c["start"][:-1])
    first = np.flatnonzero(new)
    return {
        name: column[first] if name in {"point", "start"} else np.add.reduceat(column, first)
        for name, column in c.items()
    }


def present(point: Int32, ts: Int64, in_point: Int32, in_ts: Int64) -> Bool:
    """Return for each (point, ts) whether it is among others; cost is linear in the others."""
    found = np.zeros(len(point), np.bool_)
    if not len(point) or not len(in_point):
        return found
    lowest, highest = ts.min(), ts.max()
    asked = np.zeros(max(int(point.max()), int(in_point.max())) + 1, np.bool_)
    asked[point] = True
    near = np.flatnonzero(asked[in_point])
    near = near[(in_ts[near] >= lowest) & (in_ts[near] <= highest)]
    if not len(near):
        return found
    numbers = np.unique(point)
    span = int(highest - lowest) + 1
    key = np.searchsorted(numbers, point) * span + (ts - lowest)
    return np.isin(key, np.searchsorted(numbers, in_point[near]) * span + (in_ts[near] - lowest))
