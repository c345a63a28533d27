"""The pages of alarms, looked at through a browser: the list, and one alarm."""

import re
from dataclasses import replace

import pytest
from desk_house import NOW, alarms_of, go, many, over_voltage, with_alarms
from playwright.sync_api import expect

from park.alarms import Act, CaseVerb
from park.events import AlarmState, DeviceStatus, Level, Reason, Severity, Status
from park.metrics import Lane
from park.model import Device
from park.ports import Chunk
from park.readings import batch_of
from runtime.storage.windows import rollups_of
from tests.tools import until

SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
MANY = 1_300  # alarms: the first page and two more
SCRIPT = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def desk(house, tmp_path):
    """The small park with the stores of alarms; no keys are asked for."""
    return with_alarms(house, tmp_path / "files")


@pytest.fixture
def kept(desk):
    """The same, with keys asked for."""
    desk.go_away()
    desk.services = replace(desk.services, require_keys=True)
    return desk


class TestList:
    def test_one_sentence(self, desk, opened):
        """An alarm says how bad, where, what, since when, why, how much, what to do and who has it."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = go(desk, opened, "alarms")

        row = page.locator(".row.alarm")
        for said in (
            "中",
            "1号楼101",
            "电压偏高",
            "宏达五金有限公司",
            "高于限值",
            "限值 242",
            "查变压器分接头与无功补偿",
            "无人处理",
            "未确认",
        ):
            expect(row).to_contain_text(said)
        expect(page.locator(".unreached")).to_contain_text("不会通知任何人")  # nobody set up a receiver

    def test_life_first_and_live(self, desk, opened):
        """A fire that begins is on top without a reload, whatever stood there before, and leaves when it is closed."""
        desk.tell(over_voltage(desk, severity=Severity.CRITICAL), lane=Lane.BULK)
        page = go(desk, opened, "alarms")
        rows = page.locator(".row.alarm")
        expect(rows).to_have_count(1)

        desk.tell(desk.fire())
        expect(rows.first).to_contain_text("火灾预警")
        desk.tell(desk.fire(confirmed=True, at=NOW + SECOND))
        expect(rows.first).to_contain_text("火灾确认")
        expect(rows).to_have_count(2)
        expect(page.locator(".tabs [data-view=open] b")).to_have_text("2")

    def test_seen_elsewhere(self, desk, opened):
        """What another person acknowledges is shown as theirs at once."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = go(desk, opened, "alarms")
        expect(page.locator(".row.alarm")).to_contain_text("未确认")
        (alarm,) = alarms_of(desk)

        desk.services.alarms.store.act(alarm.id, Act(CaseVerb.ACKNOWLEDGE, "王工"), NOW + 1)

        expect(page.locator(".row.alarm")).to_contain_text("王工 已确认")

    def test_one_key(self, desk, opened):
        """Arrow keys move between rows, `a` acknowledges the one in focus, Enter opens it."""
        desk.tell(over_voltage(desk), over_voltage(desk, 1, at=NOW - 5_000), lane=Lane.BULK)
        page = go(desk, opened, "alarms")
        rows = page.locator(".row.alarm")
        expect(rows).to_have_count(2)

        rows.first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("a")
        expect(rows.nth(1)).to_contain_text("已确认")
        expect(rows.nth(0)).to_contain_text("未确认")
        second = next(a for a in alarms_of(desk) if a.acknowledged)
        expect(rows.nth(1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"/alarm/{second.id}$"))

    def test_two_taps(self, desk, opened):
        """A first tap on the button only arms it; the second acknowledges."""
        desk.tell(desk.fire())
        page = go(desk, opened, "alarms", width=390, height=800, has_touch=True)
        button = page.locator(".row.alarm .ack")

        button.tap()
        expect(button).to_have_text("再按一次确认")
        assert not alarms_of(desk)[0].acknowledged
        button.tap()
        expect(page.locator(".row.alarm")).to_contain_text("已确认")
        assert alarms_of(desk)[0].acknowledged

    def test_somebody_was_faster(self, desk, opened):
        """An act on an alarm that changed meanwhile is refused, and the alarm is shown as it is now."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = go(desk, opened, "alarms")
        (alarm,) = alarms_of(desk)

        def meanwhile(route):
            desk.services.alarms.store.act(alarm.id, Act(CaseVerb.COMMENT, "王工", "在看"), NOW + 1)
            route.continue_()

        page.route(re.compile(r"/alarms/\d+/acknowledge$"), meanwhile)
        page.locator(".row.alarm").focus()
        page.keyboard.press("a")
        expect(page.locator(".toast.wrong")).to_contain_text("报警已变化")
        opened.expected.add("409")
        assert not alarms_of(desk)[0].acknowledged

    def test_filters_in_the_address(self, desk, opened):
        """Views and filters are in the address, survive a reload, and back leads to the list as it was."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        desk.tell(desk.fire())
        page = go(desk, opened, "alarms")
        rows = page.locator(".row.alarm")
        expect(rows).to_have_count(2)

        page.get_by_role("button", name="只看消防燃气").click()
        expect(rows).to_have_count(1)
        page.locator(".tabs [data-view=unacknowledged]").click()
        assert "life=1" in page.url
        assert "view=unacknowledged" in page.url
        page.reload()
        expect(rows).to_have_count(1)
        rows.first.locator(".name").click()
        expect(page.locator(".about-alarm")).to_contain_text("火灾预警")
        page.go_back()
        expect(rows).to_have_count(1)
        expect(page.locator(".tabs [aria-pressed=true]")).to_have_attribute("data-view", "unacknowledged")

    def test_long_list(self, desk, opened):
        """A list of many pages scrolls to the last alarm; only rows near the screen are elements."""
        many(desk, MANY)
        page = go(desk, opened, "alarms")
        rows = page.locator(".row.alarm")
        expect(rows.first).to_be_visible()
        total = len(alarms_of(desk))  # and one of the flood that so many make
        last = page.locator(f".row.alarm[aria-setsize='{total}'][aria-posinset='{total}']")

        rows.first.focus()
        until(lambda: page.keyboard.press("End") or last.count() == 1, 60)
        expect(last).to_be_in_viewport()
        expect(last).to_be_focused()
        assert rows.count() < 500

    def test_forbidden_and_none(self, kept, opened):
        """Who may only look is offered no act; an empty list says so."""
        page = go(kept, opened, "alarms", key="park_viewer")
        expect(page.locator(".desk .empty")).to_have_text("没有报警。")
        kept.tell(kept.fire())
        expect(page.locator(".row.alarm")).to_be_visible()

        assert 0 == page.locator(".row.alarm button").count()
        assert 0 == page.get_by_role("button", name="报告火情").count()

    def test_without_alarms(self, house, opened):
        """Where the platform gives no answer, the page says why and offers to try again."""
        page = go(house, opened, "alarms")

        expect(page.locator(".desk .state.error")).to_contain_text("暂时不可用")
        expect(page.locator(".desk .state.error button")).to_be_visible()
        opened.expected.add("503")

    def test_report_before_the_map(self, desk, opened):
        """A fire is reported at once, though the map is on its way: places are there to be chosen when it comes."""
        waiting = []

        def hold(route):
            waiting.append(route)

        page = opened("about:blank", host=desk.address)
        page.route("**/map", hold)
        page.goto(f"{desk.address}#/park/{desk.ids.park}/alarms")
        page.get_by_role("button", name="报告火情").click()
        place = page.locator("dialog [name=place]")
        expect(place.locator("option")).to_have_count(1)
        until(lambda: waiting or page.wait_for_timeout(50))
        for route in waiting:
            route.continue_()
        place.select_option(str(desk.ids.units[2]))

        assert str(desk.ids.units[2]) == place.input_value()

    def test_report(self, desk, opened):
        """Somebody who sees smoke tells it with a place and words; it is a critical alarm at once."""
        page = go(desk, opened, "alarms")
        page.get_by_role("button", name="报告火情").click()
        page.locator("dialog [name=place]").select_option(str(desk.ids.units[2]))
        page.get_by_label("看到什么").fill(SCRIPT)
        page.get_by_role("dialog").get_by_role("button", name="报告", exact=True).click()

        expect(page.locator(".about-alarm")).to_contain_text("人员报告火情")
        expect(page.locator(".about-alarm")).to_contain_text("1号楼301")
        assert (Severity.CRITICAL, desk.ids.units[2]) == (alarms_of(desk)[0].severity, alarms_of(desk)[0].place)


