"""Faults put into recorded series: what the live detector finds of them, and what it says of series without.

Semi-synthetic. A fault is found where an episode is told between its beginning and a day after its end. The
rivals' thresholds are picked so that they say as much about the series without faults as we do: with labels,
in their favour. The bar of the detector and one of its statistics were chosen on these bases, other constants not.
"""

from statistics import fmean

import numpy as np

from bench.scoreboard.injected_bases import DAY, Base, Case, bases, cases, weekdays
from bench.scoreboard.rivals import RIVALS
from bench.scoreboard.words import Figure
from park.readings import Float64
from stream.detectors.episodes import APART
from stream.detectors.generic import Generic
from stream.detectors.judging import Teller
from stream.detectors.told import bar, settling

_SEEDS = (1,)
_GRACE = DAY
_MONTH = 30 * DAY
_QUIET = DAY // 2  # that ends an episode of a rival
_RIVAL_BASES = 5  # every fifth base: a random cut forest takes a tenth of a millisecond a row
_NOISE = 0.02
_MISSING = "missing"  # values that do not come are the business of device health: docs/detection.md


def distances(some: list[Case], detector: Teller | None = None) -> list[Float64]:
    """Return, by case and row, how far beyond its bar a row is, as the live stage tells it; -9 where it does not."""
    length = np.array([len(case.ts) for case in some])
    order = np.argsort(-length, kind="stable")
    day = [weekdays(case.base.country, case.ts)[0] for case in some]
    step = np.array([float(np.median(np.diff(case.ts))) / 60_000 for case in some])
    least = np.array([bar(s) for s in step])
    worst, first = np.zeros(len(some)), np.array([case.ts[0] for case in some])
    detector = detector or Generic()
    detector.grow(len(some))
    found = [np.full(n, -9.0) for n in length]
    for at in range(int(length.max())):
        alive = order[: int((length > at).sum())]
        ts = np.array([some[k].ts[at] for k in alive])
        value = np.array([some[k].value[at] for k in alive])
        judged = detector.judge(alive, ts, ts, np.array([day[k][at] for k in alive]), value)
        worst[alive] *= judged.spoken.open
        needed = least[alive] * settling(ts - first[alive])
        tells = (judged.rarity >= needed) & (judged.rarity > APART * worst[alive])
        stands = tells | (worst[alive] > 0)
        worst[alive] = np.where(stands, np.maximum(worst[alive], judged.rarity), 0.0)
        for k, over in zip(alive[tells].tolist(), (judged.rarity - needed)[tells].tolist(), strict=True):
            found[k][at] = over
    return found


def begins(case: Case, score: Float64, threshold: float) -> np.ndarray:
    """Return the rows at which episodes of a score begin: half a day of quiet is between two."""
    rows = np.flatnonzero(score >= threshold)
    if not len(rows):
        return rows
    return rows[np.concatenate([[True], np.abs(np.diff(case.ts[rows])) > _QUIET])]


def hit(case: Case, rows: np.ndarray) -> float | None:
    """Return the hours from a fault's beginning to the first row told, None where it is missed."""
    at = case.ts[rows]
    inside = at[(at >= case.begin) & (at <= max(case.end, case.begin) + _GRACE)]
    return float(inside.min() - case.begin) / 3_600_000 if len(inside) else None


def false_a_month(some: list[Case], rows: list[np.ndarray]) -> float:
    """Return episodes a point and month on series without faults, holidays not counted."""
    rates = []
    for case, told in zip(some, rows, strict=True):
        if case.fault is None:
            near = weekdays(case.base.country, case.ts)[1]
            rates.append(int((~near[told]).sum()) / (float(case.ts[-1] - case.ts[0]) / _MONTH))
    return fmean(rates)


def recall(some: list[Case], rows: list[np.ndarray], *, plain: bool, kind: str = "") -> float:
    """Return the share of faults found, each kind weighing the same."""
    shares: dict[str, list[bool]] = {}
    for case, told in zip(some, rows, strict=True):
        if case.fault and case.plain is plain and case.fault.kind != _MISSING and kind in {"", case.fault.kind}:
            shares.setdefault(case.fault.kind, []).append(hit(case, told) is not None)
    return fmean(fmean(found) for found in shares.values())


def average_precision(some: list[Case], score: list[Float64]) -> float:
    """Return the mean precision over episodes of plain faults and of series without, the rarest first."""
    events = []
    for case, s in zip(some, score, strict=True):
        if case.fault is not None and (not case.plain or case.fault.kind == _MISSING):
            continue
        inside = (case.ts >= case.begin) & (case.ts <= max(case.end, case.begin) + _GRACE)
        if case.fault is not None:
            events.append((float(s[inside].max(initial=-9.0)), True))
        else:
            rows = begins(case, s, -8.9)
            events += [(float(s[row]), False) for row in rows]
    events.sort(key=lambda e: (-e[0], e[1]))
    right, precision = 0, []
    for nth, (value, true) in enumerate(events, 1):
        right += true
        if true:
            precision.append(right / nth if value > -9 else 0.0)
    return fmean(precision)


def figures() -> list[Figure]:
    """Return recall by kind and size, delay, false episodes, and the rivals' recall at our rate."""
    every = bases()
    some = cases(every, _SEEDS)
    score = distances(some)
    rows = [np.flatnonzero(s >= 0) for s in score]
    delay = [h for c, r in zip(some, rows, strict=True) if c.fault and c.plain and (h := hit(c, r)) is not None]
    out = [
        Figure("injected.recall_plain", recall(some, rows, plain=True), _NOISE, "", "> 0.95", note="mean over kinds"),
        Figure("injected.recall_small", recall(some, rows, plain=False), _NOISE, note="a person may miss them"),
        Figure("injected.false_a_month", false_a_month(some, rows), 0.03, "", "< 0.2", up=False,
               note=f"episodes a point-month on {len(every)} series without faults"),
        Figure("injected.delay_hours", float(np.median(delay)), 1.0, up=False, note="median, plain faults found"),
        Figure("injected.average_precision", average_precision(some, score), _NOISE, note="episodes, plain faults"),
    ]  # fmt: skip
    kinds = dict.fromkeys(case.fault.kind for case in some if case.fault and case.fault.kind != _MISSING)
    out += [Figure(f"injected.plain_{kind}", recall(some, rows, plain=True, kind=kind), 0.05) for kind in kinds]
    return out + _rivals(every)


def _rivals(every: list[Base]) -> list[Figure]:
    """Return the recall of plain faults on some bases: ours, and of rivals that say as much without faults."""
    some = cases(every[::_RIVAL_BASES], _SEEDS, (True,))
    rows = [np.flatnonzero(s >= 0) for s in distances(some)]
    rate = false_a_month(some, rows)
    out = [Figure("injected.some_own", recall(some, rows, plain=True), _NOISE, note=f"{rate:.2f} false a month")]
    for name, rival in RIVALS.items():
        score = [rival(case.ts, case.value) for case in some]
        levels = np.unique(np.concatenate([s for s, c in zip(score, some, strict=True) if c.fault is None]))
        low, high = 0, len(levels) - 1  # the false rate falls with the threshold
        while low < high:
            middle = (low + high) // 2
            told = [begins(c, s, levels[middle]) for c, s in zip(some, score, strict=True)]
            low, high = (middle + 1, high) if false_a_month(some, told) > rate else (low, middle)
        told = [np.flatnonzero(s >= levels[low]) for s in score]
        out.append(
            Figure(f"injected.some_{name}", recall(some, told, plain=True), 0.05, note="threshold picked on them")
        )
    return out
