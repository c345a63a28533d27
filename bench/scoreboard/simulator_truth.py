"""What is true of a simulated park beyond its labels: registers that turn, faults that no reading shows."""

from collections.abc import Iterator

import numpy as np

from park.metrics import METRICS, Kind
from simulators.equipment import Plan
from simulators.history import phases
from simulators.injections import Injection
from simulators.scenario import QUARTER
from simulators.signals import Signals

_LAST, _FIRST = 0.9, 0.1  # parts of a register between which it turns
_NO_TURN = frozenset({"zero_glitch", "stuck"})  # look like a turn, or hide one for a while


def rollovers(plan: Plan, done: tuple[Injection, ...], end: int) -> Iterator[Injection]:
    """Yield a label for each register that runs over its last digit, from then until its third reading."""
    signals = Signals(plan, [x for x in done if x.kind not in _NO_TURN])
    times = np.arange(plan.scenario.origin, end, QUARTER, dtype=np.int64)
    for point in plan.points:
        if METRICS[point.metric].kind is not Kind.REGISTER or not point.modulus:
            continue
        value = signals.at(np.full(len(times), point.id, np.int64), times, times - point.interval)
        turned = (value[:-1] > _LAST * point.modulus) & (value[1:] < _FIRST * point.modulus)
        for i in np.flatnonzero(turned).tolist():
            start = int(times[i])
            yield Injection(f"rollover-{point.id}-{i}", "rollover", start, start + 3 * point.interval, 0.0,
                            point.device, (point.id,), plan.unit_of[point.device - 1])  # fmt: skip


class Shown:
    """Whether readings carry a fault."""

    def __init__(self, plan: Plan, labels: tuple[Injection, ...]) -> None:
        self._plan, self._phase = plan, phases(plan)
        self._mute = [x for x in labels if x.kind in {"dropout", "dead_gateway"}]

    def __call__(self, x: Injection, end: int) -> bool:
        """Return whether a reading of its points was sent and delivered while it lasted."""
        if not x.device or not x.points:
            return True
        device = self._plan.devices[x.device - 1]
        times = np.concatenate([self._sent(p, x.start, min(x.end, end)) for p in x.points])
        for m in self._mute:
            if m.device in {x.device, device.gateway}:
                times = times[(times < m.start) | (times >= m.end)]
        return bool(len(times))

    def _sent(self, p: int, start: int, end: int) -> np.ndarray:
        """Return when a point speaks within a span, epoch ms."""
        point = self._plan.points[p - 1]
        phase = int(self._phase[point.device])
        first = -(-(start - phase) // point.interval) * point.interval + phase
        return np.arange(first, end, point.interval, dtype=np.int64)
