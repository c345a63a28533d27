"""Surges of traffic after baseball games: vehicles on a ramp every 5 minutes for 175 days (UCI Dodgers).

A game's surge follows its end, so that what is to be found is [end - 15 min, end + 60 min]; rows without a
count are left out (Ihler, Hutchins, Smyth 2006). The rivals are a z-score by half hour of the week over roots
of counts, and one over the last day. Figures of the two halves show how much is chance.
"""

import csv
from datetime import UTC, datetime

import numpy as np

from bench.scoreboard.ranking import average_precision, best_f1, f1
from bench.scoreboard.words import DATA, Figure
from park.readings import Bool, Float64, Int64
from stream.detectors.calendar import Calendar
from stream.detectors.counts import Counts

FOLDER = DATA / "dodgers"
HALF, DAY = 1_800_000, 86_400_000
BEFORE, AFTER = 900_000, 3_600_000  # ms around a game's end


def series() -> tuple[Int64, Float64, Bool]:
    """Return times, counts (NaN: missing) and which rows are within a surge."""
    with (FOLDER / "Dodgers.data").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row]
    ts = np.array([_ms(stamp, "%m/%d/%Y %H:%M") for stamp, _ in rows])
    count = np.array([float(value) for _, value in rows])
    label = np.zeros(len(ts), np.bool_)
    with (FOLDER / "Dodgers.events").open(newline="", encoding="latin-1") as file:
        for row in csv.reader(file):
            if len(row) > 2:
                end = _ms(f"{row[0]} {row[2]}", "%m/%d/%y %H:%M:%S")
                label |= (ts >= end - BEFORE) & (ts <= end + AFTER)
    return ts, np.where(count < 0, np.nan, count), label


def _ms(stamp: str, form: str) -> int:
    return int(datetime.strptime(stamp, form).replace(tzinfo=UTC).timestamp()) * 1_000


def judged(ts: Int64, count: Float64) -> tuple[Float64, Bool]:
    """Return scores and marks of the live detector, row by row."""
    places = Calendar("none")
    detector, slot = Counts(places), np.zeros(1, np.intp)
    detector.grow(1)
    score, mark = np.zeros(len(ts)), np.zeros(len(ts), np.bool_)
    for n in range(len(ts)):
        at = ts[n : n + 1]
        found = detector.judge(slot, at, at, places.like(at // DAY), count[n : n + 1])
        score[n], mark[n] = found.score[0], found.notable[0]
    return score, mark


def by_half_hour_of_week(ts: Int64, count: Float64) -> Float64:
    """Return how many standard deviations of its half hour of the week each root is above, by those before it."""
    total, square, seen = np.zeros(336), np.zeros(336), np.zeros(336)
    score = np.zeros(len(ts))
    for n, (at, root) in enumerate(zip(ts.tolist(), np.sqrt(count).tolist(), strict=True)):
        half = at // HALF % 336
        if seen[half] >= 6:
            mean = total[half] / seen[half]
            score[n] = (root - mean) / max(square[half] / seen[half] - mean**2, 1e-6) ** 0.5
        total[half], square[half], seen[half] = total[half] + root, square[half] + root**2, seen[half] + 1
    return score


def by_last_day(count: Float64) -> Float64:
    """Return how many standard deviations of the last day each count is above."""
    score = np.zeros(len(count))
    for n in range(288, len(count)):
        past = count[n - 288 : n]
        score[n] = (count[n] - past.mean()) / max(past.std(), 1e-6)
    return score


def figures() -> list[Figure]:
    """Return the figures of the set."""
    ts, count, label = series()
    valid = np.isfinite(count)
    ts, count, label = ts[valid], count[valid], label[valid]
    score, mark = judged(ts, count)
    rivals = {"half-hour-of-week z": by_half_hour_of_week(ts, count), "last-day z": by_last_day(count)}
    half = len(ts) // 2
    parts = (slice(None, half), slice(half, None))
    first, second = (average_precision(score[part], label[part]) for part in parts)
    said = ", ".join(f"{name} {average_precision(s, label):.2f}" for name, s in rivals.items())
    best = ", ".join(f"{name} {best_f1(s, label):.2f}" for name, s in rivals.items())
    origin = "constants chosen on this series and on made-up doors and streets: not blind"
    return [
        Figure("dodgers.ap", average_precision(score, label), 0.005, said, "> 0.65",
               note=f"halves {first:.2f} and {second:.2f}; {origin}"),
        Figure("dodgers.best_f1", best_f1(score, label), 0.005, best, note="threshold picked with labels"),
        Figure("dodgers.own_f1", f1(mark, label), 0.01, note="own threshold"),
        Figure("dodgers.games", _met(mark, label), 0.02, note="share of surges in which a row is marked"),
    ]  # fmt: skip


def _met(mark: Bool, label: Bool) -> float:
    begins = np.flatnonzero(np.diff(np.r_[False, label].astype(np.int8)) == 1)
    ends = np.flatnonzero(np.diff(np.r_[label, False].astype(np.int8)) == -1) + 1
    return float(np.mean([mark[a:b].any() for a, b in zip(begins, ends, strict=True)]))
