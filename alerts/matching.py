"""Matchers on the labels of an alarm, as Alertmanager has them: =, !=, =~ and !~, all of which must hold."""

import re
from collections.abc import Mapping, Sequence

from park.alarms import Case
from park.duty import Matcher, MatchOperator
from park.errors import UserError

LABELS = ("family", "rule", "severity", "subject", "cause", "reason", "park", "place", "device", "point", "gateway")
MATCHERS_MOST = 20
PATTERN_MOST = 200  # characters
# A group that repeats can take for ever on a text of 200 characters, and n repetitions of its length to the power
# of n; a fire waits in the same thread. Three of them take 11 ms.
_GROUP = re.compile(r"(?<!\\)\)\s*[+*{]")
_REPEATS = re.compile(r"(?<![\\(])[*+?{]")
REPEATS_MOST = 3  # of one branch; of the whole pattern where it has groups


def labels_of(case: Case) -> Mapping[str, str]:
    """Return the labels of a case; numbers as texts, "" for none."""
    return {name: str(getattr(case, name) or "") for name in LABELS}


def checked(matchers: Sequence[Matcher], *, least: int = 0) -> None:
    """See that matchers can be used. Raises UserError."""
    if not least <= len(matchers) <= MATCHERS_MOST:
        raise UserError(f"from {least} to {MATCHERS_MOST} matchers are needed; these are {len(matchers)}")
    for m in matchers:
        if m.label not in LABELS:
            raise UserError(f"{m.label[:64]!r} is no label of an alarm; there are {', '.join(LABELS)}")
        if len(m.value) > PATTERN_MOST:
            raise UserError(f"the value for {m.label} is longer than {PATTERN_MOST} characters")
        if m.operator in {MatchOperator.MATCHES, MatchOperator.MATCHES_NOT}:
            branches = [m.value] if "(" in m.value else m.value.split("|")
            if _GROUP.search(m.value) or max(len(_REPEATS.findall(b)) for b in branches) > REPEATS_MOST:
                raise UserError(f"the pattern for {m.label} repeats a group, or too much: it may never end")
            try:
                re.compile(m.value)
            except re.error as why:
                raise UserError(f"the pattern for {m.label} cannot be read: {why}") from why


def matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Tell whether all matchers hold; none at all hold for everything."""
    return all(_holds(m, labels.get(m.label, "")) for m in matchers)


def _holds(m: Matcher, value: str) -> bool:
    if m.operator is MatchOperator.EQUAL:
        return value == m.value
    if m.operator is MatchOperator.NOT_EQUAL:
        return value != m.value
    found = re.fullmatch(m.value, value) is not None
    return found if m.operator is MatchOperator.MATCHES else not found
