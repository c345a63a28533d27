"""Readings of a point as JSON, CSV or Arrow, and the windows people ask for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from io import BytesIO
from math import isfinite
from typing import Any, Final

import msgspec
from fastapi import Response

from api.overview import quality_word
from park.errors import UserError
from park.ports import Buckets
from park.readings import Float64, ReadingBatch

MAX_WINDOWS: Final = 5_000  # of one answer: more than any screen has pixels
MAX_RANGE: Final = 4_000 * 86_400_000  # ms: as long as hours are kept
_S: Final = 1_000
_MIN: Final = 60 * _S
_H: Final = 60 * _MIN
_D: Final = 24 * _H

# Steps that divide the clock face, so that rollups can answer and axes read well.
STEPS: Final = (
    _S, 2 * _S, 5 * _S, 10 * _S, 15 * _S, 30 * _S, _MIN, 2 * _MIN, 5 * _MIN, 10 * _MIN, 15 * _MIN, 30 * _MIN,
    _H, 2 * _H, 3 * _H, 6 * _H, 12 * _H, _D, 7 * _D, 28 * _D,
)  # fmt: skip


class Format(StrEnum):
    """Ways to write readings."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"


MEDIA: Final = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.ARROW: "application/vnd.apache.arrow.stream",
}


def chosen(asked: Format | None, accept: str) -> Format:
    """Return the format of the query, else of the Accept header, else JSON."""
    if asked is not None:
        return asked
    return next((f for f in (Format.ARROW, Format.CSV) if MEDIA[f].split(";")[0] in accept), Format.JSON)


def step_for(start: int, end: int, buckets: int) -> int:
    """Return the shortest step of the clock face that gives at most so many windows."""
    return next((s for s in STEPS if (end - start + s - 1) // s + 1 <= buckets + 1), STEPS[-1])


def check_range(start: int, end: int) -> None:
    """Raise UserError for a range that is empty or longer than anything is kept."""
    if start >= end:
        raise UserError("the range is empty: start must be before end")
    if end - start > MAX_RANGE:
        raise UserError(f"the range is longer than {MAX_RANGE // _D} days")


def align(step: int, utc_offset: int) -> int:
    """Return the offset that puts windows of a step on the park's own clock.

    utc_offset in minutes. Windows start at k * step + offset.
    """
    return -utc_offset * _MIN % step


def _plain(column: Float64) -> list[float | None]:
    return [v if isfinite(v) else None for v in column.tolist()]


def windows_columns(w: Buckets) -> dict[str, list[Any]]:
    """Return windows as named columns; what is not a number is None."""
    return {
        "ts": w.start.tolist(), "count": w.count.tolist(), "mean": _plain(w.mean), "min": _plain(w.low),
        "max": _plain(w.high), "last": _plain(w.last), "total": _plain(w.total), "good": w.good.tolist(),
    }  # fmt: skip


def raw_columns(r: ReadingBatch) -> dict[str, list[Any]]:
    """Return readings as named columns."""
    return {
        "ts": r.ts.tolist(), "value": r.value.tolist(), "quality": [quality_word(q) for q in r.quality.tolist()],
        "received": r.received.tolist(),
    }  # fmt: skip


_TIMES: Final = frozenset({"ts", "received"})


def csv_lines(columns: Mapping[str, Sequence[Any]], utc_offset: int) -> Iterable[str]:
    """Yield lines of CSV; times are ISO 8601 with the park's offset (minutes)."""
    zone = timezone(timedelta(minutes=utc_offset))

    def cell(name: str, value: Any) -> str:
        if value is None:
            return ""
        if name in _TIMES:
            moment = (
                datetime.fromtimestamp(value // 1_000, UTC).astimezone(zone).replace(microsecond=value % 1_000 * 1_000)
            )
            return moment.isoformat(timespec="milliseconds")
        return str(value)

    yield ",".join(columns) + "\r\n"
    for row in zip(*columns.values(), strict=True):
        yield ",".join(cell(name, value) for name, value in zip(columns, row, strict=True)) + "\r\n"


def arrow_stream(columns: Mapping[str, Sequence[Any]], about: dict[str, Any]) -> bytes:
    """Return columns as an Arrow IPC stream; times are timestamps in UTC, `about` its metadata."""
    import pyarrow as pa

    kinds = {
        "ts": pa.timestamp("ms", "UTC"), "received": pa.timestamp("ms", "UTC"), "count": pa.int64(),
        "quality": pa.dictionary(pa.int8(), pa.string()),
    }  # fmt: skip
    arrays = [
        pa.array(column, kinds.get(name, pa.float64())) for name, column in columns.items()
    ]  # fmt: skip
    table = pa.table(dict(zip(columns, arrays, strict=True))).replace_schema_metadata(
        {str(k): str(v) for k, v in about.items()}
    )
    out = BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def written(columns: dict[str, list[Any]], about: dict[str, Any], form: Format, utc_offset: int) -> Response:
    """Return an answer in a format; for CSV and Arrow the next page begins at the X-Next-Start header."""
    if form is Format.JSON:
        return Response(msgspec.json.encode({**about, **columns}), media_type=MEDIA[form])
    following = about.get("next")
    headers = {"X-Next-Start": str(following)} if following is not None else {}
    if form is Format.CSV:
        headers["Content-Disposition"] = f'attachment; filename="point-{about["point"]}.csv"'
        return Response("".join(csv_lines(columns, utc_offset)).encode(), headers=headers, media_type=MEDIA[form])
    return Response(arrow_stream(columns, about), headers=headers, media_type=MEDIA[form])
