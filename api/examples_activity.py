"""Examples of the calls about activity."""

from typing import Any, Final

_SAID: Final = {
    "sign": "run", "zh": "连续 42 天用量不高于往常的 30%，自 2026-10-10 起",
    "en": "42 days in a row at or below 30% of usual, since 2026-10-10",
    "figures": {"days": 42, "limit": 0.3, "since": "2026-10-10"},
}  # fmt: skip
_DAY: Final = {
    "day": "2026-11-20", "state": "stopped", "ratio": 0.07, "amount": 21.5, "expected": 310.0, "score": 0.93,
    "since": "2026-10-10", "reasons": [_SAID],
}  # fmt: skip
_PAPER: Final = {
    "id": 4, "enterprise": 5, "kind": "return_missing", "begin": "2026-10-16", "end": "2027-01-15",
    "at": 1_795_219_200_000, "actor": "desk", "note": "三季度季报未报", "withdrawn": None, "withdrawn_by": "",
}  # fmt: skip

ACTIVITY_BODIES: Final[dict[str, Any]] = {
    "file_paper": {"kind": "supply_pause", "begin": "2026-11-01", "end": "2026-11-30", "note": "暂停用电申请 2026-117"},
    "withdraw_paper": {"paper": 4},
}
ACTIVITY_ANSWERS: Final[dict[str, Any]] = {
    "activity_of_enterprise": {
        "enterprise": 5, "park": 1, "start": "2026-11-20", "end": "2026-11-21", "measure": "energy_use",
        "items": [_DAY],
    },
    "explain_activity": {
        "enterprise": 5, "park": 1, "name": "宏达五金有限公司", "trade": "metal", "measure": "energy_use",
        "zh": "停产", "en": "stopped", "day": _DAY,
        "spells": [
            {"state": "active", "zh": "正常", "en": "active", "start": "2026-06-01", "end": "2026-10-10", "days": 132,
             "ratio": 1.01, "reason": None},
            {"state": "stopped", "zh": "停产", "en": "stopped", "start": "2026-10-14", "end": "2026-11-20", "days": 38,
             "ratio": 0.07, "reason": _SAID},
        ],
        "papers": [_PAPER],
    },
    "activity_of_park": {
        "park": 1, "start": "2026-11-20", "end": "2026-11-21", "states": {"stopped": 1, "active": 43, "reduced": 1},
        "items": [{"day": "2026-11-20", "states": {"stopped": 1, "active": 43, "reduced": 1}, "judged": 45,
                   "working": 44, "working_share": 0.98, "production_share": 0.96, "rest": ""}],
        "recovery": {"holiday": "public_holiday", "start": "2026-10-01", "end": "2026-10-08", "before": 0.99,
                     "working_share": 0.98, "production_share": 0.96, "recovered": 0.97, "days_to_90": 1},
        "enterprises": [{"enterprise": 5, "name": "宏达五金有限公司", "trade": "metal", "day": "2026-11-20",
                         "state": "stopped", "since": "2026-10-10", "ratio": 0.07}],
    },
    "list_papers": [_PAPER],
    "file_paper": {**_PAPER, "kind": "supply_pause", "begin": "2026-11-01", "end": "2026-11-30", "note": ""},
    "withdraw_paper": {**_PAPER, "withdrawn": 1_795_219_200_000, "withdrawn_by": "desk"},
}  # fmt: skip
