"""Brings messages to people: spreads the outbox, sends to each receiver by itself, writes down how it went.

```
 wake ─> courier thread: spread, claim ─┬─> a thread a busy way (target, address, lane): compose, send, settle
                                        └─> one slow or dead receiver holds up nobody but itself
```
Life safety has ways of its own beside the rest of the same receiver: a fire waits for no ordinary message.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from alerts import delivery
from park.delivery import Batch, Channel, Outcome, Target, Verdict
from park.errors import MachineryError, UserError
from runtime.receipts import Receipts
from runtime.storage.sql.delivery_dispatches import SqlDispatches, Way
from runtime.troubles import Troubles

_TURN = 1.0  # s between two looks at what is due, where nobody wakes us
_LEASE = 60_000  # ms: longer than any attempt takes
_WAYS_MOST = 64  # threads of ordinary messages; those of life safety are as many as there are receivers
_RESERVE = 4  # messages a minute of each target that ordinary ones leave to a fire
_ERRORS = (OSError, MachineryError, UserError)
Send = Callable[[Batch, int], Verdict]


@dataclass(slots=True)
class _Bucket:
    """What a target may still be sent in this minute."""

    left: float
    at: float  # s, elapsed


class Courier:
    """The threads of delivery; whatever fails is told and tried again."""

    def __init__(
        self, dispatches: SqlDispatches, send: Send, now: Callable[[], int], elapsed: Callable[[], float],
        receipts: Receipts | None = None,
    ) -> None:  # fmt: skip
        """`send` brings one message to its receiver; it may take its time, and raise.

        What `receipts` know to be there, for somebody else has brought it, is not sent once more.
        """
        self.troubles = Troubles("delivery")
        self.turned = 0.0  # s, elapsed, at which the newest turn began that went through
        self.receipts = receipts or Receipts()
        self.attempts: Counter[tuple[Channel, Outcome]] = Counter()  # since the start
        self._dispatches = dispatches
        self.send = send
        self._now = now
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._busy: dict[Way, threading.Thread] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._resting: dict[str, int] = {}  # receiver -> epoch ms until which ordinary messages wait
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier")

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Take up what an ended process left, and begin."""
        with self.troubles.passing("what was being sent could not be taken up"):
            self._dispatches.release()
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be something to send; never blocks."""
        self._signal.set()

    def stop(self, timeout: float = 15.0) -> None:
        """Let attempts at hand end, as far as there is time; what is not done waits for the next start."""
        self._stopping.set()
        self._signal.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        until = self._elapsed() + timeout
        with self._lock:
            threads = list(self._busy.values())
        for thread in threads:
            thread.join(max(0.0, until - self._elapsed()))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.wait(_TURN)
            self._signal.clear()
            with self.troubles.passing("messages could not be taken"):
                began = self._elapsed()
                self.turn()
                self.turned = began
                self.troubles.over()

    # ── one turn ─────────────────────────────────────────────────────────────────────────────────

    def turn(self) -> int:
        """Spread and claim once, and let each message go its way; return how many were begun."""
        if self._stopping.is_set():
            return 0
        now = self._now()
        self._dispatches.spread(now)
        with self._lock:
            busy = frozenset(self._busy)
        room = _WAYS_MOST - sum(not way[2] for way in busy)
        found = self._dispatches.claim(now, lease=_LEASE, busy=busy, ready=self._ready(now, room))
        for batch in found:
            way = (batch.target.name, batch.address, batch.life)
            # Not a daemon: an attempt at hand is ended, not torn.
            thread = threading.Thread(target=self._go, args=(way, batch), name=f"send-{batch.target.name}")
            with self._lock:  # busy once it runs: where there is no thread to be had it is tried again
                thread.start()
                self._busy[way] = thread
        return len(found)

    def _ready(self, now: int, room: int) -> Callable[[Target, bool], bool]:
        """Return who may be told now. Of life safety: everybody, always."""
        left = room

        def ready(target: Target, life: bool) -> bool:
            nonlocal left
            if life:
                return self._spend(target, life=True)
            if left <= 0 or self._resting.get(target.name, 0) > now or delivery.quiet_until(target, now) > now:
                return False
            if not self._spend(target, life=False):
                return False
            left -= 1
            return True

        return ready

    def _spend(self, target: Target, *, life: bool) -> bool:
        """Take one message from what a target may be sent; tell whether there was one.

        A fire goes beyond the limit, and ordinary messages pay for it; they leave a reserve to it.
        """
        at = self._elapsed()
        full = float(target.rate)
        bucket = self._buckets.setdefault(target.name, _Bucket(full, at))
        bucket.left = min(full, bucket.left + (at - bucket.at) * full / 60.0)
        bucket.at = at
        if not life and bucket.left < min(_RESERVE, target.rate // 4) + 1:
            return False
        bucket.left -= 1
        return True

    # ── one message ──────────────────────────────────────────────────────────────────────────────

    def _go(self, way: Way, batch: Batch) -> None:
        try:
            with self.troubles.passing("a message could not be brought"):
                self.bring(batch)
        finally:
            with self._lock:
                self._busy.pop(way, None)
            self._signal.set()  # there may be more for this receiver

    def bring(self, batch: Batch) -> Verdict:
        """Send one message and write down how it went."""
        known = self.receipts.of(batch.id) if batch.life else None
        if known is not None:
            verdict = Verdict(Outcome.DELIVERED, known)
            self._settle(batch, verdict)
            return verdict
        verdict = Verdict(Outcome.LATER, "our own fault; the program's log tells it")
        try:
            verdict = self.send(batch, self._now())
        except _ERRORS as why:
            verdict = Verdict(Outcome.LATER, str(why))
        except Exception as why:  # noqa: BLE001 - told, and tried again: the next one may do
            self.troubles.tell(f"a message for {batch.target.name} could not be made", why)
        with self._lock:
            self.attempts[batch.target.channel, verdict.outcome] += 1
        self._settle(batch, verdict)
        return verdict

    def _settle(self, batch: Batch, verdict: Verdict) -> None:
        now = self._now()
        first = batch.dispatches[0]
        if verdict.outcome is Outcome.DELIVERED:
            self._resting.pop(batch.target.name, None)
            if batch.life:
                self.receipts.put(batch.id, verdict.said)  # first: the database may hang, and it is there
            self._dispatches.delivered(batch, verdict.said, now)
        elif verdict.outcome is Outcome.DEAD or delivery.given_up(first.created, now, life=batch.life):
            self._dispatches.dead(batch, verdict.said, now)
        else:
            due = now + delivery.wait(first.attempts, life=batch.life, asked=verdict.after)
            if not batch.life:
                self._resting[batch.target.name] = due
            self._dispatches.later(batch, due, verdict.said, now)

    @property
    def trouble(self) -> str:
        """What is wrong with delivery now, in one sentence; "" for nothing."""
        said = [self.troubles.newest]
        with self.troubles.passing("messages could not be counted"):
            found = self._dispatches.figures(self._now())
            if found["late"]:
                said.append(f"{found['late']} messages of life safety are not delivered yet")
            if found["dead_life"]:
                said.append(f"{found['dead_life']} messages of life safety died within a day")
        return "; ".join(filter(None, said))
