"""Signs of fire in values: heat, smoke, CO and gas of life-safety devices, by level and by rise.

Full signs are alarms by themselves: a level alone is slow and a rise alone does not conform (a heat detector
must have a fixed temperature too), so each metric has a level, and rises that count only above a floor. A
rise is measured over a baseline that follows the value with a time constant of minutes: a steady ramp of r
per minute stands r x tau above it. Two readings in a row must agree, so that one spike is no fire.

Weak signs are small rises, that must stand out of what this very sensor does on its own:

```
  value - baseline  >=  max(rise of the rule, NOISE x usual distance from the baseline)
```
Strays are values that are not the present for sure: back-filled, from the broker's memory, or of a time before
the newest one (late and not called so, or by a clock that was set back). They teach nothing and rise from
nothing, for they come in bursts, in which every slope is false; but a level that is passed is evidence of a fire,
and is told with its label. The second of an earlier time in a row that comes no faster than it was measured is the
present, by a clock that was set back: from there on the point is judged as ever.

```
 late       later than all that was seen; two in a row, as of live ones     ──> a full sign
 retained   later than all that was seen; one is enough: the broker remembers no more
 earlier    from a device that does not call it late; two in a row
```
A late or retained one that a newer value has overtaken is history, and raises nothing.

The usual distance is learned from the point's own past, hours of it, a heater's cycle and the cell's
noise included; a wild value teaches no more than six times what is usual. What they amount to is decided in
fire_joint.py. All figures are rows of the rule table (sign_rules.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.metrics import CODE, NAMES
from park.operator import State
from park.readings import Bool, Float64, Int8, Int32, Int64, Quality, ReadingBatch, Rows
from park.records import Config
from stream.detectors.sign_rules import METRICS, readable, sign_rules
from stream.rounds import rounds

ROLE = 2  # role of the first metric in the column of the fire stage; states are 1
AGREE = 2  # readings in a row
NOISE = 5.0  # usual distances from the baseline: of a bell curve's mean distance, 4 sigma
# ms between readings from which one is a faint sign: where the second comes at once it costs nothing to wait for it.
_SELDOM = 5_000
# What one reading must pass: weak rises by a quarter, with which lorries are no more than with two; and of what is
# usual as many distances as make it as rare as two beyond NOISE: 6 sigma of a bell curve for twice 4.
_ALONE, _ALONE_NOISE = 1.25, 7.5
_UNSEEN = -(2**62)
_DEAF_AFTER = 5 * 60_000  # ms of silence after which a clock that went back is believed at once
# Of the time between two measurements the share between their receipts, from which no slope is much too steep: what
# is delivered once more comes in a burst, and a network that is late by seconds makes no burst of a pace of seconds.
_PACE = 0.5

# By metric, in the order of METRICS. Time constants of smoothing, ms: CO cells are noisy by tens of ppm; the
# others are judged as they come.
_SMOOTH = np.array([0.0, 0.0, 20_000.0, 10_000.0])
# What a sensor's distance from its baseline is taken for before it is known, in the metric's unit: a tenth of
# a kelvin and of a percent are what good sensors do, a CO cell 2 ppm (their data sheets' resolution); _PRIOR
# readings must say otherwise before it is believed.
_QUIET = np.array([0.1, 0.1, 2.0, 0.5])
_PRIOR = 10.0
# Readings from which a weak sign is believed: of smoke and heat all detectors are alike enough from the first,
# CO and gas cells are not.
_KNOWN = np.array([0, 0, 30, 30])
_USUAL_TAU = 2 * 3_600_000.0  # ms over which the usual distance is learned: longer than a heater's cycle
_WILD = 6.0  # usual distances by which one reading may teach, at most

_COLUMNS = {
    "smooth": np.float64,
    "base": np.float64,
    "ts": np.int64,  # newest, by the device's clock
    "at": np.int64,  # newest, log time
    "streak": np.int16,
    "calm": np.int16,
    "up": np.bool_,
    "back": np.float64,  # level below which the sign is gone
    "slow": np.float64,  # baseline of the weak sign
    "usual": np.float64,  # distance from it
    "taught": np.float64,  # readings that taught the usual distance
    "weak_streak": np.int16,
    "weak_calm": np.int16,
    "weak": np.bool_,
    "weak_back": np.float64,
    "raw": np.float64,  # newest value as it came
    "stray_ts": np.int64,  # newest stray, by the device's clock, and its value
    "stray_raw": np.float64,
    "back_ts": np.int64,  # newest of an earlier time, by the device's clock, and log time: none since one that was not
    "back_at": np.int64,
}
Kept = dict[str, npt.NDArray[Any]]  # some rows of each column
_TIMES = frozenset({"at", "ts", "stray_ts", "back_ts", "back_at"})


class Sign(IntFlag):
    """What a reading tells of its point."""

    BEGINS = 1  # a full sign
    RISING = 2  # ... by its rise, not its level
    GONE = 4
    WEAK = 8  # a weak sign stands
    WEAK_GONE = 16
    FAINT = 32  # a weak sign that one reading shows, of a point that speaks too seldom to wait for the next


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a batch that tell of a sign, rising."""

    rows: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    sign: Int8 = field(default_factory=lambda: np.zeros(0, np.uint8))
    limit: Float64 = field(default_factory=lambda: np.zeros(0))
    weak_limit: Float64 = field(default_factory=lambda: np.zeros(0))


