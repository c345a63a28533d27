"""The page of rules, looked at through a browser: checked, kept with a reason, and for keys of all parks only."""

import re
from dataclasses import replace

import pytest
from desk_house import go, with_alarms
from playwright.sync_api import expect

SCRIPT = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def kept(house, tmp_path):
    """The small park with the stores of alarms, and keys asked for."""
    desk = with_alarms(house, tmp_path / "files")
    desk.go_away()
    desk.services = replace(desk.services, require_keys=True)
    return desk


class TestRules:
    def test_checked_and_kept(self, kept, opened):
        """A text is checked, what it changes is shown, and it holds with a reason; a bad one is told why."""
        page = go(kept, opened, "rules", key="park_admin")
        area = page.locator("textarea.rules-text")
        expect(area).to_have_value(re.compile("over_voltage"))
        text = area.input_value()
        area.fill(text.replace("[[limit]]", "[[limt]]", 1))
        page.get_by_role("button", name="检查").click()
        expect(page.locator(".rules-changes .state.error")).to_be_visible()
        opened.expected |= {"422", "400"}

        area.fill(text.replace("high = 1000", "high = 900"))
        page.get_by_role("button", name="启用").click()
        page.get_by_label("原因（必填）").fill(SCRIPT)
        page.get_by_role("dialog").get_by_role("button", name="启用").click()
        expect(page.locator(".rules-past .rule-change")).to_contain_text("第 1 版")
        expect(page.locator(".rules-past .rule-change")).to_contain_text("<script>")
        page.locator(".rules-past").get_by_role("button", name="查看").click()
        expect(page.locator(".rules-changes ins").first).to_contain_text("900")

    def test_of_one_park(self, kept, opened):
        """A key of one park is told that the text is for keys of all parks."""
        page = go(kept, opened, "rules", key="park_viewer")

        expect(page.locator(".rules-now")).to_contain_text("全部园区的密钥")
        expect(page.locator(".rules-past .forbidden")).to_be_visible()
        opened.expected.add("403")
