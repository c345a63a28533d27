"""The files of one kind, one a period: found, attached while they are used, replaced, and unlinked in time.

Whoever reads a file is lent it; one that is replaced or dropped meanwhile goes when the last has given it back.
"""

# ruff: noqa: S608 - names in the SQL are made here

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.lasting import sync_folder
from runtime.storage.engine import Engine
from runtime.storage.files import File, Limits, attach, unlink
from runtime.storage.kinds import FIRST, Kind


class PeriodFiles:
    """The files of one kind in their folder."""

    def __init__(self, kind: Kind, folder: Path, engine: Engine, limits: Limits) -> None:
        self.kind, self.folder, self.engine, self.limits = kind, folder, engine, limits
        folder.mkdir(parents=True, exist_ok=True)
        self._gate = threading.RLock()
        self._files: dict[int, File] = {}  # attached
        self._serial = 0
        self._periods: dict[int, int] = {}  # period -> generation of its file
        self._find()

    def _find(self) -> None:
        for left in self.folder.glob("*.tmp*"):
            left.unlink()
        for path in sorted(self.folder.glob("*.duckdb"), key=_generation):
            period = self.kind.number(path.name.split(".")[0])
            if period in self._periods:  # a rewritten file stands complete beside the one it replaces
                unlink(self.path(period))
            self._periods[period] = _generation(path)

    def periods(self, start: int = FIRST, end: int = 1 << 62) -> list[int]:
        """Return the periods that have a file and may hold start <= time < end, rising."""
        first, last = self.kind.period(start), self.kind.period(end - 1)
        with self._gate:
            return sorted(p for p in self._periods if first <= p <= last)

    def path(self, period: int) -> Path:
        """Return where a period's file is."""
        return self.folder / f"{self.kind.label(period)}.{self._periods[period]}.duckdb"

    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    @contextmanager
    def lend(self, period: int, *, make: bool = False) -> Iterator[File | None]:
        """Lend a period's file; where there is none, make one or give None."""
        with self._gate:
            if make:
                self._periods.setdefault(period, self._generations(period) + 1)
            file = self._attached(period) if period in self._periods else None
            if file is not None:
                file.readers += 1
        try:
            yield file
        finally:
            if file is not None:
                with self._gate:
                    file.readers -= 1
                    if file.retired and not file.readers:
                        self._let_go(file)

    def _attached(self, period: int) -> File:
        file = self._files.pop(period, None)
        if file is None:
            idle = [f for f in self._files.values() if not f.readers]
            for old in idle[: max(0, len(self._files) - self.limits.open_files + 1)]:
                del self._files[old.period]
                self._detach(old)
            file = self._attach(period, self.path(period))
        self._files[period] = file  # the last used is last
        return file

    def _attach(self, period: int, path: Path) -> File:
        self._serial += 1
        alias = f"of_{self.kind.name}_{self._serial}"
        new = not path.exists()
        with self.engine.cursor() as c:
            attach(c, path, alias)
            # Half a year of days is made at once: nothing is asked of a file that has nothing.
            found = (
                []
                if new
                else c.execute(
                    "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = ?", [alias]
                ).fetchall()
            )
            sizes = dict(found)
            told = c.execute(f"SELECT run, runs, low, high FROM {alias}.meta").fetchone() if "meta" in sizes else None
            recent = {int(name[1:]): rows for name, rows in sizes.items() if name[0] == "h"}
            run, runs, low, high = told or (0, 0, 1 << 62, 0)
            return File(period, path, alias, run, runs, low, high, frozenset(sizes), recent)

    def _generations(self, period: int) -> int:
        taken = self.folder.glob(f"{self.kind.label(period)}.*.duckdb")  # one that still has readers, too
        return max((_generation(path) for path in taken), default=0)

    def replace(self, file: File, made: Path) -> None:
        """Put a rewritten file in the place of an attached one.

        Those who read the old one keep it until they are done; each file has a name of its own.
        """
        with self._gate:
            self._files.pop(file.period)
            self._periods[file.period] += 1
            file.retired = True
            made.replace(self.path(file.period))
            sync_folder(self.folder)

    def _detach(self, file: File) -> None:
        with self.engine.cursor() as c:
            c.execute(f"DETACH {file.alias}")

    def _let_go(self, file: File) -> None:
        self._detach(file)
        unlink(file.path)

    def forget(self) -> None:
        """Take every file for detached: the instance that held them is gone."""
        with self._gate:
            self._files.clear()

    def drop(self, before: int) -> int:
        """Unlink files whose period ended at or before a time; return how many."""
        with self._gate:
            over = [p for p in self._periods if self.kind.end(p) <= before]
            for period in over:
                file = self._files.pop(period, None)
                if file is None:
                    unlink(self.path(period))
                else:
                    file.retired = True
                    if not file.readers:
                        self._let_go(file)
                del self._periods[period]
        return len(over)

    def checkpoint(self) -> None:
        """Fold every attached file's write-ahead log into it."""
        with self._gate:
            for file in self._files.values():
                with self.engine.cursor() as c:
                    c.execute(f"CHECKPOINT {file.alias}")


def _generation(path: Path) -> int:
    return int(path.name.split(".")[1])
