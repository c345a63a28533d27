"""Closed days of tenants: what their points add up to, and how active that makes them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from park.events import ActivityDay
from park.readings import Quality, ReadingBatch
from runtime.recordings import Map
from stream.activity import Day, Ladder

JUDGED_AT = timedelta(days=1, hours=6)  # day D is judged at D+1 06:00 park time
# What stands for a tenant's activity: the first of these that it has.
_MEASURES = ("energy_use", "power", "water_use", "output_count", "people_in", "vehicles_in")
_OTHERS = ("people_in", "people_out", "vehicles_in", "vehicles_out", "parcels")


class Days:
    """Readings of tenants, added up by park day, and judged when a day is closed."""

    def __init__(self, plan: Map, tenants: Mapping[str, int], points: Mapping[int, Sequence[tuple[int, str]]]) -> None:
        self._plan = plan
        self._names = {number: name for name, number in tenants.items()}
        self._measure: dict[int, str] = {}
        self._role: dict[int, tuple[int, str]] = {}  # point -> tenant, "amount" | "register" | "other"
        for tenant, some in points.items():
            known = {metric for _, metric in some}
            measure = next((m for m in _MEASURES if m in known), "")
            self._measure[tenant] = measure
            for point, metric in some:
                if metric == measure:
                    self._role[point] = (tenant, "amount")
                elif metric in {"energy", "water"} and measure in {"energy_use", "water_use"}:
                    self._role[point] = (tenant, "register")
                elif metric in _OTHERS:
                    self._role[point] = (tenant, "other")
        size = max(self._role, default=0) + 1
        self._watched = np.zeros(size + 1, np.bool_)
        self._watched[list(self._role)] = True
        self._sums: dict[tuple[int, date], dict[int, list[float]]] = {}  # (tenant, day) -> point -> [sum, count]
        self._ladders: dict[int, Ladder] = {}
        self._next: dict[int, date] = {}  # first day that is not judged yet
        self._due = 0  # epoch ms from which there may be a day to judge

    def take(self, readings: ReadingBatch) -> None:
        """Add readings up."""
        rows = np.flatnonzero(self._watched.take(readings.point, mode="clip") & (readings.quality < Quality.SUSPECT))
        for i in rows.tolist():
            point = int(readings.point[i])
            tenant, _ = self._role[point]
            day = self._day(int(readings.ts[i]))
            self._next.setdefault(tenant, day)
            sums = self._sums.setdefault((tenant, day), {}).setdefault(point, [0.0, 0.0])
            sums[0] += float(readings.value[i])
            sums[1] += 1

    def closed(self, now: int) -> Iterator[Sequence[Any]]:
        """Yield a row for each tenant and day that is closed by now, by day."""
        if now < self._due:
            return
        local = datetime.fromtimestamp(now / 1000, UTC).astimezone(self._plan.zone).replace(tzinfo=None)
        last = (local - JUDGED_AT).date()
        todo = [(day, tenant) for tenant, begin in self._next.items() for day in _span(begin, last)]
        for day, tenant in sorted(todo):
            judged = self._ladder(tenant, day).judge(self._known(tenant, day))
            yield self._row(judged)
        for tenant in self._next:
            self._next[tenant] = max(self._next[tenant], last + timedelta(days=1))
        due = datetime.combine(last + timedelta(days=1), datetime.min.time(), self._plan.zone) + JUDGED_AT
        self._due = int(due.timestamp() * 1000) if self._next else 0

    def _known(self, tenant: int, day: date) -> Day:
        sums = self._sums.pop((tenant, day), {})
        amounts = [s for p, s in sums.items() if self._role[p][1] == "amount"]
        registers = [s for p, s in sums.items() if self._role[p][1] == "register"]
        others = [s[0] for p, s in sums.items() if self._role[p][1] == "other"]
        told = registers or amounts
        amount: float | None = None
        if amounts:
            mean = self._measure[tenant] == "power"
            amount = sum(24 * total / count if mean else total for total, count in amounts)
        flat = bool(registers) and amount == 0
        paper = next(
            (p.kind for p in self._plan.papers if p.tenant == self._names[tenant] and p.begin <= day <= p.end), ""
        )
        return Day(day, amount, int(sum(s[1] for s in told)), flat, not any(others) if others else None, paper)

    def _ladder(self, tenant: int, day: date) -> Ladder:
        if tenant not in self._ladders:
            self._ladders[tenant] = Ladder(tenant)
        ladder = self._ladders[tenant]
        ladder.holidays = holidays_of(day.year) if self._plan.calendar == "CN" else frozenset()
        return ladder

    def _row(self, judged: ActivityDay) -> Sequence[Any]:
        return (
            judged.day, self._names[judged.enterprise], judged.state, repr(judged.ratio), repr(judged.score),
            "; ".join(judged.reasons),
        )  # fmt: skip

    def _day(self, ts: int) -> date:
        return datetime.fromtimestamp(ts / 1000, UTC).astimezone(self._plan.zone).date()


def _span(begin: date, last: date) -> Iterator[date]:
    for n in range((last - begin).days + 1):
        yield begin + timedelta(days=n)


@cache
def holidays_of(year: int) -> frozenset[date]:
    """Return the days around a year on which small firms in China are not judged.

    Public holidays, and the weeks of Spring Festival: firms close up to ten days before the eve and are
    back after the fifteenth of the first month (Changde measured 77 % on the 16th, 46 % on the 7th: O R20).
    Make-up workdays are workdays.
    """
    import holidays
    import lunardate

    days: set[date] = set()
    for y in (year - 1, year, year + 1):
        days |= set(holidays.country_holidays("CN", years=y))
        new_year = lunardate.LunarDate(y, 1, 1).to_solar_date()
        days |= {new_year + timedelta(days=n) for n in range(-10, 16)}
    return frozenset(days)
