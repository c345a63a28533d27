"""Which detector a metric gets, and of what: a table, by the kind of the metric.

Registers, states and what is steady by nature (set points, battery) get none: their use, their alarms and
their silence are judged by other stages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType

from park.metrics import METRICS, Kind
from stream.detectors.calendar import Calendar
from stream.detectors.counts import Counts
from stream.detectors.energy import Energy
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
    least: float = 0.0  # in the metric's unit: what is nearer to the expected is within the error of a device
    keeps: bool = False  # rest does not lower it: a fall on a holiday is no holiday
    cause: str = ""  # metric of the same device that it follows: what that explains is no finding of its own


# What marks the values of a point; None: the detector of any metric, which judges all of them (Panel).
DETECTORS: Mapping[str, Callable[[Calendar], Detector] | None] = MappingProxyType({
    "generic": None, "energy": Energy, "count": Counts,
})  # fmt: skip
_USED = frozenset({"energy_use", "water_use"})  # what a building draws: ratios to its hour of the week

_BY_KIND: Mapping[Kind, Use] = MappingProxyType({
    Kind.GAUGE: Use(Source.READINGS, "generic"),
    Kind.INTERVAL: Use(Source.HOURS, "generic"),
    Kind.COUNT: Use(Source.HOURS, "count"),
})  # fmt: skip
_NONE = Use(Source.NOTHING)
# Errors that devices of an ordinary class are allowed: 1 % of a power factor (IEC 61557-12), a room
# sensor's 0.5 K, 3 % of relative humidity and 50 ppm, an optical dust sensor's 10 ug/m3, 0.5 of a pH beside a sample
# (HJ 355); people as doors miscount them (stream/occupancy.py). Of water what a small meter (Q3 4 m3/h, R 160)
# promises to see: its least flow for an hour (ISO 4064-1). Of voltage what users of a network may do to it up to ten
# times an hour: 3 % (GB/T 12326). Of noise what cannot be told from its background: 3 dB (GB 12348). Of what is
# counted five in an hour: fewer are chance (Cochran 1954: counts are tested where five are expected); goods come in
# lorries, of which the lightest carry two tonnes. Run time as a state is asked for: every five minutes.
_LEAST: Mapping[str, float] = MappingProxyType({
    "voltage": 6.9, "power_factor": 0.02, "temperature": 0.5, "humidity": 3.0, "co2": 50.0, "noise": 3.0, "pm25": 10.0,
    "pm10": 10.0, "ph": 0.5, "people_inside": 5.0, "people_density": 0.05, "thd_voltage": 0.3, "frequency": 0.05,
    "water_pressure": 0.01, "residual_current": 10.0, "cable_temperature": 2.0, "water_use": 0.025,
    "people_in": 5.0, "people_out": 5.0, "vehicles_in": 5.0, "vehicles_out": 5.0, "parcels": 5.0, "output_count": 5.0,
    "dock_weight": 10.0, "run_time": 5.0,
})  # fmt: skip

# Rest lowers what is used, drawn, made or carried; not what the network gives, nor how it is wired.
_KEEPS = frozenset({"power_factor", "voltage", "frequency", "water_pressure"})


# What follows another metric of its device: a current is its power, by the volts and the power factor.
_CAUSE: Mapping[str, str] = MappingProxyType({"current": "power"})


def use_of(metric: str) -> Use:
    """Return how a metric is judged."""
    row = METRICS[metric]
    use = _NONE if row.steady else Use(Source.HOURS, "energy") if metric in _USED else _BY_KIND.get(row.kind, _NONE)
    return replace(use, least=_LEAST.get(metric, 0.0), keeps=metric in _KEEPS, cause=_CAUSE.get(metric, ""))
