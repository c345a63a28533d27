"""The page of one finding, the list of a park's, and what marks propose, looked at and applied in a browser."""

from dataclasses import replace

import numpy as np
import pytest
from desk_house import NOW
from playwright.sync_api import expect

from park.events import Anomaly, Bands, Baseline, Finding, Part, Reason, Severity, Statistic
from park.metrics import Lane
from park.roles import Principal, Role
from runtime.dry_runs import DryRunner
from runtime.storage.sql.episodes import SqlEpisodes
from stream.rules import shipped

pytestmark = [pytest.mark.server, pytest.mark.slow]
HOUR, DAY = 3_600_000, 86_400_000
PARTS = (Part(Statistic.ABOVE, 6.1), Part(Statistic.STEP, 3.2))


def spike(house, since, **more):
    ids = house.ids
    first = Finding(
        "anomaly", ids.power, since + 60_000, since, Severity.LOW, Reason.UNUSUAL, 61.0, 24.0, 18.0, 31.0, 0.9,
        ids.meter, ids.units[0], ids.park, episode=f"anomaly/{ids.power}/{since}", since=since, anomaly=Anomaly.SPIKE,
        baseline=Baseline.HALF_HOUR, rising=True, times=1e6, parts=PARTS,
    )  # fmt: skip
    return replace(first, **more)


@pytest.fixture
def noted(house, tmp_path):
    """The house with five episodes of its meter over five days, what was usual of it, and people who may."""
    ids, services = house.ids, house.services
    house.go_away()
    store = SqlEpisodes(services.registry._database)
    runs = DryRunner(tmp_path, shipped)
    house.services = replace(services, episodes=store, bands=services.readings, dry_runs=runs, require_keys=True)
    operator = Principal("operator", Role.OPERATOR, frozenset({ids.park}))
    services.keys.add(operator, Principal("admin", Role.ADMIN, None))
    begins = [NOW - 2 * HOUR - n * DAY for n in range(5)]
    for n, since in enumerate(begins):
        past = tuple(begins[n + 1 : n + 4])
        house.tell(
            spike(house, since, similar=past, times=1e4 * (n + 1), until=0 if n == 0 else since + HOUR), lane=Lane.BULK
        )
    start, e = NOW - np.arange(48, 0, -1) * HOUR, np.full(48, 22.0)
    services.readings.write_bands(
        Bands(np.full(48, ids.power, np.int32), start, HOUR, e, e - 4, e + 4, e * 0, np.zeros(48, np.bool_))
    )
    yield house
    runs.stop()


def enter(opened, house, name, page="findings", query="", **more):
    """Open a page with somebody's key."""
    page = opened(f"{house.address}{query}#/park/{house.ids.park}/{page}", **more)
    page.locator("input[name=key]").fill(f"park_{name}")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    forgive(opened, "401")
    return page


def forgive(opened, *statuses):
    """Forget the answers that were meant to be errors."""
    opened.expected |= set(statuses)


def marked(house, *verdicts):
    """Mark episodes, the newest first."""
    store = house.services.episodes
    for episode, verdict in zip(store.episodes(park=house.ids.park), verdicts, strict=False):
        store.mark(episode, verdict, note="", actor="li", now=NOW)


def test_from_the_list(noted, opened):
    """A click in the list leads to the page: kind, baseline, how far, since when, what spoke, what was like it."""
    page = enter(opened, noted, "viewer")
    expect(page.locator(".findings-list .row")).to_have_count(5)
    page.locator(".findings-list .row a", has_text="突升").first.click()

    expect(page.locator(".finding h2")).to_contain_text("有功功率 · 突升")
    facts = page.locator(".finding .facts-list")
    for said in ("突升", "每日同一半小时的平时值", "+154%", "约 10,000 个数值中一个", "仍在持续"):
        expect(facts).to_contain_text(said)
    expect(page.locator(".finding .parts tr")).to_have_count(2)
    expect(page.locator(".finding .parts tr").first).to_contain_text("高于预测")
    expect(page.locator(".finding .facts a")).to_have_count(3)
    expect(page.locator(".finding-curve .canvas")).not_to_have_attribute("data-usual", "0")
    expect(page.locator(".finding .marking")).to_have_count(0)


