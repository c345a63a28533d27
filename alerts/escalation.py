"""Who is told of a case, and when: chains of steps, resolved through rotas to officers and targets.

```
 call ── step 0 ──after── step 1 ──after── ... ──wait── "nobody answered" ── the chain after it, or everyone
            └── an acknowledgement ends it
```
A call is the beginning of a chain; a worse case is called anew. Ids of notifications are derived from the case,
the call, the step and the target, so that the same message is the same message after a crash. To a fire the event
that it is told by gives the id, in place of the case: so it is the same where no database knows a case yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from alerts import rotas
from alerts.gate import at_once, exempt
from alerts.matching import checked as matchers_checked
from alerts.matching import labels_of, matches
from alerts.triggers import APART
from park.alarms import Answer, Case, MessageKind, Notification
from park.apart import SHIFT
from park.duty import Chain, Officer, Rota, Step
from park.errors import UserError
from park.events import Severity

GROUP_WAIT = 30_000  # ms that ordinary alarms wait for company; Alertmanager's group_wait
NOBODY_AGAIN = 10 * 60_000  # ms until everyone is told again of a life-safety alarm that nobody answered
LONGEST = 86_400_000  # ms of any wait of a chain
EVERYONE = "all"  # every target that takes messages
STEPS_MOST = 20
TARGETS_MOST = 20
# GB/T 45839-2025, 5.10.4: people are told within 15 s; so the first step is at once. What comes after is ours.
LIFE_CHAIN = Chain(
    "life safety",
    (Step(0, (EVERYONE,)), Step(60_000, (EVERYONE,)), Step(180_000, (EVERYONE,))),
    wait=120_000,
    realarm=30 * 60_000,
)
HIGH_CHAIN = Chain("high", (Step(0, (EVERYONE,)), Step(600_000, (EVERYONE,))), wait=1_200_000)
ONCE_CHAIN = Chain("once", (Step(0, (EVERYONE,)),), wait=0)
# Who is called to what where no chain says otherwise. Low is looked at by day: no operator action, no call (ISA-18.2).
_BUILT_IN: Mapping[Severity, Chain | None] = {
    Severity.CRITICAL: LIFE_CHAIN,
    Severity.HIGH: HIGH_CHAIN,
    Severity.MEDIUM: ONCE_CHAIN,
    Severity.LOW: None,
}


class TimerKind(StrEnum):
    """What a case waits for; at most one of each."""

    STEP = "step"  # the next step of its chain
    NOBODY = "nobody"
    REALARM = "realarm"
    SHELF = "shelf"
    SETTLE = "settle"  # history that was read late: does it still stand?
    SUMMARY = "summary"  # of a flood


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that is due for a case."""

    case: int
    kind: TimerKind
    due: int  # epoch ms
    call: int = 0  # `paged` of the case when it was set: a timer of an older call does nothing


