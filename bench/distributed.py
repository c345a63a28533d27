"""A city's figures: ingest, worker, fire; each on real Kafka, PostgreSQL and Mosquitto, one after the other."""

from pathlib import Path

PARTS = ("ingest", "worker", "fire")


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return `distributed.*`."""
    from bench.distributed_fire import measure as fire
    from bench.distributed_ingest import measure as ingest
    from bench.distributed_worker import measure as worker

    figures: dict[str, float] = {}
    for part, measured in zip(PARTS, (ingest, worker, fire), strict=True):
        folder = work / f"city-{part}"
        folder.mkdir()
        figures |= measured(folder, seconds)
    return figures
