"""Examples of the calls of a park's office; tests hold them to the schemas."""

from typing import Any, Final

_T: Final = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
_DAY: Final = 86_400_000
_ITEM: Final = {
    "key": "living_in", "zh": "有无违规住人（三合一）", "en": "nobody sleeps where goods are made",
    "basis": "XF 703-2007", "grade": "major", "days": 0, "category": "living_in",
}  # fmt: skip
_LIST: Final = {
    "key": "let_premises", "zh": "厂房出租专项检查", "en": "let premises", "basis": "消防〔2023〕72号",
    "items": [_ITEM],
}  # fmt: skip
_PLAN_BODY: Final = {
    "park": 1, "name": "每日防火巡查", "checklist": "daily_patrol", "every": "day", "first": "2026-11-21", "last": "",
    "places": [12], "officer": 4, "grace": 0,
}  # fmt: skip
_PLAN: Final = {**_PLAN_BODY, "id": 3, "version": 1, "ended": None}
_ANSWER: Final = {"item": "exit_blocked", "verdict": "fault", "note": "二楼通道堆放纸箱", "place": 12}
_ROUND: Final = {
    "id": 7, "version": 2, "park": 1, "plan": 3, "checklist": "daily_patrol", "name": "每日防火巡查",
    "day": "2026-11-21", "due": _T + _DAY, "state": "started", "places": [12], "officer": 4,
    "answers": [{**_ANSWER, "at": _T, "actor": "desk"}], "items": 6, "open_items": ["hot_work"], "done": None,
    "done_by": "", "late": False, "hazards": 0,
}  # fmt: skip
_FIVE: Final = {
    "responsible": "王磊", "measures": "清空通道，划线禁堆", "funds": "0", "due": _T + 3 * _DAY,
    "contingency": "清空前每两小时巡查一次",
}  # fmt: skip
_HAZARD_BODY: Final = {
    "park": 1, "place": 12, "title": "二楼疏散通道堵塞", "due": _T + 3 * _DAY, "grade": "major", "category": "escape",
    "basis": "消防法 第二十八条", "note": "堆放纸箱", "officer": 4, "origin": "alarm:12",
}  # fmt: skip
_HAZARD: Final = {
    **_HAZARD_BODY, "id": 9, "version": 3, "state": "rectifying", "origin": "round:7/exit_blocked", "found": _T,
    "found_by": "desk", "overdue": False, "five": _FIVE, "missing": [],
    "verbs": ["plan", "extend", "done", "comment", "attach"], "extended": 0, "told": 0, "rectified": None,
    "rectified_by": "", "evidence": 0, "attachments": 1, "comments": 0, "closed": None, "closed_by": "",
}  # fmt: skip
_LINE: Final = {"id": 5, "at": _T, "actor": "desk", "verb": "begin", "note": "", "version": 3}
_FILE: Final = {
    "id": 2, "name": "现场.jpg", "media_type": "image/jpeg", "size": 182_044, "digest": "9f86d081884c7d65" * 4,
    "at": _T, "actor": "desk",
}  # fmt: skip
_FIGURE: Final = {
    "key": "per_10_minutes", "zh": "每人每10分钟报警数", "en": "alarms per officer and 10 minutes", "value": 0.4,
    "unit": "1", "target": 1.0, "limit": 2.0, "least": False, "standing": "met",
    "source": "ISA-18.2-2016 / EEMUA 191 (2024)", "of": 1_728, "note": "",
}  # fmt: skip
_DRILL_BODY: Final = {
    "park": 1, "name": "十一月消防演练", "starts": _T, "ends": _T + 3_600_000, "devices": [9], "note": "逐个吹烟",
    "target": "rota:6",
}  # fmt: skip
_SEEN: Final = {
    "device": 9, "triggered": _T + 60_000, "alarmed": _T + 61_200, "noticed": _T + 62_000, "told": _T + 63_500,
    "acknowledged": _T + 90_000, "acknowledged_by": "desk", "condition": f"test/device:9/{_T + 61_200}", "receipts": 1,
    "delays": {"device_to_alarm": 1.2, "alarm_to_notification": 2.3, "notification_to_acknowledgement": 26.5},
}  # fmt: skip
_DRILL: Final = {
    **_DRILL_BODY, "id": 11, "version": 5, "state": "running", "actor": "safety", "began": _T, "ended": None,
    "ended_by": "", "observed": [_SEEN], "indicators": [{**_FIGURE, "key": "device_to_alarm.max", "unit": "s"}],
}  # fmt: skip
_KPI: Final = {
    "start": _T - 30 * _DAY, "end": _T, "park": 1, "alarms": 1_728, "held_back": 12, "positions": 1, "detectors": 90,
    "indicators": [_FIGURE], "floods": [{"start": _T - _DAY, "end": _T - _DAY + 1_200_000, "alarms": 31, "peak": 19}],
    "chattering": [], "top": [{"source": "limit.over_voltage point:40", "alarms": 86, "share": 0.05}],
    "mix": {"critical": 3, "high": 80, "medium": 245, "low": 1_400},
    "rules": [{"rule": "fire.pre_alarm", "alarms": 9, "real": 1, "false": 3, "undecided": 5, "precision": 0.25}],
    "repeated": {"9": 3},
}  # fmt: skip
_DEEDS: Final = ("begin", "done", "approve", "reject", "dismiss", "reopen", "comment")


