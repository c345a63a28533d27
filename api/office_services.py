"""What the API asks of a park's office: its verbs, which the runtime does with the rules of `governance`."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from park.governance import (
    Answer,
    Checklist,
    Drill,
    Five,
    Hazard,
    HazardVerb,
    InspectionPlan,
    Observed,
    OfficeFile,
    OfficeStore,
    Round,
)
from park.kpi import Indicator, Kpi


class OfficeDesk(Protocol):
    """Everything of an office that the API may touch. Verbs raise UserError, NotFound, Conflict, Forbidden."""

    @property
    def store(self) -> OfficeStore:
        """Where things are kept."""

    @property
    def checklists(self) -> Mapping[str, Checklist]:
        """What is looked at on rounds."""

    def now(self) -> int:
        """Return the time, epoch ms; never back."""

    @property
    def page_policy(self) -> str:
        """The Content-Security-Policy that pages of figures need."""

    # ── inspections ──

    def save_plan(self, plan: InspectionPlan, actor: str, version: int | None = None) -> InspectionPlan:
        """Keep a plan (id 0: a new one)."""

    def end_plan(self, key: int, actor: str) -> InspectionPlan:
        """End a plan: no further round comes due."""

    def visit(self, park: int, checklist: str, places: tuple[int, ...], actor: str) -> Round:
        """Begin a round that nobody planned."""

    def answer(self, key: int, answers: Sequence[Answer], actor: str, version: int | None = None) -> Round:
        """Answer items of a round."""

    def finish(self, key: int, actor: str, version: int | None = None) -> Round:
        """Say that a round is done; its faults become hazards."""

    def attach_to_round(self, key: int, name: str, media_type: str, content: bytes, actor: str) -> OfficeFile:
        """Attach a photograph or a paper to a round."""

    # ── hazards ──

    def report(self, hazard: Hazard, actor: str) -> Hazard:
        """Keep a hazard that somebody found."""

    def do(
        self, key: int, verb: HazardVerb, actor: str, *, note: str = "", five: Five | None = None, due: int = 0,
        officer: int | None = None, version: int | None = None,
    ) -> Hazard:  # fmt: skip
        """Do something to a hazard."""

    def verbs(self, hazard: Hazard) -> tuple[HazardVerb, ...]:
        """Return what the state of a hazard allows people."""

    def attach(self, key: int, name: str, media_type: str, content: bytes, actor: str) -> OfficeFile:
        """Attach a photograph or a paper to a hazard."""

    def content(self, digest: str) -> bytes:
        """Return the bytes of a file."""

    # ── drills ──

    def plan_drill(self, drill: Drill, actor: str) -> Drill:
        """Keep a drill that is planned."""

    def stop_drill(self, key: int, actor: str) -> Drill:
        """End a drill now, or cancel it: its devices are given back at once."""

    def acknowledge_drill(self, key: int, device: int, actor: str) -> Drill:
        """Say that a device's alarm was seen."""

    def measured(self, drill: Drill) -> tuple[Indicator, ...]:
        """Return the figures of a drill."""

    def delays(self, one: Observed) -> Mapping[str, float | None]:
        """Return the seconds of each step of a device."""

    # ── figures ──

    def kpi(
        self, start: int, end: int, *, parks: frozenset[int] | None = None, park: int = 0, positions: int = 1
    ) -> Kpi:
        """Return the figures of alarms in a time."""

    def kpi_csv(self, kpi: Kpi) -> str:
        """Return figures as a table."""

    def kpi_page(self, kpi: Kpi, title: str, language: str) -> str:
        """Return figures as a page that can be printed."""
