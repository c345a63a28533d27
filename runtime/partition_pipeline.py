"""Stages over one partition of a city's log, in which a record may stand twice.

A log of one machine has one writer that knows where it stands. Here an ingester that was restarted, or that another
took over from, says again what was said. So before the stages see a record:

| record | what is left out |
| --- | --- |
| Tick | one that is not later than the newest |
| Config | the things in one that is older than the newest; its tables of rules and papers hold |
| Batch | nothing: the stages know a reading twice said |
| Command | nothing: who resets twice has reset; but it is dated by the log |

All is decided by what the log holds, so that a replay decides alike.

The stages know points by rows of the partition's own (stream/numbering.py); whoever reads records and events knows the
registry's numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from park.directory import Directory
from park.known import known_config
from park.operator import Emit, Operator, State
from park.readings import ReadingBatch, batch_of
from park.records import Batch, Command, Config, Record, Tick
from park.wire import encode_config
from stream.numbering import Numbering
from stream.pipeline import Pipeline

_STATE = "partition"  # the key in a snapshot beside those of the stages
_DIRECTORY, _NUMBERS = "directory", "numbers"  # beside the configuration, which is of no use without
_MINUTE = 60_000  # ms from one tick to the next
_NOTHING = batch_of([])


class PartitionPipeline(Pipeline):
    """A pipeline that passes over what was said already."""

    def __init__(self, stages: Callable[[Directory], tuple[Operator, ...]]) -> None:
        super().__init__(stages)
        self._tick = 0  # newest, epoch ms
        self._received = 0  # newest receipt, epoch ms
        self._numbering = Numbering()

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Pass one record through all stages, unless it was said already."""
        if isinstance(record, Tick):
            if record.now <= self._tick:
                return _NOTHING
            self._tick = record.now
            self._received = max(self._received, record.now)
        elif isinstance(record, Config) and record.version < self.directory.version:
            if record.limits is None and record.papers is None:
                return _NOTHING
            newest = self.directory.version
            record = Config(newest, record.received, limits=record.limits, papers=record.papers)
        if isinstance(record, Config):
            record = self._numbering.config(record, self.directory.limits)
        elif isinstance(record, Command):
            record = replace(record, received=self._dated(record.received))
        elif isinstance(record, Batch):
            self._date(record)
            record = replace(record, readings=self._by_row(record.readings, emit))
        return self.named(super().run(record, lambda event: emit(self._numbering.event(event))))

    def _date(self, batch: Batch) -> None:
        received = [r.received for r in batch.refused]
        if len(batch.readings):
            received.append(int(batch.readings.received.max()))
        self._received = max(self._received, *received, 0)

    def _dated(self, received: int) -> int:
        """Return when the log has a command, which another machine's clock dated.

        A reset ends what was on its way before it: one that is dated ahead of the log would end fires to come. A minute
        lies between two ticks, in which nothing need have been heard.
        """
        return min(received, self._received + _MINUTE) if self._received else received

    def named(self, batch: ReadingBatch) -> ReadingBatch:
        """Return rows of the stages by the registry's numbers."""
        return self._numbering.named(batch)

    def _by_row(self, readings: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Return readings by row; a point that this partition was never told of gets one, and is known twice said."""
        rows = self._numbering.rows(readings.point)
        if not rows.all():
            self._numbering.give(readings.point)
            self.directory.reserve(self._numbering.size)
            super().run(Config(self.directory.version, int(readings.received[0])), emit)
            rows = self._numbering.rows(readings.point)
        return replace(readings, point=rows)

    def snapshot(self) -> dict[str, State]:
        """Return copies of all state."""
        states = super().snapshot()
        states[_DIRECTORY] = {**states[_DIRECTORY], _NUMBERS: self._numbering.snapshot()}
        own = {"version": np.array(1), "tick": np.array(self._tick), "heard": np.array(self._received)}
        return {**states, _STATE: own}

    def restore(self, states: Mapping[str, State]) -> None:
        """Take the states of an earlier `snapshot`; one without numbers has the registry's as rows."""
        if _NUMBERS not in states[_DIRECTORY]:
            states = _numbered(states)
        self._numbering = Numbering.restored(states[_DIRECTORY][_NUMBERS])
        self.directory.reserve(self._numbering.size)
        super().restore(states)
        if _STATE in states:
            self._tick = int(states[_STATE]["tick"])
            self._received = int(states[_STATE].get("heard", self._tick))


def knew_nothing(states: Mapping[str, State]) -> bool:
    """Tell whether states are those of stages that no record had reached. Raises Corrupt.

    Earlier programs saved such ones in the place of what a store knew, while Kafka did not answer.
    """
    own = states.get(_STATE)
    if own is None or int(own["tick"]) or int(own.get("heard", 0)):
        return False
    return not known_config(states[_DIRECTORY]).version


def _numbered(states: Mapping[str, State]) -> Mapping[str, State]:
    """Return states of before partitions had rows of their own, with the registry's numbers as rows.

    What a rule or a point names beyond them has no row yet: its number may become another's row.
    """
    config = known_config(states[_DIRECTORY])
    numbering = Numbering.restored(np.arange(1 + max((row.point for row in config.points), default=0), dtype=np.int32))
    known = np.frombuffer(encode_config(numbering.config(config, ())), np.uint8)
    return {**states, _DIRECTORY: {"version": np.array(1), "config": known, _NUMBERS: numbering.snapshot()}}
