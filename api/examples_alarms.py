"""Examples of the calls about alarms and people on duty; tests hold them to the schemas."""

from typing import Any, Final

_T: Final = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
_ALARM: Final = {
    "id": 12, "version": 4, "state": "acknowledged", "family": "fire", "rule": "fire.confirmed",
    "subject": "place:12", "cause": "", "severity": "critical", "life": True, "active": True, "latched": False,
    "acknowledged": True, "acknowledged_by": "desk", "acknowledged_at": _T - 30_000, "raised": _T - 90_000,
    "changed": _T - 30_000, "since": _T - 90_000, "ts": _T - 60_050, "closed": None, "reason": "second_device",
    "park": 1, "place": 12, "device": 9, "point": 44, "gateway": 0, "value": 1.0, "limit": None, "labels": [],
    "devices": [8, 9], "count": 2, "owner": "王磊", "answer": "answered", "step": 0, "held_back": [],
    "shelved_until": None, "out_of_service": False, "verdict": None, "reset_asked": None, "comments": 1,
    "attachments": 0, "condition": f"fire/place:12/{_T - 90_000}", "finding": "",
    "chart": {
        "point": 44, "start": _T - 3_690_000, "end": _T + 3_539_950,
        "readings": f"/api/v1/points/44/readings?start={_T - 3_690_000}&end={_T + 3_539_950}",
    },
}  # fmt: skip
_WHY: Final = {"reason": "silence", "by": "silence:3", "until": _T + 3_600_000}
_LIMIT: Final = {
    **_ALARM, "id": 13, "state": "unacknowledged", "family": "limit.over_voltage", "rule": "limit.over_voltage",
    "subject": "point:40", "severity": "high", "life": False, "acknowledged": False, "acknowledged_by": "",
    "acknowledged_at": None, "devices": [7], "count": 1, "owner": "", "answer": "none", "held_back": [_WHY],
}  # fmt: skip
_LINE: Final = {
    "id": 31, "verb": "acknowledge", "at": _T - 30_000, "actor": "desk", "why": "person", "before": "unacknowledged",
    "after": "acknowledged", "version": 4, "note": "已派人", "event": "", "attachment": 0, "device": 0,
}  # fmt: skip
_FILE: Final = {
    "id": 2, "name": "现场.jpg", "media_type": "image/jpeg", "size": 182_044, "digest": "9f86d081884c7d65" * 4,
    "at": _T, "actor": "desk",
}  # fmt: skip
_SEEN: Final = {"version": 3, "note": "已派人"}
_MATCHERS: Final = [{"label": "rule", "operator": "=~", "value": "limit\\..*"}]
_SILENCE: Final = {
    "park": 1, "version": 0, "matchers": _MATCHERS, "starts": _T, "ends": _T + 3_600_000, "note": "检修",
}  # fmt: skip
_WINDOW: Final = {
    "park": 1, "version": 0, "starts": _T, "ends": _T + 7_200_000, "note": "更换总表", "place": 12, "device": 0,
}  # fmt: skip
_OFFICER: Final = {
    "park": 1, "version": 0, "name": "王磊", "key_name": "desk", "language": "zh",
    "contacts": [{"channel": "sms", "address": "+8613800000000"}],
}  # fmt: skip
_ROTA: Final = {
    "park": 1, "version": 0, "name": "夜班", "timezone": "Asia/Shanghai",
    "shifts": [{"officer": 4, "start": 1_200, "end": 480, "days": [0, 1, 2, 3, 4], "first": "", "last": ""}],
    "substitutes": [{"officer": 4, "by": 5, "starts": _T, "ends": _T + 86_400_000}],
}  # fmt: skip
_STAND_IN: Final = {"officer": 4, "by": 5, "starts": _T, "ends": _T + 86_400_000, "version": 1}
_CHAIN: Final = {
    "park": 1, "version": 0, "name": "消防", "order": 10, "wait": 120_000, "then": 0, "realarm": 1_800_000,
    "matchers": [{"label": "family", "operator": "=~", "value": "fire|gas"}],
    "steps": [{"after": 0, "targets": ["rota:6", "target:desk"]}, {"after": 60_000, "targets": ["all"]}],
}  # fmt: skip
_PLANS: Final = {"silence": _SILENCE, "window": _WINDOW, "officer": _OFFICER, "rota": _ROTA, "chain": _CHAIN}
_ACTOR: Final = {"silence", "window"}


def _page(*items: Any) -> dict[str, Any]:
    return {"items": list(items), "next": None}


def _kept(noun: str) -> dict[str, Any]:
    more = {"actor": "desk"} if noun in _ACTOR else {}
    return {**_PLANS[noun], "id": 3, "version": 1, **more}


BODIES: Final[dict[str, Any]] = {
    "report_alarm": {"family": "fire", "park": 1, "place": 12, "note": "二楼冒烟"},
    "acknowledge_alarm": _SEEN, "confirm_alarm": _SEEN, "unshelve_alarm": _SEEN, "restore_alarm": _SEEN,
    "assign_alarm": {"version": 4, "note": "", "owner": "王磊"},
    "comment_alarm": {"note": "已到现场", "version": None},
    "shelve_alarm": {"until": _T + 3_600_000, "note": "已知，等待备件", "version": 4},
    "remove_alarm": {"note": "拆下送修", "version": None},
    "reset_alarm": {"why": "confirmed_clear", "note": "现场确认，无火情", "version": 4},
    "close_alarm": {"verdict": "unwanted", "note": "焊接烟尘", "version": 5},
    "attach": "(the bytes of a JPEG)",
    "preview_silence": _SILENCE, "stand_in": _STAND_IN, "end_stand_in": _STAND_IN,
    **{f"{verb}_{noun}": plan for noun, plan in _PLANS.items() for verb in ("create", "replace")},
}  # fmt: skip
ANSWERS: Final[dict[str, Any]] = {
    "list_alarms": _page(_ALARM, _LIMIT), "read_alarm": _ALARM, "report_alarm": _ALARM,
    **{f"{verb}_alarm": _ALARM
       for verb in ("acknowledge", "confirm", "assign", "comment", "shelve", "unshelve", "remove", "restore", "reset",
                    "close")},
    "count_alarms": {
        "open": 2, "unacknowledged": 1, "held_back": 1, "nobody_answered": 0,
        "by_severity": {"critical": 1, "high": 1, "medium": 0, "low": 0},
    },
    "alarm_history": _page(_LINE),
    "list_attachments": _page(_FILE), "attach": _FILE,
    "list_apart": {"items": [{
        "park": 1, "device": 9, "place": 12, "kind": "smoke_detector", "name": "101 烟感", "mode": "maintenance",
        "since": _T - 3_600_000, "until": _T + 3_600_000, "by": "safety", "reason": "天花板粉刷",
    }], "next": None},
    "list_hidden": _page({"park": 1, "alarm": _LIMIT, "why": [_WHY]}),
    "preview_silence": {"alarms": [_LIMIT], "more": False},
    "stand_in": _kept("rota"), "end_stand_in": _kept("rota"),
    "rota_duty": {"rota": 6, "at": _T, "officers": [_kept("officer")]},
    **{f"{verb}_{noun}": _kept(noun) for noun in _PLANS for verb in ("read", "create", "replace")},
    **{f"list_{noun}s": _page(_kept(noun)) for noun in _PLANS},
}  # fmt: skip
TEXTS: Final = {
    "read_attachment": ("image/jpeg", "(the bytes of a JPEG)"),
    "show_link": ("text/html", "(a page with a button)"),
    "use_link": ("text/html", "(a page that says so)"),
}
