"""The registry as tables for people: one sheet a noun, its columns, and how a cell is read and shown.

Things refer to each other by what people call them (codes, keys), never by our numbers; derived points
and counters that the registry makes by itself are left out. To add a column, add a row to `SHEETS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import isfinite
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from park.cells import guarded, unguarded
from park.metrics import METRICS, Lane
from park.model import Device, DeviceMode, Enterprise, Lease, Park, Place, PlaceKind, Point

Cell = str | float | datetime | date | None
HERE = "."  # in the column "place" of devices: the park itself


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its names, the field it fills, and how cells turn into values and back."""

    name: str
    zh: str
    field: str  # of the noun; "" where the column only helps to find another thing
    read: Callable[[Cell, ZoneInfo], Any]  # raises ValueError with what was expected
    show: Callable[[Any, ZoneInfo], Cell]
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One noun's file or sheet."""

    kind: type[Any]
    name: str  # of the file, without its ending, and of the sheet
    zh: str
    columns: tuple[Column, ...]


# ── cells ────────────────────────────────────────────────────────────────────────────────────────


def _text(cell: Cell, _zone: ZoneInfo) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a code that a spreadsheet took for a number
    return "" if cell is None else unguarded(str(cell).strip())


def _show_text(value: Any, _zone: ZoneInfo) -> Cell:
    return guarded(str(value))


def _number(cell: Cell, _zone: ZoneInfo) -> float:
    try:
        value = float(cell) if isinstance(cell, (int, float)) else float(str(cell).strip().replace(",", ""))
    except ValueError:
        raise ValueError("a number is expected") from None
    if not isfinite(value):
        raise ValueError("a finite number is expected")
    return value


def _not_negative(cell: Cell, zone: ZoneInfo) -> float:
    value = _number(cell, zone)
    if value < 0:
        raise ValueError("a number from 0 on is expected")
    return value


def _whole(cell: Cell, zone: ZoneInfo) -> int:
    value = _number(cell, zone)
    if not value.is_integer():
        raise ValueError("a whole number is expected")
    return int(value)


def _seconds(cell: Cell, zone: ZoneInfo) -> int:
    return round(_number(cell, zone) * 1_000)


def _show_number(value: Any, _zone: ZoneInfo) -> Cell:
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else float(value)


def _show_seconds(value: Any, zone: ZoneInfo) -> Cell:
    return _show_number(value / 1_000, zone)


