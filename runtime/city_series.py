"""What a point's rows are called in a city's database of series, as the registry says it now."""

import threading

from park.errors import NotFound
from park.model import Device, Park, Point
from park.series import TAGS, measurement_text, tag_text
from runtime.storage.sql.registry import SqlRegistry

_UNKNOWN = "unknown"  # the measurement of points that no registry has ever had


class CitySeries:
    """A runtime.storage.influx_store.SeriesOf. Thread-safe.

    Rows are found again by the tag `point` alone, so a device that moves takes its past along.
    """

    def __init__(self, registry: SqlRegistry) -> None:
        """Ask nothing yet."""
        self._registry = registry
        self._lock = threading.Lock()
        self._version = -1
        self._series: dict[int, tuple[str, str]] = {}

    def __call__(self, point: int) -> tuple[str, str]:
        """Return (measurement, "measurement,tag=value,...") of a point. Raises MachineryError."""
        found = self._series.get(point)
        if found is not None:
            return found
        with self._lock:
            self._renew()
            found = self._series.get(point) or self._gone(point)
            self._series[point] = found
        return found

    def _renew(self) -> None:
        version = self._registry.version
        if version == self._version:
            return
        config = self._registry.config_since(0, 0)
        codes = {place.place: place.code for place in config.places if place.kind == "park"}
        keys = {bound.device: bound.device_key for bound in self._registry.bindings_since(0)}
        self._series = {
            row.point: _named(
                row.metric, codes.get(row.park, ""), row.place, keys.get(row.device, ""), row.channel, row.point
            )
            for row in config.points
        }
        self._version = version

    def _gone(self, key: int) -> tuple[str, str]:
        """Return the series of a point that was retired: its past can still be asked for."""
        try:
            point = self._registry.get(Point, key)
            device = self._registry.get(Device, point.device)
            code = self._registry.get(Park, device.park).code
        except NotFound:
            return _named(_UNKNOWN, "", 0, "", "", key)
        return _named(point.metric, code, device.place, device.key, point.channel, key)


def _named(metric: str, park: str, place: int, device: str, channel: str, point: int) -> tuple[str, str]:
    values = (park, place, device, channel, point)
    tags = ",".join(f"{tag}={tag_text(str(value))}" for tag, value in zip(TAGS, values, strict=True))
    return metric, f"{measurement_text(metric)},{tags}"
