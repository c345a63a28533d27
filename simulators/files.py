"""A simulated park straight to files: wide tables with the map that `park replay` reads, and the labels.

Pure: yields (file name, text); the caller opens files. Only what the map can name goes out: one column
a point, no phases. Duplicates and late rows are not in a wide table; silence is an empty cell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from park.metrics import METRICS, Feed, Lane
from park.readings import Float64, Int32, Quality
from simulators.equipment import Plan
from simulators.history import ALARMED, STEP, Past
from simulators.injections import Injection, injections, labels
from simulators.registry import park_plan
from simulators.scenario import HOUR, MINUTE, QUARTER, Scenario
from simulators.world import Int


@dataclass(frozen=True, slots=True)
class Table:
    """What goes into one wide table: all its columns have one rhythm, because readers learn it from the rows."""

    feeds: tuple[Feed, ...]
    every: int  # ms between rows
    lane: Lane = Lane.BULK


TABLES = {
    "meters.csv": Table((Feed.ENERGY,), QUARTER),
    "water.csv": Table((Feed.WATER,), HOUR),
    "people.csv": Table((Feed.PEOPLE, Feed.VEHICLES), HOUR),
    "environment.csv": Table((Feed.ENVIRONMENT,), HOUR),
    "production.csv": Table((Feed.PRODUCTION,), HOUR),
    "safety.csv": Table((Feed.FIRE,), HOUR),  # residual current, cables, hydrants, tank
    "fire.csv": Table((Feed.FIRE, Feed.ENVIRONMENT), 6 * HOUR, Lane.LIFE),
}
MAP, LABELS = "map.toml", "labels.jsonl"
OF_DEVICES = frozenset({"online", "signal", "battery", "low_battery"})


def files(scenario: Scenario, start: int, end: int, step: int = STEP) -> Iterator[tuple[str, str]]:
    """Yield (file name, text to append) for the tables, `map.toml` and `labels.jsonl`, of start <= t < end (ms)."""
    plan = park_plan(scenario)
    events = injections(plan, end)
    columns = {name: _columns(plan, table) for name, table in TABLES.items()}
    burning = [(x.start, x.end + MINUTE) for x in events if x.states or x.curves]
    yield MAP, _map(plan, columns, start, events)
    for line in labels(plan, tuple(x for x in events if x.over(start, end))):
        yield LABELS, line + "\n"
    for name, points in columns.items():
        yield name, ",".join(["time", *(_column(plan, p) for p in points)]) + "\n"
    past = Past(plan, events)
    for begin in range(start, end, step):
        readings = past.received(begin, min(begin + step, end))
        readings = readings.rows(readings.quality != Quality.LATE)
        for name, points in columns.items():
            times = _times(readings.received, TABLES[name], burning)
            text = _rows(readings.point, times, readings.value, points)
            if text:
                yield name, text


def _columns(plan: Plan, table: Table) -> list[int]:
    """Return the point numbers of a table: what devices send, less phases and what devices say of themselves."""
    return [
        p.id
        for p in plan.points
        if p.source_key and not p.channel and METRICS[p.metric].feed in table.feeds
        and plan.devices[p.device - 1].lane is table.lane and p.metric not in OF_DEVICES
    ]  # fmt: skip


def _times(received: Int, table: Table, burning: Sequence[tuple[int, int]]) -> Int:
    """Return the row of each reading: its interval's beginning; while detectors see something, ten seconds."""
    times = received // table.every * table.every
    if table.lane is Lane.LIFE:
        for start, end in burning:
            seen = (received >= start) & (received < end)
            times[seen] = received[seen] // ALARMED * ALARMED
    return times


def _device(plan: Plan, number: int) -> str:
    return plan.devices[number - 1].key.partition(":")[2].rpartition("/")[2]


def _column(plan: Plan, point: int) -> str:
    p = plan.points[point - 1]
    return f"{_device(plan, p.device)}|{p.metric}"


def _rows(point: Int32, times: Int, value: Float64, points: Sequence[int]) -> str:
    """Return the lines of a wide table; of two readings of a point in one row the later stands."""
    index = np.full(int(max([*points, *point.tolist()], default=0)) + 1, -1, np.int64)
    index[np.array(points, np.int64)] = np.arange(len(points))
    column = index[point]
    mine = column >= 0
    if not mine.any():
        return ""
    rows, row = np.unique(times[mine], return_inverse=True)
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
