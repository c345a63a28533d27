"""A city's ingester: devices' messages into Kafka, paced and as fast as it goes; what each program spends on it.

Load generator, Mosquitto, Kafka and the ingester share the machine. CPU is the operating system's account of each
process; rates are lower bounds wherever the generator or a broker is what is short of a core.
"""

import cProfile
import os
import pstats
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import METRICS
from bench.park_of_load import fill_registry
from bench.platform import ROOT, Load, cpu_of, resident
from runtime.broker import Broker, Kind
from runtime.kafka_node import KafkaNode, kafka_home
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from tests.servers import postgresql
from tests.tools import free_port

DEVICES, PARKS = 2_000, 20


@dataclass
class Engines:
    """What an ingester stands between."""

    folder: Path
    kafka: KafkaNode
    broker: Broker
    settings: Path
    port: int  # where the ingester shows its figures

    @property
    def broker_pid(self) -> int:
        """Process id of Mosquitto."""
        return self.broker.pid


@contextmanager
def engines(work: Path, devices: int = DEVICES, parks: int = PARKS) -> Iterator[Engines]:
    """Start Kafka, PostgreSQL with the load's parks, and Mosquitto."""
    home = kafka_home(os.environ)
    if home is None:
        raise SystemExit("the figures of a city need Apache Kafka: PARK_KAFKA_HOME says where its jars are")
    folder = work / "ingest"
    folder.mkdir()
    kafka = KafkaNode(home, folder / "kafka", heap="512m")
    with postgresql() as url:
        database = Database.open(url)
        fill_registry(SqlRegistry(database), devices, parks)
        database.close()
        kafka.start()
        broker = Broker.start(folder / "broker", port=free_port(), kind=Kind.MOSQUITTO)
        try:
            (folder / "url").write_text(url)
            port = free_port()
            settings = folder / "park.toml"
            settings.write_text(
                f'data_dir = "{folder}"\n[ingest]\nbroker_host = "127.0.0.1"\nbroker_port = {broker.port5}\n'
                f'[city]\nkafka = "{kafka.address}"\npostgres_url_file = "{folder / "url"}"\nrole_port = {port}\n'
            )
            yield Engines(folder, kafka, broker, settings, port)
        finally:
            broker.stop()
            kafka.kill()


class Role:
    """A role's process."""

    def __init__(self, name: str, engines: Engines) -> None:
        self.port = engines.port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runtime", name, "--settings", str(engines.settings)],
            cwd=ROOT,
            stdout=(engines.folder / f"{name}.out").open("ab"),
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def figures(self) -> dict[str, float]:
        """Return the role's own metrics: {'name{label="x"}': value}."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]+(?:\{.*?\})?) ([0-9.eE+-]+)$", text, re.MULTILINE)}

    def ready(self, seconds: float = 120) -> None:
        """Wait until it is well."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                    if b'"status": "ok"' in answer.read():
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the role did not get ready")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def of(figures: dict[str, float], name: str, lane: str = "bulk") -> float:
    """Return one figure of a lane."""
    return figures.get(f'{name}{{lane="{lane}"}}', 0.0)


class Spent:
    """What everybody has spent since."""

    def __init__(self, role: Role, engines: Engines) -> None:
        self.role, self.engines = role, engines
        self.pids = {"ingest": role.pid, "mosquitto": engines.broker_pid, "kafka": engines.kafka.pid}
        self.cpu = {name: cpu_of(pid) for name, pid in self.pids.items()}
        self.figures = role.figures()
        self.begin = time.monotonic()

    def readings(self) -> float:
        """Return how many readings Kafka has acknowledged."""
        now = self.role.figures()
        return of(now, "park_readings_total") - of(self.figures, "park_readings_total")

    def per_million(self, readings: float) -> dict[str, float]:
        """Return CPU seconds per million readings, of each process and of the ingester's two threads."""
        now, n = self.role.figures(), readings / 1e6
        out = {f"{name}_cpu_s_per_million": (cpu_of(pid) - self.cpu[name]) / n for name, pid in self.pids.items()}
        for key, name in (("lane", "park_lane_cpu_seconds_total"), ("loop", "park_kafka_cpu_seconds_total")):
            out[f"{key}_cpu_s_per_million"] = (of(now, name) - of(self.figures, name)) / n
        messages = of(now, "park_kafka_messages_total") - of(self.figures, "park_kafka_messages_total")
        size = of(now, "park_kafka_bytes_total") - of(self.figures, "park_kafka_bytes_total")
        return {k: round(v, 3) for k, v in out.items()} | {
            "readings_per_message": round(readings / max(messages, 1)),
            "bytes_per_reading": round(size / readings, 1),
        }


