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
_COLUMNS: dict[str, tuple[Any, float]] = {
    "total": (np.int64, 0),
    "spread": (np.int64, 0),  # of it, what was estimated
    "night": (np.int64, 0),  # of it, from 02 to 05 h
    "dark": (np.int64, 0),  # of it, from 20 to 06 h
    "count": (np.int32, 0),
    "hours": (np.int32, 0),  # in which something was said, a bit each
    "low": (np.float64, np.inf),
    "high": (np.float64, -np.inf),
}
_COUNTS = np.zeros(256, np.bool_)
_COUNTS[[q for q in Quality if q < Quality.SUSPECT and q != Quality.RETAINED]] = True
_HEARD = _COUNTS.copy()
_HEARD[Quality.WRONG_CLOCK] = True  # a register with a wrong clock still counts


class DayCells:
    """A ring of days for each watched point, by cell; the column of a day is its number modulo 16."""

    def __init__(self) -> None:
        self.c: dict[str, npt.NDArray[Any]] = {
            name: np.full((0, DAYS), fill, kind) for name, (kind, fill) in _COLUMNS.items()
        }
        self.sums: Bool = np.zeros(0, np.bool_)  # by cell: an amount or a power; False: only heard

    def grow(self, size: int) -> None:
        """Make room for cells."""
        old = len(self.sums)
        if size <= old:
            return
        self.sums = grown(self.sums, size, fill=False)
        for name, (kind, fill) in _COLUMNS.items():
            wider = np.full((len(self.sums), DAYS), fill, kind)
            wider[:old] = self.c[name]
            self.c[name] = wider

    def clear(self, cells: Rows | Bool, day: int | None = None) -> None:
        """Empty cells, of one day or whole."""
        for name, (_, fill) in _COLUMNS.items():
            if day is None:
                self.c[name][cells] = fill
            else:
                self.c[name][cells, day % DAYS] = fill

    def usable(self, cell: Rows, quality: Int8) -> Bool:
        """Return which readings count: amounts as rollups count them; a register is heard with a wrong clock, too."""
        return np.where(self.sums[cell], _COUNTS[quality], _HEARD[quality])

    def add(self, cell: Rows, day: Int64, hour: Int64, value: Float64, quality: Int8) -> None:
        """Add readings; `day` and `hour` are of park time."""
        at = cell * DAYS + day % DAYS
        flat = {name: column.reshape(-1) for name, column in self.c.items()}
        np.add.at(flat["count"], at, np.int32(1))
        np.bitwise_or.at(flat["hours"], at, (1 << hour).astype(np.int32))
        np.minimum.at(flat["low"], at, value)
        np.maximum.at(flat["high"], at, value)
        sums = self.sums[cell]
        if not sums.all():
            at, hour, value, quality = at[sums], hour[sums], value[sums], quality[sums]
        whole = np.rint(np.clip(value, -_MOST, _MOST) * _FIXED).astype(np.int64)
        np.add.at(flat["total"], at, whole)
        for name, chosen in (
            ("spread", quality == Quality.ESTIMATED), ("night", _NIGHT[hour]), ("dark", _DARK[hour]),
        ):  # fmt: skip
            if chosen.any():
                np.add.at(flat[name], at[chosen], whole[chosen])

    def of(self, name: str, day: int) -> npt.NDArray[Any]:
        """Return a column of a day, by cell; amounts in units."""
        column = self.c[name][:, day % DAYS]
        return column / _FIXED if name in {"total", "spread", "night", "dark"} else column

    def snapshot(self, size: int) -> State:
        """Return copies of the first cells."""
        return {f"cells_{name}": column[:size].copy() for name, column in self.c.items()}

    def restore(self, state: State) -> None:
        """Take the cells of an earlier `snapshot`."""
        self.grow(len(state["cells_total"]))
        for name in _COLUMNS:
            self.c[name][: len(state["cells_total"])] = state[f"cells_{name}"]
