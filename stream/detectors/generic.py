"""The detector of any metric: forecasts, ten statistics, each with its own tail; the rarest decides.

```
 value ─> forecasts ─> surprise above, below ──┐
   │         └───────> against its half hour ──┼─> tails ─> rarest ─> episodes ─> score, finding
   └────> windows ───> step, shift, movement, ─┘
                       run, shape, unlike
```
Few parts, one parameter set: scales and thresholds come from each series' own past. What each is for, what
was tried and what it cost is in docs/detection.md.
"""

import numpy as np
import numpy.typing as npt

from park.events import Anomaly, Baseline, Statistic
from park.operator import State
from park.readings import Bool, Float64, Int64, Rows
from stream.detectors.calendar import Calendar
from stream.detectors.episodes import NOTABLE, Episodes
from stream.detectors.judging import BASELINES, KINDS, Judged
from stream.detectors.recent import KEPT, LATELY, PACED, RECENT_COLUMNS, WINDOW, Window, settle, statistics
from stream.detectors.tails import Tails
from stream.detectors.usual import HALVES, LEVEL, MOVE, RUN, STEP, WILD, Days, Usual, View, held

LEARN_VALUES = 200  # below it a point has no tail to speak of
DAY = 86_400_000  # ms, and each hour must have been seen once
SATURDAY = 5
_MINUTE, _HALF = 60_000, 1_800_000
_STRIDE = 0.05  # at which the step between values is learned; a gap counts as no more than twice the step
_HASTE = 0.3  # the same, to see a faster pace within a handful of values; a slower one may be outages, and takes longer
_OTHER_PACE = 5.0  # times as fast, or as slow, as when it began: how far values move says nothing of how they will
_DENSE = 2.0  # minutes; below it the first day alone fills tails, with nothing held against what the hours have
_SETTLED = 3 * DAY  # ms at one pace; what changes it sooner, like all that speaks when it has changed, has none
_NO_PACE = -1.0
_FARTHEST = 1e15  # values beyond count as this: squares stay finite
_BARELY = 0.1  # of the scale of scores, for values that do not speak
_STILL = 0.01  # of the usual movement: below it nothing moves
_SLANTED = 0.3  # share of a shift that may happen within the window, for it to be a drift

_CLOCK = ("first", "newest", "count")
_FIRST, _NEWEST, _COUNT = range(len(_CLOCK))

STATISTICS = tuple(Statistic)
_ABOVE, _BELOW, _HOUR_ABOVE, _HOUR_BELOW, _STEP, _SHIFT, _MOVED, _RUN, _SHAPE, _UNLIKE = range(len(STATISTICS))
_KIND_OF = np.array([KINDS.index(k) for k in (
    Anomaly.SPIKE, Anomaly.DIP, Anomaly.CONTEXT, Anomaly.CONTEXT, Anomaly.SHIFT, Anomaly.SHIFT, Anomaly.VARIANCE,
    Anomaly.STUCK, Anomaly.SHAPE, Anomaly.SHAPE,
)])  # fmt: skip
_HELD = np.array([BASELINES.index(b) for b in (
    Baseline.FORECAST, Baseline.FORECAST, Baseline.HALF_HOUR, Baseline.HALF_HOUR, Baseline.LEVEL, Baseline.LEVEL,
    Baseline.MOVEMENT, Baseline.MOVEMENT, Baseline.HALF_HOUR, Baseline.HALF_HOUR,
)])  # fmt: skip
_SILENT = ~np.isin(np.arange(len(STATISTICS)), (_ABOVE, _BELOW, _HOUR_ABOVE, _HOUR_BELOW))  # near uncertain days
_LEAST = np.where(np.arange(len(STATISTICS)) == _RUN, 0.5, 0.0)  # mean excess of a tail that is no thinner
_STUCK, _DRIFT = KINDS.index(Anomaly.STUCK), KINDS.index(Anomaly.DRIFT)


