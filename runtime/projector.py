"""From the logs into the stores: readings, rollups, refused messages and the loss ledger.

```
 log of a lane ─> joined batches ─> quality ─> late gate ─> meters ─> rollups ─┬─> journal, synced
                                                                               ├─> quarantine, ledger (SQL)
                                                                               └─> store of time series
```
A thread of its own, behind the lanes and never in their way: nobody waits for it, and it may lag. Every
store skips what it has by position; the journal makes a chunk that is made again equal to what it was.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from park.errors import Corrupt
from park.events import Counted, Rollups
from park.ports import Chunk, Log, QuarantineStore, ReadingStore, SnapshotStore
from park.records import Config, Refused
from park.wire import SmallEvent
from runtime.journal import Cuts
from runtime.storage.sql.ledger import EdgeRow
from runtime.track import Build, Finished, Stages, Track
from runtime.troubles import Troubles
from stream.pipeline import Pipeline


class Held(Log, Protocol):
    """A log that keeps what a consumer still needs."""

    def hold(self, consumer: str, position: int) -> None:
        """Keep everything from a position on for a consumer."""


class Ledger(Protocol):
    """The first count of the loss ledger (runtime.storage.sql.ledger)."""

    def add(
        self,
        stream: str,
        position: int,
        edge: Iterable[EdgeRow],
        refused: Iterable[Refused] = (),
        counted: Iterable[Counted] = (),
    ) -> None:
        """Add what log records up to a position say, once."""


@dataclass(frozen=True, slots=True)
class ProjectorSettings:
    """How the projector paces itself."""

    rows: int = 100_000  # readings in a chunk, about
    cycle: float = 1.0  # s between looks when there is little
    share: float = 0.6  # of the time it may work while lanes are busy: the rest is theirs
    flush_seconds: float = 60.0
    snapshot_bytes: int = 256 << 20  # of log from one snapshot to the next
    snapshot_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class ProjectorState:
    """The projector as health pages see it."""

    ready: bool  # has taken up its position
    lag_bytes: int  # of log that is not in the stores yet
    lag_seconds: float  # by which the stores are behind: what was logged before lasts in all of them
    readings: int  # since the start
    failures: int
    trouble: str


class Projector:
    """The thread that keeps the stores up with the logs."""

    def __init__(
        self,
        *,
        logs: Mapping[str, Held],
        stages: Stages,
        store: ReadingStore,
        quarantine: QuarantineStore,
        ledger: Ledger,
        snapshots: SnapshotStore,
        journals: Callable[[str], Cuts],
        found: Callable[[str, int, list[SmallEvent]], None] = lambda _stream, _position, _events: None,
        reached: Callable[[str], Iterable[int]] = lambda _stream: (),
        settings: ProjectorSettings | None = None,
        registry: Callable[[str], Config] | None = None,
        beside: Callable[[], None] = lambda: None,
        pipeline: Build = Pipeline,
        saving: AbstractContextManager[object] | None = None,
    ) -> None:
        """Take the parts; nothing is read before `recover` or `start`. Construct it before lanes start.

        `journals` opens what remembers where a log was cut, `pipeline` puts the stages together.
        `found` takes what the stages find besides readings and rollups; it may be told twice.
        `reached` names further positions at which SQL stores stand: chunks end there as well.
        `registry` tells what a log's readers would be told of all that is registered now. `beside` gives the store
        what it takes from elsewhere, in our thread: it has one writer. `saving` is held while a state is copied and
        saved, where others of the process save theirs.
        """
        self._logs = logs
        self._store = store
        self._quarantine = quarantine
        self._ledger = ledger
        self._snapshots = snapshots
        self._found = found
        self._settings = settings or ProjectorSettings()
        self._beside, self._refused = beside, False
        self._saving = saving or nullcontext()
        self._troubles = Troubles("projector")
        self._tracks = {
            stream: Track(
                stream, log, stages, store, snapshots, journals(stream), reached, self._troubles,
                partial(registry, stream) if registry is not None else None, pipeline,
            )
            for stream, log in logs.items()
        }  # fmt: skip
        self._waiting: dict[str, Finished] = {}  # made, and not taken by all stores yet
        self._given: dict[str, int] = dict.fromkeys(logs, 0)  # position through which all stores have taken everything
        self._level: dict[str, tuple[int, float]] = {}  # an end of the log, and when it was that
        self._behind_since = dict.fromkeys(logs, time.monotonic())
        self._readings = 0
        self._ready = False
        self.cpu = 0.0  # s that the thread has used
        self.giving = threading.Lock()  # held while the stores take a chunk: between two, their counts agree
        self._saved_bytes = 0
        self._flush_at = self._save_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector")
        for log in logs.values():
            log.hold("projector", 0)

    # ── from outside ─────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Recover, unless that was done, and keep up from now on."""
        self._thread.start()

    def stop(self, timeout: float = 60.0) -> bool:
        """Make lasting what was taken, save, and end; return whether it did in time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        for track in self._tracks.values():
            track.close()
        return True

    def recover(self) -> None:
        """Take up the newest snapshot that the store reaches. Raises Corrupt."""
        for stream, track in self._tracks.items():
            track.restore()
            self._given[stream] = track.position
            self._hold(stream)
        self._plan()
        self._ready = True

    def catch_up(self, progress: Callable[[int, int], None] = lambda _done, _all: None) -> None:
        """Bring the stores to the end of the logs in the caller's thread, before `start`: for bulk loads.

        Raises what a store raises; calling it again goes on.
        """
        if not self._ready:
            self.recover()
        begin = sum(track.position for track in self._tracks.values())
        for stream in self._tracks:
            while self._advance(stream):
                progress(
                    sum(t.position for t in self._tracks.values()) - begin,
                    sum(log.end for log in self._logs.values()) - begin,
                )
                if self._taken() - self._saved_bytes >= self._settings.snapshot_bytes:
                    self._save()
        self._save()

    def state(self) -> ProjectorState:
        """Return how it is."""
        lag, now = 0, time.monotonic()
        since = now
        for stream, log in self._logs.items():
            behind = log.end - self._given[stream]
            lag += behind
            if behind:
                since = min(since, self._behind_since[stream])
        troubles = self._troubles
        return ProjectorState(self._ready, lag, now - since, self._readings, troubles.failures, troubles.newest)

    def position(self, stream: str) -> int:
        """Return the log position through which all stores have taken everything."""
        return self._given[stream]

    # ── the thread ───────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while not self._ready and not self._stopping.is_set():
            with self._troubles.passing("the projector cannot take up its work"):
                self.recover()
            if not self._ready:
                self._stopping.wait(5.0)
        while not self._stopping.is_set():
            rest = self._settings.cycle
            with self._troubles.passing("stores could not be written"):
                rest = self._cycle()
            self.cpu = time.thread_time()
            if rest:
                self._stopping.wait(rest)
        with self._troubles.passing("what was taken could not be made lasting"):
            if self._ready:
                self._save()

    def _cycle(self) -> float:
        """Bring each log on by a chunk; return how long to rest, s."""
        settings = self._settings
        began, ends = time.monotonic(), [log.end for log in self._logs.values()]
        more = False
        self._from_beside()
        for stream, log in self._logs.items():
            with self._troubles.passing(f"the stores of {stream}"):
                self._look(stream)
                if self._advance(stream):
                    more |= self._tracks[stream].position < log.end
        clock = time.monotonic()
        if clock >= self._save_at or self._taken() - self._saved_bytes >= settings.snapshot_bytes:
            self._save()
        elif clock >= self._flush_at:
            self._store.flush()
            self._flush_at = clock + settings.flush_seconds
        if not more:
            return settings.cycle
        took = time.monotonic() - began
        busy = ends != [log.end for log in self._logs.values()]
        # While lanes are busy their share of the cores comes first; a backlog alone may use all of ours.
        return took * (1 - settings.share) / settings.share if busy else 0.0

    def _look(self, stream: str) -> None:
        """Learn since when a stream's stores are behind: since its log ended where they are now."""
        end, at = self._level.get(stream, (0, time.monotonic()))
        if self._given[stream] >= end:
            self._behind_since[stream] = at
            self._level[stream] = self._logs[stream].end, time.monotonic()

    def _advance(self, stream: str) -> bool:
        """Make the next chunk of a log, or give stores what they would not take; False: nothing to do."""
        stuck = stream in self._waiting
        if not stuck:
            made = self._tracks[stream].chunk(self._settings.rows)
            if made is None:
                return False
            self._waiting[stream] = made
        self._give(stream, self._waiting[stream])
        del self._waiting[stream]
        if stuck:
            self._troubles.over()
        return True

    def _give(self, stream: str, made: Finished) -> None:
        """Give a chunk to all stores; each skips what it has. Raises Full, Unavailable."""
        with self.giving:
            self._give_all(stream, made)
            self._given[stream] = made.position

    def _give_all(self, stream: str, made: Finished) -> None:
        track = self._tracks[stream]
        track.note(made)
        counted = tuple(e for e in made.events if isinstance(e, Counted))
        rollups = tuple(e for e in made.events if isinstance(e, Rollups))
        if made.refused:
            self._quarantine.keep(stream, made.position, made.refused)
        if made.edge or made.refused or counted:
            self._ledger.add(stream, made.position, made.edge, made.refused, counted)
        self._store.write(Chunk(stream, made.position, made.readings, rollups, counted))
        small = [e for e in made.events if isinstance(e, SmallEvent)]
        if small:
            self._found(stream, made.position, small)
        self._readings += len(made.readings)

    def _from_beside(self) -> None:
        with self._troubles.passing("what was usual could not be stored"):
            self._beside()
            if self._refused:
                self._refused = False
                self._troubles.over()
            return
        self._refused = True

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────

    def _save(self) -> None:
        """Make the stores lasting, then save where the stages stand: never the other way round."""
        self._plan()
        self._from_beside()
        if self._waiting:
            return
        self._store.flush()
        for stream, track in self._tracks.items():
            if not track.whole:  # its stages know part of a chunk, or nothing at all: they are built anew by the next
                continue
            if self._store.position(stream) < track.position:
                raise Corrupt(f"the store says it lasts to {self._store.position(stream)}, not {track.position}")
            with self._saving:
                track.save()
            self._hold(stream)

    def _plan(self) -> None:
        clock = time.monotonic()
        self._flush_at = clock + self._settings.flush_seconds
        self._save_at = clock + self._settings.snapshot_seconds
        self._saved_bytes = self._taken()

    def _taken(self) -> int:
        return sum(track.position for track in self._tracks.values())

    def _hold(self, stream: str) -> None:
        self._logs[stream].hold("projector", self._tracks[stream].oldest())
