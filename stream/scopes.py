"""Where and when a rule holds: parks, places, kinds, channels and points; hours, days and dates.

Of rules with one name the one of the narrowest scope holds at a point: the limit of a permit stands in
place of the table's own.
"""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from park.directory import Directory
from park.records import LimitRow
from stream.detectors.calendar import Calendar, DayType

MINUTE, DAY = 60_000, 86_400_000
CHINA = 480  # minutes from UTC, where a park is not known
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_TYPES = ("workday", "rest")
_WORKED = {DayType.WORKDAY, DayType.MAKEUP}
_DAY_MINUTES = 1_440


def chain(directory: Directory, place: int) -> tuple[int, ...]:
    """Return a place and all around it, the innermost first."""
    found: list[int] = []
    while place and place not in found and place in directory.places:
        found.append(place)
        place = directory.places[place].parent
    return tuple(found)


def fitting(
    rules: Iterable[LimitRow], around: Sequence[int], *, park: int, kind: str = "", channel: str = "", point: int = 0,
    metric: str = "",
) -> tuple[LimitRow, ...]:  # fmt: skip
    """Return the rules that hold at a point of a device `kind` within places, one of each name.

    Of two that are equally narrow the later one holds.
    """
    best: dict[str, tuple[tuple[int, ...], LimitRow]] = {}
    for rule in rules:
        if (rule.kinds and kind not in rule.kinds) or (rule.channels and channel not in rule.channels):
            continue
        if (rule.parks and park not in rule.parks) or (rule.points and point not in rule.points):
            continue
        if rule.metrics and metric not in rule.metrics:
            continue
        depth = max((len(around) - around.index(p) for p in rule.places if p in around), default=0)
        if rule.places and not depth:
            continue
        rank = (
            bool(rule.points), depth, bool(rule.parks), bool(rule.channels), bool(rule.metrics), bool(rule.kinds),
        )  # fmt: skip
        if rule.rule not in best or rank >= best[rule.rule][0]:
            best[rule.rule] = (rank, rule)
    return tuple(rule for _, rule in best.values())


def timed(rule: LimitRow) -> bool:
    """Return whether a rule holds at some times only."""
    return bool(rule.days or rule.hours or rule.valid_from or rule.valid_to)


def holds(rule: LimitRow, directory: Directory, park: int, at: int) -> bool:
    """Return whether a rule holds at a time (epoch ms) by a park's clock and calendar."""
    row = directory.places.get(park)
    return in_force(rule, at) if row is None else in_force(rule, at, row.utc_offset, row.calendar)


def in_force(rule: LimitRow, at: int, offset: int = CHINA, calendar: str = "CN") -> bool:
    """Return whether a rule holds at a time (epoch ms) of a park that is `offset` minutes east of UTC.

    Hours past midnight belong to the day on which they begin.
    """
    if at < rule.valid_from or (rule.valid_to and at >= rule.valid_to):
        return False
    if not rule.days and not rule.hours:
        return True
    minute = at // MINUTE + offset
    day, minute = divmod(minute, _DAY_MINUTES)
    if not rule.hours:
        return _on(rule.days, day, calendar)
    for begin, end in rule.hours:
        if begin < end:
            inside, of = begin <= minute < end, day
        else:
            inside, of = minute >= begin or minute < end, day - (minute < end)
        if inside and _on(rule.days, of, calendar):
            return True
    return False


def _on(days: tuple[str, ...], day: int, calendar: str) -> bool:
    """Return whether a day (since 1970-01-01, park time) is one of some."""
    if not days or WEEKDAYS[(day + 3) % 7] in days:  # 1970-01-01 was a Thursday
        return True
    if not set(days) & set(DAY_TYPES):
        return False
    return ("workday" if _worked(day, calendar) else "rest") in days


@cache
def _calendar(name: str) -> Calendar:
    return Calendar(name)


@cache
def _worked(day: int, calendar: str) -> bool:
    """Return whether most people work on a day.

    Of the weeks around Spring Festival, on weekdays but those from New Year's Eve to the sixth.
    """
    days = np.array([day])
    kind = DayType(int(_calendar(calendar).types(days)[0]))
    if kind is not DayType.FESTIVAL:
        return kind in _WORKED
    return (day + 3) % 7 < 5 and not -1 <= int(_calendar(calendar).festival_day(days)[0]) <= 6


def offset_of(directory: Directory, park: int) -> int:
    """Return how many minutes a park's clock is east of UTC."""
    row = directory.places.get(park)
    return row.utc_offset if row is not None else CHINA
