"""From the case of an enterprise that is suspected to the one screen that says why, by date, in both languages."""

from dataclasses import replace

import pytest
from desk_house import NOW, with_alarms
from playwright.sync_api import expect

from park.activity import Evidence, Sign, iso, numbered
from park.events import ActivityDay
from park.metrics import Lane
from park.model import Enterprise
from park.records import Paper, PaperKind
from runtime.storage.sql.activity import SqlActivity
from runtime.storage.sql.papers import SqlPapers

pytestmark = [pytest.mark.server, pytest.mark.slow]
TODAY = numbered("2026-11-21")
SINCE = TODAY - 190


def day(firm, park, number, state, *signs):
    return ActivityDay(
        firm, iso(number), state, 0.01, 0.99, (), park, NOW - 1_000, "energy_use", 3.0, 310.0, iso(SINCE), signs
    )


@pytest.fixture
def suspected(house, tmp_path):
    """The house with a firm that has stood still for half a year, and what speaks for it."""
    with_alarms(house, tmp_path)
    database = house.services.registry._database
    firm, park = house.services.registry.find(Enterprise)[0].id, house.ids.park
    papers = SqlPapers(database)
    papers.file(Paper(firm, PaperKind.RETURN_MISSING, "2026-10-16", "2027-01-15"), park, actor="desk", note="", now=NOW)
    house.go_away()
    house.services = replace(house.services, activity=SqlActivity(database), papers=papers)
    run = Evidence(Sign.RUN, {"days": 189, "limit": 0.3, "since": iso(SINCE)})
    signs = (
        run, Evidence(Sign.QUIET, {"measure": "people_in", "days": 30, "share": 0.0}),
        Evidence(Sign.RECORD, {"kind": "return_missing", "begin": "2026-10-16"}),
        Evidence(Sign.CLOCK, {"since": iso(SINCE), "days": 189, "limit": 180, "basis": "A R5"}),
        Evidence(Sign.NO_PAPER), Evidence(Sign.CLEARS, {"days": 3, "of": 5, "limit": 0.3}), Evidence(Sign.VISIT),
    )  # fmt: skip
    days = [day(firm, park, n, "dormant", run) for n in range(TODAY - 10, TODAY - 1)]
    house.position += 1
    house.services.events.apply(
        Lane.BULK.value, house.position, [*days, day(firm, park, TODAY - 1, "zombie_suspect", *signs)]
    )
    return house


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [("", "疑似僵尸企业", ("连续 189 天", "进出人数也停了", "季报未报（2026-10-16 起）", "超过 180 天（《公司法》",
                         "恢复条件：最近 5 个工作日有 3 天", "请上门核实")),
     ("?lang=en", "Zombie suspect", ("189 days in a row", "people missing too", "quarterly return missing",
                                     "more than 180 (Company Law", "it ends when 3 of 5 workdays", "a visit is due"))],
)  # fmt: skip
def test_why_it_is_suspected(suspected, opened, query, name, said):
    """The case leads to the enterprise, where every reason stands with its dates, and the papers on file."""
    page = opened(f"{suspected.address}{query}#/park/{suspected.ids.park}/alarms")
    row = page.locator(".desk .row", has_text=name)
    expect(row).to_have_count(1)
    row.locator("a.place").click()

    expect(page.locator(".panel.activity .head")).to_contain_text("宏达五金有限公司")
    expect(page.locator(".activity-state")).to_contain_text(name.lower())
    for words in said:
        expect(page.locator(".activity-reasons")).to_contain_text(words)
    expect(page.locator(".activity .papers")).to_contain_text("2026-10-16")
    assert "firm=" in page.url
