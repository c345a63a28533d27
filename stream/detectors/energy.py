"""Use per interval (energy, water): held against its hour of the week, in ratios, by two memories.

```
 use ─ ln ─> less the hour's level ─┬─ slow (months) ─┬─> / usual deviation ─> now, and smoothed ─> score
                                    └─ fast (weeks) ──┘                       and equal values ──┘
```
A building's use is a product: season x day x hour, so that faults are ratios. Two memories, because a
building that changes for good is unusual to the slow one only, and one that drifts with the season is not
unusual to the fast one. The usual deviation forgets much slower than the levels: what happens every few
weeks is usual. Scores are in usual deviations; the bar is twice what the point's own score passes in a tenth
of its hours, within limits. Constants and what was tried: docs/detection-energy-count.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Bool, Float64, Int64, Rows
from stream.detectors.bar import Limits, OwnBar
from stream.detectors.calendar import Calendar
from stream.detectors.judging import Marks

HOUR, DAY = 3_600_000, 86_400_000
LEARN = 7 * DAY  # each hour of the week was seen once; before, nothing is judged
_SETTLED, _SETTLING = 28 * DAY, 0.3  # share of a score while hours were seen less than four times
_SMALL = 0.02  # of the usual use: below it ratios mean nothing
_STEPS, _SURE = 2.0, 24  # of what it counts in: one more or less is chance; values that show what that is
_FEW = 20.0  # steps of a usual hour, below which they matter
_COUNTED, _MOST = 0.02, 500.0  # part of a step that is none; steps of a difference above which nobody can tell
_WILD, _WILD_HOURS, _WILD_FADES = 3.0, 72.0, 0.125  # ln: twenty times is a mistake, no habit, for three days at most
_RATES = (0.03, 0.3)  # a week, of the slow and the fast level
_CLIPS = (2.0, 3.0)  # usual deviations that a level follows one value
_OFFSET_RATE = 0.01  # an hour; the fast memory also follows the last days as a whole
_WEIGHTS = (0.6, 0.4)
_LEAST = 0.12  # smallest deviation that counts as usual: a tenth is what weather and people do
_WINSOR, _SCALE_RATE = 4.0, 0.005  # of the usual deviation; it follows a year of its hours
_BELOW = 0.8  # use below the usual counts less: closing early is commoner than using more
_FAR = 30.0  # usual deviations; more is not more unusual
_SMOOTH, _RELAX, _SMOOTHED = 0.2, 0.6, 1.4  # an hour: while away, on the way back; what it counts
_HELD = 0.9  # of a score is kept for the next value: the hour after a fault is part of it
_EQUALS, _EQUAL_GROWS, _EQUAL_FADES = 4.0, 2.0, 0.9995  # what repeats beyond the longest usual run add
_BAR = Limits(times=2.0, low=2.2, high=3.4)  # usual deviations
_FARTHEST = 1e15
_WEEK, _POOL = 168, 48
_QUANTUM, _ZERO = 1_024.0, 16.0  # levels are kept as whole numbers: 1/1024 of ln, from -16 on
_SLOW, _FAST = 0, 1
_UNKNOWN = 0.3  # deviation of an hour that was seen less than three times
_SUNDAY, _WEDNESDAY = 6, 2

_COLUMNS: dict[str, tuple[tuple[int, ...], Any]] = {
    "level": ((2, _WEEK), np.uint16),  # by memory and hour of the week
    "pool": ((2, _POOL), np.float32),  # by memory and hour of workdays and weekends: before an hour is known
    "deviation": ((2, _POOL), np.float32),
    "seen": ((_WEEK,), np.uint8),
    "pooled": ((_POOL,), np.uint8),
    "offset": ((2,), np.float32),
    "smooth": ((2,), np.float32),
    "first": ((), np.int64),
    "newest": ((), np.int64),
    "count": ((), np.int32),
    "usual": ((), np.float64),  # ln of the usual use
    "last": ((), np.float64),
    "run": ((), np.float32),  # values equal to the one before
    "longest": ((), np.float32),  # usual run of them
    "raw": ((), np.float32),  # score of the value before
    "wild": ((), np.float32),  # hours of mistakes of late
    "step": ((), np.float32),  # least difference of two values: what its register counts in
    "steps": ((), np.uint8),  # differences in a row that were multiples of it
    "floor": ((), np.float32),  # difference that is chance, as levels have it
}


@dataclass(frozen=True, slots=True)
class _Memory:
    """What one memory has of the hours of values, columns by value; ln of use."""

    kind: int  # _SLOW, _FAST
    seen: Float64  # how often the hour of the week was
    pooled: Float64  # and the hour of workdays or of weekends
    common: Float64  # level of the latter
    own: Float64
    offset: Float64
    level: Float64
    scale: Float64


class Energy:
    """Many series, rows by slot; a call takes at most one value a slot."""

    def __init__(self, calendar: Calendar | None = None) -> None:
        self._calendar = calendar or Calendar()
        self._c: dict[str, npt.NDArray[Any]] = {n: np.zeros((0, *s), k) for n, (s, k) in _COLUMNS.items()}
        self._bar = OwnBar(_BAR)

    def grow(self, size: int) -> None:
        """Have at least so many slots."""
        had = len(self._c["count"])
        if size <= had:
            return
        size = max(size, had + had // 8)
        for name, column in self._c.items():
            fresh = np.zeros((size - had, *column.shape[1:]), column.dtype)
            self._c[name] = np.concatenate([column, fresh])
        self._bar.grow(size)

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Marks:
        """Judge finite values by what came before them, then learn them."""
        c = self._c
        use = np.clip(value, 0, _FARTHEST)
        count = c["count"][slot]
        fresh = count == 0
        c["first"][slot] = np.where(fresh, ts, c["first"][slot])
        step = np.where(fresh, 1.0, np.clip((ts - c["newest"][slot]) / HOUR, 0, 1))  # of an hour
        age = ts - c["first"][slot]
        learning, settling = age < LEARN, age < _SETTLED
        usual = np.where(fresh, np.log(use + 1e-3), c["usual"][slot])
        dead, lift = self._counted_in(slot, use, fresh, np.exp(usual)), _SMALL * np.exp(usual)
        lift = self._lifted(slot, lift, dead)
        y = np.log(use + lift + 1e-6)
        hour = local // HOUR % 24
        week = weekday * 24 + hour
        pool = np.where(weekday >= 5, 24, 0) + hour
        free = self._calendar.uncertain(local // DAY)
        slow, fast = (self._expected(k, slot, week, pool, y) for k in (_SLOW, _FAST))
        wild = self._wild(slot, slow, hour, y, step)
        usable = ~(free | wild)
        score = np.zeros(len(slot))
        for memory, m in ((_SLOW, slow), (_FAST, fast)):
            z = self._deviations(m, slot, week, (y, use, lift), dead, free)
            score += _WEIGHTS[memory] * self._smoothed(memory, slot, z, step)
            self._learn(m, slot, week, pool, y, step, usable)
        for name, hours in (("seen", week), ("pooled", pool)):
            c[name][slot, hours] += usable & (c[name][slot, hours] < 255)
        raw = score + self._repeats(slot, use, fresh)
        held = np.maximum(raw, _HELD * c["raw"][slot])
        c["raw"][slot] = raw
        shown = np.where(learning, 0.0, np.where(settling, _SETTLING * held, held))
        bar = self._bar.take(slot, shown, count, usable & ~settling)
        pace = np.maximum(0.02, 3 / (count + 1)) * np.where(fresh | wild, 0, 1)
        c["usual"][slot] = usual + np.clip(np.log(use + 1e-3) - usual, -pace, pace)
        c["newest"][slot] = np.where(fresh, ts, np.maximum(ts, c["newest"][slot]))
        c["last"][slot], c["count"][slot] = use, np.minimum(count + 1, 2**30)
        middle, low, high = (
            np.maximum(np.exp(slow.level + k * bar * slow.scale) - lift, 0) for k in (0, -1 / _BELOW, 1)
        )
        return Marks(shown / (shown + bar), shown >= bar, learning, middle, low, high)

    def _expected(self, k: int, slot: Rows, week: Int64, pool: Int64, y: Float64) -> _Memory:
        """Return what one memory has of the hours of values."""
        c = self._c
        seen, pooled = c["seen"][slot, week].astype(np.float64), c["pooled"][slot, pool].astype(np.float64)
        common = np.where(pooled > 0, c["pool"][slot, k, pool], y)
        own = np.where(seen > 0, c["level"][slot, k, week] / _QUANTUM - _ZERO, common)
        sure = np.minimum(seen / 3, 1)
        offset = c["offset"][slot, k].astype(np.float64)
        level = sure * own + (1 - sure) * common + offset
        spread = np.where(pooled >= 3, c["deviation"][slot, k, pool], _UNKNOWN)
        return _Memory(k, seen, pooled, common, own, offset, level, np.maximum(spread, _LEAST))

    def _wild(self, slot: Rows, slow: _Memory, hour: Int64, y: Float64, step: Float64) -> Bool:
        """Return which values are mistakes: twenty times what the hour has, and not for days on end."""
        hours = self._c["wild"][slot].astype(np.float64)
        far = (y - slow.level > _WILD) & (slow.pooled >= 3)
        if far.any():  # than on a workday, too: some Saturdays are worked
            far &= y - self._of(_SLOW, slot, _WEDNESDAY * 24 + hour, y) > _WILD
        self._c["wild"][slot] = np.where(far, hours + step, np.maximum(hours - _WILD_FADES * step, 0))
        wild: Bool = far & (hours < _WILD_HOURS)
        return wild

    def _deviations(
        self, m: _Memory, slot: Rows, week: Int64, value: tuple[Float64, Float64, Float64], dead: Float64, free: Bool
    ) -> Float64:
        """Return how far values are from what a memory has, in usual deviations. `value`: ln, use and lift."""
        y, use, lift = value
        if dead.any():
            nearer = use + np.clip(np.exp(m.level) - lift - use, -dead, dead)
            y = np.where(dead > 0, np.log(np.maximum(nearer, 0) + lift + 1e-6), y)
        off = y - m.level
        if free.any():
            off = np.where(free, self._nearer(m.kind, slot, week, y - m.offset, off), off)
        z = np.clip(off / m.scale, -_FAR, _FAR)
        below: Float64 = np.where(z < 0, _BELOW * z, z)
        return below

    def _learn(self, m: _Memory, slot: Rows, week: Int64, pool: Int64, y: Float64, step: Float64, usable: Bool) -> None:
        """Let a memory follow values, but those that are mistakes or of days that may be worked or not."""
        c, k = self._c, m.kind
        off = y - m.level
        taken = np.clip(off, -_CLIPS[k] * m.scale, _CLIPS[k] * m.scale)
        rate = np.maximum(_RATES[k] * step, 1 / (m.seen + 1)) * usable
        c["level"][slot, k, week] = np.clip(np.rint((m.own + rate * taken + _ZERO) * _QUANTUM), 0, 65_535)
        rate = np.maximum(0.1 * step, 1 / (m.pooled + 1)) * usable
        c["pool"][slot, k, pool] = m.common + rate * np.where(m.pooled < 3, y - m.common, taken)
        had = c["deviation"][slot, k, pool]
        rate = np.maximum(_SCALE_RATE * step, 1 / (m.pooled + 1)) * usable
        c["deviation"][slot, k, pool] = had + rate * (np.minimum(np.abs(off), _WINSOR * m.scale) - had)
        if k == _FAST:
            c["offset"][slot, k] = m.offset + _OFFSET_RATE * step * usable * taken

    def _nearer(self, k: int, slot: Rows, week: Int64, y: Float64, off: Float64) -> Float64:
        """Return how far values are from all between a day of work and a day of rest."""
        other = np.where(week >= 5 * 24, _WEDNESDAY, _SUNDAY) * 24 + week % 24
        second = y - self._of(k, slot, other, y - off)
        between = off * second <= 0
        nearer: Float64 = np.where(between, 0.0, np.where(np.abs(off) < np.abs(second), off, second))
        return nearer

    def _of(self, k: int, slot: Rows, week: Int64, unknown: Float64) -> Float64:
        """Return the levels that a memory has of other hours of the week."""
        level = self._c["level"][slot, k, week] / _QUANTUM - _ZERO
        of: Float64 = np.where(self._c["seen"][slot, week] > 0, level, unknown)
        return of

    def _smoothed(self, k: int, slot: Rows, z: Float64, step: Float64) -> Float64:
        """Return how far out a memory says values are: now, or for hours on end."""
        smooth = self._c["smooth"][slot, k].astype(np.float64)
        back = (np.abs(z) < 0.5 * np.abs(smooth)) | (z * smooth < 0)
        rate = 1 - (1 - np.where(back, _RELAX, _SMOOTH)) ** step
        smooth += rate * (z - smooth)
        self._c["smooth"][slot, k] = smooth
        out: Float64 = np.maximum(np.abs(z), _SMOOTHED * np.abs(smooth))
        return out

    def _counted_in(self, slot: Rows, use: Float64, fresh: Bool, usual: Float64) -> Float64:
        """Return the difference that is chance: two steps, where values have shown what they count in. Learn it."""
        c = self._c
        step, times = c["step"][slot].astype(np.float64), c["steps"][slot]
        apart = np.abs(use - c["last"][slot])
        ratio = apart / np.where(step > 0, step, 1)
        differs = ~fresh & (apart > 1e-9) & (apart > 1e-6 * use)
        finer = differs & ((step == 0) | (ratio < 1 - _COUNTED))
        multiple = differs & ~finer & (np.abs(ratio - np.rint(ratio)) < _COUNTED) & (ratio < _MOST)
        c["step"][slot] = np.where(finer, apart, step)
        kept = np.where(differs & ~multiple & (ratio < _MOST), 0, times)
        c["steps"][slot] = np.minimum(kept + multiple, 250)
        coarse = (times >= _SURE) & (_FEW * step > usual)
        return np.where(coarse, _STEPS * step, 0.0).astype(np.float32).astype(np.float64)

    def _lifted(self, slot: Rows, small: Float64, dead: Float64) -> Float64:
        """Return what is added to use before its ln; where it is no longer what it was, levels are moved along."""
        c = self._c
        floor = c["floor"][slot].astype(np.float64)
        lift = np.maximum(small, dead)
        moved = np.flatnonzero(dead != floor)
        if len(moved):
            some = slot[moved]
            was, now = np.maximum(small, floor)[moved], lift[moved]
            level = np.exp(c["level"][some] / _QUANTUM - _ZERO) + (now - was)[:, None, None]
            pool = np.exp(c["pool"][some].astype(np.float64)) + (now - was)[:, None, None]
            level = np.log(np.maximum(level, now[:, None, None]))
            c["level"][some] = np.clip(np.rint((level + _ZERO) * _QUANTUM), 0, 65_535)
            c["pool"][some] = np.log(np.maximum(pool, now[:, None, None]))
            c["deviation"][some] = np.minimum(c["deviation"][some], _UNKNOWN)
            c["pooled"][some] = np.minimum(c["pooled"][some], 3)
            c["floor"][some] = dead[moved]
        return lift

    def _repeats(self, slot: Rows, use: Float64, fresh: Bool) -> Float64:
        """Return what equal values in a row add, beyond the second and beyond what is usual of the series."""
        c = self._c
        before, longest = c["run"][slot].astype(np.float64), c["longest"][slot].astype(np.float64)
        same = (use == c["last"][slot]) & ~fresh
        run = np.where(same, np.minimum(before + 1, 1e6), 0)
        adds: Float64 = np.clip(run - 1 - longest, 0, _EQUALS)
        ended = ~same & (before > 0)
        grown = np.where(before > longest, longest + np.minimum(before - longest, _EQUAL_GROWS), longest)
        c["longest"][slot] = np.where(ended, grown, longest * _EQUAL_FADES)
        c["run"][slot] = run
        return adds

    def snapshot(self) -> State:
        """Return copies of all columns."""
        return {**{name: column.copy() for name, column in self._c.items()}, **self._bar.snapshot()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = len(self._c["count"])
        for name in self._c:
            self._c[name] = state[name].copy()
        self._bar.restore(state)
        self.grow(size)
