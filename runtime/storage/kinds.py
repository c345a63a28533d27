"""What is stored and in which files: one row a table of the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from park.events import Level
from park.readings import Int64
from park.settings import StoreSettings
from runtime.storage.windows import ROLLUP_TYPES

DAY = 86_400_000  # ms
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999, which have names
SQL = {np.int32: "INTEGER", np.int64: "BIGINT", np.float64: "DOUBLE", np.uint8: "UTINYINT"}

_ADD = "sum({0})::{1}"
_SUMS = {
    "count": _ADD, "total": _ADD, "good": _ADD, "bad": _ADD, "duplicates": _ADD, "readings": _ADD,
    "low": "coalesce(min({0}) FILTER (count > 0), 0)",
    "high": "coalesce(max({0}) FILTER (count > 0), 0)",
    "last": "coalesce(arg_max({0}, last_ts) FILTER (count > 0), 0)",
    "last_ts": "coalesce(max({0}) FILTER (count > 0), max({0}))",
    # Of one window told twice both say the same.
    **dict.fromkeys(("width", "expected", "lower", "upper", "score", "learning"), "max({0})"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A table: columns, what time it is filed by, and how wide a file is."""

    name: str
    when: str  # the time column
    types: Mapping[str, type]
    unit: str  # numpy's letter for a file's period: D, M, or "" for one file
    keep: Callable[[StoreSettings], int]  # days; 0: for ever
    parts: bool = True  # rows of one point and time add up; else there is one

    def periods(self, ts: Int64) -> Int64:
        """Return the number of the file that each time belongs to."""
        if not self.unit:
            return np.zeros(len(ts), np.int64)
        if self.unit == "D":
            return ts // DAY
        return ts.astype("M8[ms]").astype("M8[M]").astype(np.int64)

    def period(self, ts: int) -> int:
        """Return the number of the file that a time belongs to; times without a name are the outermost."""
        return int(self.periods(np.array([min(max(ts, FIRST), LAST)]))[0])

    def label(self, period: int) -> str:
        """Return the name of a file, without its ending."""
        return str(np.array(period).astype(f"M8[{self.unit}]")) if self.unit else "all"

    def number(self, label: str) -> int:
        """Return the number of the file of that name."""
        return int(np.array(label).astype(f"M8[{self.unit}]").astype(np.int64)) if self.unit else 0

    def end(self, period: int) -> int:
        """Return the time (epoch ms) at which a file's period is over."""
        if not self.unit:
            return 1 << 62
        return int(np.array(period + 1).astype(f"M8[{self.unit}]").astype("M8[ms]").astype(np.int64))

    @property
    def columns(self) -> str:
        """Columns as SQL reads them."""
        return ", ".join(f'"{name}"' for name in self.types)

    @property
    def schema(self) -> str:
        """Columns as SQL makes them."""
        return ", ".join(f'"{name}" {SQL[kind]}' for name, kind in self.types.items())  # type: ignore[index]

    @property
    def summed(self) -> str:
        """Columns of a GROUP BY point and time that adds parts up."""
        return ", ".join(
            f'"{name}"' if name in {"point", self.when}
            else _SUMS[name].format(f'"{name}"', SQL[kind]) + f' AS "{name}"'  # type: ignore[index]
            for name, kind in self.types.items()
        )  # fmt: skip


# `lag` is received - ts: a byte or two where `received` itself would be three.
RAW = Kind(
    "raw", "ts",
    {"point": np.int32, "ts": np.int64, "value": np.float64, "quality": np.uint8, "lag": np.int64},
    "D", lambda s: s.raw_days, parts=False,
)  # fmt: skip
LEVELS = {
    Level.MINUTE: Kind("1m", "start", ROLLUP_TYPES, "D", lambda s: s.minute_days),
    Level.QUARTER: Kind("15m", "start", ROLLUP_TYPES, "M", lambda s: s.quarter_days),
    Level.HOUR: Kind("1h", "start", ROLLUP_TYPES, "M", lambda s: s.hour_days),
    Level.DAY: Kind("1d", "start", ROLLUP_TYPES, "", lambda s: s.day_days),
}
# What the quality stage counted; `point` is the gateway.
COUNTED = Kind(
    "counted", "start",
    {"point": np.int32, "start": np.int64, "duplicates": np.int64, "readings": np.int64},
    "M", lambda s: s.quarter_days,
)  # fmt: skip
# What was usual of a point in a window: an hour, as the stages say it today.
BANDS = Kind(
    "bands", "start",
    {
        "point": np.int32, "start": np.int64, "width": np.int32, "expected": np.float64, "lower": np.float64,
        "upper": np.float64, "score": np.float64, "learning": np.uint8,
    },
    "M", lambda s: s.minute_days,
)  # fmt: skip
PARTS = (*LEVELS.values(), COUNTED, BANDS)
