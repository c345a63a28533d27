"""Figures of alarms beside their benchmarks: as JSON, as a table, and as a page to be printed."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import FastAPI, Query, Response

from api.bodies import Id, Time
from api.door import Caller
from api.permissions import V1
from api.routes.office_files import office
from api.schemas_office import KpiOut
from api.scope import park_asked
from api.services import Services
from api.view import View
from park.kpi import Kpi
from park.roles import Principal

_MONTH = r"^20\d{2}-(0[1-9]|1[0-2])$"
_EAST = timedelta(hours=8)  # China keeps one time
_30_DAYS = 30 * 86_400_000
_Positions = Annotated[int, Query(ge=1, le=100, description="officers who share the alarms")]


def month_span(month: str) -> tuple[int, int]:
    """Return the epoch ms at which a park month ("2026-11") begins and ends."""
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC) - _EAST
    after = datetime.fromisoformat(f"{month}-01") + timedelta(days=31)
    last = after.replace(day=1, tzinfo=UTC) - _EAST
    return int(first.timestamp() * 1000), int(last.timestamp() * 1000)


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def counted(
        caller: Principal, park: int | None, start: int | None, end: int | None, positions: int
    ) -> tuple[Kpi, int]:
        desk = office(services)
        asked = park_asked(caller, park) if park else 0
        last = desk.now() if end is None else end
        first = max(0, last - _30_DAYS) if start is None else start
        return desk.kpi(first, last, parks=caller.parks, park=asked, positions=positions), asked

    @app.get(f"{V1}/kpi", tags=["kpi"])
    def read_kpi(
        caller: Caller, park: Id | None = None, start: Time | None = None, end: Time | None = None,
        positions: _Positions = 1,
    ) -> KpiOut:  # fmt: skip
        """Return the figures of alarms with start <= raised < end; the last 30 days where nothing is said."""
        return KpiOut.of(*counted(caller, park, start, end, positions))

    @app.get(f"{V1}/kpi.csv", tags=["kpi"], response_class=Response)
    def read_kpi_csv(
        caller: Caller, park: Id | None = None, start: Time | None = None, end: Time | None = None,
        positions: _Positions = 1,
    ) -> Response:  # fmt: skip
        """Return the same as CSV (UTF-8 with its mark, as spreadsheets want it)."""
        kpi, _ = counted(caller, park, start, end, positions)
        headers = {"Content-Disposition": 'attachment; filename="kpi.csv"'}
        text = "\ufeff" + office(services).kpi_csv(kpi)
        return Response(text, headers=headers, media_type="text/csv; charset=utf-8")

    @app.get(f"{V1}/kpi/report", tags=["kpi"], response_class=Response)
    def read_kpi_report(
        caller: Caller,
        month: Annotated[str, Query(pattern=_MONTH, description="e.g. 2026-11, park time")],
        park: Id | None = None,
        positions: _Positions = 1,
        lang: Annotated[str, Query(pattern="^(zh|en)$")] = "zh",
    ) -> Response:
        """Return the report of a month as a page that can be printed."""
        kpi, asked = counted(caller, park, *month_span(month), positions)
        place = view.directory().places.get(asked)
        name = place.name if place else ""
        title = f"{name} {month} 报警月报" if lang == "zh" else f"Alarms of {name} {month}"
        desk = office(services)
        headers = {"Content-Security-Policy": desk.page_policy}
        return Response(desk.kpi_page(kpi, title.strip(), lang), headers=headers, media_type="text/html; charset=utf-8")
