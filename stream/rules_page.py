"""The rule table as a page for people: every rule with its numbers and what they rest on."""

from collections.abc import Iterator, Sequence

from park.measures import MEASURES
from park.metrics import METRICS
from park.records import LimitRow
from stream.detectors.told import TELL_DAYS
from stream.rule_changes import scope_of
from stream.rule_fields import FIELDS
from stream.rules import life_safety

_GRADES = (
    ("L", "law or standard, its clause read"), ("O", "notice of an office or a grid company"),
    ("A", "academic"), ("V", "vendor, news or tutorial: second-hand"), ("C", "public source code"),
    ("K", "computed here"), ("I", "our own inference: no source"), ("M", "general knowledge: verify first"),
)  # fmt: skip
_HEAD = f"""# Rules

The rules that the platform ships with, what each rests on, and how to write others. Made from code by `make golden`.

A rule is a `[[limit]]` of a TOML table (`stream/rules.toml`). The table that holds is seen with `GET /api/v1/rules`,
tried with `park backtest` or `POST /api/v1/rules/dry-run`, changed with `PUT /api/v1/rules`, and every version is kept
with who, when and why. Of several rules with one name the one of the narrowest scope holds at a point: a permit for one
place is the table's rule once more, with `places` and its own numbers.

Rules of life safety (**bold**: those of the fire stage, and all on quantities of fire and gas) hold at every hour and
have no date on which they end; changing what they decide needs the permission `life_rules` and a word that it is meant,
and the version says so. What a detector itself calls an alarm needs no rule, and none can switch it off.

**Unusual values** are found without a rule: an episode is told once it is so rare that a series like its own would show
one in {TELL_DAYS:,.0f} days. A rule named `unusual` on the measure `rarity` sets another bar, in the same days, for all
points or for some (`kinds`, `metrics`, `channels`, `parks`, `places`, `points`). With `floor`, distances below an
amount are not told; with a `severity` of high or critical, an episode is an alarm that somebody has to answer:

```toml
[[limit]]
rule = "unusual"
metric = "rarity"
metrics = ["temperature"]
high = 10000.0
floor = 2.0
severity = "low"
basis = "I: rooms of this park are aired at any hour; below 2 degrees nobody looks"
version = 2026-11-21
```
What was found stays as it is; bands, scores and what is learned do not depend on it.
"""


def page(rows: Sequence[LimitRow]) -> str:
    """Return the page of a rule table, as Markdown."""
    return "\n".join([_HEAD, *_rules(rows), *_grades(), *_fields(), *_measures()]) + "\n"


def _rules(rows: Sequence[LimitRow]) -> Iterator[str]:
    yield "## Rules that ship\n"
    yield "| rule | of | begins | ends | severity | basis | since |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        name = f"**`{row.rule}`**" if life_safety(row) else f"`{row.rule}`"
        yield (
            "| "
            + " | ".join((name, _of(row), _begins(row), _ends(row), row.severity, _text(row.basis), row.version))
            + " |"
        )
    yield ""
    yield "What to do, as an alarm tells it:\n"
    yield "| rule | 中文 | English |"
    yield "| --- | --- | --- |"
    for row in rows:
        words = dict(row.annotations)
        if words:
            zh, en = (
                "<br>".join(_text(words.get(f"{w}_{to}", "")) for w in ("summary", "runbook")) for to in ("zh", "en")
            )
            yield f"| `{row.rule}` | {zh} | {en} |"
    yield ""


def _of(row: LimitRow) -> str:
    """Return what a rule judges."""
    if row.finding:
        told = f"findings `{row.finding}`" + (f" ({', '.join(row.reasons)})" if row.reasons else "")
        return f"{told} in {span(row.window)}"
    unit = METRICS[row.metric].unit if row.metric in METRICS else MEASURES[row.metric].unit
    parts = [f"`{row.metric}`" + (f", {unit}" if unit else "")]
    if row.window:
        parts.append(f"window {span(row.window)}" + (f", {row.valid:.0%} valid" if row.valid else ""))
    if row.hours:
        parts.append(" ".join(f"{b // 60:02}:{b % 60:02}-{e // 60:02}:{e % 60:02}" for b, e in row.hours))
    parts += [" ".join(row.days)] if row.days else []
    parts += [_text(scope_of(row))] if scope_of(row) else []
    return "; ".join(parts)


def _begins(row: LimitRow) -> str:
    if row.rule.endswith("_rise"):
        floor = f", from {row.low:g}" if row.low is not None else ""
        return f"a rise of {row.high:g} in {span(row.on_delay)}{floor}"
    times = f" times the median of {row.usual}" if row.usual else ""
    sides = [f"above {row.high:g}{times}"] if row.high is not None else []
    sides += [f"below {row.low:g}{times}"] if row.low is not None else []
    return " or ".join(sides) + (f", from {row.floor:g}" if row.floor else "") + _for(row.on_delay)


def _ends(row: LimitRow) -> str:
    if row.rule.startswith(("fire.", "gas.")):
        return "by a reset"
    return (f"{row.dead_band:g} inside" if row.dead_band else "inside") + _for(row.off_delay)


def _for(delay: int) -> str:
    return f" for {span(delay)}" if delay else ""


def _grades() -> Iterator[str]:
    yield "## Grades of a basis\n"
    yield "| letter | what it rests on |"
    yield "| --- | --- |"
    yield from (f"| {letter} | {words} |" for letter, words in _GRADES)
    yield ""


def _fields() -> Iterator[str]:
    yield "## Words of a rule\n"
    yield "Delays and windows are seconds, or Prometheus' durations (`90s`, `1h30m`); dates are of China's clock.\n"
    yield "| word | what it says |"
    yield "| --- | --- |"
    yield from (f"| `{name}` | {_text(f.text)} |" for name, f in FIELDS.items())
    yield ""


def _measures() -> Iterator[str]:
    yield "## Measures\n"
    yield "Figures of several points, that rules may name beside the [quantities](quantities.md).\n"
    yield "| measure | unit | of a | judged each | `floor` is of | 中文 | what it is |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for m in MEASURES.values():
        yield f"| `{m.name}` | {m.unit} | {m.subject} | {m.window} | {m.floor} | {m.zh} | {m.en} |"


def span(ms: int) -> str:
    """Return a span of time as people write it."""
    for word, unit in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if ms and ms % unit == 0:
            return f"{ms // unit} {word}"
    return f"{ms} ms"


def _text(text: str) -> str:
    """Return a text that stands in a cell."""
    return text.replace("|", "\\|").replace("\n", " ")
