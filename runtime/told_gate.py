"""What of the workers' words is believed: whole steps, of whoever holds the log, up to where the log really is.

| what comes | what becomes of it |
| --- | --- |
| a part of a step | waits for the last one; fires in it are called out (runtime.told_aloud) |
| a step of the newest epoch, or of a newer one that was really given out | taken |
| of an older epoch | left out: the log is another's, who finds it again from the same records |
| of an epoch that was never given out, or a position beyond the log's end | refused: it would hide what follows; fires
                                                               in it are called out (runtime.told_aloud) |
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from park.errors import MachineryError
from park.told import Told
from park.wire import SmallEvent

_FAR = 1_000_000  # records: what a log grows by in the hours that Kafka may answer for one partition and not another
_MOST = 1_000_000  # events of one step that are held until it is whole


class Verdict(StrEnum):
    """What becomes of a message."""

    TAKEN = "taken"
    WAITS = "waits"
    STALE = "stale"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict; the whole step where it is taken, and why where it is not."""

    verdict: Verdict
    position: int = 0
    events: tuple[SmallEvent, ...] = ()
    why: str = ""


@dataclass(slots=True)
class ToldGate:
    """The gate of one log. It belongs to one thread."""

    stream: str
    epoch: int  # the newest that was seen
    given: Callable[[], int]  # the newest epoch that was given out; may ask the database
    end: Callable[[], int]  # where the log ends; may ask Kafka
    _known_end: int = 0
    _parts: list[Told] = field(default_factory=list)

    def judge(self, told: Told) -> Judged:
        """Return what becomes of a message. Raises MachineryError where that cannot be found out now."""
        if told.stream != self.stream:
            return Judged(Verdict.WRONG, why=f"it tells of {told.stream}, and this is {self.stream}'s partition")
        if told.epoch < self.epoch:
            return Judged(Verdict.STALE, why=f"epoch {told.epoch} is over; {self.epoch} is the newest")
        if told.epoch > self.epoch and told.epoch > self.given():
            return Judged(Verdict.WRONG, why=f"epoch {told.epoch} was never given out")
        if told.position > self._known_end:
            self._learn_end(told.position)
            if told.position > self._known_end:
                return Judged(Verdict.WRONG, why=f"it tells up to {told.position}; the log ends at {self._known_end}")
        self.epoch = told.epoch
        return self._joined(told)

    def _learn_end(self, position: int) -> None:
        """Ask where the log ends. Where nobody answers, what is not far beyond is believed: it may tell of a fire."""
        try:
            self._known_end = self.end()
        except MachineryError:
            if not self._known_end <= position <= self._known_end + _FAR:
                raise
            self._known_end = position

    def _joined(self, told: Told) -> Judged:
        held = (self._parts[0].epoch, self._parts[0].position) if self._parts else None
        if held is not None and (told.epoch, told.position) < held:
            # Sent twice, and late: its step was whole before this one began. It takes nothing from what waits.
            return Judged(Verdict.TAKEN, told.position, told.events) if told.last else Judged(Verdict.WAITS)
        # Parts of another step were cut off by the end of who told them: the next one tells them all again.
        if held is not None and (told.epoch, told.position) != held:
            self._parts = []
        if sum(len(part.events) for part in self._parts) + len(told.events) > _MOST:
            self._parts = []
            return Judged(Verdict.WRONG, why=f"a step of more than {_MOST} events")
        self._parts.append(told)
        if not told.last:
            return Judged(Verdict.WAITS)
        whole = tuple(event for part in self._parts for event in part.events)
        self._parts = []
        return Judged(Verdict.TAKEN, told.position, whole)
