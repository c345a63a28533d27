"""People on duty, and what is held back for a while, as the API takes and shows them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.bodies import Body, Id, Name, Time
from api.schemas_alarms import AlarmOut, SuppressionOut, Words
from park.alarm_ports import Hidden
from park.duty import (
    Chain,
    MaintenanceWindow,
    Matcher,
    MatchOperator,
    Officer,
    Rota,
    Shift,
    Silence,
    Step,
    Substitute,
)

_Wait = Annotated[int, Field(ge=0, le=86_400_000)]  # ms
_Minute = Annotated[int, Field(ge=0, le=1_440)]
_Version = Annotated[int, Field(ge=0, lt=1 << 53, description="that you saw; 0 for a new one")]


class MatcherBody(Body):
    """One condition on a label of an alarm, as Alertmanager has them."""

    label: Annotated[str, Field(min_length=1, max_length=64)]
    operator: MatchOperator = MatchOperator.EQUAL
    value: Annotated[str, Field(max_length=200)] = ""

    def word(self) -> Matcher:
        """Return it as a word."""
        return Matcher(self.label, self.operator, self.value)


_Matchers = Annotated[tuple[MatcherBody, ...], Field(max_length=20)]


class PlanBody(Body):
    """What every plan has."""

    park: Id = 0
    version: _Version = 0


class SilenceBody(PlanBody):
    """Alarms that match all of its matchers call nobody for a while; life safety always does."""

    matchers: Annotated[tuple[MatcherBody, ...], Field(min_length=1, max_length=20)]
    starts: Time
    ends: Time
    note: Words

    def plan(self, key: int, actor: str) -> Silence:
        """Return it as a word."""
        words = tuple(m.word() for m in self.matchers)
        return Silence(words, self.starts, self.ends, actor, self.note, key, self.version, self.park)


class WindowBody(PlanBody):
    """A place or a device is worked on."""

    starts: Time
    ends: Time
    note: Words
    place: Id = 0
    device: Id = 0

    def plan(self, key: int, actor: str) -> MaintenanceWindow:
        """Return it as a word."""
        return MaintenanceWindow(
            self.starts, self.ends, actor, self.note, self.place, self.device, self.park, key, self.version
        )


class ContactBody(Body):
    """A way to reach a person."""

    channel: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$")]
    address: Annotated[str, Field(min_length=1, max_length=500)]


class OfficerBody(PlanBody):
    """A person who can be told; the best contact first."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    contacts: Annotated[tuple[ContactBody, ...], Field(max_length=10)] = ()
    key_name: Name = ""
    language: Annotated[str, Field(pattern="^(zh|en)$")] = "zh"

    def plan(self, key: int, _: str) -> Officer:
        """Return it as a word."""
        contacts = tuple((c.channel, c.address) for c in self.contacts)
        return Officer(self.name, contacts, self.key_name, self.language, self.park, key, self.version)


class ShiftBody(Body):
    """Somebody's hours, in minutes of the day; past midnight when `end` <= `start`."""

    officer: Id
    start: _Minute
    end: _Minute
    days: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1, max_length=7)] = (
        0, 1, 2, 3, 4, 5, 6,
    )  # fmt: skip
    first: Annotated[str, Field(max_length=10)] = ""
    last: Annotated[str, Field(max_length=10)] = ""


class SubstituteBody(Body):
    """Somebody stands in for somebody else."""

    officer: Id
    by: Id
    starts: Time
    ends: Time


class RotaBody(PlanBody):
    """Who is on duty when."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    shifts: Annotated[tuple[ShiftBody, ...], Field(max_length=200)]
    substitutes: Annotated[tuple[SubstituteBody, ...], Field(max_length=500)] = ()
    timezone: Annotated[str, Field(max_length=64)] = "Asia/Shanghai"

    def plan(self, key: int, _: str) -> Rota:
        """Return it as a word."""
        shifts = tuple(Shift(**s.model_dump()) for s in self.shifts)
        substitutes = tuple(Substitute(**s.model_dump()) for s in self.substitutes)
        return Rota(self.name, shifts, substitutes, self.timezone, self.park, key, self.version)


class StepBody(Body):
    """Whom to tell, and how long after the alarm (ms)."""

    after: _Wait
    targets: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=80)], ...], Field(min_length=1, max_length=20)
    ]


class ChainBody(PlanBody):
    """Who is told of which alarms, step by step, until somebody answers."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    steps: Annotated[tuple[StepBody, ...], Field(min_length=1, max_length=20)]
    matchers: _Matchers = ()
    order: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    wait: _Wait = 120_000
    then: Id = 0
    realarm: _Wait = 0

    def plan(self, key: int, _: str) -> Chain:
        """Return it as a word."""
        return Chain(
            self.name, tuple(Step(s.after, s.targets) for s in self.steps), tuple(m.word() for m in self.matchers),
            self.order, self.wait, self.then, self.realarm, self.park, key, self.version,
        )  # fmt: skip


