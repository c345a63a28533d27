"""Examples of the calls about bands and episodes."""

from typing import Any, Final

_T: Final = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
_MARK: Final = {"id": 3, "verdict": "false", "note": "设备检修，已登记", "at": _T - 3_600_000, "actor": "desk"}
_EPISODE: Final = {
    "id": f"anomaly/40/{_T - 7_200_000}", "before": f"anomaly/40/{_T - 7_140_000}/unusual", "point": 40, "device": 7,
    "place": 12, "park": 1, "severity": "low", "anomaly": "spike", "baseline": "forecast", "rising": True,
    "since": _T - 7_200_000, "until": _T - 5_400_000, "told": _T - 7_140_000, "value": 61.0, "expected": 24.0,
    "low": 18.0, "high": 31.0, "score": 0.83, "times": 1_200_000.0, "mark": _MARK,
}  # fmt: skip
_ZH: Final = (
    "A 幢 101 有功功率突升；2026-11-21 06:00 起至 2026-11-21 06:30；最异常为 61 kW，平时 18–31，偏高 154%；"
    "依据：由前值、近期水平、本时段和每周同时段合成的预测；约 1,200,000 个数值中才有一个如此。"
)
_EN: Final = (
    "A 幢 101: Active power, spike; since 2026-11-21 06:00 until 2026-11-21 06:30; at worst 61 kW, usually 18–31, "
    "154% too high; held against a forecast from the value before, the slow level, this half hour and this hour of "
    "the week; one of about 1,200,000 values is like it."
)

FINDING_BODIES: Final[dict[str, Any]] = {
    "mark_episode": {"episode": _EPISODE["id"], "verdict": "false", "note": "设备检修，已登记"},
    "try_proposals": {"park": 1, "points": [40], "days": 7},
    "apply_proposal": {"park": 1, "point": 40, "reason": "四次误报，已核实", "version": 3},
}
FINDING_ANSWERS: Final[dict[str, Any]] = {
    "bands_of_point": {
        "point": 40, "metric": "power", "unit": "kW", "start": _T - 7_200_000, "end": _T, "step": 3_600_000,
        "learning": False, "ts": [_T - 7_200_000, _T - 3_600_000], "expected": [24.0, 24.4], "low": [18.0, 18.5],
        "high": [31.0, 31.2], "score": [0.83, 0.21], "too_young": [False, False],
    },
    "list_episodes": {"items": [_EPISODE], "next": None},
    "explain_episode": {
        "episode": _EPISODE, "zh": _ZH, "en": _EN, "metric": "power", "unit": "kW", "where": "A 幢 101",
        "unit_place": 12, "enterprise": 5, "tenant": "宏达五金有限公司", "kind_zh": "突升", "kind_en": "spike",
        "baseline_zh": "由前值、近期水平、本时段和每周同时段合成的预测",
        "baseline_en": "a forecast from the value before, the slow level, this half hour and this hour of the week",
        "parts": [
            {"statistic": "above", "rarity": 6.1, "times": 1_258_925.4, "zh": "高于预测",
             "en": "higher than the forecasts"},
            {"statistic": "step", "rarity": 3.2, "times": 1_584.9, "zh": "最近几个值整体偏离近期水平",
             "en": "the newest values together are off the slow level"},
        ],
        "deviation": 1.54, "good": 0.99, "learning": False, "chart_start": _T - 93_600_000, "chart_end": _T,
        "similar": [{**_EPISODE, "id": f"anomaly/40/{_T - 700_000_000}", "mark": None}], "together": [],
        "marks": [_MARK],
    },
    "mark_episode": _MARK,
    "list_proposals": {"next": None, "items": [{
        "point": 40, "metric": "power", "where": "A 幢 101", "times": 12_000_000.0, "rarity": 8_333.3,
        "bar": None, "version": 3, "days": 90, "told": 9, "gone": 5,
        "gone_false": 4, "gone_unmarked": 1, "kept_true": 2,
        "zh": "A 幢 101 有功功率：若只报 12,000,000 个数值中才有一个的情况，近 90 天的 9 次中有 5 次不再提示"
              "（其中 4 次已标为误报），标为属实的 2 次都保留。",
        "en": "A 幢 101, Active power: told only from one of 12,000,000 values on, 5 of 9 episodes of 90 days would "
              "not have been told (4 of them marked false); all 2 marked true stay.",
        "examples": [_EPISODE],
    }]},
}  # fmt: skip
