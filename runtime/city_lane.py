"""One partition of a lane in a city's worker: taken, restored, filled up, and run as its records come.

```
            ┌──────────────────────────── its thread ───────────────────────────────┐
 Faust ─ put ─> Tail ─> Runner (stages) ─> Told, acknowledged by Kafka ─> snapshot  │
                  │     take an epoch, restore, fill from Kafka: before all that    │
                  │  └──────────────────────────────────────────────────────────────┘
                  └───> Projector (thread of its own) ─> cuts, quarantine, ledger, InfluxDB
```
Positions are ours: what Kafka's group or Faust commit says nothing of what was run. Everything written
carries the epoch; once somebody else holds the log this one ends, and nothing it still does has an effect.

Between a record and what is told of it its thread asks Kafka and nobody else: a database that is away, a store that
is slow or a topic of dead letters that takes nothing delay no fire.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from park.errors import Corrupt, MachineryError
from park.events import Bands
from park.metrics import Lane
from park.records import Batch, Tick
from park.streams import lane_of
from park.told import Told, tell
from park.wire import SmallEvent
from runtime.city_lane_words import ALL, CityLaneSettings, CityLaneState, Phase
from runtime.kafka_log import Entry
from runtime.lane_steps import for_people
from runtime.lean import give_back
from runtime.merging import merged
from runtime.projector import Projector
from runtime.runner import Runner
from runtime.saving import Saving
from runtime.storage.sql.assignments import Held
from runtime.storage.sql.snapshots import SqlSnapshots
from runtime.stream_log import StreamLog, Tail
from runtime.troubles import Troubles

_TURN = 0.05  # s that a lane waits for its turn to save
_SAVING = 10.0  # s that a snapshot may take which another one waits for
_SURE = 0.5  # s between two questions for an end that cannot be
_DEAD = 200  # messages of up to message_bytes each
_AWAY = (MachineryError, OSError)  # what may pass, so that it is tried again


@dataclass(frozen=True, slots=True)
class Parts:
    """What a partition's work is done with, made anew for each epoch."""

    held: Held
    log: StreamLog  # for the stages
    runner: Runner
    snapshots: SqlSnapshots
    projector: Projector
    tell: Callable[[Sequence[Told]], None]  # raises Unavailable; what was told may be told again
    drawn: Callable[[Bands], None]
    turn: threading.Lock  # of those that save: a copy of a partition's state is 100 MB in a city
    close: Callable[[], None]
    lost: str = ""  # what of the log was made of records that are there no more, in words; "" for nothing


@dataclass(slots=True)
class _Counts:
    readings: int = 0
    events: int = 0
    dead: int = 0


