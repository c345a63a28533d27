"""A simulated park straight to files: wide tables with the map that `park replay` reads, and the labels.

Pure: yields (file name, text); the caller opens files. Only what the map can name goes out: one column
a point, no phases. Duplicates and late rows are not in a wide table; silence is an empty cell.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from park.metrics import METRICS, Feed
from simulators.equipment import Plan
from simulators.history import STEP, Past
from simulators.injections import Injection, injections, labels
from simulators.registry import park_plan
from simulators.scenario import MINUTE, QUARTER, Scenario

#  table: (feeds, ms between rows)
TABLES: dict[str, tuple[tuple[Feed, ...], int]] = {
    "meters.csv": ((Feed.ENERGY, Feed.WATER), QUARTER),
    "people.csv": ((Feed.PEOPLE, Feed.VEHICLES), 60 * MINUTE),
    "environment.csv": ((Feed.ENVIRONMENT,), 60 * MINUTE),
    "production.csv": ((Feed.PRODUCTION,), 60 * MINUTE),
    "fire.csv": ((Feed.FIRE,), 10_000),  # detectors that see fire speak every ten seconds
}
MAP, LABELS = "map.toml", "labels.jsonl"


def files(scenario: Scenario, start: int, end: int, step: int = STEP) -> Iterator[tuple[str, str]]:
    """Yield (file name, text to append) for the tables, `map.toml` and `labels.jsonl`, of start <= t < end (ms)."""
    plan = park_plan(scenario)
    events = injections(plan, end)
    columns = {name: _columns(plan, feeds) for name, (feeds, _) in TABLES.items()}
    yield MAP, _map(plan, columns, start, events)
    for line in labels(plan, tuple(x for x in events if x.over(start, end))):
        yield LABELS, line + "\n"
    for name, points in columns.items():
        yield name, ",".join(["time", *(_column(plan, p) for p in points)]) + "\n"
    past = Past(plan, events)
    for begin in range(start, end, step):
        readings = past.received(begin, min(begin + step, end))
        for name, points in columns.items():
            text = _rows(readings.point, readings.received, readings.value, points, TABLES[name][1])
            if text:
                yield name, text


def _columns(plan: Plan, feeds: Sequence[Feed]) -> list[int]:
    """Return the point numbers of a table: what devices send of some feeds, less phases and what says nothing."""
    return [
        p.id
        for p in plan.points
        if p.source_key and not p.channel and METRICS[p.metric].feed in feeds
        and p.metric not in {"online", "signal", "battery", "low_battery"}
    ]  # fmt: skip


def _device(plan: Plan, number: int) -> str:
    return plan.devices[number - 1].key.partition(":")[2].rpartition("/")[2]


def _column(plan: Plan, point: int) -> str:
    p = plan.points[point - 1]
    return f"{_device(plan, p.device)}|{p.metric}"


def _rows(
    point: np.ndarray[tuple[int], np.dtype[np.int32]],
    ts: np.ndarray[tuple[int], np.dtype[np.int64]],
    value: np.ndarray[tuple[int], np.dtype[np.float64]],
    points: Sequence[int],
    every: int,
) -> str:
    """Return the lines of a wide table; with `every`, a row stands for the readings of that many ms."""
    index = np.full(int(max([*points, *point.tolist()], default=0)) + 1, -1, np.int64)
    index[np.array(points, np.int64)] = np.arange(len(points))
    column = index[point]
    mine = column >= 0
    if not mine.any():
        return ""
    times = ts[mine] // every * every if every else ts[mine]
    rows, row = np.unique(times, return_inverse=True)
    table = np.full((len(rows), len(points)), np.nan)
    table[row, column[mine]] = value[mine]
    lines = []
    for t, cells in zip(rows.tolist(), table.tolist(), strict=True):
        lines.append(",".join([_iso(t), *("" if v != v else f"{v:.12g}" for v in cells)]))  # noqa: PLR0124
    return "\n".join(lines) + "\n"


def _iso(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _map(plan: Plan, columns: dict[str, list[int]], start: int, events: Sequence[Injection]) -> str:
    park = plan.site.park
    lines = ["[park]", f'id = "{park.code}"', f'timezone = "{park.timezone}"', f'start = "{_iso(start)}"',
             'calendar = "CN"']  # fmt: skip
    zone = {p.id: p.code for p in plan.site.places}
    for name, points in columns.items():
        lines += ["", "[[file]]", f'path = "{name}"', 'time = "time"', 'time_unit = "iso"']
        for number in points:
            p = plan.points[number - 1]
            device = plan.devices[p.device - 1]
            unit = plan.unit_of[p.device - 1]
            lines += ["[[file.point]]", f'column = "{_column(plan, number)}"', f'device = "{_device(plan, p.device)}"',
                      f'metric = "{p.metric}"', f'unit = "{METRICS[p.metric].unit}"']  # fmt: skip
            if unit >= 0:
                lines.append(f'zone = "{plan.site.units[unit].code}"')
                if plan.site.units[unit].enterprise >= 0:
                    lines.append(f'tenant = "{plan.site.enterprises[plan.site.units[unit].enterprise].code}"')
            elif device.place != 1:
                lines.append(f'zone = "{zone[device.place]}"')
            if p.ratio != 1.0:
                lines.append(f"scale = {p.ratio}")
    for x in events:
        if x.kind == "paused":
            tenant = plan.site.enterprises[x.enterprise].code
            lines += ["", "[[paper]]", f'tenant = "{tenant}"', 'type = "supply_pause"',
                      f'from = "{_iso(x.start)[:10]}"', f'to = "{_iso(x.end)[:10]}"']  # fmt: skip
    return "\n".join(lines) + "\n"
