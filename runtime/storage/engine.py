"""One DuckDB instance for a folder: a cursor a thread, and an orderly end."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from park.errors import Full, MachineryError, Unavailable


class Engine:
    """A DuckDB instance to which files are attached.

    A connection that threads share gives errors and wrong results, so each thread has a cursor of its
    own. One thread of DuckDB: each query runs on the thread that asks, and none is left running
    when the interpreter ends, which would abort the process.
    """

    def __init__(self, scratch: Path, memory: str) -> None:
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": memory,
            "temp_directory": str(scratch),
            "checkpoint_threshold": "64MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._gate = threading.Condition()
        self._busy: dict[int, tuple[int, duckdb.DuckDBPyConnection]] = {}  # token -> (thread, cursor)
        self._tokens = 0
        self._closed = False
        pa.table({"warm": [1]})  # the first table costs 0.5 s of imports
        self._open()

    def _open(self) -> None:
        self._root = duckdb.connect(":memory:", config=self._settings)
        self._local = threading.local()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend this thread's cursor. Raises Full or Unavailable for what DuckDB raises."""
        with self._gate:
            if self._closed:
                raise Unavailable("the store is closed")
            cursor = getattr(self._local, "cursor", None)
            if cursor is None:
                cursor = self._local.cursor = self._root.cursor()
            self._tokens += 1
            token = self._tokens
            self._busy[token] = (threading.get_ident(), cursor)
        try:
            yield cursor
        except duckdb.Error as why:
            raise translated(why) from why
        finally:
            with self._gate:
                del self._busy[token]
                self._gate.notify_all()

    def _alone(self) -> bool:
        me = threading.get_ident()
        return all(thread == me for thread, _ in self._busy.values())

    def reset(self) -> None:
        """Start a new instance after a fatal error; what was attached is no more."""
        with self._gate:
            for _, cursor in self._busy.values():
                cursor.interrupt()
            self._gate.wait_for(self._alone, timeout=10)
            self._root.close()
            self._open()

    def close(self) -> None:
        """Interrupt what runs, wait for it and release everything."""
        with self._gate:
            self._closed = True
            for _, cursor in self._busy.values():
                cursor.interrupt()
            self._gate.wait_for(self._alone, timeout=10)
            self._root.close()


def translated(why: duckdb.Error) -> MachineryError:
    """Return our word for an error of DuckDB."""
    text = str(why).splitlines()[0]
    if "No space left" in text or "Disk quota" in text or "File too large" in text:
        return Full(f"no room left for time series: {text}")
    return Unavailable(f"time series: {text}")
