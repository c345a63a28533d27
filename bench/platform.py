"""The platform as a real process, with what can be asked of it and of the operating system about it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from tests.tools import free_port

ROOT = Path(__file__).parent.parent
TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> float:
    """Return resident memory, MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Platform:
    """A running `park run`."""

    def __init__(self, folder: Path, http: int, mqtt: int, process: subprocess.Popen) -> None:
        self.folder, self.http, self.mqtt, self.process = folder, http, mqtt, process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def broker_pid(self) -> int:
        """Process id of the broker that the platform started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        every = [int(c) for t in Path(f"/proc/{self.pid}/task").iterdir() for c in (t / "children").read_text().split()]
        for child in {*map(int, children), *every}:
            if "mosquitto" in Path(f"/proc/{child}/comm").read_text():
                return child
        raise RuntimeError("no broker")

    def get(self, path: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=30) as answer:
            return answer.read()

    def figures(self) -> dict[str, float]:
        """Return the platform's own metrics: {'name{label="x"}': value}."""
        text = self.get("/metrics").decode()
        return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]+(?:\{.*?\})?) ([0-9.eE+-]+)$", text, re.MULTILINE)}

    def ready(self, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if json.loads(self.get("/api/v1/health"))["status"] == "ok":
                    return
            except (OSError, ValueError, KeyError):
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the platform did not get ready")
            time.sleep(0.1)


@contextmanager
def platform(folder: Path, arguments: tuple[str, ...] = (), **environment: str):
    """Run a platform on a data folder; yield it when it is ready."""
    http, mqtt = free_port(), free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "runtime",
            "run",
            "--data-dir",
            folder,
            "--http-port",
            str(http),
            "--mqtt-port",
            str(mqtt),
            *arguments,
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=(folder.parent / "platform.out").open("ab"),
        stderr=subprocess.STDOUT,
    )
    running = Platform(folder, http, mqtt, process)
    try:
        running.ready()
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Load:
    """The load generator as a process; `grant` bounds what it may send in all."""

    def __init__(
        self, port: int, seconds: float, *, rate: float = 0, devices: int = 2_000, parks: int = 1, credit: bool = False
    ) -> None:
        command = [sys.executable, "-m", "bench.load", "--port", str(port), "--seconds", str(seconds)]
        command += [
            "--rate",
            str(rate),
            "--devices",
            str(devices),
            "--parks",
            str(parks),
            *(["--credit"] if credit else []),
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def grant(self, messages: int) -> None:
        try:
            os.write(self.process.stdin.fileno(), f"{messages}\n".encode())
        except BrokenPipeError:
            pass

    def running(self) -> bool:
        return self.process.poll() is None

    def result(self) -> dict[str, float]:
        out, _ = self.process.communicate(timeout=120)
        return json.loads(out)
