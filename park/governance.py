"""The words of a park's office: inspections, hazards with 五落实, and drills; its figures are in park.kpi.

```
 InspectionPlan ──calendar──> Round ──faults──> Hazard ──五落实──> rectified ──re-inspected, evidence──> closed
 Drill ──marks devices──> "test" conditions ──measured──> report
```
Times are epoch ms, unless they say otherwise; days are ISO dates of park time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from park.alarms import Notification

# ── checklists and rounds ────────────────────────────────────────────────────────────────────────


class HazardGrade(StrEnum):
    """一般, 重大: a major one endangers many, or cannot be mended while work goes on."""

    GENERAL = "general"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One question of a checklist, and what a fault of it is."""

    key: str
    zh: str
    en: str
    basis: str
    grade: HazardGrade = HazardGrade.GENERAL
    days: int = 30  # until it must be rectified, counted from the finding; 0: at once, the same day
    category: str = ""  # "change_of_use", "illegal_building", ...: what is counted together


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is looked at on a round."""

    key: str
    zh: str
    en: str
    basis: str
    items: tuple[ChecklistItem, ...]


class Every(StrEnum):
    """How often a plan's rounds are due."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class InspectionPlan:
    """A checklist that is gone through again and again."""

    name: str
    checklist: str
    park: int
    every: Every
    first: str  # ISO date of the first round; the others follow from it
    places: tuple[int, ...] = ()  # (): the whole park
    officer: int = 0  # who is told; 0: everybody
    grace: int = 0  # days after its day until a round is missed; 0: that day only
    last: str = ""  # ISO date after which none is due; "": open
    ended: int | None = None
    id: int = 0
    version: int = 0


class Verdict(StrEnum):
    """What a person answers to an item."""

    OK = "ok"
    FAULT = "fault"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Answer:
    """One item, answered."""

    item: str
    verdict: Verdict
    at: int
    actor: str
    note: str = ""
    place: int = 0  # where the fault is; 0: the round's own


class RoundState(StrEnum):
    """Where a round is."""

    DUE = "due"
    STARTED = "started"  # some items are answered
    DONE = "done"
    MISSED = "missed"  # not done in its time; it can still be done, late


@dataclass(frozen=True, slots=True)
class Round:
    """One visit."""

    park: int
    checklist: str
    name: str
    day: str  # ISO date it is due
    due: int  # epoch ms of its end
    places: tuple[int, ...] = ()
    plan: int = 0  # 0: a visit that nobody planned
    officer: int = 0
    state: RoundState = RoundState.DUE
    answers: tuple[Answer, ...] = ()
    done: int | None = None
    done_by: str = ""
    late: bool = False  # done after it was missed
    hazards: int = 0  # that came of it
    id: int = 0
    version: int = 0


# ── hazards ──────────────────────────────────────────────────────────────────────────────────────


class HazardState(StrEnum):
    """Where a hazard is; CLOSED is 销号."""

    FOUND = "found"
    RECTIFYING = "rectifying"  # 五落实 is whole and work goes on
    RECTIFIED = "rectified"  # somebody says it is mended; waits for the re-inspection
    CLOSED = "closed"  # re-inspected, with evidence
    DISMISSED = "dismissed"  # it was none, with a reason


class HazardVerb(StrEnum):
    """What may happen to a hazard."""

    FIND = "find"
    PLAN = "plan"  # any of 五落实
    BEGIN = "begin"  # needs all five
    EXTEND = "extend"  # another time limit, explained in writing
    DONE = "done"
    APPROVE = "approve"  # re-inspected and in order
    REJECT = "reject"  # re-inspected and not in order
    DISMISS = "dismiss"
    REOPEN = "reopen"
    COMMENT = "comment"
    ATTACH = "attach"
    ESCALATE = "escalate"  # its time limit is over, or near


@dataclass(frozen=True, slots=True)
class Five:
    """五落实: 责任、措施、资金、时限、预案. "" and 0: not settled."""

    responsible: str = ""  # 责任: who answers for it
    measures: str = ""  # 措施
    funds: str = ""  # 资金: how much, from where; "0" is an answer
    due: int = 0  # 时限
    contingency: str = ""  # 预案: what protects people until it is mended

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what is not settled yet."""
        parts = ("responsible", "measures", "funds", "due", "contingency")
        return tuple(p for p in parts if not getattr(self, p))


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something that must be mended. Replaced, never changed."""

    park: int
    place: int
    title: str
    found: int
    found_by: str
    due: int  # epoch ms: the checklist's, then 五落实's
    grade: HazardGrade = HazardGrade.GENERAL
    category: str = ""
    basis: str = ""
    note: str = ""
    origin: str = ""  # "round:7/exit_blocked", "alarm:12", "episode:<id>": at most one hazard has it; "": a person's
    state: HazardState = HazardState.FOUND
    five: Five = field(default_factory=Five)
    officer: int = 0  # who is told first when it is overdue; 0: everybody
    extended: int = 0  # times that the limit was moved
    told: int = 0  # steps of escalation that were taken for this limit
    rectified: int | None = None
    rectified_by: str = ""
    evidence: int = 0  # files since it was said to be rectified
    attachments: int = 0
    comments: int = 0
    closed: int | None = None
    closed_by: str = ""
    id: int = 0
    version: int = 0

    @property
    def open(self) -> bool:
        """Whether something is still to be done."""
        return self.state not in {HazardState.CLOSED, HazardState.DISMISSED}

    def overdue(self, now: int) -> bool:
        """Tell whether its time limit is over and it is not mended."""
        return self.open and bool(self.due) and now > self.due


