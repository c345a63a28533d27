"""What the rooms ask of the store of days and papers: Protocols of a few methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from park.events import ActivityDay
from park.records import Paper


@dataclass(frozen=True, slots=True)
class ParkDay:
    """A day of a park: how its enterprises were, and what their meters say together."""

    day: str  # ISO date
    states: Mapping[str, int] = field(default_factory=dict)  # by park.activity.ActivityState
    judged: int = 0  # enterprises whose day is known against its past
    working: int = 0  # of these, above 30 % of their baseline
    amount: float = 0.0  # kWh, of those metered by electricity whose day is known
    expected: float = 0.0  # kWh, usual for such a day, of the same
    rest: str = ""  # "spring_festival" | "public_holiday" | "": a day that is not judged


class ActivityStore(Protocol):
    """Closed days of enterprises, as the stages judged them."""

    def days(self, enterprise: int, start: str, end: str) -> list[ActivityDay]:
        """Return days with start <= day < end (ISO dates), rising."""

    def newest(self, park: int) -> list[ActivityDay]:
        """Return the newest day of each enterprise of a park, by enterprise."""

    def by_day(self, park: int, start: str, end: str) -> list[ParkDay]:
        """Return days of a park with start <= day < end, rising."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A paper with who filed it and when, and who took it back."""

    paper: Paper
    at: int  # epoch ms
    actor: str
    note: str = ""
    withdrawn: int | None = None  # epoch ms
    withdrawn_by: str = ""


class PaperStore(Protocol):
    """Papers on file; nothing is deleted."""

    def file(self, paper: Paper, park: int, *, actor: str, note: str, now: int) -> Filed:
        """Put a paper on file; return it with its number."""

    def withdraw(self, key: int, *, actor: str, now: int) -> Filed:
        """Take a paper back. Raises NotFound, Conflict."""

    def get(self, key: int) -> Filed:
        """Return a paper. Raises NotFound."""

    def of(self, enterprise: int) -> Sequence[Filed]:
        """Return the papers of an enterprise, newest first, those taken back too."""

    def standing(self) -> tuple[Paper, ...]:
        """Return all papers that are not taken back, by number."""
