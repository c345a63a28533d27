"""A city in one instance: 150 parks, 10,000 enterprises, 200,000 points; its usual rate, and ten times that."""

import json
import random
import time
from pathlib import Path

from bench.ingest import METRICS, count, quantile, stored
from bench.park_of_load import fill
from bench.platform import Load, Platform, cpu_of, platform, resident
from park.settings import Settings

PARKS, ENTERPRISES, DEVICES = 150, 10_000, 22_222
RATE = 13_000  # readings a second of a city
SETTLING = 60  # s at most until all that a start brings is over


def ask(running: Platform, times: dict[str, list[float]], chance: random.Random) -> None:
    """Ask what a page asks, through the API, and note how long each answer took, ms."""
    now = time.time_ns() // 1_000_000  # noqa: TID251 - as a browser does
    point, park = chance.randrange(1, DEVICES * METRICS), chance.randrange(1, PARKS)
    for name, path in (
        ("api_1000_buckets_of_24h", f"/api/v1/points/{point}/readings?buckets=1000&start={now - 86_400_000}&end={now}"),
        ("api_latest_of_a_park", f"/api/v1/parks/{park}/latest"),
    ):
        begin = time.perf_counter()
        running.get(path)
        times.setdefault(name, []).append((time.perf_counter() - begin) * 1e3)


def steady(running: Platform, seconds: float, rate: float, devices: int, parks: int, *, asking: bool) -> dict:
    """Send at a rate after a while of settling in; report cores, cost and answers."""
    load = Load(running.mqtt, seconds + SETTLING, rate=rate / METRICS, devices=devices, parks=parks)
    begin = time.monotonic()
    time.sleep(20)  # every point has spoken, arrays have grown
    while running.figures()["park_events_waiting"] and time.monotonic() - begin < SETTLING:
        time.sleep(1)  # that devices are there is written once
    before, cpu, begin = running.figures(), cpu_of(running.pid), time.monotonic()
    peak, times, chance = 0.0, {}, random.Random(1)
    while load.running():
        time.sleep(0.1 if asking else 0.5)  # hundreds of answers: the p99 of fifty would be the worst of them
        peak = max(peak, resident(running.pid))
        if asking:
            ask(running, times, chance)
    elapsed, used = time.monotonic() - begin, cpu_of(running.pid) - cpu
    taken = count(running.figures(), "park_readings_total") - count(before, "park_readings_total")
    load.result()
    after = running.figures()
    lane = count(after, "park_lane_cpu_seconds_total") - count(before, "park_lane_cpu_seconds_total")
    store = after["park_projector_cpu_seconds_total"] - before["park_projector_cpu_seconds_total"]
    return {"core": used / elapsed, "cpu_s_per_million": used / taken * 1e6, "resident_mb": peak, "times": times,
            "lane_cpu_s_per_million": lane / taken * 1e6, "store_cpu_s_per_million": store / taken * 1e6}  # fmt: skip


def settled(running: Platform) -> None:
    """Wait until nothing is on its way."""
    before = -1.0
    while (now := stored(running)) != before or running.figures()["park_store_lag_bytes"]:
        before = now
        time.sleep(2)


def burst(running: Platform, seconds: float) -> dict:
    """Send ten times a city's rate; report loss, memory, and how long until the lag is normal again."""
    settled(running)
    begin = stored(running)
    load = Load(running.mqtt, seconds, rate=10 * RATE / METRICS, devices=DEVICES, parks=PARKS)
    peak = 0.0
    while load.running():
        time.sleep(0.5)
        peak = max(peak, resident(running.pid))
    sent, over = load.result()["sent"] * METRICS, time.monotonic()
    while running.figures()["park_store_lag_seconds"] > 2 and time.monotonic() - over < 120:
        time.sleep(0.1)
    back = time.monotonic() - over
    while stored(running) < begin + sent and time.monotonic() - over < 120:
        time.sleep(0.2)
    return {"burst.readings": sent, "burst.lost": round(begin + sent - stored(running)),
            "burst.resident_mb": round(peak), "burst.back_to_normal_s": round(back, 1)}  # fmt: skip


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return `city.*`, `burst.*` and `query.api_*`."""
    out: dict[str, float] = {"city.parks": PARKS, "city.enterprises": ENTERPRISES, "city.points": DEVICES * METRICS}
    folder = work / "city"
    begin = time.monotonic()
    fill(Settings(data_dir=folder), DEVICES, PARKS, ENTERPRISES)
    out["city.registry_filled_s"] = round(time.monotonic() - begin, 1)
    begin = time.monotonic()
    with platform(folder) as running:
        out["city.ready_s"] = round(time.monotonic() - begin, 1)
        run = steady(running, seconds, RATE, DEVICES, PARKS, asking=False)
        out["city.share_of_a_core"] = round(run["core"], 3)
        out["city.cpu_s_per_million"] = round(run["cpu_s_per_million"], 2)
        out["city.resident_mb"] = round(run["resident_mb"])
        print(json.dumps(out), flush=True)
        asked = steady(running, seconds, RATE, DEVICES, PARKS, asking=True)
        for name, times in asked["times"].items():
            out[f"query.{name}_p50_ms"] = round(quantile(times, 0.5), 1)
            out[f"query.{name}_p99_ms"] = round(quantile(times, 0.99), 1)
            out[f"query.{name}_runs"] = len(times)
        # Before the burst: the narrow side has none, and what it brought is written to files for minutes.
        wide = steady(running, 20, 50_000, DEVICES, PARKS, asking=False)
        out |= burst(running, seconds)
        print(json.dumps(out), flush=True)
    narrow_folder = work / "narrow"
    fill(Settings(data_dir=narrow_folder), 222)
    with platform(narrow_folder) as running:
        narrow = steady(running, 20, 50_000, 222, 1, asking=False)
    for points, run in (("2000", narrow), ("200000", wide)):
        out[f"city.lane_cpu_s_per_million_at_{points}_points"] = round(run["lane_cpu_s_per_million"], 2)
        out[f"city.store_cpu_s_per_million_at_{points}_points"] = round(run["store_cpu_s_per_million"], 2)
    out["city.cpu_s_per_million_at_2000_points"] = round(narrow["cpu_s_per_million"], 2)
    out["city.cpu_s_per_million_at_200000_points"] = round(wide["cpu_s_per_million"], 2)
    out["city.cost_200000_over_2000_points"] = round(wide["cpu_s_per_million"] / narrow["cpu_s_per_million"], 2)
    return out
