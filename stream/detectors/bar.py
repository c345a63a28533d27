"""A bar that each series sets itself: what counts as unusual.

The bar is some times the score that a tenth of the series' own values pass, within limits: labelled and
unlabelled series of one kind differ that much in how ragged they are, and no more.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Bool, Float64, Int64, Rows

_TENTH, _RATE, _LEAST = 0.1, 0.002, 200  # a step of the quantile; it settles within so many values
_LEAST_TENTH = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a bar begins, and where it may go; in units of the score."""

    times: float
    low: float
    high: float
    tenth: float = 1.8  # before there is a tail


class OwnBar:
    """Bars of many series, rows by slot."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tenth: npt.NDArray[np.float32] = np.zeros(0, np.float32)

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = np.full(size - len(self._tenth), self._limits.tenth, np.float32)
        self._tenth = np.concatenate([self._tenth, more])

    def take(self, slot: Rows, score: Float64, count: Int64, learns: Bool) -> Float64:
        """Return the bars of series, then learn them."""
        tenth = self._tenth[slot].astype(np.float64)
        bar: Float64 = np.clip(self._limits.times * tenth, self._limits.low, self._limits.high)
        rate = 3 * np.maximum(_RATE, 1 / (count + _LEAST)) * np.maximum(tenth, 0.5)
        moved = np.maximum(tenth + rate * np.where(score > tenth, 1 - _TENTH, -_TENTH), _LEAST_TENTH)
        self._tenth[slot] = np.where(learns, moved, tenth)
        return bar

    def snapshot(self) -> State:
        """Return a copy of the column."""
        return {"bar_tenth": self._tenth.copy()}

    def restore(self, state: State) -> None:
        """Take the column of an earlier snapshot."""
        self._tenth = state["bar_tenth"].copy()
