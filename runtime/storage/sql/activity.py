"""Closed days of enterprises in SQL: one row a day, the newest word on it, and what a park's days add up to."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select

from park.activity import ActivityState, Sign
from park.activity_ports import ParkDay
from park.events import ActivityDay
from park.wire import decode_event, encode_event
from runtime.storage.sql.database import Database, upsert
from runtime.storage.sql.tables import activity_days

_MOST = 10_000  # days in one answer
_WORKS = 0.30  # O R1: a day works above 30 % of the baseline
_ELECTRIC = frozenset({"energy_use", "power"})


class SqlActivity:
    """park.activity_ports.ActivityStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(self, enterprise: int, start: str, end: str) -> list[ActivityDay]:
        """Return days with start <= day < end (ISO dates), rising."""
        c = activity_days.c
        query = select(c.body).where(c.enterprise == enterprise, c.day >= start, c.day < end)
        return self._bodies(query.order_by(c.day).limit(_MOST))

    def newest(self, park: int) -> list[ActivityDay]:
        """Return the newest day of each enterprise of a park, by enterprise."""
        c = activity_days.c
        newest = select(c.enterprise, func.max(c.day).label("day")).where(c.park == park).group_by(c.enterprise)
        last = newest.subquery()
        query = select(c.body).join(last, and_(c.enterprise == last.c.enterprise, c.day == last.c.day))
        return self._bodies(query.order_by(c.enterprise).limit(_MOST))

    def by_day(self, park: int, start: str, end: str) -> list[ParkDay]:
        """Return days of a park with start <= day < end, rising."""
        c = activity_days.c
        working = func.sum(case((c.ratio > _WORKS, 1), else_=0))
        query = select(
            c.day, c.state, func.count(), func.count(c.ratio), working, func.sum(c.amount), func.sum(c.expected),
            func.max(c.rest),
        ).where(c.park == park, c.day >= start, c.day < end)  # fmt: skip
        days: dict[str, dict[str, Any]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query.group_by(c.day, c.state).order_by(c.day)):
                day, state, count, judged, works, amount, expected, rest = row
                sums = days.setdefault(day, {"states": {}, "judged": 0, "working": 0, "amount": 0.0, "expected": 0.0,
                                             "rest": ""})  # fmt: skip
                sums["states"][state] = int(count)
                sums["judged"] += int(judged)
                sums["working"] += int(works or 0)
                sums["amount"] += float(amount or 0.0)
                sums["expected"] += float(expected or 0.0)
                sums["rest"] = max(sums["rest"], rest)
        return [ParkDay(day, **sums) for day, sums in days.items()]

    def _bodies(self, query: Select[Any]) -> list[Any]:
        with self._database.read() as connection:
            return [decode_event(body) for (body,) in connection.execute(query)]


def put_days(connection: Connection, found: list[ActivityDay]) -> None:
    """Store judged days; one that is judged again is a revision of its row."""
    newest = {(day.enterprise, day.day): day for day in found}
    row = upsert(connection, activity_days)
    columns = ("body", "park", "state", "ratio", "amount", "expected", "rest")
    put = row.on_conflict_do_update(
        index_elements=["enterprise", "day"], set_={name: row.excluded[name] for name in columns}
    )
    connection.execute(put, [_row(day) for day in newest.values()])


def _row(day: ActivityDay) -> Mapping[str, object]:
    kinds = [str(e.figures.get("kind", "")) for e in day.evidence if e.sign is Sign.HOLIDAY]
    known = day.amount is not None and day.expected is not None and (day.state != ActivityState.UNKNOWN)
    electric = known and day.measure in _ELECTRIC
    return {
        "enterprise": day.enterprise, "day": day.day, "body": encode_event(day).decode(), "park": day.park,
        "state": day.state, "ratio": day.ratio if known else None, "amount": day.amount if electric else None,
        "expected": day.expected if electric else None, "rest": kinds[0] if kinds else "",
    }  # fmt: skip
