"""What the fault tests stand on: the platform as a process, devices that count, a live page, a small park."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.settings import Settings
from runtime.house import House
from tests.tools import free_port, until

ROOT = Path(__file__).parent.parent.parent
HOUR = 3_600_000
VALUES = ("power", "voltage.a", "frequency", "energy")  # that every meter sends
METERS = 20
DETECTORS = 24
_FIGURE = re.compile(r"^([a-z_]+(?:\{.*?\})?) ([0-9.eE+-]+)$", re.MULTILINE)
_SPARE = (
    "import sys, runtime.serve; sys.stdin.readline() or sys.exit(); from runtime.cli import main; main(sys.argv[1:])"
)
SECONDS = 60.0  # that a start or a stop may take on a busy machine


# ── the park ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Ids:
    """Numbers that the registry gave."""

    meters: tuple[int, ...]
    points: dict[str, int]  # "m00/power" -> point
    detectors: tuple[int, ...]
    places: tuple[int, ...]  # of the detectors, one each


def found(folder: Path) -> Ids:
    """Fill a new data folder with meters behind a gateway, and with detectors, each in a unit of its own."""
    with House.open(replace(Settings(), data_dir=folder)) as house:

        def save(*things):
            return house.registry.save(list(things), actor="test", reason="founded", now=1_000)

        (park,) = save(Park(0, "p", "Park"))
        (building,) = save(Place(0, park.id, park.id, PlaceKind.BUILDING, "b", "Building"))
        units = save(
            *(Place(0, park.id, building.id, PlaceKind.UNIT, f"u{n:02d}", f"Unit {n}") for n in range(DETECTORS))
        )
        (box,) = save(Device(0, park.id, "native:p/-/g1", "gateway", "Gateway", interval=HOUR))
        meters = save(
            *(
                Device(0, park.id, f"native:p/g1/m{n:02d}", "meter", f"Meter {n}", building.id, box.id, interval=HOUR)
                for n in range(METERS)
            )
        )
        detectors = save(
            *(
                Device(
                    0, park.id, f"native:p/-/s{n:02d}", "smoke_detector", f"Smoke {n}", unit.id, lane=Lane.LIFE,
                    interval=24 * HOUR,
                )
                for n, unit in enumerate(units)
            )
        )  # fmt: skip
        points = {}
        for n, meter in enumerate(meters):
            made = save(*(Point(0, meter.id, *split(v), source_key=v, interval=HOUR) for v in VALUES))
            points |= {f"m{n:02d}/{v}": p.id for v, p in zip(VALUES, made, strict=False)}
        for n, detector in enumerate(detectors):
            (point,) = save(Point(0, detector.id, "smoke", source_key="smoke", interval=24 * HOUR))
            points[f"s{n:02d}/smoke"] = point.id
    return Ids(tuple(m.id for m in meters), points, tuple(d.id for d in detectors), tuple(u.id for u in units))


def split(name: str) -> tuple[str, str]:
    """Return metric and channel of a name on the wire."""
    metric, _, channel = name.partition(".")
    return metric, channel


# ── the platform ─────────────────────────────────────────────────────────────────────────────────


class Platform:
    """`python -m runtime run` on a data folder, started and ended as often as one likes."""

    def __init__(self, folder: Path, broker_port: int = 0, *, spare: bool = False, **environment: str) -> None:
        """Use a broker that runs already on a port; 0: the platform brings its own.

        With a `spare` the next process loads its program while this one runs, and waits: who is started again
        and again need not wait for that, which takes half of a start.
        """
        self.folder = folder
        self.http = free_port()
        self.mqtt = broker_port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.said = folder.parent / "platform.out"
        self._environment = environment | ({"PARK_MQTT_HOST": "127.0.0.1"} if broker_port else {})
        self._spares = spare
        self._spare: subprocess.Popen[bytes] | None = None
        self._lead = 0.0  # ms from our steady clock to the platform's

    def start(self, *, wait: bool = True) -> "Platform":
        """Start it, and wait until it is ready unless told not to."""
        self.process = self._spare or self._made()
        if self._spares:
            self.process.stdin.write(b"go\n")
            self.process.stdin.close()
            self._spare = self._made()
        if wait:
            self.ready()
        return self

    def _made(self) -> "subprocess.Popen[bytes]":
        """Return a new process: the platform, or a spare that waits for a word before it looks at anything."""
        way = ["-c", _SPARE] if self._spares else ["-m", "runtime"]
        command = [sys.executable, *way, "run", "--data-dir", str(self.folder)]
        command += ["--http-port", str(self.http), "--mqtt-port", str(self.mqtt)]
        said = subprocess.PIPE if self._spares else None
        with self.said.open("ab") as out:
            return subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self._environment}, stdin=said, stdout=out, stderr=out
            )

    def ready(self) -> None:
        """Wait until health says ok, which means that both lanes are connected too; learn its time."""
        until(lambda: self.health().get("status") == "ok", SECONDS)
        self.now()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(how)
        try:
            return process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.stdin.close()
            spare.kill()
            spare.wait()

    def get(self, path: str):
        """Return the JSON that a call answers."""
        return json.loads(self.raw(path))

    def raw(self, path: str) -> bytes:
        """Return the body that a call answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=20) as answer:
            return answer.read()

    def post(self, path: str, body: object):
        """Return the JSON that a call with a body answers."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.loads(answer.read())

    def health(self) -> dict:
        """Return the health page, also while it says 503; nothing while nobody answers."""
        assert self.process is None or self.process.poll() is None, self.said.read_text()[-2_000:]
        try:
            return self.get("/api/v1/health")
        except urllib.error.HTTPError as why:
            with why:
                return json.loads(why.read())
        except (OSError, http.client.HTTPException):
            return {}

    def part(self, name: str) -> dict:
        """Return one component of the health page."""
        return next((c for c in self.health().get("components", ()) if c["name"] == name), {})

    def figures(self) -> Counter:
        """Return the platform's own figures: {'name{label="x"}': value}."""
        try:
            text = self.raw("/metrics").decode()
        except (OSError, http.client.HTTPException):
            return Counter()
        return Counter({m[1]: float(m[2]) for m in _FIGURE.finditer(text)})

    def now(self) -> int:
        """Return the platform's time, epoch ms; what devices go by, whether it runs at the moment or not."""
        if not self._lead:
            self._lead = self.get("/api/v1/health")["at"] - time.monotonic() * 1000
        return int(self._lead + time.monotonic() * 1000)

    def settled(self, seconds: float = SECONDS) -> list[dict]:
        """Wait until the store has all of the logs, and return the rows of the ledger."""

        def caught_up() -> bool:
            figures = self.figures()
            return bool(figures) and not figures["park_store_lag_bytes"] and not figures["park_held_messages"]

        until(caught_up, seconds)
        return until(lambda: none_in_flight(self.ledger()), seconds)

    def ledger(self) -> list[dict]:
        """Return the rows of the loss ledger of today and yesterday."""
        return self.get("/api/v1/ledger")["items"]

    def stored(self, point: int) -> list[tuple[int, float]]:
        """Return (time, value) of every reading that the store has of a point."""
        rows, start, end = [], self.now() - 6 * HOUR, self.now() + 6 * HOUR
        while start is not None:
            page = self.get(f"/api/v1/points/{point}/readings?start={start}&end={end}&limit=20000")
            rows += list(zip(page["ts"], page["value"], strict=True))
            start = page["next"]
        return rows

    def conditions(self, **asked: object) -> list[dict]:
        """Return conditions as they are now."""
        query = "&".join(f"{k}={v}" for k, v in ({"limit": 1_000} | asked).items())
        return self.get(f"/api/v1/conditions?{query}")["items"]


