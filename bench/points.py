"""What a point costs in the bulk lane and the store: bytes of state, and CPU a reading at few points and at many.

`python -m bench.points [seconds]` prints both by stage. No server takes part: batches as a lane takes them at
50,000 readings/s, every 0.1 s, are made beforehand and run through the stages of `stream/stages.py`; the first third
warms up. `stored` is a log of them through all that fills the stores, second by second, with its flush at the end.
CPU is that of the process; only the ratio of the two sizes of one run is sturdy.
"""

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.load import METRICS, span_of
from park.directory import Directory
from park.metrics import Lane
from park.operator import Operator
from park.readings import ReadingBatch
from park.records import Batch, Config, DeviceRow, Edge, EnterpriseRow, PlaceRow, PointRow, Tick
from park.settings import LogSettings, StoreSettings
from runtime.journal import journals_in
from runtime.log import SegmentLog
from runtime.projector import Projector, ProjectorSettings
from runtime.storage.duckdb import DuckStore
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger_waiting import WaitingLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, store_stages

START = 1_750_003_200_000
RATE, TURN = 50_000, 100  # readings a second; ms between two batches
WIDTH = len(METRICS)
LOW, SPAN = np.array([span_of(metric)[1:] for metric in METRICS]).T
Size = tuple[int, int, int]  # devices, parks, enterprises
FEW, MANY = (222, 1, 1), (22_222, 150, 10_000)
GATEWAYS = 20  # of a park


def gateway_of(device: Any, size: Size) -> Any:
    """Return the gateway above devices."""
    devices, parks, firms = size
    return devices + 1 + (1 + device % firms) % parks * GATEWAYS + device // parks % GATEWAYS


