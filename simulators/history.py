"""The park's past as batches of readings, in order of receipt, as fast as numpy goes.

Meters speak every 15 minutes, fire detectors every six hours, all else by the hour; a detector that
sees fire speaks every ten seconds. What breaks on the way (silence, a dead gateway that back-fills,
wrong clocks, duplicates) breaks here as it would live.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from park.readings import Quality, ReadingBatch, concat
from simulators.chance import mixed
from simulators.equipment import Plan
from simulators.injections import Injection, injections
from simulators.registry import park_plan
from simulators.scenario import HOUR, MINUTE, Scenario
from simulators.signals import Signals
from simulators.world import Int

STEP = 6 * HOUR
WORK = 24 * HOUR  # made at once, whatever the step: the cost of a span is mostly in having one
ALARMED = 10_000  # ms between messages of a detector that sees fire
FAR_FUTURE = 15 * MINUTE  # as the edge's clock guard (IngestSettings.far_future)
Phases = npt.NDArray[np.int64]


class Past:
    """What devices of a plan sent, for any span of time."""

    def __init__(self, plan: Plan, events: Sequence[Injection]) -> None:
        self.plan = plan
        self.events = tuple(events)
        self.signals = Signals(plan, events)
        self._phase = phases(plan)
        self._gateway = np.array([0, *(d.gateway for d in plan.devices)], np.int64)
        self._device = np.array([0, *(p.device for p in plan.points)], np.int64)
        sent = plan.measured
        intervals = np.array([plan.points[i].interval for i in sent], np.int64)
        self._groups = {
            int(i): np.array([plan.points[j].id for j, k in zip(sent, intervals, strict=True) if k == i], np.int64)
            for i in np.unique(intervals)
        }

    def received(self, start: int, end: int) -> ReadingBatch:
        """Return everything received in start <= t < end, rising by receipt. Points are the plan's numbers."""
        parts = [self._sampled(start, end, None)]
        for x in self.events:
            if x.kind == "dead_gateway" and x.size >= 0.5 and start <= x.end < end:
                parts.append(self._backfill(x))
            if x.states or x.curves:
                parts.append(self._scene(x, max(start, x.start), min(end, x.end + MINUTE)))
        readings = concat([p for p in parts if len(p)] or parts[:1])
        return readings.rows(np.lexsort((readings.point, readings.received)))

    def _sampled(self, start: int, end: int, only: Int | None) -> ReadingBatch:
        """Take the regular readings of a span, less what was lost or kept back on the way."""
        points, times, since = [], [], []
        for interval, group in self._groups.items():
            chosen = group if only is None else group[np.isin(self._device[group], only)]
            if not len(chosen):
                continue
            phase = self._phase[self._device[chosen]]
            steps = np.arange(start // interval - 1, end // interval + 1, dtype=np.int64) * interval
            ts = (steps[:, None] + phase[None, :]).ravel()
            p = np.broadcast_to(chosen, (len(steps), len(chosen))).ravel()
            inside = (ts >= start) & (ts < end)
            points.append(p[inside])
            times.append(ts[inside])
            since.append(ts[inside] - interval)
        if not points:
            return _batch(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        point, ts, before = np.concatenate(points), np.concatenate(times), np.concatenate(since)
        if only is None:
            kept = self._delivered(point, ts, start, end)
            point, ts, before = point[kept], ts[kept], before[kept]
        readings = _batch(point, ts, self.signals.at(point, ts, before))
        return self._clocks(readings, start, end) if only is None else readings

    def _delivered(self, point: Int, ts: Int, start: int, end: int) -> npt.NDArray[np.bool_]:
        kept = np.ones(len(point), np.bool_)
        device = self._device[point]
        for x in self.events:
            if x.kind in {"dropout", "dead_gateway"} and x.over(start, end):
                hit = (device == x.device) | (self._gateway[device] == x.device)
                kept &= ~(hit & (ts >= x.start) & (ts < x.end))
        return kept

    def _clocks(self, readings: ReadingBatch, start: int, end: int) -> ReadingBatch:
        """Lay clock faults and duplicates over readings; the quality is what the edge would give them."""
        for x in self.events:
            if not x.over(start, end) or x.kind not in {"clock_offset", "clock_drift", "duplicates"}:
                continue
            at = readings.received
            on = (self._device[readings.point] == x.device) & (at >= x.start) & (at < x.end)
            if not on.any():
                continue
            if x.kind == "duplicates":
                readings = concat([readings, readings.rows(on)])
                continue
            ts = readings.ts.copy()
            ts[on] += clock_error(x, at[on])
            wild = ts > at + FAR_FUTURE
            ts[wild] = at[wild]
            quality = np.where(wild, np.uint8(Quality.WRONG_CLOCK), readings.quality).astype(np.uint8)
            readings = ReadingBatch(readings.point, ts, readings.value, quality, at)
        return readings

    def _backfill(self, x: Injection) -> ReadingBatch:
        """Return what a gateway kept while it was cut off, as it sends it afterwards: a thousand readings a second."""
        behind = np.flatnonzero(self._gateway == x.device)
        kept = self._sampled(x.start, x.end, behind)
        order = np.argsort(kept.ts, kind="stable")
        received = np.empty(len(kept), np.int64)
        received[order] = x.end + np.arange(len(kept), dtype=np.int64) // 1_000 * 1_000
        quality = np.full(len(kept), Quality.LATE, np.uint8)
        return ReadingBatch(kept.point, kept.ts, kept.value, quality, received)

    def _scene(self, x: Injection, start: int, end: int) -> ReadingBatch:
        """Return the extra readings of detectors that see something."""
        first = -(-(start - x.start) // ALARMED)
        last = -(-(end - x.start) // ALARMED)
        points = np.unique([p for p, *_ in (*x.states, *x.curves)])
        steps = x.start + np.arange(first, max(first, last), dtype=np.int64) * ALARMED
        ts = np.repeat(steps, len(points))
        point = np.tile(points, len(steps)).astype(np.int64)
        return _batch(point, ts, self.signals.at(point, ts, ts - ALARMED))


def _batch(point: Int, ts: Int, value: npt.NDArray[np.float64]) -> ReadingBatch:
    return ReadingBatch(point.astype(np.int32), ts, value, np.zeros(len(point), np.uint8), ts.copy())


def clock_error(x: Injection, at: Int) -> Int:
    """Return how far (ms) a device's clock is off at some times; `size` is ms, of a drift minutes at its end."""
    if x.kind == "clock_offset":
        return np.full(len(at), int(x.size), np.int64)
    return (x.size * MINUTE * (at - x.start) / (x.end - x.start)).astype(np.int64)


def phases(plan: Plan) -> Phases:
    """Return at which ms after the full interval each device speaks, 0 to 60 s; row 0 is nobody."""
    numbers = np.arange(len(plan.devices) + 1, dtype=np.int64)
    return (mixed(plan.scenario.seed, 2_000_003, numbers) % np.uint64(60)).astype(np.int64) * 1_000


def history(scenario: Scenario, start: int, end: int, step: int = STEP) -> Iterator[ReadingBatch]:
    """Yield the readings received from `start` to `end`, `step` ms a batch, rising by receipt; plan's numbers."""
    plan = park_plan(scenario)
    past = Past(plan, injections(plan, end))
    made_at_once = max(step, WORK // step * step)
    for first in range(start, end, made_at_once):
        last = min(first + made_at_once, end)
        readings = past.received(first, last)
        bounds = np.searchsorted(readings.received, range(first + step, last, step)).tolist()
        for low, high in pairwise([0, *bounds, len(readings)]):
            yield readings.rows(slice(low, high))
