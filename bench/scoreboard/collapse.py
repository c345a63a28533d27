"""Injected collapse of tenants on real loads (semi-synthetic): what the live ladder says of it.

Bases are real hourly series; scenarios and their seeds are those of simulators/collapse.py. The stage is the
live one, behind the meters. No threshold was fitted to these files: they are those of the rule book, or round
numbers.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from bench.scoreboard.words import DATA, Figure
from park.activity import numbered
from park.events import ActivityDay, Event
from park.metrics import Lane
from park.readings import ReadingBatch
from park.records import Batch, Config, DeviceRow, Edge, Paper, PaperKind, PlaceRow, PointRow, Tick
from simulators.chance import rng
from simulators.collapse import A_DAY, SCENARIOS, Base, Scenario, Tenant
from stream.activity import Activity
from stream.detectors.calendar import Calendar
from stream.meters import Meters
from stream.pipeline import Pipeline

HOUR, DAY = 3_600_000, 86_400_000
SEEDS = 5
LONGEST = 500  # days of a base
LOW = {"stopped", "dormant", "zombie_suspect"}
LOWER = LOW | {"reduced", "half_stopped"}
_PLACE = Calendar("CN")  # of the live stage
_EDGE = Edge(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32))


@dataclass(frozen=True)
class Run:
    """One tenant, what was done to it, and what was said, by day."""

    base: Base
    scenario: Scenario
    tenant: Tenant
    states: list[str]


def bases() -> Iterator[Base]:
    """Yield the real series by hour."""
    yield _hourly("steel", DATA / "loads" / "steel_industry_15min.csv", "date", "Usage_kWh", "%d/%m/%Y %H:%M")
    yield _hourly("hannah", DATA / "loads" / "bdg2_Panther_office_Hannah.csv", "timestamp", "electricity")
    for n in (1, 2):
        yield _hourly(f"bdg2_{n}", DATA / "loads" / "bdg2_hourly_sample.csv", "timestamp", f"building_{n}")
    for path in sorted((DATA / "lead").glob("building_*.csv")):
        if path.stem != "building_metadata":
            yield _hourly(f"lead_{path.stem[9:]}", path, "timestamp", "meter_reading")
    path = DATA / "pedestrians" / "melbourne.csv"
    with path.open(encoding="utf-8") as file:
        sensors = sorted({row["Sensor"] for row in csv.DictReader(file)})
    for sensor in sensors:
        yield _counted(path, sensor)


def _hourly(name: str, path: Path, time: str, value: str, form: str = "") -> Base:
    cells: dict[datetime, float] = defaultdict(float)
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            at = datetime.strptime(row[time], form) if form else datetime.fromisoformat(row[time])  # noqa: DTZ007
            if row[value]:
                cells[at.replace(minute=0)] += float(row[value])
    return _base(name, cells, count=False)


def _counted(path: Path, sensor: str) -> Base:
    cells: dict[datetime, float] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Sensor"] == sensor and row["Count"] not in {"", "NA"}:
                at = datetime.fromisoformat(row["Date"]) + timedelta(hours=int(row["Time"]))
                cells[at] = float(row["Count"])
    return _base(f"street_{sensor.split(' ', maxsplit=1)[0].lower()}", cells, count=True)


def _base(name: str, cells: dict[datetime, float], *, count: bool) -> Base:
    begin = min(cells).date()
    hours = int((max(cells) - datetime.combine(begin, datetime.min.time())).total_seconds() // 3600) + 1
    use = np.full(hours // A_DAY * A_DAY, np.nan)
    origin = datetime.combine(begin, datetime.min.time())
    for at, value in cells.items():
        hour = int((at - origin).total_seconds() // 3600)
        if hour < len(use):
            use[hour] = value
    return Base(name, begin, use[: LONGEST * A_DAY], count)


def run(base: Base, tenants: list[tuple[Scenario, Tenant]]) -> list[Run]:
    """Put tenants of one base through the stages, and return what was said of each."""
    begin = numbered(base.begin.isoformat()) * DAY - 8 * HOUR
    points, devices, papers = [], [], []
    columns: list[tuple[int, np.ndarray]] = []
    for n, (_, tenant) in enumerate(tenants, 1):
        devices.append(DeviceRow(n, 1, 1, Lane.BULK, "meter", interval=HOUR))
        number = 10 * n
        if tenant.register:
            points.append(PointRow(number, "energy", n, 1, 1, n, interval=HOUR))
            points.append(PointRow(number + 1, "energy_use", n, 1, 1, n, interval=15 * 60_000, source=number))
            columns.append((number, _register(tenant)))
        else:
            metric = "people_in" if base.count else "energy_use"
            points.append(PointRow(number, metric, n, 1, 1, n, interval=HOUR))
            columns.append((number, tenant.use))
        if tenant.voltage:
            points.append(PointRow(number + 2, "voltage", n, 1, 1, n, interval=HOUR))
            columns.append((number + 2, 230 + np.sin(np.arange(len(tenant.use)))))
        papers += [Paper(n, PaperKind(kind), _iso(base.begin, a), _iso(base.begin, b)) for kind, a, b in tenant.papers]
    config = Config(1, begin, tuple(points), tuple(devices), (PlaceRow(1, 1, 0, "park", "p"),), papers=tuple(papers))
    said: dict[int, list[str]] = defaultdict(list)

    def emit(event: Event) -> None:
        if isinstance(event, ActivityDay):
            nth = numbered(event.day) - numbered(base.begin.isoformat())
            states = said[event.enterprise]
            states += ["unknown"] * (nth + 1 - len(states))
            states[nth] = event.state

    pipeline = Pipeline(lambda d: (Meters(d), Activity(d)))
    pipeline.run(config, emit)
    numbers = np.array([p for p, _ in columns], np.int32)
    table = np.stack([use for _, use in columns])
    for hour in range(0, table.shape[1], 6):
        pipeline.run(Tick(begin + hour * HOUR), emit)
        part = table[:, hour : hour + 6].T
        ts = np.repeat(begin + (hour + np.arange(len(part))) * HOUR, len(numbers))
        point, value = np.tile(numbers, len(part)), part.ravel()
        known = ~np.isnan(value)
        quality = np.zeros(int(known.sum()), np.uint8)
        pipeline.run(Batch(ReadingBatch(point[known], ts[known], value[known], quality, ts[known]), _EDGE), emit)
    pipeline.run(Tick(begin + (table.shape[1] + 6) * HOUR), emit)
    return [Run(base, scenario, tenant, said[n]) for n, (scenario, tenant) in enumerate(tenants, 1)]


def _iso(begin: date, day: int) -> str:
    return (begin + timedelta(days=day)).isoformat()


def _register(tenant: Tenant) -> np.ndarray:
    """Return a register over the amounts: what was used while nothing came is in its next reading."""
    register = 1000.0 + np.cumsum(np.nan_to_num(tenant.use))
    first, last = tenant.stuck
    if last > first:
        register[first : min(last, len(register))] = register[first - 1]
    register[np.isnan(tenant.use)] = np.nan
    return register


def runs(seeds: int = SEEDS) -> list[Run]:
    """Return all tenants of all bases."""
    done = []
    for b, base in enumerate(bases()):
        tenants = []
        for s, scenario in enumerate(SCENARIOS.values()):
            for seed in range(1 if scenario.name in {"plain", "cold_store"} else seeds):
                chance = rng(17, b, s, seed)
                day = int(chance.integers(60, len(base.use) // A_DAY - 110))
                tenants.append((scenario, scenario.make(base, base.use, day, chance)))
        done += run(base, tenants)
    return done


def onsets(states: list[str]) -> list[int]:
    """Return the days on which a stop is told that was not told the day before; unknown days are none."""
    found, before = [], False
    for day, state in enumerate(states):
        if state == "unknown":
            continue
        low = state in LOW
        if low and not before:
            found.append(day)
        before = low
    return found


def figures() -> list[Figure]:
    """Return the rows of the scoreboard."""
    return list(figures_of(runs()))


def figures_of(done: list[Run]) -> Iterator[Figure]:
    """Yield the figures of some runs."""
    hit, late = defaultdict(list), defaultdict(list)
    reduced, kept, false, years = [], [], defaultdict(int), defaultdict(float)
    plain: list[int] = []  # days to the stop of those whose first days nothing hides
    made: dict[str, int] = defaultdict(int)  # false onsets that the recording alone does not show
    own = {one.base.name: onsets(one.states) for one in done if one.scenario.name == "plain"}
    for one in done:
        tenant, states, name = one.tenant, one.states, one.scenario.name
        told = onsets(states)
        judged = sum(s != "unknown" for s in states)
        if not one.scenario.positive:
            false[name] += len(told)
            made[name] += sum(all(abs(day - other) > 2 for other in own[one.base.name]) for day in told)
            years[name] += judged / 365.25
            continue
        onset = tenant.onset if name != "slow" else tenant.onset - 14
        false["before onset"] += sum(day < onset for day in told)
        years["before onset"] += sum(s != "unknown" for s in states[: max(onset, 0)]) / 365.25
        after = [day for day, s in enumerate(states) if day >= onset and s in LOW]
        # A day of grace where a holiday comes between is not given: what is missed is missed.
        hit[name].append(bool(after) and after[0] <= tenant.onset + 28)
        if after:
            took = after[0] - tenant.onset + (name != "abrupt_midday")  # whole days since
            late[name].append(took)
            if tenant.abrupt and _plain(one):
                plain.append(took)
        if tenant.abrupt:
            lower = next((day for day, s in enumerate(states) if day >= tenant.onset and s in LOWER), None)
            reduced.append(lower is not None and lower - tenant.onset <= 2)
        if tenant.onset + 90 < len(states):
            around = [s for s in states[tenant.onset + 88 : tenant.onset + 93] if s != "unknown"]
            if around:
                kept.append(all(s in LOW for s in around))
    hits = [h for some in hit.values() for h in some]
    yield Figure("collapse.hits", float(np.mean(hits)), 0.01, "7-day mean < 35 %: 1.0", "> 0.95", note=_by(hit))
    days = [d for name in ("abrupt", "abrupt_midday", "zero", "zero_register") for d in late[name]]
    yield Figure("collapse.abrupt_days_median", float(np.median(days)), 0.5, "5", "<= 5", up=False,
                 note="days from the stop's first day to the first told stopped, that day counted")  # fmt: skip
    yield Figure("collapse.abrupt_within_5", float(np.mean([d <= 5 for d in days])), 0.02, "", "> 0.9",
                 note="days when it is told; the rest met holidays, or days without data")  # fmt: skip
    yield Figure("collapse.abrupt_within_5_plain", float(np.mean([d <= 5 for d in plain])), 0.02, "", "> 0.9",
                 note=f"the {len(plain)} of {len(days)} whose first days hold no holiday and have data")  # fmt: skip
    yield Figure("collapse.reduced_within_2", float(np.mean(reduced)), 0.02, "", "> 0.9")
    yield Figure("collapse.slow_days_median", float(np.median(late["slow"])), 3, "28", "", up=False,
                 note="days from the end of a decline over 4 to 8 weeks; negative: before it")  # fmt: skip
    yield Figure("collapse.stopped_after_90_days", float(np.mean(kept)), 0.01, "", "1.0")
    total = sum(false.values()) / sum(years.values())
    yield Figure("collapse.false_onsets_per_year", total, 0.01, "0.14 to 0.35", "< 0.05", up=False,
                 note=", ".join(f"{name} {n}" for name, n in false.items() if n) or "none of any kind")  # fmt: skip
    yield Figure("collapse.false_onsets_per_year_without_own_stops", sum(made.values()) / sum(years.values()), 0.01, "",
                 "< 0.05", up=False, note="less those that the recordings themselves stop on: a steel plant's summer "
                 f"week; left: {', '.join(f'{name} {n}' for name, n in made.items() if n) or 'none'}")  # fmt: skip
    hard, left = (sum(n for name, n in some.items() if name not in {"plain", "before onset"}) for some in (false, made))
    yield Figure("collapse.false_onsets_hard_negatives", float(hard), 0.5, "", "0", up=False,
                 note=f"of {sum(not o.scenario.positive for o in done)} tenants; {hard - left} are the recording's own "
                 f"closed week, {left} its own country's holidays made deeper")  # fmt: skip


def _plain(one: Run) -> bool:
    """Return whether the first days of a stop are no holidays, and were all heard."""
    first = one.tenant.onset
    days = numbered(one.base.begin.isoformat()) + np.arange(first, first + 6)
    return not (_PLACE.uncertain(days).any() or "unknown" in one.states[first : first + 6])


def _by(hit: dict[str, list[bool]]) -> str:
    return ", ".join(f"{name} {sum(h)}/{len(h)}" for name, h in hit.items())


if __name__ == "__main__":
    for figure in figures_of(runs(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)):
        print(f"{figure.key:45} {figure.value:8.4f}  aim {figure.aim:8} {figure.note}")