class CityLane:
    """One partition's worker, in a thread of its own."""

    def __init__(
        self,
        stream: str,
        tail: Tail,
        make: Callable[["CityLane"], Parts],
        settings: CityLaneSettings | None = None,
        *,
        sound: int = ALL,
    ) -> None:
        """Take the tail that messages are put into; `make` takes the log over and raises MachineryError when it cannot.

        `sound` is how far the log is known to be the one of which something is written down. Nothing runs before
        `start`.
        """
        self.stream = stream
        self.lane = lane_of(stream)
        self.tail = tail
        self.cpu = 0.0  # s that the thread has used
        self.phase = Phase.TAKING
        self.sound = sound  # position through which the log is the one that was run
        self.short = False  # it is not all that was run
        # Messages that are no records, for the dead letters; a store keeps a copy of each for people besides.
        self.dead: deque[tuple[Entry, str]] = deque(maxlen=_DEAD)
        self.live = threading.Event()  # set once all that was in the log at the start is run
        self._make = make
        self._settings = settings or CityLaneSettings()
        self._troubles = Troubles(stream)
        self._counts = _Counts()
        self._parts: Parts | None = None
        self._saving: Saving | None = None
        self._stopping = threading.Event()
        self._asked = threading.Event()  # to save as soon as it can
        self._heard = threading.Event()  # that it was asked
        self._untold: list[Told] = []
        self._say_at = 0.0
        self._keep = False  # a snapshot at the end
        self._thread = threading.Thread(target=self._run, name=f"lane-{stream}")

    # ── from outside ─────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Take the log over, restore, fill, and run what comes."""
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Take the next message; from one thread."""
        self.tail.put(entry)

    @property
    def room(self) -> bool:
        """Whether more messages may be put; what is put all the same is taken, too."""
        parts = self._parts
        position = parts.runner.position if parts is not None else 0
        return self.tail.waiting(position) < self._settings.ahead

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self._stopping.is_set()

    @property
    def held(self) -> Held | None:
        """The log under our epoch; None before it is taken over."""
        return self._parts.held if self._parts is not None else None

    def settle(self, timeout: float) -> bool:
        """Save where it stands if that is worth while, since another may go on from there; tell whether it did."""
        saving, deadline = self._saving, time.monotonic() + timeout
        if saving is None or self.phase is not Phase.LIVE:
            return False
        self._heard.clear()
        self._asked.set()
        self.tail.wake()
        if not self._heard.wait(timeout):
            return False
        return saving.wait(max(0.0, deadline - time.monotonic()))

    def stop(self, timeout: float = 20.0, *, keep: bool = True) -> bool:
        """End; with `keep` where it stands is saved. Return whether it ended in time."""
        deadline = time.monotonic() + timeout
        self._keep = keep
        self._stopping.set()
        self.tail.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        parts, ended = self._parts, not self._thread.is_alive()
        if parts is not None:
            ended &= parts.projector.stop(max(0.1, deadline - time.monotonic()))
            parts.close()
        return ended

    def look(self) -> None:
        """See where the log really ends, and that it is the one that was run. Raises Unavailable.

        One that ends before (made anew, or its newest records lost with a machine) gives positions out again, and
        one that grew again past where we are has done so: what came would be passed over as known. So this one
        ends, and whoever takes the log anew fits what is known.
        """
        parts = self._parts
        if parts is None or self.phase is not Phase.LIVE:
            return
        position, end = parts.runner.position, parts.log.newest
        if end < position and not self._stopping.wait(_SURE):
            end = parts.log.newest  # a new leader may not know its end at once
        if end < position:
            why = f"the log ends at {end}, and {position} was run"
        else:
            self.tail.reach(end)
            changed = parts.log.changed
            if changed is None:
                return
            end, why = changed, f"the log was another beyond {changed} when it was run: its records were lost"
        self._troubles.tell("it begins anew", Corrupt(why))
        self.sound, self.short = end, True
        parts.held.lost.set()
        self.tail.wake()

    def follow(self) -> None:
        """See where the log ends, to run what nobody puts. Raises Unavailable."""
        if self._parts is not None:
            self.tail.reach(self._parts.log.newest)

    @property
    def lost(self) -> bool:
        """Whether somebody else holds the log, as far as we know."""
        return self.held is not None and self.held.lost.is_set()

    @property
    def kept_away(self) -> bool:
        """Whether the log, or its past, could not be taken over when that was tried last."""
        return self.phase is Phase.TAKING and bool(self._troubles.newest)

    @property
    def over(self) -> bool:
        """Whether it does nothing any more, though nobody stopped it."""
        return self.phase in {Phase.LOST, Phase.FAILED}

    @property
    def given(self) -> int:
        """Position through which the stores were given everything; 0 before it works."""
        return self._parts.projector.position(self.stream) if self._parts is not None else 0

    @property
    def state(self) -> CityLaneState:
        """How it is."""
        parts, counts = self._parts, self._counts
        runner = parts.runner if parts is not None else None
        return CityLaneState(
            self.stream,
            self.phase,
            parts.held.epoch if parts is not None and not self.lost else 0,
            runner.position if runner is not None else 0,
            self.tail.end,
            runner.tick if runner is not None else 0,
            counts.readings,
            counts.events,
            counts.dead,
            self._troubles.failures + (runner.troubles.failures if runner is not None else 0),
            self._troubles.newest or (runner.troubles.newest if runner is not None else ""),
            "; ".join(filter(None, (runner.lost, *parts.snapshots.notices))) if runner and parts else "",
            parts.projector.state() if parts is not None else None,
        )

    def refuse(self, entry: Entry, why: str) -> None:
        """Remember a message that is no record, for the dead letters; in its thread."""
        self._counts.dead += 1
        self.dead.append((entry, why))

    # ── the thread ───────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        ending = Phase.FAILED
        with self._troubles.passing("the partition's work has stopped"):
            parts = self._begin()
            if parts is not None:
                parts.projector.start()
                self._turns(parts)
                if self._keep and not parts.held.lost.is_set():
                    self._save(parts)
                ending = Phase.LOST if parts.held.lost.is_set() else Phase.STOPPED
            else:
                ending = Phase.STOPPED
        self.phase = ending
        self._heard.set()

    def _begin(self) -> Parts | None:
        """Take the log over and its past up; try again as long as that fails. None: told to stop meanwhile."""
        while not self._stopping.is_set():
            try:
                parts = self._make(self)
            except _AWAY as why:
                self._troubles.tell("it cannot be taken over yet", why)
                self._stopping.wait(self._settings.retry)
                continue
            break
        else:
            return None
        if self._stopping.is_set():  # perhaps nobody waits for our end any more, who would end these too
            parts.projector.stop()
            parts.close()
            return None
        self._parts = parts
        self._troubles.over()
        settings = self._settings
        self._saving = Saving(
            self.stream, parts.snapshots, parts.log, self._troubles,
            step=settings.snapshot_records, seconds=settings.snapshot_seconds,
        )  # fmt: skip
        self._restore(parts)
        self.phase = Phase.FILLING
        return parts

    def _restore(self, parts: Parts) -> None:
        while not self._stopping.is_set() and not parts.held.lost.is_set():
            try:
                with parts.turn:  # a past that is taken up is in memory twice
                    parts.runner.restore()
                    give_back()
                    if parts.lost:
                        parts.runner.renew(parts.lost)
                break
            except _AWAY as why:
                if isinstance(why, MachineryError) and not why.retry:
                    raise
                self._troubles.tell("its past cannot be taken up yet", why)
                self._stopping.wait(self._settings.retry)
        if self._saving is not None:
            self._saving.begin(parts.runner.position)
        if begun := for_people(parts.runner.begun, parts.drawn):  # the next record may be a minute away
            self._untold += tell(self.stream, parts.held.epoch, parts.runner.position, begun)

    def _turns(self, parts: Parts) -> None:
        failed = 0
        while not self._stopping.is_set() and not parts.held.lost.is_set():
            try:
                self._turn(parts)
                failed = 0
            except _AWAY as why:
                failed += 1
                self._troubles.tell("it cannot go on now", why)
                if isinstance(why, MachineryError) and not why.retry:
                    # What it was to read is gone from Kafka: begin where the log does, and say so.
                    with self._troubles.passing("its past cannot be taken up"):
                        self._restore(parts)
                self._stopping.wait(min(self._settings.retry * failed, 5.0))
            self.cpu = time.thread_time()

    def _turn(self, parts: Parts) -> None:
        """Run what waits, or wait for it. Raises MachineryError."""
        self._say()
        runner = parts.runner
        if not self.tail.wait(runner.position, 0.2):
            if self.phase is Phase.FILLING:
                self.phase = Phase.LIVE
                self.live.set()
            self._maybe_save(parts)
            return
        end = self.tail.end
        for position, record in merged(parts.log.read(runner.position, end), self._settings.rows):
            events = for_people(runner.run(record, position), parts.drawn)
            if isinstance(record, Batch):
                self._counts.readings += len(record.readings)
            self._tell(parts, position, events, tick=isinstance(record, Tick))
            self._maybe_save(parts)
            if self._stopping.is_set() or parts.held.lost.is_set():
                return
        runner.position = max(runner.position, end)  # Kafka's own marks stand in the log, and are no records
        self._troubles.over()

    # ── what was found ───────────────────────────────────────────────────────────────────────────

    def _tell(self, parts: Parts, position: int, events: list[SmallEvent], *, tick: bool) -> None:
        """Tell what was found, before anything is saved; now and then also that it was nothing."""
        self._counts.events += len(events)
        if not events and not (tick and time.monotonic() >= self._say_at):
            return
        self._untold += tell(self.stream, parts.held.epoch, position, events)
        while self._untold:
            try:
                self._say()
            except _AWAY as why:
                self._troubles.tell("Kafka does not take what was found", why)
                if parts.held.lost.is_set() or self._stopping.wait(self._settings.retry):
                    return

    def _say(self) -> None:
        """Tell what is not told yet, in order. Raises Unavailable."""
        if self._untold and self._parts is not None:
            self._parts.tell(self._untold)
            self._untold = []
            self._say_at = time.monotonic() + self._settings.said

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────

    def _maybe_save(self, parts: Parts) -> None:
        saving = self._saving
        if saving is None or self._untold:
            return
        position = parts.runner.position
        asked = self._asked.is_set()
        if not (asked or saving.due(position)) or not parts.turn.acquire(timeout=_TURN if asked else 0):
            return
        worth = 1 if self.lane is Lane.LIFE or not asked else self._settings.worth
        states = None
        try:
            states = parts.runner.states() if position - saving.position >= worth else None
        finally:
            if states is None:
                parts.turn.release()
        if states is not None:
            saving.write_beside(position, states, parts.turn.release)
        if asked:
            self._asked.clear()
            self._heard.set()

    def _save(self, parts: Parts) -> None:
        """Save now, once all that was found is told: a replay will not find it again."""
        saving = self._saving
        if saving is None or self._untold:
            return
        saving.wait(_SAVING)
        if parts.runner.position > saving.position:
            with parts.turn:
                saving.write(parts.runner.position, parts.runner.states())
