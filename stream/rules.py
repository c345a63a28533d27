"""Rule tables: TOML text to limits, each with the authority it rests on."""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from park.episodes import BAR, RARITY
from park.errors import SettingsError
from park.measures import MEASURES
from park.metrics import METRICS, Feed, Kind
from park.records import LimitRow
from stream.rule_fields import FIELDS, Wrong
from stream.scopes import DAY

MAX_TEXT = 256 << 10  # characters of a table
MAX_RULES = 2_000
_MUST = ("rule", "severity", "basis", "version")
_NOT_RARE = (
    "low", "dead_band", "for", "keep_firing_for", "window", "valid", "usual", "days", "hours", "valid_from", "valid_to",
)  # fmt: skip
_TWINS = (("for", "on_delay"), ("keep_firing_for", "off_delay"))
_SCOPE = ("kinds", "channels", "parks", "places", "points", "metrics")
_SCHEDULE = ("days", "hours", "valid_to")
# No rule of the fire stage has these.
_BARE = ("channels", "parks", "places", "points", "window", "usual", "finding", "valid_from")


def shipped() -> str:
    """Return the text of the rule table that comes with the platform."""
    return files("stream").joinpath("rules.toml").read_text("utf-8")


def life_safety(rule: LimitRow) -> bool:
    """Return whether lives hang on a rule: those of the fire stage, and all on quantities of fire and gas."""
    metric = METRICS.get(rule.metric)
    return rule.rule.startswith(("fire.", "gas.")) or (metric is not None and metric.feed is Feed.FIRE)


