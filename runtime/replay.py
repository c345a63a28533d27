"""Run the whole pipeline over recorded wide tables: what it would have said, as three files.

`received` is the event's own time. Every distinct time is a batch of its own, so that what is told stands in
one order whatever the tables hold, and a longer table only adds rows.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from park.directory import Directory
from park.errors import UserError
from park.events import ActivityDay, ConditionChange, DeviceStatus, Event, Finding, Status
from park.metrics import METRICS, Lane
from park.model import lane_of
from park.readings import Quality, batch_of
from park.records import Batch, Config, DeviceRow, Edge, Paper, PaperKind, PlaceRow, PointRow, Tick
from runtime.recordings import Column, Line, Map, lines, read_map, written
from stream.pipeline import Pipeline
from stream.rules import parse, shipped
from stream.stages import bulk_stages

MINUTE = 60_000
_LOOK = 48  # values by which a column is known as a register, and rows by which its pace is
_NO_EDGE = Edge(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32))
_FILES = {
    "alarms.csv": ("at", "alarm_id", "rule", "severity", "state", "zone", "device", "metric", "value", "reason"),
    "anomalies.csv": ("at", "device", "metric", "value", "score", "kind", "reason"),
    "activity.csv": ("day", "tenant", "state", "ratio", "score", "reasons"),
}
# What a device is, by what it measures: the first that fits. Heat alone is a heat detector; heat beside
# humidity, light or CO2 is a sensor of the room.
_KINDS = (
    ("smoke_detector", {"smoke", "smoke_obscuration"}),
    ("co_detector", {"co", "co_alarm"}),
    ("gas_detector", {"gas", "gas_level"}),
    ("heat_detector", {"heat"}),
    ("flame_detector", {"flame"}),
    ("call_point", {"call_point"}),
    ("sensor", {"humidity", "light", "co2", "pm25", "noise"}),
    ("heat_detector", {"temperature"}),
    ("meter", {"energy", "energy_use", "power", "voltage", "current", "water", "water_use"}),
    ("door_counter", {"people_in", "people_out"}),
)


@dataclass
class Cast:
    """Numbers and names of everything a map speaks of."""

    config: Config
    points: dict[tuple[int, int], int]  # (table, column) -> point
    zones: dict[int, str]
    devices: dict[int, str]
    metrics: dict[int, str]  # point -> metric as the map calls it
    tenants: dict[str, int]
    judged: dict[int, str] = field(default_factory=dict)  # tenant -> day told last

    @property
    def names(self) -> dict[int, str]:
        """Names of tenants by number."""
        return {number: name for name, number in self.tenants.items()}


def replay_map(map_path: Path, out_dir: Path, progress: Callable[[float], None]) -> None:
    """Write alarms.csv, anomalies.csv and activity.csv of a map; `progress` hears shares. Raises UserError."""
    plan = read_map(map_path)
    tables = [list(lines(table, plan)) for table in plan.tables]
    cast = cast_of(plan, tables)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as open_files:
            writers = {}
            for name, columns in _FILES.items():
                file = open_files.enter_context((out_dir / name).open("w", newline="", encoding="utf-8"))
                writers[name] = csv.writer(file, lineterminator="\n")
                writers[name].writerow(columns)
            for name, row in told(tables, cast, progress):
                writers[name].writerow(row)
    except OSError as why:
        raise UserError(f"{why.filename or out_dir}: {why.strerror or why}") from why


def told(
    tables: Sequence[Sequence[Line]], cast: Cast, progress: Callable[[float], None]
) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield (file, row) of all that is told, in order."""
    pipeline = Pipeline(bulk_stages)
    events: list[Event] = []
    pipeline.run(cast.config, events.append)
    arrivals = sorted(
        ((line.at, t, line) for t, table in enumerate(tables) for line in table), key=lambda a: a[:2]
    )  # fmt: skip
    reached, done = 0, 0
    for at, group in groupby(arrivals, key=lambda a: a[0]):
        minute = at // MINUTE * MINUTE
        if minute > reached:
            reached = minute
            pipeline.run(Tick(minute), events.append)
        rows = []
        for _, t, line in group:
            done += 1
            for c, value in enumerate(line.values):
                if value is not None:
                    rows.append((cast.points[t, c], at, value, int(Quality.GOOD), at))
        pipeline.run(Batch(batch_of(rows), _NO_EDGE), events.append)
        for event in events:
            row = _row(event, cast, pipeline.directory)
            if row is not None:
                yield row
        events.clear()
        if done % 500 == 0:
            progress(done / len(arrivals))
    progress(1.0)


