"""Tells people of a fire that the database does not let through: straight by the senders, under the same ids.

```
 lanes ─> EventWriter ─> database ─> Courier ─┬─> receivers
             │ heard, through                 │ Receipts: who has which message already
             └──────────> Standby, 8 s later ─┘
```
GB/T 45839-2025, 5.10.4 gives 15 s to tell people. A database that hangs, a lock that somebody forgot, a disk that
does not come back from a sync: none of them may cost a fire those seconds. Of history that is read late people are
called to what still stands a while later, as the ordinary way does. What is told here goes its ordinary way, too,
once there is one again; the ids are derived from the event, so that a receiver knows it again, and who has
acknowledged it to us is not told twice.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from alerts import delivery, escalation, lifecycle
from alerts.escalation import EVERYONE, Duty
from alerts.gate import exempt
from alerts.triggers import triggers_of
from park.alarms import Case, DeliveryState, MessageKind, Notification, Signal, Trigger
from park.delivery import Batch, Dispatch, Facts, Outcome, Target, Verdict
from park.errors import MachineryError, UserError
from park.events import ConditionChange
from park.runbooks import runbook_of
from park.streams import lane_of
from park.wire import SmallEvent
from runtime.receipts import Receipts
from runtime.storage.sql.alarm_writer import SETTLE
from runtime.storage.sql.delivery_rows import key_of
from runtime.troubles import Troubles

PATIENCE = 8.0  # s that a fire has for its ordinary way; what is left of 15 s is for the receiver
EVERYBODY = 180.0  # s after which everybody is told, whoever is on duty: nobody can acknowledge meanwhile
_LOOK = 0.5  # s between two looks
_KNOW = 10.0  # s between two looks at who there is
_MOST = 5_000  # fires that are watched
_ERRORS = (OSError, MachineryError, UserError)
Send = Callable[[Batch, int], Verdict]
Way = tuple[str, str]  # target, address


@dataclass(frozen=True, slots=True)
class Known:
    """Who there is to be told, and what things are called: as it was when it could be read last."""

    targets: tuple[Target, ...] = ()
    duty: Duty = field(default_factory=Duty)
    parks: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # name, time zone
    places: Mapping[int, str] = field(default_factory=dict)
    devices: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Fire:
    """One event of life safety that is on its way."""

    trigger: Trigger
    since: float  # s, elapsed
    past: bool = False  # told by a log that is read again, and old: it may have ended since
    through: float | None = None  # s, elapsed: when the database had it
    round: int = 0  # of telling


class Standby:
    """Watches what of life safety has not come through; `heard` and `through` never block and never fail."""

    def __init__(
        self, read: Callable[[], Known], send: Send, receipts: Receipts, turned: Callable[[], float],
        now: Callable[[], int], elapsed: Callable[[], float], patience: float = PATIENCE, know: float = _KNOW,
    ) -> None:  # fmt: skip
        """Take how to read who there is (every `know` s), to send, and when the courier's last whole turn began."""
        self.troubles = Troubles("standby")
        self.told = 0  # messages that receivers have from here
        self._read = read
        self._send = send
        self._receipts = receipts
        self._turned = turned
        self._now = now
        self._elapsed = elapsed
        self._patience = patience
        self._know = know
        self._known = Known()
        self._lock = threading.Lock()
        self._fires: OrderedDict[str, _Fire] = OrderedDict()
        self._ways: dict[Way, deque[tuple[str, Batch]]] = {}
        self._busy: set[Way] = set()
        self._stopping = threading.Event()
        # Daemons: who waits for a database that hangs must not keep the program from ending.
        self._watching = threading.Thread(target=self._run, name="standby", daemon=True)
        self._knowing = threading.Thread(target=self._learn, name="standby-known", daemon=True)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Learn who there is, while the database answers, and begin."""
        self.learn()
        self._watching.start()
        self._knowing.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End; what was not told is in the log, and is told by the next start."""
        self._stopping.set()
        for thread in (self._watching, self._knowing):
            if thread.ident is not None:
                thread.join(timeout)

    def learn(self) -> None:
        """Read who there is; what was known stays where it cannot be read."""
        with self.troubles.passing("who is to be told could not be read"):
            self._known = self._read()

    def _learn(self) -> None:
        while not self._stopping.wait(self._know):
            self.learn()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK):
            with self.troubles.passing("what did not come through could not be told"):
                self.look()

    # ── what is on its way ───────────────────────────────────────────────────────────────────────

    def heard(self, stream: str, event: SmallEvent, *, live: bool = True) -> None:
        """Take note of an event that waits to be written; all but active life safety is passed over."""
        if isinstance(event, ConditionChange):
            with self.troubles.passing("a fire could not be watched"):  # the lane that tells us must go on
                self._watch(stream, event, live=live)

    def _watch(self, stream: str, event: ConditionChange, *, live: bool) -> None:
        for trigger in filter(exempt, triggers_of(lane_of(stream), event)):
            with self._lock:
                if trigger.signal is Signal.OVER:
                    for key in [k for k, f in self._fires.items() if f.past and f.trigger.origin == trigger.origin]:
                        del self._fires[key]
                elif trigger.signal is Signal.ACTIVE:
                    past = not live and lifecycle.is_stale(trigger, self._now())
                    fire = _Fire(trigger, self._elapsed() + (SETTLE / 1_000 if past else 0), past)
                    self._fires.setdefault(trigger.id, fire).through = None
                    while len(self._fires) > _MOST:
                        self._fires.popitem(last=False)

    def through(self, event: SmallEvent) -> None:
        """Take note that the database has an event."""
        if isinstance(event, ConditionChange):
            with self._lock:
                fire = self._fires.get(event.id)
                if fire is not None:
                    fire.through = self._elapsed()

    @property
    def waiting(self) -> int:
        """Events of life safety that are not known to be on their way."""
        return len(self._fires)

    def look(self) -> None:
        """Forget what is on its way, and tell what should have been long ago."""
        turned, at = self._turned(), self._elapsed()
        with self._lock:
            for key in [k for k, f in self._fires.items() if f.through is not None and f.through < turned]:
                del self._fires[key]
            late = [f for f in self._fires.values() if at - f.since >= (self._patience, EVERYBODY)[min(f.round, 1)]]
            late = [f for f in late if f.round < 2]  # those on duty, and everybody
        for fire in late:
            fire.round += 1
            self._tell(fire.trigger, everybody=fire.round > 1)
        self._begin()

    # ── telling ──────────────────────────────────────────────────────────────────────────────────

    def _tell(self, trigger: Trigger, *, everybody: bool) -> None:
        """Queue what the first step of the chain would say of a new case; at last, what everybody is told."""
        now, known = self._now(), self._known
        outcome = lifecycle.tell(None, trigger, now)
        if outcome is None:
            return
        called = escalation.call(outcome.case, MessageKind.RAISED, known.duty, now, "", trigger.id)
        notes = called.notifications
        if everybody:
            notes = tuple(replace(n, id=f"{trigger.id}/{EVERYONE}", target=EVERYONE) for n in notes[:1])
        for note in notes:
            facts = _facts(note, called.case, known)
            for receiver in delivery.receivers(note, known.targets, known.duty.officers):
                target = next(t for t in known.targets if t.name == receiver[0])
                key = key_of(note.id, receiver)
                one = Dispatch(key, *receiver, facts, "", DeliveryState.SENDING, created=now, batch=key)
                batch = Batch(key, target, receiver[1], (one,))
                with self._lock:
                    self._ways.setdefault(receiver, deque()).append((trigger.id, batch))

    def _begin(self) -> None:
        """Let each receiver that has something to hear hear it, by itself."""
        with self._lock:
            free = [way for way, queue in self._ways.items() if queue and way not in self._busy]
        for way in free:
            thread = threading.Thread(target=self._go, args=(way,), name=f"standby-{way[0]}", daemon=True)
            with self._lock:  # busy once it runs: where there is no thread to be had it is tried again
                thread.start()
                self._busy.add(way)

    def _go(self, way: Way) -> None:
        attempts = 0
        try:
            while not self._stopping.is_set():
                with self._lock:
                    if not self._ways[way]:
                        return
                    fire, batch = self._ways[way][0]
                wait: float | None = 1.0  # s, after a fault of ours
                attempts += 1
                with self.troubles.passing("a fire could not be told"):
                    wait = self._brought(fire, batch, attempts)
                if wait is not None:
                    self._stopping.wait(wait)
                    continue
                attempts = 0
                with self._lock:
                    self._ways[way].popleft()
        finally:
            with self._lock:
                self._busy.discard(way)

    def _brought(self, fire: str, batch: Batch, attempts: int) -> float | None:
        """Send a message; return the s until the next attempt, None where it needs none.

        Where its ordinary way is open again it is left to that.
        """
        with self._lock:
            waits = fire in self._fires
        if not waits or self._receipts.of(batch.id) is not None:
            return None
        try:
            verdict = self._send(batch, self._now())
        except _ERRORS as why:
            verdict = Verdict(Outcome.LATER, str(why))
        if verdict.outcome is Outcome.DELIVERED:
            self._receipts.put(batch.id, verdict.said)
            self.told += 1
        if verdict.outcome is Outcome.LATER:
            return delivery.wait(attempts, life=True, asked=verdict.after) / 1_000
        return None


def _facts(note: Notification, case: Case, known: Known) -> Facts:
    """Return what a message tells without a database."""
    park, zone = known.parks.get(case.park, ("", "Asia/Shanghai"))
    first = runbook_of(case.rule)
    return Facts(
        note.id, 0, note.kind, note.severity, note.life, note.created, case.family, case.rule, case.state, park,
        known.places.get(case.place, "" if case.place else case.subject),
        known.devices.get(case.device, f"device:{case.device}" if case.device else ""),
        value=case.value, limit=case.limit, reason=case.reason, since=case.since, count=case.count, park_id=case.park,
        timezone=zone, basis=first.basis, runbook_zh=first.zh, runbook_en=first.en,
    )  # fmt: skip
