"""The dashboards, made from the metric catalogue: a metric that is added there appears here.

```
 city -> park -> enterprise          by place
         fire | energy | footfall | environment       by what is measured
         alarms | platform           by who looks after it
```
Series come from InfluxDB, names and alarms from PostgreSQL through a role that can only read.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from dashboards import queries, rows
from dashboards.panels import (
    ROWS,
    Panel,
    Target,
    chart,
    heading,
    laid_out,
    metric_chart,
    number,
    table,
    title_of,
    unit_of,
)
from park.metrics import METRICS, Feed, Kind

_PARK = "\"park\" = '$park'"
_POINTS = '"point" =~ /^${points:regex}$/'
_BY_DEVICE = "$tag_device $tag_channel"

# Which of a feed's metrics stand for it on the pages above: one each.
_FACES = {
    Feed.ENERGY: "energy_use", Feed.WATER: "water_use", Feed.PEOPLE: "people_in", Feed.VEHICLES: "vehicles_in",
    Feed.ENVIRONMENT: "pm25", Feed.FIRE: "smoke_obscuration", Feed.PRODUCTION: "output_count",
}  # fmt: skip
_FEEDS = {
    Feed.ENERGY: "能耗 · Energy", Feed.WATER: "用水 · Water", Feed.PEOPLE: "人流 · People",
    Feed.VEHICLES: "车辆物流 · Vehicles", Feed.ENVIRONMENT: "环境 · Environment",
    Feed.FIRE: "消防燃气 · Fire and gas", Feed.PRODUCTION: "生产 · Production",
}  # fmt: skip


def asked(name: str) -> Target:
    """Return what one of the SQL queries is asked for."""
    return Target(rows.query(name), sql=True)


def shown(*feeds: Feed) -> list[str]:
    """Return the metrics of feeds that a page shows: registers are shown by their use."""
    return [m.name for m in METRICS.values() if m.feed in feeds and m.kind is not Kind.REGISTER]


def boards(console: str) -> Mapping[str, dict[str, Any]]:
    """Return every dashboard as Grafana's JSON, by uid; `console` is the address of the operator's pages."""
    made = {}
    for uid, (title, variables, panels) in _BOARDS.items():
        made[f"park-{uid}"] = _board(uid, title, variables, panels(), console)
    return MappingProxyType(made)


def _city() -> Iterable[Panel]:
    yield number("园区 · Parks", asked("parks_count"), unit="short")
    yield number("企业 · Enterprises", asked("enterprises_count"), unit="short")
    yield number("未恢复报警 · Standing alarms", asked("standing_count"), unit="short")
    yield number("火警 · Fire", asked("fire_count"), unit="short", red_from=1)
    yield number("异常设备 · Devices not well", asked("unwell_count"), unit="short")
    yield number("隔离消息 · Quarantined", asked("quarantined_count"), unit="short")
    for feed in (Feed.ENERGY, Feed.WATER, Feed.PEOPLE, Feed.VEHICLES, Feed.PRODUCTION):
        metric = _FACES[feed]
        yield metric_chart(metric, Target(queries.series(metric, by="park"), "$tag_park"))
    yield table("园区 · Parks", asked("parks"))


def _park() -> Iterable[Panel]:
    for metric in _FACES.values():
        query = queries.total(metric, where=_PARK)
        yield number(title_of(metric), Target(query), unit=unit_of(metric), width=3)
    yield number("未恢复报警 · Standing alarms", asked("standing_of_park"), unit="short", width=3)
    for metric in _FACES.values():
        yield metric_chart(metric, Target(queries.series(metric, where=_PARK), title_of(metric)))
    yield table("当前报警 · Standing alarms", asked("standing"), width=12)
    yield table("设备健康 · Device health", asked("unwell"), width=12)


def _enterprise() -> Iterable[Panel]:
    yield table("企业 · Enterprise", asked("enterprise"), height=4)
    yield table("活跃度 · Activity", asked("activity"), height=6)
    for feed, name in _FEEDS.items():
        yield heading(name)
        for metric in shown(feed):
            if METRICS[metric].kind is not Kind.STATE:
                yield metric_chart(
                    metric, Target(queries.series(metric, where=_POINTS, by="device channel"), _BY_DEVICE)
                )


def _of_feeds(*feeds: Feed) -> Callable[[], Iterable[Panel]]:
    def panels() -> Iterable[Panel]:
        for feed in feeds:
            yield heading(_FEEDS[feed])
            for metric in shown(feed):
                where = f"{_PARK} AND {_POINTS}" if feed is Feed.FIRE else _PARK
                if METRICS[metric].kind in {Kind.INTERVAL, Kind.COUNT}:
                    yield metric_chart(metric, Target(queries.series(metric, where=where), title_of(metric)))
                elif METRICS[metric].kind is Kind.STATE or feed is Feed.FIRE:
                    query = queries.series(metric, where=where, by="device channel")
                    yield metric_chart(metric, Target(query, _BY_DEVICE))
                else:
                    yield metric_chart(metric, Target(queries.extremes(metric, where=where), "$col"))

    return panels


def _alarms() -> Iterable[Panel]:
    yield number("未恢复报警 · Standing", asked("standing_count"), unit="short")
    yield number("火警 · Fire", asked("fire_count"), unit="short", red_from=1)
    yield table("当前报警 · Standing alarms", asked("standing_everywhere"))
    yield table("各规则报警数 · Alarms by rule", asked("by_rule"), width=12)
    yield table("每日报警数 · Alarms by day", asked("by_day"), width=12)


def _platform() -> Iterable[Panel]:
    for name, text, rate in _FIGURES:
        target = Target(queries.figure(name, by="role lane", rate=rate), "$tag_role $tag_lane")
        yield chart(text, target, unit="short" if not rate else "ops")
    yield table("账目 · Loss ledger by hour", asked("ledger"))
    yield table("隔离消息 · Quarantined by reason", asked("quarantined"))


_FIGURES = (
    ("park_readings_total", "读数 · Readings a second", True),
    ("park_messages_total", "消息 · Messages a second", True),
    ("park_refused_total", "拒收 · Refused a second", True),
    ("park_stored_readings_total", "入库 · Stored a second", True),
    ("park_store_lag_seconds", "入库延迟 · Behind, in seconds", False),
    ("park_lane_failures_total", "阶段故障 · Faults of stages", False),
    ("park_broker_connected", "连接 · Connected to the broker", False),
    ("park_lane_cpu_seconds_total", "处理器 · CPU, seconds a second", True),
)

_Variables = tuple[str, ...]
_BOARDS: dict[str, tuple[str, _Variables, Callable[[], Iterable[Panel]]]] = {
    "city": ("城市 · City", ("level",), _city),
    "overview": ("园区 · Park", ("park", "level"), _park),
    "enterprise": ("企业 · Enterprise", ("park", "enterprise", "points", "level"), _enterprise),
    "fire": ("消防燃气 · Fire safety", ("park", "life_points", "level"), _of_feeds(Feed.FIRE)),
    "energy": ("能耗 · Energy and water", ("park", "level"), _of_feeds(Feed.ENERGY, Feed.WATER)),
    "footfall": ("人流车流 · Footfall and traffic", ("park", "level"), _of_feeds(Feed.PEOPLE, Feed.VEHICLES)),
    "environment": ("环境与生产 · Environment and production", ("park", "level"),
                    _of_feeds(Feed.ENVIRONMENT, Feed.PRODUCTION)),
    "alarms": ("报警 · Alarms", (), _alarms),
    "platform": ("平台 · Platform health", (), _platform),
}  # fmt: skip


def _variable(name: str) -> dict[str, Any]:
    if name == "level":
        picks = ("minutes", "quarters", "hours", "days")
        return {
            "name": "level", "label": "窗口 · Window", "type": "custom", "query": ",".join(picks),
            "current": {"text": "hours", "value": "hours", "selected": True},
            "options": [{"text": p, "value": p, "selected": p == "hours"} for p in picks],
        }  # fmt: skip
    variable = rows.VARIABLES[name]
    several = variable.several
    return {
        "name": name.removeprefix("life_"), "label": variable.label, "type": "query", "datasource": ROWS,
        "query": rows.query(variable.query),
        "refresh": 2, "multi": several, "includeAll": several, "sort": 0, "hide": 2 if several else 0,
        **({"current": {"text": ["All"], "value": ["$__all"]}} if several else {}),
    }  # fmt: skip


def _board(uid: str, title: str, names: _Variables, panels: Iterable[Panel], console: str) -> dict[str, Any]:
    around = [
        {
            "title": t,
            "type": "link",
            "url": f"/d/park-{other}",
            "keepTime": True,
            "includeVars": True,
            "icon": "dashboard",
        }
        for other, (t, _, _) in _BOARDS.items()
        if other != uid
    ]
    desk = {"title": "控制台 · Console", "type": "link", "url": console, "targetBlank": True, "icon": "external link"}
    return {
        "uid": f"park-{uid}", "title": title, "tags": ["park"], "schemaVersion": 41, "version": 1, "editable": False,
        "timezone": "browser", "time": {"from": "now-7d", "to": "now"}, "refresh": "1m", "graphTooltip": 1,
        "templating": {"list": [_variable(name) for name in names]}, "links": [desk, *around],
        "annotations": {"list": []}, "panels": laid_out(list(panels)),
    }  # fmt: skip
