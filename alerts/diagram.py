"""The table of transitions as a Mermaid diagram and as a table of a page: made from it, so that they say what is."""

from collections.abc import Iterator
from dataclasses import replace

from alerts.changes import Given
from alerts.lifecycle import TABLE, Row, Scope
from park.alarms import Act, Case, CaseState, CaseVerb, Holder, Signal
from park.events import Reason, Severity

_ACTS = Act(CaseVerb.COMMENT, "somebody")
_BLANK: dict[CaseState | None, str] = {None: "(no case)"}


def exemplar(state: CaseState | None, *, life: bool) -> Case:
    """Return a case in a state; for None the case that a trigger makes."""
    holder = Holder("life", "x", Signal.ACTIVE, Severity.HIGH, 1)
    case = Case("fire" if life else "limit.x", "place:1", "", "x", Severity.HIGH, 1, 1, 1, 1, Reason.UNUSUAL, id=1)
    said = str(state or CaseState.UNACKNOWLEDGED)
    if said.startswith("latched"):
        case = replace(case, holders=(replace(holder, signal=Signal.LATCHED),))
    elif not said.startswith(("returned", "closed")):
        case = replace(case, holders=(holder,))
    if said.endswith("acknowledged") and "unacknowledged" not in said:
        case = replace(case, acknowledged=True, acknowledged_by="somebody", acknowledged_at=1)
    return replace(case, closed=1) if state is CaseState.CLOSED else case


def after(row: Row, before: CaseState | None, *, life: bool) -> CaseState:
    """Return the state that a row leads to from another."""
    case = exemplar(before, life=life)
    if row.verb in {CaseVerb.TRIGGER, CaseVerb.JOIN, CaseVerb.WORSEN}:  # the condition stands, whatever was before
        case = replace(case, holders=exemplar(None, life=life).holders)
    if row.verb is CaseVerb.LATCH:
        case = replace(case, holders=exemplar(CaseState.LATCHED_UNACKNOWLEDGED, life=life).holders)
    if row.verb is CaseVerb.RETURN:
        case = replace(case, holders=())
    for change in row.do:
        case = change(case, Given(2, act=_ACTS))
    return case.state


def edges() -> Iterator[tuple[CaseState | None, CaseState, Row]]:
    """Yield every transition of the table: before, after, by which row."""
    for row in TABLE:
        life = row.scope is Scope.LIFE
        for before in (None, *CaseState):
            if before in row.before:
                yield before, after(row, before, life=life), row


def mermaid() -> str:
    """Return the diagram of the states; what leaves a case where it is is in the table below it."""
    words: dict[tuple[CaseState | None, CaseState], list[str]] = {}
    for before, then, row in edges():
        if before is then:
            continue
        scope = {Scope.ANY: "", Scope.LIFE: " (life safety)", Scope.ORDINARY: " (ordinary)"}[row.scope]
        said = f"{row.verb.value}{scope}"
        found = words.setdefault((before, then), [])
        if said not in found:
            found.append(said)
    lines = ["stateDiagram-v2"]
    for (before, then), verbs in words.items():
        lines.append(f"    {before or '[*]'} --> {then}: {', '.join(verbs)}")
    lines.append("    closed --> [*]")
    return "\n".join(lines) + "\n"


def table() -> str:
    """Return the table as a page shows it."""
    lines = ["| told | of | from | to | people are called |", "| --- | --- | --- | --- | --- |"]
    for row in TABLE:
        life = row.scope is Scope.LIFE
        befores = [s for s in (None, *CaseState) if s in row.before]
        afters = dict.fromkeys(str(after(row, s, life=life)) for s in befores)
        stays = all(s is after(row, s, life=life) for s in befores)
        from_ = "any" if set(befores) == set(CaseState) else ", ".join(_BLANK.get(s, str(s)) for s in befores)
        from_ = "any but closed" if set(befores) == set(CaseState) - {CaseState.CLOSED} else from_
        to = "the same" if stays else ", ".join(afters)
        lines.append(f"| {row.verb} | {row.scope} | {from_} | {to} | {row.call or ''} |")
    return "\n".join(lines) + "\n"