def parse(text: str) -> tuple[LimitRow, ...]:
    """Return the limits of a rule table: an array of tables named `limit`.

    Numbers are in the metric's unit, delays in seconds or durations. Raises SettingsError naming line, rule
    and field.
    """
    if len(text) > MAX_TEXT:
        raise SettingsError(f"rule table: longer than {MAX_TEXT >> 10} KiB")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as why:
        raise SettingsError(f"rule table is no TOML: {' '.join(str(why).split())}") from why
    unknown = sorted(set(table) - {"limit"})
    if unknown:
        raise SettingsError(f"rule table: unknown name {unknown[0]!r}; it holds [[limit]] tables only")
    entries = table.get("limit", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise SettingsError("rule table: limits are written as [[limit]]")
    if len(entries) > MAX_RULES:
        raise SettingsError(f"rule table: {len(entries)} rules, {MAX_RULES} are the most")
    rows: list[LimitRow] = []
    seen: set[tuple[Any, ...]] = set()
    for number, entry in enumerate(entries, 1):
        try:
            row = _row(entry)
            _once(row, seen)
        except _Bad as why:
            raise SettingsError(_told(text, number, entry, why)) from why
        rows.append(row)
    return tuple(rows)


class _Bad(ValueError):
    """What is wrong with a field of a rule."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(why)
        self.word = word


def _once(row: LimitRow, seen: set[tuple[Any, ...]]) -> None:
    """See that no two rules of one name have the same scope and dates."""
    scope = row.rule, *(tuple(sorted(getattr(row, word))) for word in _SCOPE), row.valid_from, row.valid_to
    if scope in seen:
        raise _Bad("", "stands twice")
    seen.add(scope)


def _told(text: str, number: int, entry: Mapping[str, Any], why: _Bad) -> str:
    """Return the sentence for a person: line, rule, field, what is wrong."""
    name = entry.get("rule")
    rule = f"rule {name!r}" if isinstance(name, str) and name else f"limit number {number}"
    line = line_of(text, number, why.word)
    return f"{f'line {line}: ' if line else ''}{rule}: {why.word}{' ' if why.word else ''}{why}"


def line_of(text: str, number: int, word: str = "") -> int:
    """Return the line of a field of the n-th [[limit]], or of its head; 0 where neither can be found."""
    heads, at = 0, 0
    for n, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\[\s*limit\s*\]\]", line):
            heads += 1
            if heads > number:
                break
            at = n if heads == number else at
        elif heads == number and word and re.match(rf"\s*[\"']?{re.escape(word)}[\"']?\s*[.=]", line):
            return n
    return at


def _row(entry: Mapping[str, Any]) -> LimitRow:
    for word in sorted(set(entry) - set(FIELDS)):
        raise _Bad(word, "is no field of a limit")
    for word, other in _TWINS:
        if word in entry and other in entry:
            raise _Bad(word, f"and {other} are the same; give one")
    fields: dict[str, Any] = {"metric": ""}
    for word in (*_MUST, *(w for w in entry if w not in _MUST)):
        try:
            fields[FIELDS[word].to] = FIELDS[word].read(entry.get(word))
        except Wrong as why:
            raise _Bad(word, str(why)) from why
    fields.pop("", None)
    row = LimitRow(**fields)
    _judged(row)
    _bounded(row)
    if life_safety(row):
        _always(row)
    return row


def _judged(row: LimitRow) -> None:
    """See that a rule says of what it is."""
    if not row.metric and not row.finding:
        raise _Bad("metric", "is missing, or no text")
    if row.finding:
        if row.metric and row.metric not in METRICS:
            raise _Bad("metric", f"{row.metric!r} is not in the catalogue")
        if not row.window:
            raise _Bad("window", "must be given: findings are counted in it")
        if row.usual or row.valid:
            raise _Bad("finding", "has no usual and valid")
        return
    if row.reasons:
        raise _Bad("reasons", "are of findings")
    if row.metric == RARITY or row.metrics:
        _rare(row)
        return
    if row.metric in MEASURES:
        if row.points:
            raise _Bad("points", "cannot be given: a measure is of devices or places")
        if row.window or row.usual or row.valid:
            raise _Bad("window", "usual and valid are the stage's own for a measure")
        if row.channels:
            raise _Bad("channels", "are of points, and a measure is none")
        return
    if row.metric not in METRICS:
        raise _Bad("metric", f"{row.metric!r} is not in the catalogue, and no measure")
    if row.window and DAY % row.window:
        raise _Bad("window", "does not divide a day")
    if row.window and METRICS[row.metric].kind in {Kind.STATE, Kind.REGISTER}:
        raise _Bad("window", f"says nothing for {row.metric}: it is a {METRICS[row.metric].kind}")
    if not row.window and (row.usual or row.valid or row.floor):
        raise _Bad("window", "must be given with usual, valid or floor")
    if row.floor and not row.usual:
        raise _Bad("floor", "is of rules against the usual, and of measures")
    if 0 < row.usual < 5:
        raise _Bad("usual", f"{row.usual} windows are too few for a median; 5 are the least")


def _rare(row: LimitRow) -> None:
    """See that a rule on what detectors tell says nothing that no detector does."""
    if row.metric != RARITY:
        raise _Bad("metrics", f"are of rules on {RARITY}")
    if row.rule != BAR:
        raise _Bad("rule", f"is {BAR!r} where the metric is {RARITY}: at each point one bar holds")
    for word in _NOT_RARE:
        if getattr(row, FIELDS[word].to) not in (None, 0, ()):
            raise _Bad(word, f"says nothing of {RARITY}: an episode begins and ends by its own values")
    if row.high is None or row.high < 1:
        raise _Bad("high", "must be given: 1 day at least")
    wrong = next((name for name in row.metrics if name not in METRICS), None)
    if wrong is not None:
        raise _Bad("metrics", f"{wrong!r} is not in the catalogue")


def _bounded(row: LimitRow) -> None:
    """See that a rule has limits, and that they leave room."""
    high, low = row.high, row.low
    if high is None and low is None:
        raise _Bad("high", "or low must be given")
    of_rise = row.rule.endswith("_rise")  # there `low` is a floor, not a limit
    if high is not None and low is not None and not of_rise:
        if low >= high:
            raise _Bad("low", f"{low!r} is not below high {high!r}")
        if low + row.dead_band > high - row.dead_band:
            raise _Bad("dead_band", f"{row.dead_band!r} leaves no room between low and high: it could never end")
    if row.valid_to and row.valid_to <= row.valid_from:
        raise _Bad("valid_to", "is not after valid_from")
    if row.valid_to and row.valid_to - row.valid_from < DAY:
        raise _Bad("valid_to", "is not after valid_from")


def _always(row: LimitRow) -> None:
    """See that a rule on which lives hang holds at every hour, and those of the fire stage everywhere."""
    for word in _SCHEDULE:
        if getattr(row, word):
            raise _Bad(word, "cannot be given: a rule of life safety holds at every hour, until it is taken out")
    if row.rule.startswith(("fire.", "gas.")):
        for word in _BARE:
            if getattr(row, word):
                raise _Bad(word, "cannot be given: the fire stage's rules hold everywhere, for each reading")
