"""From a judged day of an enterprise to the trigger of its case: it is suspected, or is no more."""

from park.activity import ActivityState, Sign
from park.alarms import Signal, TransitionReason, Trigger
from park.events import ActivityDay, Reason, Severity
from park.metrics import Lane


def suspected(day: ActivityDay) -> bool:
    """Return whether an enterprise is suspected to work no more."""
    return day.state == ActivityState.ZOMBIE_SUSPECT


def explained(day: ActivityDay) -> bool:
    """Return whether a paper on file explains a day's silence."""
    return any(e.sign is Sign.PAPER for e in day.evidence)


def left_trigger(lane: Lane, enterprise: int, day: ActivityDay) -> Trigger:
    """Return the trigger that ends the case of an enterprise which has left the park, told with a day of another."""
    subject = f"enterprise:{enterprise}"
    return Trigger(
        f"activity/{enterprise}/left/{day.day}", "activity", subject, "", "activity.zombie_suspect", Signal.OVER,
        Severity.LOW, lane.value, f"activity/{subject}", day.at, day.at, Reason.MOVED_OUT, TransitionReason.FINDING,
        day.park,
    )  # fmt: skip


def activity_trigger(lane: Lane, day: ActivityDay) -> Trigger:
    """Return the trigger of an enterprise that is suspected, or is no more: a visit is due, nothing is urgent."""
    begins = suspected(day)
    reason = Reason.ZOMBIE_SUSPECT if begins else Reason.EXPLAINED if explained(day) else Reason.NOT_SUSPECT
    subject = f"enterprise:{day.enterprise}"
    return Trigger(
        f"{day.id}/{day.state}", "activity", subject, "", "activity.zombie_suspect",
        Signal.ACTIVE if begins else Signal.OVER, Severity.LOW, lane.value, f"activity/{subject}", day.at, day.at,
        reason, TransitionReason.FINDING, day.park,
    )  # fmt: skip
