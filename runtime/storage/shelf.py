"""The rows of one kind in their files. Only one thread writes; any may read."""

# ruff: noqa: S608 - names in the SQL are made here and values set into it are ints

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from park.readings import Int32, Int64
from runtime.storage.compaction import Compaction
from runtime.storage.engine import Engine
from runtime.storage.files import PARTITION, File, Limits, counted_by_hour, make_meta
from runtime.storage.hot import Array
from runtime.storage.kinds import Kind
from runtime.storage.period_files import PeriodFiles

LONG_LIST = 256  # points named one by one; with more, a range is quicker


class Shelf:
    """The rows of one kind, in sorted runs."""

    def __init__(self, kind: Kind, folder: Path, engine: Engine, run: int, limits: Limits) -> None:
        self.kind = kind
        self.run = run  # the last flush that holds; a later run in a file is of a flush that was cut short
        self.files = PeriodFiles(kind, folder / kind.name, engine, limits)
        self.compaction = Compaction(self.files)
        self._engine = engine
        self._limits = limits
        self._suspect = set(self.files.periods())  # may hold a run that was cut short

    def forget(self) -> None:
        """Take every file for detached: the instance that held them is gone."""
        self.files.forget()
        self.compaction.forget()
        self._suspect = set(self.files.periods())

    def take_back(self) -> None:
        """Delete readings of a flush that was cut short: they come again.

        They are all in h, as a run is sorted into r only when a later one is written; readers pass
        them over, by their run. Must be done before that run's number is given again.
        """
        for period in sorted(self._suspect):
            with self.files.lend(period) as file:
                if file is not None and file.run > self.run:
                    with self._engine.cursor() as c:
                        c.execute("BEGIN")
                        for n in file.recent:
                            c.execute(f"DELETE FROM {file.alias}.h{n} WHERE run > ?", [self.run])
                        c.execute(f"UPDATE {file.alias}.meta SET run = ?", [self.run])
                        c.execute("COMMIT")
                    file.run = self.run
            self._suspect.discard(period)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def insert(self, period: int, columns: Mapping[str, Array], run: int, received: tuple[int, int] = (0, 0)) -> None:
        """Add rows sorted by (point, time) as one run, all or nothing; a run that is there is not added again."""
        self.compaction.touched(period)
        with self.files.lend(period, make=True) as file:
            if file is not None and file.run < run:
                self._insert(file, columns, run, received)

    def _insert(self, file: File, columns: Mapping[str, Array], run: int, received: tuple[int, int]) -> None:
        a, point = file.alias, columns["point"]
        table = pa.table({name: columns[name] for name in self.kind.types})
        tables, recent = set(file.tables), dict(file.recent)
        low, high = min(file.low, received[0]), max(file.high, received[1])
        with self._engine.cursor() as c:
            try:
                grown = self._grown(recent)
                c.execute("BEGIN")
                make_meta(c, a)
                tables.add("meta")
                for n, rows in partitions(point):
                    if n in grown:
                        self._merge(c, a, n, tables)
                        recent[n] = 0
                    if f"h{n}" not in tables:
                        c.execute(f"CREATE TABLE {a}.h{n} ({self.kind.schema}, run INTEGER)")
                        tables.add(f"h{n}")
                    c.register("incoming", table.slice(rows.start, rows.stop - rows.start))
                    c.execute(f"INSERT INTO {a}.h{n} SELECT *, {run} FROM incoming")
                    c.unregister("incoming")
                    recent[n] = recent.get(n, 0) + rows.stop - rows.start
                c.execute(f"DELETE FROM {a}.meta")
                c.execute(f"INSERT INTO {a}.meta VALUES (?, ?, ?, ?)", [run, file.runs + 1, low, high])
                c.execute("COMMIT")
            except duckdb.Error:
                with suppress(duckdb.Error):
                    c.execute("ROLLBACK")
                raise
            if grown:
                # The blocks of sorted runs are free only now; without it a file grows to twice its size.
                # Not while a reader's transaction stands in the way: the next time will do.
                with suppress(duckdb.TransactionException):
                    c.execute(f"CHECKPOINT {a}")
        file.run, file.runs, file.low, file.high = run, file.runs + 1, low, high
        file.tables, file.recent = frozenset(tables), recent

    def _grown(self, recent: Mapping[int, int]) -> set[int]:
        """Return the partitions to sort now: those that have grown most, as far as the budget goes."""
        grown: set[int] = set()
        left = self._limits.merge_budget
        for n in sorted(recent, key=lambda n: -recent[n]):
            if left <= 0 or recent[n] <= self._limits.merge_rows:
                break
            grown.add(n)
            left -= recent[n]
        return grown

    def _merge(self, c: duckdb.DuckDBPyConnection, a: str, n: int, tables: set[str]) -> None:
        """Sort the recent runs of a partition into one, and count them by hour."""
        k = self.kind
        if f"r{n}" not in tables:
            c.execute(f"CREATE TABLE {a}.r{n} ({k.schema})")
            tables.add(f"r{n}")
        c.execute(f'INSERT INTO {a}.r{n} SELECT {k.columns} FROM {a}.h{n} ORDER BY point, "{k.when}"')
        if not k.parts:
            if f"t{n}" not in tables:
                c.execute(f"CREATE TABLE {a}.t{n} (point INTEGER, hour BIGINT, readings BIGINT)")
                tables.add(f"t{n}")
            c.execute(f"INSERT INTO {a}.t{n} {counted_by_hour(f'{a}.h{n}')}")
        c.execute(f"DROP TABLE {a}.h{n}")
        c.execute(f"CREATE TABLE {a}.h{n} ({k.schema}, run INTEGER)")

    def held(self, period: int, point: Int32, ts: Int64, run: int) -> dict[str, Array]:
        """Return which of some (point, ts), sorted by point, a file holds of flushes up to `run`.

        Columns: i (which), value, received (epoch ms).
        """
        names = ("i", "value", "received")
        found = [{name: np.zeros(0, np.int64 if name != "value" else np.float64) for name in names}]
        with self.files.lend(period) as file:
            if file is None:
                return found[0]
            with self._engine.cursor() as c:
                for n, part in partitions(point):
                    asked = pa.table({"p": point[part], "t": ts[part], "i": np.arange(part.start, part.stop)})
                    c.register("asked", asked)
                    bounds = [int(point[part.start]), int(point[part.stop - 1])]
                    bounds += [int(ts[part].min()), int(ts[part].max())]
                    found += [
                        c.execute(
                            f"SELECT i, value, ts + lag AS received FROM {file.alias}.{letter}{n} "
                            "JOIN asked ON point = p AND ts = t "
                            f"WHERE point BETWEEN ? AND ? AND ts BETWEEN ? AND ?{more}",
                            bounds,
                        ).fetchnumpy()
                        for letter, more in (("r", ""), ("h", f" AND run <= {run}"))
                        if f"{letter}{n}" in file.tables
                    ]
                    c.unregister("asked")
        return {name: np.concatenate([np.asarray(f[name]) for f in found]) for name in names}

    def delete(self, period: int, point: Int32, ts: Int64) -> None:
        """Remove readings that a correction replaces; (point, ts) sorted by point."""
        with self.files.lend(period) as file:
            if file is None:
                return
            self.compaction.touched(period)
            a = file.alias
            with self._engine.cursor() as c:
                for n, part in partitions(point):
                    c.register("gone", pa.table({"p": point[part], "t": ts[part]}))
                    match = "EXISTS (SELECT 1 FROM gone WHERE p = point AND t = ts)"
                    c.execute("BEGIN")
                    if f"r{n}" in file.tables:
                        c.execute(
                            f"INSERT INTO {a}.t{n} SELECT point, hour, -readings "
                            f"FROM ({counted_by_hour(f'{a}.r{n}', match)})"
                        )
                        c.execute(f"DELETE FROM {a}.r{n} WHERE {match}")
                    if f"h{n}" in file.tables:
                        c.execute(f"DELETE FROM {a}.h{n} WHERE {match}")
                    c.execute("COMMIT")
                    c.unregister("gone")

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def of_points(
        self, period: int, points: Sequence[int] | None, start: int, end: int, run: int, limit: int | None = None
    ) -> dict[str, Array]:
        """Return the columns of some points (None: of all) with start <= time < end, of flushes up to `run`.

        At most `limit` rows, the first by time.
        """
        k = self.kind
        asked = None if points is None else np.unique(np.asarray(points, np.int64))
        found: list[dict[str, Array]] = []
        with self.files.lend(period) as file:
            if file is None:
                return {name: np.zeros(0, kind) for name, kind in k.types.items()}
            for n, some in parted(asked, file):
                if some is None:
                    where = "true"
                elif len(some) == 1:
                    where = f"point = {some[0]}"
                elif len(some) <= LONG_LIST:
                    where = f"point IN ({', '.join(map(str, some.tolist()))})"
                else:
                    where = f"point BETWEEN {some[0]} AND {some[-1]}"
                where += f' AND "{k.when}" >= {start} AND "{k.when}" < {end}'
                several = [
                    f"SELECT {k.columns} FROM {file.alias}.{letter}{n} WHERE {where}{more}"
                    for letter, more in (("r", ""), ("h", f" AND run <= {run}"))
                    if f"{letter}{n}" in file.tables
                ]
                if not several:
                    continue
                query = " UNION ALL ".join(several)
                if limit is not None:
                    query = f'SELECT * FROM ({query}) ORDER BY "{k.when}" LIMIT {limit}'
                with self._engine.cursor() as c:
                    got = c.execute(query).fetchnumpy()
                if some is not None and len(some) > LONG_LIST:
                    wanted = np.isin(got["point"], some)
                    got = {name: column[wanted] for name, column in got.items()}
                found.append(got)
        if not found:
            return {name: np.zeros(0, kind) for name, kind in k.types.items()}
        return {name: np.concatenate([np.asarray(g[name]) for g in found]) for name in k.types}

    def by_hour(self, period: int, start: int, end: int, run: int) -> tuple[Array, Array, Array]:
        """Count readings with start <= received < end by point and hour: (point, hour, readings)."""
        empty = np.zeros(0, np.int64)
        with self.files.lend(period) as file:
            if file is None or file.high < start or file.low >= end:
                return empty, empty, empty
            a = file.alias
            several = [
                f"SELECT point, hour, readings FROM {a}.{t} WHERE hour >= {start} AND hour < {end}"
                for t in file.tables
                if t[0] == "t"
            ]
            within = f"run <= {run} AND ts + lag >= {start} AND ts + lag < {end}"
            several += [f"({counted_by_hour(f'{a}.{t}', within)})" for t in file.tables if t[0] == "h"]
            query = f"SELECT point, hour, sum(readings)::BIGINT AS n FROM ({' UNION ALL '.join(several)}) GROUP BY ALL"
            with self._engine.cursor() as c:
                got = c.execute(query).fetchnumpy()
        return got["point"], got["hour"], got["n"]


def partitions(point: Array) -> Iterator[tuple[int, slice]]:
    """Yield (partition, rows) of point numbers that rise."""
    if not len(point):
        return
    number = point >> PARTITION
    first = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    for start, stop in zip(first.tolist(), [*first[1:].tolist(), len(point)], strict=True):
        yield int(number[start]), slice(start, stop)


def parted(points: Int64 | None, file: File) -> Iterator[tuple[int, Int64 | None]]:
    """Yield (partition, its points) of points that rise; of None, every partition of a file and None."""
    if points is None:
        yield from ((n, None) for n in sorted({int(name[1:]) for name in file.tables if name[0] in "hr"}))
    else:
        yield from ((n, points[part]) for n, part in partitions(points))