def _page(*items: Any) -> dict[str, Any]:
    return {"items": list(items), "next": None}


BODIES: Final[dict[str, Any]] = {
    "create_inspection_plan": _PLAN_BODY, "replace_inspection_plan": {**_PLAN_BODY, "version": 1},
    "begin_round": {"park": 1, "checklist": "let_premises", "places": [12]},
    "answer_round": {"answers": [_ANSWER], "version": None}, "finish_round": {"version": 8},
    "report_hazard": _HAZARD_BODY, "plan_hazard": {**_FIVE, "version": 1},
    "extend_hazard": {"due": _T + 9 * _DAY, "note": "配件到货延迟，已加密巡查", "version": 3},
    **{f"{deed}_hazard": {"note": "已清空", "version": 3} for deed in _DEEDS},
    "plan_drill": _DRILL_BODY, "stop_drill": {}, "acknowledge_drill": {"device": 9},
    "attach_to_hazard": "(the bytes of a JPEG)", "attach_to_round": "(the bytes of a JPEG)",
}  # fmt: skip
ANSWERS: Final[dict[str, Any]] = {
    "list_checklists": _page(_LIST), "list_inspection_plans": _page(_PLAN),
    **{f"{verb}_inspection_plan": _PLAN for verb in ("read", "create", "replace")},
    "list_rounds": _page(_ROUND),
    **{f"{verb}_round": _ROUND for verb in ("read", "begin", "answer", "finish")},
    "list_hazards": _page(_HAZARD),
    "count_hazards": {
        "open": 4, "overdue": 1, "major": 2,
        "by_state": {"found": 1, "rectifying": 2, "rectified": 1, "closed": 9, "dismissed": 0},
        "by_category": {"escape": 2, "change_of_use": 1, "other": 1},
    },
    **{f"{deed}_hazard": _HAZARD for deed in (*_DEEDS, "read", "report", "plan", "extend")},
    "list_drills": _page(_DRILL), **{f"{verb}_drill": _DRILL for verb in ("read", "plan", "stop", "acknowledge")},
    "read_kpi": _KPI,
    **{f"{one}_history": _page(_LINE) for one in ("hazard", "round", "drill")},
    **{f"list_{one}_files": _page(_FILE) for one in ("hazard", "round")},
    **{f"attach_to_{one}": _FILE for one in ("hazard", "round")},
}  # fmt: skip
TEXTS: Final = {
    "read_hazard_file": ("image/jpeg", "(the bytes of a JPEG)"),
    "read_round_file": ("image/jpeg", "(the bytes of a JPEG)"),
    "activity_table": ("text/csv", "enterprise,name,trade,place,day,state,state_zh,state_en,since,share_of_usual"),
    "read_kpi_csv": ("text/csv", "key,zh,en,value,unit,target,limit,standing,of,source,note"),
    "read_kpi_report": ("text/html", "(a page to be printed)"),
}
