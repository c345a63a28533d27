"""What a device would say: the value of any point at any time, with what was injected laid over it.

`Signals.at` is a pure function of (point, time, time of the value before), so a history, a live
publisher and a restarted one agree.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from park.metrics import METRICS
from simulators.equipment import Plan
from simulators.fires import FIRES, courses
from simulators.injections import TYPICAL, Injection
from simulators.models import MODELS, Asked, placed, rounded
from simulators.scenario import HOUR
from simulators.world import Float, Int, World


class Signals:
    """The values of a plan's points, with what was injected laid over them."""

    def __init__(self, plan: Plan, events: Sequence[Injection]) -> None:
        self.plan = plan
        self.world = World(plan, events)
        self.events = tuple(events)
        names = list(MODELS)
        self._models = list(MODELS.values())
        signals = plan.signals
        self._model = np.array([0, *(names.index(s.model) for s in signals)])
        self._who = np.array([0, *(max(0, s.who) for s in signals)], np.int64)
        self._a = np.array([0.0, *(s.a for s in signals)])
        self._b = np.array([0.0, *(s.b for s in signals)])
        self._modulus = np.array([0.0, *(p.modulus for p in plan.points)])
        self._high = np.array([np.inf, *(METRICS[p.metric].high for p in plan.points)])
        self._low = np.array([-np.inf, *(METRICS[p.metric].low for p in plan.points)])
        self._by_channel = {(p.device, p.metric, p.channel): p.id for p in plan.points}

    def learn(self, events: Sequence[Injection]) -> None:
        """Take a longer list of what is injected; what has begun in days already made must be in both."""
        self.events = tuple(events)
        self.world.learn(events)

    def at(self, point: Int, ts: Int, since: Int) -> Float:
        """Return values as devices would send them, in the metric's unit. Shapes: all [n]; points are the plan's."""
        if not len(point):
            return np.zeros(0)
        start, end = int(ts.min()), int(ts.max()) + 1
        self.world.extend(end)
        active = [x for x in self.events if x.over(start, end)]
        source = self._swapped(point, ts, active)
        value = self._true(source, ts, since)
        for x in active:
            self._fault(x, source, ts, value)
        return value

    def _true(self, point: Int, ts: Int, since: Int) -> Float:
        value = np.zeros(len(point))
        model = self._model[point]
        order = np.argsort(model, kind="stable")
        bounds = np.flatnonzero(np.diff(model[order])) + 1
        q, part = placed(self.world, ts)
        for rows in np.split(order, bounds):
            p = point[rows]
            asked = Asked(
                self.world, p, ts[rows], since[rows], self._who[p], self._a[p], self._b[p], q[rows], part[rows]
            )
            value[rows] = self._models[model[rows[0]]](asked)
        value = np.clip(value, self._low[point], self._high[point])
        modulus = self._modulus[point]
        over = (modulus > 0.0) & (value >= modulus)
        value[over] = rounded(value[over] % modulus[over], 3)
        return value

    def _swapped(self, point: Int, ts: Int, active: Sequence[Injection]) -> Int:
        source = point
        for x in active:
            if x.kind == "swapped_phase":
                source = source.copy()
                on = (ts >= x.start) & (ts < x.end)
                for p, q in (("a", "b"), ("b", "a")):
                    to = self._by_channel[x.device, "current", q]
                    source[on & (point == self._by_channel[x.device, "current", p])] = to
        return source

    def _fault(self, x: Injection, point: Int, ts: Int, value: Float) -> None:
        """Lay one injection over values."""
        if x.states or x.curves:
            for p, begin, end in x.states:
                value[(point == p) & (ts >= begin) & (ts < end)] = 1.0
            for p, metric, beside in x.curves:
                rows = np.flatnonzero((point == p) & (ts >= x.start))
                if len(rows):
                    risen = courses(FIRES[x.fire], (ts[rows] - x.start) / 1000.0, next_room=beside)[metric]
                    value[rows] = np.clip(rounded(value[rows] + risen, 3), self._low[p], self._high[p])
            return
        if x.kind not in _FAULTS or not x.points:
            return
        on = (ts >= x.start) & (ts < x.end)
        for p in x.points:
            rows = np.flatnonzero(on & (point == p))
            if len(rows):
                value[rows] = _FAULTS[x.kind](self, x, p, ts[rows], value[rows])

    def held(self, p: int, start: int) -> float:
        """Return the true value of a point at one moment."""
        moment = np.array([start], np.int64)
        return float(self._true(np.array([p], np.int64), moment, moment - HOUR)[0])

    def typical(self, p: int) -> float:
        """Return a change of a point that a person would notice on its chart."""
        metric = self.plan.points[p - 1].metric
        size = TYPICAL.get(metric, 1.0)
        return size * self.plan.meters[int(self._who[p])] if metric == "power" else size


Fault = Callable[[Signals, Injection, int, Int, Float], Float]
_FAULTS: Mapping[str, Fault] = {
    "stuck": lambda s, x, p, _ts, v: np.full(len(v), s.held(p, x.start)),
    "spike": lambda s, x, p, _ts, v: rounded(v + x.size * s.typical(p), 3),
    "level_shift": lambda s, x, p, _ts, v: rounded(v + x.size * s.typical(p), 3),
    "drift": lambda s, x, p, ts, v: rounded(v + x.size * s.typical(p) * (ts - x.start) / (x.end - x.start), 3),
    "unit_x1000": lambda _s, x, _p, _ts, v: rounded(v * x.size, 1),
    "zero_glitch": lambda _s, _x, _p, _ts, v: np.zeros(len(v)),
    "meter_reset": lambda s, x, p, _ts, v: rounded(
        np.mod(v - s.held(p, x.start), s.plan.points[p - 1].modulus or 1e9), 3
    ),
    "low_battery": lambda _s, x, _p, _ts, v: np.full(len(v), round(x.size)),
    "overshoot": lambda s, x, _p, _ts, v: rounded(np.maximum(v, x.size * s.plan.site.park.contracted_demand), 3),
    "swapped_phase": lambda s, _x, p, _ts, v: (
        rounded(0.5 * v, 3) if s.plan.points[p - 1].metric == "power_factor" else v
    ),
}
