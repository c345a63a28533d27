"""An example of every call, by the name of its operation; tests hold them to the schemas."""

from typing import Any, Final

from api import examples_alarms, examples_office, examples_targets
from api.examples_activity import ACTIVITY_ANSWERS, ACTIVITY_BODIES
from api.examples_findings import FINDING_ANSWERS, FINDING_BODIES

_T: Final = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
_OUTLINE: Final = [[0.0, 0.0], [36.0, 0.0], [36.0, 24.0], [0.0, 24.0]]

_PARK: Final = {
    "code": "xixing", "name": "西兴小微园", "timezone": "Asia/Shanghai", "district": "滨江区", "area_mu": 42.5,
    "outline": [[0.0, 0.0], [320.0, 0.0], [320.0, 180.0], [0.0, 180.0]], "contracted_demand": 1_250.0,
}  # fmt: skip
_PLACE: Final = {
    "park": 1, "parent": 2, "code": "A-101", "name": "A 幢 101", "area": 864.0, "floor": 1, "outline": _OUTLINE,
    "fire_class": "丙类", "permitted_use": "五金加工", "contracted_demand": 100.0,
}  # fmt: skip
_BUILDING: Final = {**_PLACE, "parent": 1, "code": "A", "name": "A 幢", "area": 5_184.0, "floor": 0}
_ZONE: Final = {**_PLACE, "parent": 12, "code": "A-101-door", "name": "A 幢 101 门厅", "area": 60.0}
_FIRM: Final = {
    "park": 1, "code": "91330108MA2XXXXX0K", "name": "宏达五金有限公司", "trade": "metal", "headcount": 22,
    "size_class": "micro", "contact": "值班室 8 幢",
}  # fmt: skip
_LEASE: Final = {
    "place": 12, "enterprise": 5, "valid_from": 1_767_196_800_000, "valid_to": None, "agreed_output": 1_200.0,
}  # fmt: skip
_GATEWAY: Final = {"park": 1, "key": "native:xixing/-/gw-a", "name": "A 幢网关", "place": 2, "interval": 60_000}
_DEVICE: Final = {
    "park": 1, "key": "native:xixing/gw-a/meter-101", "kind": "meter", "name": "101 总表", "place": 12, "gateway": 3,
    "lane": "bulk", "interval": 60_000, "state": "active", "mode": "normal", "mode_until": 0,
}  # fmt: skip
_POINT: Final = {
    "device": 7, "metric": "power", "channel": "", "source_key": "power", "scale": 1.0, "offset": 0.0,
    "interval": 60_000, "source": 0, "modulus": 0.0, "ratio": 1.0, "effective": 0,
}  # fmt: skip
_NOW: Final = {"ts": _T - 4_000, "value": 23.4, "state": None, "quality": "good", "received": _T - 3_950}
_POINT_OUT: Final = {
    "id": 40, "device": 7, "metric": "power", "channel": "", "feed": "energy", "unit": "kW", "kind": "gauge",
    "zh": "有功功率", "en": "Active power", "states": [], "park": 1, "place": 12, "enterprise": 5, "interval": 60_000,
    "source": 0, "source_key": None, "scale": None, "offset": None, "modulus": 0.0, "ratio": 1.0, "latest": _NOW,
}  # fmt: skip
_CONDITION: Final = {
    "id": f"fire/place:12/{_T - 90_000}", "rule": "fire.confirmed", "family": "fire", "subject": "place:12",
    "since": _T - 90_000, "at": _T - 60_000, "ts": _T - 60_050, "state": "latched", "standing": True,
    "severity": "critical", "reason": "second_device", "park": 1, "place": 12, "device": 9, "point": 44, "value": 1.0,
    "limit": None, "labels": [],
}  # fmt: skip
_BEGAN: Final = {
    **_CONDITION, "rule": "fire.pre_alarm", "at": _T - 90_000, "ts": _T - 90_040, "state": "active",
    "reason": "detector_alarm", "device": 8, "point": 43,
}  # fmt: skip
_FINDING: Final = {
    "id": f"anomaly/40/{_T - 600_000}/unusual", "kind": "anomaly", "point": 40, "ts": _T - 600_000, "at": _T - 599_900,
    "severity": "medium", "reason": "unusual", "value": 61.0, "expected": 24.0, "low": 18.0, "high": 31.0,
    "score": 0.93, "device": 7, "place": 12, "park": 1, "episode": f"anomaly/40/{_T - 600_000}",
    "since": _T - 600_000, "until": None, "anomaly": "spike", "baseline": "forecast", "rising": True,
    "times": 1_258_925.4, "parts": [{"statistic": "above", "rarity": 6.1}],
}  # fmt: skip
_REFUSED: Final = {
    "id": 17, "lane": "bulk", "state": "waiting", "actor": "", "reason": "unknown_device", "detail": "",
    "topic": "parks/xixing/bulk/gw-a/meter-102", "device_key": "native:xixing/gw-a/meter-102", "gateway": 3,
    "received": _T - 30_000, "size": 24, "readings": 1, "alarm": "",
}  # fmt: skip
_SESSION: Final = {
    "name": "desk", "role": "officer", "parks": [1], "permissions": ["act", "quarantine", "read"],
    "keys_required": True,
}  # fmt: skip
_RULES_TEXT: Final = (
    '[[limit]]\nrule = "demand"\nmetric = "power"\nwindow = "15m"\nhigh = 315.0\nplaces = [12]\nseverity = "medium"\n'
    'basis = "V: the contract of 2026-01-01"\nversion = 2026-01-01\n'
)
_RULE_SET: Final = {
    "version": 3, "at": _T, "actor": "chief", "reason": "合同容量", "rules": 46, "life_safety": False,
    "rolled_back_to": None,
}  # fmt: skip
_RULE: Final = {
    "rule": "demand", "metric": "power", "finding": "", "severity": "medium", "high": 315.0, "low": None,
    "dead_band": 0.0, "on_delay": 0, "off_delay": 0, "window": 900_000, "valid": 0.0, "usual": 0, "floor": 0.0,
    "kinds": [], "channels": [], "parks": [], "places": [12], "reasons": [], "days": [], "hours": [],
    "valid_from": 0, "valid_to": 0, "basis": "V: the contract of 2026-01-01", "version": "2026-01-01", "labels": {},
    "annotations": {}, "points": [], "metrics": [],
}  # fmt: skip
_RULE_CHANGE: Final = {
    "what": "changed", "rule": "demand", "scope": "places 12", "life_safety": False,
    "fields": [{"field": "high", "before": "250", "after": "315"}],
}  # fmt: skip
_RUNBOOK: Final = {
    "rule": "device.low_battery",
    "zh": "更换电池并确认重新上线",
    "en": "Change the battery",
    "basis": "",
}
_MEASURE: Final = {"name": "night_stay", "unit": "nights", "zh": "夜间留宿天数", "en": "Night stay"}
_RULES: Final = {
    "current": _RULE_SET, "entered": True, "text": _RULES_TEXT, "rules": [_RULE], "runbooks": [_RUNBOOK],
    "measures": [_MEASURE],
}  # fmt: skip
_DRY_RUN: Final = {
    "id": "6f1c0a", "state": "running", "start": _T - 7 * 86_400_000, "end": _T, "progress": 0.4, "problem": "",
    "result": None,
}  # fmt: skip
_FEEDS: Final = ("energy", "water", "people", "vehicles", "environment", "fire", "production")

