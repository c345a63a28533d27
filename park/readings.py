"""Readings as columns, and what is known of how good they are."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Int8 = npt.NDArray[np.uint8]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


class Quality(IntEnum):
    """How far a value may be trusted.

    Below LATE it is good for the present; below SUSPECT it is good for history (rollups count it
    as good time); the rest is kept and shown, and decides nothing but a life-safety alarm.
    """

    GOOD = 0
    ESTIMATED = 1  # spread over a gap, or carried from a partial update
    LATE = 64  # older than what the point has already said, or back-filled: true of the past only
    RETAINED = 65  # replayed by the broker at (re)connect: old state, not news
    SUSPECT = 128  # fails a plausibility check
    OUT_OF_RANGE = 129  # outside what the metric can be
    WRONG_CLOCK = 130  # the device's clock is off; `ts` is then the time of receipt
    STALE = 131  # the device or its gateway has been declared dead
    TEST = 160  # commissioning or drill (GB/T 45839-2025, 5.8.4): kept apart
    MAINTENANCE = 161


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings in order of arrival, one row each. Nobody writes to the arrays."""

    point: Int32  # the registry's number of device, metric and channel; never reused
    ts: Int64  # epoch ms, by the device's clock
    value: Float64  # in the unit of the point's metric
    quality: Int8  # Quality
    received: Int64  # epoch ms, stamped once, at the edge

    def __len__(self) -> int:
        return len(self.point)

    def rows(self, rows: slice | Rows | Bool) -> "ReadingBatch":
        """Return some rows; a slice gives views, not copies."""
        return ReadingBatch(self.point[rows], self.ts[rows], self.value[rows], self.quality[rows], self.received[rows])

    def with_quality(self, quality: Int8) -> "ReadingBatch":
        """Return the same readings with other quality codes."""
        return ReadingBatch(self.point, self.ts, self.value, quality, self.received)


_TYPES = {"point": np.int32, "ts": np.int64, "value": np.float64, "quality": np.uint8, "received": np.int64}
COLUMNS = tuple(f.name for f in fields(ReadingBatch))


def batch_of(rows: Sequence[tuple[int, int, float, int, int]]) -> ReadingBatch:
    """Build a batch from (point, ts, value, quality, received) tuples; for tests and small things."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    return ReadingBatch(**{n: np.array(c, _TYPES[n]) for n, c in zip(COLUMNS, columns, strict=True)})


def concat(batches: Sequence[ReadingBatch]) -> ReadingBatch:
    """Join batches in order; no batches give an empty one."""
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return batch_of([])
    return ReadingBatch(*(np.concatenate([getattr(b, name) for b in batches]) for name in COLUMNS))
