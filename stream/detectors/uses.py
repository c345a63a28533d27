"""Which detector a metric gets, and of what: a table, by the kind of the metric.

Registers, states and what is steady by nature (set points, battery) get none: their use, their alarms and
their silence are judged by other stages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from park.metrics import METRICS, NAMES, Kind
from park.readings import Float64
from stream.detectors.calendar import Calendar
from stream.detectors.counts import Counts
from stream.detectors.energy import Energy
from stream.detectors.generic import Generic
from stream.detectors.judging import Detector


class Source(IntEnum):
    """What of a point is judged."""

    NOTHING = 0
    READINGS = 1  # at the pace that the point promises, at most one a minute
    HOURS = 2  # sums of whole hours: an amount depends on how often a device speaks, its hour does not


@dataclass(frozen=True, slots=True)
class Use:
    """How points of a metric are judged."""

    source: Source
    detector: str = ""  # name in DETECTORS
    rooted: bool = False  # counts: a scale that does not grow with the level


DETECTORS: Mapping[str, Callable[[Calendar], Detector]] = MappingProxyType({
    "generic": lambda _: Generic(),
    "energy": Energy,
    "count": Counts,
})  # fmt: skip
_USED = frozenset({"energy_use", "water_use"})  # what a building draws: ratios to its hour of the week

_BY_KIND: Mapping[Kind, Use] = MappingProxyType({
    Kind.GAUGE: Use(Source.READINGS, "generic"),
    Kind.INTERVAL: Use(Source.HOURS, "generic"),
    Kind.COUNT: Use(Source.HOURS, "count"),
})  # fmt: skip
_NONE = Use(Source.NOTHING)


def use_of(metric: str) -> Use:
    """Return how a metric is judged."""
    row = METRICS[metric]
    return _NONE if row.steady else Use(Source.HOURS, "energy") if metric in _USED else _BY_KIND.get(row.kind, _NONE)


# By metric code; the last row is for points that nothing is known of.
ROOTED: npt.NDArray[np.bool_] = np.array([use_of(n).rooted for n in NAMES] + [False])


def steadied(value: Float64) -> Float64:
    """Return counts with a scale that does not grow with their level (Anscombe)."""
    rooted: Float64 = 2 * np.sqrt(np.maximum(value, 0) + 0.375)
    return rooted


def counted(value: Float64) -> Float64:
    """Undo `steadied`."""
    counts: Float64 = np.maximum((np.maximum(value, 0) / 2) ** 2 - 0.375, 0)
    return counts
