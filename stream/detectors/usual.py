"""What a value is expected to be: four plain forecasts, each trusted as far as it was right of late.

```
 last       the value before                        what wanders
 level      a slow mean, two weeks                  what stands still
 day        this half hour of the day + offset      what follows the clock
 week       this hour of the week                   what follows the calendar
```
Each is a Student-t density (4 degrees of freedom: one wild value moves nothing) around its forecast, with a
scale of its own that follows winsorised errors. Weights are the predictive likelihoods, with a share that
flows back so that no forecast is ever written off (Herbster and Warmuth, "Tracking the best expert", 1998).

State is rows of 32-bit numbers, one a slot; a call takes at most one value a slot and works on the
transposed rows, so that a point costs a few cache lines and not one for each column.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from park.readings import Float64, Int64, Rows

HALVES, WEEK = 48, 168
# Columns of a row.
COUNT, STEP, LAST, LEVEL, SPREAD, DAY_SPREAD, OFFSET, MOVE = range(8)
SCALE, WEIGHT = 8, 12
USUAL_COLUMNS = 16
YOUNG = 16  # values from which level and spread are medians: a mean of few is at the mercy of each

_LONG = 14 * 1_440.0  # minutes of the slow level; between so many values, for what speaks seldom or all the time:
_SLOWEST, _FASTEST = 1 / 4_000, 1 / 500
_DAY_SHARE = 0.3  # of a half hour's level that each day renews: a change of habit is learned within a week
_WEEK_SHARE = 0.15
_OFFSET_RATE, _OFFSET_KEEP = 0.02, 0.998
_ERROR_RATE = 1 / 500
_FLOW = 0.002  # of the weights that flows back at each value
_CLIP, _WINSOR = 4.0, 6.0  # spreads; a value counts as no farther away, so that one leaves the level where it was
_FLOOR = 0.02  # of the spread: below it an error is no news
_TINY = 1e-9


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
    young: npt.NDArray[np.bool_]


def tail(t: Float64) -> Float64:
    """Return the chance of Student's t (4 degrees of freedom) beyond t >= 0, exact and by its series from 20 on."""
    square = t * t
    g = t / np.sqrt(1 + square / 4)
    near = 0.5 - 0.375 * g * (1 - g * g / 12)
    far = 6 / np.maximum(square * square, 1.0) * (1 - 10 / np.maximum(square, 20.0))
    chance: Float64 = np.where(t > 20, far, near)
    return np.maximum(chance, 1e-30)


def density(t: Float64) -> Float64:
    """Return the density of Student's t with 4 degrees of freedom."""
    q = 1 + t * t / 4
    shape: Float64 = 0.375 / (q * q * np.sqrt(q))
    return shape


