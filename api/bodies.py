"""What callers send: every member bounded, unknown members refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from park.metrics import Lane
from park.model import DeviceMode, DeviceState

Name = Annotated[str, Field(max_length=200)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Key = Annotated[str, Field(min_length=1, max_length=300)]
Why = Annotated[str, Field(min_length=1, max_length=500)]
Id = Annotated[int, Field(ge=0, lt=1 << 31)]
Metres = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Real = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
Span = Annotated[int, Field(ge=1_000, le=40 * 86_400_000)]  # ms
Time = Annotated[int, Field(ge=0, lt=1 << 53)]  # epoch ms, exact in every JSON reader
_UNTIL = (
    "epoch ms, within seven days: when a device in test or maintenance is normal again by itself; "
    "0: of one that guards lives after eight hours"
)
Outline = Annotated[tuple[tuple[Metres, Metres], ...], Field(max_length=1_000)]


class Body(BaseModel):
    """What a caller sends; unknown members are refused, not dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ParkBody(Body):
    """A park as it should be."""

    code: Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$")]
    name: Name
    timezone: Annotated[str, Field(max_length=64)] = "Asia/Shanghai"
    district: Name = ""
    area_mu: Amount = 0.0
    outline: Outline = ()
    contracted_demand: Amount = 0.0


class PlaceBody(Body):
    """A building, unit or zone as it should be; its kind is in the address."""

    park: Id
    parent: Id
    code: Code
    name: Name
    area: Amount = 0.0
    floor: Annotated[int, Field(ge=-20, le=300)] = 0
    outline: Outline = ()
    fire_class: Annotated[str, Field(max_length=32)] = ""
    permitted_use: Name = ""
    contracted_demand: Amount = 0.0


class EnterpriseBody(Body):
    """A firm as it should be."""

    park: Id
    code: Code
    name: Name
    trade: Annotated[str, Field(max_length=64)] = ""
    headcount: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    size_class: Annotated[str, Field(max_length=32)] = ""
    contact: Name = ""


class LeaseBody(Body):
    """Who may use a unit, from when to when."""

    place: Id
    enterprise: Id
    valid_from: Time
    valid_to: Time | None = None
    agreed_output: Amount = 0.0


class GatewayBody(Body):
    """A box that speaks for devices."""

    park: Id
    key: Key
    name: Name = ""
    place: Id = 0
    interval: Span = 60_000


class DeviceBody(Body):
    """Something that sends messages."""

    park: Id
    key: Key
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    name: Name = ""
    place: Id = 0
    gateway: Id = 0
    lane: Lane | None = None  # null: as its kind says
    interval: Span = 60_000
    state: DeviceState = DeviceState.ACTIVE
    mode: DeviceMode = DeviceMode.NORMAL
    mode_until: Annotated[Time, Field(description=_UNTIL)] = 0


class PointBody(Body):
    """One metric (and channel) of a device."""

    device: Id
    metric: Annotated[str, Field(max_length=64)]
    channel: Annotated[str, Field(max_length=32)] = ""
    source_key: Key
    scale: Real = 1.0
    offset: Real = 0.0
    interval: Span = 60_000
    source: Id = 0
    modulus: Amount = 0.0
    ratio: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] = 1.0
    effective: Time = 0  # from when modulus and ratio hold


class ResetBody(Body):
    """Reset a latched condition."""

    condition: Annotated[str, Field(min_length=1, max_length=400)]
    reason: Why


class ModeBody(Body):
    """Put a device into test or maintenance, or back."""

    mode: DeviceMode
    reason: Why
    until: Annotated[Time, Field(description=_UNTIL)] = 0


class Ids(Body):
    """Messages meant by a person."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class ClaimPointBody(Body):
    """A value of a waiting device, and what it is."""

    source_key: Key
    metric: Annotated[str, Field(max_length=64)]
    channel: Annotated[str, Field(max_length=32)] = ""
    scale: Real = 1.0
    offset: Real = 0.0
    interval: Span = 60_000


class ClaimBody(Body):
    """What a waiting device is; without points they are taken as its dialect names them."""

    device_key: Key
    park: Id
    place: Id
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    name: Name = ""
    gateway: Id = 0
    interval: Span = 60_000
    points: Annotated[tuple[ClaimPointBody, ...], Field(max_length=500)] = ()


class SessionBody(Body):
    """A key, in exchange for a cookie."""

    key: Annotated[str, Field(max_length=200)] = ""
