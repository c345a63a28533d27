"""Conditions on findings: so many of a kind at a point within a window of time.

Arrival-ordered. A rule of a `finding` counts the findings of the last `window` that fit it (reasons, metric, a
score of at least `floor`); beyond `high` the condition begins, and when enough of them are older than the
window it ends.
"""

import json

import numpy as np

from park.directory import Directory
from park.events import Finding
from park.operator import Emit, State
from park.readings import ReadingBatch
from park.records import Config, LimitRow
from stream.holding import Holding, of_point
from stream.scopes import chain, fitting

VERSION = 1
_MOST = 1_000  # findings remembered of one point and rule: beyond, the oldest go


class Repeated:
    """Hold what other stages found to the rules on findings; it stands behind them all."""

    name = "repeated"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by point, of those that something was found at
        self._found: dict[tuple[int, str], list[int]] = {}  # (point, rule) -> log times
        self._holding = Holding(directory, of_point)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Pass readings on."""
        del emit
        return batch

    def on_finding(self, finding: Finding, emit: Emit) -> None:
        """Count a finding of a stage before; the end of an episode was counted when it began."""
        if finding.until:
            return
        point = finding.point
        if not self._rules or not 0 < point < self._directory.size or point not in self._directory.points:
            return
        if point not in self._of:
            self._of[point] = self._fitting(point)
        metric = self._directory.points[point].metric
        for rule in self._of[point]:
            fits = rule.finding == finding.kind and finding.score >= rule.floor
            if fits and (not rule.reasons or finding.reason in rule.reasons) and rule.metric in {"", metric}:
                times = self._found.setdefault((point, rule.rule), [])
                times.append(finding.at)
                del times[:-_MOST]
                self._count(rule, point, finding.ts, finding.at, emit)

    def _fitting(self, point: int) -> tuple[LimitRow, ...]:
        d = self._directory
        row = d.points[point]
        device = d.devices.get(row.device)
        kind = device.kind if device else ""
        return fitting(self._rules, chain(d, row.place), park=row.park, kind=kind, channel=row.channel, point=point)

    def _count(self, rule: LimitRow, point: int, ts: int, at: int, emit: Emit) -> None:
        times = self._found[point, rule.rule]
        times[:] = [t for t in times if t > at - rule.window]
        self._holding.step(rule, point, float(len(times)), ts, at, emit)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Forget findings that are older than their window."""
        for (point, name), times in sorted(self._found.items()):
            rule = next((r for r in self._of.get(point, ()) if r.rule == name), None)
            if rule is not None and times and times[0] <= now - rule.window:
                self._count(rule, point, now, now, emit)
            if rule is None or not times:
                del self._found[point, name]
        self._holding.on_tick(now, emit)

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table; points may have moved."""
        if config.limits is not None:
            self._rules = tuple(r for r in self._directory.limits if r.finding)
        if config.limits is not None or config.places or config.devices:
            again = self._of
        else:
            again = {row.point: () for row in config.points if row.point in self._of}
        self._of |= {point: self._fitting(point) for point in again}
        self._holding.fit(self._of, config.received, emit)

    def snapshot(self) -> State:
        """Return copies of what was found and of what is held."""
        told = {"points": list(self._of), "found": [(*key, times) for key, times in self._found.items()]}
        text = np.frombuffer(json.dumps(told).encode(), np.uint8).copy()
        return {**self._holding.snapshot(), "version": np.array(VERSION), "text": text}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        told = json.loads(state["text"].tobytes())
        self._of = {point: self._fitting(point) for point in told["points"] if point in self._directory.points}
        self._found = {(point, rule): times for point, rule, times in told["found"]}
        self._holding.restore(state, self._of)
