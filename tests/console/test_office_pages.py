"""Pages of the office, looked at through a browser: a visit by phone, a hazard to its end, a drill with its report."""

import re
from dataclasses import replace

import pytest
from desk_house import NOW
from office_house import DAY, HOUR, JPEG, MINUTE, Desk, expected_errors, phone
from playwright.sync_api import expect

from park.events import AlarmState, ConditionChange, Reason, Severity
from park.governance import (
    Answer,
    Drill,
    DrillState,
    Every,
    Five,
    Hazard,
    HazardState,
    HazardVerb,
    InspectionPlan,
    Round,
    Verdict,
)
from park.metrics import Lane
from park.model import Device, DeviceMode
from tests.tools import until

SCRIPT = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"
FIVE = Five("王磊", "清空通道", "0", NOW + 5 * DAY, "每两小时巡查")

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def desk(house, tmp_path):
    """The small park with an office; no keys are asked for."""
    return Desk(house, tmp_path / "files")


@pytest.fixture
def hazard(desk):
    """A hazard that somebody has reported, with a script for a title."""
    return desk.office.desk.report(Hazard(desk.ids.park, desk.ids.units[0], SCRIPT, NOW, "desk", NOW + 3 * DAY), "desk")


def dialog(page, name):
    """Press the button of the dialog that stands open."""
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


