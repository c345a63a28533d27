"""The small changes that transitions of a case are made of: case and circumstances in, case out."""

from dataclasses import dataclass, replace

from park.alarms import Act, Answer, Case, Signal, Trigger
from park.events import Severity

RANK = {Severity.CRITICAL: 0, Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3}


@dataclass(frozen=True, slots=True)
class Given:
    """What comes with a transition."""

    now: int  # epoch ms, wall
    act: Act | None = None  # of a person
    trigger: Trigger | None = None
    until: int | None = None


def counted(case: Case, _: Given) -> Case:
    """Count one trigger more."""
    return replace(case, count=case.count + 1)


def seen(case: Case, given: Given) -> Case:
    """Take note of who has seen it."""
    by = given.act.actor if given.act else ""
    answer = Answer.NONE if case.answer is Answer.NONE else Answer.ANSWERED
    return replace(case, acknowledged=True, acknowledged_by=by, acknowledged_at=given.now, answer=answer)


def unseen(case: Case, _: Given) -> Case:
    """Take the acknowledgement away: it was of something else."""
    return replace(case, acknowledged=False, acknowledged_by="", acknowledged_at=None)


def closed(case: Case, given: Given) -> Case:
    """End the case; a further trigger makes another."""
    verdict = given.act.verdict if given.act and given.act.verdict else case.verdict
    answer = Answer.NONE if case.answer is Answer.WAITING else case.answer
    return replace(
        case, closed=given.now, holders=(), verdict=verdict, answer=answer, shelved_until=None, out_of_service=False,
        suppressed=(),
    )  # fmt: skip


def confirmed(case: Case, _: Given) -> Case:
    """Take a person's word that it is true: as severe as it can be."""
    return replace(case, rule=f"{case.family}.confirmed", severity=Severity.CRITICAL)


def owned(case: Case, given: Given) -> Case:
    """Give the case to somebody."""
    return replace(case, owner=given.act.owner if given.act else "")


def commented(case: Case, _: Given) -> Case:
    """Count a comment; its words are in the history."""
    return replace(case, comments=case.comments + 1)


def attached(case: Case, _: Given) -> Case:
    """Count an attachment."""
    return replace(case, attachments=case.attachments + 1)


def shelved(case: Case, given: Given) -> Case:
    """Put it on the shelf until a time."""
    return replace(case, shelved_until=given.act.until if given.act else given.until)


def unshelved(case: Case, _: Given) -> Case:
    """Take it from the shelf."""
    return replace(case, shelved_until=None)


def removed(case: Case, _: Given) -> Case:
    """Take it out of service."""
    return replace(case, out_of_service=True)


def restored(case: Case, _: Given) -> Case:
    """Put it back into service."""
    return replace(case, out_of_service=False)


def reset_asked(case: Case, given: Given) -> Case:
    """Remember that a person asked for its end; what people themselves reported ends with it.

    Of what began, or became worse, after the stages were asked nobody has asked for the end.
    """
    kept = tuple(h for h in case.holders if not h.source.startswith("person:"))
    seen = given.act.seen if given.act else None
    asked = {(h.source, h.origin, h.at) for h in seen or ()}
    other = seen is not None and any(
        h.signal is Signal.ACTIVE and (h.source, h.origin, h.at) not in asked for h in kept
    )
    return replace(case, reset_asked=None if other else given.now, holders=kept)


def unanswered(case: Case, _: Given) -> Case:
    """Say that the chain is at its end and nobody answered."""
    return replace(case, answer=Answer.NOBODY)


def stepped(case: Case, _: Given) -> Case:
    """Go on to the next step of the chain."""
    return replace(case, step=case.step + 1)
