"""A city's figures: ingest, worker, fire; each on real Kafka, PostgreSQL and Mosquitto, one after the other."""

import json
from pathlib import Path

PARTS = ("ingest", "worker", "fire")


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return `distributed.*`."""
    from bench.distributed_fire import measure as fire
    from bench.distributed_ingest import measure as ingest
    from bench.distributed_worker import measure as worker

    figures: dict[str, float] = {}
    # Steady rates need no minute, the hundredth part of fires does: all of it stays within a dozen minutes.
    for part, measured, share in zip(PARTS, (ingest, worker, fire), (0.6, 0.6, 1.0), strict=True):
        folder = work / f"city-{part}"
        folder.mkdir()
        found = measured(folder, share * seconds)
        print(part, json.dumps(found), flush=True)  # whatever becomes of the next
        figures |= found
    return figures
