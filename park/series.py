"""How time series are named in a database of series: buckets, measurements, tags and fields, as tables.

```
 bucket       raw | minutes | quarters | hours | days | bands | receipts | platform
 measurement  name of the metric; of the figure in `platform`
 tags         park, place, device, channel, point        bounded: as many series a measurement as points
 fields       by the bucket; numbers are floats, counts and times are integers, always
```
Quality is a field: as a tag the same reading, judged again, would be a second row. What belongs to whom
changes (leases), so enterprises are no tag: their points are asked of the registry.
"""

from dataclasses import dataclass
from types import MappingProxyType

from park.events import Level

DAY = 86_400  # s


@dataclass(frozen=True, slots=True)
class Bucket:
    """One database of series: what its rows hold, and for how long."""

    name: str
    level: Level | None
    keep: int  # s; 0: for ever
    fields: MappingProxyType[str, str]  # name -> "float" | "integer"
    precision: str = "ns"  # of the times in its lines


TAGS = ("park", "place", "device", "channel", "point")
_READING = MappingProxyType({"value": "float", "quality": "integer", "received": "integer"})
_ROLLUP = MappingProxyType({
    "count": "integer", "total": "float", "mean": "float", "low": "float", "high": "float", "last": "float",
    "last_ts": "integer", "good": "integer", "bad": "integer",
})  # fmt: skip
_BAND = MappingProxyType({
    "width": "integer", "expected": "float", "low": "float", "high": "float", "score": "float",
    "learning": "integer",  # 0 | 1
})  # fmt: skip
_RECEIPT = MappingProxyType({"stored": "integer", "duplicates": "integer", "readings": "integer"})
_FIGURE = MappingProxyType({"value": "float"})

# Kept: raw for a month of disputes; a year and a month where people compare with the year before; days for ever.
RAW = Bucket("raw", None, 31 * DAY, _READING, "ms")
MINUTES = Bucket("minutes", Level.MINUTE, 92 * DAY, _ROLLUP)
QUARTERS = Bucket("quarters", Level.QUARTER, 400 * DAY, _ROLLUP)
HOURS = Bucket("hours", Level.HOUR, 1_100 * DAY, _ROLLUP)
DAYS = Bucket("days", Level.DAY, 0, _ROLLUP)
BANDS = Bucket("bands", None, 400 * DAY, _BAND, "ms")
RECEIPTS = Bucket("receipts", None, 92 * DAY, _RECEIPT)
PLATFORM = Bucket("platform", None, 92 * DAY, _FIGURE)

BUCKETS = MappingProxyType({b.name: b for b in (RAW, MINUTES, QUARTERS, HOURS, DAYS, BANDS, RECEIPTS, PLATFORM)})
BY_LEVEL = MappingProxyType({b.level: b for b in BUCKETS.values() if b.level is not None})


def measurement_text(text: str) -> str:
    """Return a measurement as line protocol writes it."""
    return text.replace("\\", "_").replace("\n", "_").replace(",", "\\,").replace(" ", "\\ ")


def tag_text(text: str) -> str:
    """Return a tag's value as line protocol writes it; none may be empty or end in a backslash."""
    text = text.replace("\\", "_").replace("\n", "_").replace("\r", "_")
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ") or "-"
