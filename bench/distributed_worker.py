"""A city's worker on real Kafka and PostgreSQL: what a reading costs it, catching up, and partitions that move.

InfluxDB is a server that takes every line and keeps none, in a process of its own: the cost is the worker's own, up to
the answer 204. CPU seconds are of the worker's process; where the machine is shared, seconds of the clock are not ours.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from bench.load import METRICS, SHAPE, park_codes
from bench.park_of_load import fill_registry
from bench.platform import ROOT, cpu_of, resident
from park.metrics import Lane
from park.readings import ReadingBatch
from park.records import Batch, Edge, Record, Tick
from park.settings import CitySettings, Settings
from runtime.city_homes import CityHomes, CityRegistry
from runtime.city_house import open_database
from runtime.kafka_client import KafkaClient
from runtime.partitioned_log import PartitionedLog
from runtime.past import config_for
from runtime.topics import partition_of, prepare_topics
from tests.city.kafka import any_kafka
from tests.servers import postgresql
from tests.tools import free_port, until

PARKS, ENTERPRISES, DEVICES = 150, 10_000, 22_222  # as bench/city.py
RATE = 13_000  # readings a second of a city
FULL = 100_000  # readings a second that a worker is to keep up with
TURN = 20  # ms of an ingester's turn
TOGETHER = 10  # turns that are put into the logs at once, each a message still: the bench waits less for Kafka
PARTITIONS = 4
MINUTE = 60_000
BEGIN = 1_790_000_000_000 // MINUTE * MINUTE


# ── a server that keeps nothing ──────────────────────────────────────────────────────────────────


class _Keeps(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        said = b""
        if "/query" in self.path:
            said = b'{"results":[{}]}'
        elif "/orgs" in self.path:
            said = b'{"orgs":[{"id":"0123456789abcdef","name":"park"}]}'
        elif "/write" not in self.path:
            one = b'{"name":"any","retentionRules":[]}'
            said = b'{"buckets":[' + one + b"]}" if self.command == "GET" else one
        self.send_response(200 if said else 204)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def keep_nothing(port: int) -> None:
    """Serve until killed."""
    ThreadingHTTPServer(("127.0.0.1", port), _Keeps).serve_forever()


# ── workers ──────────────────────────────────────────────────────────────────────────────────────


class Worker:
    """`park worker` as a process."""

    def __init__(self, settings: Path, lanes: str = "both") -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "runtime", "worker", "--settings", str(settings), "--lanes", lanes]
        out = (settings.parent / "workers.out").open("ab")
        self.process = subprocess.Popen(
            [*command, "--role-port", str(self.port)], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        self.peak = 0.0  # MB

    def look(self) -> dict[str, float]:
        """Return its figures, by name and labels; nothing while it cannot be asked."""
        self.peak = max(self.peak, resident(self.process.pid))
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10).read().decode()
        except OSError:
            return {}
        return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]+(?:\{.*?\})?) ([0-9.eE+-]+)$", text, re.MULTILINE)}

    @property
    def cpu(self) -> float:
        """CPU seconds used."""
        return cpu_of(self.process.pid)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def total(figures: dict[str, float], name: str, having: str = "") -> float:
    """Return a figure's sum over its labels."""
    return sum(v for k, v in figures.items() if k.partition("{")[0] == name and having in k)


