"""Devices that are set apart, in test or maintenance: since when, by whom, until when.

Alarms of such a device call nobody (GB/T 45839-2025, 5.8.4: kept apart). So its time has an end, as that of a shelved
alarm has (ISA-18.2: shelving is time-limited, and what is shelved comes back by itself).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from park.errors import UserError
from park.metrics import Lane
from park.model import LIFE_KINDS, Device, DeviceMode, DeviceState
from park.ports import Change, RegistryStore

SHIFT = 8 * 3_600_000  # ms: whoever comes on duty then knows nothing of it
_AT_ONCE = 1_000
LONGEST = 7 * 86_400_000  # ms that anybody may set a device apart for; an alarm is shelved for as long
MODES = tuple(mode for mode in DeviceMode if mode is not DeviceMode.NORMAL)


@dataclass(frozen=True, slots=True)
class SetApart:
    """Who set a device apart, when, and why."""

    device: Device
    since: int = 0  # epoch ms; 0: the audit does not say
    by: str = ""
    reason: str = ""


def guards(device: Device) -> bool:
    """Tell whether lives hang on what a device says."""
    return device.lane is Lane.LIFE or device.kind in LIFE_KINDS


def bounded(device: Device, old: Device | None, now: int, unsaid: int = SHIFT) -> Device:
    """Return a device whose time apart ends: of one that guards lives after `unsaid` ms, where nobody says when.

    `old` is the device as it was. Raises UserError: an end that is over, or too far away.
    """
    if device.mode is DeviceMode.NORMAL:
        return replace(device, mode_until=0)
    held = old.mode_until if old is not None and old.mode is device.mode else 0
    if not device.mode_until:
        until = held if held > now else now + unsaid
        return replace(device, mode_until=until) if guards(device) else device
    if device.mode_until != held and not now < device.mode_until <= now + LONGEST:
        raise UserError("a device is set apart until a time within the next seven days")
    return device


def brought(device: Device, old: Device | None, now: int) -> Device:
    """Return a device of a list as it is `bounded`: a time that is over is over, one that nobody says is the longest.

    Whoever takes a list over while a building is rewired has days to say when; each shift hears of it.
    """
    if 0 < device.mode_until <= now:
        device = replace(device, mode=DeviceMode.NORMAL)
    return bounded(device, old, now, LONGEST)


def devices_apart(registry: RegistryStore, after: int = 0, **equal: object) -> Iterator[Device]:
    """Yield the devices that guard lives and are set apart, rising by id; `equal` as `RegistryStore.find` has it."""
    while some := registry.find(Device, after=after, limit=_AT_ONCE, mode=[m.value for m in MODES], **equal):
        yield from (d for d in some if guards(d) and d.state is DeviceState.ACTIVE)
        after = some[-1].id


def set_apart(registry: RegistryStore, device: Device) -> SetApart:
    """Return who set a device apart, by the registry's audit."""
    found: Change | None = None
    for change in _changes(registry, device.id):
        mode = json.loads(change.after).get("mode", DeviceMode.NORMAL) if change.after else DeviceMode.NORMAL
        if mode == DeviceMode.NORMAL:
            found = None
        elif found is None:
            found = change
    return SetApart(device) if found is None else SetApart(device, found.at, found.actor, found.reason)


def _changes(registry: RegistryStore, device: int) -> Iterator[Change]:
    after = 0
    while some := registry.changes(after=after, limit=_AT_ONCE, noun="device", key=device):
        yield from some
        after = some[-1].id
