"""What a reading costs in the log, and how fast a log is read again.

`python -m bench.log` prints figures; `measure()` returns them for the results file. Batches of 2,600
readings of 18,000 points, each synced before the next; the folder is on the disk of TMPDIR.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from park.readings import ReadingBatch
from park.records import Batch, Edge
from park.settings import LogSettings
from runtime.log import SegmentLog
from runtime.merging import merged

ROWS = 2_600  # readings a batch: 20 ms of the city's ten-fold rate
POINTS = 18_000
START = 1_750_003_200_000


def batches(count: int) -> list[Batch]:
    """Return batches as the bulk lane makes them."""
    chance = np.random.default_rng(1)
    edge = Edge(np.arange(3, dtype=np.int32), np.full(3, 96, np.int32), np.full(3, 866, np.int32))
    made = []
    for i in range(count):
        received = START + i * 20
        ts = received - chance.integers(0, 1_000, ROWS)
        point = chance.integers(1, POINTS, ROWS).astype(np.int32)
        readings = ReadingBatch(
            point, ts, chance.normal(size=ROWS), np.zeros(ROWS, np.uint8), np.full(ROWS, received, np.int64)
        )
        made.append(Batch(readings, edge))
    return made


def measure(appends: int = 1_500) -> dict[str, float]:
    """Return figures of appending and of reading again."""
    made = batches(200)
    with tempfile.TemporaryDirectory() as folder:
        log = SegmentLog(Path(folder), LogSettings(reserve_bytes=0))
        took = []
        cpu = time.thread_time()
        for i in range(appends):
            begin = time.perf_counter()
            log.append([made[i % len(made)]])
            took.append(time.perf_counter() - begin)
        cpu = time.thread_time() - cpu
        readings = appends * ROWS
        begin = time.perf_counter()
        single = sum(len(r.readings) for _, r in log.read(0) if isinstance(r, Batch))
        plain = time.perf_counter() - begin
        begin = time.perf_counter()
        joined = sum(len(r.readings) for _, r in merged(log.read(0)) if isinstance(r, Batch))
        bulk = time.perf_counter() - begin
        size = log.end
        log.close()
    assert readings == single == joined
    return {
        "log.append_cpu_ns_per_reading": round(cpu / readings * 1e9, 1),
        "log.append_ms_p50": round(float(np.percentile(took, 50)) * 1e3, 3),
        "log.append_ms_p99": round(float(np.percentile(took, 99)) * 1e3, 3),
        "log.bytes_per_reading": round(size / readings, 2),
        "log.read_readings_per_s": round(readings / plain),
        "log.merged_readings_per_s": round(readings / bulk),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_500), indent=2))