class TestOne:
    def open(self, desk, opened, **more):
        """Open the page of the worst alarm."""
        return go(desk, opened, f"alarm/{alarms_of(desk)[0].id}", **more)

    def test_whole_story(self, desk, opened):
        """It shows what to do, its place on the plan, its curve at that time, and all that happened."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = self.open(desk, opened)

        expect(page.locator(".about-alarm")).to_contain_text("电压偏高")
        expect(page.locator(".mini-plan .marked")).to_have_count(1)
        expect(page.locator(".alarm-curve .canvas")).to_have_attribute("data-points", re.compile(r"^\d+$"))
        expect(page.locator(".timeline .step.trigger")).to_contain_text("报警 平台 · 101 总表")
        expect(page.locator(".todo")).to_contain_text("GB/T 12325")
        raised = page.locator(".about-alarm .facts-list time")
        expect(raised).to_have_text("2026/11/21 08:00:00")  # the day once, whichever day it is

    def test_an_old_curve(self, desk, opened):
        """Of a time of which only days are kept, the days around the alarm are drawn, and the page says so."""
        at, first = NOW - 200 * DAY, NOW - 210 * DAY
        first -= first % DAY - 16 * HOUR  # midnight of the park
        rows = [(desk.ids.power, first + n * DAY, 96, 9_600.0, 80.0, 120.0, 90.0, first, DAY, 0) for n in range(20)]
        chunk = Chunk("bulk", 1 << 40, batch_of([]), (rollups_of(Level.DAY, list(zip(*rows, strict=True))),))
        desk.services.readings.write(chunk)
        desk.tell(over_voltage(desk, at=at), lane=Lane.BULK)
        page = go(desk, opened, f"alarm/{alarms_of(desk)[0].id}")

        expect(page.locator(".alarm-curve .kept")).to_have_text("更细的数据已过保存期，按每 1 天显示")
        expect(page.locator(".alarm-curve .canvas")).to_have_attribute("data-points", "20")

    def test_from_the_wall(self, desk, opened):
        """One click on what stands in a park leads to its alarm, which says that there is no receiver."""
        desk.tell(desk.fire())
        page = go(desk, opened, "")
        expect(page.locator(".alarms .row a.name")).to_be_visible()
        expect(page.locator(".map")).to_be_visible()
        follows = "document.querySelector('.alarms').compareDocumentPosition(document.querySelector('.map'))"
        assert 4 == page.evaluate(follows)  # what is wrong comes before the plan for who goes by keys or listens
        page.locator(".alarms .row a.name").click()

        expect(page).to_have_url(re.compile(rf"/alarm/{alarms_of(desk)[0].id}$"))
        expect(page.locator(".told")).to_contain_text("不会通知任何人")
        page.locator(".told a").click()
        expect(page.locator(".targets .state")).to_contain_text("不会通知任何人")

    def test_comment_is_text(self, desk, opened):
        """A script in a comment is words, on the page of whoever looks."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = self.open(desk, opened)
        page.get_by_label("留言").fill(SCRIPT)
        page.get_by_role("button", name="留言").click()

        expect(page.locator(".timeline .step.comment .note")).to_have_text(SCRIPT)
        assert page.evaluate("window.hurt") is None

    def test_shelved(self, desk, opened):
        """An alarm is put aside for some hours with a reason; life safety is never offered that."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = self.open(desk, opened)
        page.locator("[data-act=shelve]").click()
        page.get_by_label("搁置多久").select_option("4")
        page.get_by_label("原因").fill("等配件")
        page.get_by_role("dialog").get_by_role("button", name="搁置").click()

        expect(page.locator(".about-alarm .tag.held")).to_contain_text("已搁置")
        expect(page.locator(".timeline .step.shelve")).to_contain_text("等配件")
        (alarm,) = alarms_of(desk)
        assert NOW + 3 * HOUR < alarm.shelved_until < NOW + 5 * HOUR
        desk.tell(desk.fire())
        other = self.open(desk, opened)
        expect(other.locator("[data-act=assign]")).to_be_visible()
        assert 0 == other.locator("[data-act=shelve], [data-act=remove]").count()

    def test_reset_by_an_officer(self, kept, opened):
        """A latched fire is reset with one of the three reasons and words: a command in the log, with the name."""
        kept.tell(kept.fire(confirmed=True, state=AlarmState.LATCHED))
        operator = self.open(kept, opened, key="park_operator")
        expect(operator.locator(".acts .ack")).to_be_visible()
        assert 0 == operator.locator("[data-act=reset]").count()

        officer = self.open(kept, opened, key="park_officer")
        officer.locator("[data-act=reset]").click()
        officer.get_by_label("复位理由").select_option("video_clear")
        officer.get_by_label("原因（必填）").fill("看过监控")
        officer.get_by_role("dialog").get_by_role("button", name="复位").click()
        expect(officer.locator(".timeline .step.reset")).to_contain_text("视频确认无火")

        (told,) = kept.commands
        assert (Lane.LIFE, "officer", "video_clear: 看过监控") == (told[0], told[1].actor, told[1].reason)

    def test_taken_and_closed(self, desk, opened):
        """Somebody takes it, and closes it with what it was; the list no longer has it."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = self.open(desk, opened)
        page.locator("[data-act=take]").click()
        expect(page.locator(".sentence")).to_contain_text("由您处理")
        page.locator("[data-act=close]").click()
        page.get_by_label("结论").select_option("equipment")
        page.get_by_label("原因（必填）").fill("表坏了")
        page.get_by_role("dialog").get_by_role("button", name="关闭").click()

        expect(page.locator(".about-alarm .tag").first).to_have_text("已关闭")
        assert [] == alarms_of(desk)

    def test_file(self, desk, opened):
        """A photograph is kept with the alarm and handed out as a file."""
        desk.tell(over_voltage(desk), lane=Lane.BULK)
        page = self.open(desk, opened)
        page.locator("#attach").set_input_files(
            {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0 and so on"}
        )

        link = page.locator(".file-list a")
        expect(link).to_have_text("现场.jpg")
        with page.expect_download() as download:
            link.click()
        assert "现场.jpg" == download.value.suggested_filename

    def test_what_it_hides(self, desk, opened):
        """The alarm of a gateway names what it hides, with the way there; the page of what is hidden leads back."""
        gateway = Device(0, desk.ids.park, "native:xixing/-/gw", "gateway", "网关", desk.ids.units[0])
        (gateway,) = desk.services.registry.save([gateway], actor="t", reason="", now=NOW)
        meter = replace(desk.services.registry.get(Device, desk.ids.meter), gateway=gateway.id)
        desk.services.registry.save([meter], actor="t", reason="", now=NOW)
        down = DeviceStatus(gateway.id, Status.GATEWAY_DOWN, NOW, 0, Reason.GATEWAY_DOWN, desk.ids.park)
        desk.tell(down, desk.silent(), lane=Lane.BULK)
        page = go(desk, opened, "hidden")
        page.locator(".held-why a").click()

        expect(page.locator(".about-alarm")).to_contain_text("网关离线")
        expect(page.locator(".hides .row")).to_contain_text("设备静默")
        page.locator(".hides .row a").click()
        expect(page.locator(".about-alarm")).to_contain_text("设备静默")
        expect(page.locator(".hides")).to_be_hidden()

    def test_none(self, desk, opened):
        """An alarm that is not there is said to be missing."""
        page = go(desk, opened, "alarm/999")

        expect(page.locator(".about-alarm .state.error")).to_contain_text("999")
        opened.expected.add("404")
