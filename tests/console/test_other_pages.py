"""Pages of figures, papers and refused messages, and the way to all pages, looked at through a browser."""

import pytest
from desk_house import NOW, alarms_of, over_voltage
from office_house import HOUR, ROLES, Desk, expected_errors, phone
from playwright.sync_api import expect

from park.alarms import Act, CaseVerb, Verdict
from park.events import ActivityDay
from park.metrics import Lane
from park.model import Device
from park.records import PaperKind, Refusal, Refused
from park.roles import Role

KEY = "native:xixing/-/new"
PAYLOAD = b'{"power": 21.5, "note": "<img src=x onerror=window.hurt=1>"}'

EVERY_PAGE = {
    "", "alarms", "hidden", "figures", "duty", "chains", "delivery", "rounds", "hazards", "drills", "firms", "rules",
    "quarantine",
}  # fmt: skip

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def desk(house, tmp_path):
    """The small park with an office; no keys are asked for."""
    return Desk(house, tmp_path / "files")


def refused(desk, *, alarm=""):
    """Keep a message of a device that nobody has claimed, and one that is no message."""
    desk.services.quarantine.keep(
        Lane.BULK, 1,
        [
            Refused(Refusal.UNKNOWN_DEVICE, "parks/xixing/-/new/up", PAYLOAD, len(PAYLOAD), NOW, KEY, alarm=alarm),
            Refused(Refusal.MALFORMED, "parks/xixing/-/x/up", b"\xff", 1, NOW, "native:xixing/-/x", detail="no JSON"),
        ],
    )  # fmt: skip


def dialog(page, name):
    """Press the button of the dialog that stands open."""
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


class TestWay:
    def test_groups(self, desk, opened):
        """Pages stand in groups; the group and the page that one is on are marked, and every link leads to a page."""
        page = desk.go(opened, "hazards")
        expect(page.locator(".pages:not(.below) [aria-current]")).to_have_text("消防管理")
        expect(page.locator(".below [aria-current]")).to_have_text("隐患")

        links = page.locator(".pages:not(.below) a").all()
        seen = []
        for group in [link.get_attribute("href") for link in links]:
            page.goto(f"{desk.house.address}{group}")
            seen += [a.get_attribute("href") for a in page.locator(".below a").all()] or [group]
        for address in seen:
            page.goto(f"{desk.house.address}{address}")
            expect(page.locator("main .panel:visible, main .tiles").first).to_be_visible()
        assert EVERY_PAGE <= {address.removeprefix(f"#/park/{desk.ids.park}").strip("/") for address in seen}
        expected_errors(opened, "503")  # this house has neither bands nor a store of findings

    @pytest.mark.parametrize("role", ROLES)
    def test_what_a_role_sees(self, desk, opened, role):
        """The way leads only to pages that a key may see."""
        page = desk.guard().go(opened, "alarms", key=role.value)
        groups = page.locator(".pages:not(.below) a")
        expected = 5 if role is Role.VIEWER else 6

        expect(groups).to_have_count(expected)
        expected_errors(opened, "401")

    @pytest.mark.parametrize(
        "name", ["figures", "rounds", "hazards", "drills", "chains", "delivery", "quarantine", "firms"]
    )
    def test_fits_a_phone(self, desk, opened, name):
        """No page is wider than a phone."""
        refused(desk)
        desk.receiver("desk", "https://hooks.example.com/x")
        page = desk.go(opened, name, language="en", **phone())
        expect(page.locator("main .panel:visible").first).to_be_visible()
        expect(page.locator("main .skeleton:visible")).to_have_count(0)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_where_nobody_answers(self, house, opened):
        """A platform without an office says so on its pages, and offers to try again."""
        page = opened(f"{house.address}#/park/{house.ids.park}/hazards", host=house.address)

        expect(page.locator(".hazards .state.error button")).to_be_visible()
        expected_errors(opened, "503")


class TestFigures:
    def test_beside_benchmarks(self, desk, opened):
        """Figures of alarms stand beside their benchmarks, with source and standing; the month is in the address."""
        desk.house.tell(over_voltage(desk.house), lane=Lane.BULK)
        desk.house.tell(desk.house.fire())
        desk.clock.now = NOW + HOUR
        page = desk.go(opened, "figures")
        row = page.locator(".indicators tr[data-key=per_10_minutes]")
        expect(row).to_contain_text("≤ 1")
        expect(row).to_contain_text("达标")
        expect(row).to_contain_text("ISA-18.2")
        expect(page.locator(".top")).to_contain_text("电压偏高")
        page.get_by_label("时段").select_option("2026-11")

        expect(page.locator(".figures")).to_contain_text("2 条报警")
        assert "month=2026-11" in page.url
        report = page.get_by_role("link", name="2026-11 月报").get_attribute("href")
        with page.context.expect_page() as made:
            page.get_by_role("link", name="2026-11 月报").click()
        expect(made.value.locator("h1")).to_contain_text("西兴小微园 2026-11")
        assert "month=2026-11" in report

    def test_precision(self, desk, opened):
        """Alarms that people marked make the precision of their rule."""
        desk.house.tell(over_voltage(desk.house), lane=Lane.BULK)
        (alarm,) = alarms_of(desk)
        act = Act(CaseVerb.CLOSE, "desk", "灰尘", verdict=Verdict.EQUIPMENT)
        desk.services.alarms.store.act(alarm.id, act, NOW + 1)
        desk.clock.now = NOW + HOUR
        page = desk.go(opened, "figures", language="en")

        expect(page.locator(".precision tbody tr")).to_contain_text("Voltage high")
        expect(page.locator(".precision tbody tr")).to_contain_text("0%")