def paced(role: Role, engines: Engines, seconds: float, rate: float) -> dict[str, float]:
    """Send at a steady rate."""
    spent = Spent(role, engines)
    load = Load(engines.broker.port, seconds, rate=rate / len(METRICS), devices=DEVICES, parks=PARKS)
    while load.running():
        time.sleep(0.5)
    sent = load.result()["sent"] * len(METRICS)
    settled(spent, sent)
    return {"readings_per_s": round(sent / seconds), "missing": round(sent - spent.readings())} | spent.per_million(
        sent
    )


def saturated(role: Role, engines: Engines, seconds: float) -> dict[str, float]:
    """Send as much as is taken."""
    spent = Spent(role, engines)
    load = Load(engines.broker.port, seconds, credit=True, devices=DEVICES, parks=PARKS)
    load.grant(50_000)
    peak = 0.0
    while load.running():
        time.sleep(0.1)
        load.grant(int(spent.readings() / len(METRICS)) + 50_000)
        peak = max(peak, resident(role.pid))
    sent = load.result()["sent"] * len(METRICS)
    settled(spent, sent)
    elapsed = time.monotonic() - spent.begin
    return {"readings_per_s": round(sent / elapsed), "missing": round(sent - spent.readings()),
            "resident_mb": round(peak)} | spent.per_million(sent)  # fmt: skip


def settled(spent: Spent, sent: float) -> None:
    """Wait until all of it is in Kafka."""
    deadline = time.monotonic() + 60
    while spent.readings() < sent and time.monotonic() < deadline:
        time.sleep(0.05)


def drained(engines: Engines, seconds: float) -> dict[str, float]:
    """Let a heap wait at the broker, and take it in: the ingester alone with two brokers."""
    load = Load(engines.broker.port, seconds, rate=8_000, devices=DEVICES, parks=PARKS)
    while load.running():
        time.sleep(0.2)
    sent = load.result()["sent"] * len(METRICS)
    role = Role("ingest", engines)
    try:
        role.ready()
        began = time.monotonic()
        cpu = cpu_of(role.pid)
        first = of(role.figures(), "park_readings_total")
        while of(role.figures(), "park_readings_total") < sent and time.monotonic() - began < 60:
            time.sleep(0.02)
        elapsed, used = time.monotonic() - began, cpu_of(role.pid) - cpu
        taken = of(role.figures(), "park_readings_total") - first
    finally:
        role.stop()
    return {"readings_per_s": round(taken / elapsed), "ingest_cpu_s_per_million": round(used / taken * 1e6, 3)}


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return `distributed.ingest.*`."""
    out: dict[str, float] = {}
    with engines(work) as ground:
        role = Role("ingest", ground)
        try:
            role.ready()
            saturated(role, ground, 5)  # every shape has been learned
            for name, figures in (
                ("paced", paced(role, ground, seconds, 150_000)),
                ("saturated", saturated(role, ground, seconds)),
            ):
                out |= {f"distributed.ingest.{name}.{key}": value for key, value in figures.items()}
        finally:
            role.stop()
        out |= {f"distributed.ingest.drained.{k}": v for k, v in drained(ground, min(seconds, 20)).items()}
    return out


def profiled(work: Path, seconds: float = 20) -> str:
    """Return a profile of the bulk lane's thread under load: where its time goes."""
    from park.metrics import Lane
    from runtime.city_ingest import CityIngest
    from runtime.settings_file import read_settings

    with engines(work) as ground:
        settings = read_settings(ground.settings, {}, {})
        database = Database.open(Path(ground.folder / "url").read_text())
        import asyncio

        from runtime.topics import prepare_topics

        asyncio.run(prepare_topics(settings.city))
        ingest = CityIngest(settings, database)
        worker = ingest.lanes[Lane.BULK]
        profile, run = cProfile.Profile(), worker._run
        worker._thread = threading.Thread(target=lambda: profile.runcall(run))
        ingest.start()
        while not worker.live.wait(0.1):
            pass
        load = Load(ground.broker.port, seconds, credit=True, devices=DEVICES, parks=PARKS)
        while load.running():
            time.sleep(0.1)
            load.grant(worker.state.messages + 50_000)
        load.result()
        ingest.stop()
        database.close()
        readings = worker.state.readings
    stats = pstats.Stats(profile)
    stats.sort_stats("tottime").print_stats(28)
    return f"{readings} readings"


if __name__ == "__main__":
    import json
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix="bench-ingest-"))
    try:
        if "profile" in sys.argv:
            print(profiled(place))
        else:
            print(json.dumps(measure(place, float(sys.argv[1]) if len(sys.argv) > 1 else 20), indent=1))
    finally:
        shutil.rmtree(place, ignore_errors=True)
