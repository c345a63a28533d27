"""One database: opened, brought up to date, and lent out a transaction at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Column, Connection, Engine, Select, Table, create_engine, exc, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from park.errors import Conflict, Corrupt, Full, MachineryError, Unavailable
from runtime.storage.sql import (
    migrate,
    tables_activity,
    tables_alarms,
    tables_city,
    tables_delivery,
    tables_governance,
    tables_marks,
    tables_rules,
)
from runtime.storage.sql.sleepers import WRITER, end_sleepers
from runtime.storage.sql.sqlite import WRITES, prepare
from runtime.storage.sql.turn import Turn

_TABLES = (
    tables_activity,
    tables_alarms,
    tables_city,
    tables_delivery,
    tables_governance,
    tables_marks,
    tables_rules,
)  # beside tables.py: all are known before the first database is opened

# How we are connected to PostgreSQL, where its address says nothing else (postgresql.org: libpq-connect,
# runtime-config-client). A server that vanished is noticed within 10 s; a process of ours that was paused in the
# middle of a transaction loses its locks: behind them a fire would wait for as long as it sleeps. Nor does it wait
# for a lock that another program holds, or a statement without end: both are told, and tried again.
_WAYS = {
    "connect_timeout": "5", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "options": f"-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout={WRITER}s "
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
}  # fmt: skip

_TURN = 20.0  # s that a thread waits for its turn to write, before it says that the database is busy
_MIGRATES = ("SET LOCAL lock_timeout = '60s'", "SET LOCAL statement_timeout = 0")  # as long as it takes
_LEISURE = "45s"  # of a reader; a migration's lock waits a minute for readers, and nothing else waits for them
CHUNK = 5_000  # values in one IN list; SQLite allows 32,766, PostgreSQL 65,535

# What drivers say, and what it means to us. SQLite: sqlite.org/rescode.html; PostgreSQL: class 53, 58.
_MEANING: tuple[tuple[str, type[MachineryError]], ...] = (
    ("disk is full", Full),
    ("no space left", Full),
    ("malformed", Corrupt),
    ("not a database", Corrupt),
)
# Class of PostgreSQL's errors: more than a limit of its own allows, such as a text that no index holds. psycopg calls
# it operational, as it does a server that is away; asked again it never goes.
_TOO_MUCH = "54"


class Database:
    """A place for rows. Thread-safe; a transaction belongs to the thread that began it."""

    def __init__(self, engine: Engine, check: Callable[[Connection], None] | None = None) -> None:
        self._engine = engine
        self._check = check
        # A read sees one moment: SQLite's WAL gives that anyhow, PostgreSQL when it is asked to.
        postgres = engine.dialect.name == "postgresql"
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ") if postgres else engine
        self._writing = engine.execution_options(**{WRITES: True})
        # SQLite has one writer; threads of this process queue here rather than polling the file.
        self._turn = Turn()

    @classmethod
    def open(cls, where: Path | str) -> "Database":
        """Open a SQLite file or any database URL, and bring it up to date. Raises MachineryError."""
        engine = _engine(where)
        database = cls(engine)
        try:
            with database.write() as connection:
                for statement in _MIGRATES if engine.dialect.name == "postgresql" else ():
                    connection.exec_driver_sql(statement)
                migrate.upgrade(connection)
        except BaseException:
            engine.dispose()
            raise
        return database

    @classmethod
    def look(cls, where: Path | str) -> "Database":
        """Open a database that is up to date, for one who only reads: older and newer ones stay as they are.

        Processes of another version may be at work on it. Raises UserError, MachineryError.
        """
        engine = _engine(where)
        database = cls(engine)
        try:
            with database.read() as connection:
                migrate.same(connection)
        except BaseException:
            engine.dispose()
            raise
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection that sees one moment of the database. Raises MachineryError."""
        with _told(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Lend a connection; commit at the end, or nothing if something was raised. Raises MachineryError."""
        if not self._turn.take(_TURN):
            raise Unavailable("the database is busy: others have been writing for too long")
        try:
            with self._transaction() as connection:
                yield connection
        finally:
            self._turn.give()

    def guarded(self, check: Callable[[Connection], None]) -> "Database":
        """Return the same database for one who may write only while a check lets him.

        The check is the first word of each of his transactions, and raises when it is to be the last.
        """
        return Database(self._engine, check)

    @contextmanager
    def write_if_free(self) -> Iterator[Connection | None]:
        """Lend a connection as `write` does, or None while another thread writes: for what can wait or be left."""
        if not self._turn.take(0):
            yield None
            return
        try:
            with self._transaction() as connection:
                yield connection
        finally:
            self._turn.give()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with _told():
            try:
                with self._writing.begin() as connection:
                    if self._check is not None:
                        self._check(connection)
                    yield connection
            except exc.DBAPIError as why:
                end_sleepers(self._engine, why)
                raise

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


def _engine(where: Path | str) -> Engine:
    url = make_url(where) if isinstance(where, str) else URL.create("sqlite", database=str(where))
    small = url.get_backend_name() == "sqlite"
    # Requests come on up to 40 threads; those that find no connection wait, and are told in the end.
    size = {} if small and not url.database else {"pool_size": 8, "max_overflow": 40, "pool_timeout": 10}
    ways = {} if small else {"connect_args": {k: v for k, v in _WAYS.items() if k not in url.query}}
    # A fault's words go into logs: no row stands in them, for it may hold a target's secret or a person's number.
    engine = create_engine(url, pool_pre_ping=not small, hide_parameters=True, **size, **ways)
    if small:
        prepare(engine)
    return engine


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a driver raises into our words."""
    try:
        yield
    except exc.IntegrityError as why:
        raise Conflict(f"the database refuses it: {why.orig}") from why
    except exc.DataError as why:  # a value that no column of ours holds
        raise Conflict(f"the database refuses a value: {why.orig}") from why
    except exc.TimeoutError as why:
        raise Unavailable("all connections to the database are in use") from why
    except exc.PendingRollbackError as why:
        raise Unavailable("the database cut us off in the middle of a transaction") from why
    except exc.DBAPIError as why:
        if str(getattr(why.orig, "sqlstate", "")).startswith(_TOO_MUCH):
            raise Conflict(f"the database refuses it: {why.orig}") from why
        text = str(why.orig).lower()
        kind = next((k for word, k in _MEANING if word in text), Unavailable)
        raise kind(f"database: {why.orig}") from why


def unhurried(connection: Connection) -> None:
    """Let this transaction, which only reads, be silent for longer between two statements.

    Who makes a city's rows into objects there is silent for seconds, on a busy machine for more than 15.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_LEISURE}'")


def upsert(connection: Connection, table: Table) -> SqliteInsert | PostgresInsert:
    """Return an insert that has `on_conflict_do_nothing` and `on_conflict_do_update`, alike on both databases."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def chunks(values: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Cut values into lists that fit into one statement."""
    whole = list(values)
    for i in range(0, len(whole), CHUNK):
        yield whole[i : i + CHUNK]


def among(
    connection: Connection, query: Select[Any], column: Column[Any], values: Iterable[object]
) -> Iterator[Sequence[Any]]:
    """Yield the rows of a query whose column is one of many values."""
    for part in chunks(values):
        yield from connection.execute(query.where(column.in_(part)))
