"""What most devices of a park say together is the weather, the network or the calendar, and no device's fault.

```
 a value's rarity ──less── the middle one among the park's other devices, same metric, same direction ──> told?
```
Rarities are logarithms, so the difference says how rare a value is given what the others say. It is taken off up to
the bar that findings have, no further: what is wrong with all meters at once (a unit, a gateway's scale) is far rarer
than any weather, and is told. What others say is what they had said when log time last turned a minute.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.operator import State
from park.readings import Bool, Float64, Int32, Int64

_FEWEST = 3  # points of other devices; fewer are no park
_HEARD = 2.5  # promised intervals, of an hour at least, after which what a point said is old
_HOUR = 3_600_000  # ms: of amounts, hours are judged
_COLUMNS = {
    "now": np.float32,  # rarity of the newest value, below zero where it is downward
    "said": np.float32,  # the same at the last tick
    "at": np.int64,  # ts of that value
}


class Shared:
    """What points said last, rows by point."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._c: dict[str, npt.NDArray[Any]] = {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()}
        self._at_tick: Int64 = np.zeros(0, np.int64)
        self._groups: dict[tuple[int, int], npt.NDArray[np.intp]] = {}  # points by park and metric, once asked for

    def on_points(self, size: int) -> None:
        """Learn of points as the registry has them now."""
        for name, column in self._c.items():
            self._c[name] = grown(column, size)
        self._at_tick = grown(self._at_tick, size)
        self._groups.clear()

    def take(self, point: Int32, ts: Int64, rarity: Float64, rising: Bool) -> None:
        """Take what values of different points are."""
        self._c["now"][point] = np.where(rising, rarity, -rarity)
        self._c["at"][point] = ts

    def on_tick(self) -> None:
        """Let all hear what was said up to now."""
        self._c["said"][:] = self._c["now"]
        self._at_tick[:] = self._c["at"]

    def of_others(self, point: int, ts: int, *, rising: bool) -> float:
        """Return the middle rarity among the park's other devices with the point's metric, 0 where few are heard."""
        d = self._directory
        group = self._group(int(d.park[point]), int(d.metric[point]))
        span = _HEARD * np.maximum(d.interval[group], _HOUR)
        others = group[(d.device[group] != d.device[point]) & (ts - self._at_tick[group] <= span)]
        others = others[self._at_tick[others] > 0]
        if len(others) < _FEWEST:
            return 0.0
        middle = float(np.median(self._c["said"][others]))
        return max(0.0, middle if rising else -middle)

    def _group(self, park: int, metric: int) -> npt.NDArray[np.intp]:
        group = self._groups.get((park, metric))
        if group is None:
            d = self._directory
            found = np.flatnonzero((d.park[: d.size] == park) & (d.metric[: d.size] == metric))
            group = self._groups[park, metric] = found
        return group

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {**{f"shared_{n}": column.copy() for n, column in self._c.items()}, "shared_tick": self._at_tick.copy()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; of a program without them nothing."""
        if "shared_tick" not in state:
            return
        for name, column in self._c.items():
            self._c[name] = grown(state[f"shared_{name}"].copy(), len(column))
        self._at_tick = grown(state["shared_tick"].copy(), len(self._at_tick))