class TestVisit:
    def test_by_phone(self, desk, opened):
        """A visit is begun, each item tapped, a fault described and photographed, and finished into a hazard."""
        page = desk.go(opened, "rounds", **phone())
        page.get_by_role("button", name="现在检查").tap()
        page.get_by_label("清单").select_option("let_premises")
        page.locator("dialog [name=place]").select_option(str(desk.ids.units[0]))
        dialog(page, "开始")
        items = page.locator(".checklist .item")
        expect(items.first).to_be_visible()
        finish = page.locator("[data-act=finish]")
        expect(finish).to_be_disabled()

        first = items.first
        first.locator("[data-verdict=fault]").tap()
        page.get_by_label("哪里不对").fill(SCRIPT)
        first.locator("input[type=file]").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": JPEG})
        page.get_by_role("button", name="记下问题").tap()
        expect(first.locator(".note")).to_contain_text("<script>")
        for n in range(1, items.count()):
            items.nth(n).locator("[data-verdict=ok]").tap()
            expect(items.nth(n).locator("[data-verdict=ok]")).to_have_attribute("aria-pressed", "true")
        expect(finish).to_be_enabled()
        finish.tap()
        dialog(page, "完成检查")

        expect(page.locator(".about-round")).to_contain_text("发现 1 个隐患")
        expect(page.locator(".file-list")).to_contain_text("a.jpg")
        (found,) = desk.store.find(Hazard)
        assert (SCRIPT, desk.ids.units[0]) == (found.title, found.place)
        assert page.evaluate("window.hurt") is None

    def test_words_stay(self, desk, opened):
        """A fault that is being written keeps its words and its photograph while other items are answered."""
        visit = desk.office.desk.visit(desk.ids.park, "daily_patrol", (desk.ids.units[0],), "desk")
        page = desk.go(opened, f"round/{visit.id}", **phone())
        items = page.locator(".checklist .item")
        items.first.locator("[data-verdict=fault]").tap()
        page.get_by_label("哪里不对").fill("门被货物挡住")
        photograph = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
        items.first.locator("input[type=file]").set_input_files(photograph)
        items.nth(1).locator("[data-verdict=ok]").tap()
        expect(items.nth(1)).to_contain_text("local")

        expect(page.get_by_label("哪里不对")).to_have_value("门被货物挡住")
        expect(items.first).to_contain_text("a.jpg")

    def test_no_signal(self, desk, opened):
        """What is tapped without a signal is kept, survives a reload, and goes by itself when there is one again."""
        visit = desk.office.desk.visit(desk.ids.park, "daily_patrol", (desk.ids.units[0],), "desk")
        page = desk.go(opened, f"round/{visit.id}", **phone())
        item = page.locator(".checklist .item").first
        expect(item).to_be_visible()
        with opened.quiet():
            page.route("**/answers", lambda route: route.abort())
            item.locator("[data-verdict=ok]").tap()
            expect(page.locator(".about-round .notice")).to_contain_text("1 项还未送出")
            expect(item.locator("[data-verdict=ok]")).to_have_attribute("aria-pressed", "true")
            assert () == desk.store.get(Round, visit.id).answers
            page.reload()
            expect(page.locator(".about-round .notice")).to_contain_text("1 项还未送出")
            page.unroute("**/answers")

        until(lambda: desk.store.get(Round, visit.id).answers)
        expect(page.locator(".about-round .notice")).to_have_count(0)
        assert 0 == page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('park.round')).length")

    def test_refused_for_good(self, desk, opened):
        """An answer that comes after somebody finished the visit is told with its words, and not tried again."""
        visit = desk.office.desk.visit(desk.ids.park, "daily_patrol", (), "desk")
        page = desk.go(opened, f"round/{visit.id}", **phone())
        item = page.locator(".checklist .item").first
        expect(item).to_be_visible()
        items = desk.office.desk.checklists["daily_patrol"].items
        desk.office.desk.answer(visit.id, [Answer(i.key, Verdict.OK, NOW, "other") for i in items], "other")
        desk.office.desk.finish(visit.id, "other")
        item.locator("[data-verdict=not_applicable]").tap()

        expect(page.locator(".about-round .state.error")).to_contain_text("不适用")
        expect(page.locator(".about-round")).to_contain_text("已完成")
        assert {Verdict.OK} == {a.verdict for a in desk.store.get(Round, visit.id).answers}
        expected_errors(opened, "409")

    def test_plan(self, desk, opened):
        """A plan is made in English by keyboard; its visit of today is there after the next look."""
        page = desk.go(opened, "rounds", language="en")
        page.locator(".plans").get_by_role("button", name="New").press("Enter")
        page.get_by_label("Name").fill("Daily patrol, house 1")
        page.get_by_label("Checklist").select_option("daily_patrol")
        page.keyboard.press("Enter")
        expect(page.locator(".plans .row")).to_contain_text("Daily patrol, house 1")

        (plan,) = desk.store.find(InspectionPlan)
        assert (Every.DAY, "2026-11-21") == (plan.every, plan.first)
        desk.office.office.turn_rest(lambda _: 480)
        page.reload()
        expect(page.locator(".rounds-open .row")).to_contain_text("Fill in")

    def test_focus_stays(self, desk, opened):
        """Who stands on a button by keyboard still stands on it when more of the page has come."""
        page = desk.go(opened, "rounds")
        held = []
        page.route(re.compile(r"/rounds\?.*state=done"), lambda route: held.append(route))  # noqa: PLW0108 - the driver marks it
        page.reload()
        button = page.locator(".plans .beside button")
        button.focus()
        expect(page.locator(".rounds-done .skeleton")).to_be_visible()
        until(lambda: page.evaluate("1") and held)
        held.pop().continue_()
        expect(page.locator(".rounds-done .empty")).to_be_visible()

        expect(button).to_be_focused()

    def test_viewer_only_looks(self, desk, opened):
        """A viewer sees a visit and can tap nothing of it."""
        visit = desk.office.desk.visit(desk.ids.park, "daily_patrol", (), "desk")
        page = desk.guard().go(opened, f"round/{visit.id}", key="viewer")

        expect(page.locator(".checklist .item").first).to_contain_text("未填写")
        assert 0 == page.locator("main button").count()

    def test_missing(self, desk, opened):
        """A visit that is not there is said to be missing."""
        page = desk.go(opened, "round/99")

        expect(page.locator(".about-round .state.error")).to_contain_text("99")
        expected_errors(opened, "404")


