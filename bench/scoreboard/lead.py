"""Faults of electricity meters: hourly use of five buildings, labelled by hand (LEAD 1.0 subset).

The rivals are what one would write in an afternoon, over the same rows: a z-score by hour of the week, and
one over the last week. Constants of the detector were chosen on these five buildings and on faults put into
them and other loads; what that hides is shown by the threshold that is picked on four and judged on the fifth.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

import numpy as np

from bench.scoreboard.ranking import average_precision, best_f1, f1
from bench.scoreboard.words import DATA, Figure
from park.readings import Bool, Float64, Int64
from stream.detectors.calendar import Calendar
from stream.detectors.energy import Energy

FOLDER = DATA / "lead"
HOUR, DAY = 3_600_000, 86_400_000
NOISE = 0.005
_STEPS = np.round(np.arange(0.30, 0.75, 0.01), 2)  # thresholds tried


@dataclass(frozen=True, slots=True)
class Building:
    """One labelled series."""

    name: str
    ts: Int64
    value: Float64
    label: Bool


def buildings() -> list[Building]:
    """Return the labelled buildings, by number."""
    out = []
    for path in sorted(FOLDER.glob("building_[0-9]*.csv"), key=lambda p: int(p.stem.split("_")[1])):
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["meter_reading"]]
        at = [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() for row in rows]
        out.append(Building(
            path.stem, np.array(at, np.int64) * 1_000, np.array([float(row["meter_reading"]) for row in rows]),
            np.array([float(row["anomaly"]) > 0 for row in rows]),
        ))  # fmt: skip
    return out


def judged(building: Building, calendar: str = "none") -> tuple[Float64, Bool]:
    """Return scores and marks of the live detector, row by row."""
    places = Calendar(calendar)
    detector, slot = Energy(places), np.zeros(1, np.intp)
    detector.grow(1)
    score, mark = np.zeros(len(building.ts)), np.zeros(len(building.ts), np.bool_)
    for n in range(len(building.ts)):
        at = building.ts[n : n + 1]
        found = detector.judge(slot, at, at, places.like(at // DAY), building.value[n : n + 1])
        score[n], mark[n] = found.score[0], found.notable[0]
    return score, mark


def by_hour_of_week(building: Building) -> Float64:
    """Return how many standard deviations of its hour of the week each value is out, by those before it."""
    total, square, count = np.zeros(168), np.zeros(168), np.zeros(168)
    score = np.zeros(len(building.ts))
    for n, (at, value) in enumerate(zip(building.ts.tolist(), building.value.tolist(), strict=True)):
        hour = at // HOUR % 168
        if count[hour] >= 4:
            mean = total[hour] / count[hour]
            score[n] = abs(value - mean) / max(square[hour] / count[hour] - mean**2, 1e-6) ** 0.5
        total[hour], square[hour], count[hour] = total[hour] + value, square[hour] + value**2, count[hour] + 1
    return score


def by_last_week(building: Building) -> Float64:
    """Return how many standard deviations of the last 168 values each value is out."""
    score = np.zeros(len(building.ts))
    for n in range(168, len(score)):
        past = building.value[n - 168 : n]
        score[n] = abs(building.value[n] - past.mean()) / max(past.std(), 1e-6)
    return score


def figures() -> list[Figure]:
    """Return the figures of the set."""
    known = buildings()
    ours = [judged(b) for b in known]
    rivals = {
        "hour-of-week z": [by_hour_of_week(b) for b in known],
        "last-week z": [by_last_week(b) for b in known],
    }
    floor = {name: [average_precision(s, b.label) for s, b in zip(r, known, strict=True)] for name, r in rivals.items()}
    best = {name: [best_f1(s, b.label) for s, b in zip(r, known, strict=True)] for name, r in rivals.items()}
    at_three = {name: [f1(s > 3, b.label) for s, b in zip(r, known, strict=True)] for name, r in rivals.items()}
    aps = [average_precision(score, b.label) for (score, _), b in zip(ours, known, strict=True)]
    each = ", ".join(f"{b.name[9:]} {ap:.2f}" for b, ap in zip(known, aps, strict=True))
    own = [f1(mark, b.label) for (_, mark), b in zip(ours, known, strict=True)]
    chinese = [average_precision(judged(b, "CN")[0], b.label) for b in known]
    origin = "own threshold: twice what a tenth of the point's own scores pass, within 2.2 and 3.4 deviations"
    rows = [
        Figure("lead.mean_ap", fmean(aps), NOISE, _said(floor), "> 0.7", note=each),
        Figure("lead.mean_ap_cn", fmean(chinese), NOISE, note="with the Chinese calendar, on US buildings"),
        Figure("lead.best_f1", fmean(best_f1(score, b.label) for (score, _), b in zip(ours, known, strict=True)), NOISE,
               _said(best), note="a threshold for each building, picked with labels"),
        Figure("lead.own_f1", fmean(own), NOISE, _said(at_three), "> 0.65", note=origin),
        Figure("lead.left_out_f1", _left_out(ours, known), 0.01,
               note="one threshold on the score picked on four buildings, judged on the fifth"),
        Figure("lead.marked_share", fmean(float(mark.mean()) for _, mark in ours), 0.01, up=False,
               note=f"hours marked; labelled are {fmean(float(b.label.mean()) for b in known):.3f}"),
    ]  # fmt: skip
    for hours in (12, 24):
        near = fmean(f1(mark, b.label, hours) for (_, mark), b in zip(ours, known, strict=True))
        naive = {n: [f1(s > 3, b.label, hours) for s, b in zip(r, known, strict=True)] for n, r in rivals.items()}
        rows.append(Figure(f"lead.f1_within_{hours}h", near, 0.01, _said(naive), note="own threshold"))
    return rows


def _left_out(ours: list[tuple[Float64, Bool]], known: list[Building]) -> float:
    table = np.array([
        [f1(score >= least, b.label) for least in _STEPS] for (score, _), b in zip(ours, known, strict=True)
    ])  # fmt: skip
    return fmean(float(table[n, np.delete(table, n, axis=0).mean(axis=0).argmax()]) for n in range(len(known)))


def _said(figures: dict[str, list[float]]) -> str:
    return ", ".join(f"{name} {fmean(values):.2f}" for name, values in figures.items())
