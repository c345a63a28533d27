"""What a reading costs in the stages, by size of batch and number of points.

`python -m bench.stages` prints nanoseconds a reading; `measure()` returns them for the results file.
Devices of nine metrics speak every ten seconds, whole messages at a time, as in the load of the lanes.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from park.directory import Directory
from park.events import Event
from park.metrics import Lane
from park.operator import Operator
from park.readings import ReadingBatch
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow, Record, Tick
from stream.meters import Meters
from stream.pipeline import Pipeline
from stream.quality import QualityGate
from stream.rollups import Rollups

METRICS = ("power", "voltage", "voltage", "voltage", "current", "current", "current", "power_factor", "energy")
START = 1_750_003_200_000
INTERVAL = 10_000  # ms between messages of a device
NO_EDGE = Edge(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32))

Stages = Callable[[Directory], tuple[Operator, ...]]
STAGES: dict[str, Stages] = {
    "quality": lambda d: (QualityGate(d),),
    "quality+meters": lambda d: (QualityGate(d), Meters(d)),
    "quality+meters+rollups": lambda d: (QualityGate(d), Meters(d), Rollups(d)),
}


def config(devices: int) -> Config:
    """Return a park of meters; each has nine points, and a tenth that is derived of its register."""
    points, rows = [], []
    for device in range(1, devices + 1):
        first = (device - 1) * 10 + 1
        rows.append(DeviceRow(device, 1, 2, Lane.BULK, "meter", interval=INTERVAL))
        points += [PointRow(first + n, m, device, 2, 1, interval=INTERVAL) for n, m in enumerate(METRICS)]
        points.append(PointRow(first + 9, "energy_use", device, 2, 1, interval=INTERVAL, source=first + 8))
    places = (PlaceRow(1, 1, 0, "park", "a park"), PlaceRow(2, 1, 1, "unit", "a unit"))
    return Config(1, START, tuple(points), tuple(rows), places)


def records(devices: int, size: int, count: int) -> list[Record]:
    """Return at least `count` readings as batches of about `size`, with the ticks between them."""
    rng = np.random.default_rng(1)
    chance = rng.permutation(devices)  # devices speak in an order of their own, the same every round
    per_batch = max(size // len(METRICS), 1)
    made: list[Record] = []
    total, now, nth = 0, 0, 0
    base = rng.random(devices) * 1_000
    while total < count:
        message = np.arange(nth * per_batch, (nth + 1) * per_batch)
        sent = START + message * INTERVAL // devices
        at = int(sent[-1])
        if at // 60_000 > now:
            now = at // 60_000
            made.append(Tick(now * 60_000))
        some = chance[message % devices]
        point = (some[:, None] * 10 + np.arange(1, 10)).ravel().astype(np.int32)
        value = rng.random((len(some), 9)) * 0.5
        value[:, 8] = base[some] + message // devices
        n = len(point)
        batch = ReadingBatch(point, np.repeat(sent, 9), value.ravel(), np.zeros(n, np.uint8), np.full(n, at, np.int64))
        made.append(Batch(batch, NO_EDGE))
        total, nth = total + n, nth + 1
    return made


def cost(stages: Stages, devices: int, log: list[Record]) -> float:
    """Return nanoseconds of CPU a reading, the second half of the log only: the first warms up."""
    pipeline = Pipeline(stages)
    events: list[Event] = []
    pipeline.run(config(devices), events.append)
    half = len(log) // 2
    for record in log[:half]:
        pipeline.run(record, events.append)
    count = sum(len(r.readings) for r in log[half:] if isinstance(r, Batch))
    begin = time.process_time()
    for record in log[half:]:
        pipeline.run(record, events.append)
    return (time.process_time() - begin) / count * 1e9


def measure(rounds: int = 3) -> dict[str, float]:
    """Return the least of some rounds, ns a reading, by stages, points and size of batch."""
    found = {}
    for points in (2_000, 20_000, 200_000):
        for size in (500, 2_000, 10_000):
            devices = points // 10
            log = records(devices, size, max(20 * points, 1_000_000))
            for name, stages in STAGES.items():
                best = min(cost(stages, devices, log) for _ in range(rounds))
                found[f"stages.{name}.{points}.{size}"] = round(best, 1)
    return found


if __name__ == "__main__":
    for name, nanoseconds in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3).items():
        print(f"{name:44} {nanoseconds:8.1f} ns")
