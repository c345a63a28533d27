"""The registry as the stages see it: columns by number, grown by configuration records.

Every pipeline owns one. It takes each Config before the stages do, and they read its columns;
nobody else writes to them. Row 0 of every column is "none".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    "effective": np.int64,  # epoch ms
    "channel": np.int32,  # place in `channels`
}
ROW = ("device", "place", "park", "enterprise", "interval", "source", "modulus", "ratio", "effective")
_LARGE = 4_096  # rows of a column that doubles no more
_LOW, _HIGH = (np.array([getattr(METRICS[name], end) for name in NAMES]) for end in ("low", "high"))
_AMOUNT = np.array([METRICS[name].kind is Kind.INTERVAL for name in NAMES])


def grown(column: NDArray[Any], size: int, fill: float | bool = 0) -> NDArray[Any]:
    """Return the column with at least `size` rows; a small one doubles, so that growth is cheap over time.

    A large one grows by an eighth: a city's columns with twice the rows that they need were 100 MB. Rows of zeros that
    nothing is written to take no memory only in columns of a megabyte and more.
    """
    if size <= len(column):
        return column
    spare = len(column) if len(column) < _LARGE else len(column) // 8
    shape = max(size, len(column) + spare, 64), *column.shape[1:]
    longer: NDArray[Any] = np.full(shape, fill, column.dtype) if fill else np.zeros(shape, column.dtype)
    longer[: len(column)] = column
    return longer


class PointRows(Mapping[int, PointRow]):
    """The rows of points, made of a directory's columns when somebody asks: as objects a city's are 90 MB."""

    def __init__(self, directory: "Directory") -> None:
        self._directory = directory

    def __getitem__(self, point: int) -> PointRow:
        """Return a point's row. Raises KeyError."""
        if point not in self:
            raise KeyError(point)
        d = self._directory
        return PointRow(
            int(point), NAMES[d.metric[point]], d.device.item(point), d.place.item(point), d.park.item(point),
            d.enterprise.item(point), d.channels[d.channel[point]], d.interval.item(point), d.source.item(point),
            d.modulus.item(point), d.ratio.item(point), d.effective.item(point),
        )  # fmt: skip

    def __contains__(self, point: object) -> bool:
        """Say whether there is such a point."""
        d = self._directory
        return isinstance(point, (int, np.integer)) and 0 <= int(point) < d.size and bool(d.metric[point] >= 0)

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of all points, rising."""
        return iter(self.numbers().tolist())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.numbers())

    def numbers(self) -> NDArray[np.intp]:
        """Return the numbers of all points, rising."""
        d = self._directory
        return np.flatnonzero(d.metric[: d.size] >= 0)

    def rows(self, points: "list[int] | NDArray[np.intp]") -> list[PointRow]:
        """Return the rows of some points that there are, at a third of what one by one costs."""
        d = self._directory
        columns = {name: getattr(d, name)[points] for name in (*ROW, "metric", "channel")}
        return point_rows(np.asarray(points), columns, NAMES, d.channels)


def point_rows(
    points: NDArray[Any], columns: Mapping[str, NDArray[Any]], metrics: Sequence[str], channels: Sequence[str]
) -> list[PointRow]:
    """Return the rows of points from columns; those of metrics and channels hold places in the names given."""
    c = {name: column.tolist() for name, column in columns.items()}
    metric, channel = [metrics[k] for k in c["metric"]], [channels[k] for k in c["channel"]]
    return list(map(
        PointRow, points.tolist(), metric, c["device"], c["place"], c["park"], c["enterprise"], channel, c["interval"],
        c["source"], c["modulus"], c["ratio"], c["effective"],
    ))  # fmt: skip


class Directory:
    """Points, devices, places and limits by number."""

    def __init__(self) -> None:
        self.version = 0
        self.points = PointRows(self)
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
        self.effective: NDArray[Any]
        self.channel: NDArray[Any]
        self.channels: list[str] = []
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
            self._take(config.points)
        if config.devices:
            self._follow(self.points_on(row.device for row in config.devices))

    def _take(self, rows: tuple[PointRow, ...]) -> None:
        """Write rows into the columns; of two of one point the later counts."""
        point = np.array([row.point for row in rows])
        code = np.array([CODE[row.metric] for row in rows])
        source = np.array([row.source for row in rows])
        makes = (source > 0) & _AMOUNT[code]
        self._grow(max(int(point.max()), int(source[makes].max(initial=0))) + 1)
        for name in ROW:
            getattr(self, name)[point] = [getattr(row, name) for row in rows]
        self.channels += sorted({row.channel for row in rows}.difference(self.channels))
        place = {channel: n for n, channel in enumerate(self.channels)}
        self.channel[point] = [place[row.channel] for row in rows]
        self.low[point], self.high[point] = _LOW[code], _HIGH[code]
        self.derived[source[makes]] = point[makes]
        self._follow(point)
        self.metric[point] = code  # the last: from now on there is such a point for whoever looks at it meanwhile
        self.size = max(self.size, int(point.max()) + 1)

    def _follow(self, points: NDArray[np.intp]) -> None:
        """Let points have what their device has."""
        devices = [self.devices.get(device) for device in self.device[points].tolist()]
        self.gateway[points] = [device.gateway if device else 0 for device in devices]
        self.life[points] = [device is not None and device.lane is Lane.LIFE for device in devices]

    def points_on(self, devices: Iterable[int]) -> NDArray[np.intp]:
        """Return the numbers of all points of some devices, rising."""
        return np.flatnonzero(np.isin(self.device[: self.size], list(devices)) & (self.metric[: self.size] >= 0))

    def points_of(self, *metrics: str) -> NDArray[Any]:
        """Return the numbers of all points of some metrics, rising."""
        return np.flatnonzero(np.isin(self.metric, [CODE[m] for m in metrics]))

    def metric_of(self, point: int) -> str:
        """Return the name of a point's metric; "" for no such point."""
        return NAMES[self.metric[point]] if 0 < point < self.size and self.metric[point] >= 0 else ""

    def config(self, *, points: bool = True) -> Config:
        """Return everything it knows as one configuration; applying it gives an equal directory.

        Without `points` that is all but these.
        """
        rows = self.points.rows(self.points.numbers()) if points else ()
        return Config(
            self.version, 0, tuple(rows), tuple(self.devices.values()), tuple(self.places.values()), self.limits,
            tuple(self.enterprises.values()), self.papers,
        )  # fmt: skip
