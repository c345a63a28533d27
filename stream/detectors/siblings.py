"""A sensor's days against those of its siblings: what drifts or stands off by itself, however slowly.

```
 mean of the day ──less── the siblings' middle ──> against the last twenty such days ──> off, three days in a row: told
```
A sensor that drifts takes what its half hours have with it, and the weather hides the rest; the park's other
sensors of its metric have the same weather. Held against each other by the day, workdays against workdays, a drift
is plain after three days. What a quarter of them does together is a season, and no sensor's. Days that may be
worked or not (holidays, three weeks about Spring Festival) must be off from both, and teach nothing. Distances are
in robust deviations (1.4826 times the median absolute deviation, as of a normal distribution), and no deviation is
smaller than half of what a device may err.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Anomaly, Baseline, Finding, Reason
from park.operator import State
from park.readings import Bool, Float64, Int32, Int64, Rows
from stream.detectors.calendar import Calendar
from stream.detectors.episodes import NOTABLE
from stream.detectors.told import SEVERITIES, bar

METRICS = frozenset({"temperature", "humidity", "co2", "pm25", "pm10", "residual_current", "water_pressure"})
DAY, MINUTE = 86_400_000, 60_000
_WAIT = 600_000  # ms after a day's end that it is judged
_SATURDAY = 5
_PAST, _LAST, _FEWEST = 20, 3, 8  # days that are usual; the newest, which are not among them; fewer are no past
_RING = _PAST + _LAST
_FAR, _ROW = 5.0, 3  # deviations; days in a row
_WHOLE = 0.75  # of a day's values
_GIVEN_UP = 30 * DAY  # ms after which an episode of a sensor that has no more days is over; festivals are shorter
_SIBLINGS, _SEASON = 5, 0.25  # sensors that make a middle; share of them whose common course is a season
_NORMAL = 1.4826
_COLUMNS = {
    "point": np.int64,  # of the slot
    "done": np.int64,  # last park day that was judged
    "run": np.int8,  # days in a row that it was off; below zero: downward
    "since": np.int64,  # epoch ms at which the first of them began
    "told": np.int64,  # `since` of the episode that is told of; 0: none
    "until": np.int64,  # epoch ms at which the last day that was off ended
}


@dataclass(frozen=True, slots=True)
class Point:
    """What is known of points, columns by point."""

    offset: Int64  # ms from UTC to park time
    grain: Float64  # what a device may err
    rarity: Float64  # from which something is told
    least: Float64  # distance below which nothing is
    severity: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Row:
    """What a finding says of a day."""

    mean: float
    expected: float
    limit: float
    rarity: float


@dataclass(frozen=True, slots=True)
class _Held:
    """A day's means against what they should be, columns by slot."""

    mean: Float64
    expected: Float64
    limit: Float64  # distance that is off
    known: Bool

    def row(self, i: int, rarity: float) -> _Row:
        """Return what is said of one slot."""
        return _Row(float(self.mean[i]), float(self.expected[i]), float(self.limit[i]), float(rarity))


