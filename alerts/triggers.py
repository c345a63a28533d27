"""From what the stages find to triggers of cases: which events concern people, and under which key."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from park.alarms import Signal, TransitionReason, Trigger
from park.apart import SetApart
from park.events import AlarmState, ConditionChange, DeviceStatus, Finding, Reason, Severity, Status
from park.metrics import Lane
from park.wire import SmallEvent

_SIGNAL: Mapping[AlarmState, Signal] = MappingProxyType({
    AlarmState.ACTIVE: Signal.ACTIVE,
    AlarmState.ACKNOWLEDGED: Signal.ACTIVE,
    AlarmState.LATCHED: Signal.LATCHED,
    AlarmState.CLEARED: Signal.OVER,
})  # fmt: skip
# Tests are no alarms (GB/T 45839-2025, 5.8.4: kept apart); what still burns when a test ends is told as fire.
_NO_CASE = frozenset({"test"})
# How bad it is that a device is not well: domain.md 5 gives device loss the middle; repairs are for the day.
_HEALTH: Mapping[Status, Severity] = MappingProxyType({
    Status.GATEWAY_DOWN: Severity.MEDIUM,
    Status.SILENT: Severity.MEDIUM,
    Status.STUCK: Severity.LOW,
    Status.FLAPPING: Severity.LOW,
    Status.WRONG_CLOCK: Severity.LOW,
    Status.LOW_BATTERY: Severity.LOW,
})  # fmt: skip
# Findings that somebody has to look at, from this severity on; the others are to be read, not answered.
_FINDINGS: Mapping[str, Severity] = MappingProxyType({
    "anomaly": Severity.HIGH,
    "meter": Severity.HIGH,
    "occupancy": Severity.HIGH,
})  # fmt: skip
_OTHER_FINDINGS = Severity.HIGH
APART = "apart"  # family of devices that guard lives and are set apart for too long
_RANK = {severity: n for n, severity in enumerate(Severity)}


def triggers_of(lane: Lane, event: SmallEvent) -> tuple[Trigger, ...]:
    """Return what an event of a lane tells cases: nothing, or one trigger."""
    turn = _TURN.get(type(event))
    return turn(lane, event) if turn is not None else ()


def _of_condition(lane: Lane, c: ConditionChange) -> tuple[Trigger, ...]:
    if c.family in _NO_CASE:
        return ()
    return (
        Trigger(
            c.id, c.family, c.subject, "", c.rule, _SIGNAL[c.state], c.severity, lane.value, c.condition_id, c.at,
            c.ts, c.reason, TransitionReason.CONDITION, c.park, c.place, c.device, c.point, value=c.value,
            limit=c.limit, labels=c.labels, actor=c.actor,
        ),
    )  # fmt: skip


def _of_finding(lane: Lane, f: Finding) -> tuple[Trigger, ...]:
    """A finding is a moment, or the beginning or the end of an episode."""
    over = bool(f.episode and f.until)
    if not over and _RANK[f.severity] > _RANK[_FINDINGS.get(f.kind, _OTHER_FINDINGS)]:
        return ()
    subject = f"point:{f.point}" if f.point else f"device:{f.device}"
    signal = Signal.OVER if over else Signal.ACTIVE if f.episode else Signal.MOMENT
    return (
        Trigger(
            f.id, f"finding.{f.kind}", subject, "" if f.episode else f.reason.value, f"finding.{f.kind}", signal,
            f.severity, lane.value, f.episode or f.id, f.at, f.ts, f.reason, TransitionReason.FINDING, f.park,
            f.place, f.device, f.point, value=f.value, limit=f.expected, labels=f.labels,
        ),
    )  # fmt: skip


def _of_status(lane: Lane, s: DeviceStatus) -> tuple[Trigger, ...]:
    """One case a device: its rule says what ails it now."""
    severity = _HEALTH.get(s.status)
    signal = Signal.OVER if severity is None else Signal.ACTIVE
    subject = f"device:{s.device}"
    return (
        Trigger(
            s.id, "device", subject, "", f"device.{s.status}", signal, severity or Severity.LOW, lane.value,
            f"device/{s.device}", s.at, s.last_seen or s.at, s.reason, TransitionReason.DEVICE, s.park,
            device=s.device, labels=s.labels,
        ),
    )  # fmt: skip


_TURN: Mapping[type, Callable[[Lane, Any], tuple[Trigger, ...]]] = MappingProxyType({
    ConditionChange: _of_condition,
    Finding: _of_finding,
    DeviceStatus: _of_status,
})  # fmt: skip


def flood_trigger(park: int, now: int, cause: str = "", *, begins: bool) -> Trigger:
    """Return the trigger of a park's flood: one alarm for the many. Its cause says which alarms it takes."""
    origin = f"flood/park:{park}/{cause}" if cause else f"flood/park:{park}"
    return Trigger(
        f"{origin}/{now}", "flood", f"park:{park}", cause, "flood", Signal.ACTIVE if begins else Signal.OVER,
        Severity.HIGH, "platform", origin, now, now, Reason.FLOOD, TransitionReason.SUPPRESSION, park, park,
    )  # fmt: skip


def apart_trigger(who: SetApart, now: int, *, begins: bool) -> Trigger:
    """Return the trigger of a device that guards lives and is set apart for longer than a shift, or no more."""
    device, origin = who.device, f"{APART}/device:{who.device.id}"
    return Trigger(
        f"{origin}/{now}", APART, f"device:{device.id}", "", "device.set_apart",
        Signal.ACTIVE if begins else Signal.OVER, Severity.HIGH, "platform", origin, now, who.since or now,
        Reason.SET_APART if begins else Reason.BACK, TransitionReason.DEVICE, device.park, device.place or device.park,
        device.id, note=f"{device.mode}, {who.by}: {who.reason}" if begins and who.by else "",
    )  # fmt: skip


def report_trigger(
    family: str, subject: str, actor: str, now: int, *, park: int, place: int, device: int, note: str
) -> Trigger:
    """Return the trigger of a person's report: somebody sees smoke, or smells gas."""
    origin = f"report/{actor}/{now}"
    return Trigger(
        f"{family}/{subject}/{origin}", family, subject, "", f"{family}.reported", Signal.ACTIVE, Severity.CRITICAL,
        f"person:{actor}", origin, now, now, Reason.REPORTED, TransitionReason.PERSON, park, place, device, note=note,
    )  # fmt: skip
