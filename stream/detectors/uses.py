"""Which detector a metric gets, and of what: a table, by the kind of the metric.

Registers, states and what is steady by nature (set points, battery) get none: their use, their alarms and
their silence are judged by other stages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from park.metrics import METRICS, Kind
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


DETECTORS: Mapping[str, Callable[[Calendar], Detector]] = MappingProxyType({
    "generic": Generic,
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
