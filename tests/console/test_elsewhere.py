"""Fires of parks that are not on the page, looked at through a browser."""

import re
from dataclasses import replace

import pytest
from desk_house import NOW, alarms_of, go, with_alarms
from playwright.sync_api import expect

from park.events import AlarmState
from park.model import Park

pytestmark = [pytest.mark.server, pytest.mark.slow]
MINUTE = 60_000
ASKED = re.compile(r"/alarms\?limit=1000&life=true")


@pytest.fixture
def desk(house, tmp_path):
    """Two parks; the page is of the first."""
    (other,) = house.services.registry.save([Park(0, "beihu", "<b>北湖</b>园")], actor="test", reason="", now=NOW)
    house.ids.other = other.id
    return with_alarms(house, tmp_path / "files")


def burn(desk, number=1, **more):
    """Let something burn in the other park."""
    fire = desk.fire(confirmed=True, place=900_000 + number, **more)
    desk.tell(replace(fire, park=desk.ids.other))


def test_a_fire_elsewhere(desk, opened):
    """It is told above every page within seconds, read out, and leads to the alarm; reset it is told no more."""
    page = go(desk, opened, "rules")
    lines = page.locator("#elsewhere a")
    expect(page.locator("main .panel").first).to_be_visible()
    expect(lines).to_have_count(0)
    burn(desk)
    expect(lines).to_contain_text(["<b>北湖</b>园：火灾确认"])
    expect(page.locator("#announce")).to_contain_text("北湖")

    lines.first.click()
    there = f"{desk.address}#/park/{desk.ids.other}/alarm/{alarms_of(desk)[0].id}"
    expect(page).to_have_url(there)
    expect(lines).to_have_count(0)  # it is on the page now
    page.go_back()
    expect(lines).to_have_count(1)
    page.goto(f"{desk.address}#/alarms/{alarms_of(desk)[0].id}")  # the address that a message gives
    expect(page).to_have_url(there)
    page.go_back()
    expect(lines).to_have_count(1)
    burn(desk, state=AlarmState.CLEARED, at=NOW + MINUTE)
    expect(lines).to_have_count(0)


def test_many_fires_elsewhere(desk, opened):
    """Of many the first are told, and how many more there are; what burns here is told here only."""
    for number in range(8):
        burn(desk, number)
    desk.tell(desk.fire(confirmed=True))
    page = go(desk, opened, "alarms", language="en")

    expect(page.locator("#elsewhere a")).to_have_count(6)
    expect(page.locator("#elsewhere a").last).to_have_text("3 more in other parks")


def test_many_fires_here(desk, opened):
    """However much burns on the page's own park, the other's older fire is told."""
    burn(desk)
    for number in range(101):
        desk.tell(desk.fire(confirmed=True, place=900_100 + number, at=NOW + MINUTE))
    page = go(desk, opened, "rules")

    expect(page.locator("#elsewhere a")).to_have_count(1)


def test_of_no_park(desk, opened):
    """A fire of a device that nobody has registered may be anywhere: it is told on every page, with the way to it."""
    desk.tell(replace(desk.fire(), subject="unclaimed:z2m:kitchen", park=0, place=0, device=0, point=0))
    page = go(desk, opened, "rules")
    lines = page.locator("#elsewhere a")
    expect(lines).to_contain_text(["未知园区：火灾"])

    lines.click()
    expect(page).to_have_url(f"{desk.address}#/park/{desk.ids.park}/alarm/{alarms_of(desk)[0].id}")
    expect(page.locator("main")).to_contain_text("派人到现场核实")


def test_under_way(desk, opened):
    """An answer that comes when another park is on the page is drawn for that one."""
    burn(desk)
    page = go(desk, opened, "rules")
    lines = page.locator("#elsewhere a")
    expect(lines).to_have_count(1)
    asked = []

    def hold(route):
        asked.append(route)

    with page.expect_request(ASKED):
        page.route(ASKED, hold)
    page.goto(f"{desk.address}#/park/{desk.ids.other}/rules")
    expect(page.locator("main .panel").first).to_be_visible()
    asked[0].continue_()

    expect(lines).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")
