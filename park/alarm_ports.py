"""What alarms ask of the outside, as Protocols of a few methods; see park.ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from park.alarms import (
    Act,
    Answer,
    Attachment,
    Case,
    CaseState,
    Delivery,
    Notification,
    Suppression,
    Transition,
    Trigger,
)
from park.duty import Chain, MaintenanceWindow, Officer, Rota, Silence
from park.events import Severity

P = TypeVar("P", Officer, Rota, Chain, Silence, MaintenanceWindow)


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are asked for; what is left at its default does not matter."""

    open: bool | None = True  # None: both
    parks: frozenset[int] | None = None  # None: every park
    park: int = 0
    place: int = 0
    device: int = 0
    states: tuple[CaseState, ...] = ()
    severities: tuple[Severity, ...] = ()
    family: str = ""  # it, or those that begin with it and a full stop
    owner: str = ""
    held_back: bool | None = None
    life: bool | None = None
    start: int = 0  # raised at or after
    end: int = 1 << 53  # raised before
    answers: tuple[Answer, ...] = ()  # where their escalation stands


WORST = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2, Severity.CRITICAL: 3}  # lists read an index backwards


def place_after(case: Case) -> str:
    """Return the place in a list from which the cases after this one come."""
    return f"{WORST[case.severity]}.{case.raised}.{case.id}"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A case that calls nobody now, and why."""

    case: Case
    why: tuple[Suppression, ...]


class AlarmStore(Protocol):
    """Cases and their history. Every change is whole: case, history, timers and notifications, or nothing."""

    def get(self, case: int) -> Case:
        """Return one case. Raises NotFound."""

    def cases(self, asked: CaseFilter, *, before: str = "", limit: int = 100) -> list[Case]:
        """Return cases, the most severe first, then the newest; from past the place `before` on."""

    def history(self, case: int, *, after: int = 0, limit: int = 1_000) -> list[Transition]:
        """Return what happened to a case, oldest first, from past the id `after` on."""

    def trigger(self, triggers: Sequence[Trigger], now: int) -> list[Case]:
        """Tell the cases of some triggers, in order; return those that changed. A known one changes nothing."""

    def act(self, case: int, act: Act, now: int, *, version: int | None = None) -> Case:
        """Do what a person asks. Raises NotFound, Conflict (it changed since `version`), UserError."""

    def may(self, case: Case, act: Act, now: int) -> None:
        """See that an act on a case as it is would be taken. Raises what `act` would raise."""

    def attach(self, attachment: Attachment, now: int) -> Attachment:
        """Write down a file of a case; its bytes are kept already. Raises NotFound, Conflict."""

    def attachments(self, case: int) -> list[Attachment]:
        """Return the files of a case, oldest first."""

    def hidden(self, parks: frozenset[int] | None, *, before: str = "", limit: int = 100) -> list[Hidden]:
        """Return the open cases that call nobody now, and why."""

    def turn(self, now: int) -> int:
        """Do what is due: steps of chains, ends of shelves, silences and floods; return how much was done.

        May be called by any number of processes at once: each timer is taken once.
        """


class PlanStore(Protocol):
    """Officers, rotas, chains, silences and windows, with an audit."""

    def save(self, plan: P, *, actor: str, now: int) -> P:
        """Insert (id 0) or replace a plan. Raises Conflict (it changed since its version), UserError, NotFound."""

    def end(self, kind: type[P], key: int, *, actor: str, now: int) -> P:
        """End a plan: a silence or window now, anything else for good. Raises NotFound, Conflict."""

    def plans(self, kind: type[P], *, ended: bool = False) -> list[P]:
        """Return plans, rising by id; with those that are over where asked."""

    def plan(self, kind: type[P], key: int) -> P:
        """Return one. Raises NotFound."""


class Links(Protocol):
    """One-use links by which a person acknowledges: kept as digests, good until their end."""

    def make(self, case: int, actor: str, *, now: int, lasts: int) -> str:
        """Return a new word that acknowledges a case in somebody's name, once."""

    def show(self, word: str, now: int) -> tuple[Case, str]:
        """Return the case of a word, which stays good, and for whom it is.

        Raises NotFound: forged, used, over; Conflict: the alarm has become worse since it was sent.
        """

    def use(self, word: str, now: int) -> Case:
        """Acknowledge its case and spend the word, or neither. Raises as `show`; Conflict where somebody was first."""


class Outbox(Protocol):
    """Notifications that wait; written with the change that they tell of, taken by workers."""

    def put(self, notifications: Sequence[Notification], now: int) -> int:
        """Add notifications that belong to no case; known ids are skipped. Return how many are new."""

    def claim(self, now: int, *, lease: int, limit: int = 50, life: bool | None = None) -> list[Delivery]:
        """Take what is due, life safety first, oldest first; nobody else gets it until the lease (ms) ends."""

    def delivered(self, notification: str, receipt: str, now: int) -> None:
        """Write down that a target has it."""

    def later(self, notification: str, due: int, trouble: str) -> None:
        """Try again at a time."""

    def dead(self, notification: str, trouble: str, now: int) -> None:
        """Give up; people see it and may send it again."""

    def again(self, notification: str, now: int) -> Delivery:
        """Let a dead one wait anew. Raises NotFound, Conflict."""

    def deliveries(
        self, *, case: int = 0, state: str = "", park: int = 0, before: str = "", limit: int = 100
    ) -> list[Delivery]:
        """Return notifications and how far they are, newest first, keyset by id."""
