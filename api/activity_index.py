"""A year of days as a person reads it: spells of one state, and how a park came back after a holiday."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median

from api.schemas_activity import ActivityDayOut, ParkDayOut, RecoveryOut, SaidOut, SpellOut, words
from park.activity import ActivityState, numbered
from park.events import ActivityDay

_BEFORE = 28  # days before a holiday that say what was usual
_RECOVERED = 0.90  # V R2: "kept producing" at 90 % of the baseline
_LONG = 3  # days of rest that make a holiday worth an index


def spells(days: Sequence[ActivityDay]) -> list[SpellOut]:
    """Return days, rising, as spells of one state."""
    found = []
    for state, group in groupby(days, key=lambda d: d.state):
        some = list(group)
        ratios = [r for d in some if (r := ActivityDayOut.of(d, reasons=False).ratio) is not None]
        zh, en = words(state)
        first = some[0].evidence
        found.append(
            SpellOut(
                state=state, zh=zh, en=en, start=some[0].day, end=some[-1].day, days=len(some),
                ratio=median(ratios) if ratios else None, reason=SaidOut.of(first[0]) if first else None,
            )
        )  # fmt: skip
    return found


def recovery(days: Sequence[ParkDayOut]) -> RecoveryOut | None:
    """Return how a park came back after the newest long holiday that is over; None: there was none."""
    blocks = [list(group) for rest, group in groupby(days, key=lambda d: bool(d.rest)) if rest]
    over = [b for b in blocks if len(b) >= _LONG and b[-1].day < days[-1].day]
    if not over:
        return None
    block = over[-1]
    begin, end = numbered(block[0].day), numbered(block[-1].day)
    workdays = [d for d in days if begin - _BEFORE <= numbered(d.day) < begin and _weekday(d.day) and not d.rest]
    shares = [d.production_share for d in workdays if d.production_share is not None]
    before = median(shares) if shares else None
    after = [d for d in days if numbered(d.day) > end and d.judged and not d.rest]
    back = None
    if before:
        full = [d for d in after if d.production_share is not None and d.production_share >= _RECOVERED * before]
        back = numbered(full[0].day) - end if full else None
    last = after[-1] if after else None
    share = last.production_share if last else None
    return RecoveryOut(
        holiday=max((d.rest for d in block), key=[d.rest for d in block].count), start=block[0].day, end=block[-1].day,
        before=before, working_share=last.working_share if last else None, production_share=share,
        recovered=share / before if share is not None and before else None, days_to_90=back,
    )  # fmt: skip


def _weekday(day: str) -> bool:
    return (numbered(day) + 3) % 7 < 5


def as_they_are(newest: Iterable[ActivityDay]) -> list[ActivityDay]:
    """Return of each enterprise's newest day those of the newest of all, the worst first; who moved out has older."""
    rank = {state: n for n, state in enumerate(ActivityState)}
    days = list(newest)
    last = max((d.day for d in days), default="")
    here = [d for d in days if d.day == last]
    return sorted(here, key=lambda d: (-rank[ActivityState(d.state)], d.since, d.enterprise))
