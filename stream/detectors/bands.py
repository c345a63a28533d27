"""What is usual at this hour: robust level and scale by hour of day, and tails that set themselves.

Columns by slot, one series a slot; a call takes at most one value a slot. Two statistics: how far the value
is from its hour's level, and how far a short mean of such residuals is from its own level (a shift too small
for one reading). Each is judged by its own past peaks, so that a ragged series is given its raggedness:

```
 s = 2 + (z - u) / (2.3 b)   above u      u: what its larger peaks reach; b: mean excess over u
 s = 2 z / u                 below        so s is about the power of ten of how rare it is
```
Figures from a prototype study on public series: learning 200 rows, residuals clipped at 3 and 6 scales, one
finding an episode, told again when 15 % worse. Two days must have passed, so that each hour was seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import grown
from park.operator import State
from park.readings import Bool, Float64, Int64

HOURS = 24
LEARN_ROWS = 200
TAIL_ROWS = 60  # the first of them say nothing of tails: levels and scales still settle
LEARN_MS = 2 * 86_400_000
QUIET = 64  # rows below CALM that end an episode
CALM = 2.5
TELL = 4.5  # one finding in a month or two of an ordinary point at 15 minutes
AGAIN = 1.15  # times worse than the worst of the episode
_RATE, _SLOW = 0.05, 1 / 1_000

_BY_HOUR: dict[str, Any] = {"level": np.float32, "dev": np.float32, "count": np.float32}
_BY_SLOT: dict[str, Any] = {
    "rows": np.int64,
    "first": np.int64,  # ts of the first row
    "mean": np.float64,
    "spread": np.float64,  # mean absolute residual, all hours
    "short": np.float64,  # mean of the last few residuals, in scales
    "short_mean": np.float64,
    "short_dev": np.float64,
    "quiet": np.int64,  # rows left of an episode; 0: none
    "worst": np.float64,  # of the episode
}
_BY_STATISTIC: dict[str, Any] = {
    "u": np.float64,
    "b": np.float64,
    "over": np.float64,  # how often it was above u
    "sum": np.float64,  # while learning, as the next two
    "square": np.float64,
    "most": np.float64,
}
_STATISTICS = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of some values, one row each."""

    score: Float64  # 0..1; 0 while learning
    tells: Bool  # an episode begins, or has become worse
    expected: Float64
    low: Float64  # of the usual band
    high: Float64


