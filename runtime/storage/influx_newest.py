"""InfluxDB as those see it who only read: the newest values of points are kept, and asked for again in steps.

Pages ask for the newest values of a park each second. The newest of ever is a question to every shard; what is newer
than some minutes ago is one to the last, so that is what is asked once a point is known.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from park.ports import Latest
from runtime.storage.influx_store import InfluxStore

_FRESH = 0.8  # s that an answer is good for: a page's beat is a second
_BACK = 600_000  # ms: rows that are written late by more are found again by the question for all
_WHOLE = 300.0  # s after which a point is asked for as if it were not known


class NewestKept(InfluxStore):
    """An InfluxStore whose newest values may be a second old. Thread-safe."""

    def __init__(self, *given: Any, now: Callable[[], int], elapsed: Callable[[], float], **named: Any) -> None:
        """Take what InfluxStore takes, a clock (epoch ms), and one that nobody sets (s)."""
        super().__init__(*given, **named)
        self._now, self._elapsed = now, elapsed
        self._keeping = threading.Lock()
        self._kept: dict[int, tuple[int, float, int, int]] = {}  # point -> ts, value, quality, received
        self._asked_at: dict[int, tuple[float, float]] = {}  # point -> when it was asked for, and when for all

    def latest(self, points: Sequence[int]) -> Latest:
        """Return the newest reading of each point, as it was within the last second."""
        with self._keeping:
            at = self._elapsed()
            never = (-np.inf, -np.inf)
            asked = {p: self._asked_at.get(p, never) for p in points}
            whole = [p for p, (_, all_of_it) in asked.items() if at - all_of_it > _WHOLE]
            rest = set(whole)
            some = [p for p, (newest, _) in asked.items() if p not in rest and at - newest > _FRESH]
            if whole:
                self._keep(super().latest(whole))
                self._asked_at.update((p, (at, at)) for p in whole)
            if some:
                self._keep(self.latest_from(some, self._now() - _BACK))
                self._asked_at.update((p, (at, asked[p][1])) for p in some)
            rows = [(p, *self._kept[p]) for p in points if p in self._kept]
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 5
        kinds = (np.int32, np.int64, np.float64, np.int32, np.int64)
        return Latest(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))

    def _keep(self, found: Latest) -> None:
        columns = (found.point, found.ts, found.value, found.quality, found.received)
        for point, *row in zip(*(column.tolist() for column in columns), strict=True):
            kept = self._kept.get(point)
            if kept is None or kept[0] <= row[0]:
                self._kept[point] = (row[0], row[1], row[2], row[3])
