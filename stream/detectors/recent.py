"""What the last few values do together: their level, their movement, their unlikeness.

A shift too small for one value shows in the mean of sixteen; a stuck or a restless device in how much it
moves; an unusual day in many values that are each a little off. Each is held against what is usual of the same number.
"""

import numpy as np
import numpy.typing as npt

from park.readings import Float64, Int64, Rows
from stream.detectors.usual import (
    ERROR,
    HABITS,
    LEVEL,
    MOVE,
    OFFSET,
    SCALE,
    SPREAD,
    STEP,
    USUAL_COLUMNS,
    WILD,
    View,
    held,
)

WINDOW, SHORT = 16, 4
# Columns of a row, behind those of the forecasts.
SHORT_DEV, LONG_DEV, RESIDUE, RESIDUE_DEV, UNLIKE, PACED, LATELY, KEPT = range(USUAL_COLUMNS, USUAL_COLUMNS + 8)
RECENT_COLUMNS = USUAL_COLUMNS + 8

_WINSOR = 6.0
_WILD_MEAN = 30.0  # usual distances; a mean farther away holds a mistake
_SOFT = 0.05  # of the usual movement: added on both sides, so that the logarithm of no movement is finite
_RESIDUE_RATE, _RESIDUE_CLIP = 0.1, 6.0
_DAY, _DAY_VALUES = 1_440.0, (12.0, 96.0)  # minutes of a long window, and values within which it stays
_AGES = np.arange(SHORT)[:, None]
_QUIET = 0.05  # residues below it are no news


class Window:
    """The last values, and how far each was from the one before; rings, one a slot."""

    def __init__(self) -> None:
        self.ring: npt.NDArray[np.float32] = np.zeros((0, 2, WINDOW), np.float32)

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = np.zeros((size - len(self.ring), 2, WINDOW), np.float32)
        self.ring = np.concatenate([self.ring, more])

    def push(self, slot: Rows, count: Int64, value: Float64, move: Float64) -> tuple[Float64, Float64]:
        """Take values in; return the rings, [value or move, place, row], and the newest values, [age, row].

        A ring is filled from its beginning, so that the first values stand in order.
        """
        at = count % WINDOW
        first = count == 0
        if first.any():
            self.ring[slot[first], 0] = value[first, None]
        places, place = self.ring.reshape(-1), slot * (2 * WINDOW) + at
        places[place], places[place + WINDOW] = value, move
        rows: Float64 = self.ring.take(slot, axis=0).transpose(1, 2, 0).astype(np.float64, order="C")
        newest: Float64 = rows[0][(at - _AGES) % WINDOW, np.arange(len(slot))]
        return rows, newest


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


_WILD = 2  # of the first values may be mistakes


def first_of(values: Float64, count: Int64) -> tuple[Float64, Float64]:
    """Return the median and the mean of all but the largest two of the first `count` (1..WINDOW), [place, row]."""
    kept = np.where(np.arange(WINDOW)[:, None] < count, values, np.inf)
    kept.sort(axis=0)
    row = np.arange(values.shape[1])
    middle: Float64 = 0.5 * (kept[(count - 1) // 2, row] + kept[count // 2, row])
    fewer = np.maximum(count - _WILD, 1)
    for place in range(1, int(fewer.max())):  # sums of the smallest; `cumsum` goes column by column, at twenty times
        kept[place] += kept[place - 1]
    mean: Float64 = kept[fewer - 1, row] / fewer
    return middle, mean


def statistics(
    s: Float64, view: View, ring: Float64, newest: Float64, level: Float64, usual_move: Float64
) -> dict[str, Float64]:
    """Return the statistics of windows; learn what is usual of them. `s` are the rows, transposed; changed."""
    floor = 0.02 * view.spread
    long, short = mean_of(ring[0]), mean_of(newest)
    away, away_short = long - level, short - level
    moved = mean_of(ring[1])
    rate = np.where(view.learns, view.rate, 0.0)
    found = {
        "shift": away, "step": away_short,
        "moved": np.log((moved + _SOFT * usual_move) / ((1 + _SOFT) * usual_move)),
    }  # fmt: skip
    for name, column, distance in (("shift", LONG_DEV, away), ("step", SHORT_DEV, away_short)):
        usual = np.maximum(s[column], floor)
        found[name] = distance / usual
        size = np.abs(distance)
        learned = np.where((s[WILD] > 0) & (size > _WILD_MEAN * usual), 0.0, rate)
        s[column] += learned * (np.minimum(size, _WINSOR * usual) - s[column])
    s[RESIDUE] += _RESIDUE_RATE * (held(view.day, -_RESIDUE_CLIP, _RESIDUE_CLIP) - s[RESIDUE])
    found["shape"] = s[RESIDUE] / np.maximum(s[RESIDUE_DEV], _QUIET)
    s[RESIDUE_DEV] += rate * (np.abs(s[RESIDUE]) - s[RESIDUE_DEV])
    day = 1 / held(_DAY / np.maximum(s[STEP], 1.0), *_DAY_VALUES)
    s[UNLIKE] += day * (np.minimum(np.abs(view.day), _RESIDUE_CLIP) - s[UNLIKE])
    found["unlike"] = s[UNLIKE].copy()
    found["slope"] = short - long
    found["away"] = away
    found["still"] = moved
    return found


def settle(s: Float64, ring: Float64, count: Int64) -> None:
    """Set what is usual of rows with few values, so that none of the first decides it alone."""
    young = np.flatnonzero(count < WINDOW)
    if not len(young):
        return
    n = count[young] + 1
    value, moved = ring if len(young) == ring.shape[2] else ring[:, :, young]
    level, _ = first_of(value, n)
    spread = np.maximum(*first_of(np.abs(value - level), n))
    move = np.maximum(*first_of(moved, n))
    s[LEVEL, young], s[SPREAD, young], s[MOVE, young] = level, spread, move
    s[SCALE : SCALE + 4, young] = spread
    s[SCALE, young] = move
    s[ERROR : ERROR + HABITS, young] = spread
    s[OFFSET : OFFSET + HABITS, young] = 0
    s[SHORT_DEV, young] = s[LONG_DEV, young] = spread
