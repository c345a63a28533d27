"""What differs between two rule tables, rule by rule."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

from park.records import LimitRow
from park.rulebook import RuleChange, What
from stream.rules import life_safety

_SCOPE = ("kinds", "channels", "parks", "places", "points", "metrics", "valid_from", "valid_to")
_WORDS = frozenset({"basis", "version", "labels", "annotations"})  # decide nothing


def changes(before: Sequence[LimitRow], after: Sequence[LimitRow]) -> tuple[RuleChange, ...]:
    """Return what differs, in the order of the newer table, removed ones last."""
    was, now = ({_key(row): row for row in rows} for rows in (before, after))
    found = [change for key, row in now.items() for change in _change(was.get(key), row)]
    found += [
        RuleChange(What.REMOVED, row.rule, scope_of(row), life_safety(row))
        for key, row in was.items()
        if key not in now
    ]
    return tuple(found)


def _key(row: LimitRow) -> tuple[object, ...]:
    return row.rule, *(getattr(row, word) for word in _SCOPE)


def _change(was: LimitRow | None, row: LimitRow) -> Iterator[RuleChange]:
    if was is None:
        yield RuleChange(What.ADDED, row.rule, scope_of(row), life_safety(row))
    elif was != row:
        parts = tuple(
            (f.name, shown(getattr(was, f.name)), shown(getattr(row, f.name)))
            for f in fields(row)
            if getattr(was, f.name) != getattr(row, f.name)
        )
        decides = any(name not in _WORDS for name, _, _ in parts)
        yield RuleChange(
            What.CHANGED, row.rule, scope_of(row), decides and (life_safety(was) or life_safety(row)), parts
        )


def scope_of(row: LimitRow) -> str:
    """Return where a rule holds, in words."""
    return ", ".join(f"{word} {shown(getattr(row, word))}" for word in _SCOPE if getattr(row, word))


def shown(value: object) -> str:
    """Return a field's value as text; "" for none."""
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return " ".join(shown(v) if not isinstance(v, tuple) else "=".join(map(str, v)) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