class MatcherOut(BaseModel):
    """One condition on a label."""

    label: str
    operator: MatchOperator
    value: str

    @classmethod
    def all_of(cls, matchers: tuple[Matcher, ...]) -> list["MatcherOut"]:
        """Return some."""
        return [cls(label=m.label, operator=m.operator, value=m.value) for m in matchers]


class SilenceOut(BaseModel):
    """A silence."""

    id: int
    version: int
    park: int
    matchers: list[MatcherOut]
    starts: int
    ends: int
    actor: str
    note: str

    @classmethod
    def of(cls, s: Silence) -> "SilenceOut":
        """Return a silence."""
        return cls(
            id=s.id, version=s.version, park=s.park, matchers=MatcherOut.all_of(s.matchers), starts=s.starts,
            ends=s.ends, actor=s.actor, note=s.note,
        )  # fmt: skip


class WindowOut(BaseModel):
    """A maintenance window."""

    id: int
    version: int
    park: int
    place: int
    device: int
    starts: int
    ends: int
    actor: str
    note: str

    @classmethod
    def of(cls, w: MaintenanceWindow) -> "WindowOut":
        """Return a window."""
        return cls(
            id=w.id, version=w.version, park=w.park, place=w.place, device=w.device, starts=w.starts, ends=w.ends,
            actor=w.actor, note=w.note,
        )  # fmt: skip


class ContactOut(BaseModel):
    """A way to reach a person."""

    channel: str
    address: str


class OfficerOut(BaseModel):
    """A person who can be told."""

    id: int
    version: int
    park: int
    name: str
    contacts: list[ContactOut]
    key_name: str
    language: str

    @classmethod
    def of(cls, o: Officer) -> "OfficerOut":
        """Return an officer."""
        contacts = [ContactOut(channel=channel, address=address) for channel, address in o.contacts]
        return cls(
            id=o.id, version=o.version, park=o.park, name=o.name, contacts=contacts, key_name=o.key_name,
            language=o.language,
        )  # fmt: skip


class RotaOut(BaseModel):
    """Who is on duty when."""

    id: int
    version: int
    park: int
    name: str
    timezone: str
    shifts: list[dict[str, Any]]
    substitutes: list[dict[str, Any]]

    @classmethod
    def of(cls, r: Rota) -> "RotaOut":
        """Return a rota."""
        return cls(
            id=r.id, version=r.version, park=r.park, name=r.name, timezone=r.timezone,
            shifts=[
                {"officer": s.officer, "start": s.start, "end": s.end, "days": list(s.days), "first": s.first,
                 "last": s.last}
                for s in r.shifts
            ],
            substitutes=[{"officer": s.officer, "by": s.by, "starts": s.starts, "ends": s.ends} for s in r.substitutes],
        )  # fmt: skip


class StepOut(BaseModel):
    """Whom to tell, and how long after the alarm."""

    after: int
    targets: list[str]


class ChainOut(BaseModel):
    """Who is told of which alarms."""

    id: int
    version: int
    park: int
    name: str
    steps: list[StepOut]
    matchers: list[MatcherOut]
    order: int
    wait: int
    then: int
    realarm: int

    @classmethod
    def of(cls, c: Chain) -> "ChainOut":
        """Return a chain."""
        return cls(
            id=c.id, version=c.version, park=c.park, name=c.name, order=c.order, wait=c.wait, then=c.then,
            realarm=c.realarm, matchers=MatcherOut.all_of(c.matchers),
            steps=[StepOut(after=s.after, targets=list(s.targets)) for s in c.steps],
        )  # fmt: skip


class OnDuty(BaseModel):
    """Who is on duty in a rota at a time."""

    rota: int
    at: int
    officers: list[OfficerOut]


class PreviewOut(BaseModel):
    """What a silence would hold back now."""

    alarms: list[AlarmOut]
    more: bool


class HiddenOut(BaseModel):
    """An alarm that calls nobody now, and why."""

    park: int
    alarm: AlarmOut
    why: list[SuppressionOut]

    @classmethod
    def of(cls, h: Hidden) -> "HiddenOut":
        """Return one."""
        return cls(park=h.case.park, alarm=AlarmOut.of(h.case), why=[SuppressionOut.of(s) for s in h.why])
