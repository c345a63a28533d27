"""The words of alarms: what people do about conditions and findings, and who is told.

```
 condition, finding, device status --Trigger--> Case --Transition--> Notification (outbox) --> a person
                                      one open case per (family, subject, cause)
```
A *condition* is replayable and lives in log time; a *case* is what people do about it, in wall time. Active and
acknowledged are two facts, the state is derived (ISA-18.2; OPC UA Part 9). Times are epoch ms.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from park.events import Label, Reason, Severity

LIFE_FAMILIES = frozenset({"fire", "gas", "co", "life"})  # of life safety: nothing may hold their alarms back


class CaseState(StrEnum):
    """State of a case, derived from its facts; names of ISA-18.2, which calls the last "normal"."""

    UNACKNOWLEDGED = "unacknowledged"  # active, nobody has seen it
    ACKNOWLEDGED = "acknowledged"  # active, somebody has
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"  # values are back, held until reset
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"
    RETURNED = "returned"  # over, and nobody has seen it
    RETURNED_ACKNOWLEDGED = "returned_acknowledged"  # over and seen; life safety: waits for a verdict
    CLOSED = "closed"


class CaseVerb(StrEnum):
    """What may happen to a case: what its machine is told."""

    TRIGGER = "trigger"  # its condition began, or began again
    JOIN = "join"  # a further device raised it
    WORSEN = "worsen"  # confirmed, or more severe
    EASE = "ease"  # less severe
    LATCH = "latch"  # values are back, held until reset
    RETURN = "return"  # its condition is over
    ACKNOWLEDGE = "acknowledge"
    CONFIRM = "confirm"  # a person saw that it is true
    ASSIGN = "assign"
    COMMENT = "comment"
    ATTACH = "attach"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SHELF_END = "shelf_end"  # the time of shelving is over
    SUPPRESS = "suppress"  # suppressed by design
    UNSUPPRESS = "unsuppress"
    REMOVE = "remove"  # out of service
    RESTORE = "restore"  # back into service
    ESCALATE = "escalate"  # nobody answered in the time of a step
    NOBODY = "nobody"  # nobody answered at all
    REALARM = "realarm"  # it stands too long: OPC UA Part 9, ReAlarmTime
    RESET = "reset"  # a named person asked the device's stage to end it (GB/T 45839-2025, 5.8.1)
    CLOSE = "close"


class TransitionReason(StrEnum):
    """Why a case changed, where the condition's own Reason does not say it."""

    CONDITION = "condition"  # its condition changed
    FINDING = "finding"
    DEVICE = "device"  # the device's health changed
    PERSON = "person"  # a named person did it
    LINK = "link"  # by a one-use link
    EXPIRED = "expired"  # a time that was set is over
    SUPPRESSION = "suppression"
    TIMER = "timer"
    NOBODY_ON_DUTY = "nobody_on_duty"  # a step found nobody in the rota
    NO_RECEIVER = "no_receiver"  # whom a step names no receiver takes messages for
    BELOW_ALARM = "below_alarm"  # GB/T 45839-2025, 5.8.1 a: the reading is below its alarm
    VIDEO_CLEAR = "video_clear"  # b: video shows no fire
    CONFIRMED_CLEAR = "confirmed_clear"  # c: an authorised person confirmed it on site
    STALE = "stale"  # over long before anybody could see it: history that was read late


class Verdict(StrEnum):
    """What it was in the end; classes of false alarms as fire statistics have them (domain.md 4.4)."""

    REAL = "real"
    UNWANTED = "unwanted"  # dust, steam, cooking
    EQUIPMENT = "equipment"
    MALICIOUS = "malicious"
    GOOD_INTENT = "good_intent"
    TEST = "test"
    UNKNOWN = "unknown"


class SuppressionReason(StrEnum):
    """Why an alarm is held back now: the paths of suppression, each with its own function."""

    GATEWAY_DOWN = "gateway_down"  # inhibited: its gateway is down
    SUPPLY_OFF = "supply_off"  # inhibited: the main switch above it is off
    MAINTENANCE = "maintenance"  # a maintenance window
    SILENCE = "silence"
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    FLOOD = "flood"  # told in a summary: the alarm of the flood itself


