"""Acknowledge by a one-use link: a small page that asks, and a form that does it.

Opening the page changes nothing: scanners of mail open every link. Only the button acknowledges.
"""

from html import escape
from typing import Annotated

from fastapi import FastAPI, Path, Response

from api.routes.duty import desk
from api.services import Services
from api.view import View
from park.alarms import Case
from park.errors import Conflict, NotFound, UserError

_Word = Annotated[str, Path(min_length=20, max_length=100, pattern="^[A-Za-z0-9_-]+$")]
# The form sends to its own address and nowhere else; nothing is loaded, nothing runs.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # the word is in the address; a form needs its origin
    "X-Robots-Tag": "noindex",
}
_STATE = {
    "unacknowledged": "报警中 · active", "acknowledged": "已确认 · acknowledged",
    "latched_unacknowledged": "保持 · latched", "latched_acknowledged": "保持，已确认 · latched, acknowledged",
    "returned": "已恢复 · over", "returned_acknowledged": "已恢复，已确认 · over, acknowledged",
    "closed": "已关闭 · closed",
}  # fmt: skip


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def where(case: Case) -> str:
        place = view.directory().places.get(case.place)
        return place.name if place else case.subject

    @app.get("/a/{word}", tags=["alarms"], response_class=Response)
    def show_link(word: _Word) -> Response:
        """Show the alarm of a one-use link, and the button that acknowledges it."""
        alarms = desk(services)
        try:
            case, actor = alarms.links.show(word, alarms.now())
        except (NotFound, Conflict) as why:
            return _refused(why)
        button = "" if case.acknowledged or case.closed is not None else (
            '<form method="post"><p><button type="submit">确认已收到 · Acknowledge</button></p></form>'
        )  # fmt: skip
        return _page(_about(case, where(case)) + f"<p>{escape(actor)}</p>{button}", 200)

    @app.post("/a/{word}", tags=["alarms"], response_class=Response)
    def use_link(word: _Word) -> Response:
        """Acknowledge the alarm of a one-use link; the link is spent."""
        alarms = desk(services)
        try:
            case = alarms.links.use(word, alarms.now())
        except (NotFound, Conflict) as why:
            return _refused(why)
        return _page(_about(case, where(case)) + "<p>已确认。 Acknowledged.</p>", 200)


def _refused(why: UserError) -> Response:
    """Say why a link does nothing, and where the alarms themselves are."""
    status = 409 if isinstance(why, Conflict) else 404
    return _page(f'<p>{escape(str(why))}</p><p><a href="/#/alarms">查看报警 · Open the alarms</a></p>', status)


def _about(case: Case, where: str) -> str:
    facts = (case.rule, where, case.severity.value, _STATE[case.state.value])
    return "".join(f"<p>{escape(fact)}</p>" for fact in facts)


def _page(inside: str, status: int) -> Response:
    text = (
        '<!doctype html><html lang="zh"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>报警 · Alarm</title>'
        f"<h1>报警 · Alarm</h1>{inside}</html>"
    )
    return Response(text, status, _HEADERS, "text/html; charset=utf-8")
