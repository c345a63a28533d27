"""The store of readings and rollups over InfluxDB: what one partition's worker writes, and what the API reads.

```
 raw        one row a point and time: the newest value, with the receipt of the first
 rollups    one row a part: parts of a window lie a few nanoseconds apart and add up when they are read
 receipts   how many readings of a gateway and hour came in with which part of the log
```
Everything is written under a key that its place in the log decides, so writing again changes nothing. A part's
key is its window's start and, below the minute, the position in the log: InfluxQL's own sums add parts up, too.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from park.events import Bands, Level, Rollups
from park.metrics import Lane
from park.ports import Buckets, Chunk, Latest
from park.readings import Bool, Int32, Int64, ReadingBatch, batch_of
from park.series import BANDS, BY_LEVEL, RAW, RECEIPTS
from park.streams import lane_of
from runtime.storage.influx import Influx, Row, points_text
from runtime.storage.influx_bands import InfluxBands
from runtime.storage.influx_heads import Heads
from runtime.storage.influx_lines import Field, bodies
from runtime.storage.memory import at_point, no_column
from runtime.storage.windows import ROLLUP_COLUMNS, added, buckets, rollups_of

HOUR, MINUTE, SECOND = 3_600_000, 60_000, 1_000  # ms
_AT_ONCE = 400  # points of one condition
_NEVER = -(1 << 62)
_BELOW = 59_000_000_000  # ns of a minute that keys of parts use
_EDGE = 9_000_000_000_000  # ms; InfluxDB's times are nanoseconds in 64 bits


class Positions(Protocol):
    """Where it is written down how far a log lasts in this store."""

    def read(self, stream: str) -> int:
        """Return the position, 0 before the first."""

    def write(self, stream: str, position: int) -> None:
        """Keep it."""


SeriesOf = Callable[[int], tuple[str, str]]  # point -> (measurement, "measurement,tag=value,...")


class InfluxStore:
    """A ReadingStore over InfluxDB. One writer a partition; `writer` names it."""

    def __init__(
        self,
        influx: Influx,
        series_of: SeriesOf,
        positions: Positions,
        gateway_of: Callable[[], np.ndarray] = no_column,
        interval_of: Callable[[], np.ndarray] = no_column,
        writer: str = "0",
        learned: Callable[[], None] = lambda: None,
    ) -> None:
        """`learned` is called once `series_of` was asked of new points, whose names are kept here."""
        self._influx, self._series_of, self._positions = influx, series_of, positions
        self._gateway_of, self._interval_of, self._writer = gateway_of, interval_of, writer
        self._heads = Heads(lambda point: series_of(point)[1], learned)
        self._newest = np.full(64, _NEVER, np.int64)  # by point: ts of its newest row, of those asked for
        self._asked = np.zeros(64, np.bool_)  # by point: whether `_newest` holds what the server has
        self._bands = InfluxBands(influx, lambda point: _source(self._measurement(point)), self._heads.of)
        self._taken: dict[str, int] = {}

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def write(self, chunk: Chunk) -> None:
        """Store a chunk, unless it was taken before. Raises Unavailable; then it is to be written again, whole."""
        if chunk.position <= self._taken.get(chunk.lane, 0):
            return
        rows = _once(chunk.readings.rows(np.isfinite(chunk.readings.value)))
        fresh, changed = self._judged(rows)
        # Receipts first, and never again: a chunk whose writing broke off finds its own rows when it is written anew.
        if fresh.all() or not self._received(chunk):
            self._receive(chunk, rows.rows(fresh))
        self._store(changed)
        for level in {r.level for r in chunk.rollups}:
            parts = [r for r in chunk.rollups if r.level is level]
            columns = [np.concatenate([getattr(p, name) for p in parts]) for name in ROLLUP_COLUMNS]
            self._roll(added(rollups_of(level, columns)), _key(chunk))
        if len(rows):
            np.maximum.at(self._newest, rows.point, rows.ts)
        self._taken[chunk.lane] = chunk.position

    def write_bands(self, bands: Bands) -> None:
        """Store what was usual. Raises Unavailable."""
        self._bands.write_bands(bands)

    def bands(self, point: int, start: int, end: int) -> Bands:
        """Return the windows of a point with start <= their start < end, rising."""
        return self._bands.bands(point, start, end)

    def flush(self) -> None:
        """Write down how far everything lasts: every write was answered before."""
        for stream, position in self._taken.items():
            self._positions.write(stream, position)

    def position(self, stream: str) -> int:
        """Return the log position through which everything lasts."""
        return self._positions.read(stream)

    def _judged(self, rows: ReadingBatch) -> tuple[Bool, ReadingBatch]:
        """Return which rows are counted as received, and the rows to store."""
        self._learn(rows.point)
        old = np.flatnonzero(rows.ts <= self._newest[rows.point])
        fresh = np.ones(len(rows), np.bool_)
        if not len(old):
            return fresh, rows
        keep, received = np.ones(len(rows), np.bool_), rows.received.copy()
        there = self._rows_at(rows.rows(old))
        for row in old.tolist():
            before = there.get((int(rows.point[row]), int(rows.ts[row])))
            if before is None:
                continue
            fresh[row] = False
            if before[0] == rows.value[row]:
                keep[row] = False
            else:
                received[row] = before[1]
        stored = ReadingBatch(rows.point, rows.ts, rows.value, rows.quality, received)
        return fresh, stored.rows(keep)

    def _store(self, rows: ReadingBatch) -> None:
        fields = (Field("value", rows.value), Field("quality", rows.quality), Field("received", rows.received))
        for body in bodies(self._heads.of(rows.point), fields, rows.ts):
            self._influx.write(RAW.name, body, "ms")

    def _roll(self, rows: Rollups, key: int) -> None:
        full = rows.count > 0
        mean = rows.total / np.maximum(rows.count, 1)
        for some, values in ((full, True), (~full, False)):
            if not some.any():
                continue
            fields = [Field(name, getattr(rows, name)[some].astype(np.int64)) for name in ("count", "good", "bad")]
            if values:  # a window of bad readings only has no value, and says none
                fields += [
                    Field(name, getattr(rows, name)[some]) for name in ("total", "low", "high", "last", "last_ts")
                ]
                fields.append(Field("mean", mean[some]))
            time = rows.start[some] * 1_000_000 + key
            for body in bodies(self._heads.of(rows.point[some]), fields, time):
                self._influx.write(BY_LEVEL[rows.level].name, body, "ns")

    def _receive(self, chunk: Chunk, rows: ReadingBatch) -> None:
        counts: Counter[tuple[int, int, str]] = Counter()
        gateways = self._gateway_of()
        inside = rows.point < len(gateways)
        gateway = np.zeros(len(rows), np.int64)
        gateway[inside] = gateways[rows.point[inside]]
        hours = rows.received - rows.received % HOUR
        for hour in np.unique(hours).tolist():
            cells, numbers = np.unique(gateway[hours == hour], return_counts=True)
            for g, n in zip(cells.tolist(), numbers.tolist(), strict=True):
                counts[g, hour, "stored"] += n
        for told in chunk.counted:
            columns = (c.tolist() for c in (told.gateway, told.hour, told.duplicates, told.readings))
            for g, hour, duplicates, readings in zip(*columns, strict=True):
                counts[g, hour, "duplicates"] += duplicates
                counts[g, hour, "readings"] += readings
        key = _key(chunk)
        lines = [
            f"receipts,gateway={g},writer={self._writer} "
            + ",".join(f"{name}={counts[g, hour, name]}i" for name in ("stored", "duplicates", "readings"))
            + f" {hour * 1_000_000 + key}\n"
            for g, hour in sorted({(g, hour) for g, hour, _ in counts})
        ]
        if lines:
            self._influx.write(RECEIPTS.name, "".join(lines).encode(), "ns")

    def _received(self, chunk: Chunk) -> bool:
        """Return whether the receipts of a chunk are there: it was begun before."""
        hours = {int(h) for h in np.unique(chunk.readings.received - chunk.readings.received % HOUR)}
        writer = self._writer.replace("'", "")
        asked = [
            f'SELECT "stored" FROM "receipts" WHERE "writer" = \'{writer}\' AND time = {hour * 1_000_000 + _key(chunk)}'
            for hour in sorted(hours)
        ]
        return any(self._influx.query(RECEIPTS.name, ";".join(asked)))

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def known(self, readings: ReadingBatch) -> Bool:
        """Return for each reading whether its point and time are stored already."""
        there = self._rows_at(readings)
        pairs = zip(readings.point.tolist(), readings.ts.tolist(), strict=True)
        return np.array([pair in there for pair in pairs], np.bool_)

    def raw(self, point: int, start: int, end: int, limit: int) -> ReadingBatch:
        """Return readings with start <= ts < end, rising by ts, at most `limit` from the start."""
        if limit <= 0 or start >= end:
            return batch_of([])
        query = (
            f'SELECT "value", "quality", "received" FROM {_source(self._measurement(point))} '
            f'WHERE "point" = $point AND time >= $start AND time < $end ORDER BY time LIMIT {min(limit, 1 << 31)}'
        )
        (found,) = self._ask(RAW.name, query, start, end, point=str(int(point)))
        return batch_of([(point, ts, v, q, r) for _, rows in found for ts, v, q, r in rows])

    def buckets(self, point: int, start: int, end: int, step: int, offset: int = 0) -> Buckets:
        """Return windows of `step` ms, aligned to `offset`, from readings or the rollups that suffice."""
        return buckets(
            lambda a, b: [self.raw(point, a, b, 1 << 31)],
            lambda level, a, b: self.rollups(level, [point], a, b),
            start, end, step, offset, at_point(self._interval_of(), point),
        )  # fmt: skip

    def rollups(self, level: Level, points: Sequence[int], start: int, end: int) -> Rollups:
        """Return the whole windows of a level (parts added up), by point and start."""
        columns: list[list[float]] = [[] for _ in ROLLUP_COLUMNS]
        names = ROLLUP_COLUMNS[2:]
        fields = ", ".join(f'"{name}"' for name in names)
        for measurement, group in self._by_measurement(points):
            query = (
                f"SELECT {fields} FROM {_source(measurement)} WHERE {points_text(group)} "
                'AND time >= $start AND time < $end GROUP BY "point"'
            )
            (found,) = self._ask(BY_LEVEL[level].name, query, start, end)
            for tags, rows in found:
                for time, *values in rows:
                    row = [int(tags["point"]), time - time % MINUTE, *(0 if v is None else v for v in values)]
                    for column, value in zip(columns, row, strict=True):
                        column.append(value)
        return added(rollups_of(level, [np.array(c) for c in columns]))

    def latest(self, points: Sequence[int]) -> Latest:
        """Return the newest reading of each point."""
        return self.latest_from(points, -_EDGE)

    def latest_from(self, points: Sequence[int], start: int) -> Latest:
        """Return the newest reading of each point that has one with ts >= start."""
        found: dict[int, tuple[int, int, float, int, int]] = {}
        for measurement, group in self._by_measurement(points):
            query = (
                f'SELECT last("value"), "quality", "received" FROM {_source(measurement)} '
                f'WHERE {points_text(group)}{" AND time >= $start" if start > -_EDGE else ""} GROUP BY "point"'
            )
            (series,) = self._influx.query(RAW.name, query, {"start": start * 1_000_000} if start > -_EDGE else None)
            found |= {int(tags["point"]): (int(tags["point"]), *rows[0]) for tags, rows in series}
        b = batch_of([found[p] for p in points if p in found])
        return Latest(b.point, b.ts, b.value, b.quality.astype(np.int32), b.received)

    def stored(self, start: int, end: int) -> Mapping[tuple[int, int], int]:
        """Count readings that are stored by (gateway, hour of receipt)."""
        cells = self._receipts(start, end, '"stored"')
        return Counter({key: values[0] for key, values in cells.items() if values[0]})

    def counted(self, start: int, end: int) -> Mapping[tuple[int, int], tuple[int, int]]:
        """Return (duplicates, readings) that the quality stage counted, by (gateway, hour of receipt)."""
        cells = self._receipts(start, end, '"duplicates", "readings"')
        return {key: (values[0], values[1]) for key, values in cells.items() if any(values)}

    def forget(self, points: Sequence[int]) -> None:
        """Delete every reading and rollup of points: what was a person's."""
        for bucket in (RAW, BANDS, *BY_LEVEL.values()):
            for point in points:
                self._influx.forget(bucket.name, point)
        self._asked[[p for p in points if p < len(self._asked)]] = False

    def close(self) -> None:
        """Flush and release."""
        self.flush()
        self._influx.close()

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _receipts(self, start: int, end: int, fields: str) -> dict[tuple[int, int], list[int]]:
        query = f'SELECT {fields} FROM "receipts" WHERE time >= $start AND time < $end GROUP BY "gateway"'
        (found,) = self._ask(RECEIPTS.name, query, start, end)
        cells: dict[tuple[int, int], list[int]] = {}
        for tags, rows in found:
            for time, *values in rows:
                cell = cells.setdefault((int(tags["gateway"]), time - time % HOUR), [0] * len(values))
                for n, value in enumerate(values):
                    cell[n] += value or 0
        return cells

    def _ask(self, bucket: str, query: str, start: int, end: int, **more: str) -> list[list[Row]]:
        """Ask for a span of time; its ends are bound, and cut to what InfluxDB can say."""
        span = {"start": max(start, -_EDGE) * 1_000_000, "end": min(end, _EDGE) * 1_000_000}
        return self._influx.query(bucket, query, {**span, **more})

    def _learn(self, points: Int32) -> None:
        """Ask for the newest time of points that were not asked for yet."""
        size = int(points.max(initial=0)) + 1
        if size > len(self._newest):
            more = 2 * size - len(self._newest)
            self._newest = np.append(self._newest, np.full(more, _NEVER, np.int64))
            self._asked = np.append(self._asked, np.zeros(more, np.bool_))
        strange = np.unique(points[~self._asked[points]])
        if len(strange):
            found = self.latest(strange.tolist())
            self._newest[found.point] = found.ts
            self._asked[strange] = True

    def _rows_at(self, rows: ReadingBatch) -> dict[tuple[int, int], tuple[float, int]]:
        """Return (value, received) of what is stored at the points and times of readings; more may come with it."""
        there: dict[tuple[int, int], tuple[float, int]] = {}
        for span in _spans(rows.ts):
            part = rows.rows(span)
            for measurement, group in self._by_measurement(np.unique(part.point).tolist()):
                query = (
                    f'SELECT "value", "received" FROM {_source(measurement)} WHERE {points_text(group)} '
                    'AND time >= $start AND time < $end GROUP BY "point"'
                )
                (found,) = self._ask(RAW.name, query, int(part.ts.min()), int(part.ts.max()) + 1)
                for tags, found_rows in found:
                    point = int(tags["point"])
                    there |= {(point, ts): (value, received) for ts, value, received in found_rows}
        return there

    def _by_measurement(self, points: Sequence[int]) -> list[tuple[str, list[int]]]:
        groups: dict[str, list[int]] = {}
        for point in points:
            groups.setdefault(self._measurement(point), []).append(point)
        return [
            (name, group[at : at + _AT_ONCE]) for name, group in groups.items() for at in range(0, len(group), _AT_ONCE)
        ]

    def _measurement(self, point: int) -> str:
        return self._series_of(point)[0]


