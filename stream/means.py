"""Limits on clock windows: the mean of an hour or a day, the sum of what was used or came.

A rule holds it to a value, or to what is usual at these hours: the median of windows before.
Event-time: a window is judged when log time has passed its end by the lateness bound, and the same is said
in whatever order its readings came. Good readings count, late ones too; doubtful ones, tests and
maintenance do not (of a stack's analyser: flags M, C, D and the like of HJ 212). A window of which good
readings stand for less than a rule's `valid` decides nothing: neither raises nor ends.
"""

import json
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from park.directory import Directory
from park.metrics import METRICS, NAMES, Kind
from park.operator import Emit, State
from park.readings import Bool, Quality, ReadingBatch
from park.records import Config, LimitRow
from stream.holding import Holding, bounds, of_point
from stream.scopes import MINUTE, chain, fitting, holds, offset_of, timed
from stream.sums import Closed, Sums

VERSION = 1
LATENESS = 120_000  # ms, as that of rollups
_AMOUNT = np.array([METRICS[n].kind in {Kind.INTERVAL, Kind.COUNT} for n in NAMES] + [False])
_LEAST = 5  # windows before which nothing is usual


class Means:
    """Hold the windows of points to the rules on windows."""

    name = "means"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by point
        self._watched: Bool = np.zeros(2, np.bool_)  # by point; the last row is for all beyond
        self._sums: dict[int, Sums] = {}  # by width
        self._past: dict[tuple[int, str], list[float]] = {}  # (point, rule) -> windows before, the oldest first
        self._now = 0
        self._holding = Holding(directory, of_point)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add readings to their windows; they go on as they came."""
        rows = np.flatnonzero(self._watched.take(batch.point, mode="clip"))
        if not len(rows):
            return batch
        if not self._now:
            self._move(int(batch.received[0]) // MINUTE * MINUTE, emit)
        point, quality, value = batch.point[rows], batch.quality[rows], batch.value[rows]
        good = (quality < Quality.SUSPECT) & np.isfinite(value)
        # An amount that a broker tells again is not a second amount.
        good &= (quality != Quality.RETAINED) | ~_AMOUNT[self._directory.metric[point]]
        rows = rows[good]
        for sums in self._sums.values():
            sums.add(batch.point[rows], batch.ts[rows], batch.value[rows])
        return batch

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the windows that are over."""
        self._move(now, emit)

    def _move(self, now: int, emit: Emit) -> None:
        if now <= self._now:
            return
        before, self._now = self._now, now
        ended: list[tuple[int, int, Closed]] = []
        for width, sums in self._sums.items():
            if not before:
                sums.bound = now - LATENESS
                continue
            ended += [(int(part.begin[0]) + width, width, part) for part in sums.close(now - LATENESS)]
        for end, width, part in sorted(ended, key=lambda e: e[:2]):
            self._holding.on_tick(end + LATENESS - 1, emit)
            self._judge(width, end, part, emit)
        self._holding.on_tick(now, emit)

    def _judge(self, width: int, end: int, part: Closed, emit: Emit) -> None:
        """Take windows that ended at a time to their rules."""
        points, d = self._sums[width].points, self._directory
        holding: dict[tuple[int, int], bool] = {}  # (id of a rule, park) -> at this time
        for slot, total, count, share in zip(
            part.slot.tolist(), part.total.tolist(), part.count.tolist(), part.share.tolist(), strict=True
        ):  # some hundreds a quarter hour
            point = points[slot]
            for rule in self._of.get(point, ()):
                if rule.window != width or share < rule.valid:
                    continue
                if timed(rule):
                    park = int(d.park[point])
                    now = holding.get((id(rule), park))
                    if now is None:
                        now = holding[id(rule), park] = holds(rule, d, park, end - width)
                    if not now:
                        continue  # what stands from last night stands until a night is well
                self._take(rule, point, total if _AMOUNT[d.metric[point]] else total / count, end, emit)

    def _take(self, rule: LimitRow, point: int, value: float, end: int, emit: Emit) -> None:
        scale = 1.0
        if rule.usual:
            past = self._past.setdefault((point, rule.rule), [])
            known = len(past) >= max(_LEAST, rule.usual // 2)
            usual = median(past) if known else 0.0
            past.append(value)
            del past[: -rule.usual]
            scale = max(usual, rule.floor)
            if not known or scale <= 0:
                return
            if value < rule.floor and usual < rule.floor:
                scale = value  # next to nothing is not unusual
        high, low = bounds(rule)
        if (low * scale <= value <= high * scale) and (point, rule.rule) not in self._holding:
            return  # it is calm, and stays so
        if rule.usual:
            rule = replace(
                rule, high=None if rule.high is None else rule.high * scale,
                low=None if rule.low is None else rule.low * scale, dead_band=rule.dead_band * scale,
            )  # fmt: skip
        self._holding.step(rule, point, value, end - 1, end + LATENESS, emit)

    # ── registry ─────────────────────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and give new or changed points their rules."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.window and not r.finding and r.metric in METRICS)
        points = set(self._of) if config.places else {row.point for row in config.points}
        if config.limits is not None or (config.places and any(r.places for r in self._rules)):
            points = {*self._of, *d.points_of(*{r.metric for r in self._rules}).tolist()}
        if config.devices:
            points |= set(d.points_on(row.device for row in config.devices).tolist())
        by_metric: dict[str, list[LimitRow]] = {}
        for rule in self._rules:
            by_metric.setdefault(rule.metric, []).append(rule)
        for point in sorted(points):
            self._fit(point, by_metric)
        self._holding.fit(self._of, config.received, emit)

    def _fit(self, point: int, by_metric: dict[str, list[LimitRow]]) -> None:
        d = self._directory
        row = d.points[point]
        device = d.devices.get(row.device)
        rules: tuple[LimitRow, ...] = ()
        if row.metric in by_metric:
            rules = fitting(
                by_metric[row.metric], chain(d, row.place), park=row.park, kind=device.kind if device else "",
                channel=row.channel, point=point,
            )  # fmt: skip
        if rules:
            self._of[point] = rules
            if point + 1 >= len(self._watched):
                longer = np.zeros(max(point + 2, 2 * len(self._watched)), np.bool_)
                longer[: len(self._watched)] = self._watched
                self._watched = longer
        else:
            self._of.pop(point, None)
        if point < len(self._watched):
            self._watched[point] = bool(rules)
        kept = {rule.rule for rule in rules if rule.usual}
        for key in [k for k in self._past if k[0] == point and k[1] not in kept]:
            del self._past[key]
        for width in {rule.window for rule in rules}:
            sums = self._sums.get(width)
            if sums is None:
                sums = self._sums[width] = Sums(width)
                sums.bound = max(0, self._now - LATENESS)
            sums.watch(point, row.interval, offset_of(d, row.park) * MINUTE)

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> State:
        """Return copies of open windows, of windows before, and of what is held."""
        state: dict[str, NDArray[np.generic]] = dict(self._holding.snapshot())
        cells = [(width, sums.cells()) for width, sums in sorted(self._sums.items())]
        for name in ("row", "point", "total", "count", "mask"):
            state[name] = np.concatenate([np.zeros(0, np.int64), *(c[name] for _, c in cells)])
        state["width"] = np.concatenate(
            [np.zeros(0, np.int64), *(np.full(len(c["row"]), width, np.int64) for width, c in cells)]
        )
        past = json.dumps([(*key, values) for key, values in self._past.items()]).encode()
        state["past"] = np.frombuffer(past, np.uint8).copy()
        return state | {"version": np.array(VERSION), "now": np.array(self._now)}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._now = int(state["now"])
        self._past = {(point, rule): values for point, rule, values in json.loads(state["past"].tobytes())}
        for width, sums in self._sums.items():
            mine = state["width"] == width
            cells = {name: state[name][mine] for name in ("row", "point", "total", "count", "mask")}
            sums.take_cells(cells, self._now - LATENESS if self._now else 0)
        self._holding.restore(state, self._of)
