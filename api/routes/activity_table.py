"""How enterprises are, with the evidence of each, as a table for whoever has to answer for a park."""

import csv
import io

from fastapi import FastAPI, Response

from api.activity_index import as_they_are
from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.schemas_activity import ActivityDayOut, words
from api.services import Services
from api.view import View
from park.cells import guarded

_COLUMNS = (
    "enterprise", "name", "trade", "place", "day", "state", "state_zh", "state_en", "since", "share_of_usual",
    "evidence_zh", "evidence_en",
)  # fmt: skip


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the route."""

    @app.get(f"{V1}/parks/{{park}}/activity.csv", tags=["activity"], response_class=Response)
    def activity_table(park: Id, caller: Caller) -> Response:
        """Return a park's enterprises as they are now, each with its evidence, as CSV."""
        seen = view.park(park, caller)
        now = services.now()
        held: dict[int, list[str]] = {}
        for place in seen.leases:
            if tenant := seen.tenant(place, now):
                held.setdefault(tenant.id, []).append(seen.places[place].name if place in seen.places else "")
        days = as_they_are(services.activity.newest(park))
        newest = days[0].day if days else ""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for d in days:
            firm = seen.enterprises.get(d.enterprise)
            day = ActivityDayOut.of(d)
            said = day.reasons or []
            share = "" if day.ratio is None else f"{day.ratio:.3f}"
            where = ", ".join(held.get(d.enterprise, []))
            row = (
                str(d.enterprise), firm.name if firm else "", firm.trade if firm else "", where,
                d.day, d.state, *words(d.state), d.since, share, "; ".join(x.zh for x in said),
                "; ".join(x.en for x in said),
            )  # fmt: skip
            writer.writerow([guarded(cell) for cell in row])
        headers = {"Content-Disposition": f'attachment; filename="activity-{park}-{newest}.csv"'}
        return Response("\ufeff" + out.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")
