"""Panels of Grafana as plain dictionaries: one function a kind of picture, and the grid that lays them out.

Grey is normal: colours are kept for states that need a person, and every panel has its unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from park.metrics import METRICS, Kind

SERIES = {"type": "influxdb", "uid": "park-series"}
ROWS = {"type": "postgres", "uid": "park-rows"}
WIDTH = 24  # columns of Grafana's grid

# Units as Grafana calls them; what it does not know is written behind the number.
_UNITS = {
    "": "short", "kWh": "kwatth", "kW": "kwatt", "kvar": "kvoltampreact", "kVA": "kvoltamp", "V": "volt", "A": "amp",
    "Hz": "hertz", "%": "percent", "degC": "celsius", "lx": "lux", "ppm": "ppm", "dB": "dB", "m3": "m3", "m": "lengthm",
    "min": "m", "mA": "suffix: mA", "dBm": "dBm", "mg/m3": "conmgm3", "ug/m3": "conμgm3", "m3/h": "suffix: m³/h",
    "mg/L": "suffix: mg/L", "%/m": "suffix: %/m", "%LEL": "suffix: %LEL", "MPa": "suffix: MPa", "t": "suffix: t",
    "1/m2": "suffix: /m²",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel and how its series are called."""

    query: str
    alias: str = ""  # InfluxQL: "$tag_device $tag_channel"
    sql: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture, its size on the grid, and what it asks."""

    kind: str  # "timeseries" | "stat" | "table" | "state-timeline" | "row" | "text"
    title: str
    targets: tuple[Target, ...] = ()
    width: int = 12
    height: int = 8
    unit: str = "short"
    options: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()  # title, address


def unit_of(metric: str) -> str:
    """Return Grafana's name of a metric's unit."""
    return _UNITS[METRICS[metric].unit]


def title_of(metric: str) -> str:
    """Return a metric's name in both languages."""
    return f"{METRICS[metric].zh} · {METRICS[metric].en}"


def chart(title: str, *targets: Target, unit: str, width: int = 12, bars: bool = False, **more: Any) -> Panel:
    """Return lines over time, or bars for amounts; gaps stay gaps."""
    style = {"drawStyle": "bars", "fillOpacity": 60} if bars else {"drawStyle": "line", "fillOpacity": 0}
    custom = {**style, "lineWidth": 1, "spanNulls": False, "showPoints": "never"}
    shown = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return Panel("timeseries", title, targets, width, unit=unit, options=shown, defaults={"custom": custom}, **more)


def metric_chart(metric: str, *targets: Target, width: int = 12, **more: Any) -> Panel:
    """Return the chart of one metric: bars for amounts, steps for states, lines for levels."""
    kind = METRICS[metric].kind
    bars = kind in {Kind.INTERVAL, Kind.COUNT}
    panel = chart(title_of(metric), *targets, unit=unit_of(metric), width=width, bars=bars, **more)
    if kind is Kind.STATE:
        panel.defaults["custom"] |= {"lineInterpolation": "stepAfter"}
        panel.defaults["mappings"] = codes(metric)
    return panel


def number(
    title: str, target: Target, *, unit: str, width: int = 4, red_from: float | None = None, **more: Any
) -> Panel:
    """Return one number; it takes colour only from `red_from` on."""
    steps: list[dict[str, Any]] = [{"color": "text", "value": None}]
    if red_from is not None:
        steps.append({"color": "red", "value": red_from})
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value",
        "graphMode": "none", "textMode": "auto", "justifyMode": "auto", "orientation": "auto",
    }  # fmt: skip
    defaults = {"thresholds": {"mode": "absolute", "steps": steps}, "noValue": "—"}
    return Panel("stat", title, (target,), width, 4, unit, options, defaults, **more)


def table(title: str, target: Target, *, width: int = 24, height: int = 8, **more: Any) -> Panel:
    """Return rows as they come."""
    return Panel("table", title, (target,), width, height, "short", {"showHeader": True, "cellHeight": "sm"}, **more)


def heading(title: str) -> Panel:
    """Return a line across the page."""
    return Panel("row", title, (), WIDTH, 1)


def codes(metric: str) -> list[dict[str, Any]]:
    """Return words for the numbers of a state; alarm codes are red."""
    m = METRICS[metric]
    options = {
        str(n): {"text": code, "color": "red" if n in m.alarm else "text", "index": n} for n, code in enumerate(m.codes)
    }
    return [{"type": "value", "options": options}]


def laid_out(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Return panels as Grafana's JSON, from left to right and from top to bottom, each with its number."""
    out = []
    x = y = tallest = 0
    for key, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        out.append(_json(panel, key, x, y))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return out


def _json(panel: Panel, key: int, x: int, y: int) -> dict[str, Any]:
    grid = {"h": panel.height, "w": panel.width, "x": x, "y": y}
    if panel.kind == "row":
        return {"id": key, "type": "row", "title": panel.title, "gridPos": grid, "collapsed": False, "panels": []}
    source = ROWS if panel.targets and panel.targets[0].sql else SERIES
    return {
        "id": key,
        "type": panel.kind,
        "title": panel.title,
        "gridPos": grid,
        "datasource": source,
        "targets": [_target(t, n) for n, t in enumerate(panel.targets)],
        "fieldConfig": {"defaults": {"unit": panel.unit, **panel.defaults}, "overrides": []},
        "options": panel.options,
        "links": [{"title": t, "url": url, "targetBlank": False} for t, url in panel.links],
    }


def _target(target: Target, n: int) -> dict[str, Any]:
    ref = chr(ord("A") + n)
    if target.sql:
        return {"refId": ref, "datasource": ROWS, "rawSql": target.query, "rawQuery": True, "format": "table"}
    return {
        "refId": ref, "datasource": SERIES, "query": target.query, "rawQuery": True, "resultFormat": "time_series",
        **({"alias": target.alias} if target.alias else {}),
    }  # fmt: skip
