"""Pages of duty, escalation and delivery, looked at through a browser; each role sees what it may do, and no more."""

import re

import pytest
from desk_house import NOW
from office_house import MINUTE, Desk, expected_errors, phone
from playwright.sync_api import expect

from park.delivery import Channel
from park.duty import Chain, MatchOperator, Officer, Rota, Step
from tests.alerts.receivers import Receiver
from tests.tools import until

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def desk(house, tmp_path):
    """The small park with duty and delivery; no keys are asked for."""
    return Desk(house, tmp_path / "files")


@pytest.fixture
def courier(desk):
    """Messages go their way while a page is looked at."""
    desk.courier.start()
    yield desk.courier
    desk.courier.stop()
    desk.network.close()


def plans(desk, kind):
    """Return the plans that are kept."""
    return desk.cases.plans.plans(kind, ended=False)


def dialog(page, name):
    """Press the button of the dialog that stands open."""
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


class TestDuty:
    def test_from_nothing(self, desk, opened):
        """An officer and a rota are made; he is on duty now, and the hours with nobody are told."""
        page = desk.go(opened, "duty")
        expect(page.locator(".present .empty")).to_contain_text("还没有排班")
        page.get_by_role("button", name="添加人员").click()
        page.get_by_label("名称").fill("王工")
        page.get_by_label("地址").fill("+86 138 0000 0000")
        dialog(page, "保存")
        expect(page.locator(".officers .row")).to_contain_text("王工")
        page.get_by_role("button", name="新建排班").click()
        page.get_by_label("名称").fill("日班")
        page.locator("dialog [name=end]").fill("20:00")
        dialog(page, "保存")

        expect(page.locator(".present")).to_contain_text("王工")
        expect(page.locator(".week > li")).to_have_count(7)
        expect(page.locator(".week .today")).to_contain_text("08:00–20:00 王工")
        expect(page.locator(".week .today .holes")).to_contain_text("20:00–24:00")
        assert "tel:+8613800000000" == page.locator(".present .contact a").get_attribute("href")
        (rota,) = plans(desk, Rota)
        assert ((480, 1_200, (0, 1, 2, 3, 4, 5, 6)),) == tuple((s.start, s.end, s.days) for s in rota.shifts)

    def test_stand_in(self, desk, opened):
        """Somebody stands in for an officer from now on: he is the one on duty."""
        desk.on_duty()
        desk.cases.plans.save(Officer("李工", park=desk.ids.park), actor="test", now=NOW)
        page = desk.go(opened, "duty")
        page.locator("[data-act=stand-in]").click()
        page.get_by_label("谁来替").select_option(label="李工")
        dialog(page, "保存")

        expect(page.locator(".present")).to_contain_text("李工")
        expect(page.locator(".rotas .plain-list")).to_contain_text("李工 替 王工")
        expect(page.locator(".week .today")).to_contain_text("李工 替")
        page.get_by_role("button", name="撤回").click()
        expect(page.locator(".present")).to_contain_text("王工")

    def test_stand_in_by_an_officer(self, desk, opened):
        """An officer of safety lets somebody stand in, and changes nothing else of a rota."""
        desk.on_duty()
        desk.cases.plans.save(Officer("李工", park=desk.ids.park), actor="test", now=NOW)
        page = desk.guard().go(opened, "duty", key="officer")
        expect(page.locator("main button")).to_have_count(1)
        page.locator("[data-act=stand-in]").click()
        page.get_by_label("谁来替").select_option(label="李工")
        dialog(page, "保存")

        expect(page.locator(".present")).to_contain_text("李工")

    def test_nobody(self, desk, opened):
        """A rota that has nobody now says so, and what follows from it."""
        desk.on_duty(start=0, end=60)
        page = desk.go(opened, "duty", language="en")

        expect(page.locator(".present .nobody")).to_contain_text("Nobody is on duty")
        expect(page.locator(".present .nobody")).to_contain_text("go to everybody")

    def test_bad_hours(self, desk, opened):
        """A rota that cannot be meant is told in its dialog, and nothing is kept."""
        desk.on_duty()
        page = desk.go(opened, "duty")
        page.get_by_role("button", name="新建排班").click()
        page.get_by_label("名称").fill("夜班")
        for box in page.locator("dialog [name=days]").all():
            box.uncheck()
        dialog(page, "保存")

        expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        assert 1 == len(plans(desk, Rota))
        expected_errors(opened, "422")

    def test_on_a_phone(self, desk, opened):
        """On a phone a week is seven lines, and nothing is wider than the screen."""
        desk.on_duty()
        page = desk.go(opened, "duty", **phone())
        expect(page.locator(".week > li").first).to_be_visible()

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


