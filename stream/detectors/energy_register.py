"""Use of a register that is known by its readings only: how much a usual step used.

The verdicts on readings that do not follow are those of the live stage (`stream.registers`). What one step
can be is learned: some hundred times what was usual. Use over a gap is given as if it had been a usual step:
an amount after a gap belongs to the gap's hours.
"""

from dataclasses import dataclass
from math import inf

from stream.registers import Register, judge, turned

KNOWN = 24  # steps, before what one can be is known
MOST = 200.0  # times the usual use of a step; more is another meter, or a wrong digit
_PACE, _USUAL = 0.05, 0.02  # rates at which the step and its use are learned


@dataclass(frozen=True, slots=True)
class Step:
    """What a reading says of the time since the one before."""

    use: float | None  # of a usual step; None: not known
    odd: bool = False  # the reading does not follow from the one before, and is no rollover


class RegisterUse:
    """One register; readings in order of time."""

    def __init__(self) -> None:
        self._known: Register | None = None
        self._pace = 0.0  # ms between readings
        self._usual = 0.0  # use of a step
        self._steps = 0

    def take(self, ts: int, reading: float) -> Step:
        """Return what was used, in steps of usual length. A reading that is not newer says nothing."""
        if self._known is None:
            self._known = Register(ts, reading)
            return Step(None)
        before = self._known
        if ts <= max(before.ts, before.odd_ts):
            return Step(None)
        gap = ts - max(before.ts, before.odd_ts)
        pace = self._pace or gap
        self._pace = pace + _PACE * (min(gap, 1.5 * pace) - pace)
        most = inf
        if self._steps >= KNOWN and self._usual > 0:
            most = MOST * self._usual * max((ts - before.ts) / self._pace, 1.0)
        verdict = judge(before, ts, reading, most, 0.0)
        self._known = verdict.register
        if not verdict.uses:
            rolled = before.value > reading and turned(before.value, reading, 0.0) is not None
            return Step(None, odd=not rolled)
        amount = sum(use.amount for use in verdict.uses)
        span = verdict.uses[-1].end - verdict.uses[0].begin
        use = amount * pace / span
        rate = max(_USUAL, 1 / (self._steps + 1))
        self._usual += rate * (min(use, 10 * self._usual if self._steps else use) - self._usual)
        self._steps += 1
        return Step(use)
