"""What the figures of alarms are counted from, read from the rows of alarms."""

from dataclasses import replace

from sqlalchemy import and_, func, or_, select

from governance.activations import Period, activations_of
from park.alarms import CaseVerb, Transition
from park.errors import UserError
from runtime.storage.sql.alarm_rows import case_of, transition_of
from runtime.storage.sql.database import Database, among
from runtime.storage.sql.tables import devices
from runtime.storage.sql.tables_alarms import case_transitions, cases

CASES_MOST = 100_000  # in one report: 300 a day for a year
_LOOK_BACK = 92 * 86_400_000  # ms before a period in which what closed within it was raised at the earliest
_VERBS = [v.value for v in (
    CaseVerb.TRIGGER, CaseVerb.JOIN, CaseVerb.WORSEN, CaseVerb.REALARM, CaseVerb.UNSUPPRESS, CaseVerb.SUPPRESS,
)]  # fmt: skip
_FIRE = ("smoke_detector", "heat_detector", "co_detector", "flame_detector", "multi_detector")


def period_of(
    database: Database, start: int, end: int, *, parks: frozenset[int] | None = None, park: int = 0, positions: int = 1
) -> Period:
    """Return what happened to alarms in a time. Raises UserError where it is too much for one report.

    What was history when it was read, and called nobody, was no alarm of anybody's; what called people in the end
    began for them when it was read.
    """
    c, t, d = cases.c, case_transitions.c, devices.c
    mine = [c.park == park] if park else [] if parks is None else [c.park.in_(sorted(parks))]
    reach = or_(c.open, c.raised >= start - _LOOK_BACK)
    query = select(c.body).where(c.raised < end, reach, *mine).order_by(c.id).limit(CASES_MOST + 1)
    with database.read() as connection:
        found = [case_of(body) for (body,) in connection.execute(query)]
        if len(found) > CASES_MOST:
            raise UserError(f"more than {CASES_MOST} alarms: ask for a shorter time, or for one park")
        opening = select(t.case, func.min(t.at)).where(t.verb == CaseVerb.TRIGGER.value).group_by(t.case)
        opened = {int(case): int(at) for case, at in among(connection, opening, t.case, [case.id for case in found])}
        found = [
            replace(case, raised=opened.get(case.id, case.raised)) for case in found
            if case.paged or opened.get(case.id, case.raised) <= case.raised
        ]  # fmt: skip
        known = {case.id for case in found}
        lines: list[Transition] = []
        inside = select(t.id, t.body).where(t.at >= start, t.at < end, t.verb.in_(_VERBS))
        lines += [transition_of(key, body) for key, body in among(connection, inside, t.case, known)]
        first = select(t.case, func.min(t.at)).where(t.verb == CaseVerb.ACKNOWLEDGE.value).group_by(t.case)
        acknowledged = {int(case): int(at) for case, at in among(connection, first, t.case, known)}
        there = and_(d.kind.in_(_FIRE), d.state == "active")
        stand = select(func.count()).where(there)
        if park or parks is not None:
            stand = stand.where(d.park == park if park else d.park.in_(sorted(parks or ())))
        detectors = int(connection.execute(stand).scalar() or 0)
    within = tuple(case for case in found if case.closed is None or case.closed >= start)
    return Period(start, end, within, activations_of(found, lines), acknowledged, positions, detectors)
