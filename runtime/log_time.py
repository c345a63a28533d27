"""Log time: what the clock says where that can be believed, and what has passed where it cannot.

```
 clock against what was expected     log time
 up to a day ahead (a quarter of an  the clock
 hour, where the engine has one)
 further ahead                       goes on by what has passed, until a witness confirms the clock: the kernel says
                                     that it is disciplined, devices tell the same time, or nobody
                                     contradicts it for minutes
 behind                              goes on at half the pace, until the clock has caught up
```
What is expected is the log's newest tick at the start, and after that what has passed on a clock that nobody sets.
Where the log's own engine has a clock (Kafka dates what is appended) that is expected, too, and quarters of an hour
are doubted: one of several ingesters that is hours ahead would hold back the ticks of its partitions as long.
Ticks only rise: one tick of a day that never was would stop them until it comes. A machine without a battery
clock starts in the past, an exhausted one anywhere; a platform that rested for a week meets a right clock.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from park.readings import Int64
from park.records import Command, Verb
from runtime import clock

JUMP = 86_400_000  # ms ahead of what was expected from which on a clock is not believed
HOLD = 5 * 60.0  # s after which it is, if nobody contradicts: time servers correct a wrong one sooner
NEAR = 15 * 60_000  # ms within which a device's clock agrees with ours (park.settings far_future)
_HOUR = 3_600_000  # ms
_SAME = 60_000  # ms within which two offsets are one
_PACE = 0.5  # of log time while the clock is behind it
_TOLD = 60_000  # ms behind from which on people are told
_DEAF = 120_000  # ms without a tick, of which there is one a minute, after which nobody has listened
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Agreement:
    """What the lanes have been told of the clock by witnesses: one's is good enough for all."""

    offset: float | None = None  # ms from the clock that nobody sets to the one that is believed


class LogTime:
    """The time of one lane's log, epoch ms. It belongs to the lane's thread."""

    def __init__(
        self,
        wall: Callable[[], int],
        elapsed: Callable[[], float] = clock.elapsed,
        disciplined: Callable[[], bool] = clock.disciplined,
        agreement: Agreement | None = None,
        engine: Callable[[], int] = lambda: 0,
    ) -> None:
        """Take the clock (epoch ms), one that nobody sets (s), and what the kernel says of the first.

        `engine` is what the log's engine has for the time, epoch ms; 0: it has not said yet, or never does.
        """
        self.doubted = 0  # what the clock says while it is not believed; 0: it is
        self._wall = wall
        self._elapsed = elapsed
        self._disciplined = disciplined
        self._agreement = agreement or Agreement()
        self._engine = engine
        self._last = 0.0  # newest log time given out
        self._at = 0.0  # when that was, on the clock that nobody sets
        self._since = 0.0  # when the doubt began, or was contradicted last
        self._behind = 0.0  # ms

    @property
    def said(self) -> str:
        """What people should know of it, in a sentence; "" for nothing."""
        if self.doubted:
            ahead = _span(self.doubted - self._last)
            return f"the clock is {ahead} ahead of the log and not believed yet: time goes on by what passes"
        if self._behind > _TOLD:
            return (
                f"the clock is {self._behind / 60_000:.0f} minutes behind the log: "
                "time goes on at half pace until the clock has caught up"
            )
        return ""

    def now(self, floor: int) -> int:
        """Return log time; never before `floor`, the log's newest tick, nor before what was returned earlier."""
        wall, at, engine = self._wall(), self._elapsed(), self._engine()
        passed = max(0.0, at - self._at) * 1000 if self._last else 0.0
        known = max(self._last, float(floor))
        expected = max(known + passed, float(engine))
        self._at = at
        if expected and wall - expected > (NEAR if engine else JUMP):
            if not self.doubted:
                self._since = at
                _log.warning("the clock is %s ahead of the log: not believed yet", _span(wall - expected))
            self.doubted, self._last, self._behind = wall, expected, 0.0
            contradicted = bool(engine) or at - self._since < HOLD
            if self._disciplined() or self._agreed(wall, at) or not contradicted:
                self._believe()
            return int(self._last)
        if self.doubted:
            _log.warning("the clock is back where it was expected")
            self.doubted = 0
        self._behind = max(0.0, known - wall)
        # At least half of what has passed: behind the clock it is the clock, before it the clock catches up.
        self._last = max(float(wall), known + passed * _PACE)
        return int(self._last)

    def witness(self, stamps: Int64) -> int:
        """Learn what devices say of the time, while the clock is doubted; return log time.

        Stamps near the clock confirm it; others pull log time along, as far as most of them are, since a time
        that devices have seen is over: what a broker has kept of a week is not dated by its first day.
        """
        if not self.doubted or not len(stamps):
            return int(self._last)
        said = float(np.median(stamps))
        if abs(said - self.doubted) <= NEAR:
            self._believe()
        elif said >= self._last - NEAR:  # a clock that is further behind tells nothing of ours
            self._since = self._at  # somebody contradicts
            self._last = max(self._last, min(said, float(self.doubted)))
        return int(self._last)

    def _agreed(self, wall: int, at: float) -> bool:
        offset = self._agreement.offset
        return offset is not None and abs(wall - at * 1000 - offset) <= _SAME

    def _believe(self) -> None:
        _log.warning("the clock is believed: log time goes on %s later", _span(self.doubted - self._last))
        self._agreement.offset = self.doubted - self._at * 1000
        self._last, self.doubted = float(self.doubted), 0


def unheard_since(tick: int, received: int) -> list[Command]:
    """Return what the log is told where it goes on after a stop: nobody listened from its newest tick until now."""
    if not tick or received - tick <= _DEAF:
        return []
    return [Command(Verb.LISTEN, received, "platform", arguments={"since": str(tick)})]


def _span(ms: float) -> str:
    return f"{ms / JUMP:.1f} days" if ms >= JUMP else f"{ms / _HOUR:.1f} hours"