class Usual:
    """Levels by half hour of the day and hour of the week; the rows that they need beside are handed in."""

    def __init__(self) -> None:
        self.day: npt.NDArray[np.float32] = np.zeros((0, HALVES, 2), np.float32)  # level, mean absolute residual
        self.week: npt.NDArray[np.float32] = np.zeros((0, WEEK), np.float32)  # NaN: never seen
        self.seen: npt.NDArray[np.uint8] = np.zeros((0, HALVES), np.uint8)

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = size - len(self.day)
        self.day = np.concatenate([self.day, np.zeros((more, HALVES, 2), np.float32)])
        self.week = np.concatenate([self.week, np.full((more, WEEK), np.nan, np.float32)])
        self.seen = np.concatenate([self.seen, np.zeros((more, HALVES), np.uint8)])

    def look(self, s: Float64, slot: Rows, half: Int64, hour: Int64, value: Float64) -> View:
        """Judge values by what came before them, then learn them. `s` are the rows, transposed; it is changed."""
        count = s[COUNT]
        first = count == 0
        if first.any():
            s[LAST], s[LEVEL] = np.where(first, value, s[LAST]), np.where(first, value, s[LEVEL])
            s[WEIGHT : WEIGHT + 4] = np.where(first, 0.25, s[WEIGHT : WEIGHT + 4])
        young = count < YOUNG
        tiny = _TINY + 1e-6 * np.abs(s[LEVEL])
        spread = np.maximum(s[SPREAD], tiny)
        floor = np.maximum(_FLOOR * spread, tiny)
        bins = self.day[slot, half].astype(np.float64)
        seen = self.seen[slot, half]
        week = self.week[slot, hour].astype(np.float64)
        level = np.where(seen > 0, bins[:, 0], s[LEVEL])
        weekly = np.where(np.isnan(week), s[LEVEL], week)
        forecast = np.stack((s[LAST], s[LEVEL], level + s[OFFSET], weekly))
        above, below = self._mix(s, value - forecast, floor, count)
        residual = value - level
        scale = np.maximum(0.5 * np.where(seen >= 3, bins[:, 1], s[DAY_SPREAD]) + 0.5 * s[DAY_SPREAD], floor)
        move = np.abs(value - s[LAST])
        rate = np.maximum(1 / (count + 1), np.clip(s[STEP] / _LONG, _SLOWEST, _FASTEST))
        view = View(above, below, residual / scale, level, scale, spread, move, rate, young)
        self._learn(s, slot, half, hour, value, view, bins, seen, weekly, forecast[2])
        return view

    def _mix(self, s: Float64, error: Float64, floor: Float64, count: Float64) -> tuple[Float64, Float64]:
        """Return -log10 of the chances above and below; learn weights and scales of the forecasts."""
        scale = np.maximum(s[SCALE : SCALE + 4], floor)
        t = error / scale
        far = tail(np.abs(t))
        up = t > 0
        weight = s[WEIGHT : WEIGHT + 4]
        high = weight * np.where(up, far, 1 - far)
        low = weight * np.where(up, 1 - far, far)
        likely = weight * np.maximum(density(t) / scale, 1e-30)
        total = (likely[0] + likely[1]) + (likely[2] + likely[3])
        s[WEIGHT : WEIGHT + 4] = (1 - 4 * _FLOW) * likely / total + _FLOW
        away = np.abs(error)
        # 0.9: the mean absolute error of this t is close to its scale (it is 1.0 for 4 degrees of freedom).
        taken = 0.9 * np.where(count < YOUNG, away, np.minimum(away, _WINSOR * scale))
        s[SCALE : SCALE + 4] += np.maximum(1 / (count + 1), _ERROR_RATE) * (taken - s[SCALE : SCALE + 4])
        above = -np.log10(np.maximum((high[0] + high[1]) + (high[2] + high[3]), 1e-30))
        below = -np.log10(np.maximum((low[0] + low[1]) + (low[2] + low[3]), 1e-30))
        return above, below

    def _learn(
        self, s: Float64, slot: Rows, half: Int64, hour: Int64, value: Float64, view: View, bins: Float64,
        seen: npt.NDArray[np.uint8], weekly: Float64, forecast: Float64,
    ) -> None:  # fmt: skip
        spread, scale, rate = view.spread, view.scale, view.rate
        away = value - s[LEVEL]
        s[LEVEL] += rate * np.clip(away, -_CLIP * spread, _CLIP * spread)
        s[SPREAD] += rate * (np.minimum(np.abs(away), _WINSOR * spread) - s[SPREAD])
        usual = np.maximum(s[MOVE], 1e-3 * spread)
        s[MOVE] += rate * (np.minimum(view.move, _WINSOR * usual) - s[MOVE])
        # Levels of half hours and of hours of the week.
        residual = value - view.expected
        part = np.minimum(s[STEP] / 30, 1.0)
        pace = np.maximum(1 / (seen + 1.0), -np.expm1(np.log1p(-_DAY_SHARE) * part))
        wide = np.where(seen >= 3, 3 * scale, 9 * np.maximum(scale, spread))
        off = np.minimum(np.abs(residual), 2 * wide)
        self.day[slot, half, 0] = view.expected + pace * np.clip(residual, -wide, wide)
        self.day[slot, half, 1] = bins[:, 1] + pace * (off - bins[:, 1])
        self.seen[slot, half] = np.minimum(seen, 200) + 1
        s[DAY_SPREAD] += rate * (off - s[DAY_SPREAD])
        rest = value - weekly
        self.week[slot, hour] = weekly + _WEEK_SHARE * np.clip(rest, -3 * spread, 3 * spread)
        s[OFFSET] = _OFFSET_KEEP * (s[OFFSET] + _OFFSET_RATE * np.clip(value - forecast, -3 * scale, 3 * scale))
        s[LAST] = value
        s[COUNT] += 1
