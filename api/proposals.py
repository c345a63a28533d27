"""What marks propose: a higher bar for points that told of too much. Nobody applies it but a person.

A point's bar is a rarity: an episode is told when one of so many values is so unusual. Raising it needs no
second run over the log: of the episodes that were told, exactly those below the new bar would not have been.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from park.episodes import Episode, Verdict
from park.events import Anomaly

LEAST = 3  # false marks: two may be one bad day
_BEYOND = 10.0  # without a true episode to stay below: a decade of rarity above the worst that was false


@dataclass(frozen=True, slots=True)
class Proposal:
    """A bar for a point, and what would have changed with it."""

    point: int
    times: float  # an episode would be told from one of so many values on
    false: int  # marked false, and silenced by it
    true: int  # marked true, none of them silenced
    told: int  # episodes of the time looked at
    gone: tuple[Episode, ...]  # of these, those that would not have been told
    gone_unmarked: int  # of these, nobody has said anything


def candidates(marked: Iterable[Episode]) -> dict[int, float]:
    """Return the bar that marks propose, by point: above false episodes, and below every true one.

    Takes episodes with marks; those of missing values have no rarity and say nothing.
    """
    false: dict[int, list[float]] = {}
    least_true: dict[int, float] = {}
    for episode in marked:
        f = episode.newest
        if episode.mark is None or f.anomaly is Anomaly.MISSING or f.times <= 1:
            continue
        if episode.mark.verdict is Verdict.TRUE:
            least_true[f.point] = min(f.times, least_true.get(f.point, float("inf")))
        else:
            false.setdefault(f.point, []).append(f.times)
    found = {}
    for point, times in sorted(false.items()):
        true = least_true.get(point, float("inf"))
        below = [t for t in times if t < true]
        if len(below) >= LEAST:
            found[point] = min(sqrt(max(below)) * sqrt(true), max(below) * _BEYOND)
    return found


def tried(point: int, bar: float, told: Sequence[Episode]) -> Proposal:
    """Return what a bar would have changed among the episodes that a point told of."""
    rare = [e for e in told if e.newest.anomaly is not Anomaly.MISSING]
    gone = tuple(e for e in rare if e.newest.times < bar)
    verdicts = [e.mark.verdict if e.mark else None for e in gone]
    true = sum(e.mark is not None and e.mark.verdict is Verdict.TRUE for e in rare)
    return Proposal(point, bar, verdicts.count(Verdict.FALSE), true, len(told), gone, verdicts.count(None))
