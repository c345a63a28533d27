"""Rounds by the calendar: when they are due, how they are answered, and what becomes of faults."""

import calendar
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from governance.hazards import DAY
from park.errors import Conflict, UserError
from park.governance import (
    Answer,
    Checklist,
    ChecklistItem,
    Done,
    Every,
    Hazard,
    HazardState,
    InspectionPlan,
    Round,
    RoundState,
    Verdict,
)

_MONTHS = {Every.MONTH: 1, Every.QUARTER: 3}
_DAYS = {Every.DAY: 1, Every.WEEK: 7}
GRACE_MOST = 60
NAME_MOST = 200
TITLE_MOST = 80  # characters of what was found, in a list
PLACES_MOST = 500


def checked(plan: InspectionPlan) -> None:
    """See that a plan can be meant. Raises UserError."""
    if not plan.name.strip() or len(plan.name) > NAME_MOST or not plan.name.isprintable():
        raise UserError(f"a name has 1 to {NAME_MOST} printable characters")
    first, last = _day(plan.first), _day(plan.last) if plan.last else date.max
    if last < first:
        raise UserError("a plan ends after it begins")
    if not 0 <= plan.grace <= GRACE_MOST:
        raise UserError(f"a round may be late by at most {GRACE_MOST} days")
    if len(plan.places) > PLACES_MOST:
        raise UserError(f"a plan names at most {PLACES_MOST} places")


def due_days(plan: InspectionPlan, start: date, end: date) -> Iterator[date]:
    """Yield the days with start <= day < end on which a round is due. A 31st is the last day of a short month."""
    first = _day(plan.first)
    last = min(end, _day(plan.last) + timedelta(days=1)) if plan.last else end
    if plan.every in _DAYS:
        step = _DAYS[plan.every]
        behind = max(0, (start - first).days)
        day = first + timedelta(days=-(-behind // step) * step)
        while day < last:
            yield day
            day += timedelta(days=step)
        return
    step = _MONTHS[plan.every]
    months = max(0, (start.year - first.year) * 12 + start.month - first.month)
    n = months // step * step
    while (day := _later(first, n)) < last:
        if day >= max(start, first):
            yield day
        n += step


def _later(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    if year > date.max.year - 1:
        return date.max
    return date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text[:20]!r} is no date: give YYYY-MM-DD") from None


def today(now: int, offset: int) -> date:
    """Return the park day of a time; `offset` in minutes east of UTC."""
    return datetime.fromtimestamp(now / 1000 + offset * 60, UTC).date()


def end_of(day: date, offset: int) -> int:
    """Return the epoch ms at which a park day is over."""
    after = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return int(after.timestamp() * 1000) - offset * 60_000


def round_of(plan: InspectionPlan, day: date, offset: int) -> Round:
    """Return the round of a plan's day."""
    return Round(
        plan.park, plan.checklist, plan.name, day.isoformat(), end_of(day, offset) + plan.grace * DAY, plan.places,
        plan.id, plan.officer,
    )  # fmt: skip


def answered(visit: Round, checklist: Checklist, answers: tuple[Answer, ...]) -> Done:
    """Return a round with some items answered; an item that was answered before is answered anew."""
    if visit.state is RoundState.DONE:
        raise Conflict("this round is done already")
    known = {item.key for item in checklist.items}
    for answer in answers:
        if answer.item not in known:
            raise UserError(f"the checklist {checklist.key} has no item {answer.item[:64]!r}")
        if answer.verdict is Verdict.FAULT and not answer.note.strip():
            raise UserError(f"say what is wrong with {answer.item}")
    all_of = {a.item: a for a in (*visit.answers, *answers)}
    state = RoundState.STARTED if visit.state is RoundState.DUE else visit.state
    note = ", ".join(f"{a.item}: {a.verdict}" for a in answers)
    return Done(replace(visit, answers=tuple(all_of.values()), state=state), "answer", note)


def finished(visit: Round, checklist: Checklist, actor: str, now: int, officer: int = 0) -> Done:
    """Return a round that is done, with the hazards of its faults. Raises Conflict where items are open."""
    if visit.state is RoundState.DONE:
        raise Conflict("this round is done already")
    said = {a.item: a for a in visit.answers}
    open_items = [item.key for item in checklist.items if item.key not in said]
    if open_items:
        raise Conflict(f"not answered yet: {', '.join(open_items)}")
    made = tuple(_hazard(visit, item, said[item.key], now, officer or visit.officer)
                 for item in checklist.items if said[item.key].verdict is Verdict.FAULT)  # fmt: skip
    after = replace(visit, state=RoundState.DONE, done=now, done_by=actor, late=now > visit.due, hazards=len(made))
    return Done(after, "finish", f"{len(made)} hazards", made)


def _title(note: str) -> str:
    """Return what was found in a line: a list of hazards names what is wrong, not what was asked."""
    line = note.strip().splitlines()[0]
    return line if len(line) <= TITLE_MOST else f"{line[: TITLE_MOST - 1]}…"


def _hazard(visit: Round, item: ChecklistItem, answer: Answer, now: int, officer: int) -> Hazard:
    place = answer.place or (visit.places[0] if len(visit.places) == 1 else visit.park)
    return Hazard(
        visit.park, place, _title(answer.note), now, answer.actor, now + max(1, item.days) * DAY, item.grade,
        item.category, item.basis, f"{item.zh}：{answer.note}", f"round:{visit.id}/{item.key}", HazardState.FOUND,
        officer=officer,
    )  # fmt: skip


def over(visit: Round, now: int) -> bool:
    """Tell whether a round was to be done by now and is not."""
    return visit.state in {RoundState.DUE, RoundState.STARTED} and now > visit.due
