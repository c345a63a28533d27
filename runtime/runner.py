"""A pipeline that runs along a log: restored, replayed, and going on after a record that it cannot digest."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from park.errors import Corrupt
from park.events import Event
from park.operator import Emit, State
from park.ports import Log, SnapshotStore
from park.readings import ReadingBatch, batch_of
from park.records import Batch, Config, Edge, Record, Tick
from runtime.merging import merged
from runtime.positions_again import unheard
from runtime.troubles import Troubles

_LANE, _DIRECTORY = "lane", "directory"  # keys in a snapshot beside those of the stages
_NONE = np.zeros(0, np.int32)


class Stages(Protocol):
    """What is asked of a pipeline (stream.pipeline.Pipeline)."""

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Pass one record through all stages; return the readings that came out at the end."""

    def snapshot(self) -> Mapping[str, State]:
        """Return copies of all state."""

    def restore(self, states: Mapping[str, State]) -> None:
        """Take the states of an earlier `snapshot`."""


class Runner:
    """Where a pipeline stands in its log, and how it gets there. It belongs to one thread.

    A stage that raises has a fault of ours: the record was good enough for the log. The failure is
    counted and told, and the next record is run. A `careful` runner (life safety) does not leave it
    there: it goes back to the state before the record and runs it again row by row, so that only
    the rows that the stage cannot digest are lost.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Stages],
        log: Log,
        snapshots: SnapshotStore,
        *,
        careful: bool = False,
        registry: Callable[[], Config] | None = None,
    ) -> None:
        """Take the parts; `registry` tells all that stands in it now, for a past whose configuration is gone."""
        self.name = name
        self.lost = ""  # what of its past it does not know, in words for people; "" for nothing
        self.position = 0  # of the log, through which it has run
        self.tick = 0  # newest tick, epoch ms
        self.troubles = Troubles(f"stages of {name}")
        self._make = make
        self._log = log
        self._snapshots = snapshots
        self._careful = careful
        self._registry = registry
        self.stages = make()
        self._base: tuple[int, Mapping[str, State]] | None = None  # to go back to
        self._ahead: list[Record] = []  # run already, not in the log yet
        self.begun: list[Event] = []  # what it found as it began anew; it comes with the next record as well

    # ── to where it was ──────────────────────────────────────────────────────────────────────────

    def restore(self) -> None:
        """Take the newest snapshot; without one that fits, begin where the log does with the registry as it is now.

        Raises Corrupt when log and snapshots do not fit each other and nobody brought a registry.
        """
        self.begun = []  # of a try that broke off
        found = self._snapshots.load(self.name)
        begin, end = self._log.begin, self._log.end
        if found is None and not begin:
            return
        if found is not None and begin <= found[0] <= end:
            self._take_what_fits(*found)
            return
        if found is None:
            why = f"no snapshot can be read, and the log begins at {begin} only"
        else:
            why = f"the snapshot is of position {found[0]}, the log holds {begin}..{end}"
        if self._registry is None:
            raise Corrupt(f"{self.name}: {why}")
        self.troubles.tell("it begins anew", Corrupt(why))
        start = begin
        if found is not None:  # what stood then still stands, as far as anybody knows
            if found[0] > end:
                start = unheard(self._log, _tick_of(found[1]), self._snapshots.oldest(self.name))
            self._take_what_fits(*found)
        self._begin_at(start, why)

    def give_up(self, why: str) -> None:
        """Leave the rest of the log alone: who cannot be replayed can still hear a fire."""
        self._begin_at(self._log.end, why)

    def renew(self, why: str) -> None:
        """Go on where it stands with the registry as it is now: what the log told of it may be lost."""
        self._begin_at(self.position, why)

    def _begin_at(self, position: int, why: str) -> None:
        """Go on from a position whose past is not known, with the registry as it is now."""
        self.lost = f"it began anew without part of its past: {why}"
        if self._registry is not None:
            # What it gives (a test that is over while it burns) is told at once, and with the next record again: at a
            # position that was told of before nothing but life safety is taken.
            self._digest(self._registry(), self.begun.append)
        self.position = position
        if self._careful:
            self._base = position, self.states()

    def _take_what_fits(self, position: int, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Take a snapshot; a stage that cannot take its part (of an older program) begins anew, and that is told.

        A lane that ends for the memory of one stage would hear no fire at all.
        """
        fitting = dict(states)
        with self.troubles.passing("the snapshot cannot be taken whole"):
            self._take(position, states)
            return
        for name in states.keys() - {_LANE, _DIRECTORY}:
            with self.troubles.passing(f"the stage {name!r} begins anew"):
                self._take(position, {k: v for k, v in states.items() if k in {name, _LANE, _DIRECTORY}})
                continue
            del fitting[name]
        self._take(position, fitting)

    def replay(self, rows: int = 20_000) -> Iterator[tuple[int, list[Event]]]:
        """Run what the log holds beyond the position; yield what was found, again, and where."""
        for position, record in merged(self._log.read(self.position), rows):
            yield position, self.run(record, position)

    def states(self) -> Mapping[str, State]:
        """Return copies of all state, for a snapshot at the position."""
        states = {**self.stages.snapshot(), _LANE: {"version": np.array(1), "tick": np.array(self.tick)}}
        if self._careful:
            self._base = self.position, states
        return states

    def _take(self, position: int, states: Mapping[str, Mapping[str, Any]]) -> None:
        stages = self._make()
        taken = {k: v for k, v in states.items() if k != _LANE}
        if self._careful:  # copies: what a stage does with its arrays must not reach what we may go back to
            taken = {k: {n: np.array(a) for n, a in v.items()} for k, v in taken.items()}
        stages.restore(taken)
        self.stages = stages  # the last: who cannot take it goes on with what he has
        self.tick = _tick_of(states)
        self.position = position
        if self._careful:
            self._base = position, states

    # ── record by record ─────────────────────────────────────────────────────────────────────────

    def run(self, record: Record, position: int | None = None) -> list[Event]:
        """Run one record, which ends at a position of the log (None: it is not there yet).

        Never raises what a stage raises.
        """
        begun, self.begun = self.begun, []
        events: list[Event] = []
        if not self._digest(record, events.append) and self._careful and isinstance(record, Batch):
            events = self._piecemeal(record, events)
        if position is None:
            self._ahead.append(record)
        else:
            self.position = position
        return begun + events

    def logged(self, position: int) -> None:
        """Learn that all it ran ahead of the log is in it now."""
        self._ahead = []
        self.position = position

    def _digest(self, record: Record, emit: Emit) -> bool:
        """Run a record; return whether all stages could."""
        if isinstance(record, Tick):
            self.tick = max(self.tick, record.now)
        with self.troubles.passing(f"a stage failed on a {type(record).__name__}"):
            self.stages.run(record, emit)
            return True
        return False

    def _piecemeal(self, batch: Batch, told: list[Event]) -> list[Event]:
        """Go back to before a batch, and run each of its rows for itself."""
        ahead, position = self._ahead, self.position
        back = False
        with self.troubles.passing("there is no way back to before the record"):
            self._go_back()
            back = True
        if not back:  # the state is what the failure left; better than none
            self._ahead, self.position = ahead, position
            return told
        events: list[Event] = []
        for part in _rows(batch):
            self._digest(part, events.append)
        self._ahead, self.position = ahead, position
        return events

    def _go_back(self) -> None:
        position, ahead = self.position, self._ahead
        if self._base is None:
            self.stages, self.tick, start = self._make(), 0, self._log.begin
            if start:
                raise Corrupt(f"the log begins at {start} only")
        else:
            self._take(*self._base)
            start = self._base[0]
        for record in [r for _, r in merged(self._log.read(start, position), 20_000)] + ahead:
            self._digest(record, _ignore)
        # The next time, from here: what fails often must not cost more and more.
        if not ahead:
            self._base = position, {**self.stages.snapshot(), _LANE: {"tick": np.array(self.tick)}}


def _rows(batch: Batch) -> Iterator[Batch]:
    """Cut a batch into rows and single refused messages; what the edge counted comes with the first."""
    none = Edge(_NONE, _NONE, _NONE)
    for refused in batch.refused:
        yield Batch(batch_of([]), none, (refused,))
    for i in range(len(batch.readings)):
        yield Batch(batch.readings.rows(slice(i, i + 1)), none)


def _tick_of(states: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the newest minute that a snapshot holds, epoch ms; 0: it does not say."""
    return int(states[_LANE]["tick"]) if _LANE in states else 0


def _ignore(_: object) -> None:
    """Swallow what was said before."""
