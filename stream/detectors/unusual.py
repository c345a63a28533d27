"""Unusual values: the stage that gives each point's values to its detector, and tells episodes.

At most one reading a minute of each point is judged, and none more often than it promises: what is worth a
person's look lasts longer, and a fast lane pays two gathers for the rest. Late, estimated and doubtful
readings are neither judged nor learned.

Amounts (use, counts) are judged by the hour, when the next one begins. The first hour of a point, and one
that nothing was said in, are no hours to judge.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.episodes import RARITY, pace
from park.events import Anomaly, Finding, Severity
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import Float64, Int32, Int64, Quality, ReadingBatch, Rows
from park.records import Config, LimitRow, PointRow
from stream.detectors.calendar import Calendar
from stream.detectors.drawn import Drawn
from stream.detectors.gaps import Gaps
from stream.detectors.hours import add_to_hours
from stream.detectors.judging import KINDS, Judged
from stream.detectors.panel import NAMES, Panel, seats
from stream.detectors.shared import Shared, departure
from stream.detectors.siblings import METRICS as WITH_SIBLINGS
from stream.detectors.siblings import Point, Siblings
from stream.detectors.told import SEVERITIES, TELL_DAYS, Bars, Episode, Told, bar, settling
from stream.detectors.uses import Source, use_of
from stream.rounds import rounds
from stream.scopes import chain, fitting

VERSION = 4
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
_NEVER = 2**62
_COLUMNS = {
    "due": np.int64,  # ts from which a reading is judged
    "pace": np.int64,  # ms between two that are
    "offset": np.int64,  # ms from UTC to park time
    "open": np.int64,  # amounts: hour of park time that is being summed; 0: none
    "sum": np.float64,  # of that hour
    "whole": np.bool_,  # that hour was seen from its beginning
    "amount": np.bool_,
    "detector": np.int8,  # place in NAMES
    "slot": np.int64,  # of that detector
    "seat": np.int64,  # of the detector of any metric
    "grain": np.float64,  # distance from the expected that a device of its metric can tell
    "keeps": np.bool_,  # rest does not lower it
    "cause": np.int16,  # code of the metric that it follows; -1: none
    "first": np.int64,  # ts of the first value that was judged; 0: none
    # What is told (Bars).
    "rarity": np.float64,
    "least": np.float64,
    "severity": np.int8,
}
_LOW = SEVERITIES.index(Severity.LOW)
_VARIANCE, _STUCK = (KINDS.index(k) for k in (Anomaly.VARIANCE, Anomaly.STUCK))
_KEPT = ("due", "open", "sum", "whole", "detector", "slot", "seat", "first")
_Turn = tuple[Rows, Int64, Float64]  # different points: rows of the batch, times that they speak of, values


class Unusual:
    """Find values that are unusual for their point."""

    name = "unusual"

    def __init__(self, directory: Directory, calendar: str = "CN") -> None:
        self._directory = directory
        self._calendar = Calendar(calendar)
        self._panel = Panel(self._calendar)
        self._used = np.zeros(len(NAMES), np.int64)  # slots of each
        self._told, self._drawn, self._gaps, self._shared = Told(), Drawn(), Gaps(), Shared(directory)
        self._siblings = Siblings(directory, self._calendar)
        self._rules: tuple[LimitRow, ...] = ()  # on what is told
        # By point; the last row is for all beyond.
        self._c: dict[str, npt.NDArray[Any]] = {n: np.full(2, _fill(n), kind) for n, kind in _COLUMNS.items()}

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Judge what is due; the readings go on as they came."""
        due = batch.ts >= self._c["due"].take(batch.point, mode="clip")
        amount = self._c["amount"].take(batch.point, mode="clip")
        found: list[tuple[int, Finding]] = []
        turns: list[_Turn] = []
        if due.any():
            # A device whose clock runs ahead would keep its point from being judged until then.
            due &= (batch.quality == Quality.GOOD) & np.isfinite(batch.value) & (batch.ts <= batch.received + HOUR)
            turns = self._due(batch, np.flatnonzero(due))
        if amount.any():
            rows = np.flatnonzero(amount & (batch.quality < Quality.LATE) & np.isfinite(batch.value))
            for n, more in enumerate(self._ended(batch, rows)):  # of other points than those
                turns[n : n + 1] = [_together(turns[n], more) if n < len(turns) else more]
        for rows, ts, value in turns:
            self._give(batch, rows, ts, value, found)
        if turns:
            self._miss(batch, turns, found)
        for _, finding in sorted(found, key=lambda f: f[0]):  # in order of arrival, not of rounds
            emit(finding)
        return batch

    def _due(self, batch: ReadingBatch, rows: Rows) -> list[_Turn]:
        """Return the readings that are judged, of each point at its pace."""
        turns: list[_Turn] = []
        for part in rounds(batch.point[rows]):
            some = rows[part]
            some = some[batch.ts[some] >= self._c["due"][batch.point[some]]]  # a round before may have served the point
            if len(some):
                point, ts = batch.point[some], batch.ts[some]
                self._c["due"][point] = ts + self._c["pace"][point]
                turns.append((some, ts, batch.value[some]))
        return turns

    def _ended(self, batch: ReadingBatch, rows: Rows) -> list[_Turn]:
        """Add amounts to their hours; return the hours whose points have begun another."""
        c, point = self._c, batch.point[rows]
        hour = (batch.ts[rows] + c["offset"][point]) // HOUR
        opened = c["open"][point]
        if not (hour > opened).any():
            now = hour == opened
            np.add.at(c["sum"], point[now], batch.value[rows[now]])
            return []
        ended = add_to_hours(c, point, hour, batch.value[rows])
        rows = rows[ended.row]
        ts = ended.hour * HOUR - c["offset"][batch.point[rows]]
        return [(rows[part], ts[part], ended.total[part]) for part in rounds(batch.point[rows])]

    def _miss(self, batch: ReadingBatch, turns: list[_Turn], found: list[tuple[int, Finding]]) -> None:
        """Tell what was missing before the values that were judged, in the order in which these came."""
        rows, ts = (np.concatenate([turn[k] for turn in turns]) for k in (0, 1))
        order = np.argsort(rows, kind="stable")
        rows, ts = rows[order], ts[order]
        point = batch.point[rows]
        step = np.where(self._c["amount"][point], HOUR, self._directory.interval[point])
        missing = self._gaps.take(self._directory, point, ts, batch.received[rows], np.maximum(step, MINUTE))
        found[:0] = [(int(rows[i]), finding) for i, finding in missing]  # said before what the value itself is

    def _give(
        self, batch: ReadingBatch, rows: Rows, ts: Int64, value: Float64, found: list[tuple[int, Finding]]
    ) -> None:
        """Judge a value for each row's point; tell what is unusual."""
        point = batch.point[rows]
        local = self._local(point, ts, batch.ts[rows])
        weekday = self._calendar.like(local // DAY)
        which, slot, seat = (self._c[name][point] for name in ("detector", "slot", "seat"))
        judged = self._panel.judge(which, slot, seat, ts, local, weekday, value)
        bands = (judged.expected, judged.low, judged.high)
        self._drawn.take(point, ts, bands, judged)
        self._siblings.take(point, local, value)
        judged = self._of_the_point(point, ts, value, judged)
        first = self._c["first"][point]
        self._c["first"][point] = first = np.where(first == 0, ts, first)
        bars = Bars(self._c["rarity"], self._c["least"], self._c["severity"], self._c["cause"])
        for i, finding in self._told.take(
            self._directory, point, ts, batch.received[rows], value, bands, judged, bars, settling(ts - first)
        ):
            found.append((int(rows[i]), finding))

    def _local(self, point: Int32, ts: Int64, stamp: Int64) -> Int64:
        """Return park time of values that came with a stamp.

        What is told by the hour at the hour's end is of the hour before: the first hour of a day is of the day before.
        """
        local = ts + self._c["offset"][point]
        before = self._c["amount"][point] & (self._directory.interval[point] >= HOUR) & (local % DAY < HOUR)
        before &= (stamp + self._c["offset"][point]) % HOUR < HOUR // 2
        day: Int64 = np.where(before, local - DAY, local)
        return day

    def _of_the_point(self, point: Int32, ts: Int64, value: Float64, judged: Judged) -> Judged:
        """Return what was found less what says nothing of the point: its device's errors, and what all say."""
        self._shared.take(point, ts, judged.rarity, judged.rising, departure(value, judged.expected))
        # What a device cannot tell from the expected, or from rest, is nothing to tell people.
        grain = self._c["grain"][point]
        near = np.abs(value - judged.expected) < grain
        if judged.moves is not None:
            near &= ((judged.kind != _VARIANCE) & (judged.kind != _STUCK)) | (judged.moves < grain)
        rarity = np.where(near, 0.0, judged.rarity)
        bar = self._c["rarity"][point]
        for i in np.flatnonzero(rarity >= bar).tolist():
            others = self._shared.of_others(int(point[i]), int(ts[i]), rising=bool(judged.rising[i]))
            rarity[i] -= min(others, float(bar[i]))
        return replace(judged, rarity=rarity)

    def _explained(self, episode: Episode) -> float:
        """Return how much of an episode's rarity is what its point follows."""
        cause, bar = int(self._c["cause"][episode.point]), float(self._c["rarity"][episode.point])
        return self._shared.explained(episode, cause, bar)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Hand on the bands of hours that are over, and end what nothing more was heard of."""
        self._shared.on_tick()
        bands = self._drawn.closed(now)
        if bands is not None:
            emit(bands)
        for finding in self._told.answer(self._directory, self._explained):
            emit(finding)
        for finding in self._told.given_up(self._directory, now):
            emit(finding)
        c = self._c
        of = Point(c["offset"], c["grain"], c["rarity"], c["least"], c["severity"])
        for finding in self._siblings.on_tick(now, of, self._told.open_points()):
            emit(finding)

    def on_config(self, config: Config, emit: Emit) -> None:  # noqa: ARG002 (nothing is told here)
        """Learn of points, their pace and their park's hours."""
        d, c = self._directory, self._c
        size = d.size + 1
        for name in c:
            c[name] = grown(c[name], size, _fill(name))
        ruled = self._rule(config)
        self._drawn.grow(size)
        self._gaps.grow(size, d.device_size)
        self._shared.on_points(size)
        parks = {place.place for place in config.places}
        named = {row.point for row in config.points}
        if parks:
            known = d.points.numbers()
            named |= set(known[np.isin(d.park[known], list(parks))].tolist())
        if ruled:
            named |= set(d.points)
        for row in d.points.rows(sorted(named)):
            self._learn(row)
        self._siblings.on_points([p for p in sorted(named) if d.metric_of(p) in WITH_SIBLINGS and not d.life[p]])
        c["due"][-1], c["amount"][-1] = _NEVER, False
        self._panel.grow(self._used)
        self._keep()

    def _keep(self) -> None:
        judged = self._c["detector"] >= 0
        self._panel.keep(self._c["seat"][judged], self._c["keeps"][judged])

    def _learn(self, row: PointRow) -> None:
        """Take a point as the registry has it now."""
        c, p = self._c, row.point
        park = self._directory.places.get(row.park)
        use = use_of(row.metric)
        c["offset"][p] = (park.utc_offset if park else 480) * MINUTE
        # A little less than promised, so that jitter does not skip every second reading.
        c["pace"][p] = max(MINUTE, row.interval * 4 // 5)
        c["grain"][p], c["keeps"][p] = use.least, use.keeps
        c["amount"][p] = use.source is Source.HOURS
        c["cause"][p] = CODE[use.cause] if use.cause else -1
        self._raise(row)
        if use.source is Source.READINGS:
            c["due"][p] = 0 if c["due"][p] == _NEVER else c["due"][p]
        else:
            c["due"][p] = _NEVER
        if use.source is not Source.NOTHING and c["detector"][p] < 0:
            k = c["detector"][p] = NAMES.index(use.detector)
            c["slot"][p], c["seat"][p] = self._used[k], self._used.sum()
            self._used[k] += 1

    def _rule(self, config: Config) -> bool:
        """Take the rules on what is told; return whether there are others than before."""
        if config.limits is None:
            return any(rule.places for rule in self._rules) and bool(config.places)
        before, self._rules = (
            self._rules,
            tuple(r for r in self._directory.limits if r.metric == RARITY and not r.finding),
        )
        return before != self._rules

    def _raise(self, row: PointRow) -> None:
        """Set what is told of a point: by the rule that fits it, or as without any."""
        d, c, p = self._directory, self._c, row.point
        device = d.devices.get(row.device)
        rules = fitting(
            self._rules, chain(d, row.place), park=row.park, kind=device.kind if device else "", channel=row.channel,
            point=p, metric=row.metric,
        )  # fmt: skip
        rule = rules[0] if rules else None
        c["rarity"][p] = bar(pace(row.metric, row.interval) / MINUTE, rule.high if rule and rule.high else TELL_DAYS)
        c["least"][p] = rule.floor if rule else 0.0
        if device is not None and device.kind == "zone_counter":
            c["rarity"][p] = np.inf  # reckoned from doors, which are judged themselves
        c["severity"][p] = SEVERITIES.index(Severity(rule.severity)) if rule else _LOW

    def snapshot(self) -> State:
        """Return copies of the state."""
        state = {"version": np.array(VERSION), "used": self._used.copy()}
        state |= {f"point_{name}": self._c[name].copy() for name in _KEPT}
        state |= self._panel.snapshot()
        parts = (self._told, self._drawn, self._gaps, self._shared, self._siblings)
        return {**state, **{name: column for part in parts for name, column in part.snapshot().items()}}

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot; what is due is kept where the registry still asks for it."""
        if "used" not in state or int(state["version"]) != VERSION:
            return  # of an earlier detector: this one learns anew
        c = self._c
        due = c["due"].copy()
        self._used = state["used"].copy()
        kept = {name: state[f"point_{name}"] for name in _KEPT if f"point_{name}" in state}
        if "seat" not in kept:  # by an earlier program
            kept["seat"] = seats(kept["detector"], kept["slot"], self._used)
        for name, column in kept.items():
            known = min(len(column), len(c[name]))
            c[name][:known] = column[:known]
        if "point_seat" not in state and "energy.tells.rows" not in state:  # what tells of amounts now is a beginner
            c["first"][c["amount"]] = 0
        asked = (due != _NEVER) & (c["due"] == _NEVER)
        c["due"][asked] = 0
        c["due"][due == _NEVER] = _NEVER
        self._panel.restore(state, self._used)
        self._keep()
        self._told.restore(state)
        self._drawn.restore(state)
        self._gaps.restore(state)
        self._shared.restore(state)
        self._siblings.restore(state)


def _together(one: _Turn, other: _Turn) -> _Turn:
    """Return the values of both, whose points are different."""
    rows, ts, value = (np.concatenate(columns) for columns in zip(one, other, strict=True))
    return rows, ts, value


def _fill(name: str) -> int:
    """Return what a column holds of points that nothing is known of."""
    return _NEVER if name == "due" else -1 if name in {"detector", "cause"} else 0
