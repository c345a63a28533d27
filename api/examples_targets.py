"""Examples of the calls of delivery."""

from typing import Any, Final

_T: Final = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
_TARGET: Final = {
    "name": "desk", "channel": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send?access_token=...",
    "secret": "SEC...", "addresses": [], "language": "zh", "park": 1, "least": "medium", "broadcast": True, "rate": 20,
    "quiet": [1_320, 420], "timezone": "Asia/Shanghai", "template": "", "enabled": True, "version": 0,
}  # fmt: skip
_OUT: Final = {
    **{k: v for k, v in _TARGET.items() if k != "secret"}, "id": 1, "version": 1,
    "url": "https://oapi.dingtalk.com/…", "signed": True, "trusted": False,
}  # fmt: skip
_DELIVERY: Final = {
    "id": "9f2c41d05a7e4b1c8d3e6f7081923a4b", "notification": "case-7/1/0/raised/all", "alarm": 7, "kind": "raised",
    "severity": "critical", "life": True, "target": "desk", "address": "", "state": "delivered", "attempts": 1,
    "due": _T, "created": _T, "ended": _T + 180, "receipt": "errcode 0", "trouble": "", "place": 12,
}  # fmt: skip
_WAITING: Final = {**_DELIVERY, "state": "waiting", "attempts": 0, "ended": None, "receipt": ""}

BODIES: Final[dict[str, Any]] = {
    "create_target": _TARGET,
    "replace_target": {**_TARGET, "version": 1},
    "preview_template": {
        "template": "{% for a in alarms %}{{ a.what }} {{ a.where }}\n{% endfor %}", "channel": "wecom",
        "language": "zh",
    },
}  # fmt: skip
ANSWERS: Final[dict[str, Any]] = {
    "list_targets": {"items": [_OUT], "next": None},
    "read_target": _OUT, "create_target": _OUT, "replace_target": {**_OUT, "version": 2},
    "test_target": {**_WAITING, "kind": "drill", "severity": "low", "life": False, "alarm": 0},
    "preview_template": {"title": "[紧急] 报警 火警（已确认） A 幢 101", "text": "火警（已确认） A 幢 101"},
    "list_deliveries": {"items": [_DELIVERY], "next": None},
    "deliver_again": _WAITING,
}  # fmt: skip
