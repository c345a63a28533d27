"""What the points of enterprises add up to by park day: sixteen days of each, in columns.

```
 days   closed, may still be amended (12)      | closed last | open: being judged next, today, tomorrow
 ring      D-15 ... D-4                            D-3             D-2, D-1, D
```
Amounts are kept in whole millionths, so that a sum does not depend on the order in which it was made.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import grown
from park.operator import State
from park.readings import Bool, Float64, Int8, Int64, Quality, Rows

DAYS = 16  # a power of two
AHEAD = 3  # days past the last closed one that are kept
HOUR, DAY = 3_600_000, 86_400_000
_FIXED = 1e6  # parts of a unit
_MOST = 1e9  # of one reading; beyond it nothing is meant
_NIGHT = np.array([2 <= h < 5 for h in range(24)])
_DARK = np.array([h >= 20 or h < 6 for h in range(24)])
NIGHT_HOURS = sum(1 << h for h in (2, 3, 4))
_Columns = dict[str, tuple[Any, float]]
_SAID: _Columns = {
    "count": (np.int32, 0),
    "hours": (np.int32, 0),  # in which something was said, a bit each; and whether anything was above zero
}
_REACHED: _Columns = {"low": (np.float64, np.inf), "high": (np.float64, -np.inf)}
_SUMMED: _Columns = {
    "total": (np.int64, 0),
    "spread": (np.int64, 0),  # of it, what was estimated
    "night": (np.int64, 0),  # of it, from 02 to 05 h
    "dark": (np.int64, 0),  # of it, from 20 to 06 h
}
_ABOVE = np.int32(1 << 24)
_COUNTS = np.zeros(256, np.bool_)
_COUNTS[[q for q in Quality if q < Quality.SUSPECT and q != Quality.RETAINED]] = True
_HEARD = _COUNTS.copy()
_HEARD[Quality.WRONG_CLOCK] = True  # a register with a wrong clock still counts


def hours_of(local: Int64, offset: Int64 | int, due: int) -> tuple[Int64, Int64, Int64]:
    """Return of each reading its day, its hour, and the newest day whose morning is over at `due` (UTC, ms).

    Nearly always all are of one hour and one offset: then each is one number, divided once, for all rows.
    """
    least = int(local.min())
    if isinstance(offset, int) and least // HOUR == int(local.max()) // HOUR:
        each = least // DAY, least % DAY // HOUR, (due + offset) // DAY - 1
        day, hour, last = (np.broadcast_to(np.int64(one), local.shape) for one in each)
        return day, hour, last
    return local // DAY, local % DAY // HOUR, np.broadcast_to((due + np.asarray(offset)) // DAY - 1, local.shape)


def _wider(column: npt.NDArray[Any], size: int, fill: float) -> npt.NDArray[Any]:
    """Return a column of days, [day, place], with room for so many places."""
    wider = np.full((DAYS, size), fill, column.dtype) if fill else np.zeros((DAYS, size), column.dtype)
    wider[:, : column.shape[1]] = column
    return wider


class Block:
    """Rings of days of some cells, in places of their own: what few cells need is kept of few.

    Columns are [day, place]: what is said together stands together, and a city's today stays in the processor's cache.
    """

    def __init__(self, columns: _Columns) -> None:
        self._fill = {name: fill for name, (_, fill) in columns.items()}
        self.c: dict[str, npt.NDArray[Any]] = {
            name: np.full((DAYS, 0), fill, kind) for name, (kind, fill) in columns.items()
        }
        self._row: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # by cell; -1: none
        self._rows = 0

    def grow(self, cells: int) -> None:
        """Learn of cells."""
        self._row = grown(self._row, cells, -1)

    def take(self, cell: int) -> None:
        """Give a cell a row, if it has none."""
        if self._row[cell] >= 0:
            return
        self._row[cell] = self._rows
        self._rows += 1
        for name, column in self.c.items():
            if self._rows > column.shape[1]:
                self.c[name] = _wider(column, column.shape[1] * 9 // 8 + 16, self._fill[name])

    def rows(self, cells: Rows | Bool) -> tuple[npt.NDArray[np.int32], Bool]:
        """Return the rows of those cells that have one, and which these are."""
        row = self._row[cells]
        has = row >= 0
        return row[has], has

    def clear(self, cells: Rows | Bool, day: slice | int) -> None:
        """Empty cells."""
        rows, _ = self.rows(cells)
        for name, column in self.c.items():
            column[day, rows] = self._fill[name]

    def of(self, name: str, day: int) -> npt.NDArray[Any]:
        """Return a column of a day, by cell."""
        rows, has = self.rows(np.ones(len(self._row), np.bool_))
        every = np.full(len(has), self._fill[name], self.c[name].dtype)
        every[has] = self.c[name][day, rows]
        return every

    def snapshot(self, title: str) -> State:
        """Return copies of the rows, and whose they are."""
        rows, has = self.rows(np.ones(len(self._row), np.bool_))
        cells = np.zeros(len(rows), np.int32)
        cells[rows] = np.flatnonzero(has)
        return {
            f"cells_{title}": cells,
            **{f"cells_{n}": column.T[: len(cells)].copy() for n, column in self.c.items()},
        }

    def restore(self, cells: npt.NDArray[Any], state: State) -> None:
        """Take columns of some cells."""
        for cell in cells.tolist():
            self.take(cell)
        rows, _ = self.rows(cells)
        for name, column in self.c.items():
            column[:, rows] = state[f"cells_{name}"].T


class DayCells:
    """A ring of days for each watched point, by cell; the column of a day is its number modulo 16."""

    def __init__(self) -> None:
        self._said = {name: np.full((DAYS, 0), fill, kind) for name, (kind, fill) in _SAID.items()}  # [day, cell]
        self._reached, self._summed = Block(_REACHED), Block(_SUMMED)
        self._sums: Bool = np.zeros(0, np.bool_)  # by cell: an amount or a power; False: only heard

    def grow(self, size: int) -> None:
        """Make room for cells."""
        self._sums = grown(self._sums, size)
        for name, column in self._said.items():
            if len(self._sums) > column.shape[1]:
                self._said[name] = _wider(column, len(self._sums), 0)
        for block in (self._reached, self._summed):
            block.grow(size)

    def keep(self, cell: int, *, reach: bool, sums: bool) -> None:
        """Say what is wanted of a cell beside that it is heard: its least and greatest value, and its sums."""
        self._sums[cell] = sums
        if reach:
            self._reached.take(cell)
        if sums:
            self._summed.take(cell)

    def clear(self, cells: Rows | Bool, day: int | None = None) -> None:
        """Empty cells, of one day or whole."""
        days = slice(None) if day is None else day % DAYS
        for column in self._said.values():
            column[days, cells] = 0
        for block in (self._reached, self._summed):
            block.clear(cells, days)

    def usable(self, cell: Rows, quality: Int8) -> Bool:
        """Return which readings count: amounts as rollups count them; a register is heard with a wrong clock, too."""
        return np.where(self._sums[cell], _COUNTS[quality], _HEARD[quality])

    def add(self, cell: Rows, day: Int64, hour: Int64, value: Float64, quality: Int8) -> None:
        """Add readings; `day` and `hour` are of park time."""
        place = day % DAYS
        said = place * len(self._sums) + cell
        np.add.at(self._said["count"].reshape(-1), said, np.int32(1))
        bits = (1 << hour).astype(np.int32) | np.where(value > 0, _ABOVE, np.int32(0))
        np.bitwise_or.at(self._said["hours"].reshape(-1), said, bits)
        row, has = self._reached.rows(cell)
        if len(row):
            reached = self._reached.c
            at = place[has] * reached["low"].shape[1] + row
            np.minimum.at(reached["low"].reshape(-1), at, value[has])
            np.maximum.at(reached["high"].reshape(-1), at, value[has])
        sums = self._sums[cell]
        if sums.any():
            self._sum(cell[sums], place[sums], hour[sums], value[sums], quality[sums])

    def _sum(self, cell: Rows, place: Int64, hour: Int64, value: Float64, quality: Int8) -> None:
        row, _ = self._summed.rows(cell)
        summed = self._summed.c
        at = place * summed["total"].shape[1] + row
        whole = np.rint(np.clip(value, -_MOST, _MOST) * _FIXED).astype(np.int64)
        np.add.at(summed["total"].reshape(-1), at, whole)
        for name, chosen in (
            ("spread", quality == Quality.ESTIMATED), ("night", _NIGHT[hour]), ("dark", _DARK[hour]),
        ):  # fmt: skip
            if chosen.any():
                np.add.at(summed[name].reshape(-1), at[chosen], whole[chosen])

    def of(self, name: str, day: int) -> npt.NDArray[Any]:
        """Return a column of a day, by cell; amounts in units, `above`: whether anything was above zero."""
        hours: npt.NDArray[np.int32] = self._said["hours"][day % DAYS]
        if name == "above":
            return (hours & _ABOVE) > 0
        if name == "hours":
            return hours & ~_ABOVE
        if name in _SUMMED:
            return self._summed.of(name, day % DAYS) / _FIXED
        return self._reached.of(name, day % DAYS) if name in _REACHED else self._said[name][day % DAYS]

    def snapshot(self, size: int) -> State:
        """Return copies of the first cells."""
        said = {f"cells_{name}": column.T[:size].copy() for name, column in self._said.items()}
        return {**said, **self._reached.snapshot("reached"), **self._summed.snapshot("summed")}

    def restore(self, state: State) -> None:
        """Take the cells of an earlier `snapshot`."""
        size = len(state["cells_count"])
        self.grow(size)
        for name, column in self._said.items():
            column[:, :size] = state[f"cells_{name}"].T
        if "cells_reached" not in state:  # of an earlier program, which had everything of every cell
            self._said["hours"][:, :size] |= np.where(state["cells_high"] > 0, _ABOVE, np.int32(0)).T
            every = np.arange(size)
            reached, summed = (np.flatnonzero(block.rows(every)[1]) for block in (self._reached, self._summed))
            summed = np.union1d(summed, np.flatnonzero(state["cells_total"].any(axis=1)))
            state = {
                "cells_reached": reached, **{f"cells_{name}": state[f"cells_{name}"][reached] for name in _REACHED},
                "cells_summed": summed, **{f"cells_{name}": state[f"cells_{name}"][summed] for name in _SUMMED},
            }  # fmt: skip
        self._reached.restore(state["cells_reached"], state)
        self._summed.restore(state["cells_summed"], state)
