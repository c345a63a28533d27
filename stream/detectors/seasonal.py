"""Unusual values: far from what the point does at this hour of its park's day.

At most one reading a minute of each point is judged, and none more often than it promises: what is worth a
person's look lasts longer, and a fast lane pays two gathers for the rest. Late, estimated and doubtful
readings are neither judged nor learned.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.metrics import METRICS, NAMES, Kind
from park.operator import Emit, State
from park.readings import Int64, Quality, ReadingBatch, Rows
from park.records import Config
from stream.detectors.bands import HOURS, Bands
from stream.rounds import rounds

VERSION = 1
MINUTE, HOUR = 60_000, 3_600_000
_NEVER = 2**62
_KINDS = {Kind.GAUGE, Kind.INTERVAL, Kind.COUNT}
_JUDGED = np.array([METRICS[n].kind in _KINDS and not METRICS[n].steady for n in NAMES] + [False])
_COUNTS = np.array([METRICS[n].kind is Kind.COUNT for n in NAMES] + [False])


def steadied(value: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return counts with a scale that does not grow with their level (Anscombe)."""
    rooted: npt.NDArray[np.float64] = 2 * np.sqrt(np.maximum(value, 0) + 0.375)
    return rooted


def counted(value: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Undo `steadied`."""
    counts: npt.NDArray[np.float64] = np.maximum((np.maximum(value, 0) / 2) ** 2 - 0.375, 0)
    return counts


class Seasonal:
    """Find values that are unusual for their point and hour."""

    name = "seasonal"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._bands = Bands()
        self._due = np.full(2, _NEVER)  # by point: ts from which it is judged again; the last row is for all beyond
        self._pace: Int64 = np.zeros(2, np.int64)  # by point: ms between two that are judged
        self._offset: Int64 = np.zeros(2, np.int64)  # by point: ms from UTC to park time

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Judge what is due; the readings go on as they came."""
        due = batch.ts >= self._due.take(batch.point, mode="clip")
        if not due.any():
            return batch
        due &= (batch.quality == Quality.GOOD) & np.isfinite(batch.value)
        rows = np.flatnonzero(due)
        found: list[tuple[int, Finding]] = []
        for part in rounds(batch.point[rows]):
            self._round(batch, rows[part], found)
        for _, finding in sorted(found, key=lambda f: f[0]):  # in order of arrival, not of rounds
            emit(finding)
        return batch

    def _round(self, batch: ReadingBatch, rows: Rows, found: list[tuple[int, Finding]]) -> None:
        rows = rows[batch.ts[rows] >= self._due[batch.point[rows]]]  # a round before may have served the point
        if not len(rows):
            return
        point, ts = batch.point[rows], batch.ts[rows]
        self._due[point] = ts + self._pace[point]
        hour = (ts + self._offset[point]) // HOUR % HOURS
        is_count = _COUNTS[self._directory.metric[point]]
        value = np.where(is_count, steadied(batch.value[rows]), batch.value[rows])
        judged = self._bands.judge(point, ts, hour, value)
        for k in np.flatnonzero(judged.tells).tolist():
            expected, low, high = (
                float(counted(x[k])) if is_count[k] else float(x[k]) for x in (judged.expected, judged.low, judged.high)
            )
            i, p, d = int(rows[k]), int(point[k]), self._directory
            found.append((i, Finding(
                "anomaly", p, int(ts[k]), int(batch.received[i]), Severity.LOW, Reason.UNUSUAL, float(batch.value[i]),
                expected, low, high, float(judged.score[k]), int(d.device[p]), int(d.place[p]), int(d.park[p]),
            )))  # fmt: skip

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: a value that does not come is the business of health."""

    def on_config(self, config: Config, emit: Emit) -> None:  # noqa: ARG002 (nothing is told here)
        """Learn of points, their pace and their park's hours."""
        d = self._directory
        size = d.size + 1
        self._bands.grow(size)
        self._due, self._pace = grown(self._due, size, _NEVER), grown(self._pace, size)
        self._offset = grown(self._offset, size)
        parks = {place.place for place in config.places}
        for p in {row.point for row in config.points} | (
            {p for p, row in d.points.items() if row.park in parks} if parks else set()
        ):
            row = d.points[p]
            park = d.places.get(row.park)
            self._offset[p] = (park.utc_offset if park else 480) * MINUTE
            # A little less than promised, so that jitter does not skip every second reading.
            self._pace[p] = max(MINUTE, row.interval * 4 // 5)
            if _JUDGED[d.metric[p]]:
                self._due[p] = 0 if self._due[p] == _NEVER else self._due[p]
            else:
                self._due[p] = _NEVER
        self._due[-1] = _NEVER

    def snapshot(self) -> State:
        """Return copies of the state."""
        return {"version": np.array(VERSION), "due": self._due.copy(), **self._bands.snapshot()}

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot; what is due is kept where the registry still asks for it."""
        known = min(len(state["due"]), len(self._due))
        ask = self._due[:known] != _NEVER
        self._due[:known][ask] = np.where(state["due"][:known][ask] == _NEVER, 0, state["due"][:known][ask])
        self._bands.restore(state)
