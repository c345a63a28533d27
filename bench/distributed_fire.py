"""Fire in a city: from the message on the wire to the row of its alarm in PostgreSQL, beside a city's load.

Everything is real and on this machine: Mosquitto, Kafka, PostgreSQL, the stand-in over InfluxDB 1, and each role a
process. `python -m bench.distributed_fire [--seconds 60] [--rate 13000]` prints the figures.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select

from bench.ingest import METRICS, quantile
from bench.load import park_codes
from bench.park_of_load import fill_registry
from bench.platform import Load, cpu_of
from park.events import ConditionChange
from park.metrics import Lane
from park.records import Batch
from park.settings import CitySettings
from park.told import decode_told
from park.wire import decode
from runtime.broker import Broker
from runtime.city_demo import Role
from runtime.city_engines import free_port, influx, kafka, postgres
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Partition
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.tables import condition_changes
from runtime.topics import EVENTS, topic_of
from tests.tools import until

PARKS, DEVICES = 20, 2_000
ROLES = {"ingest": (), "worker-life": ("--lanes", "life"), "worker-bulk": ("--lanes", "bulk"), "alarms": ()}
_POLL = 0.003  # s between two looks at the table


class Rows(threading.Thread):
    """Notes when a fire's row is there, by the time that the device gave it."""

    def __init__(self, url: str) -> None:
        super().__init__(name="rows", daemon=True)
        self.seen: dict[int, float] = {}
        self.over = threading.Event()
        self._database = Database.open(url)

    def run(self) -> None:
        """Look every few ms."""
        c, last = condition_changes.c, 0
        while not self.over.wait(_POLL):
            with self._database.read() as connection:
                rows = connection.execute(select(c.seq, c.body).where(c.seq > last).order_by(c.seq)).all()
            at = time.monotonic()
            for seq, body in rows:
                said = json.loads(body)
                last = seq
                if said["family"] == "fire" and said["state"] != "cleared":
                    self.seen.setdefault(said["ts"], at)
        self._database.close()


def fires(port: int, seconds: float) -> dict[int, float]:
    """Raise and end one detector twice a second; return when each was raised, by the device's time."""
    client = Client(CallbackAPIVersion.VERSION2, "bench-fire", protocol=MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    raised: dict[int, float] = {}
    pause, until_then = threading.Event(), time.monotonic() + seconds
    topic = f"parks/{park_codes(PARKS)[0]}/life/-/smoke1"
    while time.monotonic() < until_then:
        ts = time.time_ns() // 1_000_000  # noqa: TID251 - devices have clocks
        raised[ts] = time.monotonic()
        client.publish(topic, json.dumps({"ts": ts, "v": {"smoke": True}}), 1)
        pause.wait(0.25)
        client.publish(topic, json.dumps({"ts": ts + 1, "v": {"smoke": False}}), 1)
        pause.wait(0.25)
    client.loop_stop()
    return raised


def stations(address: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return when each reading of life safety was put into its log, and when each fire was told; epoch ms."""
    city = CitySettings(kafka=address)
    client = KafkaClient(city, "bench")
    logged: dict[int, int] = {}
    told: dict[int, int] = {}
    try:
        for n in range(city.partitions):
            log, events = Partition(client, topic_of(Lane.LIFE), n), Partition(client, EVENTS, 2 * n)
            for entry in log.read(log.begin):
                record = decode(entry.value)
                if isinstance(record, Batch):
                    logged.update((ts, entry.appended) for ts in record.readings.ts.tolist())
            for entry in events.read(events.begin):
                for event in decode_told(entry.value).events:
                    if isinstance(event, ConditionChange) and event.family == "fire":
                        told.setdefault(event.ts, entry.appended)
            log.close()
            events.close()
    finally:
        client.close()
    return logged, told


def measure(work: Path, seconds: float = 60, rate: float = 13_000) -> dict[str, float]:
    """Return `distributed.fire_*`."""
    for above in (work, work.parent):
        if above.stat().st_uid == os.getuid() and above != Path(tempfile.gettempdir()):
            above.chmod(0o711)  # PostgreSQL does not run as root, and has to get in
    with ExitStack() as stack:
        broker = Broker.start(work / "mosquitto")
        stack.callback(broker.stop)
        address = stack.enter_context(kafka(work / "kafka", free_port(), os.environ, print))
        url = stack.enter_context(postgres(work / "postgres", free_port()))
        series = stack.enter_context(influx(work / "influx", free_port(), "bench"))
        (work / "url").write_text(url)
        (work / "token").write_text("bench")
        settings = work / "city.toml"
        settings.write_text(
            f'[ingest]\nbroker_host = "127.0.0.1"\nbroker_port = {broker.port5}\n[city]\nkafka = "{address}"\n'
            f'postgres_url_file = "{work}/url"\ninflux_url = "{series}"\ninflux_token_file = "{work}/token"\n'
        )
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        database = Database.open(url)
        fill_registry(SqlRegistry(database), DEVICES, PARKS)
        database.close()
        roles = []
        for name, flags in ROLES.items():
            command = [name.partition("-")[0], *flags, "--settings", str(settings), "--data-dir", str(work / name)]
            roles.append(Role(name, command, work / f"{name}.log"))
            stack.callback(roles[-1].stop)
            roles[-1].start()
        rows = Rows(url)
        rows.start()
        stack.callback(rows.over.set)
        first: dict[int, float] = {}

        def through() -> bool:
            first.update(fires(broker.port, 1))
            return any(ts in rows.seen for ts in first)

        until(through, 180, 1.0)
        load = Load(broker.port, seconds + 10, rate=rate / METRICS, devices=DEVICES, parks=PARKS) if rate else None
        threading.Event().wait(5)
        before = {role.name: cpu_of(role.pid) for role in roles}
        begin = time.monotonic()
        raised = fires(broker.port, seconds)
        spent = time.monotonic() - begin
        used = {role.name: (cpu_of(role.pid) - before[role.name]) / spent for role in roles}
        until(lambda: all(ts in rows.seen for ts in raised), 60, 0.5)
        if load is not None:
            load.result()
        logged, told = stations(address)
    took = [(rows.seen[ts] - at) * 1e3 for ts, at in raised.items()]
    return {
        "distributed.fire_alarms": len(took),
        "distributed.fire_load_readings_s": rate,
        "distributed.fire_to_row_p50_ms": round(quantile(took, 0.5), 1),
        "distributed.fire_to_row_p99_ms": round(quantile(took, 0.99), 1),
        "distributed.fire_to_row_most_ms": round(max(took), 1),
        # By the clock of the machine, which the devices of the load share.
        "distributed.fire_to_log_p50_ms": round(quantile([logged[ts] - ts for ts in raised if ts in logged], 0.5), 1),
        "distributed.fire_log_to_told_p50_ms": round(
            quantile([told[ts] - logged[ts] for ts in raised if ts in told and ts in logged], 0.5), 1
        ),
        **{f"distributed.fire_cores_{name}": round(cores, 3) for name, cores in used.items()},
    }


def main() -> None:
    """Measure and print."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--seconds", type=float, default=60)
    ask.add_argument("--rate", type=float, default=13_000)
    given = ask.parse_args()
    work = Path(tempfile.mkdtemp(prefix="bench-fire-"))
    try:
        json.dump(measure(work, given.seconds, given.rate) | {"load": os.getloadavg()}, sys.stdout, indent=1)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
