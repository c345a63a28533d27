"""`make run` from an empty folder: until it is ready, with half a year in it."""

import json
import time
from pathlib import Path

from bench.platform import cpu_of, platform, resident


def children_cpu(pid: int) -> float:
    """Return the CPU seconds of the child processes that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / 100


def measure(work: Path) -> dict[str, float]:
    """Return `start.*`: seconds to ready, what they cost, and what is in it then."""
    folder = work / "start"
    begin = time.monotonic()
    with platform(folder, arguments=("--simulate",)) as running:
        ready = time.monotonic() - begin
        mine, others = cpu_of(running.pid), children_cpu(running.pid)
        day = 86_400_000
        now = time.time_ns() // 1_000_000  # noqa: TID251 - as a person looks at a clock
        points = json.loads(running.get("/api/v1/points?limit=1000"))["items"]
        power = next(p["id"] for p in points if p["metric"] == "power")
        path = f"/api/v1/points/{power}/readings?start={now - 181 * day}&end={now}&step={day}"
        days = json.loads(running.get(path))["count"]
        return {
            "start.ready_s": round(ready, 1), "start.cpu_s": round(mine, 1), "start.other_core_cpu_s": round(others, 1),
            "start.readings": running.figures()["park_stored_readings_total"], "start.days_of_power": len(days),
            "start.resident_mb": round(resident(running.pid)),
        }  # fmt: skip
