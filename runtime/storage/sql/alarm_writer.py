"""Cases within one transaction: what a trigger, a person or a timer makes of them, with all that follows.

```
 trigger ─┐                      ┌─ suppression (behind the gate) ─ held back: nobody is called
 act ─────┼─> lifecycle ─> case ─┤
 timer ───┘                      └─ escalation ─> notifications (outbox), timers
```
The case, its history, its timers and its notifications are written together, or not at all.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, func, or_, select

from alerts import escalation, lifecycle
from alerts.changes import Given
from alerts.escalation import Called, Duty, Timer, TimerKind
from alerts.gate import exempt
from alerts.lifecycle import Outcome
from alerts.suppression import FLOOD_SPAN, Around, Source, floods, may_inhibit, suppressions
from alerts.triggers import flood_trigger
from park.alarms import (
    Act,
    Case,
    CaseState,
    CaseVerb,
    DeliveryState,
    MessageKind,
    Notification,
    Suppression,
    SuppressionReason,
    Transition,
    TransitionReason,
    Trigger,
)
from park.duty import MaintenanceWindow, Silence
from park.errors import Conflict, NotFound, Unavailable, UserError
from park.events import Severity
from park.metrics import Lane
from runtime.storage.sql import alarm_plans
from runtime.storage.sql.alarm_case_rows import CaseRows, Kept
from runtime.storage.sql.alarm_rows import case_of, path_of, steps_of
from runtime.storage.sql.tables import devices
from runtime.storage.sql.tables_alarms import case_timers, cases, outbox

SETTLE = 10_000  # ms that history which is read late has to end before people are called to it
SUMMARY_EVERY = 5 * 60_000  # ms between summaries of a flood; Alertmanager's group_interval
CALM_STEP = 5 * 60_000  # ms until the chain goes on for what came back without a new call
_TRIES = 5  # of a new case whose key another process took at the same time
_CALLS = frozenset({TimerKind.STEP, TimerKind.NOBODY})
# What takes back messages that still wait, unless it is a fire's.
_ENDING = frozenset({CaseVerb.RETURN, CaseVerb.SUPPRESS, CaseVerb.SHELVE, CaseVerb.REMOVE, CaseVerb.CLOSE})
_STANDS = (CaseState.UNACKNOWLEDGED.value, CaseState.ACKNOWLEDGED.value)


class CaseWriter:
    """Changes cases in one transaction; `changed` is what the world should hear of once it is committed."""

    def __init__(self, connection: Connection, now: int) -> None:
        self.changed: dict[int, Case] = {}
        self.connection = connection
        self._rows = CaseRows(connection)
        self._now = now
        self._duty: Duty | None = None
        self._holding: tuple[tuple[Silence, ...], tuple[MaintenanceWindow, ...]] | None = None
        self._sources: dict[int, tuple[Source, ...]] = {}

    @property
    def notified(self) -> int:
        """Notifications that were written."""
        return self._rows.notified

    # ── what happens to a case ───────────────────────────────────────────────────────────────────

    def trigger(self, told: Trigger) -> None:
        """Tell the case of a trigger's key of it; make the case where there is none."""
        told = self._placed(told)
        stale = self._now - told.at > lifecycle.STALE_AFTER
        for _ in range(_TRIES):
            kept = self._rows.open(told)
            outcome = lifecycle.tell(kept.case if kept else None, told, self._now)
            if outcome is None:
                return
            if kept is None:
                kept = self._rows.inserted(outcome.case, path_of(self.connection, told.place))
                if kept is None:
                    continue  # another process was first: tell its case
                lines = tuple(replace(line, case=kept.case.id) for line in outcome.transitions)
                outcome = replace(outcome, case=replace(outcome.case, id=kept.case.id), transitions=lines)
            self._finish(outcome, kept, stale=stale)
            return
        raise Unavailable(f"the alarm {told.family} {told.subject} is taken by others again and again")

    def act(self, key: int, asked: Act, version: int | None) -> Case:
        """Do what a person asks. Raises NotFound, Conflict, Forbidden, UserError."""
        kept = self._rows.kept(cases.c.id == key)
        if kept is None:
            raise NotFound(f"there is no alarm {key}")
        if version is not None and version != kept.case.version:
            raise Conflict(
                f"the alarm {key} changed meanwhile: it is at version {kept.case.version}, you saw {version}"
            )
        if asked.verb is CaseVerb.ASSIGN and asked.owner not in {"", asked.actor, *self._names(kept.case.park)}:
            raise UserError(f"there is no officer {asked.owner[:64]!r}")
        self._finish(lifecycle.act(kept.case, asked, self._now), kept)
        return self.changed[key]

    def due(self, timer: Timer) -> None:
        """Do what a timer stands for, if that is still wanted; the timer itself is gone already."""
        kept = self._rows.kept(and_(cases.c.id == timer.case, cases.c.open))
        if kept is None:
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

    def reconsider(self, key: int) -> None:
        """See whether what holds a case back still does."""
        kept = self._rows.kept(and_(cases.c.id == key, cases.c.open))
        if kept is not None and not exempt(kept.case):
            self._finish(Outcome(kept.case, ()), kept)

    def flood_over(self, park: int) -> None:
        """End the flood of a park where so few alarms came lately that it is none."""
        if not floods(self._recent(park), flooding=True):
            self.trigger(flood_trigger(park, self._now, begins=False))

    # ── what follows ─────────────────────────────────────────────────────────────────────────────

    def _finish(self, outcome: Outcome, kept: Kept, *, stale: bool = False) -> None:
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
                and not self._holds(case, kept.path, flood=False)
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
            called = escalation.call(case, call, self._who(), self._now, _group(case, kept.path))
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
            messages = escalation.told(case, call, self._told(case.id), self._now)
        self._write(case, kept, announced, lines, timers, gone, messages)

    def _stop_what_is_over(self, case: Case, gone: set[TimerKind], timers: list[Timer]) -> None:
        """Drop the timers that a change has made pointless, and set those that it asks for."""
        if case.closed is not None:
            gone |= set(TimerKind)
            timers.clear()
        elif case.acknowledged:
            gone |= _CALLS
            chain = escalation.chain_for(case, self._who())
            if chain is not None and chain.realarm and case.holders and case.acknowledged_at == self._now:
                timers.append(Timer(case.id, TimerKind.REALARM, self._now + chain.realarm, case.paged))
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
        holds = self._holds(case, kept.path, flood=in_flood)
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
        flood = self._flood(case.park)
        if floods(self._recent(case.park) + 1, flooding=flood != 0):
            self.trigger(flood_trigger(case.park, self._now, begins=True))

    def _calm(self, case: Case, line: Transition) -> bool:
        """Tell whether people were called to an ordinary alarm so lately that its coming back calls nobody."""
        lately = case.called is not None and self._now - case.called < lifecycle.CALM
        return lately and not exempt(case) and line.before is CaseState.RETURNED

    def _go_on(self, kept: Kept, kind: TimerKind) -> None:
        """Go to the next step of a chain, or say that nobody answered."""
        verb = CaseVerb.ESCALATE if kind is TimerKind.STEP else CaseVerb.NOBODY
        moved = lifecycle.advance(kept.case, verb, kept.case.state, Given(self._now), TransitionReason.TIMER)
        if kind is TimerKind.STEP:
            called = escalation.go_on(moved.case, self._who(), self._now, _group(moved.case, kept.path))
        else:
            called = escalation.nobody(moved.case, self._who(), self._now)
        lines = [*moved.transitions, *self._empty(called)]
        self._write(called.case, kept, kept.announced, lines, list(called.timers), set(), called.notifications)

    def _summary(self, kept: Kept) -> None:
        """Tell again how many there are in a flood."""
        case = replace(kept.case, paged=kept.case.paged + 1, version=kept.case.version + 1, changed=self._now)
        messages = escalation.told(case, MessageKind.SUMMARY, self._told(case.id), self._now)
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

    # ── what is around a case ────────────────────────────────────────────────────────────────────

    def _placed(self, told: Trigger) -> Trigger:
        """Return a trigger with what the registry knows of its device; a fire waits for no registry."""
        if not told.device or exempt(told):
            return told
        c = devices.c
        row = self.connection.execute(
            select(c.gateway, c.place, c.park, c.lane).where(c.id == told.device)
        ).first()  # fmt: skip
        if row is None:
            return told
        severity = told.severity
        if told.family == "device" and row.lane == Lane.LIFE.value and told.rule == "device.silent":
            severity = Severity.HIGH  # nobody watches there: GB/T 45839-2025, 5.5.2
        return replace(
            told, gateway=row.gateway, place=told.place or row.place, park=told.park or row.park, severity=severity
        )

    def _holds(self, case: Case, path: str, *, flood: bool) -> tuple[Suppression, ...]:
        if self._holding is None:
            self._holding = alarm_plans.holding(self.connection, self._now)
        silences, windows = self._holding
        standing = self._flood(case.park) if flood else 0
        around = Around(self._now, steps_of(path), self._sources_of(case.park), silences, windows, standing)
        return suppressions(case, around)

    def _sources_of(self, park: int) -> tuple[Source, ...]:
        if park not in self._sources:
            c = cases.c
            rows = self.connection.execute(select(c.body, c.path).where(c.park == park, c.inhibits))
            self._sources[park] = tuple(Source(case_of(body), steps_of(path)) for body, path in rows)
        return self._sources[park]

    def _flood(self, park: int) -> int:
        """Return the flood that stands in a park; 0: none."""
        c = cases.c
        query = select(c.id).where(
            c.open, c.family == "flood", c.subject == f"park:{park}", c.cause == "", c.state.in_(_STANDS)
        )
        return int(self.connection.execute(query).scalar() or 0)

    def _recent(self, park: int) -> int:
        """Count the alarms that a park's people were told of lately, as far as it matters."""
        c = cases.c
        lately = select(c.id).where(c.park == park, c.announced > self._now - FLOOD_SPAN).limit(50)
        return int(self.connection.execute(select(func.count()).select_from(lately.subquery())).scalar_one())

    def _who(self) -> Duty:
        if self._duty is None:
            self._duty = alarm_plans.duty(self.connection)
        return self._duty

    def _names(self, park: int) -> frozenset[str]:
        return frozenset(o.name for o in self._who().officers.values() if not o.park or o.park == park)

    def _told(self, case: int) -> Sequence[str]:
        o = outbox.c
        query = select(o.target).where(o.case == case, o.state != DeliveryState.CANCELLED.value)
        query = query.distinct().order_by(o.target)
        return [target for (target,) in self.connection.execute(query)]

    def _write(
        self, case: Case, kept: Kept, announced: int, lines: Sequence[Transition], timers: Sequence[Timer],
        gone: set[TimerKind], messages: Sequence[Notification],
    ) -> None:  # fmt: skip
        self._rows.write(case, kept, announced, lines, timers, gone, messages)
        self.changed[case.id] = case
        muted_before = not kept.born and kept.case.closed is None and may_inhibit(kept.case)
        mutes = case.closed is None and may_inhibit(case)
        if muted_before or mutes:
            self._sources.pop(case.park, None)
        if mutes and not muted_before:
            self._mute_below(case)

    def _mute_below(self, source: Case) -> None:
        """Look anew at the open cases that a new source may mute."""
        c = cases.c
        below = [c.gateway == source.device] if source.device else []
        if source.place:
            below.append(c.path.contains(f"/{source.place}/", autoescape=True))
        query = select(c.id).where(c.open, c.life.is_(False), c.park == source.park, c.id != source.id, or_(*below))
        for (key,) in self.connection.execute(query).all() if below else ():
            self.reconsider(int(key))


def _only_flood(case: Case) -> bool:
    """Tell whether nothing but a flood holds a case back."""
    return {h.reason for h in case.held_back} == {SuppressionReason.FLOOD}


def _has_flood(case: Case) -> bool:
    return any(h.reason is SuppressionReason.FLOOD for h in case.suppressed)


def _group(case: Case, path: str) -> str:
    """Return what may be told together: alarms of one building."""
    steps = steps_of(path)
    return f"park:{case.park}/place:{steps[min(1, len(steps) - 1)]}" if steps else f"park:{case.park}"
