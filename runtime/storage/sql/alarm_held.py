"""Which ordinary cases are held back and should not be, or the other way round."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from alerts.gate import exempt
from alerts.suppression import Around, Source, flood_of, suppressions
from park.alarms import Case
from park.duty import MaintenanceWindow, Silence
from runtime.storage.sql import alarm_plans
from runtime.storage.sql.alarm_rows import case_of, stands_as_flood, steps_of
from runtime.storage.sql.tables_alarms import cases


@dataclass(frozen=True, slots=True)
class Holding:
    """All that may hold cases back now. While it stays the same, no case that nothing happens to is released."""

    silences: tuple[Silence, ...]
    windows: tuple[MaintenanceWindow, ...]
    sources: tuple[Source, ...]
    floods: tuple[tuple[int, str, int], ...]  # park, cause, case

    @classmethod
    def of(cls, connection: Connection, now: int) -> "Holding":
        """Return what holds at a time."""
        silences, windows = alarm_plans.holding(connection, now)
        found = inhibiting(connection)
        return cls(
            tuple(s for s in silences if s.starts <= now),
            tuple(w for w in windows if w.starts <= now),
            tuple(s for s in found if not stands_as_flood(s.case)),
            tuple((s.case.park, s.case.cause, s.case.id) for s in found if stands_as_flood(s.case)),
        )


def inhibiting(connection: Connection) -> list[Source]:
    """Return the open cases that may hold others back, and the floods, by number."""
    c = cases.c
    # With a range of parks SQLite takes the small index of these cases; without, it reads all cases.
    rows = connection.execute(select(c.body, c.path).where(c.inhibits, c.park >= 0))
    return sorted((Source(case_of(body), steps_of(path)) for body, path in rows), key=lambda s: s.case.id)


def released(connection: Connection, holding: Holding, now: int) -> list[int]:
    """Return the open cases whose suppressions are not what they should be now.

    Cases that are held back are looked at always; all others only while a silence or a window holds.
    """
    c = cases.c
    query = select(c.body, c.path).where(c.open, c.life.is_(False))
    if not holding.silences and not holding.windows:
        query = query.where(c.held_back)
    floods = {(park, cause): key for park, cause, key in holding.floods}
    sources: dict[int, list[Source]] = {}
    for source in holding.sources:
        sources.setdefault(source.case.park, []).append(source)
    found = []
    for body, path in connection.execute(query):
        case = case_of(body)
        flood = (
            floods.get((case.park, flood_of(case)), 0) if case.suppressed else 0
        )  # else it was told before the flood
        muting = tuple(sources.get(case.park, ()))
        around = Around(now, steps_of(path), muting, holding.silences, holding.windows, flood)
        before = {(s.reason, s.by) for s in case.suppressed}
        if {(s.reason, s.by) for s in suppressions(case, around)} != before:
            found.append(case.id)
    return found


def preview(connection: Connection, silence: Silence, now: int, limit: int) -> list[Case]:
    """Return the open cases that a silence would hold back, were it saved; life safety is never among them."""
    c = cases.c
    query = select(c.body, c.path).where(c.open, c.life.is_(False))
    if silence.park:
        query = query.where(c.park == silence.park)
    found: list[Case] = []
    for body, path in connection.execute(query.order_by(c.rank.desc(), c.raised.desc())):
        case = case_of(body)
        if not exempt(case) and suppressions(case, Around(now, steps_of(path), silences=(silence,))):
            found.append(case)
            if len(found) == limit:
                break
    return found