def _time(cell: Cell, zone: ZoneInfo) -> int:
    if isinstance(cell, str):
        try:
            cell = datetime.fromisoformat(cell.strip().replace("/", "-"))
        except ValueError:
            raise ValueError("a date like 2026-03-01, or 2026-03-01T08:00:00+08:00, is expected") from None
    match cell:
        case datetime():
            whole = cell if cell.tzinfo else cell.replace(tzinfo=zone)
        case date():
            whole = datetime.combine(cell, time(), zone)
        case _:
            raise ValueError("a date is expected")
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def _show_time(value: Any, zone: ZoneInfo) -> Cell:
    at = datetime.fromtimestamp(value // 1_000, UTC).replace(microsecond=value % 1_000 * 1_000).astimezone(zone)
    return at.date().isoformat() if at.time() == time() else at.isoformat(timespec="milliseconds")


def _show_time_or_none(value: Any, zone: ZoneInfo) -> Cell:
    return None if value is None else _show_time(value, zone)


def _show_effective(value: Any, zone: ZoneInfo) -> Cell:
    return _show_time(value, zone) if value else None


_CORNER = re.compile(r"\s*(\S+)[\s,]+(\S+)\s*")


def _outline(cell: Cell, zone: ZoneInfo) -> tuple[tuple[float, float], ...]:
    corners = []
    for part in str(cell).split(";"):
        if not part.strip():
            continue
        found = _CORNER.fullmatch(part)
        if not found:
            raise ValueError("corners like 0 0; 10 0; 10 12 are expected")
        corners.append((_number(found[1], zone), _number(found[2], zone)))
    return tuple(corners)


def _show_outline(value: Any, zone: ZoneInfo) -> Cell:
    return "; ".join(f"{_show_number(x, zone)} {_show_number(y, zone)}" for x, y in value)


def _word(words: Mapping[str, Any], what: str) -> Callable[[Cell, ZoneInfo], Any]:
    listed = ", ".join(dict.fromkeys(str(v) for v in words.values()))

    def read(cell: Cell, zone: ZoneInfo) -> Any:
        text = _text(cell, zone)
        found = words.get(text, words.get(text.lower()))
        if found is None:
            raise ValueError(f"{text!r} is no {what}" + (f": {listed}" if len(words) < 20 else ""))
        return found

    return read


_PLACE_KINDS = _word(
    {k: k for k in PlaceKind if k is not PlaceKind.PARK}
    | {"楼栋": PlaceKind.BUILDING, "楼": PlaceKind.BUILDING, "单元": PlaceKind.UNIT, "区域": PlaceKind.ZONE},
    "kind of place",
)
_LANES = _word({lane: lane for lane in Lane} | {"生命安全": Lane.LIFE, "普通": Lane.BULK}, "lane")
_MODES = _word(
    {m: m for m in DeviceMode} | {"正常": DeviceMode.NORMAL, "测试": DeviceMode.TEST, "检修": DeviceMode.MAINTENANCE},
    "mode",
)
_METRICS = _word(
    {m.en.lower(): m.name for m in METRICS.values()}
    | {m.zh: m.name for m in METRICS.values()}
    | {name: name for name in METRICS},
    "metric",
)

# ── sheets ───────────────────────────────────────────────────────────────────────────────────────


def _t(name: str, zh: str, field: str | None = None, *, needed: bool = False) -> Column:
    return Column(name, zh, name if field is None else field, _text, _show_text, needed)


def _n(name: str, zh: str) -> Column:
    return Column(name, zh, name, _number, _show_number)


_PARK = _t("park", "园区", "", needed=True)
_OUTLINE_COLUMN = Column("outline", "轮廓", "outline", _outline, _show_outline)
_DEMAND = Column("contracted_demand_kw", "合同需量kW", "contracted_demand", _not_negative, _show_number)
_INTERVAL = Column("interval_s", "间隔秒", "interval", _seconds, _show_seconds)

_KIND = _t("kind", "类型", needed=True)

# In the order in which they refer to each other.
SHEETS: tuple[Sheet, ...] = (
    Sheet(Park, "parks", "园区", (
        _t("code", "编码", needed=True), _t("name", "名称", needed=True), _t("timezone", "时区"),
        _t("district", "行政区"), _n("area_mu", "面积亩"), _OUTLINE_COLUMN, _DEMAND,
    )),
    Sheet(Place, "places", "场所", (
        _PARK, _t("code", "编码", needed=True), Column("kind", "类型", "kind", _PLACE_KINDS, _show_text, needed=True),
        _t("name", "名称"), _t("parent", "上级", ""), _n("area", "面积"),
        Column("floor", "楼层", "floor", _whole, _show_number), _OUTLINE_COLUMN,
        _t("fire_class", "火灾危险性"), _t("permitted_use", "规划用途"), _DEMAND,
    )),
    Sheet(Enterprise, "enterprises", "企业", (
        _PARK, _t("code", "编码", needed=True), _t("name", "名称", needed=True), _t("trade", "行业"),
        Column("headcount", "人数", "headcount", _whole, _show_number), _t("size_class", "规模"),
        _t("contact", "联系人"),
    )),
    Sheet(Lease, "leases", "租约", (
        _PARK, _t("place", "场所", "", needed=True), _t("enterprise", "企业", "", needed=True),
        Column("valid_from", "起租日", "valid_from", _time, _show_time, needed=True),
        Column("valid_to", "到期日", "valid_to", _time, _show_time_or_none), _n("agreed_output", "达产"),
    )),
    Sheet(Device, "devices", "设备", (
        _t("key", "设备键", needed=True), _PARK, _KIND, _t("name", "名称"), _t("place", "场所", ""),
        _t("gateway", "网关", ""), Column("lane", "通道", "lane", _LANES, _show_text), _INTERVAL,
        Column("mode", "模式", "mode", _MODES, _show_text),
        Column("mode_until", "模式截止", "mode_until", _time, _show_effective),
    )),
    Sheet(Point, "points", "测点", (
        _t("device", "设备键", "", needed=True), _t("source_key", "报文键", needed=True),
        Column("metric", "指标", "metric", _METRICS, _show_text, needed=True), _t("channel", "通道"),
        _n("scale", "系数"), _n("offset", "偏移"), _INTERVAL, _n("modulus", "翻转值"), _n("ratio", "倍率"),
        Column("effective", "倍率生效", "effective", _time, _show_effective),
    )),
)  # fmt: skip
BY_NAME: Mapping[str, Sheet] = MappingProxyType({s.name: s for s in SHEETS} | {s.zh: s for s in SHEETS})
