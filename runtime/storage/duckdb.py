"""Time series in memory and DuckDB files by day: the embedded store.

What is written can be asked for at once, from columns in memory. A flush sorts these into runs, one a
file (runtime/storage/shelf.py), and holds when its commit is renamed (runtime/storage/commit.py).
One thread writes at a time; any number read meanwhile and see each flush whole or not at all.

Memory: 29 bytes a waiting reading, twice that and 8 more while it is flushed: 270 MB for 4,000,000,
beside DuckDB's own limit.
"""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from park.errors import Full, MachineryError, Unavailable
from park.events import Bands, Level, Rollups
from park.ports import Buckets, Chunk, Latest
from park.readings import Bool, ReadingBatch, batch_of
from park.settings import StoreSettings
from runtime.storage import commit
from runtime.storage.commit import Commit
from runtime.storage.engine import Engine
from runtime.storage.export import Progress, copy, to_parquet
from runtime.storage.files import Limits
from runtime.storage.hot import Array, Columns, Newest, by_point, entries, present, summed
from runtime.storage.kinds import BANDS, COUNTED, DAY, LEVELS, PARTS, RAW, Kind
from runtime.storage.memory import HOUR, at_point, no_column
from runtime.storage.runs import by_period, single, storable
from runtime.storage.shelf import Shelf
from runtime.storage.stored import stored_by_hour
from runtime.storage.windows import ROLLUP_COLUMNS, added, band_columns, bands_of, buckets, rollups_of

_HOT = {"point": np.int32, "ts": np.int64, "value": np.float64, "quality": np.uint8, "received": np.int64}
LIMITS = Limits()
GRACE = 2 * HOUR  # after a period's end, before it is made one run: most late readings have come by then
STEPS = 4  # of compaction after a flush: about half a second of work each in a city


