"""One log's way into the stores: its stages, where they stand, and the chunks they make."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from park.directory import Directory
from park.errors import Corrupt, MachineryError
from park.events import Event
from park.operator import Operator, TellsCounts
from park.ports import Log, ReadingStore, SnapshotStore
from park.readings import ReadingBatch, concat
from park.records import Batch, Config, Edge, Record, Refused, Tick
from runtime.journal import Cut, Cuts
from runtime.late import LateGate
from runtime.merging import merged, received
from runtime.positions_again import unheard
from runtime.storage.sql.ledger import EdgeRow
from runtime.troubles import Troubles
from stream.pipeline import Pipeline

_HOUR = 3_600_000
_LANE = "lane"  # the key in a snapshot beside those of the stages
_EVENTS = 200_000  # of a chunk; beyond that it is ended, whatever its readings


Stages = Callable[[Directory], tuple[Operator, ...]]
Build = Callable[[Stages], Pipeline]


@dataclass(frozen=True, slots=True)
class Finished:
    """Everything that came of the log from the chunk before up to `position`."""

    position: int
    readings: ReadingBatch
    events: Sequence[Event]
    refused: Sequence[Refused]
    edge: Sequence[EdgeRow]
    cut: Cut


class Track:
    """One stream of the projector."""

    def __init__(
        self,
        stream: str,
        log: Log,
        stages: Stages,
        store: ReadingStore,
        snapshots: SnapshotStore,
        journal: Cuts,
        reached: Callable[[str], Iterable[int]],
        troubles: Troubles,
        registry: Callable[[], Config] | None = None,
        pipeline: Build = Pipeline,
    ) -> None:
        """Take the parts; `registry` tells all that is registered now, where neither log nor snapshot knows it.

        `pipeline` puts stages together.
        """
        self.stream = stream
        self.position = 0  # through which chunks were made
        self.tick = 0  # newest, epoch ms
        self._log = log
        self._stages = stages
        self._store = store
        self._snapshots = snapshots
        self._journal = journal
        self._reached = reached
        self._troubles = troubles
        self._registry = registry
        self._build = pipeline
        self._name = f"store-{stream}"
        self._cuts: list[Cut] = []  # ahead of us, rising
        self._stops: list[int] = []  # further ends of chunks, rising
        self.whole = True  # False: a chunk was begun and not made, or not gone back from: not a state to save
        self._begin()

    def _begin(self) -> None:
        """Build the stages, the gate behind the first of them: it needs to know what is late."""

        def with_gate(directory: Directory) -> tuple[Operator, ...]:
            first, *rest = self._stages(directory)
            self._gate = LateGate(directory, lambda late: self._store.known(self._pipeline.named(late)))
            return (first, self._gate, *rest)

        self._pipeline = self._build(with_gate)

    # ── to where it was ──────────────────────────────────────────────────────────────────────────

    def restore(self) -> None:
        """Take the newest snapshot that the store reaches. Raises Corrupt."""
        self._begin()
        self.position, self.tick = self._log.begin, 0
        lasting = self._store.position(self.stream)
        found = self._snapshots.load(self._name)
        if found is not None and found[0] > self._log.end:
            found = self._fitted(found[1], lasting, found[0])
        if found is not None and found[0] > lasting:
            why = Corrupt(f"it lasts to {lasting}, the snapshot is of {found[0]}")
            self._troubles.tell("the store was lost and is rebuilt from the log", why)
        if found is not None and self._log.begin <= found[0] <= lasting:
            self.position, states = found
            self.tick = int(states[_LANE]["tick"])
            self._pipeline.restore({k: v for k, v in states.items() if k != _LANE})
        elif self._log.begin:
            # The store was lost, or the log is all that is left: begin where the log does, with the
            # registry as a snapshot knows it, since the configuration records are gone.
            known = found or self._snapshots.load(self.stream)
            if known is not None:
                self._pipeline.restore({"directory": known[1]["directory"]})
            elif self._registry is not None:
                self._pipeline.run(self._registry(), _ignore)
            else:
                raise Corrupt(f"{self._name}: no snapshot can be read, and the log begins at {self._log.begin} only")
        self._cuts = self._journal.after(self.position)
        self._stops = sorted({p for p in (lasting, *self._reached(self.stream)) if p > self.position})

    def _fitted(self, states: dict[str, dict[str, Any]], lasting: int, position: int) -> tuple[int, Any]:
        """Return a snapshot from beyond the log's end as of where the log holds what it does not know.

        Raises Corrupt where the store lasts beyond the end: it would pass over what comes.
        """
        end = self._log.end
        why = Corrupt(f"{self._name}: the snapshot is of position {position}, the log ends at {end}")
        if lasting > end:
            raise why
        self._troubles.tell("it goes on with what a log that was made anew holds", why)
        start = unheard(self._log, int(states[_LANE]["tick"]), self._snapshots.oldest(self._name))
        return min(start, lasting) if start > self._log.begin else start, states

    def save(self) -> None:
        """Save where the stages stand; the store must have made all of it lasting."""
        states = {**self._pipeline.snapshot(), _LANE: {"version": np.array(1), "tick": np.array(self.tick)}}
        self._snapshots.save(self._name, self.position, states)
        self._journal.forget(self.oldest())

    def oldest(self) -> int:
        """Return from where on the log is still needed."""
        return self._snapshots.oldest(self._name)

    def close(self) -> None:
        """Release the journal."""
        self._journal.close()

    # ── chunks ───────────────────────────────────────────────────────────────────────────────────

    def chunk(self, rows: int) -> Finished | None:
        """Run the stages over the next records, about `rows` readings; None: there is nothing.

        Raises what log and store raise; the next call begins anew where the newest snapshot is.
        """
        if not self.whole:
            self.restore()
        self.whole = False
        made = self._chunk(rows)
        self.whole = True
        return made

    def _chunk(self, rows: int) -> Finished | None:
        end = self._log.end
        if self.position >= end:
            return None
        start, cut = self.position, None
        while self._cuts and self._cuts[0].start < start:
            self._cuts.pop(0)
        if self._cuts and self._cuts[0].start == start:
            cut = self._cuts.pop(0)
        while self._stops and self._stops[0] <= start:
            self._stops.pop(0)
        ahead = [*self._stops[:1], *(c.start for c in self._cuts[:1])]
        stop = cut.position if cut is not None else min([end, *ahead])
        self._gate.begin(cut.known if cut is not None else np.zeros(0, np.bool_))
        readings: list[ReadingBatch] = []
        events: list[Event] = []
        refused: list[Refused] = []
        edge: list[tuple[int, Edge]] = []
        size = 0
        for position, record in merged(self._log.read(start, stop), rows):
            self.position = position
            out = self._run(record, events)
            readings.append(out)
            size += len(out)
            if isinstance(record, Batch):
                refused += record.refused
                edge.append(((received(record) or self.tick) // _HOUR * _HOUR, record.edge))
            elif isinstance(record, Tick):
                self.tick = max(self.tick, record.now)
            if cut is None and (size >= rows or len(events) > _EVENTS):
                break
        else:  # also where nothing of it could be read
            self.position = max(self.position, stop)
        for stage in self._pipeline.operators:
            if isinstance(stage, TellsCounts):  # so that the ledger's counts and the store's are of the same records
                stage.tell_counts(events.append)
        aside = self._pipeline.named(self._gate.aside())
        columns = concat([part for part in (*readings, aside) if len(part)])
        made = Cut(start, self.position, self._gate.decided())
        return Finished(self.position, columns, events, refused, _counts(edge), made)

    def note(self, made: Finished) -> None:
        """Write down where a chunk ends, before any store is given it. Raises Full, Unavailable."""
        self._journal.append(made.cut)

    def _run(self, record: Record, events: list[Event]) -> ReadingBatch:
        """Run a record; one that a stage cannot digest is stored as it came, and counted as a fault."""
        away = (MachineryError, OSError)
        with self._troubles.passing(f"a stage failed on a {type(record).__name__} of {self._name}", but=away):
            return self._pipeline.run(record, events.append)
        return record.readings if isinstance(record, Batch) else concat([])


def _counts(edge: Sequence[tuple[int, Edge]]) -> list[EdgeRow]:
    """Add up what the edge counted, by gateway and hour of receipt."""
    if not edge:
        return []
    gateway, messages, readings = (
        np.concatenate([getattr(e, name) for _, e in edge]).astype(np.int64)
        for name in ("gateway", "messages", "readings")
    )
    hour = np.repeat(np.array([hour for hour, _ in edge]), [len(e.gateway) for _, e in edge])
    if not len(gateway):
        return []
    order = np.lexsort((hour, gateway))
    gateway, hour = gateway[order], hour[order]
    first = np.flatnonzero(np.append(True, (gateway[1:] != gateway[:-1]) | (hour[1:] != hour[:-1])))
    sums = (np.add.reduceat(column[order], first).tolist() for column in (messages, readings))
    return list(map(EdgeRow, gateway[first].tolist(), hour[first].tolist(), *sums))


def _ignore(_: object) -> None:
    """Swallow what stages say of a registry that they are only reminded of."""