class Answer(StrEnum):
    """Where the escalation of a case stands."""

    NONE = "none"  # nobody has to be asked
    WAITING = "waiting"  # people were told, none has answered yet
    ANSWERED = "answered"
    NOBODY = "nobody"  # the chain is at its end and nobody answered
    UNREACHED = "unreached"  # the newest step of its chain had nobody who could be told


@dataclass(frozen=True, slots=True)
class Suppression:
    """One reason for which an alarm is held back, and by what."""

    reason: SuppressionReason
    by: str = ""  # "case:12", "silence:3", "window:4", a person
    until: int | None = None  # epoch ms; None: while `by` lasts


class Signal(StrEnum):
    """What a trigger says of its condition."""

    ACTIVE = "active"
    LATCHED = "latched"
    OVER = "over"
    MOMENT = "moment"  # it happened, and is over already


@dataclass(frozen=True, slots=True)
class Trigger:
    """What of an event concerns cases: the machine's input, whatever it came from."""

    id: str  # of the event: the same fact is counted once
    family: str
    subject: str  # "place:12", "point:40", "device:7"
    cause: str  # "" where family and subject say it all
    rule: str
    signal: Signal
    severity: Severity
    source: str  # "life" | "bulk" (lanes), "person:<name>": who holds it up
    origin: str  # id of the condition or finding
    at: int  # epoch ms, log time
    ts: int  # epoch ms by the device's clock
    reason: Reason
    why: TransitionReason
    park: int = 0
    place: int = 0
    device: int = 0
    point: int = 0
    gateway: int = 0
    value: float | None = None
    limit: float | None = None
    labels: tuple[Label, ...] = ()
    note: str = ""
    live: bool = False  # told as it happens: no history, however far log time is behind the clock
    told: bool = False  # people were called out to it before it was written in its order
    actor: str = ""  # the named person whose act it tells of; "" for nobody


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a case up: a lane's condition, or a person's report. One of each source."""

    source: str
    origin: str
    signal: Signal  # ACTIVE | LATCHED
    severity: Severity
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    """What people do about one alarm. Replaced, never changed."""

    family: str
    subject: str
    cause: str
    rule: str
    severity: Severity
    raised: int  # epoch ms, wall: when we opened it
    changed: int  # epoch ms, wall
    since: int  # epoch ms, log time at which its condition began
    ts: int  # epoch ms by the device's clock, of the reading that decided last
    reason: Reason
    id: int = 0  # 0: not stored yet
    version: int = 0  # rises with each change; what a person has seen
    park: int = 0
    place: int = 0
    device: int = 0
    point: int = 0
    gateway: int = 0
    value: float | None = None  # always finite
    limit: float | None = None
    labels: tuple[Label, ...] = ()
    holders: tuple[Holder, ...] = ()
    devices: tuple[int, ...] = ()  # that raised it, the first of them
    count: int = 1  # triggers
    acknowledged: bool = False
    acknowledged_by: str = ""
    acknowledged_at: int | None = None
    owner: str = ""
    shelved_until: int | None = None
    out_of_service: bool = False
    suppressed: tuple[Suppression, ...] = ()  # by design; shelving and out of service are facts of their own
    answer: Answer = Answer.NONE
    chain: int = 0  # that asks for an answer
    step: int = 0
    paged: int = 0  # times that people were called to it: part of the ids of notifications
    called: int | None = None  # epoch ms, wall: when they were, the last time
    finding: str = ""  # that it came from
    condition: str = ""
    reset_asked: int | None = None
    verdict: Verdict | None = None
    closed: int | None = None
    comments: int = 0
    attachments: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """At most one open case has it."""
        return (self.family, self.subject, self.cause)

    @property
    def life(self) -> bool:
        """Whether it is of life safety: fire, gas, CO."""
        return self.family.partition(".")[0] in LIFE_FAMILIES

    @property
    def active(self) -> bool:
        """Whether its condition stands, in alarm."""
        return any(h.signal is Signal.ACTIVE for h in self.holders)

    @property
    def latched(self) -> bool:
        """Whether its condition is held only until somebody resets it."""
        return bool(self.holders) and not self.active

    @property
    def state(self) -> CaseState:
        """The state that its facts make."""
        if self.closed is not None:
            return CaseState.CLOSED
        return _STATES[self.active, self.latched, self.acknowledged]

    @property
    def held_back(self) -> tuple[Suppression, ...]:
        """Why nobody is called to it now; () when people are."""
        own = []
        if self.shelved_until is not None:
            own.append(Suppression(SuppressionReason.SHELVED, self.owner, self.shelved_until))
        if self.out_of_service:
            own.append(Suppression(SuppressionReason.OUT_OF_SERVICE, self.owner))
        return (*own, *self.suppressed)


_STATES = {
    (True, False, False): CaseState.UNACKNOWLEDGED,
    (True, False, True): CaseState.ACKNOWLEDGED,
    (False, True, False): CaseState.LATCHED_UNACKNOWLEDGED,
    (False, True, True): CaseState.LATCHED_ACKNOWLEDGED,
    (False, False, False): CaseState.RETURNED,
    (False, False, True): CaseState.RETURNED_ACKNOWLEDGED,
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a case's history: who, when, what and why."""

    case: int
    verb: CaseVerb
    at: int  # epoch ms, wall
    actor: str  # a person's name, "" for the platform itself
    why: TransitionReason
    before: CaseState | None  # None: there was no case
    after: CaseState
    version: int  # of the case after it
    id: int = 0
    note: str = ""  # a person's words, as they were written: to be escaped where they are shown
    event: str = ""  # id of the event behind it
    attachment: int = 0
    device: int = 0  # that was told of: which one joined


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asks of a case."""

    verb: CaseVerb
    actor: str
    note: str = ""
    why: TransitionReason = TransitionReason.PERSON
    owner: str = ""  # ASSIGN
    until: int | None = None  # SHELVE
    verdict: Verdict | None = None  # CLOSE
    attachment: int = 0  # ATTACH
    seen: tuple[Holder, ...] | None = None  # RESET: what stages were asked to end; None: whatever stands


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a case; its bytes lie in the data folder under its digest."""

    case: int
    name: str
    media_type: str
    size: int  # bytes
    digest: str  # SHA-256, hexadecimal
    at: int
    actor: str
    id: int = 0


