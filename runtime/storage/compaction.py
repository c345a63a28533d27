"""Rewrite the file of a closed period as one sorted run, a step at a time.

Sorted by (point, time) a day of one point lies in one or two row groups, and parts of rollups that
came late are added up. A new file is made beside the old one, which is read meanwhile, and takes its
place by a rename; a write to the period meanwhile abandons the attempt.
"""

# ruff: noqa: S608 - names in the SQL are made here and values set into it are ints

import shutil
from dataclasses import dataclass
from pathlib import Path

from runtime.storage.files import PARTITION, File, attach, counted_by_hour, make_meta, unlink
from runtime.storage.period_files import PeriodFiles

FEW_RUNS = 2  # a period of so few runs is as good as sorted


@dataclass(slots=True)
class Attempt:
    """A rewriting under way."""

    period: int
    path: Path
    next_point: int = 0


class Compaction:
    """Compaction of the files of one kind; only their writer calls it."""

    def __init__(self, files: PeriodFiles) -> None:
        self._files = files
        self._alias = f"making_{files.kind.name}"
        self._loose = set(files.periods())  # may be more than one run
        self._attempt: Attempt | None = None

    def step(self, before: int) -> bool:
        """Do one step for a period that ended at or before a time; return whether there was one to do."""
        if self._attempt is None:
            period = self._due(before)
            if period is None:
                return False
            self._begin(period)
        else:
            self._go_on(self._attempt)
        return True

    def forget(self) -> None:
        """Leave an attempt whose instance is gone; its file is swept at the next start."""
        self._attempt = None

    def touched(self, period: int) -> None:
        """Learn that a period is written to: leave an attempt on it, and look at it again."""
        self._loose.add(period)
        self._abandon(period)

    def _abandon(self, period: int) -> None:
        if self._attempt is not None and self._attempt.period == period:
            with self._files.engine.cursor() as c:
                c.execute(f"DETACH {self._alias}")
            unlink(self._attempt.path)
            self._attempt = None

    def _due(self, before: int) -> int | None:
        files = self._files
        for period in sorted(p for p in self._loose if files.kind.end(p) <= before):
            with files.lend(period) as file:
                if file is not None and file.runs > FEW_RUNS:
                    room = shutil.disk_usage(files.folder).free > 2 * file.path.stat().st_size
                    return period if room else None
            self._loose.discard(period)
        return None

    def _begin(self, period: int) -> None:
        with self._files.lend(period) as file, self._files.engine.cursor() as c:
            if file is None:
                return
            making = file.path.with_suffix(".tmp")
            unlink(making)
            attach(c, making, self._alias)
            make_meta(c, self._alias)
            c.execute(f"INSERT INTO {self._alias}.meta VALUES (?, 1, ?, ?)", [file.run, file.low, file.high])
            self._attempt = Attempt(period, making)

    def _go_on(self, attempt: Attempt) -> None:
        with self._files.lend(attempt.period) as file:
            if file is None:  # it has had its time meanwhile
                self._abandon(attempt.period)
                return
            numbers = sorted({int(name[1:]) for name in file.tables if name[0] in "hr"})
            left = [n for n in numbers if (n + 1) << PARTITION > attempt.next_point]
            if left:
                attempt.next_point = self._slice(file, left[0], attempt.next_point)
            else:
                self._finish(file, attempt)

    def _slice(self, file: File, n: int, start: int) -> int:
        """Rewrite some points of a partition; return the point to go on from."""
        k, to, size = self._files.kind, self._alias, self._files.limits.slice_rows
        sources = [f"{file.alias}.{letter}{n}" for letter in "rh" if f"{letter}{n}" in file.tables]
        first, beyond = max(start, n << PARTITION), (n + 1) << PARTITION
        with self._files.engine.cursor() as c:
            rows = sum(int((c.execute(f"SELECT count(*) FROM {s}").fetchone() or [0])[0]) for s in sources)
            last = min(first + max(1, (1 << PARTITION) * size // max(rows, size)), beyond)
            every = " UNION ALL ".join(
                f"SELECT {k.columns} FROM {s} WHERE point >= {first} AND point < {last}" for s in sources
            )
            if k.parts:
                every = f'SELECT {k.summed} FROM ({every}) GROUP BY point, "{k.when}"'
            c.execute(f"CREATE TABLE IF NOT EXISTS {to}.r{n} ({k.schema})")
            c.execute(f'INSERT INTO {to}.r{n} {every} ORDER BY point, "{k.when}"')
            if last == beyond and not k.parts:
                c.execute(f"CREATE TABLE {to}.t{n} AS {counted_by_hour(f'{to}.r{n}')}")
        return last

    def _finish(self, file: File, attempt: Attempt) -> None:
        with self._files.engine.cursor() as c:
            c.execute(f"CHECKPOINT {self._alias}")
            c.execute(f"DETACH {self._alias}")
        self._attempt = None
        self._files.replace(file, attempt.path)
        self._loose.discard(attempt.period)
