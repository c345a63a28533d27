"""What a value is expected to be: four plain forecasts, each trusted as far as it was right of late.

```
 last       the value before                                 what wanders
 level      a slow mean, two weeks                           what stands still
 day        this half hour of any day, + today's offset      what follows the clock
 type       this half hour of a workday or of a day of rest  what follows the calendar
```
Each is a Student-t density (4 degrees of freedom: one wild value moves nothing) around its forecast, with a
scale of its own that follows winsorised errors. Weights are the predictive likelihoods, with a share that
flows back so that no forecast is ever written off (Herbster and Warmuth, "Tracking the best expert", 1998).

What the hour usually has, without the last value, is the band that charts draw: of the two habits the one
that has erred less. Most points do the same on all days, and learn it in half the time.

State is rows of 32-bit numbers, one a slot; a call takes at most one value a slot and works on the
transposed rows, so that a point costs a few cache lines and not one for each column.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from park.readings import Bool, Float64, Int64, Rows

HALVES = 48
HABITS = 2  # any day; workdays and days of rest
_BINS = 3 * HALVES
# Columns of a row.
COUNT, STEP, LAST, LEVEL, SPREAD, MOVE, RUN, KNOWN = range(8)
SCALE, WEIGHT, OFFSET, ERROR, WILD = 8, 12, 16, 18, 20
USUAL_COLUMNS = 21
YOUNG = 16  # values from which level and spread are medians: a mean of few is at the mercy of each

_LONG = 14 * 1_440.0  # minutes of the slow level; between so many values, for what speaks seldom or all the time:
_SLOWEST, _FASTEST = 1 / 4_000, 1 / 500
_DAY_SHARE = 0.3  # of a half hour's level that each day renews: a change of habit is learned within a week
_DAY_KEEPS = float(np.log1p(-_DAY_SHARE))
_OFFSET_RATE, _OFFSET_KEEP = 0.02, 0.998
_ERROR_RATE = 1 / 500
_TYPED = 0.9  # of the error over all days: below it workdays and days of rest are told apart
_FLOW = 0.002  # of the weights that flows back at each value
_CLIP, _WINSOR = 4.0, 6.0  # spreads; a value counts as no farther away, so that one leaves the level where it was
_FLOOR = 0.02  # of the spread: below it an error is no news
_TINY = 1e-9
_WILD, _WILD_STILL, _TALL = 50.0, 20.0, 4.0  # times the level and four spreads around it: a mistake of the unit ...
_WILD_MINUTES, _WILD_FADES = 4_320.0, 0.125  # ... for three days; then it is learned like any other


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of the days of values, columns by value."""

    rest: Bool  # of rest
    free: Bool  # worked or not, nobody knows: both are usual, and neither is learned
    keeps: Bool  # rest does not lower the series: its fall is none of a free day's
    whole: Bool  # a day has passed since the first value, so that what a half hour has is known of another day


@dataclass(frozen=True, slots=True)
class View:
    """How values look to the forecasts, columns by value."""

    above: Float64  # -log10 of the chance of a value so high, and of one so low
    below: Float64
    day: Float64  # residual against what the half hour usually has, in its scales
    expected: Float64
    scale: Float64  # of the half hour
    spread: Float64  # of all values around the level, never 0
    move: Float64  # |change| since the value before
    rate: Float64  # at which slow means take a value in
    young: Bool
    learns: Bool  # no mistake, and no day that may be worked or not


def student(t: Float64) -> tuple[Float64, Float64]:
    """Return the chance of Student's t (4 degrees of freedom) beyond t >= 0, and its density there.

    The chance is exact, and by its series from 20 on.
    """
    square = t * t
    q = 1 + square / 4
    root = np.sqrt(q)
    g = t / root
    chance: Float64 = 0.5 - 0.375 * g * (1 - g * g / 12)
    far = t > 20
    if far.any():
        series = 6 / np.maximum(square * square, 1.0) * (1 - 10 / np.maximum(square, 20.0))
        chance = np.where(far, series, chance)
    density: Float64 = 0.375 / (q * q * root)
    return np.maximum(chance, 1e-30), density


def held(x: Float64, low: Float64 | float, high: Float64 | float) -> Float64:
    """Return what `np.clip` does, without what it asks first: of a hundred values that is most of its time."""
    inside: Float64 = np.minimum(np.maximum(x, low), high)
    return inside


@dataclass(frozen=True, slots=True)
class _Habits:
    """The bins that values fall into, [habit, value]."""

    bins: Int64  # places in all slots' bins, and in all slots' hours
    hours: Int64
    level: Float64
    away: Float64  # mean absolute residual
    seen: Int64
    learns: Bool  # what is not wild, on days that are what they seem


