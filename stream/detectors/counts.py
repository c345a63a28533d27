"""Counts per interval (people, vehicles): surges over a low-leaning usual, and counts that fail to come.

```
 count ─ 2 sqrt(n + 2) ─> less usual of the half hour ─> / usual deviation ─> smoothed, held ─┐
    └── none, where some were due: how many in a row ─────────────────────────────────────────┴─> score
```
A square root gives Poisson counts one deviation at night and at noon. What is usual leans low, and the usual
deviation is that of the values below it: events only add, and where they fill half of the evenings, a mean of
all evenings would call them usual. What an event has brought teaches nothing, unless it stays. A surge lasts:
values are smoothed over a few, and the largest is held for forty minutes; a whole day that is busier is half
forgiven. After Ihler, Hutchins, Smyth 2006, whose events are a second process on top of the usual one; constants
and what was tried: docs/detection-energy-count.md.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Float64, Int64, Rows
from stream.detectors.calendar import Calendar
from stream.detectors.judging import Marks

HALF, DAY = 1_800_000, 86_400_000
LEARN = 2 * DAY  # nothing is judged
_HALVES = 48
_LIFT = 2.0  # added to counts: at a night's few ones the root is steep
_RATE = 0.04  # at which levels follow, for each value
_UP, _DOWN = 0.8, 2.0  # usual deviations that a level follows one value: it leans low
_OPENING = 6.0  # the same, of a half hour that is new
_NEW = 6.0  # visits of a half hour
_OWN_WEEKS = 20.0  # a weekday has half of its own say after so many
_DOUBT, _EVENT = 1.0, 1.5  # of the smoothed score: from one to the other, less and less is learned upward
_LATELY = 7_200_000.0  # ms, time constant of how busy the last hours were
_LATELY_LOW, _LATELY_HIGH = -2.0, 4.0  # deviations that count for it
_FORGIVEN = 0.5  # of it: what is so all day is no event
_STAYS = 2.5  # of it: no event of two hours comes so far, and what stays is learned
_LEAST = 1.0  # mean absolute deviation; that of Poisson counts is 0.8, and no counter is that good
_ALL, _ALL_RATE = 0.7, 0.001  # share of the deviation of all hours, the rest is that of the half hour
_BIN_RATE, _WINSOR = 0.02, 4.0
_TO_SIGMA = 1.25  # of a normal mean absolute deviation
_FAR = 10.0
_SMOOTH, _ONE = 0.4, 0.4  # of a value; what one value counts by itself
_HELD = 2_400_000.0  # ms, time constant
_NONE_DUE, _NONE_MOST = 0.35, 8.0  # times the root of how many were due while none came; no more than this
_FARTHEST = 1e12
_SUNDAY, _WEDNESDAY = 6, 2
_BAR = 1.9  # deviations: roots make counters alike

_COLUMNS: dict[str, tuple[tuple[int, ...], Any]] = {
    "level": ((2 * _HALVES,), np.float32),  # by half hour of workdays, then of weekends; 0: not known
    "own": ((7 * _HALVES,), np.float16),  # by half hour of the week
    "deviation": ((2 * _HALVES,), np.float32),  # of values below the level
    "all": ((), np.float32),  # the same, of all hours
    "first": ((), np.int64),
    "newest": ((), np.int64),
    "count": ((), np.int32),
    "smooth": ((), np.float32),
    "held": ((), np.float32),
    "lately": ((), np.float32),  # deviations above the level, over the last hours
    "due": ((), np.float32),  # counts that were due since the last one
}


class Counts:
    """Many series, rows by slot; a call takes at most one value a slot."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        self._calendar = calendar or Calendar()
        self._c: dict[str, npt.NDArray[Any]] = {n: np.zeros((0, *s), k) for n, (s, k) in _COLUMNS.items()}

    def grow(self, size: int) -> None:
        """Have at least so many slots."""
        had = len(self._c["count"])
        if size <= had:
            return
        size = max(size, had + had // 8)
        for name, column in self._c.items():
            fresh = np.zeros((size - had, *column.shape[1:]), column.dtype)
            self._c[name] = np.concatenate([column, fresh])

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Marks:
        """Judge finite counts by what came before them, then learn them."""
        c = self._c
        count, fresh = c["count"][slot], c["count"][slot] == 0
        amount = np.clip(value, 0, _FARTHEST)
        y = 2 * np.sqrt(amount + _LIFT)
        c["first"][slot] = np.where(fresh, ts, c["first"][slot])
        gap = np.where(fresh, HALF, np.maximum(ts - c["newest"][slot], 0)).astype(np.float64)
        age = ts - c["first"][slot]
        learning = age < LEARN
        place = local / HALF % _HALVES - 0.5
        left, share = np.floor(place).astype(np.int64) % _HALVES, place - np.floor(place)
        right = (left + 1) % _HALVES
        weeks = age / (7 * DAY)
        level = (1 - share) * self._usual(slot, weekday, left, weeks, y)
        level += share * self._usual(slot, weekday, right, weeks, y)
        off = y - level
        kind = np.where(weekday >= 5, _HALVES, 0)
        here = np.maximum(
            (1 - share) * c["deviation"][slot, kind + left] + share * c["deviation"][slot, kind + right], 0
        )
        every = np.where(fresh, _LEAST, c["all"][slot])
        scale = np.maximum(_ALL * every + (1 - _ALL) * np.where(here > 0, here, every), _LEAST)
        free = self._calendar.uncertain(local // DAY)
        away = off
        if free.any():
            other = np.where(weekday >= 5, _WEDNESDAY, _SUNDAY)
            second = y - self._usual(slot, other, np.where(share > 0.5, right, left), weeks, y)
            nearer = np.where(np.abs(off) < np.abs(second), off, second)
            away = np.where(free, np.where(off * second <= 0, 0.0, nearer), off)
        far = away / (_TO_SIGMA * scale)
        lately = c["lately"][slot].astype(np.float64)
        z = np.clip(far - _FORGIVEN * lately, -_FAR, _FAR)
        rate = 1 - (1 - _SMOOTH) ** np.clip(gap / HALF, 1, 8)
        smooth = c["smooth"][slot] + rate * (z - c["smooth"][slot])
        none = self._none(slot, amount, level, scale, free)
        raw = np.maximum(np.maximum(smooth, _ONE * z), 0)
        held = np.maximum(raw, c["held"][slot] * np.exp(-np.minimum(gap, DAY) / _HELD))
        quiet = np.where(learning, 0.0, held)
        # A dead counter is marked, and never outranks a surge: what did not come is no event.
        shown = np.maximum(quiet, np.where(learning, 0.0, np.minimum(none, _BAR)))
        event = np.clip((smooth - _DOUBT) / (_EVENT - _DOUBT), 0, 1)
        stays = lately >= _STAYS
        teaches = np.where(learning | stays, 1.0, 1 - event)
        self._learn(slot, weekday, ((left, 1 - share), (right, share)), y, level, scale, free, gap, teaches, stays)
        c["smooth"][slot], c["held"][slot] = smooth, held
        fading = np.exp(-np.minimum(gap, DAY) / _LATELY)
        c["lately"][slot] = fading * lately + (1 - fading) * np.clip(far, _LATELY_LOW, _LATELY_HIGH)
        c["newest"][slot] = np.where(fresh, ts, np.maximum(ts, c["newest"][slot]))
        c["count"][slot] = np.minimum(count + 1, 2**30)
        middle, low, high = (
            np.maximum((np.maximum(level + k * _BAR * _TO_SIGMA * scale, 0) / 2) ** 2 - _LIFT, 0) for k in (0, -1, 1)
        )
        return Marks(shown / (shown + _BAR), shown >= _BAR, learning, middle, low, high)

    def _usual(self, slot: Rows, weekday: Int64, half: Int64, weeks: Float64, y: Float64) -> Float64:
        """Return what a half hour usually has: of all its kind of days, and more and more of its own weekday."""
        c = self._c
        common = c["level"][slot, np.where(weekday >= 5, _HALVES, 0) + half].astype(np.float64)
        own = c["own"][slot, weekday * _HALVES + half].astype(np.float64)
        common = np.where(common > 0, common, np.where(own > 0, own, y))
        say = np.where(own > 0, weeks / (weeks + _OWN_WEEKS), 0)
        usual: Float64 = common + say * (own - common)
        return usual

    def _none(
        self, slot: Rows, amount: Float64, level: Float64, scale: Float64, free: npt.NDArray[np.bool_]
    ) -> Float64:
        """Return how strange it is that none came: of n that were due, none by chance is exp(-n) at best."""
        due = np.maximum((np.maximum(level - scale, 0) / 2) ** 2 - _LIFT, 0)
        waiting = np.where((amount > 0) | free, 0.0, self._c["due"][slot] + due)
        self._c["due"][slot] = np.minimum(waiting, 1e6)
        strange: Float64 = np.minimum(_NONE_DUE * np.sqrt(waiting), _NONE_MOST)
        return strange

    def _learn(
        self, slot: Rows, weekday: Int64, parts: tuple[tuple[Int64, Float64], ...], y: Float64, level: Float64,
        scale: Float64, free: npt.NDArray[np.bool_], gap: Float64, teaches: Float64, stays: npt.NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Move levels towards values, upward less than downward, and deviations by the values below.

        `teaches`: share of a step upward that is taken, none while an event is under way; `stays`: it is no event.
        """
        c = self._c
        visits = c["count"][slot] * np.clip(gap / HALF, 0.02, 1) / _HALVES  # days, as good as
        off = np.minimum(np.abs(y - level), _WINSOR * scale)
        below = (y < level) & ~free
        kind = np.where(weekday >= 5, _HALVES, 0)
        for half, share in parts:
            for name, where, days in (("level", kind + half, visits), ("own", weekday * _HALVES + half, visits / 7)):
                had = c[name][slot, where].astype(np.float64)
                known = had > 0
                new = days < _NEW
                up = np.where(new | stays, _OPENING, _UP * _TO_SIGMA) * teaches
                step = np.clip(y - had, np.where(new, -_OPENING, -_DOWN * _TO_SIGMA) * scale, up * scale)
                rate = np.maximum(_RATE, 1 / (days * np.maximum(HALF / np.maximum(gap, 1), 1) + 1)) * share
                moved = np.where(known, had + rate * step, y)
                c[name][slot, where] = np.where(free, had, np.minimum(moved, 60_000))
            had = c["deviation"][slot, kind + half].astype(np.float64)
            rate = np.maximum(_BIN_RATE, 1 / (visits + 1)) * share
            c["deviation"][slot, kind + half] = np.where(below, had + rate * (off - had), had)
        every = np.where(c["count"][slot] == 0, _LEAST, c["all"][slot])
        rate = np.maximum(_ALL_RATE, 1 / (c["count"][slot] + 50))
        c["all"][slot] = np.where(below, every + rate * (off - every), every)

    def snapshot(self) -> State:
        """Return copies of all columns."""
        return {name: column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = len(self._c["count"])
        nothing = np.zeros(len(state["count"]), np.float32)  # "lately" is younger than the oldest snapshots
        for name in self._c:
            self._c[name] = state.get(name, nothing).copy()
        self.grow(size)