def test_similar_ones_are_a_click_away(noted, opened):
    """A similar episode of the past opens on the same page, and Back leads to the first."""
    page = enter(opened, noted, "viewer", f"finding?episode=anomaly/{noted.ids.power}/{NOW - 2 * HOUR}", "?lang=en")
    expect(page.locator(".finding .sentence")).to_contain_text("still going on")
    page.locator(".finding .facts a").first.click()
    expect(page.locator(".finding .sentence")).to_contain_text("until")
    page.go_back()

    expect(page.locator(".finding .sentence")).to_contain_text("still going on")


def test_marked_by_keyboard(noted, opened):
    """Who may marks it with a note, without a mouse; the mark stands below with who said it."""
    page = enter(opened, noted, "operator", f"finding?episode=anomaly/{noted.ids.power}/{NOW - 2 * HOUR}")
    page.locator(".marking input").fill("<b>检修</b>")
    page.locator(".marking button", has_text="误报").focus()
    page.keyboard.press("Enter")

    expect(page.locator(".finding .marks")).to_contain_text("operator · 误报 · <b>检修</b>")


def test_filters(noted, opened):
    """The list can be narrowed to a kind and to what is under way; the address keeps it."""
    page = enter(opened, noted, "viewer")
    page.locator(".findings-list select").nth(1).select_option("standing")
    expect(page.locator(".findings-list .row")).to_have_count(1)
    page.locator(".findings-list select").nth(0).select_option("drift")

    expect(page.locator(".findings-list .empty")).to_be_visible()
    assert "state=standing" in page.url


def test_a_proposal_becomes_a_rule(noted, opened):
    """Three false marks propose a bar; who may gives a reason and it is a rule, with the history that says so."""
    marked(noted, "false", "false", "false", "true")
    page = enter(opened, noted, "admin")
    expect(page.locator(".proposals .proposal")).to_contain_text("若只报")
    page.locator(".proposal button", has_text="采纳为规则").click()
    page.locator("dialog textarea").fill("三次误报")
    page.locator("dialog button.primary").click()

    expect(page.locator(".proposals .empty")).to_be_visible()
    newest = noted.services.rules.current()
    assert (1, "admin", "三次误报") == (newest.version, newest.actor, newest.reason)


def test_a_trial_says_what_went_wrong(noted, opened):
    """A trial over a folder without a log ends with the reason, on the page."""
    marked(noted, "false", "false", "false")
    page = enter(opened, noted, "admin")
    page.locator(".proposal button", has_text="试算").click()

    expect(page.locator(".trial .error")).to_contain_text("no log", timeout=30_000)


def test_who_may_not(noted, opened):
    """Who may not change rules sees what is proposed, and no buttons."""
    marked(noted, "false", "false", "false")
    page = enter(opened, noted, "viewer")

    expect(page.locator(".proposals .proposal")).to_have_count(1)
    expect(page.locator(".proposals button")).to_have_count(0)


def test_gone(noted, opened):
    """An episode that is not there is said to be gone."""
    page = enter(opened, noted, "viewer", "finding?episode=anomaly/1/1")

    expect(page.locator(".finding .error")).to_contain_text("没有这条异常")
    forgive(opened, "404")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(noted, opened, tmp_path, scheme):
    """On a phone nothing sticks out of the page of one, nor of the list."""
    marked(noted, "false", "false", "false")
    page = enter(opened, noted, "admin", width=390, height=844, color_scheme=scheme)
    expect(page.locator(".proposals .proposal")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".findings-list .row a", has_text="突升").first.click()
    expect(page.locator(".finding .parts")).to_be_visible()
    page.screenshot(path=tmp_path / "phone.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
