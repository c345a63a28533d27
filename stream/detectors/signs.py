"""Signs of fire in values: heat, smoke, CO and gas of life-safety devices, by level and by rise.

A level alone is slow and a rise alone does not conform (a heat detector must have a fixed temperature
too), so each metric has a level, and rises that count only above a floor. A rise is measured over a
baseline that follows the value with a time constant of minutes: a steady ramp of r per minute stands
r x tau above it. Two readings in a row must agree, so that one spike is no fire. All figures are rows of
the rule table named `fire.*` and `gas.*`: `high` is the level, or for rules that end in `_rise` the rise,
`low` the floor, `on_delay` the time constant.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Reason
from park.metrics import CODE, NAMES
from park.operator import State
from park.readings import Bool, Float64, Int64, Quality, ReadingBatch, Rows
from park.records import Config
from stream.rounds import rounds

METRICS = ("temperature", "smoke_obscuration", "co", "gas_level")
ROLE = 2  # role of the first of them in the column of the fire stage; states are 1
AGREE = 2  # readings in a row
_UNSEEN = -(2**62)
_DEAF_AFTER = 5 * 60_000  # ms: a clock that went back is believed again after so long

# Time constants of smoothing, ms: CO cells are noisy by tens of ppm; the others are judged as they come.
_SMOOTH = np.array([0.0, 0.0, 20_000.0, 10_000.0])

_COLUMNS = {
    "smooth": np.float64,
    "base": np.float64,
    "ts": np.int64,  # newest, by the device's clock
    "at": np.int64,  # newest, log time
    "streak": np.int16,
    "calm": np.int16,
    "up": np.bool_,
    "back": np.float64,  # level below which the sign is gone
}


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a batch at which a sign begins, or is gone (BACK_IN_LIMITS), rising."""

    rows: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    reason: Sequence[Reason] = ()
    limit: Sequence[float] = ()


_NOTHING = Found()


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rule table by metric, in the order of METRICS; no rule is infinity."""

    level: Float64
    band: Float64  # below the level, before it is gone
    rise: Float64  # [2, metrics]
    floor: Float64  # [2, metrics]
    tau: Float64  # ms


def _rules(directory: Directory) -> _Rules:
    n = len(METRICS)
    rules = _Rules(
        np.full(n, np.inf), np.zeros(n), np.full((2, n), np.inf), np.full((2, n), np.inf), np.full(n, 120_000.0)
    )
    taken = [0] * n
    for row in directory.limits:
        if not row.rule.startswith(("fire.", "gas.")) or row.metric not in METRICS or row.high is None:
            continue
        m = METRICS.index(row.metric)
        if not row.rule.endswith("_rise"):
            rules.level[m], rules.band[m] = row.high, row.dead_band
        elif taken[m] < len(rules.rise):
            rules.rise[taken[m], m] = row.high
            rules.floor[taken[m], m] = row.low if row.low is not None else -np.inf
            rules.tau[m] = max(row.on_delay, 1)
            taken[m] += 1
    return rules


class Signs:
    """Levels and rises of analogue life-safety points, columns by point."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules = _rules(directory)
        self._column: dict[str, npt.NDArray[Any]] = {name: np.zeros(2, kind) for name, kind in _COLUMNS.items()}
        self._column["at"][:] = self._column["ts"][:] = _UNSEEN
        self._metric = np.full(len(NAMES) + 1, -1, np.int8)  # by metric code: place in METRICS
        self._metric[[CODE[m] for m in METRICS]] = range(len(METRICS))

    def learn(self, config: Config, role: np.ndarray) -> None:
        """Grow, take new rules, and mark the points to look at in the role column."""
        d = self._directory
        if config.limits is not None:
            self._rules = _rules(d)
        metric = self._metric[d.metric[: d.size]]
        watched = (metric >= 0) & d.life[: d.size]
        role[: d.size][watched] = metric[watched] + ROLE
        for name, column in self._column.items():
            fill = _UNSEEN if name in {"at", "ts"} else 0
            self._column[name] = grown(column, d.size, fill)

    def forget(self, points: Sequence[int]) -> None:
        """Let signs of these points begin anew: they have been reset, and may raise again."""
        known = [p for p in points if p < len(self._column["up"])]
        self._column["up"][known] = False
        self._column["streak"][known] = 0

    def look(self, batch: ReadingBatch, analogue: Bool) -> Found:
        """Return what begins and what is gone with some rows of a batch."""
        quality = batch.quality
        d = self._directory
        # A wrong clock is no obstacle: times here are those of receipt. Out-of-range values are faults.
        usable = (quality < Quality.LATE) | (quality == Quality.WRONG_CLOCK) | (quality >= Quality.TEST)
        usable &= analogue & np.isfinite(batch.value)
        usable &= (batch.value >= d.low[batch.point]) & (batch.value <= d.high[batch.point])
        rows = np.flatnonzero(usable)
        if not len(rows):
            return _NOTHING
        begins, gone = np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_)
        limit, rising = np.zeros(len(batch)), np.zeros(len(batch), np.bool_)
        for part in rounds(batch.point[rows]):
            self._round(batch, rows[part], begins, gone, limit, rising)
        found = np.flatnonzero(begins | gone)
        reasons = [
            Reason.BACK_IN_LIMITS if gone[i] else Reason.RATE_OF_RISE if rising[i] else Reason.ABOVE_LIMIT
            for i in found.tolist()
        ]
        return Found(found, reasons, limit[found].tolist())

    def _round(self, batch: ReadingBatch, rows: Rows, begins: Bool, gone: Bool, limit: Float64, rising: Bool) -> None:
        c, rules = self._column, self._rules
        point = batch.point[rows]
        fresh = (batch.ts[rows] > c["ts"][point]) | (batch.received[rows] - c["at"][point] > _DEAF_AFTER)
        rows, point = rows[fresh], point[fresh]
        value, received = batch.value[rows], batch.received[rows]
        m = self._metric[self._directory.metric[point]]
        first = c["at"][point] == _UNSEEN
        elapsed = np.where(first, 0, np.maximum(received - c["at"][point], 0))
        value = self._smoothed(value, c["smooth"][point], first, elapsed, m)
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
        back = np.where(by_level, rules.level[m] - rules.band[m], base + least / 2)
        begins[rows], gone[rows] = start, end
        limit[rows] = np.where(end, c["back"][point], passed)
        rising[rows] = ~by_level
        # The baseline falls ten times as fast as it rises: what has cooled down is calm again.
        tau = np.where(value < base, rules.tau[m] / 10, rules.tau[m])
        c["base"][point] = base + (value - base) * -np.expm1(-elapsed / tau)
        c["smooth"][point] = value
        c["ts"][point], c["at"][point] = batch.ts[rows], received
        c["streak"][point], c["calm"][point] = streak, calm
        c["up"][point] = (up | start) & ~end
        c["back"][point] = np.where(start, back, c["back"][point])

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
        """Take the columns of an earlier snapshot."""
        for name, column in self._column.items():
            fill = _UNSEEN if name in {"at", "ts"} else 0
            self._column[name] = grown(state[f"sign_{name}"].copy(), len(column), fill)
