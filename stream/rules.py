"""Rule tables: TOML text to limits, each with the authority it rests on."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from math import isfinite
from typing import Any

from park.errors import SettingsError
from park.events import Severity
from park.metrics import METRICS
from park.records import LimitRow

_NUMBERS = {"high", "low", "dead_band"}
_SECONDS = {"on_delay", "off_delay"}  # written in seconds, kept in ms
_TEXTS = {"rule", "metric", "severity", "basis", "version"}
_MUST = ("rule", "metric", "severity", "basis", "version")
_WORDS = _NUMBERS | _SECONDS | _TEXTS | {"kinds", "note"}
_NOT_NEGATIVE = {"dead_band"} | _SECONDS


def shipped() -> str:
    """Return the text of the rule table that comes with the platform."""
    return files("stream").joinpath("rules.toml").read_text("utf-8")


def parse(text: str) -> tuple[LimitRow, ...]:
    """Return the limits of a rule table: an array of tables named `limit`.

    Numbers are in the metric's unit, delays in seconds. Raises SettingsError naming the rule and the field.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise SettingsError(f"rule table is no TOML: {why}") from why
    unknown = sorted(set(table) - {"limit"})
    if unknown:
        raise SettingsError(f"rule table: unknown name {unknown[0]!r}; it holds [[limit]] tables only")
    entries = table.get("limit", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise SettingsError("rule table: limits are written as [[limit]]")
    rows = tuple(_row(number, entry) for number, entry in enumerate(entries, 1))
    names = [row.rule for row in rows]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"rule {twice!r}: stands twice")
    return rows


def _row(number: int, entry: Mapping[str, Any]) -> LimitRow:
    name = entry.get("rule")
    where = f"rule {name!r}" if isinstance(name, str) and name else f"limit number {number}"

    def bad(word: str, what: str) -> SettingsError:
        return SettingsError(f"{where}: {word} {what}")

    for word in sorted(set(entry) - _WORDS):
        raise bad(word, "is no field of a limit")
    for word in _MUST:
        if not isinstance(entry.get(word), str) or not entry[word].strip():
            raise bad(word, "is missing, or no text")
    if entry["metric"] not in METRICS:
        raise bad("metric", f"{entry['metric']!r} is not in the catalogue")
    if entry["severity"] not in set(Severity):
        raise bad("severity", f"{entry['severity']!r} is none of {', '.join(Severity)}")
    for word in sorted((_NUMBERS | _SECONDS) & set(entry)):
        value = entry[word]
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise bad(word, f"{value!r} is no finite number")
        if word in _NOT_NEGATIVE and value < 0:
            raise bad(word, f"{value!r} is below 0")
    high, low = entry.get("high"), entry.get("low")
    if high is None and low is None:
        raise bad("high", "or low must be given")
    of_rise = entry["rule"].endswith("_rise")  # there `low` is a floor, not a limit
    if high is not None and low is not None and not of_rise and low >= high:
        raise bad("low", f"{low!r} is not below high {high!r}")
    kinds = entry.get("kinds", [])
    if not isinstance(kinds, list) or not all(isinstance(k, str) and k for k in kinds):
        raise bad("kinds", "is no list of device kinds")
    return LimitRow(
        entry["rule"],
        entry["metric"],
        entry["severity"],
        entry["basis"],
        None if high is None else float(high),
        None if low is None else float(low),
        float(entry.get("dead_band", 0.0)),
        round(entry.get("on_delay", 0) * 1000),
        round(entry.get("off_delay", 0) * 1000),
        tuple(kinds),
        entry["version"],
    )
