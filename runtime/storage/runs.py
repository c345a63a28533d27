"""Rows on their way into files: what can be stored, one of each, a period at a time."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from park.readings import ReadingBatch
from runtime.storage.hot import Array, by_point, settled
from runtime.storage.kinds import FIRST, LAST, Kind


def by_period(columns: dict[str, Array], kind: Kind) -> Iterator[tuple[int, dict[str, Array]]]:
    """Yield (period, its rows), rising; within one the order stays."""
    periods = kind.periods(columns[kind.when])
    least = int(periods.min())
    if least == int(periods.max()):
        yield least, columns
        return
    step = periods - least
    order = np.argsort(step.astype(np.uint16) if int(step.max()) < 1 << 16 else step, kind="stable")  # short: radix
    periods = periods[order]
    c = {name: column[order] for name, column in columns.items()}
    cuts = np.flatnonzero(np.diff(periods)) + 1
    for start, stop in pairwise([0, *cuts.tolist(), len(periods)]):
        yield int(periods[start]), {name: column[start:stop] for name, column in c.items()}


def single(rows: dict[str, Array]) -> dict[str, Array]:
    """Return readings by point and ts, one of each: the last value, and the first receipt of it."""
    order = by_point(rows["point"], rows["ts"])
    last, first = settled(rows["point"], rows["ts"], rows["value"], order)
    made = {name: column[last] for name, column in rows.items() if name != "received"}
    return made | {"received": rows["received"][first]}


def storable(r: ReadingBatch) -> ReadingBatch:
    """Leave out what is no number or has no date."""
    fits = np.isfinite(r.value) & (r.ts >= FIRST) & (r.ts <= LAST) & (r.point >= 0)
    return r if fits.all() else r.rows(fits)