class Usual:
    """Habits by half hour; the rows that they need beside are handed in."""

    def __init__(self) -> None:
        self.habit: npt.NDArray[np.float32] = np.zeros((0, _BINS), np.float32)  # level
        self.away: npt.NDArray[np.float32] = np.zeros((0, _BINS // 2), np.float32)  # by hour: mean absolute residual
        self.seen: npt.NDArray[np.uint8] = np.zeros((0, _BINS), np.uint8)

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = size - len(self.habit)
        self.habit = np.concatenate([self.habit, np.zeros((more, _BINS), np.float32)])
        self.away = np.concatenate([self.away, np.zeros((more, _BINS // 2), np.float32)])
        self.seen = np.concatenate([self.seen, np.zeros((more, _BINS), np.uint8)])

    def look(self, s: Float64, slot: Rows, half: Int64, days: Days, value: Float64) -> View:
        """Judge values by what came before them, then learn them.

        `s` are the rows, transposed; it is changed.
        """
        count = s[COUNT]
        first = count == 0
        if first.any():
            s[LAST], s[LEVEL] = np.where(first, value, s[LAST]), np.where(first, value, s[LEVEL])
            s[WEIGHT : WEIGHT + 4] = np.where(first, 0.25, s[WEIGHT : WEIGHT + 4])
        tiny = _TINY + 1e-6 * np.abs(s[LEVEL])
        spread = np.maximum(s[SPREAD], tiny)
        floor = np.maximum(_FLOOR * spread, tiny)
        bins = np.empty((HABITS, len(slot)), np.int64)
        bins[0] = half
        np.add(half, np.where(days.rest, 2 * HALVES, HALVES), out=bins[1])
        hours = bins // 2 + slot * (_BINS // 2)
        bins += slot * _BINS
        away = self.away.take(hours).astype(np.float64)
        seen = self.seen.take(bins).astype(np.int64)
        known = seen > 0
        level = np.where(known, self.habit.take(bins).astype(np.float64), s[LEVEL])
        typed = (s[ERROR + 1] < _TYPED * s[ERROR]) & known[1]
        expected = np.where(typed, level[1], level[0])
        off = np.where(typed, away[1], away[0])
        usual = np.where(typed, s[ERROR + 1], s[ERROR])
        familiar = np.where(typed, seen[1], seen[0])
        scale = np.maximum(0.5 * np.where(familiar >= 3, off, usual) + 0.5 * usual, floor)
        error = np.empty((4, len(slot)))
        np.subtract(value, s[LAST], out=error[0])
        np.subtract(value, s[LEVEL], out=error[1])
        np.subtract(value, level + s[OFFSET : OFFSET + HABITS], out=error[2:])
        move = np.abs(error[0])
        off = value - expected
        wild = self._wild(s, off, spread, familiar)
        above, below = self._mix(s, error, floor, count, wild)
        known, apart = days.whole & (familiar > 0), scale
        if days.free.any():
            # What a firm that never rested is at rest nobody knows, so that less than usual is never unusual but of
            # what rest does not lower, and more only by as much as values are apart on other days.
            above, below = np.where(days.free, 0.0, above), np.where(days.free, 0.0, below)
            off = np.where(days.free, self._beyond(slot, half, days, level, value), off)
            apart = np.where(days.free, np.maximum(scale, spread), scale)
        view = View(
            above, below, np.where(known, off / apart, 0.0), expected, scale, spread,
            move, np.maximum(1 / (count + 1), held(s[STEP] / _LONG, _SLOWEST, _FASTEST)),
            count < YOUNG, ~wild & ~(typed & days.free),
        )  # fmt: skip
        self._learn(s, value, view, _Habits(bins, hours, level, away, seen, ~wild & ~days.free), days.whole)
        return view

    def _wild(self, s: Float64, off: Float64, spread: Float64, familiar: Int64) -> Bool:
        """Return which values are mistakes: too far out for a habit, and not for days on end."""
        times = np.where(s[WILD] > 0, _WILD_STILL, _WILD)
        far = (np.abs(off) > times * (np.abs(s[LEVEL]) + _TALL * spread)) & (familiar >= 3)
        wild: Bool = far & (s[WILD] < _WILD_MINUTES)
        s[WILD] = np.where(far, s[WILD] + s[STEP], np.maximum(s[WILD] - _WILD_FADES * s[STEP], 0))
        return wild

    def _beyond(self, slot: Rows, half: Int64, days: Days, level: Float64, value: Float64) -> Float64:
        """Return how far values of uncertain days are above the highest of their hour's habits; 0 elsewhere.

        Of what rest does not lower also how far they are below the lowest, less than 0.
        """
        rows = np.flatnonzero(days.free)
        some = slot[rows]
        here = half[rows][:, None] + HALVES * np.arange(HABITS + 1)
        seen, habit = self.seen[some[:, None], here] > 0, self.habit[some[:, None], here]
        high = np.maximum(np.where(seen, habit, -np.inf).max(axis=1), level[:, rows].max(axis=0))
        low = np.minimum(np.where(seen, habit, np.inf).min(axis=1), level[:, rows].min(axis=0))
        fall = np.where(days.keeps[rows], np.minimum(value[rows] - low, 0), 0.0)
        off = np.zeros(len(value))
        off[rows] = np.maximum(value[rows] - high, 0) + fall
        return off

    def _mix(self, s: Float64, error: Float64, floor: Float64, count: Float64, wild: Bool) -> tuple[Float64, Float64]:
        """Return -log10 of the chances above and below; learn weights and scales of the forecasts."""
        scale = np.maximum(s[SCALE : SCALE + 4], floor)
        away = np.abs(error)
        far, density = student(away / scale)
        near, up = 1 - far, error > 0
        weight = s[WEIGHT : WEIGHT + 4]
        high = weight * np.where(up, far, near)
        low = weight * np.where(up, near, far)
        likely = weight * np.maximum(density / scale, 1e-30)
        total = (likely[0] + likely[1]) + (likely[2] + likely[3])
        s[WEIGHT : WEIGHT + 4] = (1 - 4 * _FLOW) * likely / total + _FLOW
        # 0.9: the mean absolute error of this t is close to its scale (it is 1.0 for 4 degrees of freedom).
        taken = 0.9 * np.minimum(away, _WINSOR * scale)
        rate = np.where(wild, 0.0, np.maximum(1 / (count + 1), _ERROR_RATE))
        s[SCALE : SCALE + 4] += rate * (taken - s[SCALE : SCALE + 4])
        above = -np.log10(np.maximum((high[0] + high[1]) + (high[2] + high[3]), 1e-30))
        below = -np.log10(np.maximum((low[0] + low[1]) + (low[2] + low[3]), 1e-30))
        return above, below

    def _learn(self, s: Float64, value: Float64, view: View, habits: _Habits, whole: Bool) -> None:
        spread, rate = view.spread, np.where(view.learns, view.rate, 0.0)
        away = value - s[LEVEL]
        clip = _CLIP * spread
        s[LEVEL] += rate * held(away, -clip, clip)
        s[SPREAD] += rate * (np.minimum(np.abs(away), _WINSOR * spread) - s[SPREAD])
        moves = np.maximum(s[MOVE], 1e-3 * spread)
        s[MOVE] += rate * (np.minimum(view.move, _WINSOR * moves) - s[MOVE])
        s[RUN] = np.where(view.move <= 1e-3 * s[MOVE], s[RUN] + 1, 0)
        # Habits.
        error = s[ERROR : ERROR + HABITS]
        scale = np.maximum(view.scale, 0.5 * (habits.away + error))
        residual = value - habits.level
        wide = np.where(habits.seen >= 3, 3 * scale, 9 * np.maximum(scale, spread))
        off = np.minimum(np.abs(residual), 2 * wide)
        pace = np.maximum(1 / (habits.seen + 1.0), -np.expm1(_DAY_KEEPS * np.minimum(s[STEP] / 30, 1.0)))
        pace = np.where(view.young | ~habits.learns, 0.0, pace)
        self.habit.reshape(-1)[habits.bins] = habits.level + pace * held(residual, -wide, wide)
        self.away.reshape(-1)[habits.hours] = habits.away + pace * (off - habits.away)
        self.seen.reshape(-1)[habits.bins] = np.where(view.young, 0, np.minimum(habits.seen, 200) + habits.learns)
        known = whole & (habits.seen[0] > 0) & habits.learns
        s[KNOWN] += known
        fresh = np.maximum(1 / np.maximum(s[KNOWN], 1), view.rate)
        s[ERROR : ERROR + HABITS] = np.where(
            known, error + fresh * (off - error), np.where(habits.learns, spread, error)
        )
        offset, most = s[OFFSET : OFFSET + HABITS], 3 * scale
        today = held(residual - offset, -most, most)
        s[OFFSET : OFFSET + HABITS] = _OFFSET_KEEP * (offset + _OFFSET_RATE * today * habits.learns)
        s[LAST] = value
        s[COUNT] += 1
