"""Replay: a recorded log through the stages for findings alone, and through all that rebuilds the store."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from park.metrics import Lane
from park.records import Batch
from park.settings import LogSettings, StoreSettings
from runtime.journal import journals_in
from runtime.log import SegmentLog
from runtime.merging import merged
from runtime.projector import Projector
from runtime.storage.duckdb import DuckStore
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, store_stages


def timed(work: Callable[[], int]) -> float:
    """Return readings a second."""
    begin = time.perf_counter()
    return work() / (time.perf_counter() - begin)


def findings(log: SegmentLog) -> int:
    """Run every stage of the bulk lane over a log; return the readings."""
    pipeline, readings, found = Pipeline(bulk_stages), 0, []
    for _, record in merged(log.read(log.begin)):
        pipeline.run(record, found.append)
        readings += len(record.readings) if isinstance(record, Batch) else 0
    return readings


def rebuild(log: SegmentLog, folder: Path) -> int:
    """Fill empty stores from a log: readings, rollups, ledger, quarantine; return the readings."""
    database, store = Database.open(folder / "park.db"), DuckStore(folder / "series", StoreSettings())
    projector = Projector(
        logs={Lane.BULK: log}, stages=store_stages, store=store, quarantine=SqlQuarantine(database),
        ledger=SqlLedger(database), snapshots=FileSnapshots(folder / "snapshots"),
        journals=journals_in(folder / "projector"),
    )  # fmt: skip
    projector.catch_up()
    readings = projector.state().readings
    projector.stop()
    store.close()
    database.close()
    return readings


def measure(log_folder: Path) -> dict[str, float]:
    """Return `replay.*` of a recorded log."""
    log = SegmentLog(log_folder, LogSettings(), Lane.BULK)
    out: dict[str, float] = {"replay.readings_per_s": round(timed(lambda: findings(log)))}
    with tempfile.TemporaryDirectory(dir=log_folder.parent) as folder:
        out["replay.rebuild_readings_per_s"] = round(timed(lambda: rebuild(log, Path(folder))))
    log.close()
    return out
