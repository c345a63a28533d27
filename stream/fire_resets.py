"""What has been reset, and when: so that an alarm that was on its way meanwhile is not raised anew.

A device's own reset is on its own clock; a person's is on ours, so the time of an alarm is moved by what the
device's clock lagged. In doubt the answer is "not reset": a false alarm is the smaller harm.
```
 live       raised, but for the very same reading once more, and that once: a session was taken up
 late       left out if it is of before its device's or a person's reset, by its own time
 retained   the same
```
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from park.directory import Directory, grown
from park.metrics import NAMES
from park.operator import State
from park.readings import Int32, Int64, Quality, ReadingBatch
from park.records import Command
from stream.fire_conditions import CO, GAS, Conditions
from stream.latches import Member, Standing
from stream.rounds import rounds

DEAF_AFTER = 5 * 60_000  # ms after which a device's clock that went back is believed
# ms within which all that was in flight comes once more when a session is taken up. What is said after that with
# the same time is said anew: by a clock that stands still, or that runs through the same times a second time.
TAKEN_UP = 10_000
HEARD = 16  # alarms of a point whose times are remembered: more are not in flight at once when a session is taken up
_UNSEEN = -(2**62)
Clock = tuple[int, int]  # ms by which a device's clock lags receipt, newest time that it told


class Clocks:
    """What each device's clock said last, and how far it is behind receipt."""

    def __init__(self) -> None:
        self._lag = np.zeros(1, np.int64)  # by device
        self._ts = np.full(1, _UNSEEN)  # by device: newest time by its clock, and when that came
        self._at = np.full(1, _UNSEEN)

    def look(self, live: ReadingBatch, device: Int32) -> tuple[Int64, Int64]:
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

    def learn(self, size: int) -> None:
        """Grow to so many devices."""
        self._lag = grown(self._lag, size)
        self._ts, self._at = grown(self._ts, size, _UNSEEN), grown(self._at, size, _UNSEEN)

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {"lag": self._lag.copy(), "ts": self._ts.copy(), "at": self._at.copy()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        size = len(self._lag)
        self._lag = grown(state["lag"].copy(), size)
        self._ts, self._at = grown(state["ts"].copy(), size, _UNSEEN), grown(state["at"].copy(), size, _UNSEEN)


class Resets:
    """Resets by devices and by people."""

    def __init__(self, directory: Directory, conditions: Conditions) -> None:
        self._directory = directory
        self._conditions = conditions
        self._device: dict[int, tuple[int, int]] = {}  # device -> ts and receipt of its last reset
        self._ended: dict[int, int] = {}  # point -> ts of its newest alarm that a reset has ended
        self._heard: dict[int, tuple[int, ...]] = {}  # point -> ts of its newest alarms, by a state or by values
        self._again: dict[tuple[int, int], int] = {}  # point and ts of an alarm that came once more -> first receipt
        self._person: dict[str, int] = {}  # "subject", or "family/subject" -> log time

    def ended(self, members: Iterable[Member]) -> None:
        """Learn that the alarms of some members are over (unclaimed devices have no point)."""
        for member in members:
            self._ended[member.point] = max(member.ts, self._ended.get(member.point, member.ts))
            for ts in self._heard.get(member.point, ()):
                self._again.pop((member.point, ts), None)

    def heard(self, member: Member) -> None:
        """Learn that an alarm of a member was taken: the same reading once more is no news after its reset."""
        before = self._heard.get(member.point, ())
        if member.ts not in before:
            self._heard[member.point] = (*before, member.ts)[-HEARD:]
            for ts in before[: 1 - HEARD]:
                self._again.pop((member.point, ts), None)

    def by_device(self, device: int, ts: int, at: int) -> None:
        """Learn of a device's own reset."""
        self._device[device] = max((ts, at), self._device.get(device, (ts, at)))

    def covers(self, member: Member, at: int, clock: Clock, *, past: bool) -> bool:
        """Tell whether an alarm that came at a log time was ended by a reset we know of.

        Of what is live only the same reading once more was: a session was taken up. Whatever else it says, its clock
        may have been set back or put right, and an alarm that was on its way while a person reset is one that the
        person had not seen. What its device or gateway calls late or retained was, where it is of before the reset.
        """
        ts = member.ts
        lag, newest = clock
        told = max(ts, ts + lag)  # the latest that it can be, on our clock
        of_person = told < max(self._person.get(key, _UNSEEN) for key in self._names(member))
        again = ts <= self._ended.get(member.point, _UNSEEN) and ts in self._heard.get(member.point, ())
        again = again and (newest > ts or of_person)
        if not past:
            return again and at - self._again.setdefault((member.point, ts), at) <= TAKEN_UP
        theirs, ours = self._device.get(member.device, (_UNSEEN, _UNSEEN))
        return again or of_person or (ts < theirs and told < ours)

    def _names(self, member: Member) -> tuple[str, ...]:
        """Return the names under which a person's reset may touch a member."""
        metric = NAMES[self._directory.metric[member.point]]
        families = ("fire", "gas") if metric in CO else ("gas",) if metric in GAS else ("fire",)
        spot = self._conditions.spot(member.point)
        subjects = (*((f"place:{spot}",) if spot else ()), f"device:{member.device}")
        return (*subjects, *(f"{family}/{subject}" for family in families for subject in subjects))

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    def by_person(self, command: Command) -> list[tuple[Standing, tuple[Member, ...]]]:
        """Learn of a named person's reset; return the conditions that it touches, and who still holds them up.

        It names a device, a place (and all within it) or, in its arguments, a `subject`. With a `family` it
        ends nothing else of that subject, with a `condition` (an id) nothing but that one: what began later
        is another, that nobody has seen. With the `rule` of a pre-alarm it ends nothing that was confirmed while it
        was on its way: that is worse than what was looked at.
        """
        if not command.actor.strip():
            return []  # only a person who gives a name may end an alarm
        said = command.arguments
        family, condition = said.get("family", ""), said.get("condition", "")
        subjects = {said.get("subject", "")} - {""}
        if command.place:
            subjects |= self._within(command.place)
        named = [
            held
            for held in self._conditions
            if held.subject in subjects
            and family in {"", held.family}
            and condition in {"", held.condition_id}
            and not (held.confirmed and said.get("rule") == replace(held, confirmed=False).rule)
        ]
        if condition and not named:
            return []  # over already, or another lane's
        for subject in sorted(subjects):
            self._person[f"{family}/{subject}" if family else subject] = command.received
        if command.device:
            self._person[f"device:{command.device}"] = command.received
        touched = []
        for held in self._conditions:
            whole = any(held is one for one in named)
            left = () if whole else tuple(m for m in held.members if m.device != command.device or not m.device)
            if len(left) < len(held.members):
                touched.append((held, left))
        return touched

    def _within(self, place: int) -> set[str]:
        """Return the subjects of a place and of all places below it."""
        found = {place}
        children: dict[int, list[int]] = {}
        for row in self._directory.places.values():
            children.setdefault(row.parent, []).append(row.place)
        todo = [place]
        while todo:
            below = [p for p in children.get(todo.pop(), ()) if p not in found]
            found.update(below)
            todo += below
        devices = (d.device for d in self._directory.devices.values() if d.place in found)
        return {f"place:{p}" for p in found} | {f"device:{d}" for d in devices}

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def snapshot(self) -> dict[str, Any]:
        """Return what is told as JSON."""
        return {
            "device_reset": list(self._device.items()),
            "ended": list(self._ended.items()),
            "heard": list(self._heard.items()),
            "again": [(*key, at) for key, at in self._again.items()],
            "person_reset": list(self._person.items()),
        }

    def restore(self, told: dict[str, Any]) -> None:
        """Take what an earlier snapshot told."""
        self._device = {device: (ts, at) for device, (ts, at) in told["device_reset"]}
        self._ended = dict(told["ended"])
        heard = told.get("heard", [(point, [ts]) for point, ts in told["ended"]])
        self._heard = {point: tuple(times) for point, times in heard}
        self._again = {(point, ts): at for point, ts, at in told.get("again", ())}
        self._person = dict(told["person_reset"])
