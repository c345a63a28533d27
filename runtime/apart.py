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
from park.alarm_ports import AlarmStore, CaseFilter, place_after
from park.alarms import Case
from park.apart import SHIFT, SetApart, devices_apart, set_apart
from park.errors import NotFound
from park.governance import Drill, DrillState
from park.model import Device, DeviceMode
from park.ports import RegistryStore
from runtime.storage.sql.governance import SqlOffice

_AT_ONCE = 1_000
_TOGETHER = 50  # alarms of one transaction: a fire waits for its turn behind no more
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
        for key in self._drilled(now) & apart.keys():
            del apart[key]  # a drill gives back what it took
        due = [device.id for device in apart.values() if 0 < device.mode_until <= now]
        before = len(apart)
        for key in due:
            try:
                device = self._registry.get(Device, key)  # as it is: people go on changing devices meanwhile
                if 0 < device.mode_until <= now:
                    normal = replace(device, mode=DeviceMode.NORMAL, mode_until=0)
                    self._registry.save([normal], actor=_ACTOR, reason=f"its time in {device.mode} is over", now=now)
                    del apart[key]
            except Exception as why:  # noqa: BLE001 - told below, and tried again with the next look
                failed.append(why)
        try:
            if len(apart) < before:
                changed()
        except Exception as why:  # noqa: BLE001 - as above
            failed.append(why)
        self._remind(apart, now)
        if failed:
            raise failed[0]

    def _remind(self, apart: dict[int, Device], now: int) -> None:
        """Tell of those that are apart for longer than a shift, and of those that are no more."""
        told = [case for case in self._cases(CaseFilter(family=APART)) if case.holders]
        lately = self._cases(CaseFilter(open=None, family=APART, start=now - SHIFT))  # closed by a person: next shift
        silent = sorted(apart.keys() - {case.device for case in (*told, *lately)})
        long = [who for key in silent if now - (who := set_apart(self._registry, apart[key])).since >= SHIFT]
        over = [self._gone(case.device, case.park) for case in told if case.device not in apart]
        triggers = [
            *(apart_trigger(who, now, begins=True) for who in long),
            *(apart_trigger(who, now, begins=False) for who in over),
        ]
        for i in range(0, len(triggers), _TOGETHER):
            self._alarms.trigger(triggers[i : i + _TOGETHER], now)

    def _gone(self, key: int, park: int) -> SetApart:
        try:
            return SetApart(self._registry.get(Device, key))
        except NotFound:
            return SetApart(Device(key, park, "", ""))

    def _cases(self, which: CaseFilter) -> list[Case]:
        found: list[Case] = []
        while some := self._alarms.cases(which, before=place_after(found[-1]) if found else "", limit=_AT_ONCE):
            found += some
        return found

    def _drilled(self, now: int) -> set[int]:
        """Return the devices of drills that run; what one that is over could not give back is apart as any other."""
        begun = [s.value for s in OPEN if s is not DrillState.PLANNED]
        drills = self._office.find(Drill, states=begun, limit=_AT_ONCE)
        return {key for drill in drills if now < drill.ends for key in drill.devices}
