"""Who is on duty: shifts in a rota's own time zone, and those who stand in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from park.duty import Rota, Shift
from park.errors import UserError

SHIFTS_MOST = 200
SUBSTITUTES_MOST = 500
_DAY = 1_440  # minutes


def on_duty(rota: Rota, at: int) -> tuple[int, ...]:
    """Return the officers on duty at a time (epoch ms), in the order of the shifts, stand-ins in their place."""
    local = datetime.fromtimestamp(at / 1_000, UTC).astimezone(ZoneInfo(rota.timezone))
    found: list[int] = []
    for shift in rota.shifts:
        if _holds(shift, local):
            officer = _standing_in(rota, shift.officer, at)
            if officer not in found:
                found.append(officer)
    return tuple(found)


def _holds(shift: Shift, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    if shift.end > shift.start:
        return shift.start <= minute < shift.end and _begins(shift, today)
    return (minute >= shift.start and _begins(shift, today)) or (minute < shift.end and _begins(shift, yesterday))


def _begins(shift: Shift, day: date) -> bool:
    said = day.isoformat()
    return day.weekday() in shift.days and (not shift.first or shift.first <= said) and said <= (shift.last or said)


def _standing_in(rota: Rota, officer: int, at: int) -> int:
    """Follow stand-ins, each at most once: A for B for A is B's own duty."""
    seen = {officer}
    while True:
        by = next((s.by for s in rota.substitutes if s.officer == officer and s.starts <= at < s.ends), 0)
        if not by or by in seen:
            return officer
        officer = by
        seen.add(by)


def checked(rota: Rota) -> None:
    """See that a rota can be used. Raises UserError."""
    try:
        ZoneInfo(rota.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as why:
        raise UserError(f"{rota.timezone[:64]!r} is no time zone") from why
    if len(rota.shifts) > SHIFTS_MOST or len(rota.substitutes) > SUBSTITUTES_MOST:
        raise UserError(f"a rota has at most {SHIFTS_MOST} shifts and {SUBSTITUTES_MOST} stand-ins")
    for shift in rota.shifts:
        if not (0 <= shift.start < _DAY and 0 < shift.end <= _DAY):
            raise UserError("a shift goes from 00:00..23:59 to 00:01..24:00, in minutes of the day")
        if not shift.days or not set(shift.days) <= set(range(7)):
            raise UserError("a shift has days of the week, 0 (Monday) to 6")
        for day in (shift.first, shift.last):
            _dated(day)
        if shift.first and shift.last and shift.last < shift.first:
            raise UserError("a shift ends before it begins")
    for s in rota.substitutes:
        if s.ends <= s.starts or s.by == s.officer:
            raise UserError("somebody else stands in, from a time to a later one")


def _dated(day: str) -> None:
    try:
        if day and date.fromisoformat(day).isoformat() != day:
            raise UserError(f"{day[:20]!r} is no date like 2026-05-01")
    except ValueError as why:
        raise UserError(f"{day[:20]!r} is no date like 2026-05-01") from why


def officers_of(rota: Rota) -> frozenset[int]:
    """Return everyone that a rota names."""
    return frozenset({s.officer for s in rota.shifts} | {o for s in rota.substitutes for o in (s.officer, s.by)})