class TestPapers:
    @pytest.fixture
    def judged(self, desk):
        """The house with one judged day of its first firm."""
        day = ActivityDay(desk.firm.id, "2026-11-20", "stopped", 0.1, 0.9, (), desk.ids.park, NOW)
        desk.house.tell(day, lane=Lane.BULK)
        return desk

    def test_filed_and_taken_back(self, judged, opened):
        """A paper is filed for an enterprise and taken back; the list keeps both, with who did it."""
        page = judged.go(opened, f"firms?firm={judged.firm.id}")
        expect(page.locator(".firm-papers .empty")).to_have_text("没有在册文件。")
        page.get_by_role("button", name="登记文件").click()
        page.locator("dialog [name=kind]").select_option("supply_pause")
        page.locator("dialog [name=begin]").fill("2026-11-01")
        page.locator("dialog [name=end]").fill("2026-11-30")
        page.get_by_label("说明").fill("<img src=x onerror=window.hurt=1>")
        dialog(page, "登记")
        row = page.locator(".firm-papers .row")
        expect(row).to_contain_text("暂停用电")
        expect(row).to_contain_text("<img")
        row.get_by_role("button", name="撤回").click()
        dialog(page, "撤回")
        expect(row).to_contain_text("已撤回")

        (kept,) = judged.services.papers.of(judged.firm.id)
        assert (PaperKind.SUPPLY_PAUSE, "2026-11-01", "2026-11-30") == (
            kept.paper.kind,
            kept.paper.begin,
            kept.paper.end,
        )
        assert kept.withdrawn is not None
        assert page.evaluate("window.hurt") is None

    def test_viewer(self, judged, opened):
        """A viewer sees the papers and files none."""
        page = judged.guard().go(opened, f"firms?firm={judged.firm.id}", key="viewer")

        expect(page.locator(".firm-papers .empty")).to_be_visible()
        assert 0 == page.locator(".firm-papers button").count()


class TestQuarantine:
    def test_claimed(self, desk, opened):
        """A device that speaks and is unknown is claimed with its place and what its values mean."""
        refused(desk)
        page = desk.go(opened, "quarantine")
        page.locator(".waiting .row", has_text=KEY).get_by_role("button", name="认领").click()
        page.get_by_label("种类").select_option("meter")
        page.locator("dialog [name=place]").select_option(str(desk.ids.units[2]))
        page.get_by_role("button", name="加测点").click()
        page.get_by_label("消息中的名称").fill("power")
        page.get_by_label("量", exact=True).select_option("power")
        dialog(page, "认领")
        expect(page.locator(".toast")).to_contain_text("已认领")

        (device,) = [d for d in desk.services.registry.find(Device) if d.key == KEY]
        assert ("meter", desk.ids.units[2]) == (device.kind, device.place)

    def test_looked_at_and_tried_again(self, desk, opened):
        """What a message holds is shown as words; the chosen ones are tried again by name."""
        refused(desk, alarm="smoke")
        page = desk.go(opened, "quarantine")
        row = page.locator(".refused .row", has_text="未知设备")
        expect(row).to_contain_text("含报警：smoke")
        row.locator("summary").click()
        expect(row.locator(".payload")).to_contain_text("<img src=x")
        row.get_by_role("checkbox").check()
        page.locator("[data-act=retry]").click()
        expect(page.locator(".toast")).to_contain_text("1 条已放回")

        ((ids, _),) = desk.retried
        assert 1 == len(ids)
        assert page.evaluate("window.hurt") is None

    def test_topics_that_lead_nowhere(self, desk, opened):
        """A device that names a park which is none says so, and a topic that nobody reads how one is made."""
        lost = "native:nowhere/-/new"
        desk.services.quarantine.keep(
            Lane.BULK, 1,
            [Refused(Refusal.UNKNOWN_DEVICE, "parks/nowhere/bulk/-/new", PAYLOAD, len(PAYLOAD), NOW, key)
             for key in (lost, KEY)]
            + [Refused(Refusal.NO_DIALECT, "parks/xixing/bulk/new", PAYLOAD, len(PAYLOAD), NOW)],
        )  # fmt: skip
        page = desk.go(opened, "quarantine")

        expect(page.locator(".waiting .row", has_text=lost)).to_contain_text("没有代号为 nowhere 的园区")
        expect(page.locator(".waiting .row", has_text=KEY)).not_to_contain_text("没有代号")
        expect(page.locator(".refused .row", has_text="parks/xixing/bulk/new")).to_contain_text("主题应为")

    def test_set_aside(self, desk, opened):
        """Chosen messages are set aside after a question, and leave the list."""
        refused(desk)
        page = desk.go(opened, "quarantine", language="en")
        page.get_by_label("Choose all of this page").check()
        page.locator("[data-act=discard]").click()
        dialog(page, "Set aside")

        expect(page.locator(".refused .empty")).to_have_text("No message was refused.")

    def test_filter(self, desk, opened):
        """A reason in the address shows only its messages."""
        refused(desk)
        page = desk.go(opened, "quarantine?reason=malformed")

        expect(page.locator(".refused .row")).to_have_count(1)
        expect(page.locator(".refused .row")).to_contain_text("格式错误")

    def test_viewer(self, desk, opened):
        """A viewer is not shown the way there, and told why where he goes by address."""
        page = desk.guard().go(opened, "quarantine", key="viewer")

        expect(page.locator("section.refused .forbidden")).to_be_visible()
        assert 0 == page.locator("#header a[href*=quarantine]").count()
        expected_errors(opened, "403")
