"""Which days a small firm in Zhejiang works, and how much: weekends, holidays, make-up days, Spring Festival.

The festival follows the lunar calendar. Its shape: workers leave from about twelve days before; the
holiday itself is nearly still; Changde's index of returned work read 45.8 on the 7th and 77.3 on the
16th of the first lunar month (domain.md, 2.3), which fixes the way back.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import holidays
import numpy as np
import numpy.typing as npt
from lunardate import LunarDate

from simulators.scenario import DAY, PARK_OFFSET

#          day from New Year's Day: share of the usual work
FESTIVAL = ((-14, 1.0), (-7, 0.75), (-3, 0.35), (-1, 0.08), (0, 0.03), (3, 0.05), (6, 0.458), (10, 0.62),
            (15, 0.773), (24, 1.0))  # fmt: skip
FIRST, LAST = FESTIVAL[0][0], FESTIVAL[-1][0]


@dataclass(frozen=True, slots=True)
class DayKind:
    """What a park day is to those who work."""

    weekday: int  # 0: Monday
    holiday: bool
    makeup: bool  # a Saturday or Sunday that is worked
    festival: float  # share of the usual work as Spring Festival leaves it; 1: far from it

    @property
    def rest(self) -> str:
        """Return "" for a working day, else saturday, sunday or holiday."""
        if self.holiday:
            return "holiday"
        if self.makeup or self.weekday < 5:
            return ""
        return "saturday" if self.weekday == 5 else "sunday"


@lru_cache(maxsize=16)
def _public(year: int) -> tuple[frozenset[date], frozenset[date]]:
    known = holidays.country_holidays("CN", years=[year])
    return frozenset(known), frozenset(d for d in known.weekend_workdays if d.year == year)


@lru_cache(maxsize=64)
def new_year(year: int) -> date:
    """Return the day of the lunar New Year that falls in a year."""
    return LunarDate(year, 1, 1).to_solar_date()  # type: ignore[no-any-return]


def festival_share(day: date, shift: int = 0) -> float:
    """Return the share of usual work that Spring Festival leaves; `shift` days later for those from far away."""
    offset = (day - new_year(day.year)).days
    if offset < FIRST or offset - shift > LAST:
        return 1.0
    at = offset if offset <= 0 else max(0, offset - shift)
    days, shares = zip(*FESTIVAL, strict=True)
    return float(np.interp(at, days, shares))


def park_date(ts: int) -> date:
    """Return the park's date at a moment."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(days=(ts + PARK_OFFSET) // DAY)).date()


def day_kind(day: date) -> DayKind:
    """Return what a day is."""
    free, worked = _public(day.year)
    holiday = day in free
    if day.weekday() >= 5 and not holiday and day not in worked:  # a weekend inside a long holiday is part of it
        holiday = day - timedelta(days=day.weekday() - 4) in free and day + timedelta(days=7 - day.weekday()) in free
    return DayKind(day.weekday(), holiday and day not in worked, day in worked, festival_share(day))


def work_share(
    day: date,
    saturday: npt.NDArray[np.float64],
    sunday: npt.NDArray[np.float64],
    shift: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return for each enterprise the share of a usual day's work that a day brings.

    `saturday` and `sunday` are each one's habits; holidays count as a quarter of a Sunday's.
    """
    kind = day_kind(day)
    usual: npt.NDArray[np.float64] = {
        "": np.ones(len(sunday)), "saturday": saturday, "sunday": sunday, "holiday": 0.25 * sunday,
    }[kind.rest]  # fmt: skip
    if kind.festival >= 1.0 and festival_share(day, 6) >= 1.0:
        return usual
    left = np.array([festival_share(day, int(s)) for s in shift])
    # In the festival weeks the weekly rhythm is gone: what is left is worked every day.
    return np.asarray(np.minimum(left, np.where(kind.rest == "", 1.0, np.maximum(usual, 0.5))))