class TestHazard:
    def test_report(self, desk, opened):
        """A hazard is reported with its place and limit; its page opens, and the list has it."""
        page = desk.go(opened, "hazards")
        expect(page.locator(".hazards .empty")).to_have_text("没有未销号的隐患。")
        page.get_by_role("button", name="报告隐患").click()
        page.locator("dialog [name=place]").select_option(str(desk.ids.units[1]))
        page.get_by_label("什么问题").fill("楼梯间堆放纸箱")
        page.get_by_label("等级").select_option("major")
        dialog(page, "报告")

        expect(page.locator(".about-hazard")).to_contain_text("楼梯间堆放纸箱")
        expect(page.locator(".way [aria-current]")).to_contain_text("落实五项 0/5")
        page.locator(".up").click()
        expect(page.locator(".row.hazard")).to_contain_text("1号楼201")
        expect(page.locator(".row.hazard")).to_contain_text("重大隐患")

    def test_to_its_end(self, desk, hazard, opened):
        """Five are settled, it is mended, re-inspected with a photograph by another person, and closed."""
        page = desk.go(opened, f"hazard/{hazard.id}")
        begin = page.locator("[data-act=begin]")
        expect(begin).to_be_disabled()
        expect(page.locator(".hints")).to_contain_text("责任")
        page.locator("[data-act=plan]").click()
        for name, words in (("responsible", "王磊"), ("measures", "清空"), ("funds", "0"), ("contingency", "巡查")):
            page.locator(f"dialog [name={name}]").fill(words)
        dialog(page, "保存")
        expect(page.locator(".five")).to_contain_text("5/5")
        begin.click()
        dialog(page, "开始整改")
        page.locator("[data-act=done]").click()
        page.get_by_label("做了什么").fill("已清空")
        dialog(page, "报告整改完成…")
        approve = page.locator("[data-act=approve]")
        expect(approve).to_be_disabled()
        expect(page.locator(".hints")).to_contain_text("添加复查照片")
        page.locator("#attach").set_input_files({"name": "after.jpg", "mimeType": "image/jpeg", "buffer": JPEG})
        expect(page.locator(".hints")).to_contain_text("另一人")
        page.goto("about:blank")
        closer = desk.guard().go(opened, f"hazard/{hazard.id}", key="officer")
        closer.locator("[data-act=approve]").click()
        dialog(closer, "复查通过，销号…")
        expect(closer.locator(".way [aria-current]")).to_contain_text("销号")

        kept = desk.store.get(Hazard, hazard.id)
        assert (HazardState.CLOSED, "officer", "王磊") == (kept.state, kept.closed_by, kept.five.responsible)
        expect(closer.locator(".timeline .step.approve")).to_contain_text("officer")
        assert closer.evaluate("window.hurt") is None

    def test_overdue_first(self, desk, opened):
        """What is overdue stands first and says since when; a view shows only those."""
        ids, report = desk.ids, desk.office.desk.report
        report(Hazard(ids.park, ids.units[0], "晚到期", NOW, "d", NOW + 9 * DAY), "desk")
        report(Hazard(ids.park, ids.units[0], "已超期", NOW, "d", NOW + HOUR), "desk")
        desk.clock.now = NOW + 2 * DAY
        page = desk.go(opened, "hazards")

        expect(page.locator(".row.hazard").first).to_contain_text("已超期")
        expect(page.locator(".row.hazard").first).to_contain_text(re.compile("超期 1 天"))
        page.locator("[data-view=overdue]").click()
        expect(page.locator(".row.hazard")).to_have_count(1)
        assert "view=overdue" in page.url

    def test_two_at_once(self, desk, hazard, opened):
        """Who was slower is told, sees the hazard as it is, and nothing is overwritten."""
        page = desk.go(opened, f"hazard/{hazard.id}")
        page.locator("[data-act=plan]").click()
        page.locator("dialog [name=responsible]").fill("李四")
        desk.office.desk.do(hazard.id, HazardVerb.PLAN, "other", five=FIVE)
        dialog(page, "保存")

        expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        expect(page.locator(".five")).to_contain_text("王磊")
        expected_errors(opened, "409")
        assert "王磊" == desk.store.get(Hazard, hazard.id).five.responsible

    def test_by_role(self, desk, hazard, opened):
        """An operator says that it is mended and reports new ones; settling and closing is for officers."""
        desk.guard()
        operator = desk.go(opened, f"hazard/{hazard.id}", key="operator")
        expect(operator.locator(".timeline .step")).to_be_visible()
        expect(operator.locator(".comment-form")).to_be_visible()
        assert 0 == operator.locator("[data-act]").count()
        officer = desk.go(opened, f"hazard/{hazard.id}", key="officer")
        expect(officer.locator("[data-act=plan]")).to_be_visible()
        expect(officer.locator("[data-act=dismiss]")).to_be_visible()


