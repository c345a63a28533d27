"""Unusual values on the page of a unit: why each was told, marks, and bands on charts."""

from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import expect

from park.events import Anomaly, Bands, Baseline, Finding, Reason, Severity
from park.metrics import Lane
from runtime.storage.sql.episodes import SqlEpisodes
from tests.tools import until

pytestmark = [pytest.mark.server, pytest.mark.slow]
NOW = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
HOUR = 3_600_000


def spike(ids, since):
    """Return an unusual value of the house's meter."""
    return Finding(
        "anomaly", ids.power, since + 60_000, since, Severity.LOW, Reason.UNUSUAL, 61.0, 24.0, 18.0, 31.0, 0.9,
        ids.meter, ids.units[0], ids.park, episode=f"anomaly/{ids.power}/{since}", since=since, anomaly=Anomaly.SPIKE,
        baseline=Baseline.HALF_HOUR, rising=True, times=1e6,
    )  # fmt: skip


@pytest.fixture
def noted(house):
    """The house with an episode of its meter, and what is usual of it."""
    ids, services = house.ids, house.services
    house.go_away()
    house.services = replace(services, episodes=SqlEpisodes(services.registry._database), bands=services.readings)
    house.tell(spike(ids, NOW - 2 * HOUR), lane=Lane.BULK)
    start, e = NOW - np.arange(24, 0, -1) * HOUR, np.full(24, 22.0)
    services.readings.write_bands(
        Bands(np.full(24, ids.power, np.int32), start, HOUR, e, e - 4, e + 4, e * 0, np.arange(24) < 4)
    )
    return house


def address(house, query=""):
    return f"{house.address}{query}#/park/{house.ids.park}/unit/{house.ids.units[0]}"


def test_why(noted, opened):
    """An episode is one line; opened, it says in a sentence what, since when, how far and why, in both languages."""
    page = opened(address(noted))
    line = page.locator(".unit-findings .row button")
    expect(line).to_have_text("有功功率 · 突升")
    line.focus()
    page.keyboard.press("Enter")

    expect(page.locator(".finding-detail .sentence")).to_contain_text("最异常为 61 kW，平时 18–31，偏高 154%")
    opened_in_english = opened(f"{address(noted, '?lang=en')}?episode=anomaly/{noted.ids.power}/{NOW - 2 * HOUR}")
    expect(opened_in_english.locator(".sentence")).to_contain_text("at worst 61 kW, usually 18–31, 154% too high")


def test_marked(noted, opened):
    """Who may marks it with a note, whatever happens while he writes it; the mark stands in the list and its story."""
    page = opened(address(noted))
    page.locator(".unit-findings .row button").click()
    page.locator(".marking input").fill("检修")
    noted.tell(spike(noted.ids, NOW - HOUR), lane=Lane.BULK)
    expect(page.locator(".unit-findings .row")).to_have_count(2)
    page.locator(".marking button", has_text="误报").click()

    expect(page.locator(".finding-detail .marks")).to_contain_text("误报 · 检修")
    expect(page.locator(".unit-findings .row .tag")).to_have_text("误报")
    assert "检修" == noted.services.episodes.marks(f"anomaly/{noted.ids.power}/{NOW - 2 * HOUR}")[0].note


def test_band_on_the_chart(noted, opened):
    """The chart of a point draws what was usual, but of hours that were still learned, and the episode."""
    page = opened(address(noted))
    canvas = page.locator(".chart .canvas[data-usual='20']")

    expect(canvas).to_have_count(1)
    expect(page.locator(".chart .canvas[data-marks='1']")).to_have_count(1)


def test_quiet(house, opened):
    """A unit with nothing unusual says so."""
    page = opened(f"{house.address}#/park/{house.ids.park}/unit/{house.ids.units[1]}")

    expect(page.locator(".unit-findings .empty")).to_have_text("没有异常记录。")


def test_live(noted, opened):
    """A further episode appears while the page is open."""
    page = opened(address(noted))
    expect(page.locator(".unit-findings .row")).to_have_count(1)
    ids, since = noted.ids, NOW - HOUR
    noted.tell(
        Finding(
            "anomaly", ids.co2, since, since, Severity.LOW, Reason.UNUSUAL, 900.0, 500.0, 400.0, 700.0, 0.9, ids.meter,
            ids.units[0], ids.park, episode=f"anomaly/{ids.co2}/{since}", since=since, anomaly=Anomaly.SHIFT,
        ),
        lane=Lane.BULK,
    )  # fmt: skip

    expect(page.locator(".unit-findings .row")).to_have_count(2)


def test_live_while_it_loads(noted, opened):
    """An episode that comes while the firm of the unit is still asked for is shown, and so is the page then."""
    page, held = opened("about:blank", host=noted.address), []

    def hold(route):
        held.append(route)

    page.route("**/api/v1/enterprises/*", hold)
    page.goto(address(noted))
    until(lambda: page.wait_for_timeout(20) or held)
    noted.tell(spike(noted.ids, NOW - HOUR), lane=Lane.BULK)
    expect(page.locator(".unit-findings .row")).to_have_count(2)
    for route in held:
        route.continue_()

    expect(page.locator(".values-table")).to_be_visible()


def test_on_a_phone_in_the_dark(noted, opened, tmp_path):
    """On a phone nothing sticks out, in the dark as well."""
    page = opened(address(noted), width=390, height=844, color_scheme="dark")
    page.locator(".unit-findings .row button").click()
    expect(page.locator(".sentence")).to_be_visible()
    page.screenshot(path=tmp_path / "phone.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