_NOTHING = Found()


class Signs:
    """Levels and rises of analogue life-safety points, columns by point."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules = sign_rules(directory)
        self._column: dict[str, npt.NDArray[Any]] = {name: np.zeros(2, kind) for name, kind in _COLUMNS.items()}
        for name in _TIMES:
            self._column[name][:] = _UNSEEN
        self._metric = np.full(len(NAMES) + 1, -1, np.int8)  # by metric code: place in METRICS
        self._metric[[CODE[m] for m in METRICS]] = range(len(METRICS))

    def learn(self, config: Config, role: np.ndarray) -> None:
        """Grow, take new rules, and mark the points to look at in the role column."""
        d = self._directory
        if config.limits is not None:
            self._rules = sign_rules(d)
        metric = self._metric[d.metric[: d.size]]
        watched = (metric >= 0) & d.life[: d.size]
        role[: d.size][watched] = metric[watched] + ROLE
        for name, column in self._column.items():
            self._column[name] = grown(column, d.size, _fill(name))

    def forget(self, points: Sequence[int]) -> None:
        """Let signs of these points begin anew: they have been reset, and may raise again."""
        known = [p for p in points if p < len(self._column["up"])]
        for name in ("up", "streak", "weak", "weak_streak"):
            self._column[name][known] = 0

    def kept(self, points: Int32) -> Kept:
        """Return what is known of some points, to be `put` back."""
        return {name: column[points] for name, column in self._column.items()}

    def put(self, points: Int32, kept: Kept) -> None:
        """Know of some points what was `kept`, and nothing since."""
        for name, column in kept.items():
            self._column[name][points] = column

    def look(self, batch: ReadingBatch, analogue: Bool) -> Found:
        """Return what begins, stands and is gone with some rows of a batch."""
        quality = batch.quality
        # A wrong clock is no obstacle: times here are those of receipt. Out-of-range values are faults.
        usable = (quality <= Quality.RETAINED) | (quality == Quality.WRONG_CLOCK) | (quality >= Quality.TEST)
        usable &= analogue & readable(self._directory, batch)
        rows = np.flatnonzero(usable)
        if not len(rows):
            return _NOTHING
        sign = np.zeros(len(batch), np.uint8)
        limit, weak_limit = np.zeros(len(batch)), np.zeros(len(batch))
        for part in rounds(batch.point[rows]):
            self._round(batch, rows[part], sign, limit, weak_limit)
        found = np.flatnonzero(sign)
        return Found(found, sign[found], limit[found], weak_limit[found])

    def _round(self, batch: ReadingBatch, rows: Rows, sign: Int8, limit: Float64, weak_limit: Float64) -> None:
        c = self._column
        point = batch.point[rows]
        ts, received = batch.ts[rows], batch.received[rows]
        fresh = (ts > c["ts"][point]) | (received - c["at"][point] > _DEAF_AFTER)
        flagged = (batch.quality[rows] == Quality.LATE) | (batch.quality[rows] == Quality.RETAINED)
        if flagged.any() or not fresh.all():
            fresh |= self._paced(point, ts, received)
            fresh &= ~flagged
            earlier = ~fresh & ~flagged
            c["back_ts"][point[earlier]], c["back_at"][point[earlier]] = ts[earlier], received[earlier]
            self._strays(batch, rows[~fresh], sign, limit)
        rows, point, received = rows[fresh], point[fresh], received[fresh]
        c["back_at"][point] = _UNSEEN
        m = self._metric[self._directory.metric[point]]
        first = c["at"][point] == _UNSEEN
        elapsed = np.where(first, 0, np.maximum(received - c["at"][point], 0))
        value = self._smoothed(batch.value[rows], c["smooth"][point], first, elapsed, m)
        sign[rows], limit[rows] = self._full(point, m, value, first, elapsed)
        told, weak_limit[rows] = self._weak(point, m, value, first, elapsed)
        sign[rows] |= told
        c["smooth"][point] = value
        c["ts"][point], c["at"][point] = batch.ts[rows], received
        c["raw"][point] = batch.value[rows]

    def _paced(self, point: Int32, ts: Int64, received: Int64) -> Bool:
        """Tell which values of an earlier time come as fast as they were measured after another such one."""
        before = self._column["back_at"][point]
        measured = ts - self._column["back_ts"][point]
        paced: Bool = (before != _UNSEEN) & (measured > 0) & (received - before >= _PACE * measured)
        return paced

    def _strays(self, batch: ReadingBatch, rows: Rows, sign: Int8, limit: Float64) -> None:
        """Judge values that are not the present for sure, by their level alone."""
        c = self._column
        point, ts, value, quality = batch.point[rows], batch.ts[rows], batch.value[rows], batch.quality[rows]
        retained = quality == Quality.RETAINED
        flagged = retained | (quality == Quality.LATE)
        known = ((ts == c["ts"][point]) & (value == c["raw"][point])) | (
            (ts == c["stray_ts"][point]) & (value == c["stray_raw"][point])
        )
        # A retained message without a time of its own has that of receipt: of what was seen it is the copy.
        copied = retained & (ts == batch.received[rows])
        known |= copied & (c["at"][point] != _UNSEEN) & (value == c["raw"][point])
        known |= copied & (c["stray_ts"][point] != _UNSEEN) & (value == c["stray_raw"][point])
        overtaken = flagged & (ts <= np.maximum(c["ts"][point], c["stray_ts"][point]))
        news = ~known & ~overtaken
        rows, point, value, retained = rows[news], point[news], value[news], retained[news]
        m = self._metric[self._directory.metric[point]]
        level = self._rules.level[m]
        hot = value >= level
        streak = np.where(hot, np.minimum(c["streak"][point] + 1, 1_000), 0)
        start = hot & ~c["up"][point] & (retained | (streak >= AGREE))
        c["stray_ts"][point], c["stray_raw"][point] = batch.ts[rows], value
        c["streak"][point] = streak
        c["up"][point] |= start
        c["back"][point] = np.where(start, level - self._rules.band[m], c["back"][point])
        sign[rows], limit[rows] = (start * Sign.BEGINS).astype(np.uint8), level

    def _full(self, point: Rows, m: Rows, value: Float64, first: Bool, elapsed: Int64) -> tuple[Int8, Float64]:
        """Judge levels and full rises; return signs and limits."""
        c, rules = self._column, self._rules
        base = np.where(first, value, c["base"][point])
        by_level = value >= rules.level[m]
        by_rise = (value - base >= rules.rise[:, m]) & (value >= rules.floor[:, m])
        hit = by_level | by_rise.any(axis=0)
        streak = np.where(hit, np.minimum(c["streak"][point] + 1, 1_000), 0)
        up = c["up"][point]
        calm = np.where(up & (value < c["back"][point]), c["calm"][point] + 1, 0)
        start, end = ~up & (streak >= AGREE), up & (calm >= AGREE)
        least = np.where(by_rise, rules.rise[:, m], np.inf).min(axis=0)
        passed = np.where(by_level, rules.level[m], base + least)
        limit = np.where(end, c["back"][point], passed)
        # The baseline falls ten times as fast as it rises: what has cooled down is calm again.
        tau = np.where(value < base, rules.tau[m] / 10, rules.tau[m])
        c["base"][point] = base + (value - base) * -np.expm1(-elapsed / tau)
        c["streak"][point], c["calm"][point] = streak, calm
        c["up"][point] = (up | start) & ~end
        back = np.where(by_level, rules.level[m] - rules.band[m], base + least / 2)
        c["back"][point] = np.where(start, back, c["back"][point])
        sign = start * np.where(by_level, Sign.BEGINS, Sign.BEGINS | Sign.RISING) + end * Sign.GONE
        return sign.astype(np.uint8), limit

    def _weak(self, point: Rows, m: Rows, value: Float64, first: Bool, elapsed: Int64) -> tuple[Int8, Float64]:
        """Judge weak rises against what the point does on its own; return signs and limits."""
        c, rules = self._column, self._rules
        slow = np.where(first, value, c["slow"][point])
        # Of what has changed in a long silence nobody can say that it rose fast: the baseline goes along first.
        silence = np.maximum(elapsed - rules.weak_tau[m] / 2, 0)
        slow = slow + (value - slow) * -np.expm1(-silence / rules.weak_tau[m])
        usual = np.where(first, _QUIET[m], c["usual"][point])
        away = value - slow
        least = np.maximum(rules.weak[m], NOISE * usual)
        hit = (away >= least) & (value >= rules.weak_floor[m]) & (c["taught"][point] >= _KNOWN[m])
        streak = np.where(hit, np.minimum(c["weak_streak"][point] + 1, 1_000), 0)
        up = c["weak"][point]
        calm = np.where(up & (away < c["weak_back"][point]), c["weak_calm"][point] + 1, 0)
        stands, end = hit & (streak >= AGREE), up & (calm >= AGREE)
        # One reading must show what the next would, if it stayed as it is: by then the baseline has come nearer.
        moved = np.minimum(elapsed, rules.weak_tau[m] / 2)
        lasts = away * np.exp(-moved / rules.weak_tau[m])
        alone = lasts >= np.maximum(_ALONE * rules.weak[m], _ALONE_NOISE * usual)
        faint = hit & alone & ~up & ~stands & (elapsed >= _SELDOM)
        c["weak_streak"][point], c["weak_calm"][point] = streak, calm
        c["weak"][point] = (up | stands | faint) & ~end
        c["weak_back"][point] = np.where((stands | faint) & ~up, least / 2, c["weak_back"][point])
        taught = np.minimum(c["taught"][point] + 1, 1e6)
        # A rise that may be a sign teaches slowly, however new the sensor: hours of a heater, no minutes of a fire.
        share = np.maximum(np.where(up | hit, 0.0, 1 / (_PRIOR + taught)), -np.expm1(-elapsed / _USUAL_TAU))
        lesson = np.minimum(np.abs(away), _WILD * usual) - usual
        c["usual"][point] = np.maximum(usual + share * lesson, _QUIET[m])
        c["taught"][point] = taught
        tau = np.where(value < slow, rules.weak_tau[m] / 4, rules.weak_tau[m])
        c["slow"][point] = slow + (value - slow) * -np.expm1(-moved / tau)
        return (stands * Sign.WEAK + faint * Sign.FAINT + end * Sign.WEAK_GONE).astype(np.uint8), slow + least

    def _smoothed(self, value: Float64, before: Float64, first: Bool, elapsed: Int64, metric: Rows) -> Float64:
        """Return values with their cell's noise taken out; where readings are minutes apart, as they are."""
        tau = _SMOOTH[metric]
        share = np.where(first | (tau == 0), 1.0, -np.expm1(-elapsed / np.maximum(tau, 1)))
        smooth: Float64 = before + share * (value - before)
        return smooth

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"sign_{name}": column.copy() for name, column in self._column.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; those that it did not know yet begin anew."""
        for name, column in self._column.items():
            known = state.get(f"sign_{name}")
            if known is None:
                # A baseline begins at the value, as it does for a point that was never heard.
                known = state["sign_smooth"] if name == "slow" else np.zeros(0, column.dtype)
            self._column[name] = grown(known.copy(), len(column), _fill(name))


def _fill(name: str) -> int:
    return _UNSEEN if name in _TIMES else 0
