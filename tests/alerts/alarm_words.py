"""Triggers, cases and small parks for tests of alarms."""

from dataclasses import replace

from alerts.triggers import triggers_of
from park.alarms import Act, CaseVerb, TransitionReason
from park.events import AlarmState, ConditionChange, DeviceStatus, Finding, Reason, Severity, Status
from park.metrics import Lane

NOW = 1_800_000_000_000  # 2027-01-15 16:00 +08:00
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def trigger(event, lane=Lane.BULK):
    """Return the one trigger of an event."""
    (found,) = triggers_of(lane, event)
    return found


def fire(since=NOW, at=None, *, device=7, state=AlarmState.ACTIVE, confirmed=False, place=12, family="fire", park=1):
    """Return what the fire stage says of a place."""
    at = since if at is None else at
    rule, severity = ("confirmed", Severity.CRITICAL) if confirmed else ("pre_alarm", Severity.HIGH)
    return ConditionChange(
        f"{family}.{rule}", family, f"place:{place}", since, at, at, state, severity, Reason.DETECTOR_ALARM, park,
        place, device, device + 100, 1.0,
    )  # fmt: skip


def burns(since=NOW, at=None, lane=Lane.LIFE, **more):
    """Return the trigger of a fire."""
    return trigger(fire(since, at, **more), lane)


def limit(since=NOW, at=None, *, point=40, device=9, state=AlarmState.ACTIVE, severity=Severity.HIGH, **more):
    """Return what the limits stage says of a point."""
    at = since if at is None else at
    change = ConditionChange(
        "limit.over_voltage", "limit.over_voltage", f"point:{point}", since, at, at, state, severity,
        Reason.ABOVE_LIMIT, 1, 12, device, point, 250.0, 242.0,
    )  # fmt: skip
    return replace(change, **more)


def passes(since=NOW, at=None, **more):
    """Return the trigger of a passed limit."""
    return trigger(limit(since, at, **more))


def anomaly(ts=NOW, *, point=40, severity=Severity.HIGH, at=None):
    """Return the trigger of a finding."""
    return trigger(Finding("anomaly", point, ts, ts if at is None else at, severity, Reason.UNUSUAL, 9.0, park=1))


def health(device, status, at=NOW, park=1):
    """Return the trigger of a device's health."""
    return trigger(DeviceStatus(device, status, at, at - HOUR, Reason.SILENT, park))


def silent(device, at=NOW):
    """Return the trigger of a device that fell silent."""
    return health(device, Status.SILENT, at)


def does(verb, actor="wang", **more):
    """Return what a person asks."""
    if verb is CaseVerb.RESET:
        more.setdefault("why", TransitionReason.CONFIRMED_CLEAR)
    return Act(verb, actor, **more)
