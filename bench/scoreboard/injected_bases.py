"""Recorded series without known faults, and what is put into them.

Loads, people and air of four countries: parts of three to six months. Public holidays of the country are given
as days of rest, as a park's calendar gives them; what is found on one or beside it is not counted, for it is true.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import holidays
import numpy as np

from bench.scoreboard.words import DATA
from park.readings import Bool, Float64, Int64
from simulators.faults_on_series import PLAIN, SMALL, Fault, injected

HOUR, DAY = 3_600_000, 86_400_000
_EPOCH, _THURSDAY, _SUNDAY = date(1970, 1, 1).toordinal(), 3, 6
_YEARS = range(2013, 2019)
_EAST = {"AU": 10 * HOUR}  # of series whose times are in UTC


@dataclass(frozen=True, slots=True)
class Base:
    """A series, and where it is from."""

    name: str
    country: str
    ts: Int64  # epoch ms, local time
    value: Float64


@dataclass(frozen=True, slots=True)
class Case:
    """A series to judge: as recorded, or with a fault."""

    base: Base
    ts: Int64
    value: Float64
    fault: Fault | None = None
    plain: bool = False
    begin: int = 0  # epoch ms
    end: int = 0


Row = Mapping[str, str]
Number = Callable[[str], float]


def _column(
    path: Path, time: str, value: str, form: str = "", keep: Callable[[Row], bool] = lambda _: True
) -> tuple[Int64, Float64]:
    """Return times and values in order of time, the first of each time."""
    rows = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if keep(row) and row[value] not in {"", "NaN", "nan", "-1"}:
                text = row[time].replace("Z", "")
                when = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 (local)
                rows.append((int(when.replace(tzinfo=UTC).timestamp() * 1000), float(row[value])))
    rows.sort(key=lambda r: r[0])
    ts = np.array([at for at, _ in rows], np.int64)
    first = np.concatenate([[True], np.diff(ts) > 0])
    return ts[first], np.array([v for _, v in rows])[first]


def _part(name: str, country: str, series: tuple[Int64, Float64], begin: int, days: int) -> Base:
    ts, value = series
    start = ts[0] + begin * DAY
    inside = (ts >= start) & (ts < start + days * DAY)
    return Base(name, country, ts[inside] + _EAST.get(country, 0), value[inside])


def steadied(count: Float64) -> Float64:
    """Return counts with a scale that does not grow with their level (Anscombe)."""
    rooted: Float64 = 2 * np.sqrt(count + 0.375)
    return rooted


def counted(rooted: Float64) -> Float64:
    """Return the counts that were steadied."""
    count: Float64 = np.round((rooted / 2) ** 2 - 0.375)
    return count


def bases() -> list[Base]:
    """Return all bases, in order of their names."""
    return sorted(_bases(), key=lambda b: b.name)


def _bases() -> Iterator[Base]:
    loads = DATA / "loads"
    for column, word in (
        ("Usage_kWh", "use"), ("Lagging_Current_Reactive.Power_kVarh", "reactive"),
        ("Lagging_Current_Power_Factor", "factor"),
    ):  # fmt: skip
        steel = _column(loads / "steel_industry_15min.csv", "date", column, "%d/%m/%Y %H:%M")
        yield _part(f"steel.{word}.a", "KR", steel, 5, 90)
        yield _part(f"steel.{word}.b", "KR", steel, 200, 90)
    for column in ("building_1", "building_2"):
        yield _part(column, "US", _column(loads / "bdg2_hourly_sample.csv", "timestamp", column), 0, 180)
    office = _column(loads / "bdg2_Panther_office_Hannah.csv", "timestamp", "electricity")
    yield _part("office.a", "US", office, 20, 180)
    yield _part("office.b", "US", office, 250, 180)
    for building, country in ((118, "GB"), (254, "US"), (439, "US"), (685, "US"), (1074, "US")):
        path = DATA / "lead" / f"building_{building}.csv"
        clean = _column(path, "timestamp", "meter_reading", keep=lambda row: float(row["anomaly"] or 0) == 0)
        yield _part(f"lead.{building}", country, clean, 30, 180)
    path = DATA / "pedestrians" / "melbourne.csv"
    with path.open(newline="", encoding="utf-8") as file:
        sensors = sorted({row["Sensor"] for row in csv.DictReader(file)})
    for number, sensor in enumerate(sensors, 1):
        ts, count = _column(path, "Date_Time", "Count", keep=lambda row, s=sensor: row["Sensor"] == s)  # type: ignore[misc]
        yield _part(f"street.{number}.a", "AU", (ts, steadied(count)), 10, 150)
        yield _part(f"street.{number}.b", "AU", (ts, steadied(count)), 370, 150)
    known = DATA / "nab" / "data" / "realKnownCause"
    yield _part("taxi", "US", _column(known / "nyc_taxi.csv", "timestamp", "value"), 0, 120)
    air = _column(known / "ambient_temperature_system_failure.csv", "timestamp", "value")
    yield _part("air", "US", air, 0, 140)


def cases(some: list[Base], seeds: tuple[int, ...], tables: tuple[bool, ...] = (True, False)) -> list[Case]:
    """Return each base as it is, and with each fault of the tables (True: plain sizes) once a seed."""
    out = []
    for number, base in enumerate(some):
        out.append(Case(base, base.ts, base.value))
        for plain in tables:
            for nth, fault in enumerate(PLAIN if plain else SMALL):
                for seed in seeds:
                    made = injected(base.ts, base.value, fault, seed * 1_000 + number * 37 + nth)
                    out.append(Case(base, made.ts, made.value, fault, plain, made.begin, made.end))
    return out


def weekdays(country: str, ts: Int64) -> tuple[Int64, Bool]:
    """Return weekdays with holidays as Sundays, and which rows are on a holiday or beside one."""
    places = {"GB": "ENG", "AU": "VIC"}
    known = holidays.country_holidays(country, subdiv=places.get(country), years=_YEARS)
    days = np.array(sorted(d.toordinal() - _EPOCH for d in known), np.int64)
    day = ts // DAY
    near = np.isin(day, np.concatenate([days - 1, days, days + 1]))
    return np.where(np.isin(day, days), _SUNDAY, (day + _THURSDAY) % 7), near