def registry(size: Size) -> Config:
    """Return parks of meters of nine values each, with a firm in every unit."""
    devices, parks, firms = size
    places = [PlaceRow(p, p, 0, "park", f"park {p}", code=f"p{p}") for p in range(1, parks + 1)]
    places += [
        PlaceRow(parks + f, 1 + f % parks, 1 + f % parks, "unit", f"unit {f}", 300.0) for f in range(1, firms + 1)
    ]
    rows = [
        DeviceRow(devices + n, 1 + (n - 1) // GATEWAYS, 1 + (n - 1) // GATEWAYS, Lane.BULK, "gateway", 0, 86_400_000)
        for n in range(1, parks * GATEWAYS + 1)
    ]
    points = []
    for device in range(1, devices + 1):
        firm = 1 + device % firms
        place, park, first = parks + firm, 1 + firm % parks, (device - 1) * WIDTH + 1
        rows.append(DeviceRow(device, park, place, Lane.BULK, "meter", gateway_of(device, size)))
        for n, name in enumerate(METRICS):
            metric, _, channel = name.partition(".")
            points.append(PointRow(first + n, metric, device, place, park, firm, channel, interval=15_000))
    some = tuple(EnterpriseRow(f, 1 + f % parks, "", 0) for f in range(1, firms + 1))
    return Config(1, START, tuple(points), tuple(rows), tuple(places), enterprises=some)


def turns(size: Size, seconds: float) -> Iterator[Tick | Batch]:
    """Yield what a lane takes: devices speak one after the other, whole messages."""
    devices = size[0]
    chance = np.random.default_rng(1)
    order = chance.permutation(devices)
    a_turn = RATE * TURN // 1_000 // WIDTH
    minute = 0
    for turn in range(int(seconds * 1_000) // TURN):
        at = START + turn * TURN
        if at // 60_000 > minute:
            minute = at // 60_000
            yield Tick(minute * 60_000)
        said = np.arange(turn * a_turn, (turn + 1) * a_turn)
        some = order[said % devices]
        ts = at - TURN + (said - said[0]) * TURN // a_turn
        value = LOW + SPAN * chance.random((len(some), WIDTH))
        point = (some[:, None] * WIDTH + np.arange(1, WIDTH + 1)).ravel().astype(np.int32)
        n = len(point)
        gateway, messages = np.unique(gateway_of(some + 1, size), return_counts=True)
        yield Batch(
            ReadingBatch(point, np.repeat(ts, WIDTH), value.ravel(), np.zeros(n, np.uint8), np.full(n, at, np.int64)),
            Edge(*(column.astype(np.int32) for column in (gateway, messages, messages * WIDTH))),
        )


def clocked(stage: Operator, spent: dict[str, float]) -> Operator:
    """Return a stage whose CPU seconds are added up under its name."""
    plain = stage.on_batch, stage.on_tick

    def on_batch(batch: ReadingBatch, emit: Any) -> ReadingBatch:
        begin = time.thread_time()
        out = plain[0](batch, emit)
        spent[stage.name] = spent.get(stage.name, 0.0) + time.thread_time() - begin
        return out

    def on_tick(now: int, emit: Any) -> None:
        begin = time.thread_time()
        plain[1](now, emit)
        spent[stage.name] = spent.get(stage.name, 0.0) + time.thread_time() - begin

    stage.on_batch, stage.on_tick = on_batch, on_tick  # type: ignore[method-assign]
    return stage


def held(thing: Any, seen: set[int]) -> int:
    """Return the bytes of all arrays that something of ours holds, each once; what the registry says is left out."""
    if id(thing) in seen or isinstance(thing, (Directory, str, bytes, int, float)):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        whole = thing
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        known = whole is not thing and id(whole) in seen
        seen.add(id(whole))
        return 0 if known else whole.nbytes
    if isinstance(thing, dict):
        return sum(held(part, seen) for part in thing.values())
    if isinstance(thing, (list, tuple)):
        return sum(held(part, seen) for part in thing[:100])
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    parts = [getattr(thing, name, None) for name in names] + list(getattr(thing, "__dict__", {}).values())
    return sum(held(part, seen) for part in parts if not callable(part) or hasattr(part, "__dict__"))


def run(stages: Callable[[Directory], tuple[Operator, ...]], size: Size, seconds: float) -> dict:
    """Return ns a reading and bytes a point, by stage, of one pipeline at one size."""
    spent: dict[str, float] = {}
    pipeline = Pipeline(lambda directory: tuple(clocked(stage, spent) for stage in stages(directory)))
    pipeline.run(registry(size), lambda _: None)
    begin, taken = START + int(seconds * 1_000 / 3), 0
    for record in turns(size, seconds):
        if isinstance(record, Batch) and record.readings.received[0] >= begin:
            if not taken:
                spent.clear()
            taken += len(record.readings)
        pipeline.run(record, lambda _: None)
    points = size[0] * WIDTH
    state = {stage.name: held(stage, set()) / points for stage in pipeline.operators}
    return {"ns": {name: s / taken * 1e9 for name, s in spent.items()}, "bytes": state}


def stored(size: Size, seconds: float) -> int:
    """Return ns a reading of what a projector does with a log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, database = SegmentLog(folder / "log", LogSettings()), Database.open(folder / "park.db")
        log.append([registry(size)])
        ledger = WaitingLedger(database)
        store = DuckStore(folder / "series", StoreSettings(), first=ledger.flush)
        projector = Projector(
            logs={Lane.BULK: log}, stages=store_stages, store=store, quarantine=SqlQuarantine(database), ledger=ledger,
            snapshots=FileSnapshots(folder / "snapshots"), journals=journals_in(folder / "projector"),
            settings=ProjectorSettings(rows=RATE),
        )  # fmt: skip
        projector.catch_up()
        for record in turns(size, seconds):
            log.append([record])
        clock = [time.process_time()]
        for _ in range(2):  # the second time there is nothing but a snapshot, which is made every ten minutes only
            projector.catch_up()
            clock.append(time.process_time())
        spent = 2 * clock[1] - clock[0] - clock[2]
        readings = projector.state().readings
        projector.stop()
        store.close()
        database.close()
        log.close()
    return round(spent / readings * 1e9)


def measure(seconds: float = 90.0) -> dict[str, Any]:
    """Return both figures of both pipelines, and the ratios."""
    out: dict[str, Any] = {}
    for name, stages in (("lane", bulk_stages), ("store", store_stages)):
        few, many = run(stages, FEW, seconds), run(stages, MANY, seconds)
        gc.collect()
        out[name] = {
            stage: [round(few["ns"].get(stage, 0)), round(many["ns"].get(stage, 0)), round(many["bytes"][stage])]
            for stage in many["bytes"]
        }
        whole = [sum(row[k] for row in out[name].values()) for k in range(3)]
        out[name]["all"] = [*whole, round(whole[1] / whole[0], 2)]
    few, many = stored(FEW, seconds), stored(MANY, seconds)
    out["stored"] = {"all": [few, many, round(many / few, 2)]}
    return out


if __name__ == "__main__":
    found = measure(float(sys.argv[1]) if len(sys.argv) > 1 else 90.0)
    print("stage: ns a reading at 2,000 points, at 200,000, bytes of state a point")
    for pipeline, rows in found.items():
        for stage, row in rows.items():
            print(f"{pipeline:6} {stage:16} {row}")
    print(json.dumps(found))
