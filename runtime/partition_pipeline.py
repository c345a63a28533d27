"""Stages over one partition of a city's log, in which a record may stand twice.

A log of one machine has one writer that knows where it stands. Here an ingester that was restarted, or that another
took over from, says again what was said. So before the stages see a record:

| record | what is left out |
| --- | --- |
| Tick | one that is not later than the newest |
| Config | the things in one that is older than the newest; its tables of rules and papers hold |
| Batch, Command | nothing: the stages know a reading twice said, and who resets twice has reset |

All is decided by what the log holds, so that a replay decides alike.
"""

from collections.abc import Callable, Mapping

import numpy as np

from park.directory import Directory
from park.operator import Emit, Operator, State
from park.readings import ReadingBatch, batch_of
from park.records import Config, Record, Tick
from stream.pipeline import Pipeline

_STATE = "partition"  # the key in a snapshot beside those of the stages
_NOTHING = batch_of([])


class PartitionPipeline(Pipeline):
    """A pipeline that passes over what was said already."""

    def __init__(self, stages: Callable[[Directory], tuple[Operator, ...]]) -> None:
        super().__init__(stages)
        self._tick = 0  # newest, epoch ms

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Pass one record through all stages, unless it was said already."""
        if isinstance(record, Tick):
            if record.now <= self._tick:
                return _NOTHING
            self._tick = record.now
        elif isinstance(record, Config) and record.version < self.directory.version:
            if record.limits is None and record.papers is None:
                return _NOTHING
            newest = self.directory.version
            record = Config(newest, record.received, limits=record.limits, papers=record.papers)
        return super().run(record, emit)

    def snapshot(self) -> dict[str, State]:
        """Return copies of all state."""
        return {**super().snapshot(), _STATE: {"version": np.array(1), "tick": np.array(self._tick)}}

    def restore(self, states: Mapping[str, State]) -> None:
        """Take the states of an earlier `snapshot`."""
        super().restore(states)
        if _STATE in states:
            self._tick = int(states[_STATE]["tick"])