class TestChains:
    def test_made(self, desk, opened):
        """A chain says who is told at once, who after minutes, and what then; its words and steps are kept."""
        _, rota = desk.on_duty()
        page = desk.go(opened, "chains")
        expect(page.locator(".chains .state")).to_contain_text("还没有升级链")
        page.get_by_role("button", name="新建升级链").click()
        page.get_by_label("名称").fill("高级别")
        page.get_by_role("button", name="加条件").click()
        page.locator("dialog [name=operator]").select_option("=~")
        page.locator("dialog [name=value]").fill("critical|high")
        page.locator(f"dialog [value='rota:{rota.id}']").check()
        page.get_by_role("button", name="加一步").click()
        page.locator("dialog [value=all]").nth(1).check()
        dialog(page, "保存")

        chain = page.locator(".chain")
        expect(chain).to_contain_text("立即 排班“日班” （现在：王工）")
        expect(chain).to_contain_text("5 分钟后 所有人")
        expect(chain).to_contain_text("7 分钟后")
        (kept,) = plans(desk, Chain)
        assert (Step(0, (f"rota:{rota.id}",)), Step(5 * MINUTE, ("all",))) == kept.steps
        assert [("severity", MatchOperator.MATCHES, "critical|high")] == [
            (m.label, m.operator, m.value) for m in kept.matchers
        ]

    def test_nobody_answered(self, desk, opened):
        """A fire that nobody answers, for nobody could be told, is counted on the page, and one click shows it."""
        desk.house.tell(desk.house.fire(confirmed=True))
        page = desk.go(opened, "chains")
        expect(page.locator(".nobody-line")).to_contain_text("没有无人应答的报警")
        for _ in range(3):  # two steps of the chain, and its end
            desk.clock.now += 5 * MINUTE
            desk.cases.store.turn(desk.clock.now)
        page.reload()
        page.locator(".nobody-line a").click()

        expect(page.locator(".row.alarm")).to_contain_text("无人可通知")

    def test_circle(self, desk, opened):
        """Chains that would go in a circle are refused in the dialog."""
        save = desk.cases.plans.save
        first = save(Chain("a", (Step(0, ("all",)),), park=desk.ids.park), actor="t", now=NOW)
        save(Chain("b", (Step(0, ("all",)),), then=first.id, park=desk.ids.park), actor="t", now=NOW)
        page = desk.go(opened, "chains")
        page.locator(f".chain[data-chain='{first.id}']").get_by_role("button", name="修改").click()
        page.locator("dialog [name=then]").select_option(label="b")
        dialog(page, "保存")

        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("形成循环")
        assert 0 == next(c for c in plans(desk, Chain) if c.name == "a").then
        expected_errors(opened, "400")


