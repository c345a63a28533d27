"""Looks after devices that guard lives and are set apart: gives them back in time, reminds each shift of the others.

```
 test, maintenance ── mode_until ──> normal          (what still alarms then is an alarm)
        └── no end, and a shift is over ──> an alarm of the family "apart", until it is normal again
```
Nothing of it touches what stands: a fire goes on, whatever its device is said to be.
"""

from collections.abc import Callable
from dataclasses import replace

from alerts.triggers import APART, apart_trigger
from governance.drills import OPEN
from park.alarm_ports import AlarmStore, CaseFilter
from park.alarms import Case
from park.apart import SHIFT, SetApart, devices_apart, set_apart
from park.errors import NotFound
from park.governance import Drill, DrillState
from park.model import Device, DeviceMode
from park.ports import RegistryStore
from runtime.storage.sql.governance import SqlOffice

_AT_ONCE = 1_000
_ACTOR = "platform"


class ApartWatch:
    """Does what time asks of devices that are set apart; every look may be done again."""

    def __init__(self, registry: RegistryStore, alarms: AlarmStore, office: SqlOffice) -> None:
        self._registry = registry
        self._alarms = alarms
        self._office = office

    def turn(self, now: int, changed: Callable[[], None]) -> None:
        """Look once; `changed` hears that the registry says something new.

        One device that cannot be given back keeps no other apart: what failed first is raised last.
        """
        failed: list[Exception] = []
        apart = {device.id: device for device in devices_apart(self._registry)}
        for key in self._drilled() & apart.keys():
            del apart[key]  # a drill gives back what it took
        for device in [d for d in apart.values() if 0 < d.mode_until <= now]:
            try:
                back = replace(device, mode=DeviceMode.NORMAL, mode_until=0)
                self._registry.save([back], actor=_ACTOR, reason=f"its time in {device.mode} is over", now=now)
                changed()
                del apart[device.id]
            except Exception as why:  # noqa: BLE001 - told below, and tried again with the next look
                failed.append(why)
        self._remind(apart, now)
        if failed:
            raise failed[0]

    def _remind(self, apart: dict[int, Device], now: int) -> None:
        """Tell of those that are apart for longer than a shift, and of those that are no more."""
        told = [case for case in self._cases(CaseFilter(family=APART)) if case.holders]
        lately = self._cases(CaseFilter(open=None, family=APART, start=now - SHIFT))  # closed by a person: next shift
        for key in sorted(apart.keys() - {case.device for case in (*told, *lately)}):
            who = set_apart(self._registry, apart[key])
            if now - who.since >= SHIFT:
                self._alarms.trigger([apart_trigger(who, now, begins=True)], now)
        for case in told:
            if case.device not in apart:
                self._alarms.trigger([apart_trigger(self._gone(case.device, case.park), now, begins=False)], now)

    def _gone(self, key: int, park: int) -> SetApart:
        try:
            return SetApart(self._registry.get(Device, key))
        except NotFound:
            return SetApart(Device(key, park, "", ""))

    def _cases(self, which: CaseFilter) -> list[Case]:
        return self._alarms.cases(which, limit=_AT_ONCE)

    def _drilled(self) -> set[int]:
        begun = [s.value for s in OPEN if s is not DrillState.PLANNED]
        return {key for drill in self._office.find(Drill, states=begun, limit=_AT_ONCE) for key in drill.devices}
