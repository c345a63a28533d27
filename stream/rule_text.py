"""A rule table's text with one more rule, or another number in one: all else stays as people wrote it."""

import json

from park.episodes import BAR, RARITY
from stream.rules import line_of, parse

_BREAKS = "\x7f\x85\u2028\u2029"
_SCOPE = ("kinds", "channels", "parks", "places", "metrics")


def with_bar(text: str, point: int, days: float, *, basis: str, version: str) -> str:
    """Return a table in which episodes of a point are told only where they are so rare.

    A rule for just this point gets the new numbers; else one is added at the end. Raises SettingsError.
    """
    number = _own(text, point)
    words = {"high": repr(days), "basis": _quoted(basis), "version": version}
    if not number:
        block = [
            "[[limit]]", f'rule = "{BAR}"', f'metric = "{RARITY}"', f"points = [{point}]", 'severity = "low"',
            *(f"{word} = {value}" for word, value in words.items()),
        ]  # fmt: skip
        return text.rstrip("\n") + "\n\n" + "\n".join(block) + "\n"
    lines = text.splitlines(keepends=True)
    for word, value in words.items():
        lines[line_of(text, number, word) - 1] = f"{word} = {value}\n"
    return "".join(lines)


def _own(text: str, point: int) -> int:
    """Return which [[limit]] is the bar of just this point; 0: none."""
    for number, row in enumerate(parse(text), 1):
        if row.rule == BAR and row.points == (point,) and not any(getattr(row, word) for word in _SCOPE):
            return number
    return 0


def _quoted(text: str) -> str:
    """Return a text as a TOML basic string on one line: JSON's, and what else ends a line somewhere escaped."""
    return "".join(f"\\u{ord(c):04x}" if c in _BREAKS else c for c in json.dumps(text, ensure_ascii=False))
