"""The words of a rule table: each field of a rule, what it may be, and how it is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import isfinite
from types import MappingProxyType
from typing import Any

from park.events import Reason, Severity
from stream.scopes import CHINA, DAY, DAY_TYPES, MINUTE, WEEKDAYS

_UNITS = {"ms": 1, "s": 1_000, "m": MINUTE, "h": 60 * MINUTE, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_LONGEST = 2_000  # characters of a text
_MOST = 1_000  # members of a list
_FAR = 100_000 * DAY  # ms: no delay is longer than a life
_CHINESE = {"紧急": "critical", "高": "high", "中": "medium", "低": "low"}


class Wrong(ValueError):
    """A field is not what it may be; the text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """A word of a rule."""

    to: str  # field of park.records.LimitRow
    read: Callable[[Any], Any]
    text: str  # what it says, one line


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise Wrong(f"{value!r} is no finite number")
    return float(value)


def _not_negative(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise Wrong(f"{value!r} is below 0")
    return number


def _share(value: Any) -> float:
    number = _not_negative(value)
    if number > 1:
        raise Wrong(f"{value!r} is no share from 0 to 1")
    return number


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 400:
        raise Wrong(f"{value!r} is no whole number from 0 to 400")
    return value


def duration(value: Any) -> int:
    """Return ms of a number of seconds or of Prometheus' form ("90s", "1h30m"). Raises Wrong."""
    if isinstance(value, str):
        parts = _DURATION.findall(value)
        if not parts or "".join(n + unit for n, unit in parts) != value:
            raise Wrong(f"{value!r} is no duration: seconds, or something like 90s or 1h30m")
        ms = sum(int(n) * _UNITS[unit] for n, unit in parts)
    else:
        ms = round(_not_negative(value) * 1000)
    if ms > _FAR:
        raise Wrong(f"{value!r} is too long")
    return ms


def _window(value: Any) -> int:
    ms = duration(value)
    if not MINUTE <= ms <= 31 * DAY or ms % MINUTE:
        raise Wrong(f"{value!r} is no span of whole minutes, 31 days at most")
    return ms


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong("is missing, or no text")
    if len(value) > _LONGEST:
        raise Wrong(f"is longer than {_LONGEST} characters")
    return value


def _name(value: Any) -> str:
    if not _NAME.fullmatch(_text(value)):
        raise Wrong(f"{value!r} is no name: small letters, digits, _ and ., at most 64")
    return str(value)


def _severity(value: Any) -> str:
    word = _CHINESE.get(_text(value), value)
    if word not in set(Severity):
        raise Wrong(f"{value!r} is none of {', '.join(Severity)}")
    return str(word)


def _list(value: Any, what: str, kind: type) -> list[Any]:
    fine = isinstance(value, list) and all(isinstance(v, kind) and not isinstance(v, bool) and v for v in value)
    if not fine or len(value) > _MOST:
        raise Wrong(f"is no list of {what}")
    return list(value)


def _kinds(value: Any) -> tuple[str, ...]:
    return tuple(_list(value, "device kinds", str))


def _words(value: Any) -> tuple[str, ...]:
    return tuple(_list(value, "quantities", str))


def _channels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value) or len(value) > _MOST:
        raise Wrong("is no list of channels")
    return tuple(value)


def _numbers(value: Any) -> tuple[int, ...]:
    numbers = _list(value, "numbers of the registry", int)
    if any(not 0 < n < 1 << 31 for n in numbers):
        raise Wrong("is no list of numbers of the registry")
    return tuple(numbers)


def _reasons(value: Any) -> tuple[str, ...]:
    words = _list(value, "reasons", str)
    wrong = next((w for w in words if w not in set(Reason)), None)
    if wrong is not None:
        raise Wrong(f"{wrong!r} is no reason")
    return tuple(words)


def _days(value: Any) -> tuple[str, ...]:
    words = _list(value, "days", str)
    wrong = next((w for w in words if w not in DAY_TYPES + WEEKDAYS), None)
    if wrong is not None:
        raise Wrong(f"{wrong!r} is none of {', '.join(DAY_TYPES + WEEKDAYS)}")
    return tuple(words)


