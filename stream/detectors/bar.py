"""A bar that each series sets itself: what counts as unusual, and how rare a score is.

The bar is some times the score that a tenth of the series' own values pass, within limits: labelled and
unlabelled series of one kind differ that much in how ragged they are, and no more. Beyond the tenth the tail
is taken as exponential with the mean excess that the series had, large ones cut, so that faults do not blind it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Bool, Float64, Int64, Rows

_TENTH, _RATE, _LEAST = 0.1, 0.002, 200  # a step of the quantile; it settles within so many values
_EXCESS_RATE, _CUT, _LEAST_EXCESS = 0.02, 3.0, 0.1
_LEAST_TENTH = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a bar begins, and where it may go; in units of the score."""

    times: float
    low: float
    high: float
    tenth: float = 1.8  # before there is a tail
    excess: float = 0.8


class OwnBar:
    """Bars of many series, rows by slot."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._c: dict[str, npt.NDArray[Any]] = {name: np.zeros(0, np.float32) for name in ("tenth", "excess")}

    def grow(self, size: int) -> None:
        """Have so many slots."""
        for name, fill in (("tenth", self._limits.tenth), ("excess", self._limits.excess)):
            more = np.full(size - len(self._c[name]), fill, np.float32)
            self._c[name] = np.concatenate([self._c[name], more])

    def take(self, slot: Rows, score: Float64, count: Int64, settled: Bool, learns: Bool) -> tuple[Float64, Float64]:
        """Return the bars of series and how rare scores are for them (log10 of values), then learn both.

        Before they are settled nothing is rare; what does not teach may be.
        """
        tenth, excess = self._c["tenth"][slot].astype(np.float64), self._c["excess"][slot].astype(np.float64)
        bar = np.clip(self._limits.times * tenth, self._limits.low, self._limits.high)
        over = score - tenth
        rarity: Float64 = np.where(settled, np.maximum(1 + over / (2.303 * excess), 0), 0.0)
        rate = 3 * np.maximum(_RATE, 1 / (count + _LEAST)) * np.maximum(tenth, 0.5)
        moved = np.maximum(tenth + rate * np.where(over > 0, 1 - _TENTH, -_TENTH), _LEAST_TENTH)
        self._c["tenth"][slot] = np.where(learns, moved, tenth)
        taken = np.maximum(excess + _EXCESS_RATE * (np.minimum(over, _CUT * excess) - excess), _LEAST_EXCESS)
        self._c["excess"][slot] = np.where(learns & (over > 0), taken, excess)
        return bar, rarity

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"bar_{name}": column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        for name in self._c:
            self._c[name] = state[f"bar_{name}"].copy()
