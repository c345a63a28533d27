"""`park city`: a simulated city on this machine, with real engines and every role as a process of its own.

```
 simulated devices (threads here) ─MQTT─> Mosquitto ─> ingest ─> Kafka ─> worker ─> InfluxDB
                                                                            └─> alarms ─> PostgreSQL <─ api ─> pages
```
Everything is in one folder: stopped and started again it goes on, where Kafka keeps its records. `park simulate
--fire` with that folder sets a unit on fire.
"""

import json
import os
import secrets
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import msgspec
from rich.console import Console

from park.errors import SettingsError, UserError
from runtime.broker import Broker
from runtime.city_devices import CityDevices, Door, found_parks
from runtime.city_engines import free_port, influx, kafka, postgres
from runtime.doors import listen, make_folder
from runtime.lock import FolderLock
from runtime.names import SPEAKING
from runtime.storage.sql.database import Database

_FAREWELL = 40.0  # s of a role's ordered stop
_READY = 300.0  # s until pages answer: two cores with much else to do took more than 180
_LOOK = 1.0  # s between two looks at whether all still run
_AGAIN = 3.0  # s until a role that ended is started again
_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Demo:
    """What is asked for."""

    folder: Path
    parks: int
    enterprises: int
    workers: int
    http_port: int


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the engines listen: the same at each start, since Kafka and clients remember them."""

    mqtt: int
    kafka: int
    postgres: int
    influx: int


class Role:
    """One process of a city, started again when it ends."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        """Start nothing yet."""
        self.name = name
        self._command = command
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._rest = 0.0

    @property
    def pid(self) -> int:
        """Of its process; 0: none runs."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for us, who stop all in order.
            self._child = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "runtime", *self._command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def look(self) -> int | None:
        """Start it again where it has ended; return the exit code that was found, once."""
        if self._child is None:
            self._rest -= _LOOK
            if self._rest <= 0:
                self.start()
            return None
        code = self._child.poll()
        if code is not None:
            self._child, self._rest = None, _AGAIN
        return code

    def stop(self) -> None:
        """Stop it in order."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def run_city(demo: Demo, stop: threading.Event, out: Console) -> None:
    """Run it until told to stop. Raises UserError, MachineryError."""
    folder = demo.folder.resolve()
    make_folder(folder)
    with ExitStack() as stack:
        stack.enter_context(FolderLock(folder))
        listen("127.0.0.1", demo.http_port, "another with --http-port").close()
        ports = _ports(folder)

        def told(sentence: str) -> None:
            out.print(sentence, style="yellow", markup=False)

        out.print("starting the engines …")
        broker = Broker.start(folder / "mosquitto", port=ports.mqtt)
        stack.callback(broker.stop)
        if broker.lacks:
            told(broker.lacks)
        address = stack.enter_context(kafka(folder / "kafka", ports.kafka, os.environ, told))
        url = stack.enter_context(postgres(folder / "postgres", ports.postgres))
        token = _secret(folder / "influx-token")
        series = stack.enter_context(influx(folder / "influx", ports.influx, token))
        settings = _settings(folder, broker.port5, address, url, series, demo.http_port)
        out.print(f"registering {demo.parks} parks …")
        database = Database.open(url.replace("postgresql://", "postgresql+psycopg://", 1))
        try:
            lives = found_parks(folder, database, demo.parks, demo.enterprises)
        finally:
            database.close()
        (folder / "logs").mkdir(exist_ok=True)
        roles = [_role(name, settings, folder) for name in ("ingest", "alarms", "api")]
        roles[1:1] = [_role("worker", settings, folder, str(n)) for n in range(demo.workers)]
        for role in roles:
            stack.callback(role.stop)
            role.start()
        out.print("starting the roles …")
        if not _ready(demo.http_port, roles, stop, out):
            return
        stack.enter_context(FolderLock(folder / SPEAKING))
        devices = CityDevices(lives, Door("127.0.0.1", broker.port), folder)
        stack.callback(devices.stop)
        devices.start()
        out.print(f"ready: http://127.0.0.1:{demo.http_port}/ (Ctrl-C stops it)", style="bold green", markup=False)
        unit = f"{lives[0][0].site.park.code}.{lives[0][0].site.units[0].code}"
        out.print(f"a fire: park simulate --data-dir {folder} --fire {unit}", soft_wrap=True)
        while not stop.wait(_LOOK):
            _look(roles, out)
        out.print("stopping …")


def _look(roles: list[Role], out: Console) -> None:
    for role in roles:
        code = role.look()
        if code is not None:
            out.print(f"{role.name} ended (exit code {code}); it is started again", style="yellow", markup=False)


def _ready(port: int, roles: list[Role], stop: threading.Event, out: Console) -> bool:
    """Wait until pages answer; return whether they do (not so: we are to stop). Raises UserError."""
    left = _READY
    while not stop.wait(_LOOK):
        _look(roles, out)
        left -= _LOOK
        try:
            if httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=2).is_success:
                return True
        except httpx.HTTPError:
            pass
        if left < 0:
            raise UserError("the pages do not answer; the folder `logs` says why")
    return False


def _role(name: str, settings: Path, folder: Path, number: str = "") -> Role:
    place = f"{name}{number}"
    command = [name, "--settings", str(settings), "--data-dir", str(folder / "data" / place)]
    return Role(place, command, folder / "logs" / f"{place}.log")


def _settings(folder: Path, mqtt: int, kafka_at: str, url: str, series: str, http_port: int) -> Path:
    """Write the settings of all roles; secrets are files of their own."""
    _whole(folder / "postgres-url", url.encode())
    told: dict[str, dict[str, object]] = {
        "ingest": {"broker_host": "127.0.0.1", "broker_port": mqtt},
        "api": {"port": http_port},
        "city": {
            "kafka": kafka_at, "partitions": _PARTITIONS, "postgres_url_file": str(folder / "postgres-url"),
            "influx_url": series, "influx_token_file": str(folder / "influx-token"),
        },
    }  # fmt: skip
    lines = [f"[{room}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in of.items()) for room, of in told.items()]
    path = folder / "city.toml"
    _whole(path, "\n".join(lines).encode())
    return path


def _ports(folder: Path) -> Ports:
    path = folder / "ports.json"
    if path.exists():
        try:
            return msgspec.json.decode(path.read_bytes(), type=Ports)
        except (OSError, msgspec.DecodeError) as why:
            raise SettingsError(f"{path} cannot be read: {why}") from why
    ports = Ports(*(free_port() for _ in range(4)))
    _whole(path, msgspec.json.encode(asdict(ports)))
    return ports


def _secret(path: Path) -> str:
    if not path.exists():
        _whole(path, secrets.token_urlsafe(24).encode())
    return path.read_text("utf-8").strip()


def _whole(path: Path, content: bytes) -> None:
    """Write a file of its owner's only that is either the old one or the new one, whenever somebody looks."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    part.rename(path)
