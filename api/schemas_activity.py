"""What callers send and get of activity: days with their reasons, a park's index, papers on file.

Days are ISO dates of park time. A share is 0..1 (or above); unknown is null.
"""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.bodies import Body, Id
from park.activity import STATE_WORDS, ActivityState, Evidence, said
from park.activity_ports import Filed, ParkDay
from park.events import ActivityDay
from park.records import PaperKind


class SaidOut(BaseModel):
    """One piece of evidence: what it is, its figures, and its words in both languages."""

    sign: str
    zh: str
    en: str
    figures: dict[str, Any]

    @classmethod
    def of(cls, evidence: Evidence) -> "SaidOut":
        """Return a piece of evidence."""
        return cls(
            sign=evidence.sign, zh=said(evidence, "zh"), en=said(evidence, "en"), figures=dict(evidence.figures)
        )  # fmt: skip


class ActivityDayOut(BaseModel):
    """A closed day of an enterprise."""

    day: str
    state: ActivityState
    ratio: float | None  # of what is usual for such a day
    amount: float | None
    expected: float | None
    score: float  # 0 works as ever, 1 not at all
    since: str  # first day of the state; "": unknown
    reasons: list[SaidOut] | None = None

    @classmethod
    def of(cls, day: ActivityDay, *, reasons: bool = True) -> "ActivityDayOut":
        """Return a day, with or without its reasons."""
        known = day.expected is not None and day.amount is not None
        return cls(
            day=day.day, state=ActivityState(day.state), ratio=day.ratio if known else None, amount=day.amount,
            expected=day.expected, score=day.score, since=day.since,
            reasons=[SaidOut.of(e) for e in day.evidence] if reasons else None,
        )  # fmt: skip


class ActivityOut(BaseModel):
    """Days of an enterprise, rising."""

    enterprise: int
    park: int
    start: str
    end: str  # exclusive
    measure: str  # metric that it is judged by; "": none yet
    items: list[ActivityDayOut]


class SpellOut(BaseModel):
    """Days in a row of one state."""

    state: ActivityState
    zh: str
    en: str
    start: str
    end: str  # inclusive
    days: int
    ratio: float | None  # median of its days
    reason: SaidOut | None  # of its first day, the most telling


class PaperOut(BaseModel):
    """A paper on file."""

    id: int
    enterprise: int
    kind: PaperKind
    begin: str
    end: str
    at: int  # epoch ms
    actor: str
    note: str
    withdrawn: int | None
    withdrawn_by: str

    @classmethod
    def of(cls, filed: Filed) -> "PaperOut":
        """Return a paper."""
        p = filed.paper
        return cls(
            id=p.id, enterprise=p.enterprise, kind=p.kind, begin=p.begin, end=p.end, at=filed.at, actor=filed.actor,
            note=filed.note, withdrawn=filed.withdrawn, withdrawn_by=filed.withdrawn_by,
        )  # fmt: skip


class ActivityExplanation(BaseModel):
    """Why an enterprise is told to be as it is: one day, the year before it in spells, and the papers."""

    enterprise: int
    park: int
    name: str
    trade: str
    measure: str
    zh: str  # the state
    en: str
    day: ActivityDayOut
    spells: list[SpellOut]  # oldest first
    papers: list[PaperOut]


class ParkDayOut(BaseModel):
    """A day of a park."""

    day: str
    states: dict[str, int]
    judged: int
    working: int
    working_share: float | None  # of those judged, above 30 % of their baseline (复工率)
    production_share: float | None  # use of all against what is usual (复产率)
    rest: str  # "spring_festival" | "public_holiday" | ""

    @classmethod
    def of(cls, day: ParkDay) -> "ParkDayOut":
        """Return a day with its shares."""
        return cls(
            day=day.day, states=dict(day.states), judged=day.judged, working=day.working,
            working_share=day.working / day.judged if day.judged else None,
            production_share=day.amount / day.expected if day.expected > 0 else None, rest=day.rest,
        )  # fmt: skip


class RecoveryOut(BaseModel):
    """How a park came back after a holiday, by the same arithmetic as its index."""

    holiday: str  # "spring_festival" | "public_holiday"
    start: str  # its first and last day
    end: str
    before: float | None  # production share, median of the workdays of the four weeks before
    working_share: float | None  # on the newest day that is known
    production_share: float | None
    recovered: float | None  # production share now against before
    days_to_90: int | None  # days from its end until 90 % of before; null: not yet


class ParkFirmOut(BaseModel):
    """An enterprise of a park as it is now."""

    enterprise: int
    name: str
    trade: str
    day: str
    state: ActivityState
    since: str
    ratio: float | None


class ParkActivityOut(BaseModel):
    """A park's activity: its days, how its enterprises are now, and how it came back after the last holiday."""

    park: int
    start: str
    end: str
    states: dict[str, int]
    items: list[ParkDayOut]
    recovery: RecoveryOut | None
    enterprises: list[ParkFirmOut]  # worst first


class PaperBody(Body):
    """A paper to put on file."""

    kind: PaperKind
    begin: date
    end: date  # inclusive
    note: Annotated[str, Field(max_length=500)] = ""


class WithdrawBody(Body):
    """A paper to take back."""

    paper: Id


def words(state: str) -> tuple[str, str]:
    """Return a state in Chinese and English."""
    return STATE_WORDS[ActivityState(state)]
