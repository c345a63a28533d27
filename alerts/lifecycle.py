"""The machine of cases: one table of transitions, and the two ways into it, a trigger and a person's act.

The state of a case is derived from its facts (active, latched, acknowledged, closed); shelved, suppressed
by design and out of service are facts beside them, so that what is held back is still evaluated and
counted (ISA-18.2; OPC UA Part 9). The diagram in docs/alarms.md is drawn from the table.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts import changes
from alerts.changes import RANK, Given
from alerts.gate import exempt
from park.alarms import (
    Act,
    Case,
    CaseState,
    CaseVerb,
    Holder,
    MessageKind,
    Signal,
    Transition,
    TransitionReason,
    Trigger,
)
from park.errors import Conflict, Forbidden, UserError
from park.events import Label, Reason, Severity

STALE_AFTER = 3_600_000  # ms from a fact to our hearing of it, from which it is history
CALM = 30 * 60_000  # ms within which people are not called again to what comes and goes (not for life safety)
RESET_PATIENCE = 60_000  # ms that a stage has to obey a reset before a person may close without it
SHELF_MOST = 7 * 86_400_000  # ms
NOTE_MOST = 2_000  # characters of a person's words
DEVICES_MOST = 100  # remembered of those that raised a case

_S = CaseState
_HELD = frozenset({_S.UNACKNOWLEDGED, _S.ACKNOWLEDGED, _S.LATCHED_UNACKNOWLEDGED, _S.LATCHED_ACKNOWLEDGED})
_OPEN = frozenset(_S) - {_S.CLOSED}
_UNSEEN = frozenset({_S.UNACKNOWLEDGED, _S.LATCHED_UNACKNOWLEDGED, _S.RETURNED})
_SEEN = _OPEN - _UNSEEN
_NEW: frozenset[CaseState | None] = frozenset({None})


class Scope(StrEnum):
    """Which cases a row is for."""

    ANY = "any"
    LIFE = "life safety"
    ORDINARY = "ordinary"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: from these states, told this, a case changes so; perhaps people are called."""

    verb: CaseVerb
    before: frozenset[CaseState | None] | frozenset[CaseState]
    do: tuple[Callable[[Case, Given], Case], ...] = ()
    call: MessageKind | None = None
    scope: Scope = Scope.ANY


