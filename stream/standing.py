"""What stands still though it should move: gauges that repeat one value, registers that ignore their own power.

```
 gauge     same value, look after look; siblings move; twice as long as it ever rested ──> stuck
           zero, the least it ever said where it cannot be negative (an idle analyser), and what it rested at
           longest so far are rest
 register  same value, while the power beside it comes to 20 of its smallest steps ──> stuck
```
Points are looked at every ten minutes, and only where a value came that is good now: what a device with a wrong
clock, or with values that cannot be, repeats is no rest of its own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.metrics import CODE, METRICS, NAMES, Kind
from park.operator import State
from park.readings import Bool, Float64, Int64

SAMPLES = 12  # looks in a row at which it had spoken, and the same
KNOWN = 200  # looks after which fewer do, where it hardly ever says a value twice ...
CHANCE, FEW = 1e-7, 7  # ... so that so long a run is chance once in ten million looks; never less than 7
STUCK_FOR = 3 * 3_600_000  # ms
HABIT = 2  # times longer than its longest rest so far
GROWS = 1.5  # times by which a stand that was told lengthens what is rest: a fault is no habit, many may be
STEPS = 20  # smallest steps of a register that its power must come to
STARTS = 0.02  # kW at 5 A: below, a meter of class 1 need not count (IEC 62053-21, 8.4: 0.4 % of its current)
_HOUR = 3_600_000.0
_COLUMNS = {
    "sampled": np.float64,  # at the last look
    "since": np.int64,  # the look at which this value was first seen
    "looked": np.int64,  # the last look at which it had spoken
    "looks": np.int32,  # looks in a row with this value
    "known": np.int32,  # looks at all
    "repeats": np.int32,  # of which the same as before, but for those of stands that were told
    "rest": np.int64,  # longest time of one value so far; 0: never moved
    "rested": np.float64,  # that value
    "least": np.float64,  # value so far
    "due": np.float64,  # registers: kWh that its power came to since it moved last
    "step": np.float64,  # registers: smallest step so far; 0: none seen
    "stuck": np.bool_,
}


class Standing:
    """Which points are stuck, by number."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._c: dict[str, npt.NDArray[Any]] = {n: np.zeros(2, kind) for n, kind in _COLUMNS.items()}
        self._gauges = np.zeros(0, np.intp)
        self._registers = np.zeros(0, np.intp)  # those with a power beside them ...
        self._powers = np.zeros(0, np.intp)  # ... and that power

    def look(self, now: int, before: int, value: Float64, fresh: Int64) -> npt.NDArray[Any]:
        """Look at all points; return those that are stuck.

        `before`: log time of the look before; `value`, `fresh`: newest good value and its receipt, by point.
        """
        spoke = (fresh >= before) & (fresh > 0)  # what comes with the very time of a look comes after it
        self._gauge(now, value, spoke)
        self._register(now, value, spoke)
        watched = np.concatenate([self._gauges, self._registers])
        held: npt.NDArray[Any] = watched[self._c["stuck"][watched]]
        return held

    def _gauge(self, now: int, value: Float64, spoke: Bool) -> None:
        """Find the gauges that repeat themselves while their siblings move."""
        c = self._c
        g = self._gauges[spoke[self._gauges]]
        v = value[g]
        same = (v == c["sampled"][g]) & (c["looks"][g] > 0)
        for_long = np.where(c["looks"][g] > 0, now - c["since"][g], 0)
        # How long it rested is known up to the last look: what came while nothing was heard is not.
        self._rests(g, ~same & (c["looks"][g] > 0), c["looked"][g] - c["since"][g])
        self._count(g, same, now, v)
        moving = np.zeros(len(c["looks"]), np.bool_)
        moving[g[c["looks"][g] < SAMPLES]] = True
        twice = (c["repeats"][g] + 1) / (c["known"][g] + 2)  # how often it says a value twice
        few = 1 + np.ceil(np.log(CHANCE) / np.log(np.clip(twice, 1e-9, 0.5)))
        enough = np.where(c["known"][g] >= KNOWN, np.clip(few, FEW, SAMPLES), SAMPLES)
        idle = (v <= c["least"][g]) & (self._directory.low[g] >= 0)
        idle |= v >= self._directory.high[g]  # as high as it can say: air at 100 % is wet, not stuck
        odd = (v != 0) & (v != c["rested"][g]) & ~idle & (c["rest"][g] > 0)
        stuck = same & odd & self._peers_move(g, moving) & (c["looks"][g] >= enough)
        stuck &= for_long >= np.maximum(STUCK_FOR, HABIT * c["rest"][g])
        c["stuck"][g] = (c["stuck"][g] & same) | stuck

    def _rests(self, g: npt.NDArray[Any], moved: Bool, for_long: Int64) -> None:
        """Remember the longest rest; of a stand that was told only a part."""
        c = self._c
        g, lasted = g[moved], for_long[moved]
        rest = c["rest"][g]
        lasted = np.where(c["stuck"][g], np.minimum(lasted, (GROWS * rest).astype(np.int64)), lasted)
        longer = (lasted > rest) & ~c["stuck"][g]
        c["rested"][g] = np.where(longer, c["sampled"][g], c["rested"][g])
        c["rest"][g] = np.maximum(np.maximum(rest, lasted), 1)

    def _count(self, g: npt.NDArray[Any], same: Bool, now: int, value: Float64) -> None:
        c = self._c
        c["looks"][g] = np.where(same, c["looks"][g] + 1, 1)
        c["since"][g] = np.where(same, c["since"][g], now)
        c["least"][g] = np.where(c["known"][g] > 0, np.minimum(c["least"][g], value), value)
        c["known"][g] = np.minimum(c["known"][g] + 1, 2**30)
        c["repeats"][g] = np.minimum(c["repeats"][g] + (same & ~c["stuck"][g]), 2**30)
        c["sampled"][g], c["looked"][g] = value, now

    def _register(self, now: int, value: Float64, spoke: Bool) -> None:
        """Find the registers that do not count what the power beside them says."""
        c = self._c
        both = spoke[self._registers]
        r, power = self._registers[both], self._powers[both]
        v = value[r]
        first = c["looks"][r] == 0
        same = (v == c["sampled"][r]) & ~first
        moved = v - c["sampled"][r]
        steps = np.where(c["step"][r] > 0, np.minimum(c["step"][r], moved), moved)
        c["step"][r] = np.where((moved > 0) & ~first, steps, c["step"][r])
        # A power that stands still itself, or is none, is no witness.
        runs = np.where(c["stuck"][power], 0.0, np.maximum(value[power], 0.0))
        c["due"][r] = np.where(same, c["due"][r] + runs * (now - c["looked"][r]) / _HOUR, 0.0)
        self._count(r, same, now, v)
        ratio = np.abs(np.where(self._directory.ratio[r] == 0, 1.0, self._directory.ratio[r]))
        stood = np.where(same, now - c["since"][r], 0)
        owed = c["due"][r] >= STEPS * np.maximum(c["step"][r] * ratio, 1e-9)
        counts = c["due"][r] >= STARTS * np.maximum(ratio, 1.0) * stood / _HOUR
        stuck = same & (c["step"][r] > 0) & (stood >= STUCK_FOR) & owed & counts
        c["stuck"][r] = (c["stuck"][r] & same) | stuck

    def _peers_move(self, gauges: npt.NDArray[Any], moving: Bool) -> Bool:
        """Return for each gauge whether the others of its device move, or of its metric if it has none."""
        d = self._directory
        device = d.device[gauges]
        size = d.device_size + 1
        others = np.bincount(device, minlength=size)[device] - 1
        moving_others = np.bincount(device[moving[gauges]], minlength=size)[device] - moving[gauges]
        kind = d.metric[gauges].astype(np.int64) + d.park[gauges].astype(np.int64) * len(NAMES)
        _, kind = np.unique(kind, return_inverse=True)
        alike = np.bincount(kind)[kind] - 1 if len(kind) else kind
        alike_move = np.bincount(kind, weights=moving[gauges])[kind] - moving[gauges] if len(kind) else kind
        peers: Bool = np.where(others > 0, moving_others > 0, (alike >= 2) & (2 * alike_move > alike))
        return peers

    def on_points(self) -> None:
        """Learn of points as the registry has them now."""
        d = self._directory
        self.grow()
        metric = d.metric[: d.size]
        own = d.source[: d.size] == 0
        can = [CODE[name] for name, m in METRICS.items() if m.kind is Kind.GAUGE and not m.steady]
        self._gauges = np.flatnonzero(np.isin(metric, can) & own)
        powers = {
            (row.device, row.channel): row.point
            for row in d.points.rows(d.points_of("power"))
            if not row.source and row.device
        }
        pairs = [
            (row.point, powers[row.device, row.channel])
            for row in d.points.rows(d.points_of("energy"))
            if (row.device, row.channel) in powers
        ]
        self._registers, self._powers = (np.array([pair[k] for pair in pairs], np.intp) for k in (0, 1))

    def grow(self) -> None:
        """Have room for all points of the registry."""
        for name, column in self._c.items():
            self._c[name] = grown(column, self._directory.size)

    def snapshot(self) -> State:
        """Return copies of all columns."""
        return {f"standing_{name}": column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; of one without them nothing, and learn anew."""
        for name, column in self._c.items():
            if f"standing_{name}" in state:
                self._c[name] = grown(state[f"standing_{name}"].copy(), len(column))
