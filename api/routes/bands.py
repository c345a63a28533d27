"""What was usual of a point, for charts."""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response

from api.bodies import Id, Time
from api.door import Caller
from api.permissions import V1
from api.schemas_findings import BandsOut
from api.series import MAX_WINDOWS, MEDIA, Format, check_range, chosen, written
from api.services import Services
from api.view import View
from park.errors import UserError
from park.metrics import METRICS

_HOUR, _DAY = 3_600_000, 86_400_000  # ms
_RECENT = 8 * _DAY  # of which the newest window says whether a point is still learned


def learning(services: Services, point: int, now: int) -> bool | None:
    """Return whether a point is too young to be judged, by its newest window; None: nothing is known of it yet."""
    recent = services.bands.bands(point, now - _RECENT, now + _HOUR)
    return bool(recent.learning[-1]) if len(recent.learning) else None


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the route."""

    @app.get(
        f"{V1}/points/{{key}}/bands",
        tags=["findings"],
        response_model=BandsOut,
        responses={200: {"content": {MEDIA[Format.CSV].split(";")[0]: {}}}},
    )
    def bands_of_point(
        request: Request,
        key: Id,
        caller: Caller,
        start: Annotated[
            Time | None, Query(alias="from", description="epoch ms; a week before `to` if left out")
        ] = None,
        end: Annotated[Time | None, Query(alias="to", description="epoch ms, exclusive; now if left out")] = None,
        form: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
    ) -> Response:
        """Return what was usual of a point, by hours: expected, the band, and the most unusual score.

        An hour's band is as it was known when the hour began; it is there five minutes after its end.
        """
        row = view.row(key, caller)
        now = services.now()
        end = now + 1 if end is None else end
        start = max(0, end - 7 * _DAY) if start is None else start
        check_range(start, end)
        if (end - start) // _HOUR > MAX_WINDOWS:
            raise UserError(f"that is more than {MAX_WINDOWS} windows; take a shorter range")
        found = services.bands.bands(key, start, end)
        place = view.directory().places.get(row.park)
        about = {
            "point": key, "metric": row.metric, "unit": METRICS[row.metric].unit, "start": start, "end": end,
            "step": found.width, "learning": learning(services, key, now),
        }  # fmt: skip
        columns = {
            "ts": found.start.tolist(), "expected": found.expected.tolist(), "low": found.low.tolist(),
            "high": found.high.tolist(), "score": found.score.tolist(), "too_young": found.learning.tolist(),
        }  # fmt: skip
        wanted = Format(form) if form else chosen(None, request.headers.get("accept", ""))
        wanted = Format.CSV if wanted is Format.CSV else Format.JSON
        return written(columns, about, wanted, place.utc_offset if place else 0)
