"""Windows of a point, made of readings or of rollups: the arithmetic that every store shares.

Everything is a part of a window: a reading is a part with one value, a rollup a part with many.
Parts of a window add up; the last value is the one with the greatest time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from park.errors import UserError
from park.events import Bands, Level, Rollups
from park.ports import Buckets
from park.readings import Bool, Float64, Int64, Quality, ReadingBatch, Rows

WIDTH = {Level.MINUTE: 60_000, Level.QUARTER: 900_000, Level.HOUR: 3_600_000, Level.DAY: 86_400_000}  # ms
COARSE_FIRST = (Level.DAY, Level.HOUR, Level.QUARTER, Level.MINUTE)
MOST_WINDOWS = 200_000  # of one answer: 20 MB of columns, far more than any chart draws

ROLLUP_TYPES = {
    "point": np.int32, "start": np.int64, "count": np.int32, "total": np.float64, "low": np.float64,
    "high": np.float64, "last": np.float64, "last_ts": np.int64, "good": np.int64, "bad": np.int32,
}  # fmt: skip
ROLLUP_COLUMNS = tuple(ROLLUP_TYPES)


HOUR = 3_600_000  # ms


def bands_of(columns: Mapping[str, np.ndarray]) -> Bands:
    """Return bands by point and start; of one window told twice the last holds."""
    order = np.lexsort((columns["start"], columns["point"]))  # stable: what was told later stays behind
    c = {name: column[order] for name, column in columns.items()}
    last = (np.diff(c["point"], append=-1) != 0) | (np.diff(c["start"], append=-1) != 0)
    c = {name: column[last] for name, column in c.items()}
    width = int(c["width"].min()) if len(c["width"]) else HOUR
    return Bands(
        c["point"].astype(np.int32), c["start"].astype(np.int64), width, c["expected"], c["lower"], c["upper"],
        c["score"], c["learning"].astype(np.bool_),
    )  # fmt: skip


def band_columns(bands: Bands) -> tuple[np.ndarray, ...]:
    """Return bands as columns of the table that holds them; rows that are no numbers are left out."""
    known = np.isfinite(bands.expected) & np.isfinite(bands.low) & np.isfinite(bands.high) & np.isfinite(bands.score)
    columns = (
        bands.point, bands.start, np.full(len(bands.point), bands.width, np.int32), bands.expected, bands.low,
        bands.high, bands.score, bands.learning.astype(np.uint8),
    )  # fmt: skip
    return tuple(column[known] for column in columns)


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of windows of one point, one row each; parts without values are left out."""

    at: Int64  # epoch ms, any time inside the window
    count: Int64
    total: Float64
    low: Float64
    high: Float64
    last: Float64
    last_ts: Int64
    good: Int64  # ms that good readings stand for

    def rows(self, rows: slice | Rows | Bool) -> "Parts":
        """Return some rows."""
        return Parts(*(getattr(self, f.name)[rows] for f in fields(self)))


def joined(parts: Sequence[Parts]) -> Parts:
    """Join parts in order."""
    if not parts:
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return Parts(whole, whole, real, real, real, real, whole, whole)
    return Parts(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Parts)))


def folded(parts: Parts, step: int, offset: int) -> Parts:
    """Add parts up to one row a window of `step` ms, rising; `at` becomes the window's start."""
    if not len(parts.at):
        return parts
    window = (parts.at - offset) // step
    order = np.lexsort((parts.last_ts, window))
    parts, window = parts.rows(order), window[order]
    first = np.flatnonzero(np.diff(window, prepend=window[0] - 1))
    final = np.append(first[1:], len(window)) - 1
    return Parts(
        window[first] * step + offset,
        np.add.reduceat(parts.count, first),
        np.add.reduceat(parts.total, first),
        np.minimum.reduceat(parts.low, first),
        np.maximum.reduceat(parts.high, first),
        parts.last[final],
        parts.last_ts[final],
        np.add.reduceat(parts.good, first),
    )


def parts_of_readings(readings: ReadingBatch, interval: int, step: int, offset: int) -> Parts:
    """Return the windows of one point's readings, which rise by ts; bad ones do not count.

    A reading stands for the time since the good one before it, at most two of its point's intervals
    (the rule of the rollups); `interval` 0 takes the median distance of these readings.
    """
    good = readings.quality < Quality.SUSPECT
    ts, value = readings.ts[good], readings.value[good]
    if not len(ts):
        return joined([])
    if not interval:
        interval = int(np.median(np.diff(ts))) if len(ts) > 1 else step
    one = np.ones(len(ts), np.int64)
    made = folded(Parts(ts, one, value, value, value, value, ts, np.zeros(len(ts), np.int64)), step, offset)
    gap = np.minimum(np.diff(ts, prepend=ts[0] - interval), 2 * interval)
    # Covered time up to t, as a broken line; a window's share is what the line rises inside it.
    corner = np.column_stack((ts - gap, ts)).ravel()
    height = np.column_stack((np.cumsum(gap) - gap, np.cumsum(gap))).ravel()
    covered = np.interp(made.at + step, corner, height) - np.interp(made.at, corner, height)
    return Parts(
        made.at, made.count, made.total, made.low, made.high, made.last, made.last_ts, covered.astype(np.int64)
    )


