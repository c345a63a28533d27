"""Discharge while nothing is made: the flow of an outlet in hours in which its enterprise stood still.

Event-time, by the hour. An enterprise stood still when its counters of pieces and run time counted nothing;
where it has none, when its power was at or below 30 % of what it is in a busy hour (the 90th percentile of
the last week; 30 % is the grid companies' own rule for a day that works). Without either nothing is judged.
"""

import json
from dataclasses import dataclass

import numpy as np

from park.directory import Directory
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import ReadingBatch
from park.records import Config, LimitRow
from stream.gathering import Gathering
from stream.holding import Holding, of_device
from stream.scopes import MINUTE, chain, fitting, holds
from stream.sums import Closed

VERSION = 1
HOUR = 3_600_000
LATENESS = 10 * MINUTE  # ms
VALID = 0.75  # share of the hour (HJ 75-2017: an hour's mean needs 45 minutes of valid data)
WORKS = 0.30  # O R1, as of a day's kWh
PAST = 168  # hours that tell what a busy hour is
_LEAST = 24
_FLOW, _POWER = CODE["discharge_flow"], CODE["power"]
_MADE = (CODE["output_count"], CODE["run_time"])


@dataclass(frozen=True, slots=True)
class Works:
    """The outlets of an enterprise, and what tells whether it works."""

    outlets: tuple[int, ...]  # points
    made: tuple[int, ...]
    power: tuple[int, ...]


class Discharge:
    """Hold the outlets of enterprises that stand still to their rules."""

    name = "discharge"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by device of an outlet
        self._works: dict[int, Works] = {}  # by enterprise
        self._busy: dict[int, list[float]] = {}  # by enterprise: mean power of past hours, kW
        self._holding = Holding(directory, of_device)
        self._gathering = Gathering(directory, self._holding, self._judge, width=HOUR, lateness=LATENESS)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add readings to their hours; they go on as they came."""
        return self._gathering.on_batch(batch, emit)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the hours that are over."""
        self._gathering.on_tick(now, emit)

    def _judge(self, part: Closed, end: int, emit: Emit) -> None:
        points = self._gathering.points(part)
        total = dict(zip(points, part.total.tolist(), strict=True))
        mean = {
            point: value / count
            for point, value, count, share in zip(
                points, part.total.tolist(), part.count.tolist(), part.share.tolist(), strict=True
            )
            if share >= VALID
        }
        for enterprise, works in self._works.items():
            idle = self._idle(enterprise, works, total, mean)
            if idle is not None:
                for outlet in works.outlets:
                    if outlet in mean:
                        self._hold(outlet, mean[outlet] if idle else 0.0, end, emit)

    def _idle(self, enterprise: int, works: Works, total: dict[int, float], mean: dict[int, float]) -> bool | None:
        """Return whether an enterprise stood still in the hour; None: nothing tells."""
        told = [total[point] for point in works.made if point in total]
        if told:
            return not any(told)
        if not works.power or any(point not in mean for point in works.power):
            return None
        power = sum(mean[point] for point in works.power)
        past = self._busy.setdefault(enterprise, [])
        past.append(power)
        del past[:-PAST]
        return None if len(past) < _LEAST else power <= WORKS * float(np.quantile(past, 0.9))

    def _hold(self, outlet: int, flow: float, end: int, emit: Emit) -> None:
        d = self._directory
        device = int(d.device[outlet])
        for rule in self._of.get(device, ()):
            if holds(rule, d, int(d.park[outlet]), end - HOUR):
                self._holding.step(rule, device, flow, end - 1, end + LATENESS, emit)

    # ── registry and snapshots ───────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and see which outlets belong to whom."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.metric == "idle_discharge" and not r.finding)
        elif not config.points and not config.places and not config.devices:
            return
        self._of, self._works = {}, {}
        if self._rules:
            by_firm: dict[int, list[int]] = {}
            firms = np.unique(d.enterprise[d.metric == _FLOW])
            told = np.isin(d.metric, (_FLOW, *_MADE, _POWER)) & np.isin(d.enterprise, firms[firms > 0])
            for point in np.flatnonzero(told).tolist():
                by_firm.setdefault(int(d.enterprise[point]), []).append(point)
            for enterprise, points in by_firm.items():
                self._learn(enterprise, points)
        self._holding.fit(self._of, config.received, emit)
        self._gathering.watch(p for works in self._works.values() for p in (*works.outlets, *works.made, *works.power))

    def _learn(self, enterprise: int, points: list[int]) -> None:
        d = self._directory
        own: list[int] = []
        for point in points:
            row = d.points[point]
            device = d.devices.get(row.device)
            if d.metric[point] == _FLOW and device is not None:
                rules = fitting(self._rules, chain(d, row.place), park=row.park, kind=device.kind)
                if rules:
                    self._of[row.device] = rules
                    own.append(point)
        made = tuple(p for p in points if d.metric[p] in _MADE)
        power = tuple(p for p in points if d.metric[p] == _POWER and not d.points[p].channel)
        if own and (made or power):
            self._works[enterprise] = Works(tuple(own), made, power)

    def snapshot(self) -> State:
        """Return copies of open hours, of what is busy, and of what is held."""
        busy = json.dumps(list(self._busy.items())).encode()
        return {
            **self._gathering.snapshot(), "version": np.array(VERSION), "busy": np.frombuffer(busy, np.uint8).copy(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._busy = dict(json.loads(state["busy"].tobytes()))
        self._gathering.restore(state, self._of)
