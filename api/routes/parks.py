"""A park at a glance: map, newest values, freshness of its feeds, health of its devices."""

from typing import Annotated

from fastapi import FastAPI, Query, Response

from api.bodies import Id
from api.door import Caller
from api.newest import written
from api.overview import freshness, health, heard, park_map
from api.permissions import V1
from api.schemas_parks import Freshness, Health, Latest, Map, Trends
from api.services import Services
from api.trends import Trendbook
from api.view import View
from park.events import Status

_STANDING_SHOWN = 5_000  # far above what a desk can bear; the map only counts them


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""
    book = Trendbook(services.readings)

    @app.get(f"{V1}/parks/{{park}}/map", tags=["parks"])
    def map_of_park(park: Id, caller: Caller) -> Map:
        """Return the plan of a park with tenants, standing conditions and silent devices."""
        seen = view.park(park, caller)
        standing = services.events.conditions(park=park, standing=True, limit=_STANDING_SHOWN)
        return park_map(seen, standing, services.events.health(park=park), services.now())

    @app.get(f"{V1}/parks/{{park}}/latest", tags=["parks"], response_model=Latest)
    def latest_of_park(park: Id, caller: Caller) -> Response:
        """Return the newest reading of every point of a park."""
        known = view.newest(park, caller)
        # Built and written without a second check: this is the call that pages repeat.
        body = written(known, services.readings.latest(known.asked), park, services.now())
        return Response(body, media_type="application/json")

    @app.get(f"{V1}/parks/{{park}}/freshness", tags=["parks"])
    def freshness_of_park(park: Id, caller: Caller) -> Freshness:
        """Return for each of the seven feeds whether it lives, and since when not."""
        seen = view.park(park, caller)
        points = [p for feed in seen.feeds.values() for p in feed.tolist()]
        return freshness(seen, services.readings.latest(points), services.now())

    @app.get(f"{V1}/parks/{{park}}/health", tags=["parks"])
    def health_of_park(
        park: Id,
        caller: Caller,
        status: Status | None = None,
        limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
    ) -> Health:
        """Return the devices of a park, worst first."""
        seen = view.park(park, caller)
        spoke = heard(seen, services.readings.latest(seen.points.tolist()))
        return health(seen, services.events.health(park=park), spoke, services.now(), status, limit)

    @app.get(f"{V1}/parks/{{park}}/trends", tags=["parks"])
    def trends_of_park(park: Id, caller: Caller, hours: Annotated[int, Query(ge=1, le=24 * 31)] = 48) -> Trends:
        """Return one quantity of each feed, over the whole park, of the last whole hours."""
        return book.of(view.park(park, caller), hours, services.now())
