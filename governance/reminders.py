"""Who is told that a time limit is near or over, and when: the steps of a hazard's escalation."""

from dataclasses import replace

from governance.hazards import DAY
from park.alarms import MessageKind, Notification
from park.events import Severity
from park.governance import Done, Hazard, HazardGrade, HazardVerb, Round

# Days before (negative) and after a limit at which people are told. Ours: 五落实 asks for a limit and for
# supervision (domain.md 4.6: overdue stays open with a written explanation), no text read names the days.
STEPS: tuple[int, ...] = (-3, 0, 1, 3, 7)
EVERY = 7  # days between two reminders after the last step
EVERYONE = "all"


def due_step(hazard: Hazard, now: int) -> int | None:
    """Return the newest step of a hazard that is due and was not taken; None: none is.

    After an absence people are told once, of the newest, and not of all that were missed.
    """
    if not (hazard.open and hazard.due):
        return None
    reached = sum(now >= hazard.due + day * DAY for day in STEPS)
    if reached == len(STEPS):
        reached += (now - hazard.due - STEPS[-1] * DAY) // (EVERY * DAY)
    return reached if reached > hazard.told else None


def escalated(hazard: Hazard, now: int) -> Done:
    """Return what the step that is due makes of a hazard, with its messages."""
    step = due_step(hazard, now)
    if step is None:
        return Done(hazard, "")
    over = now > hazard.due
    first = step <= STEPS.index(1) and hazard.officer  # who answers hears first; from the day after on, everybody
    major = hazard.grade is HazardGrade.MAJOR
    severity = (Severity.HIGH if major else Severity.MEDIUM) if over else Severity.LOW
    target = f"officer:{hazard.officer}" if first else EVERYONE
    message = Notification(
        f"hazard/{hazard.id}/{hazard.due}/{step}", 0, target, MessageKind.HAZARD, severity, life=False,
        not_before=now, group=f"park:{hazard.park}/hazards", created=now, park=hazard.park,
        body=_words(hazard, now),
    )  # fmt: skip
    note = f"step {step}: {target}"
    return Done(replace(hazard, told=step), HazardVerb.ESCALATE.value, note, messages=(message,))


def missed(visit: Round, now: int) -> Notification:
    """Return the message that a round was not done in its time."""
    target = f"officer:{visit.officer}" if visit.officer else EVERYONE
    body = {"kind": "round_missed", "round": str(visit.id), "title": visit.name, "day": visit.day,
            "zh": f"巡查未按时完成：{visit.name}（{visit.day}）",
            "en": f"inspection round missed: {visit.name} ({visit.day})"}  # fmt: skip
    return Notification(
        f"round/{visit.id}/missed", 0, target, MessageKind.HAZARD, Severity.MEDIUM, life=False, not_before=now,
        group=f"park:{visit.park}/rounds", created=now, park=visit.park, body=body,
    )  # fmt: skip


def _words(hazard: Hazard, now: int) -> dict[str, str]:
    days = (now - hazard.due) // DAY
    zh, en = ("隐患已逾期", "hazard overdue") if now > hazard.due else ("隐患整改即将到期", "hazard due soon")
    return {
        "kind": "hazard", "hazard": str(hazard.id), "title": hazard.title, "state": hazard.state.value,
        "grade": hazard.grade.value, "place": str(hazard.place), "due": str(hazard.due),
        "days": str(days), "basis": hazard.basis, "zh": f"{zh}：{hazard.title}", "en": f"{en}: {hazard.title}",
    }  # fmt: skip
