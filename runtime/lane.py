"""The thread of one lane: messages in, log, acknowledgement, stages, events out.

```
 source.poll ─> batch ─> log.append + sync ─> source.ack ─> stages ─> live pages, then the event writer
                  ^            │ Full
   tick, config ──┘            └─> bulk: stop reading; life safety: stages at once, log and ack later
```
Nothing that happens here ends the thread: a message that cannot be decoded is kept as refused, a record
that a stage cannot digest is told and passed, a disk that is full is waited for.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from time import monotonic, sleep, thread_time

from ingest.message import Message
from park.errors import Full, MachineryError, Unavailable
from park.events import Bands
from park.metrics import Lane
from park.ports import Log, SnapshotStore
from park.records import Batch, Command, Config, Record, Tick
from park.wire import SmallEvent
from runtime.intake import Intake
from runtime.lane_steps import HeldSteps, Step, for_people
from runtime.lane_words import Decode, LaneSettings, LaneState, Phase, Sink, Source
from runtime.log_time import LogTime, unheard_since
from runtime.runner import Runner, Stages
from runtime.saving import Saving
from runtime.troubles import Troubles

_MINUTE = 60_000
_MESSAGES = 100  # lists of messages of other threads that may wait, a megabyte each at most
_SUBMITTED = 1_000  # records of other threads that may wait
_AWAY = (MachineryError, OSError)  # what may pass, so that the same records are tried again
_Submitted = Batch | Config | Command | list[Message]


class LaneWorker:
    """One lane, from socket to events, in a thread of its own."""

    def __init__(
        self, lane: Lane, *, source: Source, decode: Decode, log: Log, pipeline: Callable[[], Stages],
        snapshots: SnapshotStore, sink: Sink, publish: Callable[[SmallEvent], None], applied: Callable[[], int],
        time: LogTime, settings: LaneSettings, registry: Callable[[], Config] | None = None,
        drawn: Callable[[Bands], None] = lambda _bands: None,
        early: Callable[[Lane, list[SmallEvent]], None] = lambda _lane, _events: None,
    ) -> None:  # fmt: skip
        """Take the parts; nothing runs before `start`.

        `publish` tells live pages and people, and is not called for what a replay finds again.
        `applied` is the position through which the sink's events last. `registry` tells all that is
        registered now, for the day on which log and snapshots do not fit each other. `drawn` takes what was
        usual, at once and without fail; a replay tells it again. `early` takes what the life-safety lane finds
        while the log takes nothing, at once and without fail; the sink hears of it when the log does.
        """
        self.lane = lane
        self.cpu = 0.0  # s that the lane's thread has used
        self.live = threading.Event()  # set once the replay is done and messages are taken
        self.runner = Runner(lane.value, pipeline, log, snapshots, careful=lane is Lane.LIFE, registry=registry)
        self._source = source
        self._log = log
        self._sink = sink
        self._publish = publish
        self._applied = applied
        self._settings = settings
        self._registry = registry
        self._drawn = drawn
        self._early = early
        self._phase = Phase.STARTING
        self._troubles = Troubles(f"{lane} lane")
        self._intake = Intake(decode, time, self._troubles)
        self._messages = self._readings = self._refused = self._events = 0
        self._stopping = threading.Event()
        self._submitted: deque[tuple[_Submitted, Future[int], Callable[[], None] | None]] = deque()
        self._held = HeldSteps()
        self._retry_at = 0.0
        self._undelivered: deque[tuple[int, list[SmallEvent]]] = deque()
        self._told = 0  # position of the newest events that the sink took
        self._saving = Saving(
            lane.value, snapshots, log, self._troubles, step=settings.snapshot_bytes, seconds=settings.snapshot_seconds
        )
        self._thread = threading.Thread(target=self._run, name=f"lane-{lane}")

    # ── from outside ─────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Restore, replay, then take messages."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Finish the turn at hand and end; return whether it did. What is not acknowledged comes again."""
        self._stopping.set()
        self._source.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._saving.wait(timeout)
        return not self._thread.is_alive()

    def save(self) -> bool:
        """Save a snapshot after `stop`, once the sink's events last; return whether that was possible."""
        if self._thread.is_alive() or not self._savable():
            return False
        return self._saving.write(self.runner.position, self.runner.states())

    def submit(
        self, record: Batch | Config | Command | list[Message], then: Callable[[], None] | None = None
    ) -> "Future[int]":
        """Put a record into the log and run it; from any thread. The result is its position.

        Messages that came another way than from the source are decoded with its next ones, as theirs are.

        `then` is called in the lane's thread right after it is in the log, before any further message
        is decoded: for the bindings that belong to a configuration. Raises Full, Unavailable.
        """
        if self._phase in {Phase.STOPPED, Phase.FAILED}:
            raise Unavailable(f"the {self.lane} lane is {self._phase}")
        if len(self._submitted) >= (_MESSAGES if isinstance(record, list) else _SUBMITTED):
            raise Full(f"too much is waiting for the {self.lane} lane")
        future: Future[int] = Future()
        self._submitted.append((record, future, then))
        self._source.wake()
        return future

    @property
    def state(self) -> LaneState:
        """How the lane is."""
        runner = self.runner
        return LaneState(
            self._phase,
            runner.position,
            self._log.end,
            runner.tick,
            self._messages,
            self._readings,
            self._refused,
            self._events,
            self._held.messages,
            self._troubles.failures + runner.troubles.failures,
            self._troubles.newest or runner.troubles.newest,
            runner.lost,
            self._intake.time.said,
        )

    # ── the thread ───────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        ending = Phase.FAILED
        with self._troubles.passing("the lane has stopped"):
            self._recover()
            # So that the log tells it to whoever reads from here on.
            if self.runner.lost and self._registry is not None:
                self._submitted.appendleft((self._registry(), Future(), None))
            self._open()
            self._turns()
            ending = Phase.STOPPED
        self._phase = ending
        with self._troubles.passing("closing"):
            self._source.close()
        waiting = [w for step in self._held.steps for w in step.waiting] + [(f, t) for _, f, t in self._submitted]
        for future, _ in waiting:
            future.set_exception(Unavailable(f"the {self.lane} lane is {self._phase}"))

    def _recover(self) -> None:
        while not self._stopping.is_set():
            try:
                self.runner.restore()
                break
            except _AWAY as why:
                if isinstance(why, MachineryError) and not why.retry:
                    raise
                self._troubles.tell("its past cannot be taken up yet", why)
                self._stopping.wait(self._settings.retry)
        self._told = self.runner.position
        self._saving.begin(self._told)
        self._tell_begun()
        self._phase = Phase.REPLAYING
        for left in range(self._settings.tries, -1, -1):
            if self._stopping.is_set():
                break
            try:
                return self._replay()
            except _AWAY as why:
                self._troubles.tell("its log cannot be read", why)
                if not left or (isinstance(why, MachineryError) and not why.retry):
                    self.runner.give_up(f"its log cannot be read from {self.runner.position} on")
                    self._tell_begun()
                    break
                self._stopping.wait(self._settings.retry)
        return None

    def _tell_begun(self) -> None:
        """Tell what it found as it began anew: the next record comes when somebody listens, perhaps never."""
        begun = for_people(self.runner.begun, self._drawn)
        if begun:
            self._announce(begun)
            self._undelivered.append((self.runner.position, begun))
            self._deliver()

    def _replay(self) -> None:
        for position, events in self.runner.replay():
            found = for_people(events, self._drawn)
            if found:
                self._undelivered.append((position, found))
            while self._undelivered and not self._deliver() and not self._stopping.wait(0.05):
                pass
            if self._stopping.is_set():
                return

    def _open(self) -> None:
        """Begin to listen; try again as long as that fails."""
        while not self._stopping.is_set() and not self.live.is_set():
            with self._troubles.passing("messages cannot be taken yet"):
                self._source.open()
                self._phase = Phase.LIVE
                self.live.set()
                return
            self._stopping.wait(self._settings.retry)

    def _turns(self) -> None:
        failed, pause = 0, 0.05
        while not self._stopping.is_set():
            before = failed
            failed += 1
            with self._troubles.passing("a turn of the lane failed"):
                self._turn()
                failed = 0
            self.cpu = thread_time()
            if failed > before:
                self._stopping.wait(min(pause * 2**before, 1.0))

    def _turn(self) -> None:
        settings = self._settings
        self._deliver()
        if self._held and not self._log_held() and (self.lane is Lane.BULK or self._held_too_much()):
            self._source.poll(settings.retry, 0)
            return
        if len(self._undelivered) >= settings.undelivered and self.lane is Lane.BULK:
            self._source.poll(0.05, 0)
            return
        messages = self._source.poll(0.0 if self._submitted else settings.poll)
        began = monotonic()
        if any(then is not None for _, _, then in tuple(self._submitted)):
            # Who was registered before he spoke is known: names are bound before what came meanwhile is read.
            self._take(self._step([]))
        step = self._step(messages)
        if step.records:
            self._take(step)
        self._maybe_save()
        if messages and settings.nap and len(messages) < settings.busy:
            rest = settings.nap - (monotonic() - began)
            if rest > 0:
                sleep(rest)

    def _step(self, messages: list[Message]) -> Step:
        """Return the records of this turn: the tick first, then what others submitted, then messages."""
        # Log time never goes back, even if somebody sets the clock.
        submitted: list[_Submitted] = []
        waiting: list[tuple[Future[int], Callable[[], None] | None]] = []
        while self._submitted:
            thing, future, then = self._submitted.popleft()
            submitted.append(thing)
            waiting.append((future, then))
        handed = [m for thing in submitted if isinstance(thing, list) for m in thing]
        received, batches = self._intake.take(messages + handed, self.runner.tick)
        records: list[Record] = []
        minute = received // _MINUTE * _MINUTE
        if minute > self.runner.tick:
            records += unheard_since(self.runner.tick, received)
            records.append(Tick(minute))
        for thing in submitted:
            if isinstance(thing, Batch):
                records.append(thing)
            elif not isinstance(thing, list):
                # Who submits looks at a clock of his own; what is stamped ahead of the log would reach into the future.
                records.append(replace(thing, received=received))
        records += batches
        return Step(messages, records, len(messages) + len(handed), waiting)

    # ── into the log, and on ─────────────────────────────────────────────────────────────────────

    def _take(self, step: Step) -> None:
        """Log, acknowledge and run; or hold what the log cannot take."""
        self._count(step)
        if not self._held:
            try:
                position = self._append(step.records)
            except _AWAY as why:
                self._phase = Phase.FULL
                self._troubles.tell("the log takes nothing", why)
                self._retry_at = monotonic() + self._settings.retry
            else:
                self._finish(step, position)
                return
        self._held.append(step)
        if self.lane is Lane.LIFE:
            # Whoever is on fire cannot wait for a disk: the stages run, people are told; the
            # acknowledgement waits, so that the broker keeps what we might forget.
            found = (event for record in step.records for event in self.runner.run(record))
            step.found = for_people(found, self._drawn)
            self._announce(step.found)
            self._early(self.lane, step.found)
            self._bind(step)

    def _append(self, records: list[Record]) -> int:
        """Log records, all but those that no log could take: a fault of ours, told and passed.

        Raises what a disk that is full or away raises.
        """
        with self._troubles.passing("a record cannot be written", but=_AWAY):
            return self._log.append(records)
        if len(records) > 1:
            for record in records:
                self._append([record])
        return self._log.end

    def _held_too_much(self) -> bool:
        return self._held.messages >= self._settings.held or self._held.bytes >= self._settings.held_bytes

    def _log_held(self) -> bool:
        """Try to log what was held, when it is time to; return whether nothing is held any more."""
        if monotonic() < self._retry_at:
            return False
        self._retry_at = monotonic() + self._settings.retry
        while self._held:
            try:
                position = self._append(self._held.steps[0].records)
            except _AWAY:
                return False
            self._finish(self._held.take(), position)
        self.runner.logged(self._log.end)
        self._phase = Phase.LIVE
        self._troubles.over()
        return True

    def _finish(self, step: Step, position: int) -> None:
        """Do what may be done once records are in the log. The stages run whatever else fails."""
        with self._troubles.passing("messages could not be acknowledged"):
            self._source.ack(step.messages)
        if step.found is None:
            self._bind(step)
            found = (event for record in step.records for event in self.runner.run(record, position))
            step.found = for_people(found, self._drawn)
            self._announce(step.found)
        for future, _ in step.waiting:
            future.set_result(position)
        if step.found or isinstance(step.records[0], Tick):
            self._undelivered.append((position, step.found))
            self._deliver()

    def _bind(self, step: Step) -> None:
        for _, then in step.waiting:
            if then is not None:
                with self._troubles.passing("what belongs to a configuration failed"):
                    then()

    def _announce(self, events: list[SmallEvent]) -> None:
        self._events += len(events)
        for event in events:
            with self._troubles.passing("live pages could not be told"):
                self._publish(event)

    def _deliver(self) -> bool:
        """Give events to the writer, in order; return whether it has taken all."""
        while self._undelivered:
            position, events = self._undelivered[0]
            try:
                self._sink(self.lane, position, events)
            except MachineryError as why:
                self._troubles.tell("the writer of events takes nothing", why)
                return False
            self._undelivered.popleft()
            self._told = position if events else self._told
        return True

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────

    def _maybe_save(self) -> None:
        position = self.runner.position
        if self._saving.due(position) and self._savable():
            self._saving.write_beside(position, self.runner.states())

    def _savable(self) -> bool:
        """Tell whether all that was found up to the position lasts elsewhere: a replay will not find it again."""
        return not self._held and not self._undelivered and self._applied() >= self._told

    # ── counting ─────────────────────────────────────────────────────────────────────────────────

    def _count(self, step: Step) -> None:
        self._messages += step.taken
        for record in step.records:
            if isinstance(record, Batch):
                self._readings += len(record.readings)
                self._refused += len(record.refused)
