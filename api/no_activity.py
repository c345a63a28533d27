"""What stands for the stores of days and papers where an instance has none: it knows of no day and takes no paper."""

from collections.abc import Sequence

from park.activity_ports import Filed, ParkDay
from park.errors import NotFound, Unavailable
from park.events import ActivityDay
from park.records import Paper


class NoDays:
    """park.activity_ports.ActivityStore without a day."""

    def days(self, enterprise: int, start: str, end: str) -> list[ActivityDay]:  # noqa: ARG002
        """Return none."""
        return []

    def newest(self, park: int) -> list[ActivityDay]:  # noqa: ARG002
        """Return none."""
        return []

    def by_day(self, park: int, start: str, end: str) -> list[ParkDay]:  # noqa: ARG002
        """Return none."""
        return []


class NoPapers:
    """park.activity_ports.PaperStore that takes nothing."""

    def file(self, paper: Paper, park: int, *, actor: str, note: str, now: int) -> Filed:
        """Refuse. Raises Unavailable."""
        raise Unavailable(f"no papers are kept here: {paper.kind} of {park} by {actor} at {now} {note}".strip())

    def withdraw(self, key: int, *, actor: str, now: int) -> Filed:
        """Refuse. Raises NotFound."""
        raise NotFound(f"there is no paper {key} for {actor} at {now}")

    def get(self, key: int) -> Filed:
        """Refuse. Raises NotFound."""
        raise NotFound(f"there is no paper {key}")

    def of(self, enterprise: int) -> Sequence[Filed]:  # noqa: ARG002
        """Return none."""
        return ()

    def standing(self) -> tuple[Paper, ...]:
        """Return none."""
        return ()