class Bands:
    """Level, scale and tails of many series."""

    def __init__(self) -> None:
        self._c: dict[str, npt.NDArray[Any]] = {}
        for name, kind in _BY_HOUR.items():
            self._c[name] = np.zeros((HOURS, 0), kind)
        for name, kind in _BY_SLOT.items():
            self._c[name] = np.zeros(0, kind)
        for name, kind in _BY_STATISTIC.items():
            self._c[name] = np.zeros((_STATISTICS, 0), kind)
        self.size = 0

    def grow(self, size: int) -> None:
        """Have at least so many slots."""
        if size <= self.size:
            return
        for name, column in self._c.items():
            if column.ndim == 1:
                self._c[name] = grown(column, size)
            else:
                longer = np.zeros((len(column), max(size, 2 * column.shape[1], 64)), column.dtype)
                longer[:, : column.shape[1]] = column
                self._c[name] = longer
        self.size = len(self._c["rows"])

    def judge(self, slot: npt.NDArray[Any], ts: Int64, hour: Int64, value: Float64) -> Judged:
        """Judge values (finite, one a slot) by what came before them, then learn them."""
        c = self._c
        first = c["rows"][slot] == 0
        c["first"][slot] = np.where(first, ts, c["first"][slot])
        mean = np.where(first, value, c["mean"][slot])
        count = c["count"][hour, slot].astype(np.float64)
        level = np.where(count > 0, c["level"][hour, slot], mean)
        floor = 1e-3 * np.abs(mean) + 1e-9
        scale = np.maximum(np.where(count >= 3, 0.5 * c["dev"][hour, slot], 0.5 * c["spread"][slot])
                           + 0.5 * c["spread"][slot], floor)  # fmt: skip
        residual = value - level
        z = np.minimum(np.abs(residual) / scale, 1e6)
        short = 0.7 * c["short"][slot] + 0.3 * np.clip(residual / scale, -6, 6)
        drift = np.abs(short - c["short_mean"][slot]) / np.maximum(c["short_dev"][slot], 0.05)
        rare = self._rarity(slot, np.stack((z, drift)))
        s: Float64 = rare.max(axis=0)
        ready = (c["rows"][slot] >= LEARN_ROWS) & (ts - c["first"][slot] >= LEARN_MS)
        s = np.where(ready, s, 0.0)
        tells = self._episode(slot, s)
        self._learn(slot, hour, value, mean, level, residual, scale, count, short)
        width = scale * np.maximum(self._c["u"][0, slot], 1)
        return Judged(s / (s + TELL), tells, level, level - width, level + width)

    def _rarity(self, slot: npt.NDArray[Any], z: Float64) -> Float64:
        """Return how rare the statistics are for their slots, and learn them."""
        c = self._c
        rows = c["rows"][slot]
        which = (slice(None), slot)
        learning = rows < LEARN_ROWS
        counts = learning & (rows >= TAIL_ROWS)
        sums, squares, most = c["sum"][which], c["square"][which], c["most"][which]
        clipped = np.minimum(z, 20)
        c["sum"][which] = np.where(counts, sums + clipped, sums)
        c["square"][which] = np.where(counts, squares + clipped**2, squares)
        c["most"][which] = np.where(counts, np.maximum(most, clipped), most)
        ends = rows == LEARN_ROWS
        mean = sums / (LEARN_ROWS - TAIL_ROWS)
        sd = np.sqrt(np.maximum(squares / (LEARN_ROWS - TAIL_ROWS) - mean**2, 1e-12))
        u = np.where(ends, np.minimum(0.7 * most + 0.3 * mean, mean + 5 * sd), c["u"][which])
        b = np.where(ends, 0.3 * sd, c["b"][which])
        u = np.maximum(u, 1e-6)
        bb = np.maximum(b, 0.1 * u)
        over = z > u
        s: Float64 = np.where(over, 2 + (z - u) / (2.303 * bb), 2 * z / u)
        # u climbs on an excess and sinks slowly, so that about one row in a hundred is over it.
        pace = bb * np.maximum(0.02, np.minimum(1, 10 / np.maximum(rows - LEARN_ROWS, 1)))
        known = c["over"][which]
        rate = np.maximum(1 / (known + 5), 1 / 30)
        c["u"][which] = np.where(learning, u, u + pace * np.where(over, 0.99, -0.01))
        c["b"][which] = np.where(over & ~learning, b + rate * (np.minimum(z - u, 5 * bb) - b), b)
        c["over"][which] = known + (over & ~learning)
        return s

    def _episode(self, slot: npt.NDArray[Any], s: Float64) -> Bool:
        c = self._c
        quiet, worst = c["quiet"][slot], c["worst"][slot]
        open_ = quiet > 0
        tells: Bool = (s >= TELL) & (~open_ | (s > AGAIN * worst))
        stirs = (s >= CALM) & open_
        quiet = np.where(tells | stirs, QUIET, np.maximum(quiet - 1, 0))
        c["quiet"][slot] = quiet
        c["worst"][slot] = np.where(quiet > 0, np.maximum(np.where(open_, worst, 0), s), 0)
        return tells

    def _learn(
        self, slot: npt.NDArray[Any], hour: Int64, value: Float64, mean: Float64, level: Float64, residual: Float64,
        scale: Float64, count: Float64, short: Float64,
    ) -> None:  # fmt: skip
        c = self._c
        rows = c["rows"][slot].astype(np.float64)
        rate = np.maximum(1 / (count + 1), _RATE)
        young = count < 3
        taken = np.where(young, residual, np.clip(residual, -3 * scale, 3 * scale))
        away = np.where(young, np.abs(residual), np.minimum(np.abs(residual), 6 * scale))
        c["level"][hour, slot] = level + rate * taken
        c["dev"][hour, slot] += rate * (away - c["dev"][hour, slot])
        c["count"][hour, slot] = np.minimum(count + 1, 1e6)
        slow = np.maximum(1 / (rows + 1), _SLOW)
        c["mean"][slot] = mean + slow * np.where(rows < 3, value - mean, np.clip(value - mean, -9 * scale, 9 * scale))
        c["spread"][slot] += slow * (away - c["spread"][slot])
        off = np.abs(short - c["short_mean"][slot])
        c["short_dev"][slot] += slow * (off - c["short_dev"][slot])
        c["short_mean"][slot] += slow * (short - c["short_mean"][slot])
        c["short"][slot] = short
        c["rows"][slot] += 1

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"band_{name}": column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = self.size
        for name in self._c:
            self._c[name] = state[f"band_{name}"].copy()
        self.size = len(self._c["rows"])
        self.grow(size)
