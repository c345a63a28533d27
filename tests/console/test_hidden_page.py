"""The page of what is hidden, looked at through a browser: why, by what, until when, and how it is ended."""

import pytest
from desk_house import NOW, go, over_voltage, with_alarms
from playwright.sync_api import expect

from park.duty import Matcher, MatchOperator, Silence
from park.metrics import Lane

HOUR = 3_600_000
SCRIPT = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def desk(house, tmp_path):
    """The small park with the stores of alarms; no keys are asked for."""
    return with_alarms(house, tmp_path / "files")


class TestHidden:
    def test_why(self, desk, opened):
        """What is hidden says by what and until when, and can be ended; life safety is told to be exempt."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        plans = desk.services.alarms.plans
        plans.save(
            Silence(
                (Matcher("severity", MatchOperator.EQUAL, "medium"),), NOW - 1, NOW + HOUR, "王工", SCRIPT,
                park=desk.ids.park,
            ),
            actor="王工", now=NOW,
        )  # fmt: skip
        desk.services.alarms.store.turn(NOW + 1)
        page = go(desk, opened, "hidden")

        expect(page.locator(".held .row.alarm")).to_contain_text("静音")
        expect(page.locator(".held .held-why")).to_contain_text("<script>")
        expect(page.locator(".calm-note")).to_contain_text("永远不会被屏蔽")
        page.locator(".silences").get_by_role("button", name="现在结束").click()
        expect(page.locator(".silences .empty")).to_be_visible()
        assert page.evaluate("window.hurt") is None

    def test_ended_by_keyboard(self, desk, opened):
        """Who ends one silence by keyboard does not stand on the end of the next, where a second press would end it."""
        for n in (1, 2):
            matchers = (Matcher("severity", MatchOperator.EQUAL, "medium"),)
            silence = Silence(matchers, NOW - 1, NOW + n * HOUR, "王工", f"第 {n} 条", park=desk.ids.park)
            desk.services.alarms.plans.save(silence, actor="王工", now=NOW)
        page = go(desk, opened, "hidden")
        rows = page.locator(".silences .row")
        expect(rows).to_have_count(2)

        rows.first.get_by_role("button", name="现在结束").focus()
        page.keyboard.press("Enter")
        expect(rows).to_have_count(1)

        expect(rows).to_contain_text("第 2 条")
        expect(rows.get_by_role("button", name="现在结束")).not_to_be_focused()

    def test_preview(self, desk, opened):
        """A new silence shows what it would hide before it holds, and then holds."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        desk.tell(desk.fire())
        page = go(desk, opened, "hidden")
        page.locator(".silences").get_by_role("button", name="新建").click()
        page.locator("dialog [name=place]").select_option(str(desk.ids.units[0]))
        expect(page.locator(".preview")).to_contain_text("现在会屏蔽 1 条")
        expect(page.locator(".preview")).to_contain_text("电压偏高")
        page.get_by_label("原因（必填）").fill("检修")
        page.get_by_role("dialog").get_by_role("button", name="静音").click()

        expect(page.locator(".silences .row")).to_contain_text("检修")
        assert "检修" == desk.services.alarms.plans.plans(Silence, ended=False)[0].note

    def test_window_shows_what_it_hides(self, desk, opened):
        """A new maintenance window shows what it would hide from its device, and never a fire."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        desk.tell(desk.fire())
        page = go(desk, opened, "hidden")
        page.locator(".windows").get_by_role("button", name="新建").click()
        page.locator("dialog [name=device]").select_option(str(desk.ids.meter))
        expect(page.locator(".preview")).to_contain_text("现在会屏蔽 1 条")
        expect(page.locator(".preview")).to_contain_text("电压偏高")
        page.locator("dialog [name=device]").select_option(str(desk.ids.smoke))
        expect(page.locator(".preview")).to_contain_text("现在会屏蔽 0 条")

    def test_window(self, desk, opened):
        """A maintenance window is begun for a place, and listed with its end."""
        page = go(desk, opened, "hidden", language="en")
        page.locator(".windows").get_by_role("button", name="New").click()
        page.locator("dialog [name=place]").select_option(str(desk.ids.units[0]))
        page.get_by_label("Reason (required)").fill("new panel")
        page.get_by_role("dialog").get_by_role("button", name="Begin").click()

        expect(page.locator(".windows .row")).to_contain_text("new panel")
        expect(page.locator(".windows .row")).to_contain_text("1号楼101")
