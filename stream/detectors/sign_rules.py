"""The rules by which values are signs of fire, as columns by metric: levels, rises, weak rises.

`fire.*` and `gas.*` of the rule table: `high` is the level; of rules that end in `_rise` the rise over the
running baseline, with `low` the floor and `on_delay` the baseline's time constant; of those that end in
`_joint_rise` a weak rise, that counts beside a sign of another kind only.
"""

from dataclasses import dataclass

import numpy as np

from park.directory import Directory
from park.metrics import CODE, NAMES
from park.readings import Bool, Float64, ReadingBatch

METRICS = ("temperature", "smoke_obscuration", "co", "gas_level")
# Scales that end where the quantity does, or where the cell is overloaded: what lies above is more of the same (IEC
# 60079-29-1 asks of gas detectors that over-range is an alarm, and held). Beyond twice the scale a wire is broken.
_OVER = np.ones(len(NAMES) + 1)
_OVER[[CODE["smoke_obscuration"], CODE["gas_level"]]] = 2.0
_RISES = 2  # full rises of a metric
_TAU = 120_000.0  # ms, of a baseline that no rule needs


def readable(directory: Directory, batch: ReadingBatch) -> Bool:
    """Tell which values can be judged for signs of fire, by the scales of their metrics."""
    d, point, value = directory, batch.point, batch.value
    found: Bool = np.isfinite(value) & (value >= d.low[point]) & (value <= d.high[point] * _OVER[d.metric[point]])
    return found


@dataclass(frozen=True, slots=True)
class SignRules:
    """The rule table by metric, in the order of METRICS; no rule is infinity."""

    level: Float64
    band: Float64  # below the level, before it is gone
    rise: Float64  # [2, metrics]
    floor: Float64  # [2, metrics]
    tau: Float64  # ms
    weak: Float64  # rise
    weak_floor: Float64
    weak_tau: Float64  # ms


def sign_rules(directory: Directory) -> SignRules:
    """Return the rules that a directory holds."""
    n = len(METRICS)
    rules = SignRules(
        np.full(n, np.inf), np.zeros(n), np.full((_RISES, n), np.inf), np.full((_RISES, n), np.inf),
        np.full(n, _TAU), np.full(n, np.inf), np.full(n, np.inf), np.full(n, _TAU),
    )  # fmt: skip
    taken = [0] * n
    for row in directory.limits:
        if not row.rule.startswith(("fire.", "gas.")) or row.metric not in METRICS or row.high is None:
            continue
        if row.rule.endswith("_drift"):  # of dust, no sign of fire: fire_contamination.py
            continue
        m = METRICS.index(row.metric)
        floor = row.low if row.low is not None else -np.inf
        if row.rule.endswith("_joint_rise"):
            rules.weak[m], rules.weak_floor[m], rules.weak_tau[m] = row.high, floor, max(row.on_delay, 1)
        elif not row.rule.endswith("_rise"):
            rules.level[m], rules.band[m] = row.high, row.dead_band
        elif taken[m] < _RISES:
            rules.rise[taken[m], m], rules.floor[taken[m], m] = row.high, floor
            rules.tau[m] = max(row.on_delay, 1)
            taken[m] += 1
    return rules