class Generic:
    """Many series, rows by slot; a call takes at most one value a slot."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        """Have no series. `calendar` knows holidays; without one only the weekday says what a day of rest is."""
        self._calendar = calendar
        self._rows: npt.NDArray[np.float32] = np.zeros((0, RECENT_COLUMNS), np.float32)
        # By slot: ts of the first and of the newest value, and how many there were.
        self._clock: Int64 = np.zeros((0, 3), np.int64)
        self._usual, self._window = Usual(), Window()
        self._tails, self.episodes = Tails(_LEAST), Episodes()
        self._keeps: Bool = np.zeros(0, np.bool_)  # what rest does not lower; of the registry, not of a snapshot

    def grow(self, size: int) -> None:
        """Have at least so many slots."""
        if size <= len(self._rows):
            return
        size = max(size, len(self._rows) + len(self._rows) // 8, 1)  # a slot has 2 kB, and a city many
        more = size - len(self._rows)
        self._rows = np.concatenate([self._rows, np.zeros((more, RECENT_COLUMNS), np.float32)])
        self._clock = np.concatenate([self._clock, np.zeros((more, len(_CLOCK)), np.int64)])
        self._keeps = np.concatenate([self._keeps, np.zeros(size - len(self._keeps), np.bool_)])
        for part in (self._usual, self._window, self._tails, self.episodes):
            part.grow(size)

    def keep(self, slot: Rows, keeps: Bool) -> None:
        """Say which series rest does not lower, so that on holidays their fall is unusual, too."""
        self._keeps[slot] = keeps

    def learning(self, slot: Rows) -> Bool:
        """Return which series are too young to be judged."""
        first, newest, count = self._clock[slot].T
        young: Bool = (count < LEARN_VALUES) | (newest - first < DAY)
        return young | ~self._tails.known(slot)

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Judged:
        """Judge finite values by what came before them, then learn them.

        `local` is ms of park time; `weekday` (0: Monday) the day whose habits count: a make-up Saturday is a Friday.
        """
        value = held(value, -_FARTHEST, _FARTHEST)
        clock: Int64 = np.ascontiguousarray(self._clock.take(slot, axis=0).T)
        s: Float64 = np.ascontiguousarray(self._rows.take(slot, axis=0).T, np.float64)
        was_whole = clock[_NEWEST] - clock[_FIRST] >= DAY
        turned = self._pace(s, ts, clock)
        if turned.any():
            self._turn(s, slot, ts, turned, clock)
        count = clock[_COUNT].copy()
        level, usual_move = s[LEVEL].copy(), s[MOVE].copy()
        half = local // _HALF % HALVES
        whole = ts - clock[_FIRST] >= DAY
        came = whole & ~was_whole
        if came.any():
            self._tails.forget(slot[came & (s[STEP] <= _DENSE) & (s[KEPT] == 0)])
        days = self._days(slot, local, weekday, whole | (s[KEPT] > 0))
        view = self._usual.look(s, slot, half, days, value)
        ring, newest = self._window.push(slot, count, value, view.move)
        level, usual_move = np.where(count == 0, value, level), np.maximum(usual_move, 1e-3 * view.spread)
        found = statistics(s, view, ring, newest, level, usual_move)
        settle(s, ring, count)
        x = self._numbers(s, view, found)
        near = self._near(local, days.free)
        if near.any():
            x[near[:, None] & _SILENT] = 0
        learning = (count < LEARN_VALUES) | ~whole | ~self._tails.known(slot)
        one_cause = s[WILD] > 0
        if one_cause.any():
            one_cause &= self.episodes.standing(slot, ts)
        tails = self._tails.take(slot, count, x, ~near, ~one_cause)
        self._rows[slot] = s.T
        clock[_COUNT] += 1
        self._clock[slot] = clock.T
        which, reach = tails.which, tails.level.T
        rarest = np.where(learning, 0.0, tails.rarity)
        spoken = self.episodes.take(slot, ts, local, s[STEP], rarest)
        shown = np.maximum(spoken.score, 0)
        shown /= shown + NOTABLE
        both = reach[_HOUR_ABOVE : _HOUR_BELOW + 1]
        up, down = np.where(np.isfinite(both), np.maximum(both, 1), 3.0)
        kind, rising = _named(which, found, usual_move)
        return Judged(
            np.where(spoken.speaks, shown, _BARELY * shown), spoken.notable, learning, view.expected,
            view.expected - down * view.scale, view.expected + up * view.scale, spoken.score, kind, _HELD[which],
            rising, spoken, tails.every, np.maximum(found["still"], usual_move),
        )  # fmt: skip

    def _numbers(self, s: Float64, view: View, found: dict[str, Float64]) -> Float64:
        """Return the statistics of values, [value, statistic]."""
        x: Float64 = np.empty((len(STATISTICS), s.shape[1]))
        x[_ABOVE], x[_BELOW], x[_UNLIKE] = view.above, view.below, found["unlike"]
        np.maximum(view.day, 0, out=x[_HOUR_ABOVE])
        np.maximum(-view.day, 0, out=x[_HOUR_BELOW])
        for k, name in ((_STEP, "step"), (_SHIFT, "shift"), (_MOVED, "moved"), (_SHAPE, "shape")):
            np.abs(found[name], out=x[k])
        np.log2(1 + s[RUN], out=x[_RUN])
        return np.ascontiguousarray(x.T)

    def _days(self, slot: Rows, local: Int64, weekday: Int64, whole: Bool) -> Days:
        """Return which days are of rest, and which are uncertain: holidays, and days to make up for them."""
        rest = weekday >= SATURDAY
        if self._calendar is None:
            return Days(rest, np.zeros(len(rest), np.bool_), rest, whole)
        return Days(rest, self._calendar.uncertain(local // DAY), self._keeps[slot], whole)

    def _near(self, local: Int64, free: Bool) -> Bool:
        """Return for which the day before them, which windows and smoothed shapes remember, is uncertain, or their own.

        Without it the first midnight after a week's holiday told of a tenth of a park's points that they had been calm.
        """
        return free if self._calendar is None else free | self._calendar.uncertain(local // DAY - 1)

    def _pace(self, s: Float64, ts: Int64, clock: Int64) -> Bool:
        """Learn the step between values, in minutes; return whose pace is another than when it began.

        `clock` are columns of their own, transposed like `s`; both are changed.
        """
        first = clock[_COUNT] == 0
        if first.any():
            clock[: _NEWEST + 1, first] = ts[first]
        gap = (ts - clock[_NEWEST]) / _MINUTE
        np.maximum(ts, clock[_NEWEST], out=clock[_NEWEST])
        moved = gap > 0
        step = np.where(s[STEP] > 0, s[STEP], np.maximum(gap, 0))
        s[STEP] = step + np.where(moved, _STRIDE * (np.minimum(gap, 2 * step) - step), 0)
        lately = np.where(s[LATELY] > 0, s[LATELY], s[STEP])
        s[LATELY] = lately + np.where(moved, _HASTE * (np.minimum(gap, 2 * lately) - lately), 0)
        s[PACED] = np.where((s[PACED] == 0) & (clock[_COUNT] >= WINDOW), s[STEP], s[PACED])
        began = s[PACED]
        turned: Bool = (began > 0) & ((s[LATELY] * _OTHER_PACE < began) | (s[STEP] > began * _OTHER_PACE))
        return turned

    def _turn(self, s: Float64, slot: Rows, ts: Int64, turned: Bool, clock: Int64) -> None:
        """Learn series anew whose pace has changed, all but what each half hour has."""
        settled = turned & (ts - clock[_FIRST] >= _SETTLED)
        s[PACED, turned] = _NO_PACE
        s[:, settled] = 0
        s[KEPT, settled] = 1
        clock[_FIRST, settled], clock[_COUNT, settled] = ts[settled], 0
        self._tails.forget(slot[settled])

    def snapshot(self) -> State:
        """Return copies of all columns."""
        clock = {name: column.copy() for name, column in zip(_CLOCK, self._clock.T, strict=True)}
        return {
            "rows": self._rows.copy(), **clock, "habit": self._usual.habit.copy(), "away": self._usual.away.copy(),
            "seen": self._usual.seen.copy(), "ring": self._window.ring.copy(), **self._tails.snapshot(),
            **self.episodes.snapshot(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = len(self._rows)
        self._clock = np.stack([state[name] for name in _CLOCK], axis=1)
        rows = state["rows"]  # of an earlier program: with fewer columns
        self._rows = np.pad(rows, ((0, 0), (0, RECENT_COLUMNS - rows.shape[1])))
        self._window.ring = state["ring"].copy()
        self._usual.habit, self._usual.seen = state["habit"].copy(), state["seen"].copy()
        self._usual.away = state["away"].copy()
        self._tails.restore(state)
        self.episodes.restore(state)
        self.grow(size)


def _named(which: Rows, found: dict[str, Float64], usual_move: Float64) -> tuple[Int64, Bool]:
    """Return the kind of what is rarest, and whether it is upward."""
    kind = _KIND_OF[which]
    still = (which == _MOVED) & (found["still"] <= _STILL * usual_move)
    kind = np.where(still, _STUCK, kind)
    away = found["away"]
    slanted = (which == _SHIFT) & (np.abs(found["slope"]) < _SLANTED * np.abs(away))
    kind = np.where(slanted, _DRIFT, kind)
    sign = np.where(which == _MOVED, found["moved"], np.where(which == _SHAPE, found["shape"], away))
    sign = np.where((which == _ABOVE) | (which == _HOUR_ABOVE), 1.0, sign)
    sign = np.where((which == _BELOW) | (which == _HOUR_BELOW), -1.0, sign)
    sign = np.where(which == _STEP, found["step"], sign)
    return kind, sign > 0
