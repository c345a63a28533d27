"""Real servers for tests, each its own child on a free loopback port, gone at the end; skipped where not installed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.tools import free_port, until, until_open


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


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL cluster of our own; yield the address of its database `postgres`, for SQLAlchemy."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    programs = found[-1]
    folder = Path(tempfile.mkdtemp(prefix="park-postgres-", dir=memory_folder()))
    user: str | None = None
    if os.geteuid() == 0:  # it refuses to run as root
        user = "postgres"
        who = pwd.getpwnam(user)
        os.chown(folder, who.pw_uid, who.pw_gid)
    data, port = folder / "data", free_port()
    make = [programs / "initdb", "-D", data, "-U", "park", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
    subprocess.run(make, user=user, cwd=folder, check=True, capture_output=True)
    # A cluster that lives for one test run needs no safety of its files.
    fast = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    start = [programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, *fast]
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(start, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        until_open(port)
        ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
        until(lambda: subprocess.run(ready, check=False).returncode == 0)
        yield f"postgresql+psycopg://park@127.0.0.1:{port}/postgres"
    finally:
        child.send_signal(signal.SIGINT)  # fast: it does not wait for those who are connected
        child.wait()
        shutil.rmtree(folder, ignore_errors=True)
