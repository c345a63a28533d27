"""The built-in texts, and the words that they say things in: Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

# One alarm or many; what a person must see first stands first, on a lock screen too.
TEXTS: Mapping[tuple[str, str], str] = MappingProxyType({
    ("zh", "markdown"): """### {{ title }}
{% for a in alarms %}
- **{{ a.kind }} · {{ a.severity }}** {{ a.what }}
- 位置：{{ a.where }}
{% if a.measured %}- 数值：{{ a.measured }}
{% endif %}{% if a.reason %}- 原因：{{ a.reason }}
{% endif %}- 时间：{{ a.since }}
{% if a.basis %}- 依据：{{ a.basis }}
{% endif %}{% if a.runbook %}- 处置：{{ a.runbook }}
{% endif %}{% if a.answer %}- [确认收到]({{ a.answer }})
{% endif %}{% if a.link %}- [查看]({{ a.link }})
{% endif %}
{% endfor %}{% if more %}另有 {{ more }} 条未列出
{% endif %}""",
    ("en", "markdown"): """### {{ title }}
{% for a in alarms %}
- **{{ a.kind }} · {{ a.severity }}** {{ a.what }}
- Where: {{ a.where }}
{% if a.measured %}- Value: {{ a.measured }}
{% endif %}{% if a.reason %}- Reason: {{ a.reason }}
{% endif %}- Since: {{ a.since }}
{% if a.basis %}- Basis: {{ a.basis }}
{% endif %}{% if a.runbook %}- What to do: {{ a.runbook }}
{% endif %}{% if a.answer %}- [Acknowledge]({{ a.answer }})
{% endif %}{% if a.link %}- [Open]({{ a.link }})
{% endif %}
{% endfor %}{% if more %}and {{ more }} more
{% endif %}""",
    ("zh", "plain"): """{{ title }}
{% for a in alarms %}{{ a.kind }}：{{ a.what }}，{{ a.where }}{% if a.measured %}，{{ a.measured }}{% endif %}，{{ a.since }}{% if a.runbook %}。处置：{{ a.runbook }}{% endif %}{% if a.answer %} {{ a.answer }}{% elif a.link %} {{ a.link }}{% endif %}

{% endfor %}{% if more %}另有 {{ more }} 条{% endif %}""",  # noqa: E501 - a line of the message
    ("en", "plain"): """{{ title }}
{% for a in alarms %}{{ a.kind }}: {{ a.what }}, {{ a.where }}{% if a.measured %}, {{ a.measured }}{% endif %}, {{ a.since }}{% if a.runbook %}. What to do: {{ a.runbook }}{% endif %}{% if a.answer %} {{ a.answer }}{% elif a.link %} {{ a.link }}{% endif %}

