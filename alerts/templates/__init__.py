"""Messages in words: built-in texts, and texts of people's own, in a sandbox that can neither hang nor reach out.

A text of one's own is Jinja2 cut down to what a message needs: values, conditions, one loop over `alarms`.
So how long it takes is bounded by how long it is; nothing has to be timed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alerts.channels import CHANNELS
from alerts.templates.escape import ESCAPE, WIDE, Link, line
from alerts.templates.texts import (
    ABOUT,
    KIND,
    LIMIT,
    REASON,
    SEVERITY,
    STATE,
    TEXTS,
    TIMES,
    UNIT,
    UNKNOWN_PLACE,
)
from park.alarms import MessageKind
from park.delivery import Channel, Facts, Format, Target
from park.errors import UserError
from park.events import Severity

TEMPLATE_MOST = 4_000  # characters of a text of one's own
# Levels of a text of one's own. Python compiles what is nested in time that grows with more than the cube of the depth
# (measured: 40 levels 0.03 s, 200 levels 3 s, 300 levels 7 s), and meanwhile no other thread of the process runs.
DEEPEST = 30
TITLE_MOST = 100  # characters
TOLD_MOST = 20  # alarms that one message spells out
_PAGES = ("drill", "hazard", "round")  # of what is no alarm: their names in a message's words
VARIABLES = ("title", "alarms", "more", "count", "link", "target")
FIELDS = (
    "kind", "severity", "what", "where", "park", "place", "device", "metric", "value", "limit", "unit", "measured",
    "reason", "since", "at", "basis", "runbook", "link", "answer", "number", "life", "rule", "family", "state",
)  # fmt: skip
FILTERS = frozenset({"upper", "lower", "trim", "default", "truncate", "round", "int"})
# What a text of one's own may end in; Python reads no program that is nested a hundred levels deep.
_FAILS = (
    TemplateError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError, SyntaxError, MemoryError,
)  # fmt: skip
_Ways = tuple[str, Sequence[str]]  # our pages; for each alarm the address that acknowledges it
_NOWHERE: _Ways = ("", ())
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.For, nodes.Getattr,
    nodes.Filter, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Test,
    nodes.Concat, nodes.Keyword,
)  # fmt: skip


def title(facts: Sequence[Facts], language: str) -> str:
    """Return one line that says the worst of it: severity, what, where."""
    first = facts[0]
    said = told(first, language, "")
    many = TIMES[language].format(len(facts)) if len(facts) > 1 else ""
    whole = f"[{said['severity']}] {said['kind']} {said['what']} {said['where']}{many}"
    return _cut(line(whole).translate(WIDE), TITLE_MOST)  # chats read titles, too


def text(facts: Sequence[Facts], target: Target, link: str, answers: Sequence[str] = ()) -> str:
    """Return a message for a target, in its language and format, within its size.

    `link` is the address of our pages; "" for none. `answers` are addresses that acknowledge, one for each of the
    facts; "" for none. A text of one's own that fails on these very facts gives
    way to ours: an alarm is told in any case.
    """
    row = CHANNELS[target.channel]
    if target.template:
        try:
            return _fitted(facts, target, (link, answers), target.template, row.format, row.most)
        except _FAILS:
            pass  # it was tried before it was saved; told as ours
    own = TEXTS[_language(target), row.format.value]
    return _fitted(facts, target, (link, answers), own, row.format, row.most)


def _fitted(facts: Sequence[Facts], target: Target, ways: _Ways, source: str, form: Format, most: int) -> str:
    """Render with fewer and fewer alarms until the text fits; one that is too long by itself is cut."""
    shown = min(len(facts), TOLD_MOST)
    template = _compiled(source, form)
    while True:
        found = _rendered(template, facts, shown, target, ways)
        if len(found.encode()) <= most or shown == 1:
            return _cut_bytes(found, most)
        shown = max(1, shown // 2)


def _rendered(template: Template, facts: Sequence[Facts], shown: int, target: Target, ways: _Ways) -> str:
    language, (link, answers) = _language(target), ways
    answered = [*answers, *[""] * len(facts)]
    said = [told(f, language, link, answered[n]) for n, f in enumerate(facts[:shown])]
    whole = template.render(
        title=title(facts, language), alarms=said, more=len(facts) - shown, count=len(facts), link=Link(link),
        target=target.name,
    )  # fmt: skip
    return whole.strip()


def way(facts: Facts) -> str:
    """Return where on our pages an alarm is, or what else a message is about; "" where it has no page."""
    if facts.case:
        return f"/#/alarms/{facts.case}"
    page = next((name for name in _PAGES if facts.words.get(name, "").isdigit()), "")
    return f"/#/park/{facts.park_id}/{page}/{facts.words[page]}" if page and facts.park_id else ""


def told(facts: Facts, language: str, link: str, answer: str = "") -> dict[str, Any]:
    """Return what a text may say of one alarm, as texts."""
    metric = facts.metric_zh if language == "zh" else facts.metric_en
    state = STATE.get(facts.value_text, facts.value_text) if language == "zh" else facts.value_text
    chinese = language == "zh"
    unit = UNIT.get(facts.unit, facts.unit) if chinese else facts.unit
    reason = REASON.get(facts.reason, "") if chinese else ""
    value = state or _number(facts.value, unit)
    limit = _number(facts.limit, unit)
    measured = f"{metric} {value}".strip() if value else ""
    if measured and limit:
        measured += f" ({LIMIT[language]} {limit})"
    about = ABOUT[language]
    words = facts.words.get(language) or " ".join(f"{k}: {v}" for k, v in facts.words.items())
    rule = facts.rule or facts.words.get("rule", "")
    own = (facts.what_zh if language == "zh" else facts.what_en) or facts.what_zh or facts.what_en
    what = about.get(rule) or own or about.get(facts.family) or about.get(facts.family.partition(".")[0]) or rule
    if not own and facts.family not in about and facts.rule and facts.rule not in about:
        what = f"{metric} {what.lower()}" if metric else f"{what} {facts.rule}" if what != facts.rule else what
    at = "" if facts.place and facts.device.startswith(facts.place) else facts.place  # "101" and "101 smoke detector"
    place = " ".join(p for p in (facts.park, at, facts.device) if p)
    return {
        "kind": KIND[language][facts.kind], "severity": SEVERITY[language][facts.severity],
        "what": what or words, "where": place or facts.words.get("subject", "") or UNKNOWN_PLACE[language],
        "park": facts.park, "place": facts.place, "device": facts.device, "metric": metric, "value": value,
        "limit": limit, "unit": unit, "measured": measured, "reason": reason or facts.reason.replace("_", " "),
        "since": _time(facts.since or facts.at, facts.timezone), "at": _time(facts.at, facts.timezone),
        "basis": facts.basis,
        "runbook": (facts.runbook_zh if language == "zh" else facts.runbook_en) or facts.runbook_zh,
        "link": Link(f"{link}{way(facts)}") if link and way(facts) else "",
        "answer": Link(answer) if answer else "", "number": facts.case,
        "life": facts.life, "rule": facts.rule, "family": facts.family, "state": facts.state,
    }  # fmt: skip


def check(source: str, channel: Channel) -> None:
    """See that a text of one's own can be used. Raises UserError with what is wrong and where."""
    if len(source) > TEMPLATE_MOST:
        raise UserError(f"a template has at most {TEMPLATE_MOST} characters; this one has {len(source)}")
    form = CHANNELS[channel].format
    try:
        tree = _environment(form).parse(source)
    except TemplateError as why:
        raise UserError(f"the template cannot be read: line {getattr(why, 'lineno', 1)}: {why.message}") from why
    except RecursionError as why:
        raise UserError("the template cannot be read: it is nested too deeply") from why
    _checked(tree, frozenset(VARIABLES), loops=0, deep=0)
    for facts in SAMPLES:
        for language in KIND:
            try:
                _rendered(
                    _compiled(source, form), facts, len(facts), Target("sample", channel, language=language), _NOWHERE
                )
            except _FAILS as why:
                raise UserError(f"the template fails on an example: {line(why)}") from why


