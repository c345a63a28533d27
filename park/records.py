"""What a log holds: batches, ticks, configuration and commands, and nothing else.

Everything a stage may know reaches it as one of these, read from the log in order.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from park.metrics import Lane
from park.readings import Int32, ReadingBatch


class Refusal(StrEnum):
    """Why a message, or a part of it, could not become readings."""

    MALFORMED = "malformed"  # not the syntax that its topic promises
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    WRONG_TYPE = "wrong_type"  # a value that is neither number, boolean nor a known word
    NOT_FINITE = "not_finite"  # NaN or infinity
    NO_DIALECT = "no_dialect"  # a topic that no dialect knows
    UNKNOWN_DEVICE = "unknown_device"  # waits to be claimed
    UNKNOWN_METRIC = "unknown_metric"  # the device is known, this value of it is not
    BAD_TIME = "bad_time"  # a time that cannot be read
    FAR_FUTURE = "far_future"
    FAR_PAST = "far_past"
    EMPTY = "empty"  # nothing in it


@dataclass(frozen=True, slots=True)
class Refused:
    """A message kept raw, with the reason why it, or `readings` values of it, gave no readings."""

    reason: Refusal
    topic: str
    payload: bytes  # as it came; cut to 1 MiB, `size` tells what it was
    size: int
    received: int  # epoch ms
    device_key: str = ""  # "" when not even that could be read
    gateway: int = 0
    readings: int = 0  # values refused; 0: the whole message could not be read
    detail: str = ""  # which key, which column, what was expected
    alarm: str = ""  # the life-safety metric that is raised in it ("smoke", "gas", ...), else ""
    whole: bool = True  # False: other values of the same message became readings
    retained: bool = False  # replayed by the broker at (re)connect: old state, not news
    device: int = 0  # the registered device that sent it; 0: none


@dataclass(frozen=True, slots=True)
class Edge:
    """What the edge counted, one row a gateway: the first of the two counts of the loss ledger."""

    gateway: Int32  # 0: devices that come without one
    messages: Int32
    readings: Int32  # values seen in messages that could be read, refused ones included


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings as they came off a wire, with what was counted and refused beside them."""

    readings: ReadingBatch
    edge: Edge
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """Log time has reached `now`: an aligned minute, epoch ms; later than every tick before it."""

    now: int


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point as the stages need it. Numbers are the registry's; they are never reused."""

    point: int
    metric: str  # name in park.metrics
    device: int
    place: int  # unit, zone, building or park it measures
    park: int
    enterprise: int = 0  # who occupies the place; 0: nobody, or shared
    channel: str = ""  # "a", "b", "c", "1", ...
    interval: int = 60_000  # ms between readings that the device promises
    source: int = 0  # derived points: the register point they come from
    modulus: float = 0.0  # registers: value at which it rolls over to 0; 0: unknown
    ratio: float = 1.0  # transformer ratio (CT x VT) from `effective` on
    effective: int = 0  # epoch ms from which this row holds (a new ratio, another tenant)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as the stages need it."""

    device: int
    park: int
    place: int
    lane: Lane
    kind: str  # "meter", "smoke_detector", "call_point", "door_counter", ...
    gateway: int = 0  # device number of the gateway above it; 0: none
    interval: int = 60_000  # ms: the longest promised silence
    mode: str = "normal"  # normal | test | maintenance; maintenance once it is retired
    retired: bool = False  # gone for good: nothing more is expected of it


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A park, building, unit or zone."""

    place: int
    park: int
    parent: int  # 0 for a park
    kind: str  # park | building | unit | zone
    name: str
    area: float = 0.0  # m2
    utc_offset: int = 480  # minutes; of parks: where the park day begins
    code: str = ""  # of parks: the word that topics name them by
    calendar: str = "CN"  # of parks: whose holidays; CN | none
    contracted_demand: float = 0.0  # kW that its supply contract allows; 0: it has none


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit on a metric, with the authority it rests on."""

    rule: str
    metric: str
    severity: str  # critical | high | medium | low
    basis: str
    high: float | None = None  # in the metric's unit
    low: float | None = None
    dead_band: float = 0.0  # same unit, >= 0
    on_delay: int = 0  # ms that the value must stay beyond it
    off_delay: int = 0
    kinds: tuple[str, ...] = ()  # device kinds; () = all
    version: str = ""  # date of the rule
    parks: tuple[int, ...] = ()  # that it holds in; () = all
    places: tuple[int, ...] = ()  # that it holds in, with all that is inside them; () = all
    channels: tuple[str, ...] = ()  # of points; () = all
    window: int = 0  # ms: the mean (amounts: the sum) of clock windows is held to it; 0: each reading
    valid: float = 0.0  # share of a window that good readings must stand for, 0..1
    usual: int = 0  # windows whose median is the measure: high and low are multiples of it; 0: they are values
    floor: float = 0.0  # amount below which nothing is judged (of what: the measure says)
    finding: str = ""  # kind of findings that are counted in `window`, in place of values
    reasons: tuple[str, ...] = ()  # of the findings; () = all
    days: tuple[str, ...] = ()  # day types it holds on (workday, rest) or weekdays (mon..sun); () = all
    hours: tuple[tuple[int, int], ...] = ()  # minutes of the park day, from and to; past midnight where to <= from
    valid_from: int = 0  # epoch ms; 0: from ever
    valid_to: int = 0  # epoch ms; 0: for ever
    labels: tuple[tuple[str, str], ...] = ()  # Prometheus' labels
    annotations: tuple[tuple[str, str], ...] = ()  # summary_zh, runbook_en, ...
    points: tuple[int, ...] = ()  # that it holds at; () = all
    metrics: tuple[str, ...] = ()  # of points, for a measure that every point has; () = all


