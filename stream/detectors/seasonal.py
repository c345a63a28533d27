"""Unusual values: far from what the point does at this hour of its park's day.

At most one reading a minute of each point is judged, and none more often than it promises: what is worth a
person's look lasts longer, and a fast lane pays two gathers for the rest. Late, estimated and doubtful
readings are neither judged nor learned.

Amounts (use, counts) are judged by the hour, when the next one begins: their size depends on how often a
device speaks, their sum over an hour does not. The first hour of a point, and one that nothing was said
in, are no hours to judge.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.metrics import METRICS, NAMES, Kind
from park.operator import Emit, State
from park.readings import Bool, Float64, Int64, Quality, ReadingBatch, Rows
from park.records import Config
from stream.detectors.bands import HOURS, Bands
from stream.rounds import rounds

VERSION = 2
MINUTE, HOUR = 60_000, 3_600_000
_NEVER = 2**62
_JUDGED = np.array([METRICS[n].kind is Kind.GAUGE and not METRICS[n].steady for n in NAMES] + [False])
_AMOUNTS = np.array([METRICS[n].kind in {Kind.INTERVAL, Kind.COUNT} and not METRICS[n].steady for n in NAMES] + [False])
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
        self._amount: Bool = np.zeros(2, np.bool_)  # by point: judged by the hour; the last row is for all beyond
        self._open: Int64 = np.zeros(2, np.int64)  # by point: hour of park time that is being summed; 0: none
        self._sum: Float64 = np.zeros(2)  # by point, of that hour
        self._whole: Bool = np.zeros(2, np.bool_)  # by point: that hour was seen from its beginning

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Judge what is due; the readings go on as they came."""
        due = batch.ts >= self._due.take(batch.point, mode="clip")
        amount = self._amount.take(batch.point, mode="clip")
        found: list[tuple[int, Finding]] = []
        if due.any():
            due &= (batch.quality == Quality.GOOD) & np.isfinite(batch.value)
            rows = np.flatnonzero(due)
            for part in rounds(batch.point[rows]):
                self._round(batch, rows[part], found)
        if amount.any():
            self._add(batch, np.flatnonzero(amount & (batch.quality < Quality.LATE) & np.isfinite(batch.value)), found)
        for _, finding in sorted(found, key=lambda f: f[0]):  # in order of arrival, not of rounds
            emit(finding)
        return batch

    def _round(self, batch: ReadingBatch, rows: Rows, found: list[tuple[int, Finding]]) -> None:
        rows = rows[batch.ts[rows] >= self._due[batch.point[rows]]]  # a round before may have served the point
        if not len(rows):
            return
        point, ts = batch.point[rows], batch.ts[rows]
        self._due[point] = ts + self._pace[point]
        self._judge(batch, rows, ts, (ts + self._offset[point]) // HOUR, batch.value[rows], found)

    def _add(self, batch: ReadingBatch, rows: Rows, found: list[tuple[int, Finding]]) -> None:
        """Add amounts to their hours; judge an hour when its point has begun another."""
        point = batch.point[rows]
        hour = (batch.ts[rows] + self._offset[point]) // HOUR
        begins = hour > self._open[point]
        if begins.any():
            mixed = np.isin(point, point[begins])
            for part in rounds(point[mixed]):
                self._next_hours(batch, rows[mixed][part], hour[mixed][part], found)
            rows, point, hour = rows[~mixed], point[~mixed], hour[~mixed]
        now = hour == self._open[point]
        np.add.at(self._sum, point[now], batch.value[rows[now]])

    def _next_hours(self, batch: ReadingBatch, rows: Rows, hour: Int64, found: list[tuple[int, Finding]]) -> None:
        """Take rows of different points, some of which begin an hour."""
        point = batch.point[rows]
        begins = hour > self._open[point]
        ended = begins & self._whole[point]
        if ended.any():
            over = self._open[point[ended]]
            ts = over * HOUR - self._offset[point[ended]]
            self._judge(batch, rows[ended], ts, over, self._sum[point[ended]], found)
        new = point[begins]
        self._whole[new] = self._open[new] > 0
        self._open[new], self._sum[new] = hour[begins], 0.0
        now = hour == self._open[point]
        self._sum[point[now]] += batch.value[rows[now]]

    def _judge(
        self, batch: ReadingBatch, rows: Rows, ts: Int64, hour: Int64, value: Float64, found: list[tuple[int, Finding]]
    ) -> None:
        """Judge a value for each row's point, at times and hours of park time; tell what is unusual."""
        point, d = batch.point[rows], self._directory
        is_count = _COUNTS[d.metric[point]]
        judged = self._bands.judge(point, ts, hour % HOURS, np.where(is_count, steadied(value), value))
        for k in np.flatnonzero(judged.tells).tolist():
            expected, low, high = (
                float(counted(x[k])) if is_count[k] else float(x[k]) for x in (judged.expected, judged.low, judged.high)
            )
            i, p = int(rows[k]), int(point[k])
            found.append((i, Finding(
                "anomaly", p, int(ts[k]), int(batch.received[i]), Severity.LOW, Reason.UNUSUAL, float(value[k]),
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
        self._offset, self._amount = grown(self._offset, size), grown(self._amount, size)
        self._open, self._sum, self._whole = grown(self._open, size), grown(self._sum, size), grown(self._whole, size)
        parks = {place.place for place in config.places}
        for p in {row.point for row in config.points} | (
            {p for p, row in d.points.items() if row.park in parks} if parks else set()
        ):
            row = d.points[p]
            park = d.places.get(row.park)
            self._offset[p] = (park.utc_offset if park else 480) * MINUTE
            # A little less than promised, so that jitter does not skip every second reading.
            self._pace[p] = max(MINUTE, row.interval * 4 // 5)
            self._amount[p] = _AMOUNTS[d.metric[p]]
            if _JUDGED[d.metric[p]]:
                self._due[p] = 0 if self._due[p] == _NEVER else self._due[p]
            else:
                self._due[p] = _NEVER
        self._due[-1], self._amount[-1] = _NEVER, False

    def snapshot(self) -> State:
        """Return copies of the state."""
        return {
            "version": np.array(VERSION), "due": self._due.copy(), "open": self._open.copy(), "sum": self._sum.copy(),
            "whole": self._whole.copy(), **self._bands.snapshot(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot; what is due is kept where the registry still asks for it."""
        known = min(len(state["due"]), len(self._due))
        ask = self._due[:known] != _NEVER
        self._due[:known][ask] = np.where(state["due"][:known][ask] == _NEVER, 0, state["due"][:known][ask])
        for name, column in (("open", self._open), ("sum", self._sum), ("whole", self._whole)):
            known = min(len(state[name]), len(column))
            column[:known] = state[name][:known]
        self._bands.restore({name: column for name, column in state.items() if name not in {"open", "sum", "whole"}})