_V, _M, _L, _O = CaseVerb, MessageKind, Scope.LIFE, Scope.ORDINARY
_c = changes
TABLE: tuple[Row, ...] = (
    # the condition
    Row(_V.TRIGGER, _NEW, (), _M.RAISED),
    Row(_V.TRIGGER, frozenset({_S.UNACKNOWLEDGED, _S.ACKNOWLEDGED}), (_c.counted,)),
    Row(_V.TRIGGER, _OPEN - {_S.UNACKNOWLEDGED, _S.ACKNOWLEDGED}, (_c.counted, _c.unseen), _M.AGAIN),
    Row(_V.JOIN, _OPEN, (_c.counted, _c.unseen), _M.WORSE, _L),
    Row(_V.WORSEN, _OPEN, (_c.counted, _c.unseen), _M.WORSE),
    Row(_V.EASE, _OPEN, (), None, _O),
    Row(_V.LATCH, frozenset({_S.UNACKNOWLEDGED, _S.ACKNOWLEDGED})),
    Row(_V.RETURN, frozenset({_S.UNACKNOWLEDGED, _S.LATCHED_UNACKNOWLEDGED}), (), _M.RETURNED),
    Row(_V.RETURN, frozenset({_S.ACKNOWLEDGED, _S.LATCHED_ACKNOWLEDGED}), (), _M.RETURNED, _L),
    Row(_V.RETURN, frozenset({_S.ACKNOWLEDGED, _S.LATCHED_ACKNOWLEDGED}), (_c.closed,), _M.RETURNED, _O),
    # people
    Row(_V.ACKNOWLEDGE, frozenset({_S.UNACKNOWLEDGED, _S.LATCHED_UNACKNOWLEDGED}), (_c.seen,)),
    Row(_V.ACKNOWLEDGE, frozenset({_S.RETURNED}), (_c.seen,), None, _L),
    Row(_V.ACKNOWLEDGE, frozenset({_S.RETURNED}), (_c.seen, _c.closed), None, _O),
    Row(_V.CONFIRM, _HELD, (_c.confirmed, _c.unseen), _M.WORSE, _L),
    Row(_V.ASSIGN, _OPEN, (_c.owned,)),
    Row(_V.COMMENT, frozenset(_S), (_c.commented,)),
    Row(_V.ATTACH, frozenset(_S), (_c.attached,)),
    Row(_V.SHELVE, _OPEN, (_c.shelved,), None, _O),
    Row(_V.UNSHELVE, _OPEN, (_c.unshelved,), _M.AGAIN, _O),
    Row(_V.REMOVE, _OPEN, (_c.removed,), None, _O),
    Row(_V.RESTORE, _OPEN, (_c.restored,), _M.AGAIN, _O),
    Row(_V.RESET, _OPEN, (_c.reset_asked,)),  # a stage may obey before the wish is written down
    Row(_V.CLOSE, _OPEN, (_c.closed,)),
    # time, and what is about the case
    Row(_V.SHELF_END, _OPEN, (_c.unshelved,), _M.AGAIN, _O),
    Row(_V.SUPPRESS, _OPEN, (), None, _O),
    Row(_V.UNSUPPRESS, _OPEN, (), _M.AGAIN, _O),
    Row(_V.ESCALATE, _UNSEEN, (_c.stepped,), _M.ESCALATED),
    Row(_V.NOBODY, _UNSEEN, (_c.unanswered,), _M.NOBODY),
    Row(_V.REALARM, _SEEN & _HELD, (_c.unseen,), _M.AGAIN),
)
PERSONS = frozenset(
    {_V.ACKNOWLEDGE, _V.CONFIRM, _V.ASSIGN, _V.COMMENT, _V.ATTACH, _V.SHELVE, _V.UNSHELVE, _V.REMOVE, _V.RESTORE,
     _V.RESET, _V.CLOSE}
)  # fmt: skip
# Acts that hold an alarm back: refused for life safety by the gate, with this sentence.
HOLDING = frozenset({_V.SHELVE, _V.REMOVE, _V.SUPPRESS})
_RELEASING = frozenset({_V.UNSHELVE, _V.RESTORE, _V.SHELF_END, _V.UNSUPPRESS})  # call only to what still stands unseen
_RESET_REASONS = frozenset(
    {TransitionReason.BELOW_ALARM, TransitionReason.VIDEO_CLEAR, TransitionReason.CONFIRMED_CLEAR}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    case: Case
    transitions: tuple[Transition, ...]
    call: MessageKind | None = None  # people are to be told, unless something holds it back


def row_of(verb: CaseVerb, before: CaseState | None, *, life: bool) -> Row | None:
    """Return the row for a verb in a state; None: that cannot happen there."""
    scopes = (Scope.ANY, Scope.LIFE if life else Scope.ORDINARY)
    return next((r for r in TABLE if r.verb is verb and before in r.before and r.scope in scopes), None)


def advance(case: Case, verb: CaseVerb, before: CaseState | None, given: Given, why: TransitionReason) -> Outcome:
    """Take a case through one row of the table. Raises Conflict where there is none."""
    row = row_of(verb, before, life=exempt(case))
    if row is None:
        raise Conflict(f"a case that is {(before or 'not there').replace('_', ' ')} cannot {_SAID[verb]}")
    for change in row.do:
        case = change(case, given)
    case = replace(case, version=case.version + 1, changed=given.now)
    act, trigger = given.act, given.trigger
    by = act.actor if act else trigger.actor if trigger else ""
    line = Transition(
        case.id, verb, given.now, by, why, before, case.state, case.version,
        note=act.note if act else trigger.note if trigger else "", event=trigger.id if trigger else "",
        attachment=act.attachment if act else 0, device=trigger.device if trigger else 0,
    )  # fmt: skip
    call = row.call
    if verb in _RELEASING and (case.acknowledged or not case.holders or case.held_back):
        call = None
    return Outcome(case, (line,), call)


# ── triggers ─────────────────────────────────────────────────────────────────────────────────────


def tell(case: Case | None, trigger: Trigger, now: int) -> Outcome | None:
    """Tell the open case of a trigger's key, if there is one, of it. None: it changes nothing."""
    stale = is_stale(trigger, now)
    if trigger.told and _known(case, trigger):
        # A fire that was taken for history as it was called out: nobody was told, and it happens now.
        unheard = case is not None and exempt(case) and not case.paged and not case.acknowledged and not stale
        return Outcome(case, (), MessageKind.RAISED) if case is not None and unheard else None
    if case is None:
        if trigger.signal is Signal.OVER:
            return None
        raised = trigger.at if stale else now
        fresh = _with(_opened(trigger, raised, now), trigger)
        outcome = advance(fresh, CaseVerb.TRIGGER, None, Given(now, trigger=trigger), trigger.why)
        return _ended(outcome, trigger, now, stale=stale) if trigger.signal is Signal.MOMENT else outcome
    before = case.state
    if trigger.signal in {Signal.OVER, Signal.LATCHED}:
        return _less(case, trigger, now, stale=stale)
    trigger = _borne_out(case, trigger)
    verb = _verb(case, trigger)
    told = _with(case, trigger)
    outcome = advance(told, verb, before, Given(now, trigger=trigger), trigger.why)
    over = trigger.signal is Signal.MOMENT and not told.holders
    return _ended(outcome, trigger, now, stale=stale) if over else outcome


def is_stale(trigger: Trigger, now: int) -> bool:
    """Tell whether a trigger is history that is read late: nobody can be called to it in time.

    Log time may be days behind a clock that is not believed yet; what is told as it happens is none all the same.
    But for what its stage calls history: it came long before log time, and was taken in again.
    """
    return (not trigger.live or Label.HISTORY in trigger.labels) and now - trigger.at > STALE_AFTER


def _known(case: Case | None, trigger: Trigger) -> bool:
    """Tell whether what was called out needs no second word: its case is closed, or its source holds it up as new.

    What was written in between may have ended a condition that stands: then it has to be told once more.
    """
    return case is None or any(
        h.source == trigger.source and h.signal is Signal.ACTIVE and h.at >= trigger.at for h in case.holders
    )


def _verb(case: Case, trigger: Trigger) -> CaseVerb:
    """Return what an activation means to an open case."""
    if RANK[trigger.severity] < RANK[case.severity]:
        return CaseVerb.WORSEN
    if exempt(case) and trigger.device and trigger.device not in case.devices and len(case.devices) < DEVICES_MOST:
        return CaseVerb.JOIN
    mine = next((h for h in case.holders if h.source == trigger.source), None)
    if not exempt(case) and mine and len(case.holders) == 1 and RANK[trigger.severity] > RANK[case.severity]:
        return CaseVerb.EASE
    return CaseVerb.TRIGGER


def _borne_out(case: Case, trigger: Trigger) -> Trigger:
    """Return a pre-alarm as confirmed where another lane holds the case up by another device.

    Each lane sees its own devices only: two independent signals of one place, one in each, confirm as two in
    one do (GB 50116, 4.1.6).
    """
    other = any(h.source != trigger.source for h in case.holders)
    if not other or trigger.rule != f"{trigger.family}.pre_alarm" or trigger.device in {0, *case.devices}:
        return trigger
    reason = trigger.reason if trigger.reason is Reason.CALL_POINT else Reason.SECOND_DEVICE
    return replace(trigger, rule=f"{trigger.family}.confirmed", severity=Severity.CRITICAL, reason=reason)


def _less(case: Case, trigger: Trigger, now: int, *, stale: bool) -> Outcome | None:
    """Take what a holder says of its own condition: held until reset, or over."""
    mine = next((h for h in case.holders if h.source == trigger.source and h.origin == trigger.origin), None)
    if mine is None or (trigger.signal is Signal.LATCHED and mine.signal is Signal.LATCHED):
        return None  # of a condition that another has replaced, or said already
    before = case.state
    others = tuple(h for h in case.holders if h is not mine)
    if trigger.signal is Signal.OVER and not others:
        return _ended(Outcome(replace(case, holders=()), ()), trigger, now, stale=stale, before=before)
    left = others if trigger.signal is Signal.OVER else (*others, replace(mine, signal=Signal.LATCHED, at=trigger.at))
    case = replace(case, holders=left)
    if case.active or before not in {CaseState.UNACKNOWLEDGED, CaseState.ACKNOWLEDGED}:
        return Outcome(replace(case, version=case.version + 1, changed=now), ())
    return advance(case, CaseVerb.LATCH, before, Given(now, trigger=trigger), trigger.why)


def _ended(outcome: Outcome, trigger: Trigger, now: int, *, stale: bool, before: CaseState | None = None) -> Outcome:
    """Let a case return; history that is read late closes by itself: nobody could have seen it."""
    case, given = replace(outcome.case, holders=()), Given(now, trigger=trigger)
    if before is None:
        before = CaseState.ACKNOWLEDGED if case.acknowledged else CaseState.UNACKNOWLEDGED
    returned = advance(case, CaseVerb.RETURN, before, given, trigger.why)
    lines = (*outcome.transitions, *returned.transitions)
    if stale and returned.case.closed is None and not case.paged:
        end = advance(returned.case, CaseVerb.CLOSE, returned.case.state, Given(now), TransitionReason.STALE)
        return Outcome(end.case, (*lines, *end.transitions), None)
    # A fire that nobody was told of yet, for it was thought to be history, and that is reset before our eyes, is told.
    unheard = MessageKind.RAISED if exempt(case) and not case.paged and not stale else None
    return Outcome(returned.case, lines, outcome.call or unheard or returned.call)


def _opened(trigger: Trigger, raised: int, now: int) -> Case:
    return Case(
        trigger.family, trigger.subject, trigger.cause, trigger.rule, trigger.severity, raised, now, trigger.at,
        trigger.ts, trigger.reason, park=trigger.park, count=1,
    )  # fmt: skip


def _with(case: Case, trigger: Trigger) -> Case:
    """Return a case with what an activation says: newest values, all devices, the worst severity of life safety."""
    holders = tuple(h for h in case.holders if h.source != trigger.source)
    if trigger.signal is not Signal.MOMENT:
        holders = (*holders, Holder(trigger.source, trigger.origin, trigger.signal, trigger.severity, trigger.at))
    ranks = [trigger.severity, *(h.severity for h in holders)]
    if exempt(case):
        ranks.append(case.severity)  # a fire that was confirmed stays so until the case is over
    severity = min(ranks, key=RANK.__getitem__)
    devices = case.devices
    if trigger.device and trigger.device not in devices and len(devices) < DEVICES_MOST:
        devices = (*devices, trigger.device)
    worst = exempt(case) and RANK[trigger.severity] > RANK[severity]
    return replace(
        case,
        holders=holders,
        severity=severity,
        devices=devices,
        rule=case.rule if worst else trigger.rule,
        reason=trigger.reason,
        ts=trigger.ts,
        park=trigger.park or case.park,
        place=trigger.place or case.place,
        device=trigger.device or case.device,
        point=trigger.point or case.point,
        gateway=trigger.gateway or case.gateway,
        value=trigger.value if trigger.value is not None else case.value,
        # Another point's value has its own limit, or none: a call point that is pressed passes no limit of smoke.
        limit=case.limit if trigger.limit is None and trigger.point in {0, case.point} else trigger.limit,
        labels=trigger.labels,
        reset_asked=None,  # whatever was asked before: a stage holds it up now, and that one is to obey
        finding=trigger.origin if trigger.why is TransitionReason.FINDING else case.finding,
        condition=trigger.origin if trigger.why is TransitionReason.CONDITION else case.condition,
    )


_CALLED = frozenset({_V.JOIN, _V.WORSEN, _V.CONFIRM, _V.REALARM})


def worse_than(line: Transition, version: int) -> bool:
    """Tell whether a line of a case's history is news to who saw a version of it: its acknowledgement would go."""
    anew = line.verb is CaseVerb.TRIGGER and line.before not in {None, _S.UNACKNOWLEDGED, _S.ACKNOWLEDGED}
    return line.version > version and (anew or line.verb in _CALLED)


# ── people ───────────────────────────────────────────────────────────────────────────────────────


def act(case: Case, asked: Act, now: int) -> Outcome:
    """Do what a person asks of a case. Raises Conflict, Forbidden, UserError."""
    if asked.verb not in PERSONS:
        raise UserError(f"nobody can ask a case to {_SAID[asked.verb]}")
    if not asked.actor.strip():
        raise UserError("only a person who gives a name may change a case")
    if asked.verb in HOLDING and exempt(case):
        raise Forbidden("an alarm of life safety can be neither shelved nor taken out of service")
    if len(asked.note) > NOTE_MOST:
        raise UserError(f"a note has at most {NOTE_MOST} characters; this one has {len(asked.note)}")
    check = _CHECKS.get(asked.verb)
    if check is not None:
        check(case, asked, now)
    before = case.state
    outcome = advance(case, asked.verb, before, Given(now, act=asked), asked.why)
    if asked.verb is CaseVerb.RESET and case.holders and not outcome.case.holders:  # only people had reported it
        returned = advance(outcome.case, CaseVerb.RETURN, before, Given(now, act=asked), asked.why)
        return Outcome(returned.case, (*outcome.transitions, *returned.transitions), returned.call)
    return outcome


def _check_acknowledge(case: Case, _: Act, __: int) -> None:
    if case.closed is None and case.acknowledged:
        raise Conflict(f"{case.acknowledged_by or 'somebody'} has acknowledged it already")


def _check_shelve(_: Case, asked: Act, now: int) -> None:
    if asked.until is None or not now < asked.until <= now + SHELF_MOST:
        raise UserError("an alarm is shelved until a time within the next seven days")
    if not asked.note.strip():
        raise UserError("say why it is shelved")


def _check_unshelve(case: Case, _: Act, __: int) -> None:
    if case.shelved_until is None:
        raise Conflict("it is not on the shelf")


def _check_service(case: Case, asked: Act, _: int) -> None:
    if case.out_of_service is (asked.verb is CaseVerb.REMOVE):
        raise Conflict("it is out of service already" if case.out_of_service else "it is in service")
    if asked.verb is CaseVerb.REMOVE and not asked.note.strip():
        raise UserError("say why it is taken out of service")


def _check_comment(_: Case, asked: Act, __: int) -> None:
    if not asked.note.strip():
        raise UserError("a comment has words")


def _check_reset(case: Case, asked: Act, _: int) -> None:
    if exempt(case) and asked.why not in _RESET_REASONS:
        raise UserError(
            "say which of the three holds (GB/T 45839-2025, 5.8.1): below_alarm, video_clear or confirmed_clear"
        )


def _check_close(case: Case, asked: Act, now: int) -> None:
    if not exempt(case):
        if case.holders and not asked.note.strip():
            raise UserError("it still stands: say why it is closed")
        return
    if asked.verdict is None:
        raise UserError("say what it was: a verdict")
    if case.holders and (case.reset_asked is None or now - case.reset_asked < RESET_PATIENCE):
        raise Conflict("it still stands: only its device's reset, or a named person's, ends it")


_CHECKS: dict[CaseVerb, Callable[[Case, Act, int], None]] = {
    CaseVerb.ACKNOWLEDGE: _check_acknowledge,
    CaseVerb.SHELVE: _check_shelve,
    CaseVerb.UNSHELVE: _check_unshelve,
    CaseVerb.REMOVE: _check_service,
    CaseVerb.RESTORE: _check_service,
    CaseVerb.COMMENT: _check_comment,
    CaseVerb.RESET: _check_reset,
    CaseVerb.CLOSE: _check_close,
}
_SAID = {verb: verb.value.replace("_", " ") for verb in CaseVerb} | {
    CaseVerb.ACKNOWLEDGE: "be acknowledged", CaseVerb.CONFIRM: "be confirmed", CaseVerb.ASSIGN: "be assigned",
    CaseVerb.SHELVE: "be shelved", CaseVerb.UNSHELVE: "be taken from the shelf", CaseVerb.CLOSE: "be closed",
    CaseVerb.REMOVE: "be taken out of service", CaseVerb.RESTORE: "be put back into service",
    CaseVerb.RESET: "be reset", CaseVerb.TRIGGER: "be triggered",
}  # fmt: skip
