"""Points with the catalogue's words, and the catalogue itself."""

from itertools import islice
from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id, Time
from api.door import Caller
from api.overview import quality_word, state_word
from api.permissions import V1
from api.schemas import LimitOut, MetricOut, Now, Page, PointOut
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.errors import NotFound
from park.metrics import METRICS, Feed
from park.model import Point
from park.records import PointRow

_Word = Annotated[str | None, Query(max_length=64)]


def shown(row: PointRow) -> PointOut:
    """Return a point with the words of its metric."""
    m = METRICS[row.metric]
    return PointOut(
        id=row.point, device=row.device, metric=row.metric, channel=row.channel, feed=m.feed, unit=m.unit, kind=m.kind,
        zh=m.zh, en=m.en, states=list(m.codes), park=row.park, place=row.place, enterprise=row.enterprise,
        interval=row.interval, source=row.source, modulus=row.modulus, ratio=row.ratio,
    )  # fmt: skip


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def latest(points: list[int]) -> dict[int, Now]:
        new = services.readings.latest(points)
        rows = zip(*(c.tolist() for c in (new.point, new.ts, new.value, new.quality, new.received)), strict=True)
        known = view.directory()
        return {
            p: Now(
                ts=ts, value=value, state=state_word(known.metric_of(p), value), quality=quality_word(quality),
                received=received,
            )
            for p, ts, value, quality, received in rows
        }  # fmt: skip

    @app.get(f"{V1}/points", tags=["points"])
    def list_points(
        caller: Caller,
        park: Id | None = None,
        unit: Annotated[Id | None, Query(description="a unit, building or zone, with all that lies in it")] = None,
        device: Id | None = None,
        enterprise: Id | None = None,
        metric: _Word = None,
        feed: Feed | None = None,
        latest_too: Annotated[bool, Query(alias="latest", description="with the newest reading of each")] = False,
        after: Id = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Page[PointOut]:
        """Return points of a park, a place, a device or an enterprise, rising by id."""
        asked = park
        if unit:
            place = view.directory().places.get(unit)
            if place is None or not caller.sees(place.park):
                raise NotFound(f"there is no place {unit}")
            asked = place.park
        elif device:
            found = view.directory().devices.get(device)
            if found is None or not caller.sees(found.park):
                raise NotFound(f"there is no device {device}")
            asked = found.park
        wanted = park_asked(caller, asked)
        seen = view.park(wanted, caller) if wanted else None
        inside = seen.within(unit) if unit and seen else None
        matching = (
            row
            for row in (view.rows(after) if seen is None else seen.rows.values())
            if row.point > after
            and (park is None or row.park == park)
            and (inside is None or row.place in inside)
            and (device is None or row.device == device)
            and (enterprise is None or row.enterprise == enterprise)
            and (metric is None or row.metric == metric)
            and (feed is None or METRICS[row.metric].feed is feed)
        )
        rows = list(islice(matching, limit + 1))
        items = [shown(row) for row in rows[:limit]]
        if latest_too:
            new = latest([item.id for item in items])
            items = [item.model_copy(update={"latest": new.get(item.id)}) for item in items]
        return Page(items=items, next=items[-1].id if len(rows) > limit else None)

    @app.get(f"{V1}/points/{{key}}", tags=["points"])
    def read_point(
        key: Id,
        caller: Caller,
        at: Annotated[Time | None, Query(description="its wire name and scale as of this time, epoch ms")] = None,
    ) -> PointOut:
        """Return one point with its newest reading and its name on the wire."""
        row = view.row(key, caller)
        point = services.registry.get(Point, key) if at is None else services.registry.as_of(Point, key, at)
        if point is None:
            raise NotFound(f"there was no point {key} then")
        return shown(row).model_copy(
            update={
                "source_key": point.source_key, "scale": point.scale, "offset": point.offset,
                "modulus": point.modulus, "ratio": point.ratio, "latest": latest([key]).get(key),
            }
        )  # fmt: skip

    @app.get(f"{V1}/catalogue", tags=["points"])
    def catalogue(_: Caller) -> list[MetricOut]:
        """Return every metric that the platform knows, with its words, unit and states."""
        return [
            MetricOut(name=m.name, feed=m.feed, unit=m.unit, kind=m.kind, zh=m.zh, en=m.en, states=list(m.codes))
            for m in METRICS.values()
        ]

    @app.get(f"{V1}/limits", tags=["points"])
    def limits(_: Caller) -> list[LimitOut]:
        """Return the limits that single readings are held to anywhere, each with the authority it rests on.

        Rules on windows, measures and findings, and those of single parks and places: see /rules.
        """
        return [
            LimitOut(
                rule=row.rule, metric=row.metric, severity=row.severity, basis=row.basis, high=row.high, low=row.low,
                kinds=list(row.kinds),
            )
            for row in services.limits()
            if row.metric in METRICS and not (row.window or row.finding or row.parks or row.places)
        ]  # fmt: skip
