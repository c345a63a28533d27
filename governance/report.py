"""Figures as a table for spreadsheets and as a page to be printed, in Chinese or English."""

import csv
import io
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import escape

from park.cells import guarded
from park.kpi import Indicator, Kpi, Standing

_MINUTES_FROM = 300  # s; people read longer times in minutes
_EAST = timedelta(hours=8)  # China keeps one time
_COLUMNS = ("key", "zh", "en", "value", "unit", "target", "limit", "standing", "of", "source", "note")
STYLE = (
    "body{font:14px/1.5 system-ui,'PingFang SC','Microsoft YaHei',sans-serif;margin:2rem auto;max-width:60rem;"
    "color:#1b1f24;background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;break-after:avoid}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.25rem .5rem;border-bottom:1px solid #d0d7de;"
    "text-align:left;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".over_limit{font-weight:700}tr{break-inside:avoid}small{color:#57606a}@page{size:A4;margin:15mm}"
)
# The one style of the page, by its digest: nothing else may be loaded or run.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
_WORDS = {
    "zh": {
        "figure": "指标", "value": "本期", "target": "目标", "limit": "上限", "standing": "结论", "source": "依据",
        "of": "样本", "figures": "指标与基准", "floods": "报警泛滥", "top": "前十报警来源", "chattering": "抖动报警源",
        "rules": "各规则准确率", "rule": "规则", "alarms": "报警数", "real": "真实", "false": "误报",
        "undecided": "未核实",
        "precision": "准确率", "share": "占比", "begin": "开始", "end": "结束", "peak": "10分钟最多", "none": "无",
        "held": "抑制或搁置（另计）", "positions": "值班席位", "detectors": "火灾探测器",
        Standing.MET: "达标", Standing.OVER_TARGET: "超目标", Standing.OVER_LIMIT: "超上限", Standing.UNKNOWN: "未知",
        Standing.NONE: "—",
    },
    "en": {
        "figure": "Figure", "value": "Value", "target": "Target", "limit": "Limit", "standing": "Standing",
        "source": "Source", "of": "Of", "figures": "Figures beside their benchmarks", "floods": "Floods",
        "top": "Ten busiest sources", "chattering": "Chattering sources", "rules": "Precision by rule", "rule": "Rule",
        "alarms": "Alarms", "real": "Real", "false": "False", "undecided": "Not marked", "precision": "Precision",
        "share": "Share", "begin": "Begin", "end": "End", "peak": "Most in 10 minutes", "none": "none",
        "held": "held back (counted apart)", "positions": "positions", "detectors": "fire detectors",
        Standing.MET: "met", Standing.OVER_TARGET: "over target", Standing.OVER_LIMIT: "over limit",
        Standing.UNKNOWN: "not known", Standing.NONE: "—",
    },
}  # fmt: skip


def as_csv(kpi: Kpi) -> str:
    """Return the figures as CSV; a text that a spreadsheet would run is led by an apostrophe (OWASP)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in kpi.indicators:
        writer.writerow([_cell(getattr(one, name)) for name in _COLUMNS])
    for rule in kpi.rules:
        row = (f"precision:{rule.rule}", rule.rule, rule.rule, rule.precision, "share", None, None, "", rule.alarms, "",
               f"real {rule.real}, false {rule.false}, not marked {rule.undecided}")  # fmt: skip
        writer.writerow([_cell(x) for x in row])
    for source in kpi.top:
        row = (f"top:{source.source}", source.source, source.source, source.alarms, "1", None, None, "", source.alarms,
               "", f"{source.share:.3f} of all")  # fmt: skip
        writer.writerow([_cell(x) for x in row])
    return out.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return guarded(str(value))


def as_page(kpi: Kpi, title: str, language: str) -> str:
    """Return the figures as a whole HTML page; every text is escaped."""
    w = _WORDS[language]
    shown = (_figure(one, language) for one in kpi.indicators)
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(_about(kpi, w))}</p>",
        _section(w["figures"], [w[x] for x in ("figure", "value", "target", "limit", "standing", "of", "source")],
                 shown, w),
        _section(w["floods"], [w[x] for x in ("begin", "end", "alarms", "peak")],
                 ([_time(f.start), _time(f.end), f.alarms, f.peak] for f in kpi.floods), w),
        _section(w["top"], [w[x] for x in ("source", "alarms", "share")],
                 ([s.source, s.alarms, f"{s.share:.1%}"] for s in kpi.top), w),
        _section(w["chattering"], [w[x] for x in ("source", "alarms")],
                 ([s.source, s.alarms] for s in kpi.chattering), w),
        _section(w["rules"], [w[x] for x in ("rule", "alarms", "real", "false", "undecided", "precision")],
                 ([r.rule, r.alarms, r.real, r.false, r.undecided, "" if r.precision is None else f"{r.precision:.0%}"]
                  for r in kpi.rules), w),
    ]  # fmt: skip
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _about(kpi: Kpi, w: dict[str, str]) -> str:
    counted = (("alarms", kpi.alarms), ("held", kpi.held_back), ("positions", kpi.positions),
               ("detectors", kpi.detectors))  # fmt: skip
    return "; ".join([f"{_time(kpi.start)} - {_time(kpi.end)}", *(f"{w[name]} {count}" for name, count in counted)])


def _figure(one: Indicator, language: str) -> Sequence[object]:
    w = _WORDS[language]
    name = one.zh if language == "zh" else one.en
    note = f" ({one.note})" if one.note else ""
    sign = "≥ " if one.least else "≤ "
    bounds = ["" if b is None else sign + _value(b, one.unit) for b in (one.target, one.limit)]
    return (name, _value(one.value, one.unit), *bounds, w[one.standing], one.of, f"{one.source}{note}")


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "—"
    if unit == "share":
        return f"{value:.1%}"
    if unit == "s" and value >= _MINUTES_FROM:
        return f"{value / 60:,.0f} min"
    text = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
    return f"{text} s" if unit == "s" else text


def _time(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC) + _EAST:%Y-%m-%d %H:%M}"


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]], w: dict[str, str]) -> str:
    body = "".join("<tr>" + "".join(_td(cell) for cell in row) + "</tr>" for row in rows)
    if not body:
        return f"<h2>{escape(title)}</h2><p>{w['none']}</p>"
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _td(cell: object) -> str:
    kind = ' class="n"' if isinstance(cell, int | float) else ""
    return f"<td{kind}>{escape(str(cell))}</td>"
