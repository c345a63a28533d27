"""The score of the Numenta Anomaly Benchmark, from rows that a detector marked.

Per window only the first mark counts, the more the earlier; a missed window and every mark outside cost by
profile. With y the place in window lengths from the window's right edge (-1 at its left edge):

```
 weight(y) = 2 / (1 + e^(5 y)) - 1        a mark in a window earns weight(y) / weight(-1)
                                           a mark behind it costs  weight(y) x fp, -fp beyond three lengths
```
Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms", 2015; their scorer's constants.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from park.readings import Bool, Float64, Int64

FAR = 3.0  # window lengths behind a window from which a mark costs all of it
_SHARE, _LONGEST = 0.15, 5_000  # of the rows, but never more than of so many: 750


@dataclass(frozen=True, slots=True)
class Profile:
    """What right and wrong are worth."""

    missed: float
    false: float


PROFILES = MappingProxyType({
    "standard": Profile(1.0, 0.11), "low_fp": Profile(1.0, 0.22), "low_fn": Profile(2.0, 0.11),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """A labelled series."""

    name: str
    ts: Int64  # epoch ms
    windows: tuple[tuple[int, int], ...]  # first and last row of each window

    @property
    def probation(self) -> int:
        """Rows at the beginning that are not scored."""
        return int(_SHARE * min(len(self.ts), _LONGEST))


@dataclass(frozen=True, slots=True)
class Count:
    """What the marks of a series amount to; counts of several series add up."""

    earned: float = 0.0  # of windows found
    wrong: float = 0.0  # of marks outside, as a positive number, in marks
    found: int = 0
    windows: int = 0
    marks: int = 0  # outside
    rows: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.earned + other.earned, self.wrong + other.wrong, self.found + other.found,
            self.windows + other.windows, self.marks + other.marks, self.rows + other.rows,
        )  # fmt: skip

    def score(self, profile: Profile) -> float:
        """Return 0 for a detector that says nothing, 100 for a perfect one."""
        if not self.windows:
            return 0.0
        got = self.earned - profile.missed * (self.windows - self.found) - profile.false * self.wrong
        return 100 * (got / self.windows + profile.missed) / (1 + profile.missed)


def weight(y: Float64) -> Float64:
    """Return what a mark is worth at a place, in window lengths from a window's right edge."""
    worth: Float64 = 2 / (1 + np.exp(5 * np.clip(y, -1, FAR))) - 1
    return np.where(y > FAR, -1.0, worth)


def counted(series: Series, marks: Bool) -> Count:
    """Return what marks (one a row) of a series amount to."""
    marks = marks.copy()
    marks[: series.probation] = False
    inside = np.zeros(len(marks), np.bool_)
    earned, found = 0.0, 0
    for first, last in series.windows:
        inside[first : last + 1] = True
        hit = np.flatnonzero(marks[first : last + 1])
        if len(hit):
            found += 1
            y = -(last - first - hit[:1] + 1) / (last - first + 1)
            earned += float(weight(y)[0] / weight(np.array([-1.0]))[0])
    outside = np.flatnonzero(marks & ~inside)
    return Count(earned, float(_cost(outside, series.windows)), found, len(series.windows), len(outside), len(marks))


def _cost(rows: Int64, windows: Sequence[tuple[int, int]]) -> float:
    """Return the cost of marks outside the windows, in marks."""
    if not windows:
        return len(rows)
    ends = np.array([last for _, last in windows])
    lengths = np.array([max(last - first, 1) for first, last in windows])
    before = np.searchsorted(ends, rows) - 1
    y = np.where(before < 0, FAR + 1, (rows - ends[before]) / lengths[before])
    return float(-weight(y).sum())


def total(counts: Iterable[Count]) -> Count:
    """Add up."""
    result = Count()
    for count in counts:
        result += count
    return result
