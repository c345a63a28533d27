"""What callers get of a park at a glance: newest values, plan, freshness of feeds, trends, health of devices.

Times are epoch ms. Unknown is null.
"""

from pydantic import BaseModel

from api.schemas import Now
from park.metrics import Feed


class LatestRow(Now):
    """The newest reading of one point of a park."""

    point: int
    device: int
    place: int
    metric: str
    channel: str


class Latest(BaseModel):
    """The newest readings of a park; points that never spoke are left out."""

    park: int
    at: int  # epoch ms, now
    items: list[LatestRow]


class Tenant(BaseModel):
    """Who uses a unit."""

    id: int
    name: str
    trade: str


class MapUnit(BaseModel):
    """A unit on the map, with what colours it."""

    id: int
    code: str
    name: str
    floor: int
    area: float
    outline: list[tuple[float, float]]
    tenant: Tenant | None
    conditions: int  # standing
    severity: str | None  # worst of them: critical | high | medium | low
    devices: int
    silent: int
    points: int


class MapBuilding(BaseModel):
    """A building on the map; its counts include its units and zones."""

    id: int
    code: str
    name: str
    outline: list[tuple[float, float]]
    conditions: int
    severity: str | None
    devices: int
    silent: int
    units: list[MapUnit]


class Map(BaseModel):
    """A park as a plan in metres; the counts of the park include what stands in no building."""

    id: int
    code: str
    name: str
    timezone: str
    outline: list[tuple[float, float]]
    at: int
    conditions: int
    severity: str | None
    devices: int
    silent: int
    buildings: list[MapBuilding]


class FeedState(BaseModel):
    """Whether one of the seven feeds lives."""

    feed: Feed
    state: str  # fresh | late | silent | absent
    newest: int | None  # epoch ms, device clock of the newest reading
    received: int | None  # epoch ms, receipt of it
    age: int | None  # ms since that receipt
    rhythm: int | None  # ms: median of what the points promise
    live: int  # points that kept their promise
    total: int


class Freshness(BaseModel):
    """The seven feeds of a park; none is silently left out."""

    park: int
    at: int
    feeds: list[FeedState]


class Trend(BaseModel):
    """One quantity of a feed, over the whole park."""

    feed: Feed
    metric: str
    zh: str
    en: str
    unit: str
    fold: str  # sum (over the outermost meters) | mean | max
    points: int
    value: list[float | None]  # one an hour


class Trends(BaseModel):
    """How the feeds went, by whole hours; feeds without points are left out."""

    park: int
    at: int
    start: int  # epoch ms, of the first hour
    step: int  # ms
    trends: list[Trend]


class DeviceHealth(BaseModel):
    """A device and how it is."""

    device: int
    key: str
    name: str
    kind: str
    place: int
    gateway: int
    mode: str
    status: str
    reason: str | None
    since: int | None  # epoch ms
    last_seen: int | None  # epoch ms


class Health(BaseModel):
    """Devices of a park, worst first."""

    park: int
    at: int
    counts: dict[str, int]
    items: list[DeviceHealth]
