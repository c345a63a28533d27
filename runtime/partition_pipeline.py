"""Stages over one partition of a city's log, which several ingesters write.

A log of one machine has one writer. Here each ingester appends every tick and every configuration, a park's readings
lie in one partition only, and a record may stand in the log twice. So before the stages see it:

| record | what is left out |
| --- | --- |
| Tick | one that is not later than the newest |
| Config | what belongs to parks of other partitions; all but tables of rules and papers, where it is not newer |
| Batch, Command | nothing: the stages know a reading twice said, and who resets twice has reset |

All is decided by what the log holds, so that a replay decides alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from park.directory import Directory
from park.operator import Emit, Operator, State
from park.readings import ReadingBatch, batch_of
from park.records import Config, Record, Tick
from stream.pipeline import Pipeline

_STATE = "partition"  # the key in a snapshot beside those of the stages
_NOTHING = batch_of([])


class PartitionPipeline(Pipeline):
    """A pipeline that passes over what was said already, or is said of others."""

    def __init__(
        self, stages: Callable[[Directory], tuple[Operator, ...]], ours: Callable[[str], bool] = lambda _code: True
    ) -> None:
        """Take the stages; `ours` tells by a park's code whether it lies in this partition."""
        super().__init__(stages)
        self._ours = ours
        self._tick = 0  # newest, epoch ms
        self._told = -1  # version of the newest configuration; the directory's is 0 from its beginning

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Pass one record through all stages, unless it was said already."""
        if isinstance(record, Tick):
            if record.now <= self._tick:
                return _NOTHING
            self._tick = record.now
        elif isinstance(record, Config):
            news = self._news(record)
            if news is None:
                return _NOTHING
            record = news
        return super().run(record, emit)

    def _news(self, config: Config) -> Config | None:
        """Return what of a configuration is new here; None: nothing."""
        if config.version > self._told:
            self._told = config.version
            return self._own(config)
        if config.limits is None and config.papers is None:
            return None
        return Config(self._told, config.received, limits=config.limits, papers=config.papers)

    def _own(self, config: Config) -> Config:
        """Return a configuration without what belongs to parks of other partitions.

        What we were told of before and has moved to one of them is gone from here: a device that is expected in
        two partitions would be missed in one.
        """
        known = self.directory
        parks = {row.place for row in config.places if row.kind == "park" and self._ours(row.code)}
        told = {row.place for row in config.places if row.kind == "park"}
        parks |= {number for number, row in known.places.items() if row.kind == "park" and number not in told}
        devices = tuple(
            row if row.park in parks else replace(row, mode="maintenance", retired=True)
            for row in config.devices
            if row.park in parks or row.device in known.devices
        )
        return replace(
            config,
            points=tuple(row for row in config.points if row.park in parks or row.point in known.points),
            devices=devices,
            places=tuple(row for row in config.places if row.park in parks),
            enterprises=tuple(row for row in config.enterprises if row.park in parks),
        )

    def snapshot(self) -> dict[str, State]:
        """Return copies of all state."""
        own = {"version": np.array(1), "tick": np.array(self._tick), "told": np.array(self._told)}
        return {**super().snapshot(), _STATE: own}

    def restore(self, states: Mapping[str, State]) -> None:
        """Take the states of an earlier `snapshot`."""
        super().restore(states)
        self._told = self.directory.version
        if _STATE in states:
            self._tick, self._told = int(states[_STATE]["tick"]), int(states[_STATE]["told"])
