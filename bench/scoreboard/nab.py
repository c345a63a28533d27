"""Our half of the Numenta Anomaly Benchmark, with the live detector as `park score --kind generic` runs it."""

import csv
import json
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from bench.scoreboard.nab_score import PROFILES, Count, Series, counted, total
from bench.scoreboard.words import DATA, Figure
from park.readings import Bool, Float64
from stream.detectors.episodes import NOTABLE
from stream.detectors.generic import Generic

FOLDER = DATA / "nab"
DAY = 86_400_000
_THURSDAY = 3  # weekday of the epoch
_STEPS = np.arange(2.0, 8.0, 0.1)  # rarities that a nested threshold is picked among
_AIMS = MappingProxyType({"standard": "> 65", "low_fp": "> 55", "low_fn": "> 70"})
_FLOORS = MappingProxyType({"standard": "windowed Gaussian 36.7, random cut forest 52", "low_fp": "", "low_fn": ""})
_NOISE = 3.0  # two windows of 57


def moment(text: str) -> int:
    """Return epoch ms; the files know no time zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def series_of(name: str, windows: list[list[str]]) -> tuple[Series, Float64]:
    """Return a labelled series and its values."""
    with (FOLDER / "data" / name).open(newline="") as file:
        rows = [(moment(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    ts = np.array([at for at, _ in rows], np.int64)
    spans = []
    for first, last in windows:
        inside = np.flatnonzero((ts >= moment(first)) & (ts <= moment(last)))
        spans.append((int(inside[0]), int(inside[-1])))
    return Series(name, ts, tuple(spans)), np.array([value for _, value in rows])


def corpus() -> list[tuple[Series, Float64]]:
    """Return all labelled series."""
    labels = json.loads((FOLDER / "windows.json").read_text())
    return [series_of(name, windows) for name, windows in labels.items()]


def rarities(data: list[tuple[Series, Float64]]) -> list[Float64]:
    """Return, for each series, the rarity of the rows that speak for an episode; 0 for the others.

    All series at once, as the live stage judges many points: a series alone gets the same bits.
    """
    length = np.array([len(value) for _, value in data])
    order = np.argsort(-length, kind="stable")
    detector = Generic()
    detector.grow(len(data))
    found = [np.zeros(n) for n in length]
    for at in range(int(length.max())):
        alive = order[: int((length > at).sum())]
        ts = np.array([data[k][0].ts[at] for k in alive])
        value = np.array([data[k][1][at] for k in alive])
        judged = detector.judge(alive, ts, ts, (ts // DAY + _THURSDAY) % 7, value)
        spoken = np.where(judged.spoken.speaks, judged.rarity, 0.0)
        for k, rarity in zip(alive.tolist(), spoken.tolist(), strict=True):
            found[k][at] = rarity
    return found


def category(name: str) -> str:
    """Return the folder of a series; both artificial ones are one."""
    return name.split("/", maxsplit=1)[0].removesuffix("NoAnomaly").removesuffix("WithAnomaly")


def nested(counts: dict[float, list[Count]], categories: list[str]) -> Count:
    """Return what each category gets at the threshold that is best on the others."""
    result = Count()
    for left in sorted(set(categories)):
        others = [k for k, c in enumerate(categories) if c != left]

        def score(step: float, rows: list[int] = others) -> float:
            return total(counts[step][k] for k in rows).score(PROFILES["standard"])

        best = max(counts, key=score)
        result += total(counts[best][k] for k, c in enumerate(categories) if c == left)
    return result


def marks_of(rarity: Float64, level: float) -> Bool:
    """Return the rows that speak from a level on."""
    marks: Bool = rarity >= level
    return marks


def figures() -> list[Figure]:
    """Return the score at the product's own threshold, and nested over categories."""
    data = corpus()
    found = rarities(data)
    names = [series.name for series, _ in data]

    def counts_at(level: float) -> list[Count]:
        return [counted(series, marks_of(r, level)) for (series, _), r in zip(data, found, strict=True)]

    own = total(counts_at(NOTABLE))
    left_out = nested({float(s): counts_at(float(s)) for s in _STEPS}, [category(n) for n in names])
    rows = [
        Figure(f"nab.own_{name}", own.score(profile), _NOISE, _FLOORS[name], _AIMS[name],
               note="at the product's own threshold; 31 files")
        for name, profile in PROFILES.items()
    ]  # fmt: skip
    rows += [
        Figure(f"nab.nested_{name}", left_out.score(profile), _NOISE, "", _AIMS[name],
               note="threshold picked on the other categories; what else was chosen: docs/detection.md")
        for name, profile in PROFILES.items()
    ]  # fmt: skip
    rows.append(Figure("nab.windows_found", own.found / own.windows, 0.04, note=f"{own.found} of {own.windows}"))
    rows.append(
        Figure(
            "nab.false_per_1000_rows", 1000 * own.marks / own.rows, 0.1, up=False, note="rows marked outside windows"
        )
    )
    return rows