{% endfor %}{% if more %}and {{ more }} more{% endif %}""",  # noqa: E501 - a line of the message
    ("zh", "html"): """<h2>{{ title }}</h2>
{% for a in alarms %}<p><b>{{ a.kind }} · {{ a.severity }}</b> {{ a.what }}</p>
<ul><li>位置：{{ a.where }}</li>{% if a.measured %}<li>数值：{{ a.measured }}</li>{% endif %}{% if a.reason %}<li>原因：{{ a.reason }}</li>{% endif %}<li>时间：{{ a.since }}</li>{% if a.basis %}<li>依据：{{ a.basis }}</li>{% endif %}{% if a.runbook %}<li>处置：{{ a.runbook }}</li>{% endif %}{% if a.answer %}<li><a href="{{ a.answer }}">确认收到</a></li>{% endif %}{% if a.link %}<li><a href="{{ a.link }}">查看</a></li>{% endif %}</ul>
{% endfor %}{% if more %}<p>另有 {{ more }} 条未列出</p>{% endif %}""",  # noqa: E501 - a line of the message
    ("en", "html"): """<h2>{{ title }}</h2>
{% for a in alarms %}<p><b>{{ a.kind }} · {{ a.severity }}</b> {{ a.what }}</p>
<ul><li>Where: {{ a.where }}</li>{% if a.measured %}<li>Value: {{ a.measured }}</li>{% endif %}{% if a.reason %}<li>Reason: {{ a.reason }}</li>{% endif %}<li>Since: {{ a.since }}</li>{% if a.basis %}<li>Basis: {{ a.basis }}</li>{% endif %}{% if a.runbook %}<li>What to do: {{ a.runbook }}</li>{% endif %}{% if a.answer %}<li><a href="{{ a.answer }}">Acknowledge</a></li>{% endif %}{% if a.link %}<li><a href="{{ a.link }}">Open</a></li>{% endif %}</ul>
{% endfor %}{% if more %}<p>and {{ more }} more</p>{% endif %}""",  # noqa: E501 - a line of the message
})  # fmt: skip

SEVERITY: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh": {"critical": "紧急", "high": "高", "medium": "中", "low": "低"},
        "en": {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"},
    }
)
KIND: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "zh": {
        "raised": "报警", "again": "再次报警", "worse": "升级", "escalated": "无人应答，请处理",
        "nobody": "始终无人应答", "returned": "已恢复", "summary": "报警汇总", "drill": "演练", "hazard": "隐患",
    },
    "en": {
        "raised": "Alarm", "again": "Alarm again", "worse": "Worse", "escalated": "Not answered, please act",
        "nobody": "Nobody answered", "returned": "Over", "summary": "Summary", "drill": "Drill", "hazard": "Hazard",
    },
})  # fmt: skip
# What an alarm is about, by its rule, or the family that the rule belongs to.
ABOUT: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "zh": {
        "fire.confirmed": "火警（已确认）", "fire.pre_alarm": "火警（待确认）", "fire.reported": "火警（人员报告）",
        "fire": "火警", "gas": "燃气泄漏", "co": "一氧化碳", "life": "人身安全", "device.gateway_down": "网关断线",
        "device.silent": "设备失联", "device.stuck": "数据不变", "device.flapping": "时断时续",
        "device.wrong_clock": "设备时钟错误", "device.low_battery": "电量低", "device": "设备异常", "flood": "报警泛滥",
        "unreadable": "消防设备报文无法读取",
        "device.set_apart": "消防设备仍在测试或维护中，其报警不通知任何人",
        "limit": "超限", "finding": "异常发现", "activity": "疑似僵尸企业，请上门核实",
    },
    "en": {
        "fire.confirmed": "Fire, confirmed", "fire.pre_alarm": "Fire, to be confirmed",
        "fire.reported": "Fire, reported by a person", "fire": "Fire", "gas": "Gas", "co": "Carbon monoxide",
        "life": "Life safety", "device.gateway_down": "Gateway down", "device.silent": "Device silent",
        "device.stuck": "Device stuck", "device.flapping": "Device comes and goes",
        "device.wrong_clock": "Device clock wrong", "device.low_battery": "Battery low", "device": "Device not well",
        "flood": "Flood of alarms",
        "device.set_apart": "Fire device still in test or maintenance: its alarms call nobody",
        "unreadable": "Life-safety device not understood", "limit": "Limit passed", "finding": "Finding",
        "activity": "Zombie suspect: a visit is due",
    },
})  # fmt: skip
# Words for states, by their code; English says the code itself.
STATE: Mapping[str, str] = MappingProxyType({
    "normal": "正常", "alarm": "报警", "fault": "故障", "off": "关", "on": "开", "empty": "无人", "occupied": "有人",
    "stopped": "停止", "running": "运行", "closed": "关闭", "open": "打开", "idle": "空闲", "ok": "正常", "low": "低",
    "offline": "离线", "online": "在线", "tampered": "被拆动", "auto": "自动", "manual": "手动", "failed": "失电",
})  # fmt: skip
# Words for the reason of an alarm, and for units that have one; English says the code itself.
REASON: Mapping[str, str] = MappingProxyType({
    "above_limit": "高于限值", "below_limit": "低于限值", "back_in_limits": "回到限值内",
    "out_of_schedule": "规则时段结束", "rule_changed": "规则已变更", "detector_alarm": "探测器报警",
    "second_device": "第二个设备确认", "call_point": "手动报警按钮按下", "rate_of_rise": "数值快速上升",
    "joint_rise": "两种征兆同时上升", "contaminated": "探测器积尘", "clean": "探测器恢复洁净",
    "device_reset": "设备复位", "person_reset": "人工复位", "silent": "无消息", "back": "恢复",
    "set_apart": "测试或维护超过一班", "stuck": "数值不变", "moves_again": "数值恢复变化", "flapping": "频繁上下线",
    "steady": "恢复稳定", "low_battery": "电量低", "battery_ok": "电量恢复", "gateway_down": "网关离线",
    "unreadable": "消防消息无法读取", "readable": "一小时内再无此类消息", "wrong_clock": "时钟错误",
    "clock_ok": "时钟恢复", "night_use": "夜间用量占比升高", "other_shape": "用电作息改变",
    "out_of_range": "数值超出物理范围", "below_peers": "远低于同行业用量", "unusual": "偏离平时规律",
    "usual_again": "恢复平时规律", "drift_reset": "客流计数归零修正", "meter_reset": "表计清零",
    "meter_rollover": "表计翻转", "zombie_suspect": "种种迹象表明已不经营", "not_suspect": "恢复经营迹象",
    "explained": "有在册文件说明", "moved_out": "已退租离园", "reported": "人员报告", "flood": "报警泛滥",
    "meter_glitch": "表计跳变", "meter_swap": "表计更换",
})  # fmt: skip
UNIT: Mapping[str, str] = MappingProxyType({"nights": "晚", "d": "天", "min": "分钟"})
LIMIT: Mapping[str, str] = MappingProxyType({"zh": "限值", "en": "limit"})
UNKNOWN_PLACE: Mapping[str, str] = MappingProxyType({"zh": "位置未知", "en": "place unknown"})
TIMES: Mapping[str, str] = MappingProxyType({"zh": "（共 {} 条）", "en": " ({} alarms)"})
