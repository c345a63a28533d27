"""What callers get: answers made of the registry's own nouns and of these.

Times are epoch ms (integers) in JSON; CSV has ISO 8601 with the park's offset. Unknown is null.
"""

from typing import Generic, TypeVar

from pydantic import BaseModel

from park.events import ConditionChange
from park.metrics import Feed, Kind

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Part of a list; ask again with `after=next` until next is null."""

    items: list[Item]
    next: int | None = None


class TextPage(BaseModel, Generic[Item]):
    """Part of a list, newest first; ask again with `before=next` until next is null."""

    items: list[Item]
    next: str | None = None


class Now(BaseModel):
    """The newest reading of a point."""

    ts: int  # epoch ms, by the device's clock
    value: float
    state: str | None = None  # of metrics that have states: the word
    quality: str  # good | estimated | late | retained | suspect | ...
    received: int  # epoch ms


class PointOut(BaseModel):
    """A point, with all that is needed to show it."""

    id: int
    device: int
    metric: str
    channel: str
    feed: Feed
    unit: str
    kind: Kind
    zh: str
    en: str
    states: list[str]
    park: int
    place: int
    enterprise: int
    interval: int  # ms
    source: int  # derived: the register it is made of
    source_key: str | None = None  # only when asked for one point
    scale: float | None = None
    offset: float | None = None
    modulus: float
    ratio: float
    latest: Now | None = None  # with latest=true


class LimitOut(BaseModel):
    """A limit on a metric, with the authority it rests on."""

    rule: str
    metric: str
    severity: str
    basis: str
    high: float | None
    low: float | None
    kinds: list[str]  # of devices; none: all


class ConditionOut(BaseModel):
    """A condition as it is now; one sentence's worth of facts."""

    id: str
    rule: str
    family: str
    subject: str
    since: int
    at: int
    ts: int
    state: str
    standing: bool
    severity: str
    reason: str
    park: int
    place: int
    device: int
    point: int
    value: float | None
    limit: float | None
    labels: list[str]

    @classmethod
    def of(cls, c: ConditionChange) -> "ConditionOut":
        """Return a change as the condition it left behind."""
        return cls(
            id=c.condition_id, rule=c.rule, family=c.family, subject=c.subject, since=c.since, at=c.at, ts=c.ts,
            state=c.state, standing=c.state != "cleared", severity=c.severity, reason=c.reason, park=c.park,
            place=c.place, device=c.device, point=c.point, value=c.value, limit=c.limit, labels=list(c.labels),
        )  # fmt: skip


class ConditionStory(BaseModel):
    """A condition and all that happened to it, oldest first."""

    condition: ConditionOut
    history: list[ConditionOut]


class Accepted(BaseModel):
    """It is in the log and takes effect in order."""

    accepted: bool = True
    received: int
    actor: str


class LedgerOut(BaseModel):
    """One gateway and hour: received = stored + duplicate + rejected + quarantined + in_flight + unexplained."""

    gateway: int
    hour: int
    messages: int
    received: int
    stored: int
    duplicate: int
    rejected: int
    quarantined: int
    in_flight: int
    unexplained: int


class Ledger(BaseModel):
    """The loss ledger of some hours."""

    start: int
    end: int
    unexplained: int
    items: list[LedgerOut]


class RefusedOut(BaseModel):
    """A refused message; its payload is shown for one at a time."""

    id: int
    lane: str
    state: str
    actor: str
    reason: str
    detail: str
    topic: str
    device_key: str
    gateway: int
    received: int
    size: int
    readings: int
    alarm: str


class Payload(RefusedOut):
    """A refused message with its payload: as text where it is text, else base64."""

    text: str | None
    base64: str | None
    cut: bool  # the payload is longer than what is shown


class Moved(BaseModel):
    """How many messages moved."""

    moved: int


class WaitingDevice(BaseModel):
    """A device that speaks and is not claimed yet."""

    device_key: str
    messages: int
    newest: int  # epoch ms
    text: str | None  # newest payload
    base64: str | None


class SessionOut(BaseModel):
    """Who is in, and what they may."""

    name: str
    role: str
    parks: list[int] | None
    permissions: list[str]
    keys_required: bool


class TicketOut(BaseModel):
    """A word that opens one live stream, once, within `lasts` ms."""

    ticket: str
    lasts: int


class ComponentOut(BaseModel):
    """A part of the platform."""

    name: str
    ready: bool
    detail: str


class PlatformHealth(BaseModel):
    """Whether the platform serves, and what is missing."""

    status: str  # ok | degraded | starting
    version: str
    at: int
    missing: list[str]
    components: list[ComponentOut]


class MetricOut(BaseModel):
    """A row of the metric catalogue."""

    name: str
    feed: Feed
    unit: str
    kind: Kind
    zh: str
    en: str
    states: list[str]


class ImportProblem(BaseModel):
    """A row that is wrong."""

    where: str  # file or sheet, and line
    why: str


class ImportedOut(BaseModel):
    """What came of a file: all of it is in, or nothing is and the problems say why."""

    saved: dict[str, int]
    problems: list[ImportProblem]


class ChangeOut(BaseModel):
    """One line of the audit."""

    id: int
    at: int
    actor: str
    reason: str
    noun: str
    key: int
    before: str
    after: str


class Windows(BaseModel):
    """Readings of a point in windows; columns, one entry a window, empty windows left out."""

    point: int
    metric: str
    unit: str
    start: int
    end: int
    step: int  # ms
    ts: list[int]  # start of each window
    count: list[int]
    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]
    last: list[float | None]
    total: list[float | None]
    good: list[float]  # share of the window's time that good readings stand for


class Raw(BaseModel):
    """Readings of a point as they came; columns. Ask again with start=next until next is null."""

    point: int
    metric: str
    unit: str
    start: int
    end: int
    ts: list[int]
    value: list[float]
    quality: list[str]
    received: list[int]
    next: int | None


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
