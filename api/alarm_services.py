"""What the API asks of alarms: the ports, and a few verbs that only the runtime can do."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from park.alarm_ports import AlarmStore, Links, Outbox, PlanStore
from park.alarms import Case
from park.duty import Rota, Silence


class Files(Protocol):
    """The bytes of attachments."""

    def keeping(self, content: bytes, media_type: str, park: int, beside: int) -> AbstractContextManager[str]:
        """Keep a file of a park that hangs beside others, unless the block that notes its digest is refused.

        Raises UserError, Conflict, Full.
        """

    def content(self, digest: str) -> bytes:
        """Return the bytes of a digest. Raises NotFound, Corrupt."""


@dataclass(frozen=True, slots=True)
class AlarmServices:
    """Everything of alarms that the API may touch."""

    store: AlarmStore
    plans: PlanStore
    links: Links
    outbox: Outbox
    files: Files
    preview: Callable[[Silence, int], list[Case]]  # open cases that a silence would hold back, at most so many
    report: Callable[[str, str, str, int, int, str], Case]  # (family, subject, actor, park, place, note)
    on_duty: Callable[[Rota, int], tuple[int, ...]]  # officers of a rota at a time
    now: Callable[[], int]  # epoch ms, never back