class TestDelivery:
    @pytest.mark.usefixtures("courier")
    def test_tested(self, desk, opened):
        """A receiver is set up and tested: the message is there, and the page says how long it took."""
        with Receiver() as there:
            page = desk.go(opened, "delivery")
            expect(page.locator(".targets .state")).to_contain_text("不会通知任何人")
            page.get_by_role("button", name="新建渠道").click()
            page.get_by_label("名称").fill("desk")
            page.locator("dialog [name=channel]").select_option("webhook")
            page.get_by_label("地址", exact=True).fill(f"{there.url}?key=nobody-sees")
            page.get_by_label("签名密钥").fill("nobody-sees-either")
            expect(page.locator("dialog .preview strong")).to_be_visible()
            dialog(page, "保存")
            page.locator("[data-act=test-desk]").click()

            expect(page.locator(".test.delivered")).to_contain_text("秒送达")
            assert 1 == len(there.got)
        expect(page.locator(".messages .row")).to_contain_text("演练或测试")
        assert "nobody-sees" not in page.content()

    @pytest.mark.usefixtures("courier")
    def test_dead_again(self, desk, opened):
        """What a receiver would not take is shown with why, and goes when it is sent again."""
        with Receiver(lambda _: (400, {}, b"{}")) as there:
            desk.receiver("desk", there.url)
            page = desk.go(opened, "delivery")
            page.locator("[data-act=test-desk]").click()
            expect(page.locator(".test.dead")).to_contain_text("400")
            row = page.locator(".dead .row")
            expect(row).to_contain_text("400")
            there.answer = lambda _: (200, {}, b"{}")
            row.get_by_role("button", name="重发").click()

            expect(page.locator(".dead .empty")).to_have_text("没有未送达的消息。")
            until(lambda: len(there.got) == 2)  # on its way when the page is told

    @pytest.mark.usefixtures("courier")
    def test_who_was_told(self, desk, opened):
        """The page of an alarm says who was told of it and how that went; no page says that nobody can be."""
        with Receiver() as there:
            desk.receiver("desk", there.url)
            desk.house.tell(desk.house.fire())
            page = desk.go(opened, "alarms")
            page.locator(".row.alarm a.name").click()
            row = page.locator(".told .row")

            expect(row).to_contain_text("desk")
            expect(row).to_have_class(re.compile("delivered"))
        expect(page.locator(".unreached")).to_have_count(0)

    @pytest.mark.usefixtures("courier")
    def test_choice_stays_open(self, desk, opened):
        """A choice that somebody stands in is not made anew when a message arrives: it would close under the finger."""
        with Receiver() as receiver:
            desk.receiver("desk", receiver.url)
            page = desk.go(opened, "delivery")
            page.locator("select[name=state]").focus()
            page.evaluate("document.activeElement.mark = 'the same'")
            page.locator("[data-act=test-desk]").evaluate("button => button.click()")
            expect(page.locator(".messages .row")).to_contain_text("已送达")

        assert "the same" == page.evaluate("document.activeElement.mark")

    def test_changed_keeps_its_secret(self, desk, opened):
        """A receiver that is changed without a word about address or secret keeps both."""
        desk.receiver("desk", "https://hooks.example.com/T0/key", secret="s3")
        page = desk.go(opened, "delivery")
        page.locator(".target").get_by_role("button", name="修改").click()
        page.get_by_label("每分钟最多几条").fill("7")
        dialog(page, "保存")
        expect(page.locator(".toast")).to_contain_text("已保存")

        (kept,) = desk.services.delivery.targets.all()
        assert ("https://hooks.example.com/T0/key", "s3", 7) == (kept.url, kept.secret, kept.rate)

    def test_bad_address(self, desk, opened):
        """An address that cannot be one is told in the dialog, and nothing is kept."""
        page = desk.go(opened, "delivery")
        page.get_by_role("button", name="新建渠道").click()
        page.get_by_label("名称").fill("mail")
        page.locator("dialog [name=channel]").select_option(Channel.EMAIL.value)
        page.get_by_label("地址", exact=True).fill("https://not-mail.example")
        dialog(page, "保存")

        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("smtp")
        assert [] == desk.services.delivery.targets.all()
        expected_errors(opened, "400")

    @pytest.mark.usefixtures("courier")
    def test_script_in_an_answer(self, desk, opened):
        """What a receiver answers is words on the page."""
        said = b'{"receipt": "<img src=x onerror=window.hurt=1>"}'
        with Receiver(lambda _: (200, {}, said)) as there:
            desk.receiver("desk", there.url)
            page = desk.go(opened, "delivery")
            page.locator("[data-act=test-desk]").click()

            expect(page.locator(".test.delivered")).to_contain_text("<img")
        assert page.evaluate("window.hurt") is None


PAGES = ("duty", "chains", "delivery")


class TestRoles:
    def test_viewer(self, desk, opened):
        """A viewer is not shown the way to duty and delivery, and told why where he goes there by address."""
        page = desk.guard().go(opened, "duty", key="viewer")

        expect(page.locator(".present .forbidden")).to_be_visible()
        assert 0 == page.locator("#header a[href*='/duty']").count()
        expected_errors(opened, "403")

    @pytest.mark.parametrize("page", PAGES)
    def test_operator_looks(self, desk, opened, page):
        """An operator sees who is told of what, and changes nothing of it."""
        desk.on_duty()
        desk.receiver("desk", "https://hooks.example.com/x")
        desk.cases.plans.save(Chain("a", (Step(0, ("all",)),), park=desk.ids.park), actor="t", now=NOW)
        shown = desk.guard().go(opened, page, key="operator")

        expect(shown.locator("main .row, main .chain, main .rota").first).to_be_visible()
        assert 0 == shown.locator("main button").count()

    def test_admin_changes(self, desk, opened):
        """An admin is offered to change each of them."""
        desk.on_duty()
        shown = desk.guard().go(opened, "duty", key="admin")

        for name in ("替班…", "修改", "现在结束"):
            expect(shown.locator(".rota").get_by_role("button", name=name)).to_be_visible()