BODIES: Final[dict[str, Any]] = {
    **examples_alarms.BODIES,
    **examples_office.BODIES,
    **examples_targets.BODIES,
    **ACTIVITY_BODIES,
    **FINDING_BODIES,
    "hand_in": {"messages": [
        {"topic": "parks/xixing/bulk/gw-a/meter-101", "payload": {"ts": _T, "v": {"power": 12.3, "voltage.a": 230.1}}},
        {"topic": "parks/xixing/life/gw-a/smoke-101", "payload": {"v": {"smoke": False}}},
    ]},
    "open_session": {"key": "park_3q2-...-7Zk"},
    "check_rules": {"text": _RULES_TEXT},
    "replace_rules": {"text": _RULES_TEXT, "reason": "合同容量", "version": 2, "life_safety": False},
    "roll_back_rules": {"to": 1, "reason": "改错了", "version": 3, "life_safety": False},
    "start_dry_run": {"text": _RULES_TEXT, "start": _T - 7 * 86_400_000, "end": _T},
    "create_park": _PARK, "replace_park": _PARK,
    "create_building": _BUILDING, "replace_building": _BUILDING,
    "create_unit": _PLACE, "replace_unit": _PLACE,
    "create_zone": _ZONE, "replace_zone": _ZONE,
    "create_enterprise": _FIRM, "replace_enterprise": _FIRM,
    "create_lease": _LEASE, "replace_lease": _LEASE,
    "create_gateway": _GATEWAY, "replace_gateway": _GATEWAY,
    "create_device": _DEVICE, "replace_device": _DEVICE,
    "create_point": _POINT, "replace_point": _POINT,
    "set_mode": {"mode": "maintenance", "reason": "换电池", "until": _T + 3_600_000},
    "reset": {"condition": _CONDITION["id"], "reason": "现场确认，无火情"},
    "retry": {"ids": [17, 18]},
    "discard": {"ids": [19]},
    "registry_import": "(the bytes of registry.zip or registry.xlsx)",
    "claim": {
        "device_key": "native:xixing/gw-a/meter-102", "park": 1, "place": 13, "kind": "meter", "name": "102 总表",
        "gateway": 3, "interval": 60_000,
        "points": [{"source_key": "power", "metric": "power", "channel": "", "scale": 1.0, "offset": 0.0,
                    "interval": 60_000}],
    },
}  # fmt: skip