def _key(chunk: Chunk) -> int:
    """Return what tells a part of a window from its others, in ns below a minute: its place in the log."""
    return (chunk.position * 2 + (lane_of(chunk.lane) is Lane.LIFE)) % _BELOW


def _once(rows: ReadingBatch) -> ReadingBatch:
    """Return one row a point and time: the newest value, with the receipt of the first."""
    order = np.lexsort((np.arange(len(rows)), rows.ts, rows.point))
    rows = rows.rows(order)
    again = (np.diff(rows.point, prepend=-1) == 0) & (np.diff(rows.ts, prepend=_NEVER) == 0)
    if not again.any():
        return rows
    first = np.flatnonzero(~again)
    last = np.append(first[1:], len(rows)) - 1
    # The quality is that of the reading that brought the value: the first of equal ones at the end.
    brought = last.copy()
    for n in np.flatnonzero(last > first).tolist():
        while brought[n] > first[n] and rows.value[brought[n] - 1] == rows.value[last[n]]:
            brought[n] -= 1
    return ReadingBatch(
        rows.point[first], rows.ts[first], rows.value[last], rows.quality[brought], rows.received[first]
    )


def _spans(ts: Int64) -> list[np.ndarray]:
    """Return row numbers in groups whose times lie near each other, so that no query reads over months."""
    if not len(ts):
        return []
    order = np.argsort(ts, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(ts[order]) > 6 * HOUR) + 1)


def _source(measurement: str) -> str:
    escaped = measurement.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
