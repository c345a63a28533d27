"""What is around the cases of one transaction: devices, places, duty, silences, sources, floods; each read once."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, func, or_, select

from alerts import delivery
from alerts.escalation import Duty
from alerts.gate import BLIND, exempt
from alerts.suppression import FLOOD_SPAN, Around, Source, flood_of, may_inhibit, suppressions
from park.alarms import Case, CaseState, Notification, Suppression, Trigger
from park.delivery import Target
from park.duty import MaintenanceWindow, Silence
from park.events import Severity
from park.metrics import Lane
from park.model import DeviceState
from runtime.storage.sql import alarm_plans, delivery_targets
from runtime.storage.sql.alarm_case_rows import CaseRows, Kept
from runtime.storage.sql.alarm_rows import case_of, paths_of, steps_of
from runtime.storage.sql.database import among
from runtime.storage.sql.tables import devices
from runtime.storage.sql.tables_alarms import cases

_STANDS = (CaseState.UNACKNOWLEDGED.value, CaseState.ACKNOWLEDGED.value)
_MATTER = 50  # recent alarms that are counted: a flood begins and ends far below
_Device = tuple[int, int, int, str]  # gateway, place, park, lane


class Surroundings:
    """Everything that decides on a case and is not the case; kept true while cases change (`moved`)."""

    def __init__(self, connection: Connection, rows: CaseRows, now: int, untold: Container[int]) -> None:
        """`untold` are the cases that have rows already and were not told of yet: as good as not there."""
        self._connection = connection
        self._rows = rows
        self._now = now
        self._untold = untold
        self._devices: dict[int, _Device | None] = {}
        self._paths: dict[int, str] = {}
        self._duty: Duty | None = None
        self._targets: Sequence[Target] | None = None
        self._holding: tuple[tuple[Silence, ...], tuple[MaintenanceWindow, ...]] | None = None
        self._sources: dict[int, dict[int, Source]] = {}  # by park and case
        self._floods: dict[tuple[int, str], int] = {}
        self._recent: dict[tuple[int, str], int] = {}

    # ── the registry ─────────────────────────────────────────────────────────────────────────────

    def placed(self, triggers: Iterable[Trigger]) -> list[Trigger]:
        """Return triggers with what the registry knows of their devices; a fire waits for no registry."""
        found = list(triggers)
        wanted = {t.device for t in found if t.device and not exempt(t)} - self._devices.keys()
        if wanted:
            c = devices.c
            self._devices.update(dict.fromkeys(wanted))
            query = select(c.id, c.gateway, c.place, c.park, c.lane)
            for key, gateway, place, park, lane in among(self._connection, query, c.id, sorted(wanted)):
                self._devices[key] = (gateway, place, park, str(lane))
        return [self._placed(t) for t in found]

    def _placed(self, told: Trigger) -> Trigger:
        known = None if exempt(told) else self._devices.get(told.device)
        if known is None:
            return told
        gateway, place, park, lane = known
        severity = told.severity
        alone = told.rule == "device.silent" and lane == Lane.LIFE.value
        if told.family == "device" and (alone or (told.rule == "device.gateway_down" and self._guards(told.device))):
            severity = Severity.HIGH  # nobody watches there: GB/T 45839-2025, 5.5.2
        return replace(told, gateway=gateway, place=told.place or place, park=told.park or park, severity=severity)

    def _guards(self, gateway: int) -> bool:
        """Tell whether a device of life safety speaks through a gateway: its silence is hidden behind the gateway's."""
        c = devices.c
        guarding = (c.gateway == gateway, c.lane == Lane.LIFE.value, c.state != DeviceState.RETIRED.value)
        return self._connection.execute(select(c.id).where(*guarding).limit(1)).first() is not None

    def paths(self, below: Iterable[int]) -> dict[int, str]:
        """Return the paths of some places; "" for none."""
        wanted = set(below)
        missing = wanted - self._paths.keys() - {0}
        if missing:
            self._paths.update(paths_of(self._connection, missing))
        return {place: self._paths.get(place, "") for place in wanted}

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    @property
    def duty(self) -> Duty:
        """Who there is."""
        if self._duty is None:
            self._duty = alarm_plans.duty(self._connection)
        return self._duty

    def reaches(self, notes: Iterable[Notification]) -> bool:
        """Tell whether a receiver takes any of some messages now."""
        if self._targets is None:
            self._targets = delivery_targets.holding(self._connection)
        return any(delivery.receivers(note, self._targets, self.duty.officers) for note in notes)

    def names(self, park: int) -> frozenset[str]:
        """Return the officers of a park."""
        return frozenset(o.name for o in self.duty.officers.values() if not o.park or o.park == park)

    # ── what holds back ──────────────────────────────────────────────────────────────────────────

    def holds(self, case: Case, path: str, *, flood: bool) -> tuple[Suppression, ...]:
        """Return what holds a case back now; where asked, a flood among it."""
        if exempt(case):
            return ()
        if self._holding is None:
            self._holding = alarm_plans.holding(self._connection, self._now)
        silences, windows = self._holding
        standing = self.flood(case.park, flood_of(case)) if flood else 0
        sources = tuple(source for _, source in sorted(self._sources_of(case.park).items()))
        return suppressions(case, Around(self._now, steps_of(path), sources, silences, windows, standing))

    def _sources_of(self, park: int) -> dict[int, Source]:
        if park not in self._sources:
            self._rows.flush()
            rows = self._connection.execute(
                select(cases.c.id, cases.c.body, cases.c.path).where(cases.c.park == park, cases.c.inhibits)
            )
            self._sources[park] = {
                int(key): Source(case_of(body), steps_of(path)) for key, body, path in rows if key not in self._untold
            }
        return self._sources[park]

    def flood(self, park: int, cause: str) -> int:
        """Return the flood of a cause that stands in a park; 0: none."""
        if (park, cause) not in self._floods:
            self._rows.flush()
            c = cases.c
            query = select(c.id).where(
                c.open, c.family == "flood", c.subject == f"park:{park}", c.cause == cause, c.state.in_(_STANDS)
            )
            self._floods[park, cause] = int(self._connection.execute(query).scalar() or 0)
        return self._floods[park, cause]

    def recent(self, park: int, cause: str) -> int:
        """Count the alarms that a park's people were told of lately, as far as it matters."""
        if (park, cause) not in self._recent:
            self._rows.flush()
            c = cases.c
            blind = c.family == BLIND if cause == BLIND else c.family != BLIND
            lately = select(c.id).where(c.park == park, c.announced > self._now - FLOOD_SPAN, blind).limit(_MATTER)
            self._recent[park, cause] = int(
                self._connection.execute(select(func.count()).select_from(lately.subquery())).scalar_one()
            )
        return self._recent[park, cause]

    # ── what changes it ──────────────────────────────────────────────────────────────────────────

    def moved(self, case: Case, kept: Kept, announced: int) -> bool:
        """Take note of a case that was written; return whether it mutes others from now on."""
        if case.family == "flood":
            stands = case.closed is None and case.active
            self._floods[case.park, case.cause] = case.id if stands else 0
        if announced != kept.announced and (case.park, flood_of(case)) in self._recent:
            self._recent[case.park, flood_of(case)] += 1
        muted = not kept.born and kept.case.closed is None and may_inhibit(kept.case)
        mutes = case.closed is None and may_inhibit(case)
        if (muted or mutes) and case.park in self._sources:
            self._sources[case.park].pop(case.id, None)
            if mutes:
                self._sources[case.park][case.id] = Source(case, steps_of(kept.path))
        return mutes and not muted

    def below(self, source: Case) -> list[int]:
        """Return the open cases that a source may mute."""
        c = cases.c
        reach = [c.gateway == source.device] if source.device else []
        if source.place:
            reach.append(c.path.contains(f"/{source.place}/", autoescape=True))
        if not reach:
            return []
        self._rows.flush()
        query = select(c.id).where(
            and_(c.open, c.life.is_(False), c.park == source.park, c.id != source.id, or_(*reach))
        )
        return [int(key) for (key,) in self._connection.execute(query.order_by(c.id)) if key not in self._untold]
