"""Maps of recorded wide tables: which column is which point, and the rows as readings."""

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from park.errors import SettingsError, UserError
from park.metrics import METRICS

_UNITS_OF_TIME = {"ms": 1.0, "s": 1000.0, "min": 60_000.0}
PAPERS = ("supply_pause", "filed_suspension", "holiday")

# (metric, unit) -> how a value becomes one in the unit of the catalogue. Optical density m is in 1/m with
# log10: obscuration = 100 (1 - 10^-m), which is not linear.
_LINEAR: Mapping[tuple[str, str], tuple[float, float]] = {
    ("temperature", "degF"): (5 / 9, -160 / 9),
    ("temperature", "K"): (1.0, -273.15),
    ("smoke_obscuration", "dB/m"): (0.1, 0.0),  # of optical density, before the curve
    ("co", "%"): (1e4, 0.0),
    ("co2", "%"): (1e4, 0.0),
    ("energy", "Wh"): (1e-3, 0.0),
    ("energy", "MWh"): (1e3, 0.0),
    ("energy_use", "Wh"): (1e-3, 0.0),
    ("energy_use", "MWh"): (1e3, 0.0),
    ("power", "W"): (1e-3, 0.0),
    ("power", "MW"): (1e3, 0.0),
    ("current", "mA"): (1e-3, 0.0),
    ("residual_current", "A"): (1e3, 0.0),
    ("voltage", "kV"): (1e3, 0.0),
    ("water", "L"): (1e-3, 0.0),
    ("water_use", "L"): (1e-3, 0.0),
}
_ABSENT = {"", "nan", "na", "n/a", "#n/a", "null", "none"}  # how tables of others say that there is no value
# How spreadsheets and meters write what is not quite ISO 8601: 2026/3/1 8:00, and 24:00 for a day's end. The year
# stands first, so that no day can be taken for a month.
_YEAR_FIRST = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_MIDNIGHT = 24  # o'clock
_TIMES = range(
    -62_135_510_400_000, 253_370_764_800_000
)  # epoch ms that a date can be made of, with days before and after
TIME = "no time (ISO 8601 is read, as 2026-03-01T08:00:00+08:00 or 2026-03-01 08:00; the year first)"
SHOWN = 80  # letters of what cannot be read that a sentence repeats
_DENSITY = {"1/m", "dB/m"}
_SAME = {
    "degC": {"°C", "\N{DEGREE CELSIUS}", "C", "celsius"},
    "m3": {"m³", "\N{SQUARE M CUBED}"},
    "ug/m3": {"µg/m3", "µg/m³", "ug/m³", "\N{GREEK SMALL LETTER MU}g/m3", "\N{GREEK SMALL LETTER MU}g/m³"},
    "lx": {"lux"},
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, and the point it is."""

    name: str
    device: str
    metric: str
    unit: str = ""
    zone: str = ""
    tenant: str = ""
    scale: float = 1.0

    def reading(self, text: str) -> float | None:
        """Return a cell in the metric's unit; None where there is no value. Raises ValueError."""
        if absent(text):
            return None
        value = float(text) * self.scale
        factor, offset = _LINEAR.get((self.metric, self.unit), (1.0, 0.0))
        value = value * factor + offset
        if self.metric == "smoke_obscuration" and self.unit in _DENSITY:
            value = 100 * (1 - 10 ** -min(max(value, 0.0), 300.0))
        return value if isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Table:
    """A recorded file."""

    path: Path
    time: str
    time_unit: str
    skip_rows: frozenset[int]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """What explains a tenant's silence."""

    tenant: str
    kind: str
    begin: date
    end: date


@dataclass(frozen=True, slots=True)
class Map:
    """Everything a replay is told."""

    park: str
    zone: ZoneInfo
    start: int  # epoch ms: origin of relative times
    calendar: str
    tables: tuple[Table, ...]
    papers: tuple[Paper, ...]


def read_map(path: Path) -> Map:
    """Return a map. Raises UserError naming what is wrong."""
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as why:
        raise UserError(f"{path}: {why.strerror or why}") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise SettingsError(f"{path}: no TOML: {why}") from why
    park = content.get("park", {})
    if not isinstance(park, dict):
        raise SettingsError(f"{path}: park is written as [park]")
    name = _text(path, "park", park, "timezone", "Asia/Shanghai")
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as why:
        raise SettingsError(f"{path}: park: timezone {name!r} is not known") from why
    start = moment(_text(path, "park", park, "start", "2000-01-01T00:00:00Z"), zone)
    if start is None:
        raise SettingsError(f"{path}: park: start is no ISO 8601 time")
    calendar = _text(path, "park", park, "calendar", "CN")
    if calendar not in {"CN", "none"}:
        raise SettingsError(f"{path}: park: calendar {calendar!r} is neither CN nor none")
    files = _entries(path, "map", content, "file")
    if not files:
        raise SettingsError(f"{path}: names no [[file]]")
    tables = tuple(_table(path, n, f) for n, f in enumerate(files, 1))
    papers = tuple(_paper(path, n, p) for n, p in enumerate(_entries(path, "map", content, "paper"), 1))
    return Map(_text(path, "park", park, "id", "park"), zone, start, calendar, tables, papers)


def _entries(path: Path, where: str, table: Mapping[str, Any], word: str) -> list[dict[str, Any]]:
    """Return the tables of a name; one alone, in single brackets, is a list of one."""
    some = table.get(word, [])
    some = [some] if isinstance(some, dict) else some
    if not isinstance(some, list) or not all(isinstance(entry, dict) for entry in some):
        raise SettingsError(f"{path}: {where}: {word} is written as a table in double brackets")
    return some


def _text(path: Path, where: str, table: Mapping[str, Any], word: str, default: str | None = None) -> str:
    value = table.get(word, default)
    if isinstance(value, datetime | date):
        value = value.isoformat()
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{path}: {where}: {word} is missing, or no text")
    return value


def _table(path: Path, number: int, entry: Mapping[str, Any]) -> Table:
    where = f"file {number}"
    unit = _text(path, where, entry, "time_unit", "iso")
    if unit != "iso" and unit not in _UNITS_OF_TIME:
        raise SettingsError(f"{path}: {where}: time_unit {unit!r} is none of s, ms, min, iso")
    skip = entry.get("skip_rows", [])
    if not isinstance(skip, list) or not all(isinstance(n, int) and n >= 0 for n in skip):
        raise SettingsError(f"{path}: {where}: skip_rows is no list of row numbers")
    points = _entries(path, where, entry, "point")
    if not points:
        raise SettingsError(f"{path}: {where}: names no [[file.point]]")
    columns = tuple(_column(path, f"{where}, point {n}", p) for n, p in enumerate(points, 1))
    source = Path(_text(path, where, entry, "path"))
    return Table(path.parent / source, _text(path, where, entry, "time"), unit, frozenset(skip), columns)


def _column(path: Path, where: str, entry: Mapping[str, Any]) -> Column:
    metric = _text(path, where, entry, "metric")
    if metric not in METRICS:
        raise SettingsError(f"{path}: {where}: metric {metric!r} is not known")
    own = METRICS[metric].unit
    unit = _text(path, where, entry, "unit", own) if entry.get("unit", "") != "" else own
    known = unit == own or unit in _SAME.get(own, ()) or (metric, unit) in _LINEAR
    if not known and not (metric == "smoke_obscuration" and unit in _DENSITY):
        raise SettingsError(f"{path}: {where}: unit {unit!r} is not known for {metric} (it is kept in {own!r})")
    scale = entry.get("scale", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not isfinite(scale):
        raise SettingsError(f"{path}: {where}: scale is no finite number")
    zone, tenant = entry.get("zone", ""), entry.get("tenant", "")
    if not isinstance(zone, str) or not isinstance(tenant, str):
        raise SettingsError(f"{path}: {where}: zone and tenant are texts")
    return Column(
        _text(path, where, entry, "column"), _text(path, where, entry, "device"), metric, unit, zone, tenant,
        float(scale),
    )  # fmt: skip


def _paper(path: Path, number: int, entry: Mapping[str, Any]) -> Paper:
    where = f"paper {number}"
    kind = _text(path, where, entry, "type")
    if kind not in PAPERS:
        raise SettingsError(f"{path}: {where}: type {kind!r} is none of {', '.join(PAPERS)}")
    try:
        begin, end = (date.fromisoformat(_text(path, where, entry, word)[:10]) for word in ("from", "to"))
    except ValueError as why:
        raise SettingsError(f"{path}: {where}: from and to are dates like 2000-03-01") from why
    if end < begin:
        raise SettingsError(f"{path}: {where}: to {end} is before from {begin}")
    return Paper(_text(path, where, entry, "tenant"), kind, begin, end)


def absent(text: str) -> bool:
    """Return whether a cell holds no value."""
    return text.strip().lower() in _ABSENT


def moment(text: str, zone: ZoneInfo) -> int | None:
    """Return an ISO 8601 time as epoch ms; one without offset is park time; None if it cannot be read."""
    text = text.strip()
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        loose = _loose(text)
        if loose is None:
            return None
        when = loose
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone)
    try:
        since = when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:  # the first hours of the year 1 in the east, the last of 9999 in the west
        return None
    at = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return at if at in _TIMES else None


def _loose(text: str) -> datetime | None:
    """Return a time that is written nearly as ISO 8601, or None."""
    found = _YEAR_FIRST.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, part, offset = found.groups("")
    over = int(hour or 0) == _MIDNIGHT and not int(minute or 0) and not float(f"{second or 0}{part}")
    clock = f"{0 if over else int(hour or 0):02}:{minute or '00'}:{second or '00'}{part}"
    try:
        return datetime.fromisoformat(f"{year}-{int(month):02}-{int(day):02}T{clock}{offset}") + timedelta(days=over)
    except (ValueError, OverflowError):
        return None


def written(at: int) -> str:
    """Return epoch ms as ISO 8601 in UTC; with milliseconds where there are any."""
    when = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{when}.{at % 1000:03d}Z" if at % 1000 else f"{when}Z"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: when, and one value for each column (None: none)."""

    number: int  # in the file, from 1
    at: int  # epoch ms
    values: tuple[float | None, ...]


def lines(table: Table, plan: Map) -> Iterator[Line]:
    """Yield the rows of a table as they stand. Raises UserError with the line number of a bad row."""
    for number, cells in cells_of(table.path, [table.time, *(c.name for c in table.columns)], table.skip_rows):
        at = _when(cells[0], table.time_unit, plan)
        if at is None:
            wrong = TIME if table.time_unit == "iso" else "no time"
            raise UserError(f"{table.path}: line {number}: {table.time} {cells[0][:SHOWN]!r} is {wrong}")
        values = []
        for column, cell in zip(table.columns, cells[1:], strict=True):
            try:
                values.append(column.reading(cell))
            except (ValueError, OverflowError) as why:
                raise UserError(f"{table.path}: line {number}: {column.name} {cell[:SHOWN]!r} is no number") from why
        yield Line(number, at, tuple(values))


def _when(text: str, unit: str, plan: Map) -> int | None:
    if unit == "iso":
        return moment(text, plan.zone)
    try:
        relative = float(text) * _UNITS_OF_TIME[unit]
    except ValueError:
        return None
    at = plan.start + round(relative) if isfinite(relative) else _TIMES.stop
    return at if at in _TIMES else None


def cells_of(
    path: Path, names: Sequence[str], skip: frozenset[int] = frozenset()
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield (line number, cells of the named columns) of a CSV file. Raises UserError.

    Rows that have one cell more than the header begin with a row number of their own, as R writes them.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in names if name not in header]
            if missing:
                there = ", ".join(map(repr, header))[:SHOWN]
                raise UserError(f"{path}: line 1: has no column {missing[0]!r}, but {there or 'nothing'}")
            places = [header.index(name) for name in names]
            for nth, row in enumerate(reader):
                # `skip` counts rows of the table from 0 at the header.
                if not row or nth + 1 in skip:
                    continue
                shift = 1 if len(row) == len(header) + 1 else 0
                if len(row) < len(header) or len(row) > len(header) + 1:
                    raise UserError(f"{path}: line {reader.line_num}: {len(row)} cells; the header has {len(header)}")
                yield reader.line_num, [row[p + shift] for p in places]
    except OSError as why:
        raise UserError(f"{path}: {why.strerror or why}") from why
    except UnicodeDecodeError as why:
        raise UserError(f"{path}: is no CSV in UTF-8: {why}") from why
    except csv.Error as why:
        raise UserError(f"{path}: line {reader.line_num}: is no CSV: {why}") from why
