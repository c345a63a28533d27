"""The life of a hazard: one table, from which the diagram and the page are made too."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from park.errors import Conflict, Forbidden, UserError
from park.governance import Done, Five, Hazard, HazardState, HazardVerb

DAY = 86_400_000
TEXT_MOST = 2_000
FURTHEST = 366 * DAY  # ms from now that a time limit may lie: beyond it is no limit


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person, or time, does to a hazard."""

    verb: HazardVerb
    actor: str
    now: int
    note: str = ""
    five: Five | None = None
    due: int = 0
    officer: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: what is done where, what it leads to, what it asks for."""

    verb: HazardVerb
    before: frozenset[HazardState]
    after: HazardState | None  # None: it stays where it is
    do: Callable[[Hazard, Deed], Hazard]
    asks: str  # in words, for the page


def _noted(hazard: Hazard, deed: Deed) -> Hazard:
    if not deed.note.strip():
        raise UserError("say why, in words")
    return hazard


def _planned(hazard: Hazard, deed: Deed) -> Hazard:
    if deed.five is None and deed.officer is None:
        raise UserError("name at least one of 五落实")
    said = deed.five or Five()
    five = Five(**{p: getattr(said, p) or getattr(hazard.five, p)
                   for p in ("responsible", "measures", "funds", "due", "contingency")})  # fmt: skip
    if five.due != hazard.five.due:
        _check_due(five.due, deed)
        # Once work has begun its limit is moved by EXTEND alone, which explains itself.
        if hazard.state is not HazardState.FOUND:
            raise Conflict("the time limit of a hazard in rectification is moved by `extend`, with an explanation")
    due = five.due or hazard.due
    officer = hazard.officer if deed.officer is None else deed.officer
    return replace(hazard, five=five, due=due, officer=officer, told=hazard.told if due == hazard.due else 0)


def _begun(hazard: Hazard, _: Deed) -> Hazard:
    if hazard.five.missing:
        raise Conflict(f"五落实 is not whole: {', '.join(hazard.five.missing)} missing")
    return hazard


def _extended(hazard: Hazard, deed: Deed) -> Hazard:
    _noted(hazard, deed)
    _check_due(deed.due, deed)
    if deed.due <= hazard.due:
        raise UserError("an extension lies after the time limit that holds now")
    five = replace(hazard.five, due=deed.due)
    return replace(hazard, due=deed.due, five=five, extended=hazard.extended + 1, told=0)


def _done(hazard: Hazard, deed: Deed) -> Hazard:
    return replace(_noted(hazard, deed), rectified=deed.now, rectified_by=deed.actor, evidence=0)


def _passed(hazard: Hazard, deed: Deed) -> Hazard:
    if not hazard.evidence:
        raise Conflict("attach evidence of the re-inspection first: a photograph or a report")
    if deed.actor == hazard.rectified_by:
        raise Forbidden("who rectified a hazard does not re-inspect it")
    return replace(hazard, closed=deed.now, closed_by=deed.actor)


def _failed(hazard: Hazard, deed: Deed) -> Hazard:
    return replace(_noted(hazard, deed), rectified=None, rectified_by="", evidence=0)


def _dismissed(hazard: Hazard, deed: Deed) -> Hazard:
    return replace(_noted(hazard, deed), closed=deed.now, closed_by=deed.actor)


def _reopened(hazard: Hazard, deed: Deed) -> Hazard:
    _noted(hazard, deed)
    return replace(hazard, closed=None, closed_by="", rectified=None, rectified_by="", evidence=0, told=0)


def _commented(hazard: Hazard, deed: Deed) -> Hazard:
    return replace(_noted(hazard, deed), comments=hazard.comments + 1)


def _attached(hazard: Hazard, _: Deed) -> Hazard:
    fresh = hazard.evidence + (hazard.state is HazardState.RECTIFIED)
    return replace(hazard, attachments=hazard.attachments + 1, evidence=fresh)


def _escalated(hazard: Hazard, _: Deed) -> Hazard:
    return replace(hazard, told=hazard.told + 1)


def _check_due(due: int, deed: Deed) -> None:
    if not deed.now < due <= deed.now + FURTHEST:
        raise UserError("a time limit lies in the future, within a year")


_S, _V = HazardState, HazardVerb
_OPEN = frozenset({_S.FOUND, _S.RECTIFYING, _S.RECTIFIED})
_OVER = frozenset({_S.CLOSED, _S.DISMISSED})
TABLE: tuple[Row, ...] = (
    Row(_V.PLAN, frozenset({_S.FOUND, _S.RECTIFYING}), None, _planned, "any of the five"),
    Row(_V.BEGIN, frozenset({_S.FOUND}), _S.RECTIFYING, _begun, "all five: 责任、措施、资金、时限、预案"),
    Row(_V.EXTEND, frozenset({_S.RECTIFYING}), None, _extended, "a later limit and a written explanation"),
    Row(_V.DONE, frozenset({_S.RECTIFYING}), _S.RECTIFIED, _done, "what was done"),
    Row(_V.APPROVE, frozenset({_S.RECTIFIED}), _S.CLOSED, _passed, "evidence attached since, and another person"),
    Row(_V.REJECT, frozenset({_S.RECTIFIED}), _S.RECTIFYING, _failed, "what is still wrong"),
    Row(_V.DISMISS, frozenset({_S.FOUND}), _S.DISMISSED, _dismissed, "why it is none"),
    Row(_V.REOPEN, _OVER, _S.FOUND, _reopened, "why"),
    Row(_V.COMMENT, frozenset(_S), None, _commented, "words"),
    Row(_V.ATTACH, frozenset(_S), None, _attached, "a file"),
    Row(_V.ESCALATE, _OPEN, None, _escalated, "its limit is near or over"),
)
_BY_VERB = {row.verb: row for row in TABLE}


def do(hazard: Hazard, deed: Deed) -> Done:
    """Return what a deed makes of a hazard. Raises Conflict (not in this state), UserError, Forbidden."""
    if len(deed.note) > TEXT_MOST:
        raise UserError(f"a note has at most {TEXT_MOST} characters")
    row = _BY_VERB[deed.verb]
    if hazard.state not in row.before:
        allowed = ", ".join(sorted(row.before))
        raise Conflict(f"this hazard is {hazard.state}; `{deed.verb}` is for one that is {allowed}")
    moved = row.do(hazard, deed)
    return Done(replace(moved, state=row.after or hazard.state), deed.verb.value, deed.note)


def verbs(state: HazardState) -> tuple[HazardVerb, ...]:
    """Return what people may do in a state, in the order of the table."""
    return tuple(row.verb for row in TABLE if state in row.before and row.verb is not HazardVerb.ESCALATE)


def mermaid() -> str:
    """Return the diagram of the states, made from the table."""
    lines = ["stateDiagram-v2", "    [*] --> found: find"]
    lines += [
        f"    {before} --> {row.after}: {row.verb}"
        for row in TABLE if row.after is not None for before in HazardState if before in row.before
    ]  # fmt: skip
    lines += [f"    {state} --> [*]" for state in HazardState if state in _OVER]
    return "\n".join(lines) + "\n"


def table() -> str:
    """Return the table as a page shows it."""
    lines = ["| done | in | leads to | asks for |", "| --- | --- | --- | --- |"]
    for row in TABLE:
        before = "any" if row.before == frozenset(HazardState) else ", ".join(s for s in HazardState if s in row.before)
        lines.append(f"| {row.verb} | {before} | {row.after or 'the same'} | {row.asks} |")
    return "\n".join(lines) + "\n"