def _row(event: Event, cast: Cast, directory: Directory) -> tuple[str, Sequence[Any]] | None:
    if isinstance(event, ConditionChange):
        return "alarms.csv", (
            written(event.at), event.condition_id, event.rule, str(event.severity), str(event.state),
            cast.zones.get(event.place, ""), cast.devices.get(event.device, ""), cast.metrics.get(event.point, ""),
            "" if event.value is None else repr(event.value), _because(event),
        )  # fmt: skip
    if isinstance(event, Finding):
        metric = cast.metrics.get(event.point, directory.metric_of(event.point))
        expected = "" if event.expected is None else f"; expected {event.expected:.6g}"
        band = "" if event.low is None or event.high is None else f", usually {event.low:.6g} to {event.high:.6g}"
        return "anomalies.csv", (
            written(event.ts), cast.devices.get(event.device, ""), metric,
            "" if event.value is None else repr(event.value), repr(event.score), event.kind,
            f"{event.reason}{expected}{band}",
        )  # fmt: skip
    if isinstance(event, DeviceStatus) and event.status not in {Status.ONLINE, Status.NEVER_SEEN}:
        name = cast.devices.get(event.device, "")
        said = f"{event.reason}; last seen {written(event.last_seen)}"
        return "anomalies.csv", (written(event.at), name, "", "", "1.0", str(event.status), said)
    if isinstance(event, ActivityDay):
        # A day that is amended afterwards keeps its row: what was told in the morning was told.
        if event.day <= cast.judged.get(event.enterprise, ""):
            return None
        cast.judged[event.enterprise] = event.day
        return "activity.csv", (
            event.day, cast.names[event.enterprise], event.state, repr(event.ratio), repr(event.score),
            "; ".join(event.reasons),
        )  # fmt: skip
    return None


def _because(event: ConditionChange) -> str:
    limit = "" if event.limit is None else f"; limit {event.limit:.6g}"
    labels = f"; {', '.join(event.labels)}" if event.labels else ""
    return f"{event.reason}{limit}{labels}"


def cast_of(plan: Map, tables: Sequence[Sequence[Line]]) -> Cast:
    """Return numbers for all that a map names, in the order in which it names them."""
    columns = [(t, c, column) for t, table in enumerate(plan.tables) for c, column in enumerate(table.columns)]
    zones = _numbers((c.zone for _, _, c in columns), 2) or {"": 2}  # a map that names no zone is of one room
    devices = _numbers((c.device for _, _, c in columns), 1)
    tenants = _numbers((c.tenant for _, _, c in columns), 1)
    offset = _offset(plan)
    places = [PlaceRow(1, 1, 0, "park", plan.park, utc_offset=offset, calendar=plan.calendar)]
    places += [PlaceRow(number, 1, 1, "zone", name) for name, number in zones.items()]
    points: list[PointRow] = []
    cast = Cast(Config(1, 0), {}, {n: z for z, n in zones.items()}, {n: d for d, n in devices.items()}, {}, tenants)
    paces: dict[str, int] = {}
    measured: dict[str, set[str]] = {}
    homes: dict[str, int] = {}

    def add(column: Column, metric: str, pace: int, source: int = 0, device: int = 0) -> int:
        number = len(points) + 1
        tenant = tenants.get(column.tenant, 0)
        points.append(
            PointRow(number, metric, device or devices[column.device], zones.get(column.zone, 0), 1, tenant,
                     interval=pace, source=source)
        )  # fmt: skip
        cast.metrics[number] = column.metric
        return number

    for t, c, column in columns:
        first = tables[t][:_LOOK]
        metric = _metric(column, [line.values[c] for line in first])
        pace = _pace([line.at for line in first])
        number = cast.points[t, c] = add(column, metric, pace)
        if METRICS[metric].derives:
            add(column, METRICS[metric].derives, pace, source=number)
        measured.setdefault(column.device, set()).add(metric)
        paces[column.device] = max(pace, paces.get(column.device, 0))
        homes.setdefault(column.device, zones.get(column.zone, 0))
    rows = [
        DeviceRow(number, 1, homes[name], _lane(measured[name]), _kind(measured[name]), interval=paces[name])
        for name, number in devices.items()
    ]
    for zone in dict.fromkeys(c.zone for _, _, c in columns if c.metric in {"people_in", "people_out"} and c.zone):
        rows.append(DeviceRow(len(rows) + 1, 1, zones[zone], Lane.BULK, "zone_counter"))
        cast.devices[len(rows)] = f"people in {zone}"
        add(Column("", "", "people_inside", zone=zone), "people_inside", MINUTE, device=len(rows))
    papers = tuple(
        Paper(tenants[p.tenant], PaperKind(p.kind), p.begin.isoformat(), p.end.isoformat())
        for p in plan.papers
        if p.tenant in tenants
    )
    cast.config = Config(
        1, plan.start, tuple(points), tuple(rows), tuple(places), parse(shipped()), papers=papers
    )  # fmt: skip
    return cast


def _numbers(names: Iterable[str], first: int) -> dict[str, int]:
    return {name: n for n, name in enumerate(dict.fromkeys(name for name in names if name), first)}


def _offset(plan: Map) -> int:
    """Return the park's minutes from UTC; of its start, where its clock changes with the season."""
    from datetime import UTC, datetime

    away = datetime.fromtimestamp(plan.start / 1000, UTC).astimezone(plan.zone).utcoffset()
    return int(away.total_seconds() // 60) if away is not None else 0


def _metric(column: Column, first: Sequence[float | None]) -> str:
    """Return the metric of a column; `energy` is a register where its first values never fall."""
    if column.metric != "energy":
        return column.metric
    known = [v for v in first if v is not None]
    rising = all(b >= a for a, b in pairwise(known))
    return "energy" if len(known) > 2 and rising and known[-1] > known[0] else "energy_use"


def _pace(times: Sequence[int]) -> int:
    gaps = [b - a for a, b in pairwise(times) if b > a]
    return int(median(gaps)) if gaps else MINUTE


def _kind(metrics: set[str]) -> str:
    return next((kind for kind, some in _KINDS if some & metrics), "sensor")


def _lane(metrics: set[str]) -> Lane:
    return lane_of(_kind(metrics))