class PaperKind(StrEnum):
    """What is on file of an enterprise."""

    # explain silence
    SUPPLY_PAUSE = "supply_pause"  # 暂停用电: at least 15 days each, at most 6 months a year
    FILED_SUSPENSION = "filed_suspension"  # 歇业备案: up to 3 years, lawful
    HOLIDAY = "holiday"
    # speak for a suspicion
    RETURN_MISSING = "return_missing"  # of a quarter
    RETURN_ZERO = "return_zero"
    RENT_ARREARS = "rent_arrears"
    NO_TAX = "no_tax"
    NO_INSURANCE = "no_insurance"


EXPLAINS = frozenset({PaperKind.SUPPLY_PAUSE, PaperKind.FILED_SUSPENSION, PaperKind.HOLIDAY})


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper on file, or the lack of one that was due."""

    enterprise: int
    kind: PaperKind
    begin: str  # ISO date, park time, first day
    end: str  # last day, inclusive
    id: int = 0  # in the store; 0: not kept there


@dataclass(frozen=True, slots=True)
class EnterpriseRow:
    """An enterprise as the stages need it."""

    enterprise: int
    park: int
    trade: str = ""
    headcount: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """Changes of registry and rules that hold from here on; what is not named stays."""

    version: int  # of the registry, rising
    received: int  # epoch ms
    points: tuple[PointRow, ...] = ()
    devices: tuple[DeviceRow, ...] = ()
    places: tuple[PlaceRow, ...] = ()
    limits: tuple[LimitRow, ...] | None = None  # a table replaces the table before it; None: unchanged
    enterprises: tuple[EnterpriseRow, ...] = ()
    papers: tuple[Paper, ...] | None = None  # a table, as limits


class Verb(StrEnum):
    """What a person, a program on a person's behalf, or the platform of itself may tell the stages."""

    RESET = "reset"  # end a latched alarm (GB/T 45839-2025, 5.8.1)
    MODE = "mode"  # a device into test or maintenance, or back
    LISTEN = "listen"  # the platform's own: nobody listened from arguments["since"] (epoch ms) until now


@dataclass(frozen=True, slots=True)
class Command:
    """An act of a named person, or what the platform says of itself, entering the stages through the log."""

    verb: Verb
    received: int  # epoch ms
    actor: str
    device: int = 0
    place: int = 0
    reason: str = ""
    arguments: dict[str, str] = field(default_factory=dict)


Record = Batch | Tick | Config | Command
