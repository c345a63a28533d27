"""Ingest: paced, saturated beside `mosquitto_sub`, fire beside saturation, and a burst.

Load, broker and platform share the machine. CPU is the operating system's account of the platform's process;
the lane's share is what its own thread says of itself.
"""

import json
import math
import os
import signal
import statistics
import subprocess
import time
from pathlib import Path

from bench.fire import FireWatch
from bench.park_of_load import fill
from bench.platform import Load, Platform, cpu_of, platform, resident
from park.settings import Settings

METRICS = 9
RECEIVED, DROPPED = "$SYS/broker/publish/messages/received", "$SYS/broker/publish/messages/dropped"


class BrokerWatch:
    """What a broker says of itself beside a load: Mosquitto tells a figure when it changes, and forgets it in a minute.

    So who asks for the messages that it has dropped after a load without any hears nothing.
    """

    def __init__(self, port: int) -> None:
        command = ["mosquitto_sub", "-p", str(port), "-v", "-t", RECEIVED, "-t", DROPPED]
        self._sub = subprocess.Popen(command, stdout=subprocess.PIPE)
        os.set_blocking(self._sub.stdout.fileno(), False)
        self._text, self._said = b"", {}

    def dropped(self, messages: int, seconds: float = 30) -> int:
        """Wait until the broker has told of so many messages, then end; return how many it has dropped, -1: unknown."""
        end = time.monotonic() + seconds
        while (told := self._heard().get(RECEIVED, -1)) < messages and time.monotonic() < end:
            time.sleep(0.1)
        self._sub.kill()
        self._sub.wait()
        return self._said.get(DROPPED, 0) if told >= messages else -1

    def _heard(self) -> dict[str, int]:
        *lines, self._text = (self._text + (self._sub.stdout.read() or b"")).split(b"\n")
        for line in lines:  # of one look at itself it tells what was dropped before what was received
            topic, _, number = line.decode().rpartition(" ")
            self._said[topic] = int(number)
        return self._said


def count(figures: dict[str, float], name: str, lane: str = "bulk") -> float:
    return figures.get(f'{name}{{lane="{lane}"}}', 0.0)


def stored(running: Platform) -> float:
    return running.figures()["park_stored_readings_total"]


def paced(running: Platform, seconds: float, readings: float = 100_000) -> dict:
    """Send at a steady rate; report what it cost and whether all of it was stored."""
    watch = BrokerWatch(running.mqtt)
    before, cpu, broker = running.figures(), cpu_of(running.pid), cpu_of(running.broker_pid)
    load = Load(running.mqtt, seconds, rate=readings / METRICS)
    peak, lags = 0.0, []
    while load.running():
        time.sleep(1)
        peak = max(peak, resident(running.pid))
        lags.append(running.figures()["park_store_lag_seconds"])
    sent = load.result()["sent"] * METRICS
    end = time.monotonic()
    goal = before["park_stored_readings_total"] + sent
    while stored(running) < goal and time.monotonic() - end < 120:
        time.sleep(0.2)
    after = running.figures()
    n = sent / 1e6
    lane = count(after, "park_lane_cpu_seconds_total") - count(before, "park_lane_cpu_seconds_total")
    store = after["park_projector_cpu_seconds_total"] - before["park_projector_cpu_seconds_total"]
    return {
        "paced_readings_per_s": round(sent / seconds),
        "paced_cpu_s_per_million": round((cpu_of(running.pid) - cpu) / n, 3),
        "lane_cpu_s_per_million": round(lane / n, 3),
        "store_cpu_s_per_million": round(store / n, 3),
        "paced_broker_cpu_s_per_million": round((cpu_of(running.broker_pid) - broker) / n, 3),
        "paced_missing": round(goal - stored(running)),
        "paced_stored_within_s": round(time.monotonic() - end, 1),
        "paced_store_lag_max_s": round(max(lags, default=0), 1),
        "paced_resident_mb": round(peak),
        "paced_dropped_by_broker": watch.dropped(round(sent / METRICS)),
    }


