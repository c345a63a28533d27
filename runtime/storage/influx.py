"""Time series in InfluxDB 2: own batches, written synchronously; a write counts once it answered 204.

influxdb-client's batching writer loses a whole batch on one bad line and everything after a few
retries, so it is not used. Same series and time overwrite: writing again what is there changes nothing.
"""

from collections.abc import Callable

import numpy as np
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from park.errors import MachineryError, Unavailable
from park.events import Rollups
from park.readings import Quality, ReadingBatch

_LINES = 5_000  # a write; InfluxData's advice
_QUALITY = {int(q): q.name.lower() for q in Quality}


class InfluxWriter:
    """Writes readings and rollups of one organisation as line protocol."""

    def __init__(self, url: str, token: str, org: str, bucket: str, tags_of: Callable[[int], str]) -> None:
        """Open a client; `tags_of(point)` returns "measurement,tag=value,..." with bounded sets of tags."""
        self._client = InfluxDBClient(url=url, token=token, org=org, timeout=30_000)
        self._write = self._client.write_api(write_options=SYNCHRONOUS)
        self._bucket = bucket
        self._tags_of = tags_of
        self._series: dict[int, str] = {}

    def write(self, readings: ReadingBatch, rollups: tuple[Rollups, ...] = ()) -> int:
        """Write and return the number of lines. Raises Unavailable (try again) or MachineryError (never will)."""
        lines = self._readings(readings)
        for part in rollups:
            lines += self._rollups(part)
        for at in range(0, len(lines), _LINES):
            self._send(lines[at : at + _LINES])
        return len(lines)

    def close(self) -> None:
        """Release the connection; everything written was answered already."""
        self._write.close()  # type: ignore[no-untyped-call]
        self._client.close()  # type: ignore[no-untyped-call]

    def _send(self, lines: list[str]) -> None:
        try:
            record = "\n".join(lines)
            self._write.write(self._bucket, record=record, write_precision=WritePrecision.MS)  # type: ignore[arg-type]
        except (ApiException, InfluxDBError) as why:
            status = int(getattr(why, "status", 0) or getattr(getattr(why, "response", None), "status", 0) or 0)
            words = f"InfluxDB answered {status}"
            if status == 429 or status >= 500:
                raise Unavailable(words) from why
            raise MachineryError(words) from why
        except HTTPError as why:
            raise Unavailable("InfluxDB does not answer") from why

    def _tags(self, point: int) -> str:
        tags = self._series.get(point)
        if tags is None:
            tags = self._series[point] = f"{self._tags_of(point)},point={point}"
        return tags

    def _readings(self, r: ReadingBatch) -> list[str]:
        return [
            f"{self._tags(p)},quality={_QUALITY[q]} value={v!r},received={g}i {t}"
            for p, q, v, g, t in zip(
                r.point.tolist(), r.quality.tolist(), r.value.tolist(), r.received.tolist(), r.ts.tolist(), strict=True
            )
        ]

    def _rollups(self, r: Rollups) -> list[str]:
        mean = r.total / np.maximum(r.count, 1)
        columns = (r.point, r.start, r.count, mean, r.total, r.low, r.high, r.last, r.good)
        level = r.level.value
        return [
            f"{self._tags(p)},level={level} count={n}i,mean={m!r},total={s!r},"
            f"low={a!r},high={b!r},last={z!r},good={g}i {t}"
            for p, t, n, m, s, a, b, z, g in zip(*(c.tolist() for c in columns), strict=True)
            if n
        ]
