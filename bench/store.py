"""What the store of time series costs and how fast it answers, as JSON.

`python -m bench.store` runs for a few minutes on 2 cores; `--hours 24` builds a whole day of a city
(200,000 points, 13,333 readings/s) before it asks.
"""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from park.events import Level, Rollups
from park.metrics import Lane
from park.ports import Chunk
from park.readings import ReadingBatch
from park.settings import StoreSettings
from runtime.storage.duckdb import DuckStore

T0 = 1_760_054_400_000  # a UTC day's start
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Source:
    """Readings of many points at a steady interval, in order of time, in chunks; and their 1-min rollups."""

    def __init__(self, points, interval, seed=1):
        self.points, self.interval = points, interval
        self.rng = np.random.default_rng(seed)
        self.phase = np.sort(self.rng.integers(0, interval, points)).astype(np.int64)
        self.order = self.rng.permutation(points).astype(np.int32) + 1
        self.level = np.round(self.rng.random(points) * 500, 1)
        self.position = 0

    def chunks(self, start, end, size):
        """Yield chunks that cover start <= ts < end."""
        per_minute = max(1, MINUTE // self.interval)
        for begin in range(start, end, self.interval):
            for a in range(0, self.points, size):
                rows = slice(a, min(a + size, self.points))
                ts = begin + self.phase[rows]
                n = len(ts)
                value = np.round(self.level[rows] + self.rng.standard_normal(n) * 3, 1)
                received = ts + self.rng.integers(20, 200, n)
                rollups = ()
                if (begin - start) % MINUTE == 0 and self.interval < MINUTE:
                    window = np.full(n, begin - begin % MINUTE, np.int64)
                    counts = np.full(n, per_minute, np.int32)
                    v = value
                    rollups = (
                        Rollups(Level.MINUTE, self.order[rows], window, counts, v * per_minute, v - 3, v + 3, v,
                                ts, np.full(n, MINUTE, np.int64), np.zeros(n, np.int32)),
                    )  # fmt: skip
                self.position += 1
                batch = ReadingBatch(self.order[rows], ts, value, np.zeros(n, np.uint8), received)
                yield Chunk(Lane.BULK, self.position, batch, rollups)


def folder_bytes(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def told(times):
    times = np.sort(np.array(times) * 1e3)
    return {"p50_ms": round(float(np.percentile(times, 50)), 2), "p99_ms": round(float(np.percentile(times, 99)), 2),
            "max_ms": round(float(times[-1]), 1), "n": len(times)}  # fmt: skip


def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def write_all(store, chunks):
    """Write chunks; return (readings, CPU seconds, wall seconds, longest write) of the store alone."""
    rows = cpu = wall = longest = 0
    for chunk in chunks:
        c, w = time.process_time(), time.perf_counter()
        store.write(chunk)
        took = time.perf_counter() - w
        cpu += time.process_time() - c
        wall += took
        longest = max(longest, took)
        rows += len(chunk.readings)
    return rows, cpu, wall, longest


def dense(folder, minutes):
    """2,000 devices of nine metrics at 100,000 readings/s."""
    store = DuckStore(folder, StoreSettings())
    source = Source(18_000, 180)
    rows, cpu, wall, longest = write_all(store, source.chunks(T0, T0 + minutes * MINUTE, 18_000))
    c, w = time.process_time(), time.perf_counter()
    store.flush()
    cpu, wall = cpu + time.process_time() - c, wall + time.perf_counter() - w
    out = {
        "readings": rows, "cpu_s_per_million": round(cpu / rows * 1e6, 3), "readings_per_s": round(rows / wall),
        "longest_write_s": round(longest, 2), "bytes_per_reading": round(folder_bytes(folder) / rows, 2),
        "resident_mb": resident(),
    }  # fmt: skip
    store.close()
    return out


def ask(store, points, end, until, every, out):
    rng = np.random.default_rng(3)
    park = np.arange(1, 1_401)
    step = DAY // 1_000
    while time.perf_counter() < until:
        p = int(rng.integers(1, points + 1))
        for name, call in (
            ("buckets_1000_of_24h", lambda p=p: store.buckets(p, end - DAY, end, step)),
            ("raw_of_24h", lambda p=p: store.raw(p, end - DAY, end, 100_000)),
            ("hours_of_24h", lambda p=p: store.buckets(p, end - DAY, end, HOUR)),
            ("latest_of_a_park", lambda: store.latest(park)),
            ("minutes_of_50_points", lambda p=p: store.rollups(Level.MINUTE, range(p, p + 50), end - DAY, end)),
        ):
            w = time.perf_counter()
            call()
            out.setdefault(name, []).append(time.perf_counter() - w)
        time.sleep(every)


def city(folder, hours, seconds, asked=200_000, interval=15_000):
    """200,000 points (every 15 s: 13,333 readings/s) come in while `asked` of them, with hours behind them, are asked.

    Tables are of 4,096 points each, so a point's table is what it is in a whole city, however many others have a past.
    """
    points = 200_000
    store = DuckStore(folder, StoreSettings())
    source = Source(asked, interval)
    end = T0 + hours * HOUR
    rows, cpu, wall, longest = write_all(store, source.chunks(T0, end, 50_000))
    c, w = time.process_time(), time.perf_counter()
    store.flush()
    cpu, wall = cpu + time.process_time() - c, wall + time.perf_counter() - w
    out = {
        "hours": hours, "readings": rows, "cpu_s_per_million": round(cpu / rows * 1e6, 3),
        "readings_per_s": round(rows / wall), "longest_write_s": round(longest, 2),
        "bytes_per_reading": round(folder_bytes(folder) / rows, 2),
        "raw_bytes_per_reading": round(folder_bytes(folder / "raw") / rows, 2),
    }  # fmt: skip
    out["gb_per_day"] = round(out["bytes_per_reading"] * points / interval * DAY / 1e6 / 1e3, 2)
    taken, source = source.position, Source(points, interval, seed=2)
    source.position = taken
    times: dict[str, list[float]] = {}
    begin = time.perf_counter()
    reader = threading.Thread(target=ask, args=(store, asked, end, begin + seconds, 0.02, times))
    reader.start()
    pause, size = 0.5, round(points / 15_000 * 1e3 * 0.5)
    written = 0
    chunks = source.chunks(end, end + DAY, size)
    while reader.is_alive():
        written += 1
        store.write(next(chunks))
        if written % 20 == 0:
            store.flush()  # every 10 s, far more often than the runtime does
        time.sleep(max(0, begin + written * pause - time.perf_counter()))
    reader.join()
    out |= {name: told(t) for name, t in times.items()}
    w = time.perf_counter()
    store.stored(end - HOUR, end)
    out["stored_s"] = round(time.perf_counter() - w, 2)
    late = np.arange(1, 1_001, dtype=np.int32)
    ts = np.full(1_000, T0 + 7)
    again = ReadingBatch(late, ts, np.zeros(1_000), np.full(1_000, 64, np.uint8), ts)
    w = time.perf_counter()
    store.known(again)
    out["known_1000_points_s"] = round(time.perf_counter() - w, 3)
    w = time.perf_counter()
    store.close()
    out["close_s"] = round(time.perf_counter() - w, 2)
    w = time.perf_counter()
    store = DuckStore(folder, StoreSettings())
    out["open_s"] = round(time.perf_counter() - w, 2)
    w = time.perf_counter()
    store.raw(1, T0, T0 + DAY, 10)
    out["first_query_s"] = round(time.perf_counter() - w, 3)
    store.close()
    out["resident_mb"] = resident()
    return out


def queries(work):
    """Return `query.*`: a whole day of every eighth point of a city, asked while all of it comes in."""
    folder = work / "store"
    folder.mkdir()
    figures = city(folder, 24, 40, asked=25_000)
    shutil.rmtree(folder)
    out = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            out |= {f"query.{name}_{k}": v for k, v in value.items()}
        else:
            out[f"query.store_{name}"] = value
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=int, default=2)
    parser.add_argument("--minutes", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--asked", type=int, default=200_000, help="points of the city with a past")
    parser.add_argument("--only", choices=["dense", "city"])
    a = parser.parse_args()
    out = {}
    for name, call in (
        ("dense", lambda f: dense(f, a.minutes)),
        ("city", lambda f: city(f, a.hours, a.seconds, a.asked)),
    ):
        if a.only in {None, name}:
            folder = Path(tempfile.mkdtemp(dir="bench/scratch" if Path("bench/scratch").is_dir() else None))
            try:
                out[name] = call(folder)
            finally:
                shutil.rmtree(folder)
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