def _checked(node: nodes.Node, known: frozenset[str], *, loops: int, deep: int) -> None:
    where = f"line {node.lineno} of the template"
    if deep > DEEPEST:
        raise UserError(f"{where}: it is nested too deeply, more than {DEEPEST} levels")
    if not isinstance(node, _ALLOWED):
        said = type(node).__name__.lower()
        raise UserError(f"{where}: {said} is not known here; values, if, and one loop over alarms are")
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in known:
        raise UserError(f"{where}: there is no {node.name[:40]!r}; there are {', '.join(sorted(known))}")
    if isinstance(node, nodes.Getattr) and node.attr not in FIELDS and node.attr not in {"first", "last", "index"}:
        raise UserError(f"{where}: an alarm has no {node.attr[:40]!r}; it has {', '.join(FIELDS)}")
    if isinstance(node, nodes.Filter):
        if node.name not in FILTERS:
            raise UserError(f"{where}: there is no filter {node.name[:40]!r}; there are {', '.join(sorted(FILTERS))}")
        if any(
            not isinstance(a, nodes.Const) or not _small(a.value) for a in [*node.args, *(k.value for k in node.kwargs)]
        ):
            raise UserError(f"{where}: a filter takes small constants only")
    if isinstance(node, nodes.For):
        over = isinstance(node.iter, nodes.Name) and node.iter.name == "alarms"
        if loops or not over or not isinstance(node.target, nodes.Name) or node.recursive:
            raise UserError(f"{where}: one loop is known: for a in alarms")
        inside = known | {node.target.name, "loop"}
        for child in (node.iter, node.test, *node.body, *node.else_):
            if child is not None:
                _checked(child, inside, loops=loops + 1, deep=deep + 1)
        return
    for child in node.iter_child_nodes():
        _checked(child, known, loops=loops, deep=deep + 1)


