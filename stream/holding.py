r"""Conditions on values: on beyond a limit for long enough, off well within it for long enough.

```
  value ___________/^^^^^^^^^^^^\__________    high
                   |<-on_delay->|              raised when the value has stayed beyond it so long
                                 |<-off_delay->  cleared when it has stayed inside, past the dead-band
```
Delays are Prometheus' `for` and `keep_firing_for`; dead-bands keep a value that rests on its limit from
chattering (ISA-18.2 practice). Time here is log time: a delay is over when a value of the subject, or a
tick, is at or past its end, and it is told with exactly that end, whichever came first.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import inf

import numpy as np

from park.directory import Directory
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.operator import Emit, State
from park.records import LimitRow
from stream.scopes import holds, timed

VERSION = 1
NEVER = 2**62


class Phase(StrEnum):
    """Where a rule stands on a subject; calm ones are not kept."""

    PENDING = "pending"  # beyond, not for long enough yet
    ACTIVE = "active"
    LEAVING = "leaving"  # inside again, not for long enough yet


@dataclass(frozen=True, slots=True)
class Subject:
    """What a condition is about, and where that stands."""

    name: str  # "point:40", "device:7", "place:12"
    park: int = 0
    place: int = 0
    device: int = 0
    point: int = 0


def of_point(directory: Directory, point: int) -> Subject:
    """Return a point as what a condition is about."""
    d = directory
    return Subject(f"point:{point}", int(d.park[point]), int(d.place[point]), int(d.device[point]), point)


def of_device(directory: Directory, device: int) -> Subject:
    """Return a device as what a condition is about."""
    row = directory.devices[device]
    return Subject(f"device:{device}", row.park, row.place, device)


def of_place(directory: Directory, place: int) -> Subject:
    """Return a place as what a condition is about."""
    row = directory.places.get(place)
    return Subject(f"place:{place}", row.park if row else 0, place)


@dataclass(slots=True)
class Held:
    """A rule that is not calm on a subject; written in place, for what stands beyond a limit says so each time."""

    rule: str
    point: int  # number of the subject
    phase: Phase
    side: int  # 1: above high, -1: below low
    due: int  # log time at which the waiting ends
    since: int  # log time at which it was raised
    value: float  # that decided last
    ts: int  # its time by the device's clock


class Holding:
    """What is not calm of one stage: by subject number and rule."""

    def __init__(self, directory: Directory, subject: Callable[[Directory, int], Subject]) -> None:
        self._directory = directory
        self._of = subject
        self._held: dict[tuple[int, str], Held] = {}
        self._rule: dict[tuple[int, str], LimitRow] = {}  # of what is held
        self._last: dict[tuple[int, str], int] = {}  # since of conditions that are over, while it could come again
        self._next = NEVER  # earliest end of a wait, or earlier
        self._watched = False  # some rule that is held has hours or dates

    def __contains__(self, key: tuple[int, str]) -> bool:
        return key in self._held

    def subjects(self) -> set[int]:
        """Return the subjects that are not calm."""
        return {subject for subject, _ in self._held}

    def step(self, rule: LimitRow, subject: int, value: float, ts: int, at: int, emit: Emit) -> None:
        """Take one value of a subject to one of its rules; `value` is finite."""
        key = (subject, rule.rule)
        held = self._held.get(key)
        if held is not None and held.due <= at:  # a wait that ended before this value came
            held = self._ripe(rule, held, emit)
        if not rule.window and timed(rule) and not self._holds(rule, subject, at):
            if held is not None:
                self.release(rule, subject, at, Reason.OUT_OF_SCHEDULE, emit)
            return
        high, low = bounds(rule)
        side = int(value > high) - int(value < low)
        inside = low + rule.dead_band <= value <= high - rule.dead_band
        if held is None or held.phase is Phase.PENDING:
            if not side:
                self._held.pop(key, None)
                self._rule.pop(key, None)
                return
            if held is None or held.side != side:
                held = Held(rule.rule, subject, Phase.PENDING, side, at + rule.on_delay, 0, value, ts)
            else:
                held.value, held.ts = value, ts
        elif held.phase is Phase.ACTIVE and inside:
            held.phase, held.due, held.value, held.ts = Phase.LEAVING, at + rule.off_delay, value, ts
        elif held.phase is Phase.LEAVING and inside:
            held.value, held.ts = value, ts
        elif held.phase is Phase.LEAVING:
            held.phase, held.due = Phase.ACTIVE, NEVER
        self._held[key], self._rule[key] = held, rule
        self._watched |= timed(rule) and not rule.window
        self._next = min(self._next, held.due)
        if held.due <= at:
            self._ripe(rule, held, emit)

    def _subject(self, number: int) -> Subject:
        return self._of(self._directory, number)

    def _holds(self, rule: LimitRow, subject: int, at: int) -> bool:
        return holds(rule, self._directory, self._subject(subject).park, at)

    def _ripe(self, rule: LimitRow, held: Held, emit: Emit) -> Held | None:
        """End a wait, at the time it was due; return what is held then."""
        key = (held.point, held.rule)
        at = held.due
        if held.phase is Phase.PENDING:
            since = max(at, self._last.get(key, 0) + 1)  # raised twice in a millisecond it is two conditions
            held.phase, held.due, held.since = Phase.ACTIVE, NEVER, since
            self._last[key] = since
            reason = Reason.ABOVE_LIMIT if held.side > 0 else Reason.BELOW_LIMIT
            emit(self._change(rule, held, at, AlarmState.ACTIVE, reason))
            return held
        del self._held[key], self._rule[key]
        emit(self._change(rule, held, at, AlarmState.CLEARED, Reason.BACK_IN_LIMITS))
        return None

    def _change(self, rule: LimitRow, held: Held, at: int, state: AlarmState, reason: Reason) -> ConditionChange:
        about = self._subject(held.point)
        name = f"limit.{rule.rule}"
        return ConditionChange(
            name, name, about.name, held.since, at, held.ts, state, Severity(rule.severity), reason,
            about.park, about.place, about.device, about.point, held.value,
            rule.high if held.side > 0 else rule.low,
        )  # fmt: skip

    def release(self, rule: LimitRow, subject: int, at: int, reason: Reason, emit: Emit) -> None:
        """End what a rule holds on a subject, whatever its value."""
        self._rule.pop((subject, rule.rule), None)
        held = self._held.pop((subject, rule.rule), None)
        if held is not None and held.phase is not Phase.PENDING:
            emit(self._change(rule, held, at, AlarmState.CLEARED, reason))

    def fit(self, of: Mapping[int, tuple[LimitRow, ...]], at: int, emit: Emit) -> None:
        """End what no rule of its subject holds any more; what still holds goes on by the rule's new words."""
        for subject, name in sorted(self._held):
            rule = next((r for r in of.get(subject, ()) if r.rule == name), None)
            if rule is None:
                self.release(self._rule[subject, name], subject, at, Reason.RULE_CHANGED, emit)
            else:
                self._rule[subject, name] = rule

    def on_tick(self, now: int, emit: Emit) -> list[int]:
        """End the waits that are over by now, in the order in which they ended; return the subjects that changed."""
        changed: list[int] = []
        if now >= self._next:
            for held in sorted(
                (h for h in self._held.values() if h.due <= now), key=lambda h: (h.due, h.point, h.rule)
            ):
                self._ripe(self._rule[held.point, held.rule], held, emit)
                changed.append(held.point)
            self._next = min((h.due for h in self._held.values()), default=NEVER)
        if self._watched:
            for key, rule in sorted(self._rule.items(), key=lambda item: item[0]):
                if timed(rule) and not rule.window and not self._holds(rule, key[0], now):
                    self.release(rule, key[0], now, Reason.OUT_OF_SCHEDULE, emit)
                    changed.append(key[0])
            self._watched = any(timed(r) and not r.window for r in self._rule.values())
        if self._last:
            self._last = {k: since for k, since in self._last.items() if since >= now}
        return changed

    def snapshot(self) -> State:
        """Return a copy of what is held; the table is the registry's."""
        text = json.dumps([asdict(held) for held in self._held.values()]).encode()
        last = json.dumps([(*key, since) for key, since in self._last.items()]).encode()
        return {
            "version": np.array(VERSION), "held": np.frombuffer(text, np.uint8).copy(),
            "last": np.frombuffer(last, np.uint8).copy(),
        }  # fmt: skip

    def restore(self, state: State, of: Mapping[int, tuple[LimitRow, ...]]) -> list[int]:
        """Take the state of an earlier snapshot, as far as rules still hold; return the subjects in it."""
        known = {(subject, rule.rule): rule for subject, rules in of.items() for rule in rules}
        rows = [Held(**{**row, "phase": Phase(row["phase"])}) for row in json.loads(state["held"].tobytes())]
        self._held = {(h.point, h.rule): h for h in rows if (h.point, h.rule) in known}
        self._rule = {key: known[key] for key in self._held}
        last = json.loads(state["last"].tobytes()) if "last" in state else []
        self._last = {(subject, rule): since for subject, rule, since in last}
        self._next = min((h.due for h in self._held.values()), default=NEVER)
        self._watched = any(timed(r) and not r.window for r in self._rule.values())
        return [h.point for h in rows]


def bounds(rule: LimitRow) -> tuple[float, float]:
    """Return (high, low) of a rule, infinite where it has none."""
    return (inf if rule.high is None else rule.high, -inf if rule.low is None else rule.low)
