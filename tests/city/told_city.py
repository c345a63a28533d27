"""A city without workers: engines, the roles behind them as threads or processes, and what a worker would tell."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from sqlalchemy import text

from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import Lane
from park.model import Park
from park.records import Tick
from park.settings import ApiSettings, CitySettings, DeliverySettings, Settings
from park.streams import lane_of, partition_of
from park.told import encode_told, tell
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import KafkaLog, Partition
from runtime.storage.sql.assignments import take
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.topics import EVENTS, events_partition, topic_of
from tests.tools import free_port, until

T0 = 1_790_000_000_000  # epoch ms


def fire(number, *, park=1, state=AlarmState.ACTIVE, at=0):
    """Return the fire of a place."""
    at = at or T0 + number
    return ConditionChange(
        "fire.pre_alarm", "fire", f"place:{number}", T0 + number, at, at, state, Severity.CRITICAL,
        Reason.DETECTOR_ALARM, park=park, place=number, device=number, point=number,
    )  # fmt: skip


def settings_in(folder: Path, kafka: str, url: str, *, influx="http://127.0.0.1:9", token="secret", **more) -> Settings:
    """Return the settings of a city whose engines are there; secrets are files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "postgres").write_text(url)
    (folder / "influx").write_text(token)
    city = CitySettings(
        kafka=kafka, partitions=2, postgres_url_file=str(folder / "postgres"), influx_url=influx,
        influx_token_file=str(folder / "influx"), retention_hours=1,
    )  # fmt: skip
    return Settings(data_dir=folder / "data", city=city, api=ApiSettings(port=0), **more)


def written(settings: Settings, path: Path) -> Path:
    """Write settings as a file for processes."""
    lines = [f"data_dir = {json.dumps(str(settings.data_dir))}"]
    for name in ("city", "api", "delivery", "ingest"):
        lines.append(f"[{name}]")
        held = getattr(settings, name)
        for field in held.__dataclass_fields__:
            value = getattr(held, field)
            if value is not None:
                lines.append(f"{field} = {json.dumps(value)}")
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass
class Worker:
    """What stands for a worker: it holds logs under epochs, appends to them and tells events."""

    client: KafkaClient
    database: Database

    def __post_init__(self):
        """Hold nothing yet."""
        self.epochs = {}
        self.position = {}

    def hold(self, stream):
        """Take a log over."""
        self.epochs[stream] = take(self.database, stream, "test", 0).epoch

    def grow(self, stream, records=1):
        """Append records to a log; return where it ends."""
        log = KafkaLog(self.client, topic_of(lane_of(stream)), partition_of(stream))
        try:
            self.position[stream] = log.append([Tick(T0 // 60_000 * 60_000 + 60_000 * n) for n in range(records)])
        finally:
            log.close()
        return self.position[stream]

    def tell(self, stream, events, *, epoch=None, position=None):
        """Tell what was found up to the end of a log, which grows by a record."""
        if position is None:
            position = self.grow(stream)
        epoch = self.epochs[stream] if epoch is None else epoch
        self.bring(stream, [encode_told(told) for told in tell(stream, epoch, position, events)])
        return position

    def bring(self, stream, values):
        """Bring messages into the partition of a log's events, whatever they are."""
        partition = Partition(self.client, EVENTS, events_partition(stream))
        try:
            partition.append([(stream.encode(), value) for value in values])
        finally:
            partition.close()


@contextmanager
def worker_in(settings: Settings, url: str) -> Iterator[Worker]:
    """Yield what stands for the workers of a city whose topics are there."""
    with ExitStack() as stack:
        client = KafkaClient(settings.city, "test-worker")
        stack.callback(client.close)
        database = Database.open(url)
        stack.callback(database.close)
        made = Worker(client, database)
        for lane in Lane:
            for n in range(settings.city.partitions):
                made.hold(f"{lane}-{n}")
        registry = SqlRegistry(database)
        if not registry.find(Park):
            registry.save([Park(0, "east", "East")], actor="test", reason="test", now=T0)
        yield made


@contextmanager
def thread_of(run, settings: Settings) -> Iterator[threading.Event]:
    """Run a role in a thread; yield what stops it. Its end is waited for, and what it raised is raised."""
    stop, raised = threading.Event(), []

    def running():
        try:
            run(settings, stop)
        except BaseException as why:
            raised.append(why)
            raise

    thread = threading.Thread(target=running)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
        assert [] == raised


class Process:
    """A role as a process of its own."""

    def __init__(self, name: str, file: Path, *flags: str, before: Sequence[str] = (), host: str = "127.0.0.1") -> None:
        """Start it; `before` are words before its command, `host` is where its health is seen."""
        self.port, self.host = free_port(), host
        self.log = file.with_name(f"{name}-{self.port}.log")
        command = [*before, sys.executable, "-m", "runtime", name, "--settings", str(file)]
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [*command, "--role-port", str(self.port), *flags],
                stdout=log,
                stderr=log,
                env=os.environ | {"PARK_TRACEBACK": "1"},
            )

    def health(self):
        """Return (status, body); (0, {}) while nobody answers."""
        try:
            answer = httpx.get(f"http://{self.host}:{self.port}/health", timeout=5)
        except httpx.HTTPError:
            return 0, {}
        return answer.status_code, answer.json()

    def figures(self):
        """Return the figures as a mapping of lines; none while nobody answers."""
        try:
            answer = httpx.get(f"http://{self.host}:{self.port}/metrics", timeout=5)
        except httpx.HTTPError:
            return {}
        return dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))

    def until_well(self):
        """Wait until it serves."""
        until(lambda: self.health()[0] == 200 or self._alive(), 120, 0.1)

    def _alive(self):
        assert self.child.poll() is None, self.log.read_text()[-2_000:]

    def end(self):
        """Tell it to stop; return its exit code."""
        self.child.terminate()
        try:
            return self.child.wait(40)
        finally:
            self.kill()

    def kill(self):
        """End it at once."""
        self.child.kill()
        self.child.wait()


@contextmanager
def webhook() -> Iterator[tuple[str, list]]:
    """Serve an address that notes what it is told; yield (address, notes)."""
    notes = []

    class Told(BaseHTTPRequestHandler):
        def do_POST(self):
            """Note it."""
            notes.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Told)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/told", notes
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def with_webhook(settings: Settings, url: str) -> Settings:
    """Return settings that tell a webhook of this machine of every alarm."""
    return replace(settings, delivery=DeliverySettings(webhook=url, loopback=True))


def cases(database: Database) -> list[tuple[str, int]]:
    """Return the subjects of all cases and how many there are of each."""
    with database.read() as connection:
        rows = connection.execute(text("SELECT subject, count(*) FROM cases GROUP BY subject ORDER BY subject"))
        return [(subject, n) for subject, n in rows]
