"""Readings of a point: as they came, or in windows."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from api.bodies import Id, Time
from api.door import Caller
from api.permissions import V1
from api.schemas import Raw, Windows
from api.series import (
    MAX_WINDOWS,
    MEDIA,
    Format,
    align,
    check_range,
    chosen,
    raw_columns,
    step_for,
    windows_columns,
    written,
)
from api.services import Services
from api.view import View
from park.errors import UserError
from park.metrics import METRICS

_DAY = 86_400_000  # ms
_RAW_LIMIT = 20_000


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the route."""

    @app.get(
        f"{V1}/points/{{key}}/readings",
        tags=["readings"],
        response_model=Windows | Raw,
        responses={200: {"content": {MEDIA[Format.CSV].split(";")[0]: {}, MEDIA[Format.ARROW]: {}}}},
    )
    def readings(
        request: Request,
        key: Id,
        caller: Caller,
        start: Annotated[Time | None, Query(description="epoch ms; a day before the end if left out")] = None,
        end: Annotated[Time | None, Query(description="epoch ms, exclusive; now if left out")] = None,
        step: Annotated[int | None, Query(ge=1_000, le=40 * _DAY, description="width of windows, ms")] = None,
        buckets: Annotated[int | None, Query(ge=1, le=MAX_WINDOWS, description="windows at most")] = None,
        limit: Annotated[int, Query(ge=1, le=_RAW_LIMIT, description="raw readings at most")] = 5_000,
        form: Annotated[Format | None, Query(alias="format")] = None,
    ) -> Response:
        """Return readings of a point: windows with `step` or `buckets`, else raw, `start=next` for the next page.

        Windows lie on the park's own clock. Accept or `format` choose JSON, CSV or an Arrow stream.
        """
        row = view.row(key, caller)
        end = services.now() + 1 if end is None else end
        start = max(0, end - _DAY) if start is None else start
        check_range(start, end)
        place = view.directory().places.get(row.park)
        utc_offset = place.utc_offset if place else 0
        about = {"point": key, "metric": row.metric, "unit": METRICS[row.metric].unit, "start": start, "end": end}
        wanted = chosen(form, request.headers.get("accept", ""))
        if step is None and buckets is None:
            batch = services.readings.raw(key, start, end, limit + 1)
            following = int(batch.ts[limit]) if len(batch) > limit else None
            return written(raw_columns(batch.rows(slice(0, limit))), {**about, "next": following}, wanted, utc_offset)
        width = step or step_for(start, end, buckets or MAX_WINDOWS)
        if (end - start) // width > MAX_WINDOWS:
            raise UserError(f"that is more than {MAX_WINDOWS} windows; take a longer step or a shorter range")
        windows = services.readings.buckets(key, start, end, width, align(width, utc_offset))
        return written(windows_columns(windows), {**about, "step": width}, wanted, utc_offset)
