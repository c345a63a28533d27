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
"""

import json
from dataclasses import asdict, replace

import numpy as np

from park.directory import Directory, grown
from park.events import AlarmState, Label, Reason
from park.metrics import CODE, METRICS, NAMES
from park.operator import Emit, State
from park.readings import Int32, Int64, Quality, ReadingBatch
from park.records import Command, Config, Refused, Verb
from stream.detectors.signs import Signs
from stream.latches import Member, Standing, change_of, labels_of, subject_of
from stream.rounds import rounds

VERSION = 1
UNCLAIMED_MAX = 1_000  # unknown devices with an alarm of their own; beyond them all share one
DEAF_AFTER = 5 * 60_000  # ms after which a device's clock that went back is believed
LATE_AFTER = 5 * 60_000  # ms between the device's time and receipt from which we say "late"

# Burning makes CO: a CO device joins a fire of its place, and confirms it. A gas leak does not.
_CO = frozenset({"co_alarm", "co"})
_GAS = frozenset({"gas", "gas_level"}) | _CO
_UNSEEN = -(2**62)
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
        self._member = np.zeros(2, np.bool_)  # by point: holds a condition up
        self._lag = np.zeros(1, np.int64)  # by device: ms from its clock to receipt
        self._ts = np.full(1, _UNSEEN)  # by device: newest time by its clock, and when that came
        self._at = np.full(1, _UNSEEN)
        self._signs = Signs(directory)
        self._standing: dict[tuple[str, str], Standing] = {}
        self._device_reset: dict[int, tuple[int, int]] = {}  # device -> ts and receipt of its last reset
        self._ended: dict[int, int] = {}  # point -> ts of its newest alarm that a reset has ended
        self._person_reset: dict[str, int] = {}  # "subject", or "family/subject" -> log time
        self._last: dict[tuple[str, str], int] = {}  # family, subject -> beginning of its newest that is over
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
        device = self._directory.device[point]
        acts = alarm | (calm & self._member[point])
        if alarm.any():  # a "normal" behind an alarm of the same batch may be its reset
            acts |= calm & np.isin(point, point[alarm])
        signs = self._signs.look(live, ~is_state)
        acts[signs.rows] = True
        sign_of = dict(zip(signs.rows.tolist(), range(len(signs.rows)), strict=True))
        lags, newest = self._lags(live, device)
        for i in np.flatnonzero(acts).tolist():
            clock = int(lags[i]), int(newest[i])
            if i in sign_of:
                self._sign(live, i, signs.reason[sign_of[i]], signs.limit[sign_of[i]], clock, emit)
            elif alarm[i]:
                self._alarm(live, i, clock, emit)
            else:
                self._normal(live, i, emit)
        return batch

    def _lags(self, live: ReadingBatch, device: Int32) -> tuple[Int64, Int64]:
        """Return, by row, its device's clock by the live readings before it: how far behind receipt, newest time.

        A reading teaches it when it is newer than all before; or, after a silence of minutes, whatever
        its time: a clock that went back must not make every later alarm look old.
        """
        before, newest = np.zeros(len(live), np.int64), np.zeros(len(live), np.int64)
        timely = live.quality < Quality.LATE
        for rows in rounds(device):
            d, ts, at = device[rows], live.ts[rows], live.received[rows]
            before[rows], newest[rows] = self._lag[d], self._ts[d]
            newer = timely[rows] & ((ts > self._ts[d]) | (at - self._at[d] > DEAF_AFTER))
            d = d[newer]
            self._ts[d], self._at[d], self._lag[d] = ts[newer], at[newer], (at - ts)[newer]
        return before, newest

    def _alarm(self, live: ReadingBatch, i: int, clock: tuple[int, int], emit: Emit) -> None:
        point, ts, received = int(live.point[i]), int(live.ts[i]), int(live.received[i])
        quality = int(live.quality[i])
        device = int(self._directory.device[point])
        if quality != Quality.WRONG_CLOCK and self._is_reset(device, point, ts, clock, timely=quality < Quality.LATE):
            return
        member = Member(device, point, NAMES[self._code[point]], ts, float(live.value[i]), state=True)
        labels = labels_of(quality, late=quality == Quality.LATE or received - ts - clock[0] > LATE_AFTER)
        reason = Reason.CALL_POINT if member.metric == "call_point" else Reason.DETECTOR_ALARM
        self._raise(member, received, reason, labels, None, emit)

    def _sign(
        self, live: ReadingBatch, i: int, reason: Reason, limit: float, clock: tuple[int, int], emit: Emit
    ) -> None:
        point, ts, received = int(live.point[i]), int(live.ts[i]), int(live.received[i])
        device = int(self._directory.device[point])
        member = Member(device, point, NAMES[self._code[point]], ts, float(live.value[i]), state=False)
        if reason is Reason.BACK_IN_LIMITS:
            self._gone(member, received, limit, emit)
        elif not self._is_reset(device, point, ts, clock, timely=live.quality[i] < Quality.LATE):
            self._raise(member, received, reason, labels_of(int(live.quality[i]), late=False), limit, emit)

    def _is_reset(self, device: int, point: int, ts: int, clock: tuple[int, int], *, timely: bool) -> bool:
        """Tell whether an alarm of that time was ended by a reset we know of.

        A device's own reset is on its own clock; a person's is on ours, so the alarm's time is moved by
        what the device's clock lagged. In doubt the answer is no: a false alarm is the smaller harm. So
        a device that was never heard has no lag that could be known, and one whose clock stands still
        says the time of its old alarm with every new one.
        """
        lag, newest = clock
        if ts == self._ended.get(point) and newest > ts:
            return True  # the same reading once more
        theirs, ours = self._device_reset.get(device, (_UNSEEN, _UNSEEN))
        if ts < theirs and ts + lag < ours:
            return True
        if timely and newest == _UNSEEN:
            return False
        metric = NAMES[self._code[point]]
        families = ("fire", "gas") if metric in _CO else ("gas",) if metric in _GAS else ("fire",)
        subjects = (subject_of(int(self._directory.place[point]), device), f"device:{device}")
        keys = (*subjects, *(f"{family}/{subject}" for family in families for subject in subjects))
        return ts + lag < max(self._person_reset.get(key, _UNSEEN) for key in keys)

    # ── conditions ───────────────────────────────────────────────────────────────────────────────

    def _raise(
        self, member: Member, at: int, reason: Reason, labels: tuple[Label, ...], limit: float | None, emit: Emit
    ) -> None:
        place = int(self._directory.place[member.point])
        park = int(self._directory.park[member.point])
        subject = subject_of(place, member.device)
        mode = self._mode.get(member.device, "normal")
        if mode != "normal" or Label.TEST in labels or Label.MAINTENANCE in labels:
            said = Label.MAINTENANCE if mode == "maintenance" or Label.MAINTENANCE in labels else Label.TEST
            labels = (*(x for x in labels if x is not said), said)
            family, subject = "test", f"device:{member.device}"
        else:
            family = "gas" if member.metric in _GAS else "fire"
            if member.metric in _CO and ("fire", subject) in self._standing:
                family = "fire"
        held = self._standing.get((family, subject))
        if held is None:
            held = Standing(
                family, subject, self._since(family, subject, at), confirmed=False, park=park, place=place,
                members=(member,), devices=(member.device,), labels=labels,
            )  # fmt: skip
            self._keep(held)
            emit(change_of(held, member, at, AlarmState.ACTIVE, reason, limit))
            if family == "fire":
                self._confirm_by_co(held, member, at, emit)
            return
        again = next((m for m in held.members if m.point == member.point), None)
        told = again is not None and not again.gone
        if told and again is not None:
            member = replace(member, ts=max(member.ts, again.ts))
        others = tuple(m for m in held.members if m.point != member.point)
        # The device itself says what our reading of its values said before, or the other way round.
        beside = any(m.device == member.device and (m.state or not member.state) for m in others)
        newcomer = member.device not in held.devices
        confirms = family != "test" and newcomer and any(d != member.device for d in held.devices)
        held = replace(
            held, members=(*others, member), confirmed=held.confirmed or confirms, labels=labels,
            devices=(*held.devices, member.device) if newcomer else held.devices,
        )  # fmt: skip
        self._keep(held)
        if told or beside:
            return
        if confirms and reason is not Reason.CALL_POINT:
            reason = Reason.SECOND_DEVICE
        emit(change_of(held, member, at, AlarmState.ACTIVE, reason, limit))

    def _confirm_by_co(self, fire: Standing, first: Member, at: int, emit: Emit) -> None:
        """Confirm a fire that begins where another device already tells of CO."""
        gas = self._standing.get(("gas", fire.subject))
        proofs = tuple(m for m in gas.members if m.metric in _CO and m.device != first.device) if gas else ()
        if proofs:
            devices = (*fire.devices, *dict.fromkeys(m.device for m in proofs))
            fire = replace(fire, confirmed=True, members=(*fire.members, *proofs), devices=devices)
            self._keep(fire)
            emit(change_of(fire, proofs[-1], at, AlarmState.ACTIVE, Reason.SECOND_DEVICE, None))

    def _normal(self, live: ReadingBatch, i: int, emit: Emit) -> None:
        """Take a "normal" as the device's reset, if it is live and not older than its alarm."""
        point, ts, at = int(live.point[i]), int(live.ts[i]), int(live.received[i])
        if live.quality[i] >= Quality.LATE or not self._member[point]:
            return
        for held in [h for h in self._standing.values() if any(m.point == point for m in h.members)]:
            mine = next(m for m in held.members if m.point == point)
            if ts < mine.ts:
                continue
            self._device_reset[mine.device] = max((ts, at), self._device_reset.get(mine.device, (ts, at)))
            # What we read from its values goes with it; another state of the device that alarms stays.
            left = tuple(m for m in held.members if m.device != mine.device or (m.state and m.point != point))
            self._without(held, left, mine, at, ts, Reason.DEVICE_RESET, emit)

    def _gone(self, member: Member, at: int, limit: float, emit: Emit) -> None:
        """Say that the values are back; the condition stays until somebody resets it."""
        for held in [h for h in self._standing.values() if any(m.point == member.point for m in h.members)]:
            mine = next(m for m in held.members if m.point == member.point)
            if mine.state or mine.gone:
                continue
            members = tuple(replace(m, gone=True) if m is mine else m for m in held.members)
            held = replace(held, members=members)  # noqa: PLW2901 (the condition as it is now)
            self._keep(held)
            if all(m.gone for m in members):
                emit(change_of(held, member, at, AlarmState.LATCHED, Reason.BACK_IN_LIMITS, limit))

    def _without(
        self, held: Standing, left: tuple[Member, ...], gone: Member, at: int, ts: int, reason: Reason, emit: Emit
    ) -> None:
        """Keep a condition with the members that are left; without any it is over."""
        ended = [m for m in held.members if m not in left]
        for member in ended:  # (unclaimed devices have no point)
            self._ended[member.point] = max(member.ts, self._ended.get(member.point, member.ts))
        self._signs.forget([m.point for m in ended if not m.state])
        if left:
            self._standing[held.family, held.subject] = replace(held, members=left)
        else:
            del self._standing[held.family, held.subject]
            self._last[held.family, held.subject] = held.since
        for member in ended:  # a CO point may hold a fire up beside its own condition
            self._member[member.point] = any(
                m.point == member.point for s in self._standing.values() for m in s.members
            )
        if left:
            return
        emit(change_of(held, replace(gone, ts=ts, value=0.0), at, AlarmState.CLEARED, reason, None, valued=False))

    def _since(self, family: str, subject: str, at: int) -> int:
        """Return the beginning of a new condition: of two within a millisecond of receipt the second is the later.

        It is part of the identity; with that of one that is over, stores would take the new one for known.
        """
        return max(at, self._last.get((family, subject), _UNSEEN) + 1)

    def _keep(self, held: Standing) -> None:
        self._standing[held.family, held.subject] = held
        for member in held.members:
            self._member[member.point] = True

    # ── devices nobody has claimed yet ───────────────────────────────────────────────────────────

    def on_refused(self, refused: tuple[Refused, ...], emit: Emit) -> None:
        """Raise alarms that no registered device stands behind."""
        for message in refused:
            if not message.alarm:
                continue
            family = "gas" if message.alarm in _GAS else "fire"
            subject = f"unclaimed:{message.device_key or message.topic}"
            if (family, subject) in self._standing:
                continue
            if sum(s.startswith("unclaimed:") for _, s in self._standing) >= UNCLAIMED_MAX:
                subject = "unclaimed:*"
                if (family, subject) in self._standing:
                    continue
            gateway = self._directory.devices.get(message.gateway)
            at = message.received
            member = Member(0, 0, message.alarm, at, 1.0, state=True)
            labels = (Label.UNCLAIMED,)
            since = self._since(family, subject, at)
            held = Standing(
                family, subject, since, confirmed=False, park=gateway.park if gateway else 0, place=0,
                members=(member,), devices=(), labels=labels,
            )  # fmt: skip
            self._standing[family, subject] = held
            reason = Reason.CALL_POINT if message.alarm == "call_point" else Reason.DETECTOR_ALARM
            emit(change_of(held, member, at, AlarmState.ACTIVE, reason, None))

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    def on_command(self, command: Command, emit: Emit) -> None:
        """Obey a reset by a named person, or a device's way into test or maintenance and back.

        A reset names a device, a place (and all within it) or, in its arguments, a `subject`; with a
        `family` it ends nothing else of that subject, with a `condition` (an id) nothing but that one.
        """
        if command.verb is Verb.MODE:
            if command.device:
                self._set_mode(command.device, command.arguments.get("mode", "normal"), command.received, emit)
            return
        if not command.actor.strip():
            return  # only a person who gives a name may end an alarm
        subjects = {command.arguments.get("subject", "")} - {""}
        if command.place:
            subjects |= {f"place:{p}" for p in self._within(command.place)}
            subjects |= {
                f"device:{d.device}" for d in self._directory.devices.values() if f"place:{d.place}" in subjects
            }
        family, condition = command.arguments.get("family", ""), command.arguments.get("condition", "")
        if condition and condition not in {h.condition_id for h in self._standing.values()}:
            return  # over already, or another lane's: what stands now is another, that nobody has seen
        for subject in sorted(subjects):
            self._person_reset[f"{family}/{subject}" if family else subject] = command.received
        if command.device:
            self._person_reset[f"device:{command.device}"] = command.received
        for held in list(self._standing.values()):
            named = held.subject in subjects and family in {"", held.family}
            named &= condition in {"", held.condition_id}
            left = () if named else tuple(m for m in held.members if m.device != command.device or not m.device)
            if len(left) < len(held.members):
                gone = held.members[-1]
                self._without(held, left, gone, command.received, command.received, Reason.PERSON_RESET, emit)

    def _within(self, place: int) -> set[int]:
        """Return a place and all places below it."""
        found = {place}
        children: dict[int, list[int]] = {}
        for row in self._directory.places.values():
            children.setdefault(row.parent, []).append(row.place)
        todo = [place]
        while todo:
            below = [p for p in children.get(todo.pop(), ()) if p not in found]
            found.update(below)
            todo += below
        return found

    def _set_mode(self, device: int, mode: str, at: int, emit: Emit) -> None:
        """Set a device's mode; an alarm that still stands when a test ends is an alarm."""
        if mode == self._mode.get(device, "normal"):
            return
        if mode != "normal":
            self._mode[device] = mode
            return
        del self._mode[device]
        held = self._standing.get(("test", f"device:{device}"))
        if held is None:
            return
        members = held.members
        self._without(held, (), members[-1], at, at, Reason.PERSON_RESET, emit)
        for member in members:
            if not member.gone:
                self._raise(member, at, Reason.DETECTOR_ALARM, (), None, emit)

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: time alone neither raises nor ends an alarm."""

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn which points tell of fire, and which devices are under test."""
        d = self._directory
        size = d.size + 1
        self._member, self._lag = grown(self._member, size, fill=False), grown(self._lag, d.device_size)
        self._ts, self._at = grown(self._ts, d.device_size, _UNSEEN), grown(self._at, d.device_size, _UNSEEN)
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
            "standing": [asdict(s) for s in self._standing.values()],
            "device_reset": list(self._device_reset.items()),
            "ended": list(self._ended.items()),
            "person_reset": list(self._person_reset.items()),
            "last": [(*key, since) for key, since in self._last.items()],
            "mode": list(self._mode.items()),
            "registered": list(self._registered.items()),
        }
        text = np.frombuffer(json.dumps(told).encode(), np.uint8).copy()
        return {
            "version": np.array(VERSION),
            "text": text,
            "lag": self._lag.copy(),
            "ts": self._ts.copy(),
            "at": self._at.copy(),
            **self._signs.snapshot(),
        }

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        told = json.loads(state["text"].tobytes())
        self._standing = {}
        self._member[:] = False
        for row in told["standing"]:
            row["members"] = tuple(Member(**m) for m in row["members"])
            row["devices"] = tuple(row["devices"])
            row["labels"] = tuple(Label(x) for x in row["labels"])
            held = Standing(**row)
            self._standing[held.family, held.subject] = held
        points = [m.point for s in self._standing.values() for m in s.members]
        self._member = grown(self._member, max(points, default=0) + 1, fill=False)
        self._member[points] = True
        self._member[0] = False
        self._device_reset = {device: (ts, at) for device, (ts, at) in told["device_reset"]}
        self._ended = dict(told["ended"])
        self._person_reset = dict(told["person_reset"])
        self._last = {(family, subject): since for family, subject, since in told.get("last", ())}
        self._mode = dict(told["mode"])
        self._registered = dict(told["registered"])
        size = len(self._lag)
        self._lag = grown(state["lag"].copy(), size)
        self._ts, self._at = grown(state["ts"].copy(), size, _UNSEEN), grown(state["at"].copy(), size, _UNSEEN)
        self._signs.restore(state)