def _hours(value: Any) -> tuple[tuple[int, int], ...]:
    spans = []
    for word in _list(value, "hours", str):
        found = _HOURS.fullmatch(word)
        if found is None:
            raise Wrong(f"{word!r} is no span of hours like 22:00-05:00")
        begin_hour, begin, end_hour, end = (int(n) for n in found.groups())
        span = begin_hour * 60 + begin, end_hour * 60 + end
        if max(span) > 1_440 or span[0] == span[1]:
            raise Wrong(f"{word!r} is no span of hours of a day")
        spans.append(span)
    return tuple(spans)


def _date(value: Any) -> int:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as why:
        raise Wrong(f"{value!r} is no date") from why
    if isinstance(day, datetime) or not isinstance(day, date):
        raise Wrong(f"{value!r} is no date")
    ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000 - CHINA * MINUTE
    if ms <= 0:
        raise Wrong(f"{value!r} is before 1970")
    return ms


def _version(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else _text(value)


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or len(value) > 64:
        raise Wrong("is no table of texts")
    for key, text in value.items():
        if not _KEY.fullmatch(key) or not isinstance(text, str) or len(text) > _LONGEST:
            raise Wrong(f"{key!r} is no text of at most {_LONGEST} characters under a plain name")
    return tuple(sorted(value.items()))


FIELDS: Mapping[str, Field] = MappingProxyType({
    "rule": Field("rule", _name, "its name; of several with one name the one of the narrowest scope holds"),
    "metric": Field("metric", _text, "a quantity of the catalogue, or a measure"),
    "finding": Field("finding", _name, "in place of a metric: a kind of finding, counted in `window`"),
    "reasons": Field("reasons", _reasons, "of findings; left out: all"),
    "severity": Field("severity", _severity, "critical, high, medium or low (紧急, 高, 中, 低)"),
    "high": Field("high", _number, "beyond it the condition begins"),
    "low": Field("low", _number, "below it the condition begins"),
    "dead_band": Field("dead_band", _not_negative, "how far inside a value must be to be back"),
    "for": Field("on_delay", duration, "how long a value must stay beyond (also `on_delay`)"),
    "on_delay": Field("on_delay", duration, "the same as `for`"),
    "keep_firing_for": Field("off_delay", duration, "how long it must stay back (also `off_delay`)"),
    "off_delay": Field("off_delay", duration, "the same as `keep_firing_for`"),
    "window": Field("window", _window, "clock windows whose mean, or sum of amounts, is judged; of findings the time"),
    "valid": Field("valid", _share, "share of a window that good readings must stand for"),
    "usual": Field("usual", _count, "so many windows before, whose median is 1: `high` and `low` are multiples"),
    "floor": Field("floor", _not_negative, "an amount below which nothing is judged; of findings the least score"),
    "kinds": Field("kinds", _kinds, "of devices; left out: all"),
    "channels": Field("channels", _channels, "of points; left out: all"),
    "parks": Field("parks", _numbers, "that it holds in; left out: all"),
    "places": Field("places", _numbers, "that it holds in, with all that is inside them; left out: all"),
    "points": Field("points", _numbers, "that it holds at; left out: all"),
    "metrics": Field("metrics", _words, "of points, where `metric` is rarity; left out: all"),
    "days": Field("days", _days, "workday, rest (make-up workdays and holidays counted), mon ... sun"),
    "hours": Field("hours", _hours, "of the park day, like 22:00-05:00"),
    "valid_from": Field("valid_from", _date, "first day on which it holds"),
    "valid_to": Field("valid_to", _date, "first day on which it holds no more"),
    "basis": Field("basis", _text, "what it rests on: a letter for the grade, and the source"),
    "version": Field("version", _version, "date of the rule"),
    "labels": Field("labels", _pairs, "texts for whoever routes its alarms"),
    "annotations": Field("annotations", _pairs, "texts for people: summary_zh, summary_en, runbook_zh, runbook_en"),
    "note": Field("", _text, "a remark for whoever reads the table"),
})  # fmt: skip
