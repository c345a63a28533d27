"""How SQLite must be spoken to: the one file that knows that it is SQLite."""

import sqlite3
import threading
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection

_BUSY = 10.0  # s; another process (a backup) may hold the lock for a while
_PAUSE = 0.02  # s
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY * 1_000:.0f}",
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
    "PRAGMA synchronous = FULL",  # a commit outlives a power cut: a person's act must not be forgotten
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -4000",  # KiB a connection; there may be dozens
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 67108864",  # bytes: the WAL shrinks again after a bulk load
)
WRITES = "park_writes"  # execution option of connections that will write


def prepare(engine: Engine) -> None:
    """Give every connection of an engine our settings and honest transactions."""

    def connected(connection: DBAPIConnection, _record: Any) -> None:
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - the driver that the URL names
        # The driver's own idea of transactions (begin before some statements only) is switched off;
        # `begun` below does it: docs.sqlalchemy.org, dialects/sqlite, "transactional isolation".
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            _patiently(connection, pragma)

    def begun(connection: Connection) -> None:
        # A transaction that will write takes its place at once: a read that turns into a write
        # fails with "database is locked" whatever the timeout.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _patiently(connection: sqlite3.Connection, pragma: str) -> None:
    """Run a pragma again while the file is locked.

    Two that turn a new file into WAL at once hold each other's lock, and SQLite tells one of them without
    waiting (sqlite.org/c3ref/busy_handler: the handler is not asked where waiting could be a deadlock).
    """
    deadline = time.monotonic() + _BUSY
    while True:
        try:
            connection.execute(pragma)
        except sqlite3.OperationalError as why:
            if "locked" not in str(why) or time.monotonic() > deadline:
                raise
            threading.Event().wait(_PAUSE)
        else:
            return