def _page(*items: Any) -> dict[str, Any]:
    return {"items": list(items), "next": None}


_DEVICE_OUT: Final = {"id": 7, **_DEVICE}
_GATEWAY_OUT: Final = {
    **_DEVICE, "id": 3, "key": _GATEWAY["key"], "kind": "gateway", "name": _GATEWAY["name"], "place": 2, "gateway": 0,
}  # fmt: skip
_NOUNS: Final = {
    "park": {"id": 1, **_PARK}, "building": {"id": 2, "kind": "building", **_BUILDING},
    "unit": {"id": 12, "kind": "unit", **_PLACE}, "zone": {"id": 14, "kind": "zone", **_ZONE},
    "enterprise": {"id": 5, **_FIRM}, "lease": {"id": 6, **_LEASE}, "gateway": _GATEWAY_OUT, "device": _DEVICE_OUT,
    "point": {"id": 40, **_POINT},
}  # fmt: skip

ANSWERS: Final[dict[str, Any]] = {
    **examples_alarms.ANSWERS,
    **examples_office.ANSWERS,
    **examples_targets.ANSWERS,
    **ACTIVITY_ANSWERS,
    **FINDING_ANSWERS,
    "hand_in": {"messages": 2, "life": 1},
    **{f"{verb}_{noun}": thing for noun, thing in _NOUNS.items() for verb in ("create", "read", "replace")},
    **{f"list_{noun}s": _page(thing) for noun, thing in _NOUNS.items()},
    "platform_health": {
        "status": "degraded", "version": "0.1.0", "at": _T, "missing": ["broker"],
        "components": [
            {"name": "broker", "ready": False, "detail": "no connection since 08:00:00; trying again"},
            {"name": "store", "ready": True, "detail": ""},
        ],
    },
    "open_session": _SESSION, "read_session": _SESSION,
    "set_mode": {**_DEVICE_OUT, "mode": "maintenance", "mode_until": _T + 3_600_000},
    "list_points": _page(_POINT_OUT),
    "read_point": {**_POINT_OUT, "source_key": "power", "scale": 1.0, "offset": 0.0},
    "catalogue": [
        {"name": "smoke", "feed": "fire", "unit": "", "kind": "state", "zh": "烟感", "en": "Smoke alarm",
         "states": ["normal", "alarm"]},
    ],
    "map_of_park": {
        "id": 1, "code": "xixing", "name": "西兴小微园", "timezone": "Asia/Shanghai", "outline": _PARK["outline"],
        "at": _T, "conditions": 1, "severity": "critical", "devices": 12, "silent": 1,
        "buildings": [{
            "id": 2, "code": "A", "name": "A 幢", "outline": _OUTLINE, "conditions": 1, "severity": "critical",
            "devices": 11, "silent": 1,
            "units": [{
                "id": 12, "code": "A-101", "name": "A 幢 101", "floor": 1, "area": 864.0, "outline": _OUTLINE,
                "tenant": {"id": 5, "name": "宏达五金有限公司", "trade": "metal"}, "conditions": 1,
                "severity": "critical", "devices": 6, "silent": 1, "points": 34,
            }],
        }],
    },
    "latest_of_park": {
        "park": 1, "at": _T,
        "items": [{**_NOW, "point": 40, "device": 7, "place": 12, "metric": "power", "channel": ""}],
    },
    "freshness_of_park": {
        "park": 1, "at": _T,
        "feeds": [
            {"feed": feed, "state": "fresh", "newest": _T - 4_000, "received": _T - 3_950, "age": 3_950,
             "rhythm": 60_000, "live": 44, "total": 45}
            if feed != "production"
            else {"feed": feed, "state": "absent", "newest": None, "received": None, "age": None, "rhythm": None,
                  "live": 0, "total": 0}
            for feed in _FEEDS
        ],
    },
    "trends_of_park": {
        "park": 1, "at": _T, "start": _T - 7_200_000, "step": 3_600_000,
        "trends": [{"feed": "energy", "metric": "energy_use", "zh": "用电量", "en": "Energy used", "unit": "kWh",
                    "fold": "sum", "points": 1, "value": [310.2, 295.8, 21.4]}],
    },
    "read_rules": _RULES, "replace_rules": _RULES, "roll_back_rules": _RULES,
    "rule_history": {"items": [_RULE_SET], "next": None},
    "read_rule_version": {"rules": _RULE_SET, "text": _RULES_TEXT, "changes": [_RULE_CHANGE]},
    "check_rules": {"rules": 46, "life_safety": False, "changes": [_RULE_CHANGE]},
    "start_dry_run": _DRY_RUN, "read_dry_run": _DRY_RUN, "try_proposals": _DRY_RUN,
    "apply_proposal": {**_RULE_SET, "version": 4, "reason": "四次误报，已核实", "rules": 47},
    "limits": [
        {"rule": "co2", "metric": "co2", "severity": "low", "basis": "L: GB/T 18883-2022", "high": 1000.0, "low": None,
         "kinds": []},
    ],
    "health_of_park": {
        "park": 1, "at": _T,
        "counts": {"gateway_down": 0, "silent": 1, "stuck": 0, "flapping": 0, "wrong_clock": 0, "low_battery": 0,
                   "online": 11, "never_seen": 0},
        "items": [{"device": 8, "key": "z2m:smoke-101", "name": "101 烟感", "kind": "smoke_detector", "place": 12,
                   "gateway": 3, "mode": "normal", "status": "silent", "reason": "silent", "since": _T - 3_600_000,
                   "last_seen": _T - 7_200_000}],
    },
    "readings": {
        "point": 40, "metric": "power", "unit": "kW", "start": _T - 1_800_000, "end": _T, "step": 900_000,
        "ts": [_T - 1_800_000, _T - 900_000], "count": [15, 15], "mean": [22.9, 23.6], "min": [20.1, 21.0],
        "max": [25.7, 26.2], "last": [23.0, 23.4], "total": [343.5, 354.0], "good": [1.0, 1.0],
    },
    "list_findings": _page(_FINDING),
    "list_conditions": _page(_CONDITION),
    "read_condition": {"condition": _CONDITION, "history": [_BEGAN, _CONDITION]},
    "reset": {"accepted": True, "received": _T, "actor": "desk"},
    "ledger": {
        "start": _T - 3_600_000, "end": _T, "unexplained": 0,
        "items": [{"gateway": 3, "hour": _T - 3_600_000, "messages": 720, "received": 6_480, "stored": 6_470,
                   "duplicate": 8, "rejected": 1, "quarantined": 1, "in_flight": 0, "unexplained": 0}],
    },
    "changes": _page({
        "id": 31, "at": _T, "actor": "desk", "reason": "换电池", "noun": "device", "key": 7,
        "before": '{"mode":"normal"}', "after": '{"mode":"maintenance"}',
    }),
    "list_quarantine": _page(_REFUSED),
    "show_quarantined": {**_REFUSED, "text": '{"v": {"power": 12.3}}', "base64": None, "cut": False},
    "retry": {"moved": 2},
    "discard": {"moved": 1},
    "waiting": [{"device_key": "native:xixing/gw-a/meter-102", "messages": 12, "newest": _T - 30_000,
                 "text": '{"v": {"power": 12.3}}', "base64": None}],
    "claim": {**_DEVICE_OUT, "id": 8, "key": "native:xixing/gw-a/meter-102", "name": "102 总表", "place": 13},
    "registry_import": {"saved": {"devices": 12, "points": 96}, "problems": []},
    "ticket": {"ticket": "k8Qv...", "lasts": 30_000},
}  # fmt: skip

_FIGURES: Final = """\
# HELP park_readings_total Readings taken in.
# TYPE park_readings_total counter
park_readings_total{lane="bulk"} 1204331
"""
_STREAM: Final = f"""\
id: {_T}001
event: finding
data: {{"type":"finding","id":"{_FINDING["id"]}","kind":"anomaly"}}

event: ping
data: {{}}

"""
TEXTS: Final = {
    **examples_alarms.TEXTS,
    **examples_office.TEXTS,
    "backup": ("application/x-tar", "(a tar file)"),
    "readings_export": ("application/vnd.apache.parquet", "(a Parquet file)"),
    "registry_export": ("application/zip", "(a zip of CSV files)"),
    "figures": ("text/plain", _FIGURES),
    "live": ("text/event-stream", _STREAM),
}

PROBLEM: Final = {
    "type": "urn:park:problem:not-found",
    "title": "Not Found",
    "status": 404,
    "detail": "there is no point 99",
}
