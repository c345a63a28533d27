"""What a point's rows are called in a city's database of series, as the registry says it now."""

import threading

from park.series import TAGS, measurement_text, tag_text
from runtime.storage.sql.registry import SqlRegistry

_UNKNOWN = "unknown"  # the measurement of points that no registry has ever had


class CitySeries:
    """A runtime.storage.influx_store.SeriesOf. Thread-safe.

    Learned park by park, as their points are asked for: a worker has a few parks of a city. Rows are found again by the
    tag `point` alone, so a device that moves takes its past along, and keeps its tags here.
    """

    def __init__(self, registry: SqlRegistry) -> None:
        """Ask nothing yet."""
        self._registry = registry
        self._lock = threading.Lock()
        self._series: dict[int, tuple[str, str]] = {}

    def __call__(self, point: int) -> tuple[str, str]:
        """Return (measurement, "measurement,tag=value,...") of a point. Raises MachineryError."""
        found = self._series.get(point)
        if found is not None:
            return found
        with self._lock:
            if point not in self._series:
                for number, metric, channel, place, key, code in self._registry.named_with(point):
                    self._series.setdefault(number, _named(metric, code, place, key, channel, number))
            return self._series.setdefault(point, _named(_UNKNOWN, "", 0, "", "", point))

    def forget(self) -> None:
        """Let go of what is known, for one who keeps what he was told: as objects a city's names are 80 MB."""
        with self._lock:
            self._series = {}


def _named(metric: str, park: str, place: int, device: str, channel: str, point: int) -> tuple[str, str]:
    values = (park, place, device, channel, point)
    tags = ",".join(f"{tag}={tag_text(str(value))}" for tag, value in zip(TAGS, values, strict=True))
    return metric, f"{measurement_text(metric)},{tags}"
