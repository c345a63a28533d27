"""Sums over open clock windows of a few points, by event time: the same whatever the order of arrival.

```
 lateness 2 min, log time 10:07     windows of an hour      10h | 11h | 12h | 13h     a ring of four
                                    told at 11:02:          10h
```
Values are summed as whole ten-thousandths, so that no order of arrival changes a last digit. What falls
outside the ring (older than the lateness bound allows, or hours ahead) is left out: stored rollups hold it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from park.directory import grown
from park.readings import Float64, Int64, Rows
from stream.windows import FULL, SLOTS

RING = 4  # windows; a power of two
_SCALE = 1e4  # parts of a unit that sums are kept in
_LARGEST = 1e9  # a day of readings each second of it still fits into 63 bits


@dataclass(frozen=True, slots=True)
class Closed:
    """What was in windows that are over; one row a slot."""

    slot: Rows
    begin: Int64  # epoch ms
    total: Float64
    count: Int64
    share: Float64  # of the window that readings stand for


class Sums:
    """The open windows of one width, a slot a point; slot 0 is none."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.bound = 0  # log time less the lateness bound, epoch ms
        self.points: list[int] = [0]  # by slot
        self._slot_of: dict[int, int] = {}
        self._slot: NDArray[np.int32] = np.zeros(2, np.int32)  # by point; the last row is for all beyond
        self._offset: Int64 = np.zeros(1, np.int64)  # by slot: ms from UTC to park time
        self._reach: Float64 = np.zeros(1)  # by slot: promised interval in 60ths of the window
        self._total: Int64 = np.zeros((RING, 1), np.int64)
        self._count: Int64 = np.zeros((RING, 1), np.int64)
        self._mask: NDArray[np.uint64] = np.zeros((RING, 1), np.uint64)

    def slot(self, point: int) -> int:
        """Return the slot of a point; 0: it has none."""
        return self._slot_of.get(point, 0)

    def watch(self, point: int, interval: int, offset: int) -> None:
        """Give a point a slot, or renew what is known of it: ms between readings, ms from UTC to park time."""
        slot = self._slot_of.get(point)
        if slot is None:
            slot = self._slot_of[point] = len(self.points)
            self.points.append(point)
            self._offset, self._reach = grown(self._offset, slot + 1), grown(self._reach, slot + 1)
            for name in ("_total", "_count", "_mask"):
                old = getattr(self, name)
                if old.shape[1] <= slot:
                    wider = np.zeros((RING, max(slot + 1, 2 * old.shape[1], 64)), old.dtype)
                    wider[:, : old.shape[1]] = old
                    setattr(self, name, wider)
            if point + 1 >= len(self._slot):
                self._slot = np.append(grown(self._slot[:-1], point + 1), np.int32(0))
            self._slot[point] = slot
        self._offset[slot] = offset
        self._reach[slot] = min(interval, self.width) * (SLOTS / self.width)

    def add(self, point: NDArray[np.int32], ts: Int64, value: Float64) -> None:
        """Add good readings, finite ones."""
        slot = self._slot.take(point, mode="clip").astype(np.intp)
        shifted = ts + self._offset[slot]
        number = shifted // self.width
        first = (self.bound + self._offset[slot]) // self.width
        fits = (slot > 0) & ((number - first).view(np.uint64) < RING) & (np.abs(value) <= _LARGEST)
        if not fits.all():
            slot, shifted, number, value = slot[fits], shifted[fits], number[fits], value[fits]
        row = number & (RING - 1)
        np.add.at(self._total, (row, slot), np.rint(value * _SCALE).astype(np.int64))
        np.add.at(self._count, (row, slot), 1)
        at = (shifted - number * self.width) * (SLOTS / self.width)
        begin = np.rint(np.maximum(at - self._reach[slot], 0.0)).astype(np.intp)
        end = np.rint(np.minimum(at + self._reach[slot], SLOTS)).astype(np.intp)
        np.bitwise_or.at(self._mask, (row, slot), FULL[end] ^ FULL[begin])

    def close(self, bound: int) -> Iterator[Closed]:
        """Move on to a bound; yield the windows that end at it or before it, the oldest first."""
        before, self.bound = self.bound, bound
        size, width = len(self.points), self.width
        offset = self._offset[:size]
        parts: list[tuple[int, Closed]] = []
        for shift in np.unique(offset).tolist():
            first, last = (before + shift) // width, (bound + shift) // width
            if first == last:
                continue
            mine = offset == shift
            for number in range(first, min(last, first + RING)):
                row = number & (RING - 1)
                used = np.flatnonzero(mine & (self._count[row, :size] > 0))
                if len(used):
                    parts.append((number * width - shift, self._take(row, used, number * width - shift)))
        for _, part in sorted(parts, key=lambda p: p[0]):
            yield part

    def _take(self, row: int, slots: Rows, begin: int) -> Closed:
        total, count = self._total[row, slots] / _SCALE, self._count[row, slots]
        share = np.bitwise_count(self._mask[row, slots]) / SLOTS
        self._total[row, slots] = self._count[row, slots] = 0
        self._mask[row, slots] = 0
        return Closed(slots, np.full(len(slots), begin, np.int64), total, count, share)

    def cells(self) -> dict[str, NDArray[np.int64]]:
        """Return the cells in use: row of the ring, point, and what is in them."""
        row, slot = np.nonzero(self._count[:, : len(self.points)])
        return {
            "row": row.astype(np.int64), "point": np.array(self.points, np.int64)[slot],
            "total": self._total[row, slot], "count": self._count[row, slot],
            "mask": self._mask[row, slot].view(np.int64),
        }  # fmt: skip

    def take_cells(self, cells: dict[str, NDArray[np.int64]], bound: int) -> None:
        """Take what `cells` gave, of the points that have a slot."""
        self.bound = bound
        for column in (self._total, self._count, self._mask):
            column[...] = 0
        slot = np.array([self.slot(p) for p in cells["point"].tolist()], np.intp)
        known = slot > 0
        at = cells["row"][known], slot[known]
        self._total[at], self._count[at] = cells["total"][known], cells["count"][known]
        self._mask[at] = cells["mask"][known].view(np.uint64)
