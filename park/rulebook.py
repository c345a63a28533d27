"""Rule tables as they are kept: every version with who, when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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
