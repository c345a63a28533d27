"""The strip of a year of days on a unit's page, and why a day is told to be as it is."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from park.activity import Evidence, Sign, iso, numbered, said
from park.events import ActivityDay
from park.metrics import Lane
from park.model import Enterprise
from park.records import Paper, PaperKind
from runtime.storage.sql.activity import SqlActivity
from runtime.storage.sql.papers import SqlPapers

NOW = 1_795_219_200_000
TODAY = numbered("2026-11-21")
STOPPED = 40  # days ago

pytestmark = [pytest.mark.server, pytest.mark.slow]


def year(firm, park):
    """Return a year of days: work, a holiday, a dip, an outage, and a stop."""
    days = []
    for n in range(300, 0, -1):
        stopped, dip, out = n <= STOPPED, 150 < n <= 155, 200 < n <= 206
        state = "stopped" if stopped else "reduced" if dip else "unknown" if out else "active"
        if n <= STOPPED and n > STOPPED - 4:
            state = "half_stopped"
        ratio = 0.07 if stopped else 0.55 if dip else 1.02
        evidence = (
            Evidence(Sign.LEVEL, {"share": ratio, "days": 5}),
            Evidence(Sign.RUN, {"days": STOPPED - n + 1, "limit": 0.3, "since": iso(TODAY - STOPPED)}),
            Evidence(Sign.NO_PAPER),
        )
        if out:
            evidence = (Evidence(Sign.UNHEARD, {"hours": 0, "of": 24}),)
        elif not stopped:
            evidence = evidence[:1]
        days.append(ActivityDay(
            firm, iso(TODAY - n), state, 0.0 if out else ratio, 1 - min(ratio, 1), (), park, NOW, "energy_use",
            None if out else 310.0 * ratio, None if out else 310.0, iso(TODAY - STOPPED) if stopped else iso(TODAY - n),
            evidence,
        ))  # fmt: skip
    return days


@pytest.fixture
def lived(house):
    """The house with a year of days of its first firm, and a paper."""
    database = house.services.registry._database
    firm = house.services.registry.find(Enterprise)[0].id
    papers = SqlPapers(database)
    papers.file(
        Paper(firm, PaperKind.RETURN_MISSING, "2026-10-16", "2027-01-15"), house.ids.park, actor="desk",
        note="三季度", now=NOW,
    )  # fmt: skip
    house.go_away()
    house.services = replace(house.services, activity=SqlActivity(database), papers=papers)
    house.tell(*year(firm, house.ids.park), lane=Lane.BULK)
    return house


def test_strip(lived, opened):
    """Every day of a year has its square; the newest is explained in words, with figures and papers."""
    page = opened(f"{lived.address}#/park/{lived.ids.park}/unit/{lived.ids.units[0]}")
    strip = page.locator(".activity svg.strip")

    expect(strip.locator(".day.active, .day.reduced, .day.half_stopped, .day.stopped, .day.unknown")).to_have_count(300)
    expect(strip.locator(".day.stopped")).to_have_count(36)
    expect(page.locator(".activity-state strong")).to_have_text("停产")
    expect(page.locator(".activity-reasons")).to_contain_text("连续 40 天用量不高于往常的 30%，自 2026-10-12 起")
    expect(page.locator(".activity .papers")).to_contain_text("季报未报 2026-10-16")
    expect(page.locator(".strip-legend")).to_contain_text("停产")


def test_chosen_by_hand_and_key(lived, opened):
    """A day is chosen with the pointer or the arrow keys, and explained in the language of the page."""
    page = opened(f"{lived.address}?lang=en#/park/{lived.ids.park}/unit/{lived.ids.units[0]}")
    state = page.locator(".activity-state")
    expect(state).to_contain_text("stopped")

    page.locator(f'.activity .strip .day[data-day="{TODAY - 203}"]').click()
    expect(state).to_contain_text("unknown")
    expect(page.locator(".activity-reasons")).to_contain_text(said(Evidence(Sign.UNHEARD, {"hours": 0, "of": 24})))

    page.locator(".activity svg.strip").press("ArrowRight")
    expect(state.locator("time")).to_have_text(iso(TODAY - 196))
    expect(state).to_contain_text("active")


def test_vacant_and_new(lived, opened):
    """A vacant unit has no strip; a firm of which nothing was judged says so instead of showing zero."""
    page = opened(f"{lived.address}#/park/{lived.ids.park}/unit/{lived.ids.units[5]}")
    expect(page.locator(".about-unit")).to_contain_text("空置")
    expect(page.locator(".activity")).to_be_hidden()

    other = opened(f"{lived.address}#/park/{lived.ids.park}/unit/{lived.ids.units[1]}")
    expect(other.locator(".activity .empty")).to_contain_text("06:00")


def test_on_a_phone(lived, opened):
    """On a phone the strip scrolls by itself and the page does not."""
    page = opened(f"{lived.address}#/park/{lived.ids.park}/unit/{lived.ids.units[0]}", width=390, height=844)
    expect(page.locator(".activity svg.strip")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_enterprises(lived, opened):
    """All enterprises are listed, the worst first; the chosen one shows its year and why, and is in the address."""
    page = opened(f"{lived.address}#/park/{lived.ids.park}/firms")
    row = page.locator(".firms tbody tr").first

    expect(row).to_contain_text("停产")
    row.get_by_role("button").click()
    expect(page.locator(".activity svg.strip")).to_be_visible()
    expect(page.locator(".activity-reasons")).to_contain_text("连续 40 天")
    assert "firm=" in page.url
