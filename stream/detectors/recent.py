"""What the last few values do together: their level, their movement, their surprise.

A shift too small for one value shows in the mean of sixteen; a stuck or a restless device in how much it
moves; an unusual hour in many small surprises. Each is held against what is usual of the same number.
"""

import numpy as np
import numpy.typing as npt

from park.readings import Float64, Int64, Rows
from stream.detectors.usual import LAST, LEVEL, MOVE, USUAL_COLUMNS, View

WINDOW, SHORT = 16, 4
# Columns of a row, behind those of the forecasts.
SHORT_DEV, LONG_DEV, BURST, RESIDUE, RESIDUE_DEV = range(USUAL_COLUMNS, USUAL_COLUMNS + 5)
RECENT_COLUMNS = USUAL_COLUMNS + 5

_WINSOR = 6.0
_SOFT = 0.05  # of the usual movement: added on both sides, so that the logarithm of no movement is finite
_BURST_RATE, _LOUDEST = 1 / 12, 4.0
_RESIDUE_RATE, _RESIDUE_CLIP = 0.1, 6.0
_QUIET = 0.05  # residues below it are no news


class Window:
    """The last values, and how far each was from the one before; rings, one a slot."""

    def __init__(self) -> None:
        self.ring: npt.NDArray[np.float32] = np.zeros((0, 2, WINDOW), np.float32)

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = np.zeros((size - len(self.ring), 2, WINDOW), np.float32)
        self.ring = np.concatenate([self.ring, more])

    def push(self, slot: Rows, count: Int64, value: Float64, move: Float64) -> Float64:
        """Take values in; return the rings, [value or move, age, row]: age 0 is the newest."""
        at = count % WINDOW
        first = count == 0
        if first.any():
            self.ring[slot[first], 0] = value[first, None]
        self.ring[slot, 0, at], self.ring[slot, 1, at] = value, move
        rows = self.ring.take(slot, axis=0)
        order = (at[:, None] - np.arange(WINDOW)) % WINDOW
        return np.ascontiguousarray(np.take_along_axis(rows, order[:, None, :], axis=2).transpose(1, 2, 0), np.float64)


def mean_of(part: Float64) -> Float64:
    """Return means over the first axis, whose length is a power of two, as a tree of sums.

    The same bits however many rows there are, which `mean` does not promise.
    """
    length = len(part)
    while len(part) > 1:
        half = len(part) // 2
        part = part[:half] + part[half:]
    mean: Float64 = part[0] / length
    return mean


def median_of(values: Float64, count: Int64) -> Float64:
    """Return the median of the first `count` (1..WINDOW) of rings, [age, row]."""
    kept = np.where(np.arange(WINDOW)[:, None] < count, values, np.inf)
    kept.sort(axis=0)
    row = np.arange(values.shape[1])
    middle: Float64 = 0.5 * (kept[(count - 1) // 2, row] + kept[count // 2, row])
    return middle


def statistics(s: Float64, view: View, ring: Float64, level: Float64, usual_move: Float64) -> dict[str, Float64]:
    """Return the statistics of windows; learn what is usual of them. `s` are the rows, transposed; changed."""
    floor = 0.02 * view.spread
    long, short = mean_of(ring[0]), mean_of(ring[0, :SHORT])
    away, away_short = long - level, short - level
    moved = mean_of(ring[1])
    found = {
        "shift": away, "step": away_short,
        "moved": np.log((moved + _SOFT * usual_move) / ((1 + _SOFT) * usual_move)),
    }  # fmt: skip
    for name, column, distance in (("shift", LONG_DEV, away), ("step", SHORT_DEV, away_short)):
        usual = np.maximum(s[column], floor)
        found[name] = distance / usual
        size = np.abs(distance)
        s[column] += view.rate * (np.where(view.young, size, np.minimum(size, _WINSOR * usual)) - s[column])
    s[BURST] += _BURST_RATE * (np.minimum(np.maximum(view.above, view.below), _LOUDEST) - s[BURST])
    found["burst"] = s[BURST].copy()
    s[RESIDUE] += _RESIDUE_RATE * (np.clip(view.day, -_RESIDUE_CLIP, _RESIDUE_CLIP) - s[RESIDUE])
    found["shape"] = s[RESIDUE] / np.maximum(s[RESIDUE_DEV], _QUIET)
    s[RESIDUE_DEV] += view.rate * (np.abs(s[RESIDUE]) - s[RESIDUE_DEV])
    found["slope"] = mean_of(ring[0, : WINDOW // 2]) - mean_of(ring[0, WINDOW // 2 :])
    found["still"] = moved
    return found


def settle(s: Float64, ring: Float64, count: Int64) -> None:
    """Set level and spread of rows with few values to medians: none of the first values decides them alone."""
    young = np.flatnonzero(count < WINDOW)
    if not len(young):
        return
    n = count[young] + 1
    level = median_of(ring[0][:, young], n)
    spread = median_of(np.abs(ring[0][:, young] - level), n)
    s[LEVEL, young] = level
    s[LEVEL + 1, young] = spread
    s[MOVE, young] = median_of(ring[1][:, young], n)
    s[LAST, young] = ring[0, 0, young]