@dataclass
class Flow:
    """What a city says, straight into the logs of the bulk lane, as its ingester would put it."""

    log: PartitionedLog
    points: np.ndarray
    gateway: np.ndarray
    now: int = BEGIN
    sent: int = 0
    _at: int = 0
    _minute: int = 0
    _chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def put(self, seconds: float, rate: float) -> int:
        """Put some seconds of log time into the logs; return the readings."""
        per = int(rate * TURN / 1_000) // len(METRICS) * len(METRICS)
        before = self.sent
        middle = np.array([SHAPE.get(m, ("", 225 if m.startswith("v") else 10, 1))[1] for m in METRICS], np.float64)
        records: list[Record] = []
        for turn in range(int(seconds * 1_000 / TURN)):
            self.now += TURN
            if self.now // MINUTE > self._minute:
                self._minute = self.now // MINUTE
                records.append(Tick(self._minute * MINUTE))
            rows = np.arange(self._at, self._at + per) % len(self.points)
            self._at = (self._at + per) % len(self.points)
            value = np.tile(middle, per // len(METRICS)) * (1 + 0.01 * self._chance.random(per))
            ts = np.full(per, self.now, np.int64)
            gateways, counts = np.unique(self.gateway[rows], return_counts=True)
            edge = Edge(gateways, (counts // len(METRICS)).astype(np.int32), counts.astype(np.int32))
            records.append(
                Batch(ReadingBatch(self.points[rows], ts, np.round(value, 3), np.zeros(per, np.uint8), ts), edge)
            )
            self.sent += per
            if turn % TOGETHER == TOGETHER - 1:
                self.log.append(records)
                records = []
        self.log.append(records)
        return self.sent - before


@dataclass
class Ground:
    """Engines with a city in their registry, and a flow into its logs."""

    settings: Path
    flow: Flow
    life: PartitionedLog
    smoke: int  # point of a smoke detector

    def caught_up(self, workers: list[Worker], seconds: float = 600.0) -> float:
        """Wait until everything is run and stored; return how long that took, s."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            seen = [w.look() for w in workers]
            held = sum(total(s, "park_worker_partitions", "live") for s in seen)
            behind = sum(total(s, "park_worker_behind") + total(s, "park_worker_store_behind") for s in seen)
            if all(seen) and held >= PARTITIONS and not behind:
                return time.monotonic() - begin
            time.sleep(0.2)
        raise RuntimeError("the workers have not caught up")


@contextmanager
def ground(work: Path, devices: int = DEVICES, parks: int = PARKS, enterprises: int = ENTERPRISES) -> Iterator[Ground]:
    """Start engines with a registered city."""
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        address = stack.enter_context(any_kafka())
        url = stack.enter_context(postgresql())
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-c", f"from bench.distributed_worker import keep_nothing; keep_nothing({port})"], cwd=ROOT
        )
        stack.callback(server.wait)
        stack.callback(server.kill)
        (work / "postgres").write_text(url)
        (work / "influx").write_text("none")
        city = CitySettings(kafka=address, partitions=PARTITIONS, postgres_url_file=str(work / "postgres"))
        (work / "city.toml").write_text(
            f'data_dir = "{work}/data"\n[city]\nkafka = "{address}"\npartitions = {PARTITIONS}\n'
            f'postgres_url_file = "{work}/postgres"\ninflux_url = "http://127.0.0.1:{port}"\n'
            f'influx_token_file = "{work}/influx"\ninflux_org = "park"\n'
        )
        database = open_database(Settings(city=city))
        stack.callback(database.close)
        asyncio.run(prepare_topics(city))
        homes = CityHomes(PARTITIONS)
        registry = CityRegistry(database, homes)
        fill_registry(registry, devices, parks, enterprises)
        whole = registry.config_since(0, BEGIN)
        logs = {}
        for lane in Lane:
            client = KafkaClient(city, f"bench-{lane}")
            stack.callback(client.close)
            logs[lane] = PartitionedLog(client, lane, homes, range(PARTITIONS))
            logs[lane].append([config_for(whole, lane)])
        gateways = {d.device: d.gateway for d in whole.devices}
        meters = [p for p in whole.points if p.metric != "smoke"]
        flow = Flow(
            logs[Lane.BULK],
            np.array([p.point for p in meters], np.int32),
            np.array([gateways[p.device] for p in meters], np.int32),
        )
        smoke = next(p.point for p in whole.points if p.metric == "smoke")
        yield Ground(work / "city.toml", flow, logs[Lane.LIFE], smoke)


# ── figures ──────────────────────────────────────────────────────────────────────────────────────


def sustained(city: Ground, seconds: float) -> dict[str, float]:
    """Return what a reading costs one worker that keeps up with 100,000 a second, and how fast it drains a backlog."""
    worker = Worker(city.settings, "bulk")
    try:
        city.flow.put(20, FULL)  # every point has spoken, arrays have grown, configuration is taken
        city.caught_up([worker])
        before, cpu, begin = worker.look(), worker.cpu, time.monotonic()
        readings = city.flow.put(seconds, FULL)
        city.caught_up([worker])
        elapsed, used, after = time.monotonic() - begin, worker.cpu - cpu, worker.look()

        def spent(name: str) -> float:
            return (total(after, name) - total(before, name)) / readings * 1e6

        return {
            "readings_per_s": round(readings / elapsed),
            "cpu_s_per_million": round(used / readings * 1e6, 2),
            "readings_per_cpu_s": round(readings / used),
            "faust_cpu_s_per_million": round(spent("park_worker_feed_cpu_seconds_total"), 2),
            "faust_share": round(spent("park_worker_feed_cpu_seconds_total") / (used / readings * 1e6), 3),
            "stages_cpu_s_per_million": round(spent("park_worker_lane_cpu_seconds_total"), 2),
            "readings_a_message": round(readings / (total(after, "park_worker_messages_total")
                                                    - total(before, "park_worker_messages_total"))),
            "resident_mb": round(worker.peak),
        }  # fmt: skip
    finally:
        worker.end()


def drained(city: Ground, seconds: float = 40.0) -> dict[str, float]:
    """Return how fast a worker takes up a backlog of 100,000 readings a second, with nobody else at work but Kafka."""
    readings = city.flow.put(seconds, FULL)
    worker = Worker(city.settings, "bulk")
    try:
        until(lambda: total(worker.look(), "park_worker_readings_total") > 0, 120, 0.05)
        begin, first, cpu = time.monotonic(), total(worker.look(), "park_worker_readings_total"), worker.cpu
        city.caught_up([worker])
        elapsed, used = time.monotonic() - begin, worker.cpu - cpu
        return {
            "drained_readings_per_s": round((readings - first) / elapsed),
            "drained_cpu_s_per_million": round(used / (readings - first) * 1e6, 2),
        }
    finally:
        worker.end()


def catching_up(city: Ground, seconds: float = 600.0) -> dict[str, float]:
    """Return how a worker takes up what came while none ran, of a city's usual flow."""
    readings = city.flow.put(seconds, RATE)
    worker = Worker(city.settings, "bulk")
    try:
        begin = time.monotonic()
        city.caught_up([worker])
        elapsed = time.monotonic() - begin
        return {
            "catch_up_s": round(elapsed, 1), "catch_up_times_real_time": round(seconds / elapsed, 1),
            "catch_up_cpu_s": round(worker.cpu, 1), "catch_up_readings": readings,
            "catch_up_times_real_time_by_cpu": round(seconds / worker.cpu, 1),
        }  # fmt: skip
    finally:
        worker.end()


def spread(city: Ground, workers: int, seconds: float) -> dict[str, float]:
    """Return memory of each of some workers under a city's flow, and how long no log of life safety moved meanwhile."""
    running = [Worker(city.settings)]
    try:
        city.caught_up(running)
        pause = 0.0
        while len(running) < workers:
            running.append(Worker(city.settings))
            pause = max(pause, _pause(city, running))
        city.flow.put(seconds, RATE)
        city.caught_up(running)
        return {
            f"resident_mb_of_{workers}": round(max(w.peak for w in running)),
            f"resident_mb_of_{workers}_settled": round(max(resident(w.process.pid) for w in running)),
            **({f"life_pause_s_to_{workers}": round(pause, 2)} if workers > 1 else {}),
        }
    finally:
        for worker in running:
            worker.end()


def _pause(city: Ground, running: list[Worker], seconds: float = 15.0) -> float:
    """Return the longest that a record of life safety waited to be run while a worker joined, s: one each 0.1 s."""
    stream = f'"{Lane.LIFE}-{partition_of(park_codes(PARKS)[0], PARTITIONS)}"'
    base, begin, longest, sent = _position(running, stream), time.monotonic(), 0.0, 0
    waiting: list[tuple[float, float]] = []  # position, since
    while time.monotonic() - begin < seconds or (waiting and time.monotonic() - begin < seconds + 60):
        now = time.monotonic()
        if now - begin < seconds:
            one = np.array([city.smoke], np.int32)
            stamp = np.array([city.flow.now + int((now - begin) * 1_000)], np.int64)
            batch = ReadingBatch(one, stamp, np.zeros(1), np.zeros(1, np.uint8), stamp)
            city.life.append([Batch(batch, Edge(one * 0, one * 0 + 1, one * 0 + 1))])
            sent += 1
            waiting.append((base + sent, now))
        through, now = _position(running, stream), time.monotonic()
        longest = max([longest, *(now - since for position, since in waiting if position <= through)])
        waiting = [w for w in waiting if w[0] > through]
        time.sleep(0.05)
    return longest


def _position(running: list[Worker], stream: str) -> float:
    """Return the position of a log as whoever holds it now has run it."""
    held = [
        (total(seen, "park_worker_epoch", stream), total(seen, "park_worker_position", stream))
        for seen in (worker.look() for worker in running)
    ]
    return max(held)[1]


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return `distributed.worker_*`."""
    out: dict[str, float] = {}
    with ground(work / "worker") as city:
        parts = (
            partial(sustained, city, seconds),
            partial(drained, city),
            partial(catching_up, city),
            *(partial(spread, city, n, 30) for n in (1, 2, 4)),
        )
        for part in parts:
            figures = part()
            print(json.dumps(figures), flush=True)
            out |= {f"distributed.worker_{name}": value for name, value in figures.items()}
    return out


if __name__ == "__main__":
    import tempfile

    os.nice(5)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        measure(Path(folder), float(sys.argv[1]) if len(sys.argv) > 1 else 60)
