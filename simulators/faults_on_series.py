"""Faults put into recorded series: kinds and sizes by a table, places by a seed.

Semi-synthetic: the series are real, the faults are not. Sizes are shares of what the series itself does:
its daily range (of the quiet 5 to 95 % of its values in the days before), so that one table fits a load of a
kilowatt and a street of a thousand people. A size of 1 is as much as all of an ordinary day.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from park.readings import Float64, Int64

HOUR, DAY = 3_600_000, 86_400_000
_BEFORE = 14  # days that sizes are taken from


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table."""

    kind: str  # of FAULTS
    size: float  # share of the daily range; times, for movement and units
    lasts: int  # ms; 0: one value


@dataclass(frozen=True, slots=True)
class Faulty:
    """A series with a fault in it."""

    ts: Int64  # epoch ms
    value: Float64
    begin: int  # epoch ms of the first value that is wrong, and of the last
    end: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a fault goes, and what the series is like there."""

    ts: Int64
    value: Float64
    rows: Int64
    span: float  # daily range
    rng: np.random.Generator


_Made = tuple[Int64, Float64]  # times and values of the rows in place of those that were there


def _added(p: _Place, by: Float64 | float) -> _Made:
    return p.ts[p.rows], p.value[p.rows] + by


def _spike(p: _Place, size: float) -> _Made:
    return _added(p, size * p.span)


def _shift(p: _Place, size: float) -> _Made:
    return _added(p, p.rng.choice((-1.0, 1.0)) * size * p.span)


def _drift(p: _Place, size: float) -> _Made:
    return _added(p, p.rng.choice((-1.0, 1.0)) * size * p.span * np.linspace(0, 1, len(p.rows)))


def _restless(p: _Place, size: float) -> _Made:
    moves = float(np.mean(np.abs(np.diff(p.value[: p.rows[0]][-2_000:]))))
    return _added(p, p.rng.normal(0, size * max(moves, 1e-3 * p.span), len(p.rows)))


def _calm(p: _Place, size: float) -> _Made:
    """Half of the way to the mean of a few hours, or all but `size` of it."""
    part = p.value[p.rows]
    width = max(len(part) // 8, 1)
    mean = np.convolve(np.pad(part, width, "edge"), np.ones(2 * width + 1) / (2 * width + 1), "valid")
    return p.ts[p.rows], mean + size * (part - mean)


def _stuck(p: _Place, _: float) -> _Made:
    return p.ts[p.rows], np.full(len(p.rows), p.value[p.rows[0] - 1])


def _times(p: _Place, size: float) -> _Made:
    return p.ts[p.rows], p.value[p.rows] * size


def _phase(p: _Place, size: float) -> _Made:
    """One of three current transformers the wrong way round: a third of the load counts backwards."""
    return p.ts[p.rows], p.value[p.rows] * (1 - 2 * size / 3)


def _hour(p: _Place, size: float) -> _Made:
    """What was `size` days before: half a day is night for day."""
    step = float(np.median(np.diff(p.ts[: p.rows[0]][-200:])))
    back = max(round(size * DAY / step), 1)
    return p.ts[p.rows], p.value[p.rows - back]


def _clock(p: _Place, size: float) -> _Made:
    """The clock is `size` days ahead."""
    return p.ts[p.rows] + int(size * DAY), p.value[p.rows]


def _missing(p: _Place, _: float) -> _Made:
    return p.ts[:0], p.value[:0]


FAULTS: Mapping[str, Callable[[_Place, float], _Made]] = MappingProxyType({
    "spike": _spike, "dip": lambda p, size: _spike(p, -size), "shift": _shift, "drift": _drift,
    "variance_up": _restless, "variance_down": _calm, "stuck": _stuck, "missing": _missing, "unit": _times,
    "phase": _phase, "wrong_hour": _hour, "clock_step": _clock,
})  # fmt: skip

# Small: a person may miss it on a chart of two weeks. Plain: a person sees it at once.
SMALL: tuple[Fault, ...] = (
    Fault("spike", 0.6, 0), Fault("dip", 0.6, 0), Fault("shift", 0.4, 2 * DAY), Fault("drift", 0.6, 5 * DAY),
    Fault("variance_up", 3.0, DAY), Fault("variance_down", 0.2, DAY), Fault("stuck", 0.0, 12 * HOUR),
    Fault("phase", 0.5, DAY), Fault("wrong_hour", 0.25, DAY), Fault("clock_step", 0.1, 12 * HOUR),
)  # fmt: skip
PLAIN: tuple[Fault, ...] = (
    Fault("spike", 1.5, 0), Fault("dip", 1.5, 0), Fault("shift", 1.0, 2 * DAY), Fault("drift", 1.5, 5 * DAY),
    Fault("variance_up", 8.0, DAY), Fault("variance_down", 0.0, 2 * DAY), Fault("stuck", 0.0, 2 * DAY),
    Fault("missing", 0.0, DAY), Fault("unit", 1_000.0, DAY), Fault("phase", 1.0, 2 * DAY),
    Fault("wrong_hour", 0.5, 2 * DAY), Fault("clock_step", 0.5, DAY),
)  # fmt: skip


def injected(ts: Int64, value: Float64, fault: Fault, seed: int) -> Faulty:
    """Return the series with a fault somewhere between 60 and 90 % of it. Raises ValueError for less than 20 days."""
    if len(ts) < 100 or ts[-1] - ts[0] < 20 * DAY:
        raise ValueError("a series of twenty days is needed")
    rng = np.random.default_rng(seed)
    at = int(np.searchsorted(ts, ts[0] + int(rng.uniform(0.6, 0.9) * (ts[-1] - ts[0]))))
    last = max(int(np.searchsorted(ts, ts[at] + fault.lasts)), at + 1)
    rows = np.arange(at, min(last, len(ts)))
    step = float(np.median(np.diff(ts)))
    before = value[:at][-max(int(_BEFORE * DAY / step), 50) :]  # by count: a gap may be longer than these days
    low, high = np.quantile(before, (0.05, 0.95))
    span = float(max(high - low, 1e-3 * max(np.abs(before).max(), 1e-6)))
    new_ts, new_value = FAULTS[fault.kind](_Place(ts, value, rows, span, rng), fault.size)
    rest = slice(int(rows[-1]) + 1, None)
    all_ts = np.concatenate([ts[:at], new_ts, ts[rest]])
    all_value = np.concatenate([value[:at], new_value, value[rest]])
    return Faulty(all_ts, all_value, int(ts[at]), int(ts[rows[-1]]), fault)
