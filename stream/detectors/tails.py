"""How rare a number is for its own series: peaks over threshold, set by each series itself.

Of every BLOCK values the largest is a peak, so that one bump is one peak; the PEAKS largest are kept. Above
the m-th largest, u, excesses fall off exponentially with mean b (Pickands 1975, with shape 0); the largest
fifth count as no more than the next, so that one huge fault does not blind the series for ever. With the
uncertainty of b integrated out (a Pareto of shape m: few peaks know little of the tail),

```
 s = log10(n / m) + m log10(1 + (x - u) / (m b))        0 where x <= u
```
is the log10 of the number of values among which one so large is expected.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Float64, Int64, Rows

BLOCK, PEAKS = 16, 16
SETTLE = 60  # values at the beginning that say nothing of tails: levels still settle
_FEWEST, _SHARE = 5, 4  # u is the m-th largest peak, m = peaks / 4 within 5..16
_TRIM = 5  # a fifth
_MEMORY = 16_000  # values; then the count is halved: what was rare long ago may be so no more
_LARGEST = 6e4  # of a 16-bit number


class Tails:
    """Peaks of several statistics of many series. Rows by slot."""

    def __init__(self, least: Float64) -> None:
        statistics = len(least)
        self._least = least
        self._c: dict[str, npt.NDArray[Any]] = {
            "level": np.zeros((0, statistics), np.float32),  # u
            "mean": np.zeros((0, statistics), np.float32),  # b
            "peak": np.zeros((0, statistics), np.float32),  # of the block that is open
            "peaks": np.zeros((0, statistics, PEAKS), np.float16),
            "blocks": np.zeros(0, np.float32),
        }

    def grow(self, size: int) -> None:
        """Have so many slots."""
        for name, column in self._c.items():
            fill = np.inf if name == "level" else 1.0 if name == "mean" else 0.0
            more = np.full((size - len(column), *column.shape[1:]), fill, column.dtype)
            self._c[name] = np.concatenate([column, more])

    def level(self, slot: Rows) -> Float64:
        """Return u, [statistic, row]; infinite while nothing is known."""
        return np.ascontiguousarray(self._c["level"].take(slot, axis=0).T, np.float64)

    def rarity(self, slot: Rows, count: Int64, x: Float64) -> Float64:
        """Return s of numbers, [statistic, row], and learn them. `count` is the number of values before."""
        c = self._c
        x = np.minimum(x, _LARGEST)
        level = self.level(slot)
        blocks = c["blocks"].take(slot).astype(np.float64)
        m = np.clip(np.floor(blocks / _SHARE), _FEWEST, PEAKS)
        over = x > level
        s = np.zeros(x.shape)
        if over.any():
            k, row = np.nonzero(over)
            excess = x[k, row] - level[k, row]
            mean, mm = c["mean"][slot[row], k].astype(np.float64), m[row]
            rows = np.maximum(blocks[row] * BLOCK / mm, 1)
            s[k, row] = np.log10(rows) + mm * np.log10(1 + excess / (mm * mean))
        counts = count >= SETTLE
        open_ = np.maximum(c["peak"].take(slot, axis=0), np.where(counts, x, 0).T.astype(np.float32))
        ends = counts & (count % BLOCK == BLOCK - 1) & (count >= SETTLE + BLOCK - 1)
        if ends.any():
            self._close(slot[ends], open_[ends])
            open_[ends] = 0
        c["peak"][slot] = open_
        return s

    def _close(self, slot: Rows, peak: npt.NDArray[np.float32]) -> None:
        """Take the peaks of blocks that are over."""
        c = self._c
        peaks = np.concatenate([c["peaks"][slot], peak[:, :, None].astype(np.float16)], axis=2)
        peaks.sort(axis=2)
        peaks = np.ascontiguousarray(peaks[:, :, 1:])
        c["peaks"][slot] = peaks
        blocks = c["blocks"][slot] + 1
        blocks = np.where(blocks * BLOCK > _MEMORY, blocks / 2, blocks)
        c["blocks"][slot] = blocks
        m = np.clip(np.floor(blocks / _SHARE), _FEWEST, PEAKS).astype(np.intp)
        rank = np.arange(PEAKS)[::-1]  # of the sorted peaks: 0 is the largest
        falling = peaks.astype(np.float64)
        row = np.arange(len(slot))
        level = falling[row, :, PEAKS - m]
        cut = m // _TRIM
        most = falling[row, :, PEAKS - 1 - cut]
        held = np.minimum(falling, most[:, :, None]) - level[:, :, None]
        among = rank[None, None, :] < m[:, None, None]
        excess = np.where(among, held, 0.0)
        for width in (8, 4, 2, 1):  # sums as a tree: the same bits however many rows there are
            excess = excess[:, :, :width] + excess[:, :, width:]
        mean = excess[:, :, 0] / m[:, None]
        c["level"][slot] = level
        # Peaks that are all alike know nothing of the next: a thousandth of their size is no news.
        c["mean"][slot] = np.maximum(mean, np.maximum(1e-3 * np.abs(level), np.maximum(self._least, 1e-9)))

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"tail_{name}": column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = len(self._c["blocks"])
        for name in self._c:
            self._c[name] = state[f"tail_{name}"].copy()
        if len(self._c["blocks"]) < size:
            self.grow(size)
