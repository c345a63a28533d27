"""The contract of a stream stage.

A stage is state plus five verbs. It never does I/O, never reads a clock, and learns nothing except
from its arguments: so the same records give the same state and the same events, live, after a
crash, and in a back-test.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt

from park.events import Event, Finding
from park.readings import ReadingBatch
from park.records import Command, Config, Refused

Emit = Callable[[Event], None]
State = Mapping[str, npt.NDArray[Any]]  # arrays; scalars as 0-d arrays; `version` is always there


class Operator(Protocol):
    """One stage of a pipeline; a pipeline is a tuple of these."""

    name: str  # state key, metric label, heading in the docs

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Take readings in, hand readings on, emit what was found."""

    def on_tick(self, now: int, emit: Emit) -> None:
        """Learn that log time has reached `now` (epoch ms, an aligned minute; minutes may be skipped)."""

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn of new or changed points, places, rules; what it does not name keeps its state."""

    def snapshot(self) -> State:
        """Return copies of all state; `restore` of it must equal never having stopped."""

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""


@runtime_checkable
class TakesCommands(Protocol):
    """A stage that people can act on: a person's reset of a latched device."""

    def on_command(self, command: Command, emit: Emit) -> None:
        """Obey a command that was read from the log."""


@runtime_checkable
class TakesRefused(Protocol):
    """A stage that looks at what could not be resolved: a fire from an unclaimed device."""

    def on_refused(self, refused: tuple[Refused, ...], emit: Emit) -> None:
        """Look at refused messages, in order of arrival."""


@runtime_checkable
class TakesFindings(Protocol):
    """A stage that hears what the other stages found: a rule on findings."""

    def on_finding(self, finding: Finding, emit: Emit) -> None:
        """Look at a finding right after it was told."""


@runtime_checkable
class TellsCounts(Protocol):
    """A stage that counts, and can be asked for its counts before its own time to tell them."""

    def tell_counts(self, emit: Emit) -> None:
        """Emit what was counted since the last time; counts of one cell add up."""
