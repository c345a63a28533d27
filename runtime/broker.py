"""An MQTT broker of our own, for one machine: Mosquitto where it is installed, else one from a Python package.

Started from a thread that lives on: on Linux the child dies with the *thread* that started it, so that a killed
platform leaves nothing behind that holds its port. Mosquitto is told to end (and so saves its queues).
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

from park.errors import SettingsError, Unavailable

_READY = 15.0  # s that a broker may take to answer; Mosquitto reads its saved queues first
_LEAVING = 3.0  # s that a port may stay taken by a broker that is on its way out
_GOODBYE = 10.0  # s that it may take to save them
_QUEUED_BYTES = 512 << 20  # kept for a client that is away; beyond it Mosquitto drops, and the ledger tells
_PATHS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"  # where Mosquitto hides from ordinary users

# MQTT 3.1.1 CONNECT of a clean client without a name, answered by every broker
_HELLO = bytes((0x10, 12, 0, 4)) + b"MQTT" + bytes((4, 2, 0, 5, 0, 0))


class Kind(StrEnum):
    """The brokers we know to start."""

    MOSQUITTO = "mosquitto"
    IOTCORE = "iotcore"


LACKS = {
    Kind.MOSQUITTO: "",
    Kind.IOTCORE: (
        "Mosquitto is not installed, so a small broker from a Python package runs instead: what it holds is lost when "
        "it stops, MQTT 5 has a port of its own, and it knows no shared subscriptions. "
        "For real use install Mosquitto (Debian: apt install mosquitto)."
    ),
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything needed to start the same broker again."""

    kind: Kind
    folder: Path
    host: str
    port: int
    port5: int
    program: str
    password_file: Path | None


class Broker:
    """A running broker. Build it with `Broker.start`."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        kind: Kind | None = None,
        password_file: Path | None = None,
    ) -> "Broker":
        """Start a broker that keeps its files in `folder`, and return once it answers.

        Port 0 takes any free one. Kind None prefers Mosquitto. A password file (of mosquitto_passwd) shuts
        everybody else out; without one it listens on loopback only. Raises SettingsError, Unavailable.
        """
        if not _loopback(host) and password_file is None:
            raise SettingsError(f"a broker on {host} needs a password file; without one it listens on 127.0.0.1 only")
        program = _mosquitto()
        if kind is None:
            kind = Kind.MOSQUITTO if program else Kind.IOTCORE
        if kind is Kind.MOSQUITTO and not program:
            raise SettingsError("Mosquitto is not installed")
        if kind is Kind.IOTCORE and password_file is not None:
            raise SettingsError("the broker from a Python package cannot read a password file; install Mosquitto")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as why:
            raise SettingsError(f"the folder {folder} cannot be written: {why.strerror}") from why
        if port > 65_535:
            raise SettingsError(f"there is no port {port}")
        if port and not _becomes_free(host, port):
            raise SettingsError(f"port {port} of {host} is in use; choose another for MQTT")
        port = port or _any_port(host)
        port5 = port if kind is Kind.MOSQUITTO else _any_port(host)
        broker = cls(_Plan(kind, folder, host, port, port5, program, password_file))
        broker._run()
        return broker

    # ── what it is ───────────────────────────────────────────────────────────────────────────────

    @property
    def kind(self) -> Kind:
        """Which program runs."""
        return self._plan.kind

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._plan.host

    @property
    def port(self) -> int:
        """Where devices connect; MQTT 3.1.1, and 5 with Mosquitto."""
        return self._plan.port

    @property
    def port5(self) -> int:
        """Where MQTT 5 is spoken."""
        return self._plan.port5

    @property
    def lacks(self) -> str:
        """What this broker cannot do, a sentence for the person who starts the platform; "" for nothing."""
        return LACKS[self._plan.kind]

    @property
    def pid(self) -> int:
        """Process number; 0 when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def healthy(self, timeout: float = 1.0) -> bool:
        """Tell whether it answers a CONNECT; that it accepts TCP says little."""
        return bool(self.pid) and _answers(_reachable(self.host), self.port, timeout)

    # ── what can be done with it ─────────────────────────────────────────────────────────────────

    def stop(self) -> None:
        """End it in good order; Mosquitto saves what it holds. Twice is as good as once."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it if it runs, and start it again on the same ports."""
        self.stop()
        for port in {self.port, self.port5}:
            _becomes_free(self.host, port)
        self._run()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(_GOODBYE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _run(self) -> None:
        command = _COMMANDS[self.kind](self._plan)
        log = self._plan.folder / "broker.out"
        with log.open("wb") as out:
            # stdin is a pipe that closes when we die: the Python broker ends by it.
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)  # noqa: S603
        deadline = time.monotonic() + _READY
        while not self.healthy(0.5):
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                self.kill()
                last = log.read_bytes()[-300:].decode("utf-8", "replace").strip()
                raise Unavailable(f"{self.kind} did not start (exit code {code}): {last or 'it said nothing'}")
            time.sleep(0.02)


