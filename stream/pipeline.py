"""Run the stages over the records of a log, in order.

A pipeline is a tuple of operators behind one directory. To add a stage, add it to a tuple below.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from park.directory import Directory
from park.events import AlarmState, ConditionChange, DeviceStatus, Event, Finding, Label
from park.known import known_config, known_state
from park.operator import Emit, Operator, State, TakesCommands, TakesFindings, TakesRefused
from park.readings import Bool, ReadingBatch, batch_of, concat
from park.records import Batch, Command, Config, Record, Tick

_NOTHING = batch_of([])
HISTORY_AFTER = 3_600_000  # ms from receipt to log time, from which a message was taken in again: no lane waits so long
_NOW = "now"  # in a snapshot, beside what the directory knows


class Pipeline:
    """The stages of one lane (and, in a city, of one partition), and the directory they read."""

    def __init__(self, stages: Callable[[Directory], tuple[Operator, ...]]) -> None:
        self.directory = Directory()
        self._now = 0  # log time, epoch ms
        self.operators = stages(self.directory)
        self._commanded = tuple(o for o in self.operators if isinstance(o, TakesCommands))
        self._refusing = tuple(o for o in self.operators if isinstance(o, TakesRefused))
        self._hearing = tuple(o for o in self.operators if isinstance(o, TakesFindings))

    def run(self, record: Record, emit: Emit) -> ReadingBatch:
        """Pass one record through all stages; return the readings that came out at the end."""
        emit = partial(self._placed, emit)
        if self._hearing:
            emit = self._heard(emit)
        if isinstance(record, Batch):
            readings = record.readings
            if record.refused:
                for refusing in self._refusing:
                    refusing.on_refused(record.refused, emit)
            if not len(readings):
                return readings
            known = self._known(readings)
            strays = None if known is None else readings.rows(~known)
            if known is not None:
                readings = readings.rows(known)
            if len(readings):
                for stage in self.operators:
                    readings = stage.on_batch(readings, emit)
            return readings if strays is None else concat([readings, strays])
        if isinstance(record, Tick):
            self._now = record.now
            for stage in self.operators:
                stage.on_tick(record.now, emit)
        elif isinstance(record, Config):
            self.directory.apply(record)
            for stage in self.operators:
                stage.on_config(record, emit)
        elif isinstance(record, Command):
            signed = partial(_signed, record.actor, emit)
            for commanded in self._commanded:
                commanded.on_command(record, signed)
        return _NOTHING

    def named(self, batch: ReadingBatch) -> ReadingBatch:
        """Return readings that a stage holds as whoever reads the log knows their points."""
        return batch

    def _heard(self, emit: Emit) -> Emit:
        """Return an emit that lets the stages which hear findings have each of them."""

        def told(event: Event) -> None:
            emit(event)
            if isinstance(event, Finding):
                for hearing in self._hearing:
                    hearing.on_finding(event, emit)

        return told

    def _placed(self, emit: Emit, event: Event) -> None:
        """Emit an event; what came long before log time, and was taken in only now, says so.

        Its device was claimed since, or its messages were tried again: nobody need run for what is over by now.
        """
        if isinstance(event, ConditionChange | Finding | DeviceStatus) and self._now - event.at > HISTORY_AFTER:
            event = replace(event, labels=(*event.labels, Label.HISTORY))
        emit(event)

    def _known(self, readings: ReadingBatch) -> Bool | None:
        """Return which rows are of points that have columns; None: all, as nearly always.

        A device that speaks on the other lane's topic is one that this lane was never told of: no stage
        can look at it, and none must fail on it.
        """
        size = self.directory.size
        return None if int(readings.point.max()) < size else readings.point < size

    def snapshot(self) -> dict[str, State]:
        """Return copies of the state of every stage, and of the directory."""
        states: dict[str, State] = {o.name: o.snapshot() for o in self.operators}
        states["directory"] = {**known_state(self.directory), _NOW: np.array(self._now)}
        return states

    def restore(self, states: Mapping[str, State]) -> None:
        """Take the states of an earlier `snapshot`; a stage that is new since then starts empty."""
        config = known_config(states["directory"])
        self._now = int(states["directory"].get(_NOW, 0))
        self.directory.apply(config)
        for stage in self.operators:
            stage.on_config(config, _ignore)
            if stage.name in states:
                stage.restore(states[stage.name])


def _signed(actor: str, emit: Emit, event: Event) -> None:
    """Emit what a command has led to; what it ended says by whom."""
    if isinstance(event, ConditionChange) and event.state is AlarmState.CLEARED:
        event = replace(event, actor=actor)
    emit(event)


def _ignore(_: object) -> None:
    """Swallow what stages say while they are being restored: it was said before."""
