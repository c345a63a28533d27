"""Sum up readings by minute, quarter hour, hour and park day.

Event-time. A window is told when log time has passed its end by the lateness bound; later data are told
as further parts of it, never as a twin, and nothing is dropped. Log time comes from receipt, so that no
device's clock can close a window. Per-reading work is done in the finest level of a point only:

```
 readings ──> 1m ──> 15m ──> 1h ──> 1d        a window that closes is one row for the next level
```
A level is kept where a window holds at least two promised readings; derived points begin at 15 minutes.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from park.directory import Directory, grown
from park.events import Level
from park.metrics import METRICS, NAMES, Kind
from park.operator import Emit, State
from park.readings import Bool, Float64, Int8, Int64, Quality, ReadingBatch, Rows
from park.records import Config
from stream.windows import FULL, SLOTS, Cells, Parts, Shape, Windows, reduced, told

VERSION = 1
LATENESS = 120_000  # ms: what gateways need to send on, twice over
SHAPES = (
    Shape(Level.MINUTE, 60_000, 4),  # the minute that log time is in, two before it, one after
    Shape(Level.QUARTER, 900_000, 2),
    Shape(Level.HOUR, 3_600_000, 2),
    Shape(Level.DAY, 86_400_000, 2),
)
_DAY = len(SHAPES) - 1
_WIDTH = np.array([shape.width for shape in SHAPES])  # ms
_RING = np.array([shape.ring for shape in SHAPES], np.int64)
_ROWS = int(_RING.sum())
_BASE = np.cumsum(_RING) - _RING  # first row of a level among the cells
_SPAN = _RING.astype(np.uint64)
_MASK = _RING - 1
_PER_SLOT = SLOTS / _WIDTH
_NONE = -1
_SUSPECT, _RETAINED = np.uint8(Quality.SUSPECT), np.uint8(Quality.RETAINED)
_AMOUNT = np.array([METRICS[n].kind in {Kind.INTERVAL, Kind.COUNT} for n in NAMES] + [False])


class Rollups:
    """Emit the windows of every point.

    `good` is the time that good readings stand for: each for its promised interval before and after it,
    within its window, what overlaps counted once. That is the time since the good reading before, at
    most twice the interval, and it does not depend on the order of arrival. Late parts cannot see what
    was told before; each of their readings stands for one interval.
    """

    name = "rollups"

    def __init__(self, directory: Directory, lateness: int = LATENESS) -> None:
        self._directory = directory
        self._lateness = lateness
        self._cells = Cells(_ROWS)
        self._levels = tuple(
            Windows(shape, base, self._cells) for shape, base in zip(SHAPES, _BASE.tolist(), strict=True)
        )
        self._now = 0
        self._first: Int64 = np.zeros(len(SHAPES), np.int64)  # number of the oldest open window, by level
        # A point's windows are 640 bytes, and a partition of a city knows a fraction of its points: so all is kept
        # by rank, in which points were named.
        self._rank: Rows = np.full(1, _NONE, np.intp)  # by point
        self._point: NDArray[np.int32] = np.zeros(1, np.int32)  # by rank
        self._ranks = 0
        self._finest: Int8 = np.zeros(1, np.uint8)  # index into SHAPES
        self._reach: NDArray[np.float32] = np.zeros(1, np.float32)  # interval in slots of the finest level

    def _ranked(self, points: NDArray[np.int32]) -> Rows:
        """Return the ranks of points, given out where they have none."""
        if len(self._rank) < len(self._directory.metric):
            self._rank = grown(self._rank, len(self._directory.metric), _NONE)
        rank: Rows = self._rank.take(points)
        if len(rank) and rank.min() < 0:
            new = np.unique(points[rank < 0])
            begin, self._ranks = self._ranks, self._ranks + len(new)
            self._point = grown(self._point, self._ranks)
            self._finest, self._reach = grown(self._finest, self._ranks), grown(self._reach, self._ranks)
            self._point[begin : self._ranks] = new
            self._rank[new] = np.arange(begin, self._ranks)
            if self._ranks > self._cells.size:  # a point has 640 bytes, and a city many
                self._cells.grow(max(self._ranks, self._cells.size * 9 // 8))
            self._shift()
            rank = self._rank.take(points)
        return rank

    def _shift(self) -> None:
        """Let the days of points begin where those of their park do."""
        d = self._directory
        known = np.zeros(d.place_size + 1, np.int64)  # ms east of UTC, by park; the last: not known
        for place in d.places.values():
            known[place.place] = place.utc_offset * 60_000
        self._levels[_DAY].shift(known[np.minimum(d.park[self._point[: self._ranks]], d.place_size)])

    def _tell(self, level: int, parts: Parts, emit: Emit) -> None:
        """Tell parts under their points, rising."""
        point: Rows = self._point[parts.point].astype(np.intp)
        if len(point) > 1 and (np.diff(point) < 0).any():
            order = np.argsort(point, kind="stable")
            parts, point = parts.rows(order), point[order]
        emit(told(SHAPES[level].level, replace(parts, point=point)))

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add the readings to their windows; tell at once what belongs to windows that are not open."""
        if not len(batch):
            return batch
        if not self._now:
            self._move(int(batch.received[0]) // 60_000 * 60_000, emit)
        point = self._ranked(batch.point)
        good = self._good(batch, point)
        finest = self._finest[point]
        level: Rows | int = int(finest[0])
        if not (finest == level).all():
            level = finest.astype(np.intp)
        width = _WIDTH[level]
        number = batch.ts // width
        outside = (number - self._first[level]).view(np.uint64) >= _SPAN[level]  # behind is huge
        outside |= finest == _DAY  # whose days begin at different times
        ts, value = batch.ts, batch.value
        cell = ((number & _MASK[level]) + _BASE[level]) * self._cells.size + point
        slot = (ts - number * width) * _PER_SLOT[level]
        if good is not None:
            bad = ~good
            bad &= ~outside
            self._cells.add_bad(cell[bad])
        if outside.any():
            for some in range(int(finest[outside].min()), len(SHAPES)):
                rows = np.flatnonzero(outside & (finest == some))
                part = self._parts(some, batch.rows(rows), point[rows], None if good is None else good[rows])
                self._add_parts(some, part, emit)
            counted = ~outside if good is None else good & ~outside
        else:
            counted = good
        if counted is not None:
            cell, point, ts, value, slot = cell[counted], point[counted], ts[counted], value[counted], slot[counted]
        self._cells.add_readings(cell, ts, value, self._slots(point, slot))
        return batch

    def _good(self, batch: ReadingBatch, point: Rows) -> Bool | None:
        """Return which rows count; None: all do."""
        quality = batch.quality
        if not quality.any():
            return None
        good = quality < _SUSPECT
        retained = quality == _RETAINED
        if retained.any():  # an amount that a broker tells again is not a second amount
            good &= ~(retained & _AMOUNT[self._directory.metric[self._point[point]]])
        return None if good.all() else good

    def _slots(self, point: Rows, slot: Float64) -> NDArray[np.uint64]:
        """Return the slots of the window that readings stand for: those whose middle is within reach."""
        reach = self._reach[point]
        first = np.rint(np.maximum(slot - reach, 0.0)).astype(np.intp)
        end = np.rint(np.minimum(slot + reach, SLOTS)).astype(np.intp)
        slots: NDArray[np.uint64] = FULL[end] ^ FULL[first]
        return slots

    def _parts(self, level: int, batch: ReadingBatch, point: Rows, good: Bool | None) -> Parts:
        """Return readings as parts of windows, one each."""
        good = np.ones(len(batch), np.bool_) if good is None else good
        count = good.astype(np.int64)
        interval = np.minimum(self._directory.interval[self._point[point]], SHAPES[level].width)
        return Parts(
            point, batch.ts, count, np.where(good, batch.value, 0.0), np.where(good, batch.value, np.inf),
            np.where(good, batch.value, -np.inf), np.where(good, batch.value, 0.0),
            np.where(good, batch.ts, -1), interval * count, 1 - count,
        )  # fmt: skip

    def _add_parts(self, level: int, parts: Parts, emit: Emit) -> None:
        """Add parts to open windows; tell the others at once, and hand them on to the next level."""
        while len(parts):
            windows = self._levels[level]
            cell, outside, begin = windows.cells(parts.point, parts.at)
            if not outside.any():
                self._cells.add_parts(cell, parts)
                return
            self._cells.add_parts(cell[~outside], parts.rows(~outside))
            parts = reduced(parts.rows(outside), begin[outside])
            self._tell(level, parts, emit)
            level += 1
            if level > _DAY:
                return

    def on_tick(self, now: int, emit: Emit) -> None:
        """Tell the windows that log time has left behind."""
        self._move(now, emit)

    def _move(self, now: int, emit: Emit) -> None:
        if now <= self._now:
            return
        self._now = now
        for level, windows in enumerate(self._levels):
            for parts in windows.close(now - self._lateness):
                self._tell(level, parts, emit)
                if level < _DAY:
                    self._add_parts(level + 1, parts, emit)
        self._first = (now - self._lateness) // _WIDTH

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take the levels that new points are kept in."""
        del emit
        ranks = self._ranked(np.array([row.point for row in config.points], np.int32)).tolist()
        if config.points or config.places:
            self._shift()
        for row, rank in zip(config.points, ranks, strict=True):
            derived = row.source > 0
            finest = 1 if derived else 0
            while finest < _DAY and SHAPES[finest].width < 2 * row.interval and not derived:
                finest += 1
            self._finest[rank] = finest
            self._reach[rank] = row.interval * (SLOTS / SHAPES[finest].width)

    def snapshot(self) -> State:
        """Return copies of all open windows."""
        cells = dict(self._cells.snapshot())
        cells["point"] = self._point[cells["point"]]
        return {"version": np.array(VERSION), "now": np.array(self._now), **cells}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._cells.restore({**state, "point": self._ranked(state["point"].astype(np.int32))})
        self._now = int(state["now"])
        if self._now:
            self._first = (self._now - self._lateness) // _WIDTH
            for windows in self._levels:
                windows.bound = self._now - self._lateness
