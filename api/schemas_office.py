"""A park's office as the API takes and shows it: inspections, hazards, drills, figures."""

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.bodies import Body, Id, Time
from park.governance import (
    Answer,
    DrillState,
    Every,
    Five,
    Hazard,
    HazardGrade,
    HazardState,
    HazardVerb,
    InspectionPlan,
    Round,
    RoundState,
    Verdict,
)
from park.kpi import Flood, Indicator, Kpi, RulePrecision, Source, Standing

Note = Annotated[str, Field(max_length=2_000)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", max_length=10)]
Version = Annotated[int | None, Field(ge=1, lt=1 << 53, description="that you saw: 409 if it changed")]


class PlanBody(Body):
    """A checklist that is gone through again and again."""

    park: Id
    name: Title
    checklist: Code
    every: Every
    first: Date
    last: Annotated[str, Field(max_length=10)] = ""
    places: Annotated[tuple[Id, ...], Field(max_length=500)] = ()
    officer: Id = 0
    grace: Annotated[int, Field(ge=0, le=60)] = 0
    version: Version = None

    def plan(self, key: int) -> InspectionPlan:
        """Return it as a word."""
        return InspectionPlan(
            self.name, self.checklist, self.park, self.every, self.first, self.places, self.officer, self.grace,
            self.last, id=key,
        )  # fmt: skip


class VisitBody(Body):
    """A round that nobody planned."""

    park: Id
    checklist: Code
    places: Annotated[tuple[Id, ...], Field(max_length=500)] = ()


class AnswerBody(Body):
    """One item, answered; a fault says what is wrong."""

    item: Code
    verdict: Verdict
    note: Note = ""
    place: Id = 0

    def word(self, actor: str, now: int) -> Answer:
        """Return it as a word."""
        return Answer(self.item, self.verdict, now, actor, self.note, self.place)


class AnswersBody(Body):
    """Answers as they are given, one or many; what was answered before is answered anew."""

    answers: Annotated[tuple[AnswerBody, ...], Field(min_length=1, max_length=200)]
    version: Version = None


class SeenBody(Body):
    """The version that was seen."""

    version: Version = None


class HazardBody(Body):
    """A hazard that somebody found outside a round."""

    park: Id
    place: Id
    title: Title
    due: Time
    grade: HazardGrade = HazardGrade.GENERAL
    category: Annotated[str, Field(max_length=64)] = ""
    basis: Annotated[str, Field(max_length=500)] = ""
    note: Note = ""
    officer: Id = 0
    origin: Annotated[
        str, Field(max_length=400, pattern=r"^((alarm:[1-9]\d{0,14}|episode:\S+))?$",
                   description="the alarm or the episode that it comes from: each becomes a hazard once")
    ] = ""  # fmt: skip

    def hazard(self, actor: str, now: int) -> Hazard:
        """Return it as a word."""
        return Hazard(
            self.park, self.place, self.title, now, actor, self.due, self.grade, self.category, self.basis, self.note,
            self.origin, officer=self.officer,
        )  # fmt: skip


class FiveBody(Body):
    """Any of 五落实: 责任、措施、资金、时限、预案; what is left out stays as it is."""

    responsible: Annotated[str, Field(max_length=200)] = ""
    measures: Note = ""
    funds: Annotated[str, Field(max_length=200)] = ""
    due: Time = 0
    contingency: Note = ""
    officer: Annotated[int | None, Field(ge=0, lt=1 << 31)] = None
    note: Note = ""
    version: Version = None

    def five(self) -> Five | None:
        """Return what is said; None: nothing of the five."""
        said = Five(self.responsible, self.measures, self.funds, self.due, self.contingency)
        return said if said != Five() else None


class DeedBody(Body):
    """What was done, in words."""

    note: Note = ""
    version: Version = None


class ExtendBody(Body):
    """Another time limit, and the written explanation."""

    due: Time
    note: Words
    version: Version = None


class DrillBody(Body):
    """A planned test of life-safety devices."""

    park: Id
    name: Title
    starts: Time
    ends: Time
    devices: Annotated[tuple[Id, ...], Field(min_length=1, max_length=200)]
    note: Note = ""
    target: Annotated[str, Field(pattern=r"^(all|(officer|rota):\d{1,9}|target:[^\s/]{1,64})$", max_length=80)] = "all"


class DrillSeenBody(Body):
    """The device whose alarm was seen."""

    device: Id


class AnswerOut(BaseModel):
    """One item, answered."""

    item: str
    verdict: Verdict
    at: int
    actor: str
    note: str
    place: int


class RoundOut(BaseModel):
    """A round, and how far it is."""

    id: int
    version: int
    park: int
    plan: int
    checklist: str
    name: str
    day: str
    due: int
    state: RoundState
    places: list[int]
    officer: int
    answers: list[AnswerOut]
    items: int  # of its checklist
    open_items: list[str]  # that nobody has answered, in the order of the checklist
    done: int | None
    done_by: str
    late: bool
    hazards: int

    @classmethod
    def of(cls, visit: Round, items: tuple[str, ...]) -> "RoundOut":
        """Return a round; `items` are the keys of its checklist."""
        said = {a.item for a in visit.answers}
        whole = asdict(visit)
        return cls(**whole, items=len(items), open_items=[i for i in items if i not in said])


class FiveOut(BaseModel):
    """五落实."""

    responsible: str
    measures: str
    funds: str
    due: int
    contingency: str


class HazardOut(BaseModel):
    """A hazard, and what may be done to it now."""

    id: int
    version: int
    park: int
    place: int
    title: str
    state: HazardState
    grade: HazardGrade
    category: str
    basis: str
    note: str
    origin: str
    found: int
    found_by: str
    due: int
    overdue: bool
    five: FiveOut
    missing: list[str]  # of the five
    verbs: list[HazardVerb]  # that its state allows
    officer: int
    extended: int
    told: int
    rectified: int | None
    rectified_by: str
    evidence: int
    attachments: int
    comments: int
    closed: int | None
    closed_by: str

    @classmethod
    def of(cls, hazard: Hazard, now: int, verbs: tuple[HazardVerb, ...]) -> "HazardOut":
        """Return a hazard as it is at a time."""
        return cls(
            **asdict(hazard), overdue=hazard.overdue(now), missing=list(hazard.five.missing), verbs=list(verbs)
        )  # fmt: skip


class HazardCounts(BaseModel):
    """How many hazards there are."""

    open: int
    overdue: int
    major: int  # open ones
    by_state: dict[str, int]
    by_category: dict[str, int]  # open ones


class IndicatorOut(BaseModel):
    """A figure beside its benchmark."""

    key: str
    zh: str
    en: str
    value: float | None
    unit: str  # "1", "s", "share" (0..1)
    target: float | None
    limit: float | None
    least: bool  # whether the benchmark is at least, not at most
    standing: Standing
    source: str
    of: int
    note: str

    @classmethod
    def of_all(cls, some: tuple[Indicator, ...]) -> list["IndicatorOut"]:
        """Return figures."""
        return [cls(**asdict(one), standing=one.standing) for one in some]


class ObservedOut(BaseModel):
    """What a drill saw of one device: times, and the seconds of each step."""

    device: int
    triggered: int | None
    alarmed: int | None
    noticed: int | None
    told: int | None
    acknowledged: int | None
    acknowledged_by: str
    condition: str
    receipts: int
    delays: dict[str, float | None]


class DrillOut(BaseModel):
    """A drill and its report so far."""

    id: int
    version: int
    park: int
    name: str
    note: str
    state: DrillState
    starts: int
    ends: int
    devices: list[int]
    target: str
    actor: str
    began: int | None
    ended: int | None
    ended_by: str
    observed: list[ObservedOut]
    indicators: list[IndicatorOut]


class FloodOut(BaseModel):
    """A time in which more alarms came than anybody can read."""

    start: int
    end: int
    alarms: int
    peak: int

    @classmethod
    def of(cls, flood: Flood) -> "FloodOut":
        """Return one."""
        return cls(**asdict(flood))


class SourceOut(BaseModel):
    """What alarms came from."""

    source: str
    alarms: int
    share: float

    @classmethod
    def of(cls, source: Source) -> "SourceOut":
        """Return one."""
        return cls(**asdict(source))


class PrecisionOut(BaseModel):
    """What became of a rule's alarms."""

    rule: str
    alarms: int
    real: int
    false: int
    undecided: int
    precision: float | None

    @classmethod
    def of(cls, rule: RulePrecision) -> "PrecisionOut":
        """Return one."""
        return cls(**asdict(rule), precision=rule.precision)


class KpiOut(BaseModel):
    """The figures of alarms in a time."""

    start: int
    end: int
    park: int
    alarms: int
    held_back: int
    positions: int
    detectors: int
    indicators: list[IndicatorOut]
    floods: list[FloodOut]
    chattering: list[SourceOut]
    top: list[SourceOut]
    mix: dict[str, int]
    rules: list[PrecisionOut]
    repeated: dict[str, int]  # detector -> false alarms, three or more a year

    @classmethod
    def of(cls, k: Kpi, park: int) -> "KpiOut":
        """Return figures."""
        lists: dict[str, Any] = {
            "floods": [FloodOut.of(f) for f in k.floods], "chattering": [SourceOut.of(s) for s in k.chattering],
            "top": [SourceOut.of(s) for s in k.top], "rules": [PrecisionOut.of(r) for r in k.rules],
        }  # fmt: skip
        return cls(
            start=k.start, end=k.end, park=park, alarms=k.alarms, held_back=k.held_back, positions=k.positions,
            detectors=k.detectors, indicators=IndicatorOut.of_all(k.indicators), mix=k.mix,
            repeated={str(d): n for d, n in k.repeated.items()}, **lists,
        )  # fmt: skip
