"""The registry as the stages see it: columns by number, grown by configuration records.

Every pipeline owns one. It takes each Config before the stages do, and they read its columns;
nobody else writes to them. Row 0 of every column is "none".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from park.metrics import CODE, METRICS, NAMES, Kind, Lane
from park.records import Config, DeviceRow, EnterpriseRow, LimitRow, Paper, PlaceRow, PointRow

_POINT = {
    "metric": np.int16,  # index into park.metrics.NAMES; -1: no such point
    "device": np.int32,
    "place": np.int32,
    "park": np.int32,
    "enterprise": np.int32,
    "interval": np.int64,  # ms
    "source": np.int32,
    "modulus": np.float64,
    "ratio": np.float64,
    "gateway": np.int32,  # of its device
    "low": np.float64,  # what the metric can be
    "high": np.float64,
    "life": np.bool_,  # its device is of the life-safety lane
    "derived": np.int32,  # registers: the point made of them; 0: none
}


def grown(column: NDArray[Any], size: int, fill: float | bool = 0) -> NDArray[Any]:
    """Return the column with at least `size` rows; doubles, so that growth is cheap over time."""
    if size <= len(column):
        return column
    longer = np.full(max(size, 2 * len(column), 64), fill, column.dtype)
    longer[: len(column)] = column
    return longer


class Directory:
    """Points, devices, places and limits by number."""

    def __init__(self) -> None:
        self.version = 0
        self.points: dict[int, PointRow] = {}
        self.devices: dict[int, DeviceRow] = {}
        self.places: dict[int, PlaceRow] = {}
        self.limits: tuple[LimitRow, ...] = ()
        self.enterprises: dict[int, EnterpriseRow] = {}
        self.papers: tuple[Paper, ...] = ()
        self.size = 1  # one past the greatest point number
        self.device_size = 1
        self.place_size = 1
        for name, kind in _POINT.items():
            setattr(self, name, np.zeros(0, kind))
        self.metric: NDArray[Any]
        self.device: NDArray[Any]
        self.place: NDArray[Any]
        self.park: NDArray[Any]
        self.enterprise: NDArray[Any]
        self.interval: NDArray[Any]
        self.source: NDArray[Any]
        self.modulus: NDArray[Any]
        self.ratio: NDArray[Any]
        self.gateway: NDArray[Any]
        self.low: NDArray[Any]
        self.high: NDArray[Any]
        self.life: NDArray[Any]
        self.derived: NDArray[Any]
        self._grow(1)

    def _grow(self, size: int) -> None:
        for name in _POINT:
            fill = -1 if name == "metric" else 0
            setattr(self, name, grown(getattr(self, name), size, fill))

    def reserve(self, size: int) -> None:
        """Have columns up to a point number, known or not."""
        self._grow(size)
        self.size = max(self.size, size)

    def apply(self, config: Config) -> None:
        """Take what a configuration names; keep all else."""
        self.version = config.version
        for place in config.places:
            self.places[place.place] = place
            self.place_size = max(self.place_size, place.place + 1)
        for device in config.devices:
            self.devices[device.device] = device
            self.device_size = max(self.device_size, device.device + 1)
        if config.limits is not None:
            self.limits = config.limits
        for firm in config.enterprises:
            self.enterprises[firm.enterprise] = firm
        if config.papers is not None:
            self.papers = config.papers
        if config.points:
            self._grow(max(row.point for row in config.points) + 1)
        moved = {device.device for device in config.devices}
        touched = list(config.points)
        if moved:  # points follow their device
            named = {row.point for row in config.points}
            touched += [r for r in self.points.values() if r.device in moved and r.point not in named]
        for row in touched:
            self._set(row)

    def _set(self, row: PointRow) -> None:
        metric = METRICS[row.metric]
        device = self.devices.get(row.device)
        self.points[row.point] = row
        self.size = max(self.size, row.point + 1)
        p = row.point
        self.metric[p] = CODE[row.metric]
        self.device[p], self.place[p], self.park[p] = row.device, row.place, row.park
        self.enterprise[p], self.interval[p], self.source[p] = row.enterprise, row.interval, row.source
        self.modulus[p], self.ratio[p] = row.modulus, row.ratio
        self.low[p], self.high[p] = metric.low, metric.high
        self.gateway[p] = device.gateway if device else 0
        self.life[p] = device is not None and device.lane is Lane.LIFE
        if row.source and METRICS[row.metric].kind is Kind.INTERVAL:
            self._grow(row.source + 1)
            self.derived[row.source] = p

    def points_of(self, *metrics: str) -> NDArray[Any]:
        """Return the numbers of all points of some metrics, rising."""
        return np.flatnonzero(np.isin(self.metric, [CODE[m] for m in metrics]))

    def metric_of(self, point: int) -> str:
        """Return the name of a point's metric; "" for no such point."""
        return NAMES[self.metric[point]] if 0 < point < self.size and self.metric[point] >= 0 else ""

    def config(self) -> Config:
        """Return everything it knows as one configuration; applying it gives an equal directory."""
        return Config(
            self.version, 0, tuple(self.points.values()), tuple(self.devices.values()),
            tuple(self.places.values()), self.limits, tuple(self.enterprises.values()), self.papers,
        )  # fmt: skip
