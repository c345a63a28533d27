"""Whose value is this: (device key, source key) -> point, and what the value and its time are worth.

The runtime makes the bindings from the registry. One resolver belongs to one lane's thread.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType

from ingest.decoders.samples import UNREADABLE, Sample, number
from park.metrics import LIFE_ALARMS, METRICS, Kind, Lane
from park.readings import Quality
from park.records import Refusal
from park.settings import IngestSettings

# Words of the field for "it is so" and "it is not", where a metric's own words are not used.
_TRUE = frozenset({"true", "on", "yes", "1", "active", "alarm", "detected", "open", "triggered", "online", "low"})
_FALSE = frozenset(
    {"false", "off", "no", "0", "inactive", "normal", "clear", "ok", "closed", "idle", "offline", "none"}
)
_CARRIED = frozenset({Kind.GAUGE, Kind.STATE})  # kinds that may be told again without having been measured


@dataclass(frozen=True, slots=True)
class Binding:
    """One value of one device, and the point it belongs to."""

    device_key: str  # "native:p1/g1/meter7", "z2m:hall/smoke"
    source_key: str  # "power", "ENERGY.Power"; "": only says that the device is known
    point: int
    scale: float = 1.0  # wire value x scale + offset = value in the metric's unit
    offset: float = 0.0
    metric: str = ""
    device: int = 0
    gateway: int = 0
    lane: Lane = Lane.BULK


@dataclass(frozen=True, slots=True)
class Known:
    """A device that was claimed."""

    device: int
    gateway: int
    life: bool  # of the life-safety lane
    points: Mapping[str, Binding]


Row = tuple[int, int, float, int]  # point, epoch ms, value in the metric's unit, quality: a reading to be

_GOOD, _ESTIMATED, _LATE, _RETAINED, _WRONG_CLOCK = (
    int(q) for q in (Quality.GOOD, Quality.ESTIMATED, Quality.LATE, Quality.RETAINED, Quality.WRONG_CLOCK)
)
_NONE: Mapping[str, Binding] = MappingProxyType({})


class Resolver:
    """The bindings of all devices, by their keys."""

    def __init__(self, settings: IngestSettings) -> None:
        self.far_future = settings.far_future
        self.far_past = settings.far_past
        self.version = 0  # rises with every change: what was made of older bindings is void
        self._devices: dict[str, Known] = {}

    def bind(self, bindings: Iterable[Binding]) -> None:
        """Add or change bindings; those not named stay."""
        changed: dict[str, dict[str, Binding]] = {}
        for b in bindings:
            before = self._devices.get(b.device_key)
            points = changed.setdefault(b.device_key, dict(before.points if before else _NONE))
            if b.source_key:
                points[b.source_key] = b
            self._devices[b.device_key] = Known(b.device, b.gateway, b.lane is Lane.LIFE, points)
        self.version += 1

    def adopt(self, other: "Resolver") -> None:
        """Take the bindings of another, which go on being told to both: they are shared, not copied."""
        self._devices = dict(other._devices)
        self.version += 1

    def forget(self, device_keys: Iterable[str]) -> None:
        """Drop devices, retired or claimed anew; what they say is then unknown."""
        for key in device_keys:
            self._devices.pop(key, None)
        self.version += 1

    def known(self, device_key: str) -> Known | None:
        """Return a device, or None if nobody claimed it."""
        return self._devices.get(device_key)

    def __len__(self) -> int:
        return len(self._devices)

    def row(self, known: Known, binding: Binding, sample: Sample, received: int, *, retained: bool) -> Row | Refusal:
        """Return the reading of a sample, or why there is none."""
        value: object = sample.value
        if type(value) is not float:  # the common case needs no questions
            value = state_code(binding.metric, value)
            if not isinstance(value, float):
                return value
        value = value * binding.scale + binding.offset
        if not isfinite(value):
            return Refusal.NOT_FINITE
        quality = _RETAINED if retained else _LATE if sample.late else _ESTIMATED if sample.carried else _GOOD
        ts = received if sample.ts is None else sample.ts
        if not received - self.far_past <= ts <= received + self.far_future:
            alarm = known.life or binding.metric in LIFE_ALARMS
            fault = self.clock(ts, received)
            if fault is not Refusal.FAR_FUTURE and not alarm:
                return fault
            # A retained state of life safety stays "retained": a broker's memory is no reset of an alarm.
            ts, quality = received, quality if retained and alarm else _WRONG_CLOCK
        return binding.point, ts, value, quality

    def clock(self, ts: int, received: int) -> Refusal:
        """Return what is wrong with a device's time that is out of bounds.

        Of a time ahead the reading is kept, marked and dated by receipt. A time long past may well be true,
        of something else than now; one that cannot be read tells nothing: set aside, but for alarms.
        """
        if ts == UNREADABLE:
            return Refusal.BAD_TIME
        return Refusal.FAR_FUTURE if ts > received else Refusal.FAR_PAST


def carries(metric: str) -> bool:
    """Tell whether a value of a metric may be carried from an earlier partial update."""
    return METRICS[metric].kind in _CARRIED and metric not in LIFE_ALARMS if metric in METRICS else False


def state_code(metric: str, value: object) -> float | Refusal:
    """Return a value as a number; of states, words and booleans too."""
    row = METRICS.get(metric)
    if row is None or row.kind is not Kind.STATE:
        return number(value)
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and len(value) < 64:
        word = value.strip().lower()
        if word in row.codes:
            return float(row.codes.index(word))
        if len(row.codes) == 2 and word in _TRUE:
            return 1.0
        if len(row.codes) == 2 and word in _FALSE:
            return 0.0
    return number(value)


def raised(metric: str, value: object) -> bool:
    """Tell whether a value is a life-safety alarm of its metric."""
    return metric in LIFE_ALARMS and state_code(metric, value) in METRICS[metric].alarm
