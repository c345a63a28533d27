"""Real servers for tests, each its own child on a free loopback port, gone at the end; skipped where not installed."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from runtime.storage.sql.database import Database
from tests.tools import free_port, until, until_open

AT_THE_END = ExitStack()  # what ends servers that files of tests share; the run closes it (conftest.py)


def memory_folder() -> str | None:
    """Return where files are kept in memory: a server whose files live for one test need not wait for a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextmanager
def influxdb(folder: Path) -> Iterator[str]:
    """Run InfluxDB 1.x, which speaks InfluxQL; yield its address."""
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("InfluxDB 1.x is not installed (Debian: influxdb)")
    port, other = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{other}"\n'
        f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
        f'query-log-enabled = false\n[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
    )
    with (folder / "influxdb.log").open("w") as log:
        child = subprocess.Popen([program, "-config", str(config)], stdout=log, stderr=log)
    try:
        until_open(port)
        url = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{url}/ping").status_code == 204)
        yield url
    finally:
        child.kill()
        child.wait()


class Cluster:
    """A PostgreSQL cluster of this process's own, whose databases are given to tests, one each."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="park-postgres-", dir=memory_folder()))
        self._given = 0
        user: str | None = None
        if os.geteuid() == 0:  # it refuses to run as root
            user = "postgres"
            who = pwd.getpwnam(user)
            os.chown(self._folder, who.pw_uid, who.pw_gid)
        programs, data, port = _postgres_programs(), self._folder / "data", free_port()
        make = [programs / "initdb", "-D", data, "-U", "park", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        subprocess.run(make, user=user, cwd=self._folder, check=True, capture_output=True)
        # A cluster that lives for one test run needs no safety of its files.
        fast = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        start = [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", self._folder, *fast]
        with (self._folder / "log").open("w") as log:
            self._child = subprocess.Popen(start, user=user, cwd=self._folder, stdout=log, stderr=log)
        self._url = make_url(f"postgresql+psycopg://park@127.0.0.1:{port}/postgres")
        until_open(port)
        ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
        until(lambda: subprocess.run(ready, check=False).returncode == 0)
        self._admin = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._do("CREATE DATABASE ready")
        Database.open(self._address("ready")).close()  # its tables are made once, and copied

    def _do(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def _address(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    @contextmanager
    def database(self, *, empty: bool) -> Iterator[str]:
        """Make a database, with the tables of this program unless it shall be empty; yield its address."""
        self._given += 1
        name = f"test_{self._given}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else 'ready'} STRATEGY file_copy")
        try:
            yield self._address(name)
        finally:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """End it; nothing of it is left."""
        self._admin.dispose()
        self._child.send_signal(signal.SIGINT)  # fast: it does not wait for those who are connected
        self._child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    return found[-1]


@cache
def _cluster() -> Cluster:
    """Start the cluster with the first who needs it; it runs as long as this process tests."""
    made = Cluster()
    AT_THE_END.callback(made.stop)
    atexit.register(AT_THE_END.close)  # a benchmark has no run of tests that would close it
    return made


def postgresql(*, empty: bool = False) -> AbstractContextManager[str]:
    """Give a database of one's own in a PostgreSQL that runs; yield its address, for SQLAlchemy."""
    return _cluster().database(empty=empty)