# ── drills ───────────────────────────────────────────────────────────────────────────────────────


class DrillState(StrEnum):
    """Where a drill is. Devices are in test between STARTING and the end of ENDING, and at no other time."""

    PLANNED = "planned"
    STARTING = "starting"  # devices are being marked
    RUNNING = "running"
    ENDING = "ending"  # devices are being given back
    ENDED = "ended"
    CANCELLED = "cancelled"  # before it began
    MISSED = "missed"  # nobody ran the platform in its time


@dataclass(frozen=True, slots=True)
class Observed:
    """What a drill saw of one device: times of each step; None: it has not come."""

    device: int
    triggered: int | None = None  # by the device's clock
    alarmed: int | None = None  # log time: the platform received it
    noticed: int | None = None  # the drill saw it in the store
    told: int | None = None  # the first receiver had the message
    acknowledged: int | None = None
    acknowledged_by: str = ""
    condition: str = ""
    receipts: int = 0  # receivers that had it


@dataclass(frozen=True, slots=True)
class Drill:
    """A planned test: its devices are set apart for a while, and every delay is measured."""

    name: str
    park: int
    starts: int
    ends: int
    devices: tuple[int, ...]  # of life safety
    actor: str  # who planned it
    note: str = ""
    target: str = "all"  # who is told: "officer:3" | "target:desk" | "rota:1" | "all"
    state: DrillState = DrillState.PLANNED
    marked: tuple[int, ...] = ()  # devices that the drill itself put into test: it gives back these
    observed: tuple[Observed, ...] = ()
    began: int | None = None
    ended: int | None = None
    ended_by: str = ""  # "" when its time was over
    id: int = 0
    version: int = 0


# ── how they are kept ────────────────────────────────────────────────────────────────────────────

Thing = InspectionPlan | Round | Hazard | Drill
T = TypeVar("T", InspectionPlan, Round, Hazard, Drill)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a step: the thing as it is now, one line of its history, and what follows with it."""

    thing: Thing
    verb: str
    note: str = ""
    made: tuple[Thing, ...] = ()  # new things; those whose origin is known already are not made again
    messages: tuple[Notification, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficeChange:
    """One line of a history: who, when, what, why."""

    id: int
    at: int
    actor: str  # "" for the platform itself
    verb: str
    note: str
    version: int


@dataclass(frozen=True, slots=True)
class OfficeFile:
    """A file of a hazard or a round; its bytes lie under their digest."""

    name: str
    media_type: str
    size: int
    digest: str
    at: int
    actor: str
    id: int = 0


class OfficeStore(Protocol):
    """Plans, rounds, hazards and drills with their histories. Every change is whole, or nothing of it is kept."""

    def add(self, thing: T, *, actor: str, now: int, verb: str = "", note: str = "") -> T:
        """Keep a new thing. Raises Conflict where its origin is known."""

    def change(
        self, kind: type[T], key: int, step: Callable[[T], Done], *, actor: str, now: int, version: int | None = None
    ) -> T:
        """Do a step on a thing, with all that follows. Raises NotFound, Conflict, and what the step raises."""

    def get(self, kind: type[T], key: int) -> T:
        """Return one. Raises NotFound."""

    def find(
        self, kind: type[T], *, parks: frozenset[int] | None = None, park: int = 0, states: Sequence[str] = (),
        due_before: int = 0, before: int = 0, limit: int = 100,
    ) -> list[T]:  # fmt: skip
        """Return things, newest first, from past the number `before` on; due_before 0: it does not matter."""

    def history(self, kind: type[T], key: int) -> list[OfficeChange]:
        """Return what happened to one, oldest first."""

    def attach(
        self, kind: type[T], key: int, file: OfficeFile, step: Callable[[T], Done], *, actor: str, now: int
    ) -> OfficeFile:
        """Write down a file of a thing, and do the step that it is. Raises NotFound, Conflict."""

    def files(self, kind: type[T], key: int) -> list[OfficeFile]:
        """Return the files of one, oldest first."""
