"""What kind of day a park day is: workday, make-up workday, weekend, holiday, Spring Festival.

One table by day, made when a calendar is made; a look-up is one gather. Holidays and the weekends worked for
them are those of the State Council's yearly notice, as the package `holidays` holds them; days that no
notice has named yet have the statutory holidays only. The festival's window follows the lunar calendar and
is wider than the holiday: workers leave a week before, and an index of returned work read 45.8 on the 7th
and 77.3 on the 16th of the first lunar month (Changde; domain rule book 2.3: "do not judge before
正月十五").
"""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import IntEnum
from functools import cache
from typing import Any

import holidays
import numpy as np
import numpy.typing as npt
from lunardate import LunarDate

from park.readings import Int64

NAMES = ("CN", "none")
BEFORE, AFTER = 7, 14  # days from New Year's Day: the window of Spring Festival, to 正月十五
FAR = 100  # "no Spring Festival near"
_FIRST, _LAST = 2000, 2050  # years with a table; beyond them weekends only
_EPOCH = date(1970, 1, 1)
_THURSDAY = 3  # the weekday of the epoch's first day


class DayType(IntEnum):
    """What a day is to those who work. Where two hold the later counts."""

    WORKDAY = 0
    WEEKEND = 1
    MAKEUP = 2  # a Saturday or Sunday that is worked for a holiday
    HOLIDAY = 3  # and the weekends inside a long one
    FESTIVAL = 4  # the weeks around Spring Festival: anything between rest and work is usual


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return (day - _EPOCH).days


class Calendar:
    """Day types of a place. `none` knows weekends only."""

    def __init__(self, name: str = "CN") -> None:
        if name not in NAMES:
            raise ValueError(f"calendar {name!r} is none of {', '.join(NAMES)}")
        self.name = name
        self._start = day_number(date(_FIRST, 1, 1))
        self._table, self._offset = _chinese() if name == "CN" else _without()
        days = self._start + np.arange(len(self._table))
        self._like = np.where(self._table == DayType.MAKEUP, 4, self.weekday(days))
        self._uncertain = self._table >= DayType.MAKEUP

    def weekday(self, day: Int64) -> Int64:
        """Return weekdays (0: Monday) of days since 1970-01-01."""
        return (day + _THURSDAY) % 7

    def types(self, day: Int64) -> npt.NDArray[np.uint8]:
        """Return the DayType of days since 1970-01-01, whatever their year."""
        row = day - self._start
        known = (row >= 0) & (row < len(self._table))
        plain = np.where(self.weekday(day) >= 5, DayType.WEEKEND, DayType.WORKDAY)
        return np.where(known, self._table.take(row, mode="clip"), plain).astype(np.uint8)

    def like(self, day: Int64) -> Int64:
        """Return the weekday whose habits a day is held against: a make-up workday is worked as a Friday."""
        row = day - self._start
        if self._has(row):
            return self._like.take(row)
        return np.where(self.types(day) == DayType.MAKEUP, 4, self.weekday(day))

    def uncertain(self, day: Int64) -> npt.NDArray[np.bool_]:
        """Return which days may be worked or not: both are usual, and neither is learned from."""
        row = day - self._start
        either: npt.NDArray[np.bool_] = (
            self._uncertain.take(row) if self._has(row) else self.types(day) >= DayType.MAKEUP
        )
        return either

    def _has(self, row: Int64) -> bool:
        """Tell whether the tables have all of these rows, as nearly always: then one gather answers."""
        return bool(len(row)) and int(row.min()) >= 0 and int(row.max()) < len(self._table)

    def festival_day(self, day: Int64) -> Int64:
        """Return days from lunar New Year's Day within the window of Spring Festival, FAR elsewhere."""
        row = day - self._start
        known = (row >= 0) & (row < len(self._offset))
        return np.where(known, self._offset.take(row, mode="clip"), FAR).astype(np.int64)


def _rows(days: Iterable[date], size: int) -> npt.NDArray[np.int64]:
    start = day_number(date(_FIRST, 1, 1))
    rows = np.array([day_number(d) - start for d in days], np.int64)
    return rows[(rows >= 0) & (rows < size)]


@cache
def _without() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    types, far = np.zeros(1, np.uint8), np.full(1, FAR, np.int8)
    types[0] = DayType.WEEKEND  # 2000-01-01 was a Saturday; one row, so that a gather finds something
    return types, far


@cache
def _chinese() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the day types of all years with a table, and the days from New Year's Day."""
    first = day_number(date(_FIRST, 1, 1))
    size = day_number(date(_LAST + 1, 1, 1)) - first
    days = np.arange(first, first + size)
    weekend = (days + _THURSDAY) % 7 >= 5
    types = np.where(weekend, DayType.WEEKEND, DayType.WORKDAY).astype(np.uint8)
    free, worked = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    far = np.full(size, FAR, np.int8)
    window = range(-BEFORE, AFTER + 1)
    for year in range(_FIRST, _LAST + 1):
        known = holidays.country_holidays("CN", years=[year])
        free[_rows(known, size)] = True
        worked[_rows((d for d in known.weekend_workdays if d.year == year), size)] = True
        new_year = LunarDate(year, 1, 1).to_solar_date()
        rows = _rows((new_year + timedelta(days=n) for n in window), size)
        far[rows] = np.arange(len(window))[: len(rows)] - BEFORE
    # A weekend that touches a holiday is part of it: the notices count it among its days, and who works on
    # other Saturdays does not on that one.
    for _ in range(2):
        free[1:-1] |= (weekend & ~worked)[1:-1] & (free[:-2] | free[2:])
    types[worked] = DayType.MAKEUP
    types[free & ~worked] = DayType.HOLIDAY
    types[far != FAR] = DayType.FESTIVAL
    return types, far
