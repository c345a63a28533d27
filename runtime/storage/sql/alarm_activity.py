"""From judged days of enterprises to cases: one is suspected from now on, or is not any more.

A day that is judged again changes the present only where it is the newest; the case of one that nobody suspects
any more returns, and so does that of one whose silence a paper explains. Unknown days change nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, func, or_, select

from alerts.suspicion import activity_trigger, explained, left_trigger, suspected
from park.activity import ActivityState, Sign
from park.alarms import CaseState, Trigger
from park.events import ActivityDay
from park.metrics import Lane
from runtime.storage.sql.database import among
from runtime.storage.sql.tables import activity_days, leases
from runtime.storage.sql.tables_alarms import cases

_EXPLAINED = f'"sign":"{Sign.PAPER}"'  # in the body of a day that a paper explains
_STANDS = (CaseState.UNACKNOWLEDGED.value, CaseState.ACKNOWLEDGED.value)


def suspicions(connection: Connection, lane: Lane, found: Iterable[ActivityDay]) -> list[Trigger]:
    """Return what days that are about to be stored tell cases, in their order.

    A suspicion is told on its first day; so a case that a person closed stays closed until the next one.
    """
    days = sorted(found, key=lambda day: day.day)
    if not days:
        return []
    newest = _newest(connection, {day.enterprise for day in days})
    standing = _standing(connection, [day.enterprise for day in days])
    told: list[Trigger] = []
    for day in days:
        last, state = newest.get(day.enterprise, ("", ""))
        if day.day < last:
            continue
        if suspected(day):
            if day.enterprise not in standing and state != day.state:
                told.append(replace(activity_trigger(lane, day), place=_unit(connection, day)))
                standing.add(day.enterprise)
        elif day.enterprise in standing and (day.state != "unknown" or explained(day)):
            told.append(activity_trigger(lane, day))
            standing.discard(day.enterprise)
        if day.state != "unknown" or explained(day):
            state = day.state
        newest[day.enterprise] = day.day, state
    gone = _gone(connection, days[-1], {day.enterprise for day in days})
    return told + [left_trigger(lane, enterprise, days[-1]) for enterprise in gone]


def _newest(connection: Connection, enterprises: set[int]) -> dict[int, tuple[str, str]]:
    """Return the newest stored day of enterprises, and the state of the newest one that is known or explained."""
    c = activity_days.c
    known = or_(c.state != ActivityState.UNKNOWN.value, c.body.contains(_EXPLAINED, autoescape=True))
    last = select(c.enterprise, func.max(c.day)).group_by(c.enterprise)
    found: dict[int, tuple[str, str]] = {}
    for enterprise, day in among(connection, last, c.enterprise, enterprises):
        told = select(c.state).where(c.enterprise == enterprise, known).order_by(c.day.desc()).limit(1)
        found[enterprise] = day, connection.execute(told).scalar() or ""
    return found


def _unit(connection: Connection, day: ActivityDay) -> int:
    """Return the first unit that an enterprise leases, where its evidence is shown; its park where it leases none."""
    c = leases.c
    holds = and_(c.gone.is_(None), c.valid_from <= day.at, or_(c.valid_to.is_(None), c.valid_to > day.at))
    place = connection.execute(select(func.min(c.place)).where(c.enterprise == day.enterprise, holds)).scalar()
    return int(place) if place else day.park


def _gone(connection: Connection, day: ActivityDay, judged: set[int]) -> list[int]:
    """Return the enterprises of a park with a case that stands, which lease nothing any more and are judged no more."""
    c, held = cases.c, leases.c
    standing = select(c.subject).where(c.open, c.family == "activity", c.state.in_(_STANDS), c.park == day.park)
    here = {int(subject.partition(":")[2]) for (subject,) in connection.execute(standing)} - judged
    holds = select(held.enterprise).where(held.gone.is_(None), or_(held.valid_to.is_(None), held.valid_to > day.at))
    return sorted(here - {row[0] for row in among(connection, holds, held.enterprise, here)})


def _standing(connection: Connection, enterprises: Sequence[int]) -> set[int]:
    """Return the enterprises with a case that stands."""
    c = cases.c
    query = select(c.subject).where(c.open, c.family == "activity", c.state.in_(_STANDS))
    subjects = {f"enterprise:{enterprise}" for enterprise in enterprises}
    return {int(subject.partition(":")[2]) for (subject,) in among(connection, query, c.subject, subjects)}
