r"""Conditions on limits: on beyond the limit for long enough, off well within it for long enough.

```
  value ___________/^^^^^^^^^^^^\__________    high
                   |<-on_delay->|              raised when the value has stayed beyond it so long
                                 |<-off_delay->  cleared when it has stayed inside, past the dead-band
```
Delays are Prometheus' `for` and `keep_firing_for`; dead-bands keep a value that rests on its limit from
chattering (ISA-18.2 practice). Time here is log time: a delay is over when a reading of the point, or a
tick, is at or past its end, and it is told with exactly that end, whichever came first. Doubtful and
late readings decide nothing; rules named `fire.*` and `gas.*` belong to the fire stage.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import inf

import numpy as np

from park.directory import Directory
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.operator import Emit, State
from park.readings import Quality, ReadingBatch
from park.records import Config, LimitRow

VERSION = 1
_NEVER = 2**62


class Phase(StrEnum):
    """Where a rule stands on a point; calm ones are not kept."""

    PENDING = "pending"  # beyond, not for long enough yet
    ACTIVE = "active"
    LEAVING = "leaving"  # inside again, not for long enough yet


@dataclass(frozen=True, slots=True)
class Held:
    """A rule that is not calm on a point."""

    rule: str
    point: int
    phase: Phase
    side: int  # 1: above high, -1: below low
    due: int  # log time at which the waiting ends
    since: int  # log time at which it was raised
    value: float  # that decided last
    ts: int  # its time by the device's clock


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
        self._held: dict[tuple[int, str], Held] = {}
        self._next = _NEVER  # earliest end of a wait, or earlier

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
                self._step(rule, point, value, ts, at, emit)
            self._bound(point)
        return batch

    def _step(self, rule: LimitRow, point: int, value: float, ts: int, at: int, emit: Emit) -> None:
        """Take one reading of a point to one of its rules."""
        key = (point, rule.rule)
        held = self._held.get(key)
        if held is not None and held.due <= at:  # a wait that ended before this reading came
            held = self._ripe(rule, held, emit)
        high, low = _bounds(rule)
        side = int(value > high) - int(value < low)
        inside = low + rule.dead_band <= value <= high - rule.dead_band
        if held is None or held.phase is Phase.PENDING:
            if not side:
                self._held.pop(key, None)
                return
            if held is None or held.side != side:
                held = Held(rule.rule, point, Phase.PENDING, side, at + rule.on_delay, 0, value, ts)
            else:
                held = replace(held, value=value, ts=ts)
        elif held.phase is Phase.ACTIVE and inside:
            held = replace(held, phase=Phase.LEAVING, due=at + rule.off_delay, value=value, ts=ts)
        elif held.phase is Phase.LEAVING:
            held = replace(held, value=value, ts=ts) if inside else replace(held, phase=Phase.ACTIVE, due=_NEVER)
        self._held[key] = held
        self._next = min(self._next, held.due)
        if held.due <= at:
            self._ripe(rule, held, emit)

    def _ripe(self, rule: LimitRow, held: Held, emit: Emit) -> Held | None:
        """End a wait, at the time it was due; return what is held then."""
        key = (held.point, held.rule)
        at = held.due
        if held.phase is Phase.PENDING:
            held = self._held[key] = replace(held, phase=Phase.ACTIVE, due=_NEVER, since=at)
            reason = Reason.ABOVE_LIMIT if held.side > 0 else Reason.BELOW_LIMIT
            emit(self._change(rule, held, at, AlarmState.ACTIVE, reason))
            return held
        del self._held[key]
        emit(self._change(rule, held, at, AlarmState.CLEARED, Reason.BACK_IN_LIMITS))
        return None

    def _change(self, rule: LimitRow, held: Held, at: int, state: AlarmState, reason: Reason) -> ConditionChange:
        d, point = self._directory, held.point
        name = f"limit.{rule.rule}"
        return ConditionChange(
            name, name, f"point:{point}", held.since, at, held.ts, state, Severity(rule.severity), reason,
            int(d.park[point]), int(d.place[point]), int(d.device[point]), point, held.value,
            rule.high if held.side > 0 else rule.low,
        )  # fmt: skip

    def _bound(self, point: int) -> None:
        """Set the bounds of a point within which nothing happens."""
        rules = self._of.get(point, ())
        if any((point, rule.rule) in self._held for rule in rules):
            self._high[point], self._low[point] = -inf, inf
        else:
            self._high[point] = min((_bounds(rule)[0] for rule in rules), default=inf)
            self._low[point] = max((_bounds(rule)[1] for rule in rules), default=-inf)

    # ── time and registry ────────────────────────────────────────────────────────────────────────

    def on_tick(self, now: int, emit: Emit) -> None:
        """End the waits that are over by now, in the order in which they ended."""
        if now < self._next:
            return
        for held in sorted((h for h in self._held.values() if h.due <= now), key=lambda h: (h.due, h.point, h.rule)):
            rule = next(r for r in self._of[held.point] if r.rule == held.rule)
            self._ripe(rule, held, emit)
            self._bound(held.point)
        self._next = min((h.due for h in self._held.values()), default=_NEVER)

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and give new or changed points their rules."""
        d = self._directory
        if len(self._high) < d.size + 1:
            more = max(d.size + 1, 2 * len(self._high)) - len(self._high)
            self._high = np.concatenate((self._high, np.full(more, inf)))
            self._low = np.concatenate((self._low, np.full(more, -inf)))
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if not r.rule.startswith(("fire.", "gas.")))
            self._fit(sorted(d.points), config.received, emit)
            return
        moved = {row.device for row in config.devices}
        points = {row.point for row in config.points}
        if moved:
            points |= {p for p, row in d.points.items() if row.device in moved}
        self._fit(sorted(points), config.received, emit)

    def _fit(self, points: Iterable[int], now: int, emit: Emit) -> None:
        d = self._directory
        by_metric: dict[str, list[LimitRow]] = {}
        for rule in self._rules:
            by_metric.setdefault(rule.metric, []).append(rule)
        for point in points:
            row = d.points[point]
            device = d.devices.get(row.device)
            kind = device.kind if device else ""
            before = self._of.get(point, ())
            rules = tuple(r for r in by_metric.get(row.metric, ()) if not r.kinds or kind in r.kinds)
            kept = {r.rule for r in rules}
            for rule in before:
                if rule.rule not in kept:
                    self._drop(rule, point, now, emit)
            if rules:
                self._of[point] = rules
            else:
                self._of.pop(point, None)
            if rules or before:
                self._bound(point)

    def _drop(self, rule: LimitRow, point: int, now: int, emit: Emit) -> None:
        """End what a rule holds that is gone, or no longer fits its point."""
        held = self._held.pop((point, rule.rule), None)
        if held is not None and held.phase is not Phase.PENDING:
            emit(self._change(rule, held, now, AlarmState.CLEARED, Reason.BACK_IN_LIMITS))

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> State:
        """Return a copy of what is held; the table is the registry's."""
        text = json.dumps([asdict(held) for held in self._held.values()]).encode()
        return {"version": np.array(VERSION), "held": np.frombuffer(text, np.uint8).copy()}

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        rows = [Held(**{**row, "phase": Phase(row["phase"])}) for row in json.loads(state["held"].tobytes())]
        known = {(point, rule.rule) for point, rules in self._of.items() for rule in rules}
        self._held = {(h.point, h.rule): h for h in rows if (h.point, h.rule) in known}
        for held in rows:
            if held.point in self._of:
                self._bound(held.point)
        self._next = min((h.due for h in self._held.values()), default=_NEVER)


def _bounds(rule: LimitRow) -> tuple[float, float]:
    return (inf if rule.high is None else rule.high, -inf if rule.low is None else rule.low)