def parts_of_rollups(rows: Rollups) -> Parts:
    """Return the parts of one point's rollups that hold values."""
    full = rows.count > 0
    return Parts(
        rows.start[full],
        rows.count[full].astype(np.int64),
        rows.total[full],
        rows.low[full],
        rows.high[full],
        rows.last[full],
        rows.last_ts[full],
        rows.good[full],
    )


def added(rows: Rollups) -> Rollups:
    """Add parts up to one row a point and start, by point and start.

    A window without values keeps its count of bad readings; its low, high and last are 0.
    """
    if not len(rows.point):
        return rows
    order = np.lexsort((rows.last_ts, rows.count > 0, rows.start, rows.point))
    c = {name: getattr(rows, name)[order] for name in ROLLUP_COLUMNS}
    fresh = (np.diff(c["point"], prepend=-1) != 0) | (np.diff(c["start"], prepend=c["start"][0] - 1) != 0)
    first = np.flatnonzero(fresh)
    final = np.append(first[1:], len(order)) - 1
    empty = c["count"] == 0
    low = np.minimum.reduceat(np.where(empty, np.inf, c["low"]), first)
    high = np.maximum.reduceat(np.where(empty, -np.inf, c["high"]), first)
    none = np.isinf(low) & np.isinf(high)
    return Rollups(
        rows.level,
        c["point"][first],
        c["start"][first],
        np.add.reduceat(c["count"], first),
        np.add.reduceat(np.where(empty, 0.0, c["total"]), first),
        np.where(none, 0.0, low),
        np.where(none, 0.0, high),
        np.where(none, 0.0, c["last"][final]),
        c["last_ts"][final],
        np.add.reduceat(c["good"], first),
        np.add.reduceat(c["bad"], first),
    )


def rollups_of(level: Level, columns: Sequence[np.ndarray]) -> Rollups:
    """Build rollups from columns in the order of ROLLUP_COLUMNS."""
    kinds = ROLLUP_TYPES.values()
    return Rollups(level, *(np.asarray(c, kind) for c, kind in zip(columns, kinds, strict=True)))


def buckets(
    readings: Callable[[int, int], Iterable[ReadingBatch]],
    rollups: Callable[[Level, int, int], Rollups],
    start: int,
    end: int,
    step: int,
    offset: int,
    interval: int,
) -> Buckets:
    """Return windows of `step` ms over start <= t < end, aligned to `offset`.

    Takes the coarsest rollups whose windows tile the step as far as there are any, finer ones or
    readings before, after and at ragged edges: so the answer is exact, and current to the last reading.
    `readings` gives pieces that rise by ts, `rollups` rows by start with parts added up.
    """
    if step <= 0:
        raise UserError("a step is longer than 0 ms")
    open_ranges = [(start, end)] if start < end else []
    parts: list[Parts] = []
    for level in COARSE_FIRST:
        width = WIDTH[level]
        if step % width or (level is not Level.DAY and offset % width):
            continue
        left: list[tuple[int, int]] = []
        for a, b in open_ranges:
            rows = rollups(level, a, b) if b - a >= width else None
            if rows is None or not len(rows.start) or bool(((rows.start - offset) % width).any()):
                left.append((a, b))
                continue
            whole = rows.start <= b - width
            rows = Rollups(level, *(getattr(rows, name)[whole] for name in ROLLUP_COLUMNS))
            if not len(rows.start):
                left.append((a, b))
                continue
            parts.append(parts_of_rollups(rows))
            left += [(a, int(rows.start[0])), (int(rows.start[-1]) + width, b)]
        open_ranges = [(a, b) for a, b in left if a < b]
    for a, b in open_ranges:
        parts += [parts_of_readings(piece, interval, step, offset) for piece in readings(a, b)]
        bounded(parts)
    made = folded(joined(parts), step, offset)
    if len(made.at) > MOST_WINDOWS:
        raise UserError(f"more than {MOST_WINDOWS} windows; ask for a longer step or a shorter range")
    inside = np.minimum(made.at + step, end) - np.maximum(made.at, start)
    share = np.clip(made.good / np.maximum(inside, 1), 0.0, 1.0)
    return Buckets(made.at, made.count, made.total / made.count, made.low, made.high, made.last, made.total, share)


def bounded(parts: Sequence[Parts]) -> None:
    """Raise UserError before an answer grows beyond what a caller may ask for."""
    if sum(len(p.at) for p in parts) > 2 * MOST_WINDOWS:
        raise UserError(f"more than {MOST_WINDOWS} windows; ask for a longer step or a shorter range")
