"""Rules as callers send and get them."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.bodies import Body, Id, Time, Why
from park.records import LimitRow
from park.rulebook import DryRun, DryRunState, RuleChange, RuleSet

MAX_TEXT = 256 << 10  # characters

Text = Annotated[str, Field(max_length=MAX_TEXT)]


class RulesTextBody(Body):
    """A rule table in TOML."""

    text: Text


class RulesBody(Body):
    """A rule table in place of the one that holds."""

    text: Text
    reason: Why
    version: Id  # that was looked at; another one meanwhile is a conflict
    life_safety: bool = False  # changes of rules that lives hang on are meant


class RollBackBody(Body):
    """An earlier version, to hold again."""

    to: Id  # 0: the table that the platform ships with
    reason: Why
    version: Id  # that holds now
    life_safety: bool = False


class DryRunBody(Body):
    """A rule table, to be held against what came in a time."""

    text: Text
    start: Time
    end: Time


class RuleOut(BaseModel):
    """A rule as the stages have it; times in ms."""

    rule: str
    metric: str
    finding: str
    severity: str
    high: float | None
    low: float | None
    dead_band: float
    on_delay: int  # ms; `for`
    off_delay: int  # ms; `keep_firing_for`
    window: int
    valid: float
    usual: int
    floor: float
    kinds: list[str]
    channels: list[str]
    parks: list[int]
    places: list[int]
    reasons: list[str]
    days: list[str]
    hours: list[tuple[int, int]]  # minutes of the park day
    valid_from: int
    valid_to: int
    basis: str
    version: str
    labels: dict[str, str]
    annotations: dict[str, str]
    points: list[int]
    metrics: list[str]

    @classmethod
    def of(cls, row: LimitRow) -> "RuleOut":
        """Return a rule for people."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name not in {"labels", "annotations"}}
        return cls.model_validate(
            fields
            | {
                name: list(fields[name])
                for name in ("kinds", "channels", "parks", "places", "reasons", "days", "hours", "points", "metrics")
            }
            | {"labels": dict(row.labels), "annotations": dict(row.annotations)}
        )


class RunbookOut(BaseModel):
    """What to do about alarms that no rule of the table makes, or whose rule says nothing."""

    rule: str  # or the word before its first dot
    zh: str
    en: str
    basis: str


class MeasureOut(BaseModel):
    """A figure of several points that rules speak of: its alarms have no point that could name it."""

    name: str
    unit: str
    zh: str
    en: str


class FieldChange(BaseModel):
    """A field of a rule that is not as it was."""

    field: str
    before: str
    after: str


class RuleChangeOut(BaseModel):
    """A rule that is not as it was."""

    what: str  # added | removed | changed
    rule: str
    scope: str  # where it holds; "" everywhere
    life_safety: bool
    fields: list[FieldChange]

    @classmethod
    def of(cls, change: RuleChange) -> "RuleChangeOut":
        """Return a change for people."""
        return cls(
            what=change.what, rule=change.rule, scope=change.scope, life_safety=change.life_safety,
            fields=[FieldChange(field=f, before=b, after=a) for f, b, a in change.fields],
        )  # fmt: skip


class RuleSetOut(BaseModel):
    """A version of the rule table, without its text."""

    version: int  # 0: the shipped one
    at: int
    actor: str
    reason: str
    rules: int
    life_safety: bool  # rules that lives hang on were changed by it
    rolled_back_to: int | None

    @classmethod
    def of(cls, rules: RuleSet) -> "RuleSetOut":
        """Return a version for people."""
        return cls(**{name: getattr(rules, name) for name in cls.model_fields})


class RulesOut(BaseModel):
    """The rule table that holds."""

    current: RuleSetOut
    entered: bool  # the stages have been told of it
    text: str
    rules: list[RuleOut]
    runbooks: list[RunbookOut]
    measures: list[MeasureOut]


class RuleVersionOut(BaseModel):
    """A version with its text, and what it changed."""

    rules: RuleSetOut
    text: str
    changes: list[RuleChangeOut]


class RulesChecked(BaseModel):
    """A rule table that could hold."""

    rules: int
    life_safety: bool  # it changes rules that lives hang on
    changes: list[RuleChangeOut]


class DryRunOut(BaseModel):
    """A dry run, and what came of it."""

    id: str
    state: DryRunState
    start: int
    end: int
    progress: float  # 0..1
    problem: str  # why it failed
    result: dict[str, object] | None

    @classmethod
    def of(cls, run: DryRun) -> "DryRunOut":
        """Return a run for people."""
        return cls.model_validate({name: getattr(run, name) for name in cls.model_fields})
