"""Alarms as the API takes and shows them."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.bodies import Body, Id, Time
from api.permissions import V1
from park.alarms import Attachment, Case, CaseState, CaseVerb, Suppression, Transition, TransitionReason, Verdict
from park.events import Severity

Note = Annotated[str, Field(max_length=2_000)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Version = Annotated[int | None, Field(ge=1, lt=1 << 53, description="of the alarm that you saw: 409 if it changed")]
_HOUR = 3_600_000  # ms shown before and after in the chart of an alarm


class ActBody(Body):
    """What a person does, and perhaps a word on it."""

    version: Version = None
    note: Note = ""


class AssignBody(ActBody):
    """Who has it from now on; "" for nobody."""

    owner: Annotated[str, Field(max_length=200)]


class CommentBody(Body):
    """A person's words."""

    note: Words
    version: Version = None


class ShelveBody(Body):
    """Until when an alarm is put aside, and why."""

    until: Time
    note: Words
    version: Version = None


class RemoveBody(Body):
    """Why an alarm is out of service."""

    note: Words
    version: Version = None


class ResetAlarmBody(Body):
    """End a latched alarm, with one of the reasons of GB/T 45839-2025, 5.8.1."""

    why: TransitionReason
    note: Words
    version: Version = None


class CloseBody(ActBody):
    """What it was in the end."""

    verdict: Verdict | None = None


class ReportBody(Body):
    """Somebody sees smoke, or smells gas."""

    family: Annotated[str, Field(pattern="^(fire|gas)$")]
    park: Id
    place: Id
    note: Words


class SuppressionOut(BaseModel):
    """Why an alarm calls nobody now."""

    reason: str
    by: str
    until: int | None

    @classmethod
    def of(cls, s: Suppression) -> "SuppressionOut":
        """Return one reason."""
        return cls(reason=s.reason.value, by=s.by, until=s.until)


class ChartOut(BaseModel):
    """The values around an alarm."""

    point: int
    start: int
    end: int
    readings: str  # address of the call that gives them


class AlarmOut(BaseModel):
    """An alarm as it is now."""

    id: int
    version: int
    state: CaseState
    family: str
    rule: str
    subject: str
    cause: str
    severity: Severity
    life: bool
    active: bool
    latched: bool
    acknowledged: bool
    acknowledged_by: str
    acknowledged_at: int | None
    raised: int
    changed: int
    since: int
    ts: int
    closed: int | None
    reason: str
    park: int
    place: int
    device: int
    point: int
    gateway: int
    value: float | None
    limit: float | None
    labels: list[str]
    devices: list[int]
    count: int
    owner: str
    answer: str
    step: int
    held_back: list[SuppressionOut]
    shelved_until: int | None
    out_of_service: bool
    verdict: Verdict | None
    reset_asked: int | None
    comments: int
    attachments: int
    condition: str  # that it is about, at /conditions
    finding: str
    chart: ChartOut | None

    @classmethod
    def of(cls, c: Case) -> "AlarmOut":
        """Return a case with its state and its chart."""
        return cls(
            id=c.id, version=c.version, state=c.state, family=c.family, rule=c.rule, subject=c.subject, cause=c.cause,
            severity=c.severity, life=c.life, active=c.active, latched=c.latched, acknowledged=c.acknowledged,
            acknowledged_by=c.acknowledged_by, acknowledged_at=c.acknowledged_at, raised=c.raised, changed=c.changed,
            since=c.since, ts=c.ts, closed=c.closed, reason=c.reason.value, park=c.park, place=c.place,
            device=c.device, point=c.point, gateway=c.gateway, value=c.value, limit=c.limit,
            labels=[label.value for label in c.labels], devices=list(c.devices), count=c.count, owner=c.owner,
            answer=c.answer.value, step=c.step, held_back=[SuppressionOut.of(s) for s in c.held_back],
            shelved_until=c.shelved_until, out_of_service=c.out_of_service, verdict=c.verdict,
            reset_asked=c.reset_asked, comments=c.comments, attachments=c.attachments, condition=c.condition,
            finding=c.finding, chart=_chart(c),
        )  # fmt: skip


def _chart(c: Case) -> ChartOut | None:
    if not c.point:
        return None
    start, end = c.since - _HOUR, max(c.ts, c.since) + _HOUR
    return ChartOut(
        point=c.point, start=start, end=end, readings=f"{V1}/points/{c.point}/readings?start={start}&end={end}"
    )


class TransitionOut(BaseModel):
    """One line of an alarm's history. Words are as they were written: escape them where they are shown."""

    id: int
    verb: CaseVerb
    at: int
    actor: str
    why: TransitionReason
    before: CaseState | None
    after: CaseState
    version: int
    note: str
    event: str
    attachment: int
    device: int = Field(description="that was told of: which one joined; 0 for none")

    @classmethod
    def of(cls, t: Transition) -> "TransitionOut":
        """Return a line."""
        return cls(
            id=t.id, verb=t.verb, at=t.at, actor=t.actor, why=t.why, before=t.before, after=t.after,
            version=t.version, note=t.note, event=t.event, attachment=t.attachment, device=t.device,
        )  # fmt: skip


class AttachmentOut(BaseModel):
    """A file of an alarm."""

    id: int
    name: str
    media_type: str
    size: int
    digest: str
    at: int
    actor: str

    @classmethod
    def of(cls, a: Attachment) -> "AttachmentOut":
        """Return what is known of a file."""
        return cls(id=a.id, name=a.name, media_type=a.media_type, size=a.size, digest=a.digest, at=a.at, actor=a.actor)


class AlarmCounts(BaseModel):
    """How many alarms are open, up to a bound."""

    open: int
    unacknowledged: int
    held_back: int
    nobody_answered: int
    by_severity: dict[str, int]
