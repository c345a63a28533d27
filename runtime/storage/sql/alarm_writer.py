"""Cases within one transaction: what a trigger, a person or a timer makes of them, with all that follows.

```
 trigger ─┐                      ┌─ suppression (behind the gate) ─ held back: nobody is called
 act ─────┼─> lifecycle ─> case ─┤
 timer ───┘                      └─ escalation ─> notifications (outbox), timers
```
The case, its history, its timers and its notifications are written together, or not at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from alerts import escalation, lifecycle
from alerts.changes import Given
from alerts.escalation import Called, Timer, TimerKind
from alerts.gate import exempt
from alerts.lifecycle import Outcome
from alerts.suppression import flood_of, floods
from alerts.triggers import flood_trigger
from park.alarms import (
    Act,
    Answer,
    Case,
    CaseState,
    CaseVerb,
    MessageKind,
    Notification,
    Signal,
    SuppressionReason,
    Transition,
    TransitionReason,
    Trigger,
)
from park.errors import Conflict, NotFound, Unavailable, UserError
from runtime.storage.sql.alarm_around import Surroundings
from runtime.storage.sql.alarm_case_rows import CaseRows, Kept, Key
from runtime.storage.sql.alarm_rows import steps_of
from runtime.storage.sql.tables_alarms import case_timers

SETTLE = 10_000  # ms that history which is read late has to end before people are called to it
SUMMARY_EVERY = 5 * 60_000  # ms between summaries of a flood; Alertmanager's group_interval
CALM_STEP = 5 * 60_000  # ms until the chain goes on for what came back without a new call
_TRIES = 5  # of a new case whose key another process took at the same time
_CALLS = frozenset({TimerKind.STEP, TimerKind.NOBODY})
# What takes back messages that still wait, unless it is a fire's.
_ENDING = frozenset({CaseVerb.RETURN, CaseVerb.SUPPRESS, CaseVerb.SHELVE, CaseVerb.REMOVE, CaseVerb.CLOSE})


class CaseWriter:
    """Changes cases in one transaction; `changed` is what the world should hear of once it is committed.

    Whoever uses it ends with `flush`, within the transaction.
    """

    def __init__(self, connection: Connection, now: int) -> None:
        self.changed: dict[int, Case] = {}
        self.connection = connection
        self._rows = CaseRows(connection)
        self._now = now
        # Of cases that have a row: the trigger that begins them, and what it makes of them.
        self._untold: dict[int, tuple[Trigger, Outcome]] = {}
        self._around = Surroundings(connection, self._rows, now, self._untold)

    @property
    def notified(self) -> int:
        """Notifications that were written."""
        return self._rows.notified

    def flush(self) -> None:
        """Write what was changed."""
        self._rows.flush()

    # ── what happens to a case ───────────────────────────────────────────────────────────────────

    def trigger(self, triggers: Sequence[Trigger]) -> None:
        """Tell the cases of some triggers of them, in order; make those that there are not. The same as one by one."""
        placed = self._around.placed(triggers)
        self._rows.load_open([_key(told) for told in placed])
        self._make(placed)
        for told in placed:
            self._tell(told)

    def _make(self, placed: Sequence[Trigger]) -> None:
        """Insert the cases that some triggers begin, many at a time."""
        fresh: dict[Key, tuple[Trigger, Outcome]] = {}
        for told in placed:
            if told.signal is Signal.OVER or _key(told) in fresh or self._rows.open(_key(told)) is not None:
                continue
            outcome = lifecycle.tell(None, told, self._now)
            if outcome is not None:
                fresh[_key(told)] = (told, outcome)
        if not fresh:
            return
        paths = self._around.paths(told.place for told, _ in fresh.values())
        self._rows.insert([(outcome.case, paths[told.place]) for told, outcome in fresh.values()])
        for key, begins in fresh.items():
            kept = self._rows.open(key)
            if kept is not None and kept.born:
                self._untold[kept.case.id] = begins

    def _tell(self, told: Trigger) -> None:
        for _ in range(_TRIES):
            kept = self._rows.open(_key(told))
            if kept is None:
                if told.signal is Signal.OVER or told.told:
                    return
                self._make([told])
                continue  # with another's case, where another process was first
            outcome: Outcome | None
            if kept.case.id in self._untold:
                begins, outcome = self._untold[kept.case.id]
                if begins is not told:
                    return  # the end of something that nobody was told of
                del self._untold[kept.case.id]
                lines = tuple(replace(line, case=kept.case.id) for line in outcome.transitions)
                outcome = replace(outcome, case=replace(outcome.case, id=kept.case.id), transitions=lines)
            else:
                outcome = lifecycle.tell(kept.case, told, self._now)
            if outcome is not None:
                self._finish(outcome, kept, stale=lifecycle.is_stale(told, self._now), event=told.id)
            return
        raise Unavailable(f"the alarm {told.family} {told.subject} is taken by others again and again")

    def act(self, key: int, asked: Act, version: int | None) -> Case:
        """Do what a person asks. Raises NotFound, Conflict, Forbidden, UserError."""
        kept = self._rows.kept(key)
        if kept is None:
            raise NotFound(f"there is no alarm {key}")
        if version is not None and version != kept.case.version:
            raise Conflict(
                f"the alarm {key} changed meanwhile: it is at version {kept.case.version}, you saw {version}"
            )
        if asked.verb is CaseVerb.ASSIGN and asked.owner not in {"", asked.actor, *self._around.names(kept.case.park)}:
            raise UserError(f"there is no officer {asked.owner[:64]!r}")
        self._finish(lifecycle.act(kept.case, asked, self._now), kept)
        return self.changed[key]

    def due(self, timers: Iterable[Timer]) -> None:
        """Do what timers stand for, where that is still wanted; the timers themselves are gone already."""
        found = list(timers)
        self._rows.load(timer.case for timer in found)
        for timer in found:
            self._due(timer)

    def _due(self, timer: Timer) -> None:
        kept = self._rows.kept(timer.case)
        if kept is None or kept.case.closed is not None:
            return
        case, before, given = kept.case, kept.case.state, Given(self._now)
        if timer.kind is TimerKind.SHELF and case.shelved_until is not None:
            self._finish(lifecycle.advance(case, CaseVerb.SHELF_END, before, given, TransitionReason.EXPIRED), kept)
        elif timer.kind is TimerKind.SETTLE and not case.paged:
            if case.holders:
                self._finish(Outcome(case, (), MessageKind.RAISED), kept)
            elif not case.acknowledged:
                self._finish(lifecycle.advance(case, CaseVerb.CLOSE, before, given, TransitionReason.STALE), kept)
        elif timer.call != case.paged or case.held_back:
            return  # of a call that another has replaced, or of a case that calls nobody now
        elif timer.kind is TimerKind.REALARM and case.acknowledged and case.holders:
            self._finish(lifecycle.advance(case, CaseVerb.REALARM, before, given, TransitionReason.TIMER), kept)
        elif timer.kind is TimerKind.SUMMARY and case.holders:
            self._summary(kept)
        elif timer.kind in _CALLS and not case.acknowledged and (case.holders or exempt(case)):
            self._go_on(kept, timer.kind)

    def reconsider(self, keys: Sequence[int]) -> None:
        """See whether what holds cases back still does."""
        self._rows.load(keys)
        for key in keys:
            kept = self._rows.kept(key)
            if kept is not None and kept.case.closed is None and not exempt(kept.case):
                self._finish(Outcome(kept.case, ()), kept)

    def flood_over(self, park: int, cause: str) -> None:
        """End a flood of a park where so few alarms came lately that it is none."""
        if not floods(self._around.recent(park, cause), flooding=True):
            self.trigger([flood_trigger(park, self._now, cause, begins=False)])

    # ── what follows ─────────────────────────────────────────────────────────────────────────────

    def _finish(self, outcome: Outcome, kept: Kept, *, stale: bool = False, event: str = "") -> None:
        case, lines, call = outcome.case, list(outcome.transitions), outcome.call
        announced = kept.announced
        life = exempt(case)
        timers: list[Timer] = []
        gone: set[TimerKind] = set()
        messages: tuple[Notification, ...] = ()
        fresh = call is not None and call is not MessageKind.RETURNED
        if fresh and stale and not case.paged:
            call, fresh = None, False
            timers.append(Timer(case.id, TimerKind.SETTLE, self._now + SETTLE))
        if not life and case.closed is None:
            if (
                fresh
                and call is MessageKind.RAISED
                and case.family != "flood"
                and not self._around.holds(case, kept.path, flood=False)
            ):
                self._maybe_flood(case)
            case, call = self._held(case, kept, lines, call)
            fresh = call is not None and call is not MessageKind.RETURNED
            if (fresh or _only_flood(case)) and not announced:
                announced = self._now
        if fresh and lines and lines[0].verb is CaseVerb.TRIGGER and self._calm(case, lines[0]):
            call, fresh = None, False
            timers.append(Timer(case.id, TimerKind.STEP, self._now + CALM_STEP, case.paged))
        if call is not None and fresh:
            event = next((line.event for line in outcome.transitions if line.event), event)
            called = escalation.call(case, call, self._around.duty, self._now, _group(case, kept.path), event)
            case, messages = called.case, called.notifications
            timers += called.timers
            lines += self._empty(called)
            gone |= _CALLS | {TimerKind.REALARM}
            if case.family == "flood":
                timers.append(Timer(case.id, TimerKind.SUMMARY, self._now + SUMMARY_EVERY, case.paged))
        self._stop_what_is_over(case, gone, timers)
        if not life and not fresh and any(line.verb in _ENDING for line in lines):
            self._rows.cancel(case.id, self._now)
        if call is MessageKind.RETURNED and case.paged:
            messages = escalation.told(case, call, self._rows.told(case.id), self._now)
        self._write(case, kept, announced, lines, timers, gone, messages)

    def _stop_what_is_over(self, case: Case, gone: set[TimerKind], timers: list[Timer]) -> None:
        """Drop the timers that a change has made pointless, and set those that it asks for."""
        if case.closed is not None:
            gone |= set(TimerKind)
            timers.clear()
        elif case.acknowledged:
            gone |= _CALLS
            chain = escalation.chain_for(case, self._around.duty)
            again = escalation.realarm(case, chain)
            if again and case.holders and case.acknowledged_at == self._now:
                timers.append(Timer(case.id, TimerKind.REALARM, self._now + again, case.paged))
        if case.shelved_until is not None:
            timers.append(Timer(case.id, TimerKind.SHELF, case.shelved_until))
        else:
            gone.add(TimerKind.SHELF)

    def _held(
        self, case: Case, kept: Kept, lines: list[Transition], call: MessageKind | None
    ) -> tuple[Case, MessageKind | None]:
        """Let an ordinary case be held back, or released; return who is still to be told."""
        # What people were told of before a flood began is theirs; the flood takes only what comes in it.
        in_flood = not kept.announced or _has_flood(case)
        holds = self._around.holds(case, kept.path, flood=in_flood)
        if {(h.reason, h.by) for h in holds} != {(h.reason, h.by) for h in case.suppressed}:
            flooded = _only_flood(case)
            verb = CaseVerb.SUPPRESS if holds else CaseVerb.UNSUPPRESS
            moved = lifecycle.advance(
                replace(case, suppressed=holds), verb, case.state, Given(self._now), TransitionReason.SUPPRESSION
            )
            note = ", ".join(f"{h.reason} {h.by}" for h in holds or case.suppressed)
            lines += [replace(line, note=note) for line in moved.transitions]
            case = moved.case
            if verb is CaseVerb.UNSUPPRESS and not flooded:  # the summary of a flood has told of it
                call = call or moved.call
        if case.held_back and call is not MessageKind.RETURNED:
            call = None
        return case, call

    def _maybe_flood(self, case: Case) -> None:
        """Begin a flood, or count one more in it."""
        cause = flood_of(case)
        flooding = self._around.flood(case.park, cause) != 0
        if floods(self._around.recent(case.park, cause) + 1, cause, flooding=flooding):
            self.trigger([flood_trigger(case.park, self._now, cause, begins=True)])

    def _calm(self, case: Case, line: Transition) -> bool:
        """Tell whether people were called to an ordinary alarm so lately that its coming back calls nobody."""
        lately = case.called is not None and self._now - case.called < lifecycle.CALM
        return lately and not exempt(case) and line.before is CaseState.RETURNED

    def _go_on(self, kept: Kept, kind: TimerKind) -> None:
        """Go to the next step of a chain, or say that nobody answered, or that nobody could be told."""
        verb = CaseVerb.ESCALATE if kind is TimerKind.STEP else CaseVerb.NOBODY
        moved = lifecycle.advance(kept.case, verb, kept.case.state, Given(self._now), TransitionReason.TIMER)
        if kind is TimerKind.STEP:
            called = escalation.go_on(moved.case, self._around.duty, self._now, _group(moved.case, kept.path))
        else:
            called = escalation.nobody(moved.case, self._around.duty, self._now)
        case, lines = called.case, list(moved.transitions)
        if called.notifications and not self._around.reaches(called.notifications):
            case = replace(case, answer=Answer.UNREACHED)
            lines = [replace(line, why=TransitionReason.NO_RECEIVER) for line in lines]
        elif case.answer is Answer.UNREACHED:  # a receiver came in meanwhile
            case = replace(case, answer=Answer.WAITING)
        lines += self._empty(called)
        self._write(case, kept, kept.announced, lines, list(called.timers), set(), called.notifications)

    def _summary(self, kept: Kept) -> None:
        """Tell again how many there are in a flood."""
        self._rows.flush()
        case = replace(kept.case, paged=kept.case.paged + 1, version=kept.case.version + 1, changed=self._now)
        messages = escalation.told(case, MessageKind.SUMMARY, self._rows.told(case.id), self._now)
        timers = [Timer(case.id, TimerKind.SUMMARY, self._now + SUMMARY_EVERY, case.paged)]
        timers += [  # the chain goes on under the new number
            Timer(case.id, TimerKind(kind), due, case.paged)
            for kind, due in self.connection.execute(
                select(case_timers.c.kind, case_timers.c.due).where(
                    case_timers.c.case == case.id, case_timers.c.kind.in_([k.value for k in _CALLS])
                )
            )
        ]
        self._write(case, kept, kept.announced, [], timers, set(), messages)

    def _empty(self, called: Called) -> list[Transition]:
        """Return lines for the steps at which nobody was on duty."""
        c = called.case
        return [
            Transition(
                c.id, CaseVerb.ESCALATE, self._now, "", TransitionReason.NOBODY_ON_DUTY, c.state, c.state, c.version,
                note=f"step {step + 1}",
            )
            for step in called.empty
        ]  # fmt: skip

    def _write(
        self, case: Case, kept: Kept, announced: int, lines: Sequence[Transition], timers: Sequence[Timer],
        gone: set[TimerKind], messages: Sequence[Notification],
    ) -> None:  # fmt: skip
        self._rows.write(case, kept, announced, lines, timers, gone, messages)
        self.changed[case.id] = case
        if self._around.moved(case, kept, announced):
            self.reconsider(self._around.below(case))


def _key(told: Trigger) -> Key:
    return (told.family, told.subject, told.cause)


def _only_flood(case: Case) -> bool:
    """Tell whether nothing but a flood holds a case back."""
    return {h.reason for h in case.held_back} == {SuppressionReason.FLOOD}


def _has_flood(case: Case) -> bool:
    return any(h.reason is SuppressionReason.FLOOD for h in case.suppressed)


def _group(case: Case, path: str) -> str:
    """Return what may be told together: alarms of one building."""
    steps = steps_of(path)
    return f"park:{case.park}/place:{steps[min(1, len(steps) - 1)]}" if steps else f"park:{case.park}"
