"""What most devices of a park say together is the weather, the network or the calendar, and no device's fault.

```
 a value's rarity ──less── the middle one among the park's other devices, same metric, same direction ──> told?
```
Rarities are logarithms, so the difference says how rare a value is given what the others say. It is taken off up to
the bar that findings have, no further: what is wrong with all meters at once (a unit, a gateway's scale) is far rarer
than any weather, and is told. What others say is what they had said when log time last turned a minute.

What follows another metric of its own device (uses.py: a current follows the power) is held against that in the same
way, once the minute is over: docs/decisions/110-a-current-follows-its-power.md.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Anomaly
from park.operator import State
from park.readings import Bool, Float64, Int32, Int64
from stream.detectors.judging import KINDS
from stream.detectors.told import Episode

_FEWEST = 3  # points of other devices; fewer are no park
_LITTLE = 1e-3  # what is expected counts as no less
_HEARD = 2.5  # promised intervals, of an hour at least, after which what a point said is old
_MINUTE = 60_000  # ms
_HOUR = 3_600_000  # ms: of amounts, hours are judged
# Kinds of which a moment tells: how far its value is out; and of which hours do, that point one way or the other.
_MOMENTS = frozenset({Anomaly.SPIKE, Anomaly.DIP, Anomaly.CONTEXT, Anomaly.SHIFT})
_COURSES = frozenset({Anomaly.SHAPE, Anomaly.SHIFT, Anomaly.DRIFT, Anomaly.VARIANCE})
_COLUMNS = {
    "now": np.float32,  # rarity of the newest value, below zero where it is downward
    "said": np.float32,  # the same at the last tick
    "at": np.int64,  # ts of that value
    "away": np.float32,  # of what was expected, the part by which it was more; below zero: less
}


def departure(value: Float64 | float, expected: Float64 | float) -> Any:
    """Return how far values are from what was expected, as a part of it."""
    return (value - expected) / np.maximum(np.abs(expected), _LITTLE)


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

    def take(self, point: Int32, ts: Int64, rarity: Float64, rising: Bool, away: Float64) -> None:
        """Take what values of different points are; `away`: how far from what was expected, as a part of it."""
        self._c["now"][point] = np.where(rising, rarity, -rarity)
        self._c["away"][point] = away
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

    def explained(self, e: Episode, metric: int, most: float) -> float:
        """Return how much of an episode's rarity its device's own point of a metric explains at the same moment.

        All of it where that departs from what was expected by as much in the same direction, of less its part; and as
        much as that is rare itself, up to `most`. What goes on for hours has no direction of one moment.
        """
        d, c = self._directory, self._c
        group = self._group(int(d.park[e.point]), metric)
        causes = group[d.device[group] == d.device[e.point]]
        causes = causes[np.abs(c["at"][causes] - e.until) <= np.maximum(d.interval[causes], _MINUTE)]
        if not len(causes):
            return 0.0
        phase = causes[d.channel[causes] == d.channel[e.point]]
        cause = int((phase if len(phase) else causes)[0])
        said, away = float(c["now"][cause]), float(c["away"][cause])
        rare = abs(said) if KINDS[e.kind] in _COURSES else said if e.rising else -said
        own = departure(e.value, e.expected)
        share = away / own if own and KINDS[e.kind] in _MOMENTS else 0.0
        return max(min(max(rare, 0.0), most), min(max(share, 0.0), 1.0) * e.worst)

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
            if f"shared_{name}" in state:  # what is newer than the snapshot begins anew
                self._c[name] = grown(state[f"shared_{name}"].copy(), len(column))
        self._at_tick = grown(state["shared_tick"].copy(), len(self._at_tick))
