"""The office of a park: rounds that come due, hazards that are overdue, drills that begin and end.

A thread looks each second at drills, for they are measured in seconds, and each minute at the rest.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

from governance import drills, reminders, rounds
from governance.hazards import DAY
from park.alarm_ports import AlarmStore
from park.errors import Conflict, NotFound, UserError
from park.governance import (
    Done,
    Drill,
    DrillState,
    Hazard,
    HazardState,
    InspectionPlan,
    Round,
    RoundState,
)
from park.model import Device, DeviceMode
from park.ports import EventStore
from runtime.apart import ApartWatch
from runtime.storage.sql.governance import SqlOffice
from runtime.storage.sql.registry import SqlRegistry
from runtime.turning import Job, Turning

_MINUTE = 60  # looks between two at the rest
_AT_ONCE = 1_000
_BEHIND = 7  # days of rounds that are made up after the platform stood still: older ones nobody can do any more


def _nothing() -> None:
    """Do nothing: no stage runs that should learn of it."""


class Office:
    """Does what time asks of plans, rounds, hazards and drills; every step may be done again."""

    def __init__(
        self,
        store: SqlOffice,
        registry: SqlRegistry,
        events: EventStore,
        receipts: Callable[[Drill], Sequence[tuple[int, int]]],
        now: Callable[[], int],
        alarms: AlarmStore | None = None,
    ) -> None:
        """`alarms` hears of devices that are set apart for too long; None: nobody does."""
        self.store = store
        self.now = now
        self.registry_changed: Callable[[], None] = _nothing  # set by a running platform
        self._registry = registry
        self._events = events
        self._receipts = receipts
        self._apart = None if alarms is None else ApartWatch(registry, alarms, store)

    def turn_apart(self) -> None:
        """Give devices back whose time in test or maintenance is over, and tell of those that nobody gives back."""
        if self._apart is not None:
            self._apart.turn(self.now(), self.registry_changed)

    # ── drills ───────────────────────────────────────────────────────────────────────────────────

    def turn_drills(self) -> None:
        """Begin, watch and end the drills whose time it is. One that fails, however, keeps no other's devices deaf."""
        failed: list[Exception] = []
        for drill in self.store.find(Drill, states=[s.value for s in drills.OPEN], limit=_AT_ONCE):
            try:
                self._turn(drill)
            except Exception as why:  # noqa: BLE001 - told below, and tried again with the next look
                failed.append(why)
        if failed:
            raise failed[0]

    def _turn(self, drill: Drill) -> None:
        now = self.now()
        if drills.advanced(drill, now) is not None:
            drill = self._step(drill, partial(_advance, now=now))
        if drill.state is DrillState.STARTING:
            mine = self._mark(drill)
            drill = self._step(drill, lambda d: drills.marked(d, mine))
        if drill.state is DrillState.ENDING:  # before anything that may fail: until then they are deaf
            self._give_back(drill)
        if drill.state in {DrillState.RUNNING, DrillState.ENDING}:
            drill = self._watch(drill, now)
        if drill.state is DrillState.ENDING:
            self._step(drill, lambda d: drills.given_back(d, now))

    def _step(self, drill: Drill, step: Callable[[Drill], Done]) -> Drill:
        return self.store.change(Drill, drill.id, step, actor="", now=self.now())

    def _mark(self, drill: Drill) -> tuple[int, ...]:
        """Put the devices of a drill into test; return those that it is to give back."""
        mine, change = list(drill.marked), []
        for key in drill.devices:
            device = self._device(key)
            if device is not None and device.mode is DeviceMode.NORMAL:
                change.append(_in_mode(device, DeviceMode.TEST))
            # In test already: by a turn that was cut off. Nobody else's: planning refuses a device that is apart.
            if device is not None and device.mode is not DeviceMode.MAINTENANCE:
                mine.append(key)
        self._save(drill, change, "begins")
        return tuple(dict.fromkeys(mine))

    def _give_back(self, drill: Drill) -> None:
        """Put devices that are still in test back to normal: also those of a turn that was cut off."""
        change = []
        for key in drill.devices:
            device = self._device(key)
            if device is not None and device.mode is DeviceMode.TEST:
                change.append(_in_mode(device, DeviceMode.NORMAL))
        try:
            self._save(drill, change, "ends")
        except UserError:
            for one in change:  # the registry may refuse one, whose gateway is gone; and then it would all of them
                with suppress(UserError):
                    self._save(drill, [one], "ends")
            raise

    def _device(self, key: int) -> Device | None:
        try:
            return self._registry.get(Device, key)
        except NotFound:
            return None  # gone meanwhile

    def _save(self, drill: Drill, change: list[Device], said: str) -> None:
        if change:
            self._registry.save(change, actor=f"drill:{drill.id}", reason=f"{drill.name} {said}", now=self.now())
        self.registry_changed()  # also after a cut-off turn, whose change the stages may not have heard of

    def _watch(self, drill: Drill, now: int) -> Drill:
        seen = self._events.conditions(park=drill.park, limit=_AT_ONCE)
        if drills.noticed(drill, seen, now) is not None:
            drill = self._step(drill, lambda d: drills.noticed(d, seen, now) or Done(d, ""))
        told = self._receipts(drill)
        if drills.received(drill, told) is not None:
            drill = self._step(drill, lambda d: drills.received(d, told) or Done(d, ""))
        return drill

    # ── rounds and hazards ───────────────────────────────────────────────────────────────────────

    def turn_rest(self, offset: Callable[[int], int]) -> None:
        """Make the rounds that are due, tell of those missed, and escalate what is overdue.

        `offset` gives the minutes east of UTC of a park.
        """
        now = self.now()
        for plan in self.store.find(InspectionPlan, states=["standing"], limit=_AT_ONCE):
            self._make_rounds(plan, offset(plan.park))
        waiting = [RoundState.DUE.value, RoundState.STARTED.value]
        for visit in self.store.find(Round, states=waiting, due_before=now, limit=_AT_ONCE):
            self.store.change(Round, visit.id, partial(_missed, now=now), actor="", now=now)
        open_states = [s.value for s in (HazardState.FOUND, HazardState.RECTIFYING, HazardState.RECTIFIED)]
        ahead = now - reminders.STEPS[0] * DAY + 1
        for hazard in self.store.find(Hazard, states=open_states, due_before=ahead, limit=_AT_ONCE):
            if reminders.due_step(hazard, now) is not None:
                self.store.change(Hazard, hazard.id, partial(reminders.escalated, now=now), actor="", now=now)

    def _make_rounds(self, plan: InspectionPlan, offset: int) -> None:
        day = rounds.today(self.now(), offset)
        made = {r.day for r in self.store.find(Round, park=plan.park, limit=_AT_ONCE) if r.plan == plan.id}
        for due in rounds.due_days(plan, day - timedelta(days=_BEHIND), day + timedelta(days=1)):
            if due.isoformat() in made:
                continue
            try:
                self.store.add(rounds.round_of(plan, due, offset), actor="", now=self.now(), verb="due")
            except Conflict:
                continue  # another process made it


def _advance(drill: Drill, now: int) -> Done:
    return drills.advanced(drill, now) or Done(drill, "")


def _missed(visit: Round, now: int) -> Done:
    if not rounds.over(visit, now):
        return Done(visit, "")
    return Done(replace(visit, state=RoundState.MISSED), "miss", messages=(reminders.missed(visit, now),))


def _in_mode(device: Device, mode: DeviceMode) -> Device:
    return replace(device, mode=mode)


def office_timer(office: Office, offset: Callable[[int], int]) -> Turning:
    """Return what looks at drills each second, and at the rest each minute; `offset` as in `Office.turn_rest`."""
    return Turning("office", (
        Job(office.turn_drills, "drills could not be looked after"),
        Job(office.turn_apart, "devices that are set apart could not be looked after", every=_MINUTE),
        Job(lambda: office.turn_rest(offset), "rounds and hazards could not be looked after", every=_MINUTE),
    ))  # fmt: skip
