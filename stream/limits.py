"""Conditions on single readings: a value beyond a limit for long enough, and well back for long enough.

Arrival-ordered. Doubtful and late readings decide nothing; rules named `fire.*` and `gas.*` belong to the
fire stage, rules on windows to `stream/means.py`, rules on measures to the stages that make them.
"""

from math import inf

import numpy as np

from park.directory import Directory
from park.metrics import METRICS
from park.operator import Emit, State
from park.readings import Quality, ReadingBatch
from park.records import Config, LimitRow
from stream.holding import Holding, bounds, of_point
from stream.scopes import chain, fitting


class Limits:
    """Tell when a value has passed a limit, and when it is well back."""

    name = "limits"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by point
        # By point, the bounds within which nothing happens: the tightest limits, or nothing at all while a
        # rule is not calm. The last row stands for all points beyond. Two gathers settle most batches.
        self._high = np.full(2, inf)
        self._low = np.full(2, -inf)
        self._holding = Holding(directory, of_point)

    # ── readings ─────────────────────────────────────────────────────────────────────────────────

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Tell of the limits that these readings pass; they go on as they came."""
        beyond = batch.value > self._high.take(batch.point, mode="clip")
        beyond |= batch.value < self._low.take(batch.point, mode="clip")
        if not beyond.any():
            return batch
        decides = (batch.quality < Quality.LATE) & np.isfinite(batch.value)
        beyond &= decides
        points = np.unique(batch.point[beyond])
        if not len(points):
            return batch
        rows = np.flatnonzero(decides & np.isin(batch.point, points))
        for point, value, ts, at in zip(
            batch.point[rows].tolist(), batch.value[rows].tolist(), batch.ts[rows].tolist(),
            batch.received[rows].tolist(), strict=True,
        ):  # fmt: skip
            for rule in self._of.get(point, ()):
                self._holding.step(rule, point, value, ts, at, emit)
            self._bound(point)
        return batch

    def _bound(self, point: int) -> None:
        """Set the bounds of a point within which nothing happens."""
        rules = self._of.get(point, ())
        if any((point, rule.rule) in self._holding for rule in rules):
            self._high[point], self._low[point] = -inf, inf
        else:
            self._high[point] = min((bounds(rule)[0] for rule in rules), default=inf)
            self._low[point] = max((bounds(rule)[1] for rule in rules), default=-inf)

    # ── time and registry ────────────────────────────────────────────────────────────────────────

    def on_tick(self, now: int, emit: Emit) -> None:
        """End the waits that are over by now, and what is held outside its hours."""
        for point in self._holding.on_tick(now, emit):
            self._bound(point)

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and give new or changed points their rules."""
        d = self._directory
        if len(self._high) < d.size + 1:
            more = max(d.size + 1, 2 * len(self._high)) - len(self._high)
            self._high = np.concatenate((self._high, np.full(more, inf)))
            self._low = np.concatenate((self._low, np.full(more, -inf)))
        if config.limits is not None:
            self._rules = tuple(filter(of_readings, d.limits))
        scoped = any(rule.places for rule in self._rules)
        if config.limits is not None or (config.places and scoped):
            self._fit(sorted(d.points), config.received, emit)
            return
        points = {row.point for row in config.points}
        if config.devices:
            points |= set(d.points_on(row.device for row in config.devices).tolist())
        self._fit(sorted(points), config.received, emit)

    def _fit(self, points: list[int], now: int, emit: Emit) -> None:
        d = self._directory
        by_metric: dict[str, list[LimitRow]] = {}
        for rule in self._rules:
            by_metric.setdefault(rule.metric, []).append(rule)
        touched: list[int] = []
        for row in d.points.rows(points):
            point = row.point
            rules: tuple[LimitRow, ...] = ()
            if row.metric in by_metric:
                device = d.devices.get(row.device)
                rules = fitting(
                    by_metric[row.metric], chain(d, row.place), park=row.park, kind=device.kind if device else "",
                    channel=row.channel, point=point,
                )  # fmt: skip
            if rules or point in self._of:
                touched.append(point)
            if rules:
                self._of[point] = rules
            else:
                self._of.pop(point, None)
        self._holding.fit(self._of, now, emit)
        for point in touched:
            self._bound(point)

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> State:
        """Return a copy of what is held; the table is the registry's."""
        return self._holding.snapshot()

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        for point in self._holding.restore(state, self._of):
            if point in self._of:
                self._bound(point)


def of_readings(rule: LimitRow) -> bool:
    """Return whether a rule is about single readings of a metric."""
    plain = not rule.window and not rule.finding and rule.metric in METRICS
    return plain and not rule.rule.startswith(("fire.", "gas."))