class DuckStore:
    """A ReadingStore in a folder.

    `gateway_of` gives the gateway of each point by number, `interval_of` its promised interval (ms); `first` makes
    lasting what must never be behind: it is done before each flush, and may raise Full or Unavailable.
    """

    def __init__(
        self,
        folder: Path,
        settings: StoreSettings,
        gateway_of: Callable[[], NDArray[np.int32]] = lambda: np.zeros(0, np.int32),
        interval_of: Callable[[], NDArray[np.int64]] = no_column,
        limits: Limits = LIMITS,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._settings, self._limits = folder, settings, limits
        self._gateway_of, self._interval_of, self._first = gateway_of, interval_of, first
        self._writing = threading.RLock()
        self._state = threading.Lock()  # guards what readers see change at once; held for microseconds
        self._closed = False
        last = commit.load(folder)
        self._engine = Engine(folder / "scratch", settings.duckdb_memory)
        self._raw = Shelf(RAW, folder, self._engine, last.run, limits)
        self._shelves = {kind.name: Shelf(kind, folder, self._engine, last.run, limits) for kind in PARTS}
        self._all = (self._raw, *self._shelves.values())
        self._hot = Columns(_HOT)
        self._parts = {kind.name: Columns(kind.types) for kind in PARTS}
        self._run = self._parts_run = last.run
        self._pending: Commit | None = last if last.parts else None  # committed, not yet applied to its files
        self._pending_rows: dict[str, int] = {}
        self._lasting = dict(last.positions)
        self._taken = dict(last.positions)
        self._log_time = last.log_time
        self._newest = Newest()
        self._newest.columns |= {name: column.copy() for name, column in last.newest.items()}
        self._flushed = last.newest.get("ts", np.zeros(0, np.int64))  # by point, the newest ts on disk
        if self._pending:
            self._parts_run -= 1
            with suppress(Full):  # a later flush tries again; a full disk must not keep the platform from starting
                self._apply()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def write(self, chunk: Chunk) -> None:
        """Take a chunk, unless its position was taken before; flush first where memory is full.

        Parts of rollups add up: a replay must cut its chunks at `position(lane)`, so that none holds
        both what lasts and what does not. Raises Full, and then the chunk is not taken.
        """
        with self._writing:
            if self._closed:
                raise Unavailable("the store is closed")
            if chunk.position <= self._taken.get(chunk.lane, 0):
                return
            waiting = len(self._hot) + sum(map(len, self._parts.values()))
            if waiting and waiting + len(chunk.readings) > self._settings.memory_rows:
                self.flush()
            self._take(chunk)

    def _take(self, chunk: Chunk) -> None:
        r = storable(chunk.readings)
        # What takes time is done before anybody waits: this thread is the only one that writes.
        news = self._newest.settled(r.point, r.ts, r.value, r.quality, r.received) if len(r) else None
        rows = self._hot.appended((r.point, r.ts, r.value, r.quality, r.received))
        with self._state:
            if news is not None:
                self._newest.publish(news)
                self._hot.publish(rows)
                self._log_time = max(self._log_time, int(r.received.max()))
            for told in chunk.rollups:
                self._parts[LEVELS[told.level].name].append([getattr(told, name) for name in ROLLUP_COLUMNS])
            for count in chunk.counted:
                self._parts[COUNTED.name].append((count.gateway, count.hour, count.duplicates, count.readings))
            self._taken[chunk.lane] = chunk.position

    def write_bands(self, bands: Bands) -> None:
        """Take windows of what was usual; of one told twice the last holds. Raises Full, Unavailable."""
        rows = band_columns(bands)
        with self._writing:
            if self._closed:
                raise Unavailable("the store is closed")
            if len(self._parts[BANDS.name]) + len(rows[0]) > self._settings.memory_rows:
                self.flush()
            with self._state:
                self._parts[BANDS.name].append(rows)

    def flush(self) -> None:
        """Make everything taken so far last; tidy a little. Raises Full."""
        with self._writing:
            if self._closed:
                raise Unavailable("the store is closed")
            self._first()
            self._need((len(self._hot) + sum(map(len, self._parts.values()))) * self._limits.row_on_disk)
            try:
                self._apply()
                if self._taken != self._lasting or len(self._parts[BANDS.name]):
                    self._flush()
                    self._apply()
                    self._tidy()
            except OSError as why:
                self._failed()
                raise Full(f"no room left for time series: {why}") from why
            except MachineryError:
                self._failed()
                raise

    def _failed(self) -> None:
        self._engine.reset()
        for shelf in self._all:
            shelf.forget()

    def _flush(self) -> None:
        parts = {name: columns.view() for name, columns in self._parts.items() if len(columns)}
        waiting = {name: len(columns["point"]) for name, columns in parts.items()}
        if COUNTED.name in parts:  # each gateway's of each chunk: of a minute in a city sixty times as many as its own
            parts[COUNTED.name] = summed(parts[COUNTED.name])
        self._raw.take_back()
        run = self._run + 1
        for period, columns, received in self._runs():
            self._raw.insert(period, columns, run, received)
        newest = {name: column.copy() for name, column in self._newest.columns.items()}
        made = Commit(run, dict(self._taken), newest, parts, self._log_time)
        made.save(self._folder)
        with self._state:
            self._run = self._raw.run = run
            self._hot.clear()
            self._flushed = newest["ts"]
            self._lasting = dict(made.positions)
            self._pending = made
            self._pending_rows = waiting

    def _need(self, size: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < size + self._limits.spare:
            raise Full(f"no room left for time series: {free >> 20} MB free in {self._folder}")

    def _runs(self) -> Iterator[tuple[int, dict[str, Array], tuple[int, int]]]:
        """Yield (period, columns by point and ts, bounds of receipt): what is new, with nothing twice."""
        hot = self._hot.view()
        if not len(hot["point"]):
            return
        for period, rows in by_period(single(hot), RAW):
            c = self._unknown(period, rows)
            if len(c["point"]):
                received = c.pop("received")
                c["lag"] = received - c["ts"]
                yield period, c, (int(received.min()), int(received.max()))

    def _unknown(self, period: int, c: dict[str, Array]) -> dict[str, Array]:
        """Leave out what a file holds already; delete from it what is corrected."""
        old = np.flatnonzero(c["ts"] <= entries(self._flushed, c["point"], Newest.NEVER))
        if not len(old):
            return c
        held = self._raw.held(period, c["point"][old], c["ts"][old], self._run)
        i = held["i"]
        if not len(i):
            return c
        equal = held["value"] == c["value"][old[i]]
        corrected = np.sort(old[i[~equal]])
        if len(corrected):
            c["received"][old[i]] = held["received"]  # a correction keeps the receipt of what it corrects
            self._raw.delete(period, c["point"][corrected], c["ts"][corrected])
        keep = np.ones(len(c["point"]), np.bool_)
        keep[old[i[equal]]] = False
        return {name: column[keep] for name, column in c.items()}

    def _apply(self) -> None:
        """Add the parts of the last commit to their files."""
        made = self._pending
        if made is None:
            return
        for name, columns in made.parts.items():
            shelf = self._shelves[name]
            order = by_point(columns["point"], columns["start"])
            c = {n: column[order] for n, column in columns.items()}
            for period, rows in by_period(c, shelf.kind):
                shelf.insert(period, rows, made.run)
        with self._state:
            self._parts_run = made.run
            for name, count in self._pending_rows.items():
                left = [column[count:] for column in self._parts[name].view().values()]
                self._parts[name].clear()
                self._parts[name].append(left)
            self._pending = None
            self._pending_rows = {}

    def _tidy(self) -> None:
        """Unlink what has had its time; rewrite a little of what can be sorted better."""
        for shelf in self._all:
            shelf.run = self._run
            days = shelf.kind.keep(self._settings)
            if days:
                shelf.files.drop(self._log_time - days * DAY)
        steps = STEPS
        for shelf in self._all:
            while steps and shelf.compaction.step(self._log_time - GRACE):
                steps -= 1

    def position(self, stream: str) -> int:
        """Return the log position through which everything lasts."""
        return self._lasting.get(stream, 0)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def known(self, readings: ReadingBatch) -> Bool:
        """Return for each reading whether its point and time are stored already."""
        with self._state:
            hot, run = self._hot.view(), self._run
            old = readings.ts <= entries(self._flushed, readings.point, Newest.NEVER)
        found = present(readings.point, readings.ts, hot["point"], hot["ts"])
        rows = np.flatnonzero(old & ~found)
        if len(rows):
            rows = rows[by_point(readings.point[rows], readings.ts[rows])]
            periods = RAW.periods(readings.ts[rows])
            for period in np.unique(periods).tolist():
                mine = rows[periods == period]
                found[mine[self._raw.held(period, readings.point[mine], readings.ts[mine], run)["i"]]] = True
        return found

    def raw(self, point: int, start: int, end: int, limit: int) -> ReadingBatch:
        """Return readings with start <= ts < end, rising by ts, at most `limit` from the start."""
        if limit <= 0 or start >= end:
            return batch_of([])
        pieces: list[ReadingBatch] = []
        for piece in self._pieces(point, start, end, limit):
            pieces.append(piece.rows(slice(0, limit)))
            limit -= len(pieces[-1])
            if not limit:
                break
        return (
            ReadingBatch(*(np.concatenate([getattr(p, n) for p in pieces]) for n in _HOT)) if pieces else batch_of([])
        )

    def _pieces(self, point: int, start: int, end: int, limit: int | None = None) -> Iterator[ReadingBatch]:
        """Yield a point's readings a day at a time."""
        with self._state:
            hot, run = self._hot.view(), self._run
        rows = np.flatnonzero((hot["point"] == point) & (hot["ts"] >= start) & (hot["ts"] < end))
        recent = {name: column[rows] for name, column in hot.items()}
        days = RAW.periods(recent["ts"])
        for period in sorted({*self._raw.files.periods(start, end), *days.tolist()}):
            c = self._raw.of_points(period, [point], start, end, run, limit)
            mine = days == period
            ts = np.concatenate((c["ts"], recent["ts"][mine]))
            if not len(ts):
                continue
            one = single(
                {
                    "point": np.full(len(ts), point, np.int32),
                    "ts": ts,
                    "value": np.concatenate((c["value"], recent["value"][mine])),
                    "quality": np.concatenate((c["quality"], recent["quality"][mine])),
                    "received": np.concatenate((c["ts"] + c["lag"], recent["received"][mine])),
                }
            )
            yield ReadingBatch(**one)

    def buckets(self, point: int, start: int, end: int, step: int, offset: int = 0) -> Buckets:
        """Return windows of `step` ms, aligned to `offset`, from readings or the rollups that suffice."""
        with self._state:
            newest = int(entries(self._newest.columns["ts"], np.array([point]), Newest.NEVER)[0])
        until = min(end, newest + 1) if newest > Newest.NEVER else end
        return buckets(
            lambda a, b: self._pieces(point, a, min(b, until)),  # no file is opened for silence
            lambda level, a, b: self.rollups(level, [point], a, min(b, until)),
            start,
            end,
            step,
            offset,
            at_point(self._interval_of(), point),
        )

    def rollups(self, level: Level, points: Sequence[int], start: int, end: int) -> Rollups:
        """Return the whole windows of a level (parts added up), by point and start."""
        columns = self._rows(LEVELS[level], points, start, end)
        return added(rollups_of(level, list(columns.values())))

    def _rows(self, kind: Kind, points: Sequence[int] | None, start: int, end: int) -> dict[str, Array]:
        shelf = self._shelves[kind.name]
        with self._state:
            hot, run = self._parts[kind.name].view(), self._parts_run
        within = (hot["start"] >= start) & (hot["start"] < end)
        if points is not None:
            within &= np.isin(hot["point"], np.asarray(points, np.int64))
        recent = np.flatnonzero(within)
        several = [{name: column[recent] for name, column in hot.items()}]
        if (points is None or len(points)) and start < end:
            several[:0] = [shelf.of_points(p, points, start, end, run) for p in shelf.files.periods(start, end)]
        return {name: np.concatenate([c[name] for c in several]) for name in kind.types}

    def bands(self, point: int, start: int, end: int) -> Bands:
        """Return the windows of a point with start <= their start < end, rising."""
        return bands_of(self._rows(BANDS, [point], start, end))

    def latest(self, points: Sequence[int]) -> Latest:
        """Return the newest reading of each point."""
        asked = np.asarray(points, np.int64)
        with self._state:
            spoke = asked[entries(self._newest.columns["ts"], asked, Newest.NEVER) > Newest.NEVER]
            c = {name: column[spoke] for name, column in self._newest.columns.items()}
        return Latest(spoke.astype(np.int32), c["ts"], c["value"], c["quality"].astype(np.int32), c["received"])

    # ── the ledger ───────────────────────────────────────────────────────────────────────────────

    def stored(self, start: int, end: int) -> Mapping[tuple[int, int], int]:
        """Count readings by (gateway, hour of receipt), of the hours that begin in start <= hour < end."""
        span = -(-start // HOUR) * HOUR, -(-end // HOUR) * HOUR
        with self._state:
            hot, run, newest = self._hot.view(), self._run, self._flushed
        return stored_by_hour(self._raw, run, hot, newest, self._gateway_of(), span)

    def counted(self, start: int, end: int) -> Mapping[tuple[int, int], tuple[int, int]]:
        """Return (duplicates, readings) that the quality stage counted, by (gateway, hour of receipt)."""
        c = self._rows(COUNTED, None, start, end)
        total: dict[tuple[int, int], tuple[int, int]] = {}
        rows = zip(*(c[name].tolist() for name in COUNTED.types), strict=True)
        for gateway, hour, duplicates, readings in rows:
            d, n = total.get((gateway, hour), (0, 0))
            total[gateway, hour] = (d + duplicates, n + readings)
        return total

    # ── the whole ────────────────────────────────────────────────────────────────────────────────

    def figures(self) -> Mapping[str, int]:
        """Return how many rows wait in memory and how many bytes are on disk, by kind."""
        waiting = {"memory_rows": len(self._hot), "memory_parts": sum(map(len, self._parts.values()))}
        return waiting | {f"bytes_{shelf.kind.name}": shelf.files.bytes() for shelf in self._all}

    def export_parquet(self, start: int, end: int, path: Path, progress: Progress = lambda _done, _all: None) -> int:
        """Flush, and write readings with start <= ts < end to a Parquet file; return how many."""
        self.flush()
        return to_parquet(self._raw.files, self._run, start, end, path, progress)

    def backup(self, target: Path, progress: Progress = lambda _done, _all: None) -> None:
        """Flush, and copy everything into an empty folder, which a store can open. Raises Conflict."""
        with self._writing:
            self.flush()
            copy([shelf.files for shelf in self._all], [self._folder / commit.NAME], target, progress)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        """Flush and release; a store that cannot flush is closed all the same, its log has the rest."""
        with self._writing:
            if self._closed:
                return
            try:
                self.flush()
                for shelf in self._all:
                    shelf.files.checkpoint()
            finally:
                self._closed = True
                self._engine.close()
                with suppress(OSError):
                    (self._folder / "scratch").rmdir()