# ── who is told ──────────────────────────────────────────────────────────────────────────────────


class MessageKind(StrEnum):
    """What a notification says."""

    RAISED = "raised"
    AGAIN = "again"  # a new activation, or it stands too long
    WORSE = "worse"  # confirmed, more severe, a further device
    ESCALATED = "escalated"
    NOBODY = "nobody"  # nobody answered
    RETURNED = "returned"
    SUMMARY = "summary"  # of a flood, or of a group
    DRILL = "drill"
    HAZARD = "hazard"


class DeliveryState(StrEnum):
    """Where a notification is."""

    WAITING = "waiting"
    SENDING = "sending"  # claimed by a worker until its lease ends
    SENT_ON = "sent_on"  # on its way to each of its receivers
    DELIVERED = "delivered"
    DEAD = "dead"  # tried long enough; a person may send it again
    CANCELLED = "cancelled"  # its reason was over before it was sent


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one target; a row of the outbox, written with the change that it tells of."""

    id: str  # stable: receivers may know it again
    case: int  # 0: of no case
    target: str  # "officer:3" | "target:desk" | "all"
    kind: MessageKind
    severity: Severity
    life: bool  # goes before everything else; never waits, never quiet
    not_before: int  # epoch ms
    group: str  # what may be told in one message: "park:1/place:2"; "" alone
    created: int
    park: int = 0
    version: int = 0  # of the case when it was written
    body: dict[str, str] = field(default_factory=dict)  # for messages of no case: their words


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a notification has come at one target."""

    notification: Notification
    state: DeliveryState
    attempts: int = 0
    due: int = 0  # epoch ms of the next attempt, or the end of a lease
    receipt: str = ""
    trouble: str = ""  # of the newest attempt; no secrets
    ended: int | None = None
