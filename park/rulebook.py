"""Rule tables as they are kept: every version with who, when and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from park.records import LimitRow


@dataclass(frozen=True, slots=True)
class RuleSet:
    """One version of the rule table."""

    version: int  # rising by one; 0: the table that the platform ships with
    at: int  # epoch ms
    actor: str
    reason: str
    text: str  # TOML
    rules: int  # how many it holds
    life_safety: bool = False  # rules that lives hang on were changed by it
    rolled_back_to: int | None = None  # the version that it says again


class What(StrEnum):
    """What became of a rule."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is not as it was."""

    what: What
    rule: str
    scope: str  # where it holds, in words; "" everywhere
    life_safety: bool  # what it decides has changed, and lives hang on it
    fields: tuple[tuple[str, str, str], ...] = ()  # (field, before, after) of a changed one


class RuleStore(Protocol):
    """Versions of the rule table; none is ever changed or deleted."""

    def newest(self) -> RuleSet | None:
        """Return the table that holds; None: nobody has changed the shipped one."""

    def get(self, version: int) -> RuleSet | None:
        """Return a version, from 1 on."""

    def history(self, *, before: int | None = None, limit: int = 100) -> Sequence[RuleSet]:
        """Return versions, the newest first, those before one if asked; their texts are left empty."""

    def add(self, rules: RuleSet, expected: int) -> RuleSet:
        """Keep a table as the version after `expected`. Raises Conflict when another came in between."""


class Rules(Protocol):
    """The table that holds, for those who look at it and change it; see runtime/rulebook.py."""

    @property
    def rows(self) -> tuple[LimitRow, ...]:
        """The rules that hold."""

    def current(self) -> RuleSet:
        """Return the table that holds."""

    def get(self, version: int) -> RuleSet:
        """Return a version; 0 is the shipped table. Raises NotFound."""

    def history(self, *, before: int | None = None, limit: int = 100) -> Sequence[RuleSet]:
        """Return versions without their texts, the newest first."""

    def difference(self, version: int) -> tuple[RuleChange, ...]:
        """Return what a version changed against the one before it."""

    def check(self, text: str) -> tuple[tuple[LimitRow, ...], tuple[RuleChange, ...]]:
        """Return the rules of a text and what they would change. Raises UserError."""

    def replace(
        self, text: str, *, actor: str, reason: str, expected: int, life_safety: bool, rolled_back_to: int | None = None
    ) -> RuleSet:
        """Make a text the table that holds. Raises UserError, Conflict, Forbidden."""

    def roll_back(self, version: int, *, actor: str, reason: str, expected: int, life_safety: bool) -> RuleSet:
        """Make an earlier version hold again, as a new one."""

    def bar(self, point: int) -> float | None:
        """Return the rarity from which just this point is told of, in days; None: it has no bar of its own."""

    def with_bars(self, bars: Mapping[int, float], basis: str) -> str:
        """Return the text that holds with other bars of points (days), each resting on `basis`; nothing is changed."""

    def entered(self) -> bool:
        """Return whether the stages of a running platform have been told of the table that holds."""


class DryRunState(StrEnum):
    """How far a dry run is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DryRun:
    """A rule table held against what came in a time, in a process of its own."""

    id: str
    state: DryRunState
    start: int  # epoch ms
    end: int
    progress: float = 0.0  # 0..1
    problem: str = ""
    result: dict[str, object] | None = None
    actor: str = ""


class DryRuns(Protocol):
    """Dry runs of a running platform: one at a time."""

    def begin(self, text: str, start: int, end: int, actor: str) -> DryRun:
        """Start one. Raises UserError for what cannot run, Conflict while another runs."""

    def get(self, run: str) -> DryRun:
        """Return one that was started not too long ago. Raises NotFound."""
