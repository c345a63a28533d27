"""What people do in a park's office: the rules of `governance` over the stores. See api.office_services.OfficeDesk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from governance import drills, hazards, rounds
from governance.hazards import Deed
from governance.kpi import kpi
from governance.report import POLICY, as_csv, as_page
from park.errors import Conflict, NotFound, UserError
from park.governance import (
    Answer,
    Checklist,
    Done,
    Drill,
    Five,
    Hazard,
    HazardState,
    HazardVerb,
    InspectionPlan,
    Observed,
    OfficeFile,
    Round,
)
from park.kpi import Indicator, Kpi
from park.metrics import Lane
from park.model import Device, DeviceMode, DeviceState, Park, Place
from runtime.attachments import AttachmentFiles
from runtime.office import Office
from runtime.storage.sql.database import Database
from runtime.storage.sql.governance import SqlOffice
from runtime.storage.sql.governance_kpi import period_of
from runtime.storage.sql.registry import SqlRegistry

LONGEST = 400 * 86_400_000  # ms of a report
_TITLE_MOST = 200


class Desk:
    """api.office_services.OfficeDesk over the stores of a house."""

    def __init__(
        self,
        database: Database,
        office: Office,
        registry: SqlRegistry,
        files: AttachmentFiles,
        checklists: Mapping[str, Checklist],
        offset: Callable[[int], int],
    ) -> None:
        """`offset` gives the minutes east of UTC of a park."""
        self.store: SqlOffice = office.store
        self.checklists = checklists
        self.now = office.now
        self._database = database
        self._office = office
        self._registry = registry
        self._files = files
        self._offset = offset
        self.page_policy = POLICY

    # ── inspections ──────────────────────────────────────────────────────────────────────────────

    def save_plan(self, plan: InspectionPlan, actor: str, version: int | None = None) -> InspectionPlan:
        """Keep a plan (id 0: a new one). Raises UserError, NotFound, Conflict."""
        rounds.checked(plan)
        self._checklist(plan.checklist)
        self._places(plan.park, plan.places)
        if not plan.id:
            return self.store.add(plan, actor=actor, now=self.now())

        def step(old: InspectionPlan) -> Done:
            if old.ended is not None or old.park != plan.park:
                raise Conflict("a plan that has ended, or is of another park, is not changed")
            return Done(replace(plan, version=old.version), "change")

        return self.store.change(InspectionPlan, plan.id, step, actor=actor, now=self.now(), version=version)

    def end_plan(self, key: int, actor: str) -> InspectionPlan:
        """End a plan. Raises NotFound, Conflict."""
        now = self.now()

        def step(old: InspectionPlan) -> Done:
            if old.ended is not None:
                raise Conflict("this plan has ended already")
            return Done(replace(old, ended=now), "end")

        return self.store.change(InspectionPlan, key, step, actor=actor, now=now)

    def visit(self, park: int, checklist: str, places: tuple[int, ...], actor: str) -> Round:
        """Begin a round that nobody planned: it is due today."""
        found = self._checklist(checklist)
        self._places(park, places)
        day = rounds.today(self.now(), self._offset(park))
        due = rounds.end_of(day, self._offset(park))
        visit = Round(park, checklist, found.zh, day.isoformat(), due, places)
        return self.store.add(visit, actor=actor, now=self.now(), verb="begin")

    def answer(self, key: int, answers: Sequence[Answer], actor: str, version: int | None = None) -> Round:
        """Answer items of a round. Raises UserError, NotFound, Conflict."""
        for one in answers:
            if one.place:
                self._places(self.store.get(Round, key).park, (one.place,))

        def step(visit: Round) -> Done:
            return rounds.answered(visit, self._checklist(visit.checklist), tuple(answers))

        return self.store.change(Round, key, step, actor=actor, now=self.now(), version=version)

    def finish(self, key: int, actor: str, version: int | None = None) -> Round:
        """Say that a round is done; its faults become hazards with it, or nothing happens."""
        now = self.now()

        def step(visit: Round) -> Done:
            return rounds.finished(visit, self._checklist(visit.checklist), actor, now)

        return self.store.change(Round, key, step, actor=actor, now=now, version=version)

    def attach_to_round(self, key: int, name: str, media_type: str, content: bytes, actor: str) -> OfficeFile:
        """Attach a photograph or a paper to a round."""
        park, beside = self.store.get(Round, key).park, len(self.store.files(Round, key))

        def step(visit: Round) -> Done:
            # Nothing of it changes but its version: who answers from an old page hears of the photograph.
            return Done(visit, "attach", name)

        with self._files.keeping(content, media_type, park, beside) as digest:
            kept = OfficeFile(name, media_type, len(content), digest, 0, actor)
            return self.store.attach(Round, key, kept, step, actor=actor, now=self.now())

    # ── hazards ──────────────────────────────────────────────────────────────────────────────────

    def report(self, hazard: Hazard, actor: str) -> Hazard:
        """Keep a hazard that somebody found. Raises UserError, NotFound."""
        if not hazard.title.strip() or len(hazard.title) > _TITLE_MOST:
            raise UserError(f"a title has 1 to {_TITLE_MOST} characters")
        self._places(hazard.park, (hazard.place,))
        now = self.now()
        if not now < hazard.due <= now + hazards.FURTHEST:
            raise UserError("a time limit lies in the future, within a year")
        found = replace(hazard, found=now, found_by=actor, state=HazardState.FOUND)
        return self.store.add(found, actor=actor, now=now, verb=HazardVerb.FIND.value, note=hazard.note)

    def do(
        self, key: int, verb: HazardVerb, actor: str, *, note: str = "", five: Five | None = None, due: int = 0,
        officer: int | None = None, version: int | None = None,
    ) -> Hazard:  # fmt: skip
        """Do something to a hazard. Raises NotFound, Conflict, UserError, Forbidden."""
        deed = Deed(verb, actor, self.now(), note, five, due, officer)
        return self.store.change(
            Hazard, key, lambda h: hazards.do(h, deed), actor=actor, now=deed.now, version=version
        )  # fmt: skip

    def verbs(self, hazard: Hazard) -> tuple[HazardVerb, ...]:
        """Return what the state of a hazard allows people."""
        return hazards.verbs(hazard.state)

    def attach(self, key: int, name: str, media_type: str, content: bytes, actor: str) -> OfficeFile:
        """Attach a photograph or a paper to a hazard. Raises NotFound, UserError, Full, Conflict."""
        hazard = self.store.get(Hazard, key)
        now = self.now()
        deed = Deed(HazardVerb.ATTACH, actor, now, name)
        with self._files.keeping(content, media_type, hazard.park, hazard.attachments) as digest:
            kept = OfficeFile(name, media_type, len(content), digest, now, actor)
            return self.store.attach(Hazard, key, kept, lambda h: hazards.do(h, deed), actor=actor, now=now)

    def content(self, digest: str) -> bytes:
        """Return the bytes of a file. Raises NotFound, Corrupt."""
        return self._files.content(digest)

    # ── drills ───────────────────────────────────────────────────────────────────────────────────

    def plan_drill(self, drill: Drill, actor: str) -> Drill:
        """Keep a drill that is planned. Raises UserError, NotFound, Conflict."""
        now = self.now()
        drills.checked(drill, now)
        for key in drill.devices:
            device = self._registry.get(Device, key)
            if device.park != drill.park or device.state is not DeviceState.ACTIVE:
                raise NotFound(f"there is no device {key} at work in the park {drill.park}")
            if device.lane is not Lane.LIFE:
                raise UserError(f"the device {key} ({device.kind}) is not of life safety: a drill measures none of it")
            if device.mode is not DeviceMode.NORMAL:
                raise Conflict(f"the device {key} is in {device.mode} already")
        other = drills.overlapping(drill, self.store.find(Drill, park=drill.park, limit=1_000))
        if other is not None:
            raise Conflict(f"the drill {other.id} ({other.name}) has some of these devices at that time")
        return self.store.add(replace(drill, actor=actor), actor=actor, now=now, verb="plan", note=drill.note)

    def stop_drill(self, key: int, actor: str) -> Drill:
        """End a drill now, or cancel it. Its devices are given back by the next look, within a second or so."""
        return self.store.change(Drill, key, lambda d: drills.stopped(d, actor), actor=actor, now=self.now())

    def acknowledge_drill(self, key: int, device: int, actor: str) -> Drill:
        """Say that a device's alarm was seen. Raises NotFound, Conflict, UserError."""
        now = self.now()
        return self.store.change(
            Drill, key, lambda d: drills.acknowledged(d, device, actor, now), actor=actor, now=now
        )  # fmt: skip

    def measured(self, drill: Drill) -> tuple[Indicator, ...]:
        """Return the figures of a drill."""
        return drills.measured(drill)

    def delays(self, one: Observed) -> Mapping[str, float | None]:
        """Return the seconds of each step of a device."""
        return drills.delays(one)

    # ── figures ──────────────────────────────────────────────────────────────────────────────────

    def kpi(
        self, start: int, end: int, *, parks: frozenset[int] | None = None, park: int = 0, positions: int = 1
    ) -> Kpi:
        """Return the figures of alarms in a time. Raises UserError."""
        if not 0 <= start < end or end - start > LONGEST:
            raise UserError("a report is of a time that begins before it ends, of at most 400 days")
        return kpi(period_of(self._database, start, end, parks=parks, park=park, positions=positions))

    def kpi_csv(self, kpi: Kpi) -> str:
        """Return figures as a table."""
        return as_csv(kpi)

    def kpi_page(self, kpi: Kpi, title: str, language: str) -> str:
        """Return figures as a page that can be printed."""
        return as_page(kpi, title, language)

    # ── what there is ────────────────────────────────────────────────────────────────────────────

    def _checklist(self, key: str) -> Checklist:
        found = self.checklists.get(key)
        if found is None:
            raise NotFound(f"there is no checklist {key[:64]!r}; there are {', '.join(self.checklists)}")
        return found

    def _places(self, park: int, places: tuple[int, ...]) -> None:
        """See that places are of a park. Raises NotFound, UserError."""
        self._registry.get(Park, park)
        for key in places:
            if key != park and self._registry.get(Place, key).park != park:
                raise UserError(f"the place {key} is not in the park {park}")
