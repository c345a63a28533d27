"""The registry's nouns, as Haystack and Brick would name them: what stands in a park, and who uses it.

Times are epoch ms; `valid_from`/`valid_to` say when a row held (None: still, or from ever).
"""

from dataclasses import dataclass
from enum import StrEnum

from park.metrics import Lane


class PlaceKind(StrEnum):
    """Levels of the park tree."""

    PARK = "park"
    BUILDING = "building"
    UNIT = "unit"
    ZONE = "zone"


class DeviceState(StrEnum):
    """Where a device is in its life with us."""

    WAITING = "waiting"  # seen on the wire, not claimed yet
    ACTIVE = "active"
    RETIRED = "retired"


class DeviceMode(StrEnum):
    """Test and maintenance are kept apart (GB/T 45839-2025, 5.8.4)."""

    NORMAL = "normal"
    TEST = "test"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Park:
    """A park of small firms."""

    id: int  # place number, shared with buildings, units and zones
    code: str  # short, unique, used in topics and files: [a-z0-9-]{1,32}
    name: str
    timezone: str = "Asia/Shanghai"
    district: str = ""
    area_mu: float = 0.0  # 1 mu = 666.67 m2
    outline: tuple[tuple[float, float], ...] = ()  # metres, plan coordinates
    contracted_demand: float = 0.0  # kW that its supply contract allows; 0: it has none of its own


@dataclass(frozen=True, slots=True)
class Place:
    """A building, unit or zone of a park; a tree by `parent`."""

    id: int
    park: int
    parent: int
    kind: PlaceKind
    code: str  # unique within the park
    name: str
    area: float = 0.0  # m2
    floor: int = 0
    outline: tuple[tuple[float, float], ...] = ()  # metres, plan coordinates
    fire_class: str = ""
    permitted_use: str = ""
    contracted_demand: float = 0.0  # kW that its supply contract allows; 0: it has none of its own


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A firm in a park."""

    id: int
    park: int
    code: str  # unified social credit code, or the park's own number
    name: str
    trade: str = ""  # trade of the simulator and of peers
    headcount: int = 0
    size_class: str = ""  # micro | small | medium
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may use a unit, from when to when."""

    id: int
    place: int
    enterprise: int
    valid_from: int
    valid_to: int | None = None
    agreed_output: float = 0.0  # 10,000 yuan a year (达产)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A box that speaks for devices behind it. It is a device too, of kind "gateway"."""

    id: int  # device number
    park: int
    key: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """Something that sends messages."""

    id: int
    park: int
    key: str  # "<dialect>:<name on the wire>", unique
    kind: str
    name: str = ""
    place: int = 0
    gateway: int = 0
    lane: Lane = Lane.BULK
    interval: int = 60_000  # ms: longest promised silence
    state: DeviceState = DeviceState.ACTIVE
    mode: DeviceMode = DeviceMode.NORMAL
    mode_until: int = 0  # epoch ms at which a device that is set apart is normal again; 0: nobody said


@dataclass(frozen=True, slots=True)
class Point:
    """One metric (and channel) of a device; the thing that readings belong to."""

    id: int
    device: int
    metric: str
    channel: str = ""
    source_key: str = ""  # the name of the value on the wire; "" for derived points
    scale: float = 1.0  # wire value x scale + offset = value in the metric's unit
    offset: float = 0.0
    interval: int = 60_000
    source: int = 0  # derived: register point it comes from
    modulus: float = 0.0
    ratio: float = 1.0
    effective: int = 0  # epoch ms from which modulus and ratio hold; 0: from ever


LIFE_KINDS = frozenset(
    {"smoke_detector", "heat_detector", "gas_detector", "co_detector", "call_point", "flame_detector",
     "fire_panel", "multi_detector"}
)  # fmt: skip


def lane_of(kind: str) -> Lane:
    """Return the lane that devices of a kind use."""
    return Lane.LIFE if kind in LIFE_KINDS else Lane.BULK
