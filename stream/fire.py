"""Fire and gas: raised at receipt, latched until a real reset, one alarm a place.

```
            a device says alarm, or its values do          a second independent device,
                         |                                  or a call point
                         v                                        |
   nothing ----> fire.pre_alarm (high) -------------------------> fire.confirmed (critical)
      ^                  |                                        |
      '------ every device that raised it said a live "normal", or a named person reset it
```
Both carry the id of the place, so that one fire is one alarm. Silence, NaN, a restart, a lost gateway,
a retained or late "normal" clear nothing (GB/T 45839-2025, 5.4.2: held until reset; 5.8.1: who may).
Two detectors, or one and a call point, confirm (GB 50116, 4.1.6); twice the same device, or two
channels of it, do not. Nothing of this is held back: no quality, clock or registry stands in the way.

What stands is kept in fire_conditions.py, what has been reset in fire_resets.py, what values say in
detectors/signs.py; weak signs that make one another strong in fire_joint.py.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from heapq import heappop, heappush

import numpy as np

from park.directory import Directory, grown
from park.events import AlarmState, Label, Reason
from park.metrics import CODE, METRICS, NAMES
from park.operator import Emit, State
from park.readings import Quality, ReadingBatch
from park.records import Command, Config, Refused, Verb
from stream.detectors.signs import Sign, Signs
from stream.fire_conditions import GAS, Conditions
from stream.fire_joint import Joint
from stream.fire_resets import Clock, Clocks, Resets
from stream.fire_rows import Looked
from stream.latches import UNSEEN, Member, change_of, labels_of
from stream.strangers import park_of

VERSION = 1
UNCLAIMED_MAX = 1_000  # unknown devices with an alarm of their own; beyond them all share one
LATE_AFTER = 5 * 60_000  # ms between the device's time and receipt from which we say "late"
_PAST = frozenset({Quality.LATE, Quality.RETAINED})  # what its device or gateway calls past, or the broker
_NONE, _STATE = np.uint8(0), np.uint8(1)


def _state_roles() -> tuple[np.ndarray, np.ndarray]:
    """Return, by metric code, whether it is an alarm state, and which of its codes are the alarm."""
    roles = np.zeros(len(NAMES) + 1, np.uint8)  # one more: the code -1 of "no such point" finds 0
    codes = np.zeros((len(NAMES) + 1, 16), np.bool_)
    for name, metric in METRICS.items():
        if metric.alarm:
            roles[CODE[name]] = _STATE
            codes[CODE[name], list(metric.alarm)] = True
    return roles, codes


class Fire:
    """Keep one latched fire condition, and one of gas, for each place."""

    name = "fire"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._state_of_metric, self._codes = _state_roles()
        self._role = np.zeros(2, np.uint8)  # by point; the last row is 0 and stands for all beyond
        self._code = np.zeros(2, np.int16)  # by point: metric
        self._clocks = Clocks()
        self._signs = Signs(directory)
        self._forgotten: set[int] = set()  # points whose signs begin anew, by the row at hand
        self._conditions = Conditions(directory, self._over)
        self._resets = Resets(directory, self._conditions)
        self._joint = Joint(self._conditions)
        self._mode: dict[int, str] = {}  # device -> test | maintenance
        self._registered: dict[int, str] = {}  # the same, as the registry said last

    # ── readings ─────────────────────────────────────────────────────────────────────────────────

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Raise what these readings raise; the readings go on as they came."""
        role = self._role.take(batch.point, mode="clip")
        if not role.any():
            return batch
        rows = np.flatnonzero(role)
        live = batch.rows(rows)
        point = live.point
        told = live.value
        known = np.isfinite(told) & (told >= 0) & (told < self._codes.shape[1])
        code = np.where(known, told, 0).astype(np.intp)
        is_state = role[rows] == _STATE
        alarm = is_state & known & (told == code) & self._codes[self._code[point], code]
        calm = is_state & (told == 0)  # nothing else is "normal": a number that nobody knows ends no alarm
        acts = alarm | (calm & self._conditions.member[point])
        if alarm.any():  # a "normal" behind an alarm of the same batch may be its reset
            acts |= calm & np.isin(point, point[alarm])
        looked = Looked(self._signs, live, ~is_state, resets=bool(acts.any()))
        acts[looked.rows] = True
        lags, newest = self._clocks.look(live, self._directory.device[point])
        todo = np.flatnonzero(acts).tolist()  # rising, as a heap is
        self._forgotten.clear()
        while todo:
            i = heappop(todo)
            sign, clock = looked.at(i), (int(lags[i]), int(newest[i]))
            if sign is not None:
                self._sign(live, i, *sign, clock, emit)
            elif alarm[i]:
                self._alarm(live, i, clock, emit)
            elif is_state[i]:
                self._normal(live, i, emit)
            if self._forgotten:
                for row in looked.anew(self._forgotten, i):
                    if not acts[row]:
                        acts[row] = True
                        heappush(todo, row)
                self._forgotten.clear()
        return batch

    def _alarm(self, live: ReadingBatch, i: int, clock: Clock, emit: Emit) -> None:
        member, received = self._member(live, i, state=True, heard=clock[1]), int(live.received[i])
        quality = int(live.quality[i])
        past = quality in _PAST
        if quality != Quality.WRONG_CLOCK and self._resets.covers(member, received, clock, past=past):
            return
        labels = labels_of(quality, late=quality == Quality.LATE or received - member.ts - clock[0] > LATE_AFTER)
        reason = Reason.CALL_POINT if member.metric == "call_point" else Reason.DETECTOR_ALARM
        self._raise(member, received, reason, labels, None, emit)

    def _sign(
        self, live: ReadingBatch, i: int, sign: Sign, limit: float, weak_limit: float, clock: Clock, emit: Emit
    ) -> None:
        """Take what the values of a point say: a sign begins, stands or is gone; a full one or a weak one."""
        received = int(live.received[i])
        full = self._member(live, i, state=False)
        weak = replace(full, weak=True, faint=Sign.FAINT in sign)
        if Sign.GONE in sign:
            self._conditions.gone(full, received, limit, emit)
        if Sign.WEAK_GONE in sign:
            self._joint.drop(weak)
            self._conditions.gone(weak, received, weak_limit, emit)
        rises = bool(sign & (Sign.WEAK | Sign.FAINT))
        if not (rises or Sign.BEGINS in sign):
            return
        if self._resets.covers(full, received, clock, past=int(live.quality[i]) in _PAST):
            self._forget([full.point])  # what is still hot after it is an alarm
            return
        labels = labels_of(int(live.quality[i]), late=False)
        if full.value > self._directory.high[full.point] and Label.SUSPECT not in labels:
            labels = (*labels, Label.SUSPECT)
        rises = rises and not self._apart(weak, labels)
        if rises:
            self._joint.note(weak, received, weak_limit)
        if Sign.BEGINS in sign:
            reason = Reason.RATE_OF_RISE if Sign.RISING in sign else Reason.ABOVE_LIMIT
            self._raise(full, received, reason, labels, limit, emit)
        elif rises:
            self._joint.weigh(weak, received, labels, emit)

    def _member(self, live: ReadingBatch, i: int, *, state: bool, heard: int = UNSEEN) -> Member:
        point = int(live.point[i])
        device, metric = int(self._directory.device[point]), NAMES[self._code[point]]
        return Member(device, point, metric, int(live.ts[i]), float(live.value[i]), state=state, heard=heard)

    def _apart(self, member: Member, labels: tuple[Label, ...]) -> bool:
        """Tell whether a device is under test or maintenance, which is kept apart (GB/T 45839-2025, 5.8.4)."""
        return member.device in self._mode or Label.TEST in labels or Label.MAINTENANCE in labels

    def _raise(
        self, member: Member, at: int, reason: Reason, labels: tuple[Label, ...], limit: float | None, emit: Emit
    ) -> None:
        self._resets.heard(member)
        if self._apart(member, labels):
            mode = self._mode.get(member.device, "normal")
            said = Label.MAINTENANCE if mode == "maintenance" or Label.MAINTENANCE in labels else Label.TEST
            labels = (*(x for x in labels if x is not said), said)
            self._conditions.raised("test", member, at, reason, labels, limit, emit)
            return
        family = self._conditions.family(member.metric, self._conditions.subject(member))
        self._conditions.raised(family, member, at, reason, labels, limit, emit)
        self._joint.weigh(member, at, labels, emit)

    def _normal(self, live: ReadingBatch, i: int, emit: Emit) -> None:
        """Take a "normal" as the device's reset, if it is live and not older than its alarm."""
        point, ts, at = int(live.point[i]), int(live.ts[i]), int(live.received[i])
        if live.quality[i] >= Quality.LATE or not self._conditions.member[point]:
            return
        for held in self._conditions.of(point):
            mine = next(m for m in held.members if m.point == point)
            if not mine.reset_by(ts):
                continue
            self._resets.by_device(mine.device, ts, at)
            # What we read from its values goes with it; another state of the device that alarms stays.
            left = tuple(m for m in held.members if m.device != mine.device or (m.state and m.point != point))
            self._conditions.without(held, left, mine, at, ts, Reason.DEVICE_RESET, emit)

    def _over(self, members: Iterable[Member]) -> None:
        """Let those whose part in a condition has ended begin anew: they may raise again."""
        members = tuple(members)
        self._resets.ended(members)
        self._forget([m.point for m in members if not m.state])
        for member in members:
            self._joint.drop(member)

    def _forget(self, points: list[int]) -> None:
        """Let the signs of some points begin anew; also in what is left of the batch at hand."""
        self._signs.forget(points)
        self._forgotten.update(points)

    # ── devices nobody has claimed yet ───────────────────────────────────────────────────────────

    def on_refused(self, refused: tuple[Refused, ...], emit: Emit) -> None:
        """Raise alarms that no registered device stands behind."""
        for message in refused:
            if not message.alarm:
                continue
            family = "gas" if message.alarm in GAS else "fire"
            subject = f"unclaimed:{message.device_key or message.topic}"
            if self._conditions.get(family, subject):
                continue
            park = park_of(message, self._directory)
            if sum(held.subject.startswith("unclaimed:") for held in self._conditions) >= UNCLAIMED_MAX:
                subject, park = "unclaimed:*", 0  # of many parks: everybody is told
                if self._conditions.get(family, subject):
                    continue
            at = message.received
            known = self._directory.devices.get(message.device) if park else None  # of which one value is strange
            place = known.place if known else 0
            member = Member(0, 0, message.alarm, at, 1.0, state=True)
            labels = (Label.RETAINED, Label.UNCLAIMED) if message.retained else (Label.UNCLAIMED,)
            held = self._conditions.begin(family, subject, member, at, labels, park=park, place=place)
            reason = Reason.CALL_POINT if message.alarm == "call_point" else Reason.DETECTOR_ALARM
            emit(change_of(held, member, at, AlarmState.ACTIVE, reason, None))

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    def on_command(self, command: Command, emit: Emit) -> None:
        """Obey a reset by a named person, or a device's way into test or maintenance and back."""
        if command.verb is Verb.MODE:
            if command.device:
                self._set_mode(command.device, command.arguments.get("mode", "normal"), command.received, emit)
        elif command.verb is Verb.RESET:
            at = command.received
            for held, left in self._resets.by_person(command):
                self._conditions.without(held, left, held.members[-1], at, at, Reason.PERSON_RESET, emit)

    def _set_mode(self, device: int, mode: str, at: int, emit: Emit) -> None:
        """Set a device's mode; an alarm that still stands when a test ends is an alarm."""
        if mode == self._mode.get(device, "normal"):
            return
        if mode != "normal":
            self._mode[device] = mode
            return
        del self._mode[device]
        held = self._conditions.get("test", f"device:{device}")
        if held is None:
            return
        members = held.members
        self._conditions.without(held, (), members[-1], at, at, Reason.PERSON_RESET, emit)
        for member in members:
            if not member.gone:
                self._raise(member, at, Reason.DETECTOR_ALARM, (), None, emit)

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: time neither raises nor ends an alarm."""

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn which points tell of fire, and which devices are under test."""
        d = self._directory
        size = d.size + 1
        self._clocks.learn(d.device_size)
        self._conditions.learn()
        self._role, self._code = grown(self._role, size), grown(self._code, size)
        metric = d.metric[: d.size]
        self._code[: d.size] = metric
        self._role[: d.size] = self._state_of_metric[metric]
        self._role[d.size :] = _NONE
        self._signs.learn(config, self._role)
        for row in config.devices:
            if row.mode != self._registered.get(row.device, "normal"):  # said again it undoes no command
                self._registered[row.device] = row.mode
                self._set_mode(row.device, row.mode, config.received, emit)

    def snapshot(self) -> State:
        """Return copies of the state."""
        told = {
            **self._conditions.snapshot(),
            **self._resets.snapshot(),
            **self._joint.snapshot(),
            "mode": list(self._mode.items()),
            "registered": list(self._registered.items()),
        }
        text = np.frombuffer(json.dumps(told).encode(), np.uint8).copy()
        return {"version": np.array(VERSION), "text": text, **self._clocks.snapshot(), **self._signs.snapshot()}

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        told = json.loads(state["text"].tobytes())
        self._conditions.restore(told)
        self._resets.restore(told)
        self._joint.restore(told)
        self._mode = dict(told["mode"])
        self._registered = dict(told["registered"])
        self._clocks.restore(state)
        self._signs.restore(state)