class Siblings:
    """Days of sensors; rows by slot, a slot a point."""

    def __init__(self, directory: Directory, calendar: Calendar) -> None:
        self._directory, self._calendar = directory, calendar
        self._slot = np.full(1, -1, np.int64)  # by point
        self._c: dict[str, npt.NDArray[Any]] = {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()}
        # The day at hand and the one before, by the day's parity: which it is, sum and number of its values.
        self._day: Int64 = np.zeros((0, 2), np.int64)
        self._sum: Float64 = np.zeros((0, 2))
        self._count: Int64 = np.zeros((0, 2), np.int64)
        self._past: npt.NDArray[np.float32] = np.zeros(
            (0, 2, _RING), np.float32
        )  # workdays, days of rest; oldest first
        self._quarter = 0  # of log time, when days were last looked at

    def on_points(self, points: list[int]) -> None:
        """Have a slot for each of some points."""
        self._slot = grown(self._slot, self._directory.size + 1, -1)
        new = np.array([p for p in points if self._slot[p] < 0], np.int64)
        if not len(new):
            return
        size = len(self._day) + len(new)
        self._slot[new] = np.arange(len(self._day), size)
        for name, column in self._c.items():
            more = new if name == "point" else np.zeros(len(new), column.dtype)
            self._c[name] = np.concatenate([column, more])
        self._day, self._sum, self._count = (
            np.concatenate([column, np.zeros((len(new), 2), column.dtype)])
            for column in (self._day, self._sum, self._count)
        )
        self._past = np.concatenate([self._past, np.full((len(new), 2, _RING), np.nan, np.float32)])

    def take(self, point: Int32, local: Int64, value: Float64) -> None:
        """Take values of different points, at times in ms of park time."""
        slot = self._slot.take(point, mode="clip")
        some = np.flatnonzero(slot >= 0)
        if not len(some):
            return
        slot, day = slot[some], local[some] // DAY
        at = day & 1
        new = day > self._day[slot, at]
        self._sum[slot[new], at[new]], self._count[slot[new], at[new]] = 0.0, 0
        self._day[slot[new], at[new]] = day[new]
        now = day == self._day[slot, at]
        slot, at = slot[now], at[now]
        self._sum[slot, at] += value[some][now]
        self._count[slot, at] += 1

    def on_tick(self, now: int, of: Point, told: Container[int]) -> Iterator[Finding]:
        """Judge the days that are over; yield what is told, but for points that are `told` of already."""
        if now // (15 * MINUTE) == self._quarter or not len(self._day):
            return
        self._quarter = now // (15 * MINUTE)
        c, d = self._c, self._directory
        for slot in np.flatnonzero((c["told"] > 0) & (now - c["until"] > _GIVEN_UP)).tolist():
            yield self._finding(slot, None, now, of, over=True)
            c["told"][slot], c["run"][slot] = 0, 0
        over = (now - _WAIT + of.offset[c["point"]]) // DAY - 1  # the last day that is
        due = np.flatnonzero((over > c["done"]) & (self._day[np.arange(len(over)), over & 1] == over))
        if not len(due):
            return
        c["done"][due] = over[due]
        point = c["point"][due]
        groups = np.stack([d.park[point], d.metric[point], over[due]])
        _, group = np.unique(groups, axis=1, return_inverse=True)
        for k in range(int(group.max(initial=-1)) + 1):
            some = due[group.reshape(-1) == k]
            yield from self._judge(some, int(over[some[0]]), now, of, told)

    def _judge(self, slot: Rows, day: int, now: int, of: Point, told: Container[int]) -> Iterator[Finding]:
        """Judge a day of siblings."""
        c, at = self._c, day & 1
        point = c["point"][slot]
        asked = DAY / np.maximum(self._directory.interval[point], MINUTE)
        whole = self._count[slot, at] >= _WHOLE * asked
        slot, point = slot[whole], point[whole]
        if len(slot) < _SIBLINGS:
            return
        mean = self._sum[slot, at] / self._count[slot, at]
        middle = float(np.median(mean))
        if self._calendar.uncertain(np.array([day]))[0]:
            held = self._either(slot, mean, middle, of.grain[point])
        else:
            rest = int(self._calendar.like(np.array([day]))[0] >= _SATURDAY)
            held = self._held(slot, rest, mean, middle, of.grain[point])
            self._past[slot, rest, :-1] = self._past[slot, rest, 1:]
            self._past[slot, rest, -1] = mean - middle
        away = mean - held.expected
        usual_bar = np.array([bar(step) for step in (np.maximum(self._directory.interval[point], MINUTE) / MINUTE)])
        size = np.abs(away) / held.limit
        off = held.known & (size * usual_bar >= of.rarity[point]) & (np.abs(away) >= of.least[point])
        if off.sum() > _SEASON * len(slot):
            off[:] = False
        begin = day * DAY - of.offset[point]
        up = np.where(away > 0, 1, -1)
        run = np.where(off, np.where(c["run"][slot] * up > 0, c["run"][slot] + up, up), 0)
        run = np.clip(run, -_ROW, _ROW)
        c["since"][slot] = np.where(np.abs(run) == 1, begin + 1, c["since"][slot])  # what comes at midnight is before
        c["run"][slot] = run
        c["until"][slot] = np.where(off, begin + DAY - 1, c["until"][slot])
        for i in np.flatnonzero((np.abs(run) >= _ROW) & (c["told"][slot] == 0)).tolist():
            if int(point[i]) in told:
                continue
            c["told"][slot[i]] = c["since"][slot[i]]
            yield self._finding(int(slot[i]), held.row(i, size[i] * usual_bar[i]), now, of)
        for i in np.flatnonzero((run == 0) & (c["told"][slot] > 0)).tolist():
            yield self._finding(int(slot[i]), held.row(i, size[i] * usual_bar[i]), now, of, over=True)
            c["told"][slot[i]] = 0

    def _held(self, slot: Rows, rest: int, mean: Float64, middle: float, grain: Float64) -> _Held:
        """Return what days should be by the siblings and their own past, and how far off is too far."""
        past = np.sort(self._past[slot, rest, :-_LAST].astype(np.float64), axis=1)  # of no day (nan) last
        days = np.isfinite(past).sum(axis=1)
        usual = _middle(past, days)
        spread = _NORMAL * _middle(np.sort(np.abs(past - usual[:, None]), axis=1), days)
        limit = _FAR * np.maximum(np.maximum(spread, grain / 2), 1e-9)
        return _Held(mean, middle + usual, limit, days >= _FEWEST)

    def _either(self, slot: Rows, mean: Float64, middle: float, grain: Float64) -> _Held:
        """Return what days that may be worked or not are held against: the nearer of both, which lie on one side."""
        work, rest = (self._held(slot, k, mean, middle, grain) for k in (0, 1))
        away, other = mean - work.expected, mean - rest.expected
        nearer = np.abs(away) / work.limit <= np.abs(other) / rest.limit
        return _Held(
            mean, np.where(nearer, work.expected, rest.expected), np.where(nearer, work.limit, rest.limit),
            work.known & rest.known & ((away > 0) == (other > 0)),
        )  # fmt: skip

    def _finding(self, slot: int, held: _Row | None, now: int, of: Point, *, over: bool = False) -> Finding:
        d, p, since = self._directory, int(self._c["point"][slot]), int(self._c["told"][slot])
        until = int(self._c["until"][slot])
        found = Finding(
            "anomaly", p, until, now, SEVERITIES[of.severity[p]], Reason.USUAL_AGAIN if over else Reason.UNUSUAL,
            device=int(d.device[p]), place=int(d.place[p]), park=int(d.park[p]), episode=f"anomaly/{p}/{since}",
            since=since, until=until if over else 0, anomaly=Anomaly.DRIFT, baseline=Baseline.SIBLINGS,
        )  # fmt: skip
        if held is None:
            return found
        return replace(
            found, value=held.mean, expected=held.expected, low=held.expected - held.limit,
            high=held.expected + held.limit, score=held.rarity / (held.rarity + NOTABLE),
            rising=held.mean > held.expected, times=float(10.0 ** min(held.rarity, 15.0)),
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return copies of the columns."""
        columns = {f"siblings_{name}": column.copy() for name, column in self._c.items()}
        return {
            **columns, "siblings_day": self._day.copy(), "siblings_sum": self._sum.copy(),
            "siblings_count": self._count.copy(), "siblings_past": self._past.copy(),
            "siblings_quarter": np.array(self._quarter),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; of a program without them nothing."""
        if "siblings_day" not in state:
            return
        known = self._c["point"].tolist()
        self._c = {name: state[f"siblings_{name}"].copy() for name in _COLUMNS}
        self._day, self._sum = state["siblings_day"].copy(), state["siblings_sum"].copy()
        self._count, self._past = state["siblings_count"].copy(), state["siblings_past"].copy()
        self._quarter = int(state["siblings_quarter"])
        self._slot[:] = -1
        self._slot = grown(self._slot, int(self._c["point"].max(initial=0)) + 1, -1)
        self._slot[self._c["point"]] = np.arange(len(self._day))
        self.on_points(known)


def _middle(rows: Float64, count: Int64) -> Float64:
    """Return the medians of the first `count` of sorted rows; of none nan."""
    at = np.arange(len(rows))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, rows.shape[1] - 1)
    middle: Float64 = 0.5 * (rows[at, low] + rows[at, high])
    return middle
