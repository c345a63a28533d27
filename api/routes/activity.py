"""Activity of enterprises and parks: days and their reasons, why one is suspected, papers on file."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import FastAPI, Query

from api.activity_index import as_they_are, recovery, spells
from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.schemas_activity import (
    ActivityDayOut,
    ActivityExplanation,
    ActivityOut,
    PaperBody,
    PaperOut,
    ParkActivityOut,
    ParkDayOut,
    ParkFirmOut,
    WithdrawBody,
    words,
)
from api.services import Services
from api.view import View
from park.errors import NotFound, UserError
from park.model import Enterprise
from park.records import Paper
from park.roles import Principal

_YEAR = 371  # days: 53 weeks, as the page draws them
_MOST = 1_200  # days in one answer: three years and a little
_PAPER_DAYS = 1_200  # 3 years of filed suspension, the longest there is, and a little

_From = Annotated[date | None, Query(alias="from", description="first day; left out: a year before `to`")]
_To = Annotated[date | None, Query(alias="to", description="day after the last; left out: today, park time")]


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def firm_of(key: int, caller: Principal) -> Enterprise:
        firm = services.registry.get(Enterprise, key)
        if not caller.sees(firm.park):
            raise NotFound(f"there is no enterprise {key}")
        return firm

    def span(park: int, start: date | None, end: date | None) -> tuple[str, str]:
        place = view.directory().places.get(park)
        offset = timedelta(minutes=place.utc_offset if place else 480)
        last = end or (datetime.fromtimestamp(services.now() / 1000, UTC) + offset).date()
        if last.year < 1972:  # there is no day before 1970, and `from` lies before `to`
            raise UserError("`to` lies before every day")
        first = start or last - timedelta(days=_YEAR)
        if first >= last or (last - first).days > _MOST:
            raise UserError(f"`from` lies before `to`, at most {_MOST} days")
        return first.isoformat(), last.isoformat()

    @app.get(f"{V1}/enterprises/{{key}}/activity", tags=["activity"])
    def activity_of_enterprise(
        key: Id,
        caller: Caller,
        start: _From = None,
        end: _To = None,
        reasons: Annotated[bool, Query(description="with the evidence of each day")] = True,
    ) -> ActivityOut:
        """Return the judged days of an enterprise, rising."""
        firm = firm_of(key, caller)
        first, last = span(firm.park, start, end)
        days = services.activity.days(key, first, last)
        return ActivityOut(
            enterprise=key, park=firm.park, start=first, end=last, measure=days[-1].measure if days else "",
            items=[ActivityDayOut.of(day, reasons=reasons) for day in days],
        )  # fmt: skip

    @app.get(f"{V1}/enterprises/{{key}}/activity/explanation", tags=["activity"])
    def explain_activity(
        key: Id, caller: Caller, day: Annotated[date | None, Query(description="left out: the newest")] = None
    ) -> ActivityExplanation:
        """Return why an enterprise is told to be as it is: the day's evidence, the year before, the papers."""
        firm = firm_of(key, caller)
        first, last = span(firm.park, None, day + timedelta(days=1) if day and day.year < 9000 else None)
        days = services.activity.days(key, first, last)
        if not days or (day is not None and days[-1].day != day.isoformat()):
            raise NotFound("no day of this enterprise was judged then")
        zh, en = words(days[-1].state)
        return ActivityExplanation(
            enterprise=key, park=firm.park, name=firm.name, trade=firm.trade, measure=days[-1].measure, zh=zh, en=en,
            day=ActivityDayOut.of(days[-1]), spells=spells(days),
            papers=[PaperOut.of(p) for p in services.papers.of(key)],
        )  # fmt: skip

    @app.get(f"{V1}/parks/{{park}}/activity", tags=["activity"])
    def activity_of_park(park: Id, caller: Caller, start: _From = None, end: _To = None) -> ParkActivityOut:
        """Return a park's activity by day, how its enterprises are now, and its recovery after the last holiday."""
        seen = view.park(park, caller)
        first, last = span(park, start, end)
        days = [ParkDayOut.of(day) for day in services.activity.by_day(park, first, last)]
        states: dict[str, int] = {}
        firms = []
        for d in as_they_are(services.activity.newest(park)):
            states[d.state] = states.get(d.state, 0) + 1
            firm = seen.enterprises.get(d.enterprise)
            out = ActivityDayOut.of(d, reasons=False)
            firms.append(
                ParkFirmOut(
                    enterprise=d.enterprise, name=firm.name if firm else "", trade=firm.trade if firm else "",
                    day=d.day, state=out.state, since=d.since, ratio=out.ratio,
                )
            )  # fmt: skip
        return ParkActivityOut(
            park=park, start=first, end=last, states=states, items=days, recovery=recovery(days), enterprises=firms
        )

    @app.get(f"{V1}/enterprises/{{key}}/papers", tags=["activity"])
    def list_papers(key: Id, caller: Caller) -> list[PaperOut]:
        """Return the papers of an enterprise, newest first, those taken back too."""
        firm_of(key, caller)
        return [PaperOut.of(p) for p in services.papers.of(key)]

    @app.post(f"{V1}/enterprises/{{key}}/papers", tags=["activity"], status_code=201)
    def file_paper(key: Id, body: PaperBody, caller: Caller) -> PaperOut:
        """Put a paper on file: it enters the log, and days that it explains are judged again."""
        firm = firm_of(key, caller)
        if not 1972 <= body.begin.year <= body.end.year or body.begin > body.end or body.end.year > 2200:
            raise UserError("a paper begins before it ends")
        if (body.end - body.begin).days > _PAPER_DAYS:
            raise UserError(f"a paper holds for at most {_PAPER_DAYS} days")
        paper = Paper(key, body.kind, body.begin.isoformat(), body.end.isoformat())
        filed = services.papers.file(paper, firm.park, actor=caller.name, note=body.note, now=services.now())
        services.registry_changed()
        return PaperOut.of(filed)

    @app.post(f"{V1}/enterprises/{{key}}/papers/withdraw", tags=["activity"])
    def withdraw_paper(key: Id, body: WithdrawBody, caller: Caller) -> PaperOut:
        """Take a paper back; what it explained is judged again. The paper stays in the list, and says by whom."""
        firm_of(key, caller)
        if services.papers.get(body.paper).paper.enterprise != key:
            raise NotFound(f"there is no paper {body.paper} of this enterprise")
        taken = services.papers.withdraw(body.paper, actor=caller.name, now=services.now())
        services.registry_changed()
        return PaperOut.of(taken)