def none_in_flight(rows: list[dict]) -> list[dict]:
    """Return the rows of a ledger, once nothing in them is on its way."""
    return [] if any(row["in_flight"] for row in rows) else rows


# ── devices ──────────────────────────────────────────────────────────────────────────────────────


class Speaker:
    """A client that publishes and remembers which of it the broker has acknowledged."""

    def __init__(self, port: int, name: str = "speaker") -> None:
        self.sent: list[tuple[str, dict, float]] = []  # topic, message, when it was given to the client
        self._answered: deque[int] = deque()  # packet ids, as the client's own thread hears of them
        self._open: dict[int, int] = {}  # packet id -> index in `sent`, of what is not acknowledged
        self._lock = threading.Lock()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"{name}-{port}", clean_session=False, protocol=mqtt.MQTTv311
        )
        self._client.max_inflight_messages_set(500)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = lambda _client, _userdata, mid, _code, _properties: self._answered.append(mid)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self._client.is_connected)

    def say(self, topic: str, body: dict) -> None:
        """Publish a message that counts; while there is no connection it waits for one."""
        with self._lock:
            self._open[self._client.publish(topic, json.dumps(body), 1).mid] = len(self.sent)
            self.sent.append((topic, body, time.monotonic()))

    def throw(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish anything, and wait until the broker has it."""
        info = self._client.publish(topic, payload, 1, retain)
        until(info.is_published)

    def tell(self, topic: str, body: dict, *, retain: bool = False) -> None:
        """Publish a message, and wait until the broker has it."""
        self.throw(topic, json.dumps(body).encode(), retain=retain)

    def _sort(self) -> None:
        for _ in range(len(self._answered)):
            self._open.pop(self._answered.popleft(), None)

    def waiting(self) -> int:
        """Return how many messages the broker has not acknowledged."""
        with self._lock:
            self._sort()
            return len(self._open)

    def acknowledged(self) -> list[tuple[str, dict, float]]:
        """Return the messages that the broker has acknowledged."""
        with self._lock:
            self._sort()
            waiting = set(self._open.values())
            return [message for n, message in enumerate(self.sent) if n not in waiting]

    def close(self) -> None:
        """Say good-bye."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class Load:
    """Meters that speak at a steady pace until stopped, in a thread of its own."""

    speaker: Speaker
    now: object
    rate: float  # messages a second
    sent: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    def _run(self) -> None:
        began, times = time.monotonic(), [0] * METERS
        while not self._stopping.is_set():
            due = int((time.monotonic() - began) * self.rate)
            if due == self.sent or len(self.speaker.sent) > 200_000 or self.speaker.waiting() > 5_000:
                self._stopping.wait(0.005)
                continue
            n = self.sent % METERS
            ts = times[n] = max(self.now(), times[n] + 1)
            self.speaker.say(f"parks/p/bulk/g1/m{n:02d}", {"ts": ts, "v": reading(n, self.sent // METERS, ts)})
            self.sent += 1

    def stop(self) -> None:
        """End, and wait until the broker has all of it."""
        self.pause()
        until(lambda: not self.speaker.waiting(), SECONDS)

    def pause(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()


def reading(meter: int, n: int, ts: int) -> dict:
    """Return what a meter measures: its frequency leaves the limits for 20 s every 90 s, each meter at its own time."""
    beyond = (ts // 1000 + 4 * meter) % 90 < 20
    return {
        "power": round(10 + meter + n % 97 / 10, 1),
        "voltage.a": 220.0 + n % 7,
        "frequency": 50.9 if beyond else 50.0 + n % 3 / 100,
        "energy": round(1_000 * meter + n * 0.25, 2),
    }


def wanted(messages) -> dict[str, set[tuple[int, float]]]:
    """Return what the store must hold of messages of meters: "m00/power" -> (time, value)."""
    rows: dict[str, set[tuple[int, float]]] = {}
    for topic, body, *_ in messages:
        for name, value in body["v"].items():
            rows.setdefault(f"{topic.rsplit('/', 1)[1]}/{name}", set()).add((body["ts"], float(value)))
    return rows


# ── live pages ───────────────────────────────────────────────────────────────────────────────────


class Listener:
    """A live page: it keeps every condition that it is told of."""

    def __init__(self, platform: Platform) -> None:
        self.conditions: list[dict] = []
        self._link = http.client.HTTPConnection("127.0.0.1", platform.http, timeout=60)
        self._link.request("GET", "/api/v1/live")
        self._stream = self._link.getresponse()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self._stream:
                if line.startswith(b'data: {"type":"condition"'):
                    self.conditions.append(json.loads(line[6:]))

    def of(self, subject: str) -> list[dict]:
        """Return what it was told of one subject, in order."""
        return [c for c in self.conditions if c["subject"] == subject]

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._link.sock.shutdown(2)
        self._thread.join(10)
        self._stream.close()
        self._link.close()
