"""Which ordinary cases are held back and should not be, or the other way round."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from alerts.gate import exempt
from alerts.suppression import Around, Source, suppressions
from park.alarms import Case
from park.duty import Silence
from runtime.storage.sql import alarm_plans
from runtime.storage.sql.alarm_rows import case_of, steps_of
from runtime.storage.sql.tables_alarms import cases

_MOST = 20_000  # cases looked at in one round


def released(connection: Connection, now: int) -> list[int]:
    """Return the open cases whose suppressions are not what they should be now.

    Cases that are held back are looked at always; all others only while a silence or a window holds.
    """
    silences, windows = alarm_plans.holding(connection, now)
    silences = tuple(s for s in silences if s.starts <= now)
    windows = tuple(w for w in windows if w.starts <= now)
    c = cases.c
    query = select(c.body, c.path).where(c.open, c.life.is_(False))
    if not silences and not windows:
        query = query.where(c.held_back)
    looked = [(case_of(body), path) for body, path in connection.execute(query.limit(_MOST))]
    sources = _sources(connection, {case.park for case, _ in looked})
    floods = _floods(connection)
    found = []
    for case, path in looked:
        around = Around(now, steps_of(path), sources.get(case.park, ()), silences, windows, floods.get(case.park, 0))
        if not case.suppressed and around.flood:
            around = Around(now, around.path, around.sources, silences, windows)  # it was told before the flood
        before = {(s.reason, s.by) for s in case.suppressed}
        if {(s.reason, s.by) for s in suppressions(case, around)} != before:
            found.append(case.id)
    return found


def _sources(connection: Connection, parks: Iterable[int]) -> dict[int, tuple[Source, ...]]:
    c = cases.c
    found: dict[int, tuple[Source, ...]] = {}
    wanted = set(parks)
    for body, path, park in connection.execute(select(c.body, c.path, c.park).where(c.inhibits)):
        if park in wanted:
            found[park] = (*found.get(park, ()), Source(case_of(body), steps_of(path)))
    return found


def _floods(connection: Connection) -> dict[int, int]:
    c = cases.c
    stands = c.state.in_(("unacknowledged", "acknowledged"))
    query = select(c.park, c.id).where(c.open, c.family == "flood", stands)
    return {int(park): int(key) for park, key in connection.execute(query)}


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