def saturated(running: Platform, seconds: float) -> dict:
    """Send as much as is taken; report the rate, memory and how long the store needs to catch up."""
    before = running.figures()
    base = count(before, "park_messages_total")
    cpu = cpu_of(running.pid)
    load = Load(running.mqtt, seconds, credit=True)
    load.grant(50_000)
    begin, peak = time.monotonic(), 0.0
    while load.running():
        time.sleep(0.1)
        taken = count(running.figures(), "park_messages_total") - base
        load.grant(int(taken) + 50_000)
        peak = max(peak, resident(running.pid))
    elapsed = time.monotonic() - begin
    sent = load.result()["sent"]
    others = count(running.figures(), "park_readings_total", "life") - count(before, "park_readings_total", "life")
    goal = before["park_stored_readings_total"] + sent * METRICS + others
    end = time.monotonic()
    used = cpu_of(running.pid) - cpu
    while stored(running) < goal and time.monotonic() - end < 300:
        time.sleep(0.5)
    return {
        "rate": round(sent * METRICS / elapsed),
        "cpu_s_per_million": round(used / (sent * METRICS / 1e6), 3),
        "missing": round(goal - stored(running)),
        "caught_up_s": round(time.monotonic() - end, 1),
        "resident_mb": round(peak),
    }


def mosquitto_sub(running: Platform, seconds: float) -> float:
    """Return the readings a second that `mosquitto_sub -q 1` drains of the same load through the same broker."""
    sub = subprocess.Popen(
        [
            "mosquitto_sub",
            "-p",
            str(running.mqtt),
            "-q",
            "1",
            "-V",
            "5",
            "-t",
            "parks/bench/bulk/#",
            "-F",
            "x",
            "-i",
            "beside",
        ],
        stdout=subprocess.PIPE,
    )
    os.set_blocking(sub.stdout.fileno(), False)
    time.sleep(0.5)
    load = Load(running.mqtt, seconds, credit=True)
    load.grant(50_000)
    begin, seen = time.monotonic(), 0
    while load.running():
        time.sleep(0.02)
        got = sub.stdout.read() or b""
        seen += got.count(b"\n")
        load.grant(seen + 50_000)
    rate = seen * METRICS / (time.monotonic() - begin)
    sub.send_signal(signal.SIGKILL)  # it can hang on SIGTERM and hold its queue
    sub.wait()
    load.result()
    return rate


def quantile(values: list[float], q: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(q * len(values)) - 1)] if values else math.nan


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return `ingest.*`, `fire.*` and `burst.*`."""
    out: dict[str, float] = {}
    folder = work / "ingest"
    fill(Settings(data_dir=folder), 2_000)
    with platform(folder) as running:
        for key, value in paced(running, seconds).items():
            out[f"ingest.{key}"] = value
        print(json.dumps(out), flush=True)
    ours, theirs, shares, latencies = [], [], [], []
    for turn in (1, 2):
        with platform(folder) as running, FireWatch(running) as watch:
            run = saturated(running, seconds)
            latencies += watch.stop()
            ours.append(run["rate"])
            for key, value in run.items():
                out[f"ingest.saturated_{key}_{turn}"] = value
        # The platform is stopped and its session ended, so that the broker serves one subscriber alike.
        with bare_broker(work) as beside:
            theirs.append(mosquitto_sub(beside, seconds))
        shares.append(ours[-1] / theirs[-1])
        print(json.dumps({"ours": ours[-1], "mosquitto_sub": theirs[-1]}), flush=True)
    out["ingest.saturated_readings_per_s"] = round(statistics.median(ours))
    out["ingest.mosquitto_sub_readings_per_s"] = round(statistics.median(theirs))
    out["ingest.share_of_mosquitto_sub"] = round(statistics.median(shares), 3)
    out["fire.messages"] = len(latencies)
    out["fire.p50_ms"] = round(quantile(latencies, 0.5), 1)
    out["fire.p99_ms"] = round(quantile(latencies, 0.99), 1)
    out["fire.max_ms"] = round(max(latencies, default=math.nan), 1)
    return out


def record(work: Path, seconds: float) -> Path:
    """Return the folder of a log that a paced run has written."""
    folder = work / "recorded"
    fill(Settings(data_dir=folder), 2_000)
    with platform(folder) as running:
        paced(running, seconds)
    return folder / "log" / "bulk"


class _Beside:
    """A broker alone, with the two things that are asked of a platform here."""

    def __init__(self, mqtt: int) -> None:
        self.mqtt = mqtt


def bare_broker(work: Path):
    """Start the same broker with the same settings, without a platform."""
    from contextlib import contextmanager

    from runtime.broker import Broker
    from tests.tools import free_port

    @contextmanager
    def started():
        broker = Broker.start(work / "beside", port=free_port())
        try:
            yield _Beside(broker.port)
        finally:
            broker.stop()

    return started()