def _small(value: object) -> bool:
    return (isinstance(value, int) and abs(value) <= 1_000) or (isinstance(value, str) and len(value) <= 200)


@lru_cache(maxsize=4)
def _environment(form: Format) -> ImmutableSandboxedEnvironment:
    escape = ESCAPE[form]
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=escape, trim_blocks=True, lstrip_blocks=False, autoescape=False
    )


@lru_cache(maxsize=256)
def _compiled(source: str, form: Format) -> Template:
    return _environment(form).from_string(source)


def _language(target: Target) -> str:
    return target.language if target.language in KIND else "zh"


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}".strip()


def _time(ms: int, zone: str) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def _cut(whole: str, most: int) -> str:
    return whole if len(whole) <= most else whole[: most - 1] + "…"


def _cut_bytes(whole: str, most: int) -> str:
    """Cut a text to some bytes of UTF-8, between characters."""
    content = whole.encode()
    return whole if len(content) <= most else content[: most - 3].decode(errors="ignore") + "…"


_SAMPLE = Facts(
    "sample/1", 1, MessageKind.RAISED, Severity.CRITICAL, life=True, at=1_795_219_200_000, family="fire",
    rule="fire.confirmed", state="unacknowledged", park="西兴小微园", place="A 幢 101", device="烟感 <b>*1*</b>",
    metric_zh="烟感", metric_en="Smoke alarm", value=1.0, value_text="alarm", reason="second_device",
    since=1_795_219_200_000, basis="GB/T 45839-2025", runbook_zh="立即到场核实", runbook_en="Go there", count=2,
)  # fmt: skip
_BARE = Facts("sample/2", 0, MessageKind.DRILL, Severity.LOW, life=False, at=1_795_219_200_000)
SAMPLES: tuple[tuple[Facts, ...], ...] = ((_SAMPLE,), (_BARE,), (_SAMPLE, _BARE))
