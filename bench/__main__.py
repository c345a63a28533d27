"""`make bench`: every figure of docs/benchmarks.md, to bench/results/latest.json.

`python -m bench [--seconds 60] [start|ingest|replay|city|query|alarms|parts ...]`; about 25 minutes in all.
`python -m bench distributed` by itself: a city's figures, which need Apache Kafka and PostgreSQL.
"""

import argparse
import json
import os
import platform as machine
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "latest.json"
ROOMS = ("start", "ingest", "replay", "city", "query", "alarms", "parts")
ALONE = "distributed"  # only when it is asked for


def about() -> dict[str, str]:
    """Return versions and settings that the figures belong to."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    broker = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    names = ("numpy", "paho-mqtt", "duckdb", "msgspec", "fastapi", "sqlalchemy")
    return {
        "about.commit": commit.stdout.strip(), "about.broker": broker, "about.cores": str(os.cpu_count()),
        "about.python": machine.python_version(), "about.load": "2,000 devices, 9 metrics a message, QoS 1",
        "about.machine_load": " ".join(f"{x:.2f}" for x in os.getloadavg()),
        **{f"about.{name}": version(name) for name in names},
    }  # fmt: skip


def main() -> None:
    """Run the rooms that were asked for, all by default; figures of the others stay as they were."""
    ask = argparse.ArgumentParser()
    ask.add_argument("rooms", nargs="*", choices=[*ROOMS, ALONE, []], default=[])
    ask.add_argument("--seconds", type=float, default=60)
    args = ask.parse_args()
    figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    figures |= about()
    work = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        for room in args.rooms or ROOMS:
            for key, value in measured(room, work, args.seconds).items():
                figures[key] = value
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(RESULTS.read_text())


def measured(room: str, work: Path, seconds: float) -> dict[str, float]:
    """Return the figures of one room."""
    if room == "start":
        from bench.start import measure as measure_start

        return measure_start(work)
    if room == "ingest":
        from bench.ingest import measure

        return measure(work, seconds)
    if room == "city":
        from bench.city import measure as measure_city

        return measure_city(work, seconds)
    if room == "replay":
        from bench.ingest import record
        from bench.replay import measure as measure_replay

        return measure_replay(record(work, seconds))
    if room == "alarms":
        from bench.alarms import measure as measure_alarms

        return measure_alarms(work, seconds)
    if room == ALONE:
        from bench.distributed import measure as measure_distributed

        return measure_distributed(work, seconds)
    if room == "query":
        from bench.store import queries

        return queries(work)
    from bench.hot_path import measure as hot_path
    from bench.log import measure as log
    from bench.stages import measure as stages

    return {**{f"hot_path.{k}": v for k, v in hot_path().items()}, **log(), **stages(2)}


if __name__ == "__main__":
    main()
