"""What was usual of points, in InfluxDB: one row a point and window, so that writing again changes nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from park.events import Bands
from park.readings import Int32
from park.series import BANDS
from runtime.storage import kinds
from runtime.storage.influx import Influx
from runtime.storage.influx_lines import Field, bodies
from runtime.storage.windows import band_columns, bands_of

_EDGE = 9_000_000_000_000  # ms; InfluxDB's times are nanoseconds in 64 bits
_NAMES = ("expected", "low", "high", "score")
_COLUMNS = kinds.BANDS.types


class InfluxBands:
    """park.episodes.BandStore over InfluxDB. Every write is answered before it returns: there is nothing to flush."""

    def __init__(self, influx: Influx, measurement_of: Callable[[int], str], heads_of: Callable[[Int32], Any]) -> None:
        """`measurement_of` is a point's, quoted; `heads_of` gives "measurement,tag=value" of points."""
        self._influx, self._measurement_of, self._heads_of = influx, measurement_of, heads_of

    def write_bands(self, bands: Bands) -> None:
        """Store windows; those that are no numbers are left out. Raises Unavailable."""
        point, start, width, *floats, learning = band_columns(bands)
        if not len(point):
            return
        fields = [Field(name, column) for name, column in zip(_NAMES, floats, strict=True)]
        fields += [Field("width", width), Field("learning", learning)]
        for body in bodies(self._heads_of(point), fields, start):
            self._influx.write(BANDS.name, body, "ms")

    def bands(self, point: int, start: int, end: int) -> Bands:
        """Return the windows of a point with start <= their start < end, rising. Raises Unavailable."""
        query = (
            f'SELECT "width", "expected", "low", "high", "score", "learning" FROM {self._measurement_of(point)} '  # noqa: S608 - a quoted name
            'WHERE "point" = $point AND time >= $start AND time < $end ORDER BY time'
        )
        span = {"start": max(start, -_EDGE) * 1_000_000, "end": min(end, _EDGE) * 1_000_000}
        (found,) = self._influx.query(BANDS.name, query, {**span, "point": str(int(point))})
        rows = [(point, *row) for _, several in found for row in several]
        columns = zip(*rows, strict=True) if rows else ((),) * len(_COLUMNS)
        return bands_of({
            name: np.array(column, kind) for (name, kind), column in zip(_COLUMNS.items(), columns, strict=True)
        })  # fmt: skip