def _mosquitto_command(plan: _Plan) -> list[str]:
    config = plan.folder / "mosquitto.conf"
    lines = [
        f"listener {plan.port} {plan.host}",
        f"allow_anonymous {'false' if plan.password_file else 'true'}",
        "persistence true",
        f"persistence_location {plan.folder.resolve()}/",
        "autosave_interval 5",  # s; what came since then a power cut takes
        "max_queued_messages 0",  # the default of 1,000 drops the rest without a word
        f"max_queued_bytes {_QUEUED_BYTES}",
        "max_inflight_messages 0",  # our own Receive Maximum decides
        "set_tcp_nodelay true",
        "persistent_client_expiration 30d",
        f"log_dest file {plan.folder.resolve()}/broker.log",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
    ]
    if plan.password_file:
        lines.append(f"password_file {plan.password_file.resolve()}")
    if hasattr(os, "getuid") and os.getuid() == 0:
        lines.append("user root")  # else it becomes "mosquitto", who may not write to our folder
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*_dies_with_us(), plan.program, "-c", str(config)]


def _iotcore_command(plan: _Plan) -> list[str]:
    connections = (
        "connection_timeout_ms = 60000\n"
        f"max_payload_size = {2 << 20}\n"
        "max_inflight_count = 1000\n"
        "dynamic_filters = true\n"
    )
    config = plan.folder / "iotcore.toml"
    config.write_text(
        "id = 0\n\n"
        # The queue of a filter in bytes is size x count; overflow drops the oldest, even acknowledged ones.
        "[router]\nid = 0\nmax_connections = 10010\nmax_outgoing_packet_count = 200\n"
        f"max_segment_size = {16 << 20}\nmax_segment_count = 16\n\n"
        f'[v4.1]\nname = "v4-1"\nlisten = "{plan.host}:{plan.port}"\nnext_connection_delay_ms = 1\n'
        f"[v4.1.connections]\n{connections}\n"
        f'[v5.1]\nname = "v5-1"\nlisten = "{plan.host}:{plan.port5}"\nnext_connection_delay_ms = 1\n'
        f"[v5.1.connections]\n{connections}",
        encoding="utf-8",
    )
    code = "import sys; from iotcore._serve import main; main()"
    options = json.dumps({"config_path": str(config)})
    return [*_dies_with_us(), sys.executable, "-I", "-c", code, options]


_COMMANDS = {Kind.MOSQUITTO: _mosquitto_command, Kind.IOTCORE: _iotcore_command}


def _dies_with_us() -> list[str]:
    """Return the prefix of a command whose process ends when we do, where the system can do that."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv and sys.platform == "linux" else []


def _mosquitto() -> str:
    """Return where Mosquitto is; "" if it is not."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PATHS) or ""


def installed(kind: Kind) -> bool:
    """Tell whether a broker can be started here."""
    if kind is Kind.MOSQUITTO:
        return bool(_mosquitto())
    from importlib.util import find_spec

    return find_spec("iotcore") is not None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  recognised, not bound


def _free(host: str, port: int) -> bool:
    """Tell whether a port can be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do it: connections of the broker before that linger are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _becomes_free(host: str, port: int) -> bool:
    """Tell whether a port is free, or soon is: the broker of a killed platform may still be saving its queues."""
    deadline = time.monotonic() + _LEAVING
    while not _free(host, port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _any_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _answers(host: str, port: int, timeout: float) -> bool:
    """Tell whether a CONNECT gets a CONNACK, be it a refusal."""
    try:
        with socket.create_connection((host, port), timeout) as link:
            link.sendall(_HELLO)
            answered = link.recv(1) == b"\x20"
            with contextlib.suppress(OSError):
                link.sendall(b"\xe0\x00")  # DISCONNECT
            return answered
    except OSError:
        return False