class TestDrill:
    def smoke(self, desk):
        """Let the smoke detector of the drill alarm."""
        at = desk.clock.now
        desk.house.tell(
            ConditionChange(
                "fire.pre_alarm", "test", f"device:{desk.ids.smoke}", at, at, at - 400, AlarmState.ACTIVE,
                Severity.HIGH, Reason.DETECTOR_ALARM, desk.ids.park, desk.ids.units[0], desk.ids.smoke,
                desk.ids.alarm, 1.0,
            ),
            lane=Lane.LIFE,
        )  # fmt: skip
        desk.office.office.turn_drills()

    def test_planned_run_reported(self, desk, opened):
        """A drill is planned, runs, its alarm is seen and acknowledged, and its report stands beside the standard."""
        page = desk.go(opened, "drills")
        page.get_by_role("button", name="计划演练").click()
        expect(page.get_by_role("dialog")).to_contain_text("请有人守在现场")
        page.get_by_label("名称").fill("十一月演练")
        dialog(page, "计划")
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("至少选一个设备")
        page.locator("dialog [name=devices]").check()
        dialog(page, "计划")
        expect(page.locator(".about-drill")).to_contain_text("已计划")
        desk.clock.now = NOW + 2 * MINUTE
        desk.office.office.turn_drills()
        expect(page.locator(".about-drill.apart")).to_contain_text("1 个设备正在测试")
        desk.clock.now += 10_000
        self.smoke(desk)
        saw = page.get_by_role("button", name="我看到了")
        saw.click()
        expect(page.locator(".drill-devices tbody tr")).to_contain_text(re.compile("08:0"))
        page.locator("[data-act=stop]").click()
        dialog(page, "提前结束")
        expect(page.locator(".about-drill")).to_contain_text("正在结束")
        desk.office.office.turn_drills()
        expect(page.locator(".about-drill")).to_contain_text("已结束")

        row = page.locator(".indicators tr[data-key='device_to_alarm.max']")
        expect(row).to_contain_text("0.4")
        expect(row).to_contain_text("≤ 30")
        expect(row).to_contain_text("GB/T 45839")
        (drill,) = desk.store.find(Drill)
        assert DrillState.ENDED is drill.state
        expected_errors(opened, "422")

    def test_told_on_every_page(self, desk, opened):
        """While a fire device is set apart, every page says that its alarms call nobody, and leads to who did it."""
        device = desk.services.registry.get(Device, desk.ids.smoke)
        desk.services.registry.save([replace(device, mode=DeviceMode.TEST)], actor="赵工", reason=SCRIPT, now=NOW)
        page = desk.go(opened, "alarms")

        expect(page.locator("#header .apart-note")).to_contain_text("1 个消防设备在测试或维护中")
        page.locator("#header .apart-note").click()
        expect(page.locator(".apart-devices .row")).to_contain_text("测试")
        expect(page.locator(".apart-devices .row")).to_contain_text(f"赵工：{SCRIPT}")
        expect(page.locator(".apart-devices .row")).to_contain_text("未定结束时间")
        assert page.evaluate("window.hurt") is None

        page.get_by_role("button", name="恢复正常").click()
        page.get_by_role("dialog").get_by_role("button", name="恢复正常").click()
        expect(page.locator(".apart-devices .row")).to_have_count(0)
        page.get_by_role("button", name="设为测试或维护…").click()
        page.get_by_label("原因").fill("吹烟")
        page.get_by_role("dialog").get_by_role("button", name="设置").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("至少选一个设备。")
        page.locator(f"dialog [name=devices][value='{desk.ids.smoke}']").check()
        page.get_by_role("dialog").get_by_role("button", name="设置").click()
        expect(page.locator(".apart-devices .row")).to_contain_text("吹烟")
        now_ = desk.services.registry.get(Device, desk.ids.smoke)
        assert (DeviceMode.TEST, True) == (now_.mode, now_.mode_until > NOW)

    def test_by_role(self, desk, opened):
        """An operator sees a drill and may say that he saw an alarm; planning and stopping is for officers."""
        ids = desk.ids
        drill = desk.office.desk.plan_drill(Drill("演练", ids.park, NOW, NOW + HOUR, (ids.smoke,), "x"), "safety")
        desk.office.office.turn_drills()
        self.smoke(desk)
        desk.guard()
        operator = desk.go(opened, f"drill/{drill.id}", key="operator")
        expect(operator.get_by_role("button", name="我看到了")).to_be_visible()
        assert 0 == operator.locator("[data-act=stop]").count()
        viewer = desk.go(opened, f"drill/{drill.id}", key="viewer")
        expect(viewer.locator(".drill-devices tbody tr")).to_be_visible()
        assert 0 == viewer.locator("main button").count()