@dataclass(frozen=True, slots=True)
class Duty:
    """Who there is: what chains are resolved through."""

    chains: tuple[Chain, ...] = ()
    rotas: Mapping[int, Rota] = field(default_factory=dict)
    officers: Mapping[int, Officer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call: the case, the messages, what is due next."""

    case: Case
    notifications: tuple[Notification, ...]
    timers: tuple[Timer, ...]
    empty: tuple[int, ...] = ()  # steps at which nobody was on duty


def chain_for(case: Case, duty: Duty) -> Chain | None:
    """Return the chain for a case: the first that matches, by order; else the built-in of its severity."""
    labels = labels_of(case)
    for chain in sorted(duty.chains, key=lambda c: (c.order, c.id)):
        if (not chain.park or chain.park == case.park) and matches(chain.matchers, labels):
            return chain
    return LIFE_CHAIN if exempt(case) else _BUILT_IN[case.severity]


def call(case: Case, kind: MessageKind, duty: Duty, now: int, group: str, event: str = "") -> Called:
    """Call people to a case, from the first step of its chain on; `event` is the id of what is the cause of it."""
    chain = chain_for(case, duty)
    if chain is None:
        return Called(case, (), ())
    case = replace(case, paged=case.paged + 1, called=now, answer=Answer.WAITING, chain=chain.id, step=0)
    called = _go(case, kind, chain, duty, now, group)
    if not event or not exempt(case):
        return called
    return replace(called, notifications=tuple(replace(n, id=f"{event}/{n.target}") for n in called.notifications))


def go_on(case: Case, duty: Duty, now: int, group: str) -> Called:
    """Tell the step of its chain that a case has come to."""
    chain = _chain(case, duty)
    return Called(case, (), ()) if chain is None else _go(case, MessageKind.ESCALATED, chain, duty, now, group)


def nobody(case: Case, duty: Duty, now: int) -> Called:
    """Tell everyone that nobody answered; go on with the chain that comes then, if there is one."""
    chain = _chain(case, duty)
    after = next((c for c in duty.chains if chain is not None and c.id == chain.then), None)
    told = (_message(case, MessageKind.NOBODY, EVERYONE, now, ""),)
    if after is None:
        wait = NOBODY_AGAIN if exempt(case) else realarm(case, None)
        if not wait:
            return Called(case, told, ())
        # A fire that nobody answers is told again and again; a call of its own each time, and so an id.
        again = replace(case, paged=case.paged + 1)
        return Called(again, told, (Timer(case.id, TimerKind.NOBODY, now + wait, again.paged),))
    case = replace(case, chain=after.id, step=0, paged=case.paged + 1, answer=Answer.WAITING)
    found = _go(case, MessageKind.ESCALATED, after, duty, now, "")
    return replace(found, notifications=(*told, *found.notifications))


def realarm(case: Case, chain: Chain | None) -> int:
    """Return the ms after which people are called again to what they know of and still stands; 0: they are not.

    Whatever its chain says, each shift hears of a device that guards lives and is set apart.
    """
    own = chain.realarm if chain is not None else 0
    return (own or SHIFT) if case.family == APART else own


def ahead(case: Case, duty: Duty, now: int) -> tuple[tuple[str, ...], ...]:
    """Return the targets of the steps that a case has not come to yet, and everyone at last."""
    chain = _chain(case, duty)
    steps = chain.steps[case.step + 1 :] if chain is not None else ()
    return (*(resolved(step, duty, now) for step in steps), (EVERYONE,))


def _chain(case: Case, duty: Duty) -> Chain | None:
    """Return the chain that a case is in; the one that fits now where that was taken away."""
    found = next((c for c in duty.chains if c.id == case.chain), None) if case.chain else None
    return found or chain_for(case, duty)


def _go(case: Case, kind: MessageKind, chain: Chain, duty: Duty, now: int, group: str) -> Called:
    """Tell a step, and those after it that are due with it; steps that reach nobody are passed at once."""
    messages: dict[str, Notification] = {}
    empty: list[int] = []
    step = min(case.step, len(chain.steps))
    due_with = chain.steps[step].after if step < len(chain.steps) else 0
    while step < len(chain.steps):
        at = chain.steps[step]
        if messages and at.after > due_with:
            break
        targets = resolved(at, duty, now)
        if not targets:
            empty.append(step)
        for target in targets:
            note = _message(replace(case, step=step), kind, target, now, group)
            messages.setdefault(note.id, note)
        due_with = max(due_with, at.after)
        step += 1
    if not messages and (at_once(case) or case.severity is Severity.CRITICAL):
        note = _message(case, kind, EVERYONE, now, group)  # a rota with holes must not leave a fire to nobody
        messages[note.id] = note
    # `step` of the case is the next one that waits: the timer makes ESCALATE of it.
    case = replace(case, step=step - 1)
    if step < len(chain.steps):
        timer = Timer(case.id, TimerKind.STEP, now + chain.steps[step].after - due_with, case.paged)
    else:  # nobody may leave a fire unanswered: a chain that asks for no answer asks for that of a fire
        wait = chain.wait or (LIFE_CHAIN.wait if exempt(case) or case.family == APART else 0)
        timer = Timer(case.id, TimerKind.NOBODY, now + wait, case.paged)
    asks = chain.wait > 0 or len(chain.steps) > 1 or exempt(case) or case.family == APART
    if not asks:
        case = replace(case, answer=Answer.NONE)
    return Called(case, tuple(messages.values()), (timer,) if asks else (), tuple(empty))


def resolved(step: Step, duty: Duty, now: int) -> tuple[str, ...]:
    """Return the targets of a step with rotas turned into the officers on duty, each once."""
    found: dict[str, None] = {}
    for target in step.targets:
        kind, _, key = target.partition(":")
        if kind != "rota":
            found[target] = None
            continue
        rota = duty.rotas.get(int(key))
        for officer in rotas.on_duty(rota, now) if rota else ():
            found[f"officer:{officer}"] = None
    return tuple(t for t in found if not t.startswith("officer:") or int(t[8:]) in duty.officers)


def told(case: Case, kind: MessageKind, targets: Sequence[str], now: int) -> tuple[Notification, ...]:
    """Return messages of a case to targets that were told before: that it is over, for one."""
    return tuple(_message(case, kind, target, now, "") for target in dict.fromkeys(targets))


def _message(case: Case, kind: MessageKind, target: str, now: int, group: str) -> Notification:
    alone = exempt(case) or (at_once(case) and kind is not MessageKind.RETURNED)
    waits = not alone and case.severity is not Severity.CRITICAL and kind is MessageKind.RAISED
    return Notification(
        f"case-{case.id}/{case.paged}/{case.step}/{kind}/{target}", case.id, target, kind, case.severity, alone,
        now + GROUP_WAIT if waits else now, "" if alone else group, now, case.park, case.version,
    )  # fmt: skip


# ── what people may save ─────────────────────────────────────────────────────────────────────────


def checked(chain: Chain, duty: Duty) -> None:
    """See that a chain can be used, with the others that there are. Raises UserError."""
    matchers_checked(chain.matchers)
    if not 1 <= len(chain.steps) <= STEPS_MOST:
        raise UserError(f"a chain has 1 to {STEPS_MOST} steps")
    if list(chain.steps) != sorted(chain.steps, key=lambda s: s.after) or chain.steps[0].after < 0:
        raise UserError("the steps of a chain come one after the other: `after` rises, from 0 on")
    if max(chain.steps[-1].after, chain.wait, chain.realarm) > LONGEST or min(chain.wait, chain.realarm) < 0:
        raise UserError("a chain waits for a day at most")
    for step in chain.steps:
        if not 1 <= len(step.targets) <= TARGETS_MOST:
            raise UserError(f"a step has 1 to {TARGETS_MOST} targets")
        for target in step.targets:
            _target(target, duty)
    others = {c.id: c for c in duty.chains if c.id != chain.id}
    if chain.then and chain.then != chain.id and chain.then not in others:
        raise UserError(f"there is no chain {chain.then} to go on with")
    seen, then = [chain.id], chain.then
    while then:
        if then in seen:
            way = " -> ".join(str(c or "this") for c in [*seen, then])
            raise UserError(f"chains would go in a circle: {way}")
        seen.append(then)
        then = others[then].then if then in others else 0


def _target(target: str, duty: Duty) -> None:
    kind, _, key = target.partition(":")
    number = int(key) if key.isascii() and key.isdigit() and len(key) <= 18 else 0
    if target == EVERYONE or (kind == "target" and 0 < len(key) <= 64):
        return
    if kind == "officer" and number in duty.officers:
        return
    if kind == "rota" and number in duty.rotas:
        return
    known = {"officer": "officer", "rota": "rota"}.get(kind)
    raise UserError(
        f"there is no {known} {key[:20]!r}"
        if known
        else f"{target[:64]!r} is no target: all, officer:N, rota:N, target:NAME"
    )
