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

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Bool, Float64, Int64, Rows

BLOCK, PEAKS = 16, 16
SETTLE = 60  # values at the beginning that say nothing of tails: levels still settle
ENOUGH = 8  # blocks; below it a series has no tail to speak of
_FEWEST, _SHARE = 5, 4  # u is the m-th largest peak, m = peaks / 4 within 5..16
_TRIM = 5  # a fifth
_MEMORY = 16_000  # values; then the count is halved: what was rare long ago may be so no more
_LARGEST = 6e4  # of a 16-bit number
_LEVEL, _MEAN, _PEAK = range(3)


@dataclass(frozen=True, slots=True)
class Found:
    """How rare the numbers of each row are."""

    rarity: Float64  # of the rarest; 0: none is above its u
    which: Rows  # statistic of it
    level: npt.NDArray[np.float32]  # u, [row, statistic]; infinite while nothing is known
    every: Float64  # how rare each is, [row, statistic]


class Tails:
    """Peaks of several statistics of many series. Rows by slot."""

    def __init__(self, least: Float64) -> None:
        """Have a statistic for each of `least`: the mean excess that its tail has at least."""
        self._least = least
        # By statistic: u, b and the largest of the block that is open.
        self._now: npt.NDArray[np.float32] = np.zeros((0, 3, len(least)), np.float32)
        self._peaks: npt.NDArray[np.float16] = np.zeros((0, len(least), PEAKS), np.float16)
        self._blocks: npt.NDArray[np.float32] = np.zeros(0, np.float32)

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = size - len(self._blocks)
        now = np.zeros((more, 3, len(self._least)), np.float32)
        now[:, _LEVEL], now[:, _MEAN] = np.inf, 1.0
        self._now = np.concatenate([self._now, now])
        self._peaks = np.concatenate([self._peaks, np.zeros((more, *self._peaks.shape[1:]), np.float16)])
        self._blocks = np.concatenate([self._blocks, np.zeros(more, np.float32)])

    def forget(self, slot: Rows) -> None:
        """Begin some rows anew."""
        self._now[slot, _LEVEL], self._now[slot, _MEAN], self._now[slot, _PEAK] = np.inf, 1.0, 0.0
        self._peaks[slot], self._blocks[slot] = 0, 0

    def known(self, slot: Rows) -> Bool:
        """Return which tails have seen enough to speak."""
        enough: Bool = self._blocks[slot] >= ENOUGH
        return enough

    def take(
        self, slot: Rows, count: Int64, x: Float64, learns: Bool | bool = True, closes: Bool | bool = True
    ) -> Found:
        """Judge numbers, [row, statistic], and learn them. `count` is how many values there were before.

        A block stays open while it does not close: what has one cause is one peak, however long it lasts.
        """
        now = self._now.take(slot, axis=0)
        x = np.minimum(x, _LARGEST).astype(np.float32)
        s = np.zeros(x.shape)
        over = x > now[:, _LEVEL]
        if over.any():
            row, k = np.nonzero(over)
            blocks = self._blocks[slot[row]].astype(np.float64)
            m = _fewer(blocks)
            excess = x[row, k].astype(np.float64) - now[row, _LEVEL, k]
            rows = np.maximum(blocks * BLOCK / m, 1)
            s[row, k] = np.log10(rows) + m * np.log10(1 + excess / (m * now[row, _MEAN, k]))
        counts = count >= SETTLE
        peak = np.where((counts & learns)[:, None], np.maximum(now[:, _PEAK], x), now[:, _PEAK])
        ends = counts & (count % BLOCK == BLOCK - 1) & (count >= SETTLE + BLOCK - 1) & learns & closes
        if ends.any():
            self._close(slot[ends], peak[ends])
            peak[ends] = 0
        self._now[slot, _PEAK] = peak
        which = s.argmax(axis=1)
        return Found(s[np.arange(len(slot)), which], which, now[:, _LEVEL], s)

    def _close(self, slot: Rows, peak: npt.NDArray[np.float32]) -> None:
        """Take the peaks of blocks that are over."""
        before = self._blocks[slot]
        blocks = before + 1
        self._blocks[slot] = np.where(blocks * BLOCK > _MEMORY, blocks / 2, blocks)
        # Once all peaks count, one that is not above the least of them changes nothing.
        row, k = np.nonzero((peak > self._now[slot, _LEVEL]) | (_fewer(before) < PEAKS)[:, None])
        if not len(row):
            return
        at = slot[row]
        peaks = self._peaks[at, k]
        peaks[:, 0] = np.maximum(peaks[:, 0], np.minimum(peak[row, k], _LARGEST))
        peaks.sort(axis=1)
        self._peaks[at, k] = peaks
        kept = peaks.astype(np.float64)
        m = _fewer(self._blocks[at].astype(np.float64)).astype(np.intp)
        pair = np.arange(len(row))
        level = kept[pair, PEAKS - m]
        most = kept[pair, PEAKS - 1 - m // _TRIM]
        among = np.arange(PEAKS)[::-1] < m[:, None]  # of the sorted peaks, the m largest
        excess = np.where(among, np.minimum(kept, most[:, None]) - level[:, None], 0.0)
        for width in (8, 4, 2, 1):  # sums as a tree: the same bits however many rows there are
            excess = excess[:, :width] + excess[:, width:]
        # Peaks that are all alike know nothing of the next: a thousandth of their size is no news.
        least = np.maximum(np.maximum(1e-3 * np.abs(level), 1e-9), self._least[k])
        self._now[at, _LEVEL, k] = level
        self._now[at, _MEAN, k] = np.maximum(excess[:, 0] / m, least)

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {"tail_now": self._now.copy(), "tail_peaks": self._peaks.copy(), "tail_blocks": self._blocks.copy()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = len(self._blocks)
        self._now, self._peaks = state["tail_now"].copy(), state["tail_peaks"].copy()
        self._blocks = state["tail_blocks"].copy()
        if len(self._blocks) < size:
            self.grow(size)


def _fewer(blocks: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return m: how many of the largest peaks make the tail."""
    m: npt.NDArray[Any] = np.clip(np.floor(blocks / _SHARE), _FEWEST, PEAKS)
    return m
