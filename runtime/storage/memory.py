"""Time series in dictionaries: small, obviously right, and gone when the process ends."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from park.events import Bands, Level, Rollups
from park.ports import Buckets, Chunk, Latest
from park.readings import Bool, ReadingBatch, batch_of
from runtime.storage.kinds import BANDS
from runtime.storage.windows import ROLLUP_COLUMNS, added, band_columns, bands_of, buckets, rollups_of

HOUR = 3_600_000  # ms


def no_column() -> NDArray[np.int64]:
    """Return a column that knows no point."""
    return np.zeros(0, np.int64)


def at_point(column: NDArray[np.generic], point: int) -> int:
    """Return a point's entry in a column by point number; 0 where it has none."""
    return int(column[point]) if 0 <= point < len(column) else 0


class MemoryStore:
    """A ReadingStore that keeps (value, quality, received) by point and ts.

    `gateway_of` gives the gateway of each point by number, `interval_of` its promised interval (ms).
    """

    def __init__(
        self,
        gateway_of: Callable[[], NDArray[np.int32]] = lambda: np.zeros(0, np.int32),
        interval_of: Callable[[], NDArray[np.int64]] = no_column,
    ) -> None:
        self._gateway_of = gateway_of
        self._interval_of = interval_of
        self._readings: dict[int, dict[int, tuple[float, int, int]]] = {}
        self._rollups: dict[Level, list[Rollups]] = {level: [] for level in Level}
        self._bands: list[tuple[NDArray[Any], ...]] = []
        self._counted: Counter[tuple[int, int, str]] = Counter()
        self._taken: dict[str, int] = {}
        self._lasting: dict[str, int] = {}

    def write(self, chunk: Chunk) -> None:
        """Take a chunk, unless it was taken before."""
        if chunk.position <= self._taken.get(chunk.lane, 0):
            return
        r = chunk.readings
        finite = np.isfinite(r.value)
        columns = (c[finite].tolist() for c in (r.point, r.ts, r.value, r.quality, r.received))
        for point, ts, value, quality, received in zip(*columns, strict=True):
            of_point = self._readings.setdefault(point, {})
            before = of_point.get(ts)
            if before is None:
                of_point[ts] = (value, quality, received)
            elif before[0] != value:  # a correction; the ledger counts it once, where it first came
                of_point[ts] = (value, quality, before[2])
        for rows in chunk.rollups:
            self._rollups[rows.level].append(rows)
        for told in chunk.counted:
            columns = (c.tolist() for c in (told.gateway, told.hour, told.duplicates, told.readings))
            for gateway, hour, duplicates, readings in zip(*columns, strict=True):
                self._counted[gateway, hour, "duplicates"] += duplicates
                self._counted[gateway, hour, "readings"] += readings
        self._taken[chunk.lane] = chunk.position

    def write_bands(self, bands: Bands) -> None:
        """Take windows of what was usual."""
        self._bands.append(band_columns(bands))

    def bands(self, point: int, start: int, end: int) -> Bands:
        """Return the windows of a point with start <= their start < end, rising."""
        none: tuple[NDArray[Any], ...] = tuple(np.zeros(0, kind) for kind in BANDS.types.values())
        columns = [np.concatenate(several) for several in zip(none, *self._bands, strict=True)]
        mine = (columns[0] == point) & (columns[1] >= start) & (columns[1] < end)
        return bands_of({name: column[mine] for name, column in zip(BANDS.types, columns, strict=True)})

    def flush(self) -> None:
        """Call everything lasting that was taken: as lasting as memory is."""
        self._lasting.update(self._taken)

    def position(self, stream: str) -> int:
        """Return the log position of the last chunk before the last flush."""
        return self._lasting.get(stream, 0)

    def known(self, readings: ReadingBatch) -> Bool:
        """Return for each reading whether its point and time are stored already."""
        pairs = zip(readings.point.tolist(), readings.ts.tolist(), strict=True)
        return np.array([ts in self._readings.get(point, {}) for point, ts in pairs], np.bool_)

    def raw(self, point: int, start: int, end: int, limit: int) -> ReadingBatch:
        """Return readings with start <= ts < end, rising by ts, at most `limit` from the start."""
        rows = sorted((ts, *row) for ts, row in self._readings.get(point, {}).items() if start <= ts < end)
        return batch_of([(point, *row) for row in rows[: max(limit, 0)]])

    def buckets(self, point: int, start: int, end: int, step: int, offset: int = 0) -> Buckets:
        """Return windows of `step` ms, aligned to `offset`, from readings or the rollups that suffice."""
        return buckets(
            lambda a, b: [self.raw(point, a, b, 1 << 62)],
            lambda level, a, b: self.rollups(level, [point], a, b),
            start,
            end,
            step,
            offset,
            at_point(self._interval_of(), point),
        )

    def rollups(self, level: Level, points: Sequence[int], start: int, end: int) -> Rollups:
        """Return the whole windows of a level (parts added up), by point and start."""
        parts = self._rollups[level] or [rollups_of(level, [()] * len(ROLLUP_COLUMNS))]  # type: ignore[list-item]
        columns = [np.concatenate([getattr(p, name) for p in parts]) for name in ROLLUP_COLUMNS]
        wanted = np.isin(columns[0], list(points)) & (columns[1] >= start) & (columns[1] < end)
        return added(rollups_of(level, [c[wanted] for c in columns]))

    def latest(self, points: Sequence[int]) -> Latest:
        """Return the newest reading of each point."""
        newest = [
            (point, ts, *self._readings[point][ts])
            for point in points
            if point in self._readings
            for ts in [max(self._readings[point])]
        ]
        b = batch_of(newest)
        return Latest(b.point, b.ts, b.value, b.quality.astype(np.int32), b.received)

    def stored(self, start: int, end: int) -> Mapping[tuple[int, int], int]:
        """Count readings by (gateway, hour of receipt), of the hours that begin in start <= hour < end."""
        gateways = self._gateway_of()
        return Counter(
            (at_point(gateways, point), received - received % HOUR)
            for point, rows in self._readings.items()
            for _, _, received in rows.values()
            if start <= received - received % HOUR < end
        )

    def counted(self, start: int, end: int) -> Mapping[tuple[int, int], tuple[int, int]]:
        """Return (duplicates, readings) that the quality stage counted, by (gateway, hour of receipt)."""
        keys = {(gateway, hour) for gateway, hour, _ in self._counted if start <= hour < end}
        return {k: (self._counted[*k, "duplicates"], self._counted[*k, "readings"]) for k in keys}

    def close(self) -> None:
        """Flush; there is nothing to release."""
        self.flush()
