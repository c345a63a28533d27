"""The live page, looked at through a browser as a person would."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from api.door import SESSION_MS
from park.events import AlarmState
from park.metrics import Lane
from park.ports import Chunk
from park.readings import Quality, batch_of

NOW = 1_795_219_200_000

pytestmark = [pytest.mark.server, pytest.mark.slow]


def live(page):
    """Wait until the page is live and its alarms are there."""
    expect(page.locator(".line.live")).to_be_visible()
    expect(page.locator(".alarms .rows, .alarms .empty").first).to_be_attached()
    expect(page.locator(".health .rows")).to_be_attached()
    return page


class TestPark:
    def test_every_unit(self, house, opened):
        """The plan holds every unit by name, let or vacant, and a way to its page."""
        page = live(opened(house.address))

        units = page.locator(".plan a.unit")
        expect(units).to_have_count(6)
        assert {f"#/park/{house.ids.park}/unit/{u}" for u in house.ids.units} == {
            unit.get_attribute("href") for unit in units.all()
        }
        assert 4 == page.locator(".plan a.unit.vacant").count()
        expect(units.filter(has_text="宏达五金")).to_have_count(1)
        assert page.url.endswith(f"#/park/{house.ids.park}")

    def test_seven_feeds(self, house, opened):
        """All seven feeds have a tile that says how it is in words; those without points say so."""
        page = live(opened(house.address))

        expect(page.locator(".tile")).to_have_count(7)
        expect(page.locator(".tile").first).to_contain_text("能耗")
        expect(page.locator(".tile.fresh").first).to_contain_text("1/1")
        assert page.locator(".tile.absent").count() == 4
        expect(page.locator(".tile.absent").first).to_contain_text("未接入")

    def test_fire_appears(self, house, opened):
        """A fire is on the page without a reload, in words, on the plan and in the title."""
        page = live(opened(house.address))
        expect(page.locator(".alarms")).to_contain_text("没有报警")

        house.tell(house.fire())
        row = page.locator(".alarms .row")
        expect(row).to_contain_text("火灾预警")
        expect(row).to_contain_text("1号楼101")
        expect(row).to_contain_text("探测器报警")
        expect(page.locator(".plan a.unit.high")).to_have_count(1)
        assert "高" in page.locator(".plan a.unit.high").get_attribute("aria-label")

        house.tell(house.fire(confirmed=True, at=NOW + 60_000))
        expect(row).to_contain_text("火灾确认")
        expect(row).to_have_count(1)
        expect(page.locator(".plan a.unit.fire")).to_contain_text("火灾确认")
        expect(page).to_have_title(re.compile(r"^\(1\) 火灾确认"))
        expect(page.locator("#announce")).to_contain_text("火灾确认")

        house.tell(house.fire(confirmed=True, state=AlarmState.CLEARED, at=NOW + 120_000))
        expect(page.locator(".alarms")).to_contain_text("没有报警")
        expect(page.locator(".plan a.unit.fire")).to_have_count(0)

    def test_fire_in_english(self, house, opened):
        """The same fire in English; a switch of language redraws everything, is remembered, and can be asked for."""
        house.tell(house.fire(confirmed=True))
        page = live(opened(f"{house.address}?lang=en"))

        expect(page.locator(".alarms .row")).to_contain_text("Fire confirmed")
        expect(page.locator(".alarms .row")).to_contain_text("a second device confirms")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.get_by_role("button", name="切换到中文").click()
        expect(page.locator(".alarms .row")).to_contain_text("火灾确认")
        expect(page.locator(".map h2")).to_have_text("园区平面")
        page.reload()
        expect(page.locator(".alarms .row")).to_contain_text("火灾确认")

    def test_worst_first_and_counted(self, house, opened):
        """Confirmed fire stands on top; what is not shown is counted and one click away."""
        old = [house.fire(since=NOW - i * 60_000, at=NOW, place=house.ids.units[1 + i % 5]) for i in range(12)]
        house.tell(*old, house.fire(confirmed=True, since=NOW - 5_000_000, at=NOW))
        page = live(opened(house.address))

        rows = page.locator(".alarms .row")
        expect(rows.first).to_contain_text("火灾确认")
        expect(rows).to_have_count(6)
        expect(page.locator(".alarms .more")).to_contain_text("另有 7 条")
        page.locator(".alarms .more button").click()
        expect(rows).to_have_count(13)
        page.locator(".count.critical").click()
        expect(rows).to_have_count(1)
        assert "severity=critical" in page.url

    def test_silent_device(self, house, opened):
        """A device that falls silent is hatched on the plan and heads the list of devices, in words."""
        page = live(opened(house.address))
        house.tell(house.silent(), lane=Lane.BULK)

        expect(page.locator(".plan a.unit.some-silent .hatch")).to_have_count(1)
        expect(page.locator(".health .row").first).to_contain_text("静默")
        expect(page.locator(".status-counts")).to_contain_text("静默")

    def test_script_in_a_name(self, house, opened):
        """A name that is a script is shown as text and run nowhere."""
        house.tell(house.fire())
        page = live(opened(house.address))

        expect(page.locator(".plan a.unit").filter(has_text="<script>")).to_have_count(1)
        expect(page.locator(".alarms .row")).to_contain_text("onerror")
        page.locator(".plan a.unit").filter(has_text="<script>").hover()
        expect(page.locator(".card")).to_contain_text("<script>window.hurt=1</script>")
        page.locator(".plan a.unit").filter(has_text="<script>").click()
        expect(page.locator(".about-unit h2")).to_contain_text("<script>")
        assert page.evaluate("window.hurt") is None

    def test_keyboard(self, house, opened):
        """Arrow keys move between units as they lie, and Enter opens the one that has the focus."""
        page = live(opened(house.address))

        page.locator(".plan a.unit[tabindex='0']").focus()
        names = []
        for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
            names.append(page.evaluate("document.activeElement.getAttribute('aria-label')").split("，")[0])
        assert names == ["1号楼201", "1号楼301", "2号楼301", "2号楼201"]
        page.keyboard.press("Enter")
        expect(page.locator(".about-unit h2")).to_contain_text("2号楼201")
        page.go_back()
        expect(page.locator(".plan a.unit")).to_have_count(6)

    def test_phone(self, house, opened):
        """On a phone nothing is wider than the screen, and units are large enough for a finger."""
        page = live(opened(house.address, width=390, height=844))

        expect(page.locator(".plan a.unit")).to_have_count(6)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert all(unit.bounding_box()["height"] >= 24 for unit in page.locator(".plan a.unit").all())


class TestLoss:
    def test_told_and_caught_up(self, house, opened):
        """A lost stream is told with the time it began; what happened meanwhile is there after it is back."""
        page = live(opened(house.address))
        with opened.quiet():
            house.go_away()
            expect(page.locator(".line.lost")).to_be_visible()
            expect(page.locator("#notice")).to_contain_text(re.compile(r"自 08:00:\d\d 起断开"))
            expect(page.locator("body")).to_have_class("lost")
            house.tell(house.fire(confirmed=True))
            house.serve()
            expect(page.locator(".line.live")).to_be_visible()
        expect(page.locator(".alarms .row")).to_contain_text("火灾确认")
        expect(page.locator("#notice")).to_be_empty()


class TestStates:
    def test_failed(self, house, opened):
        """A panel whose call fails says so and why, and is whole once the call succeeds: by hand, or by itself."""
        failing = "**/api/v1/findings*"
        answer = '{"status": 507, "detail": "there is no room left"}'
        page = opened("about:blank", host=house.address)
        page.route(
            failing, lambda route: route.fulfill(status=507, body=answer, content_type="application/problem+json")
        )
        page.goto(house.address)
        panel = page.locator(".findings")

        expect(panel.get_by_role("alert")).to_contain_text("空间不足")
        expect(page.locator(".alarms")).to_contain_text("没有报警")
        page.unroute(failing)
        panel.get_by_role("button", name="重试").click()
        expect(panel.locator(".row")).to_contain_text("偏离平时规律")
        opened.expected.add("507")

    def test_forbidden(self, house, opened):
        """A panel that a key may not see says that, and the others are not touched by it."""
        answer = '{"status": 403, "detail": "the role may not do this"}'
        page = opened("about:blank", host=house.address)
        page.route(
            "**/health?limit=5000",
            lambda route: route.fulfill(status=403, body=answer, content_type="application/problem+json"),
        )
        page.goto(house.address)

        expect(page.locator(".health .forbidden")).to_contain_text("您的密钥不能查看")
        expect(page.locator(".plan a.unit")).to_have_count(6)
        opened.expected.add("403")


class TestUnit:
    def open(self, house, opened, query=""):
        """Open the page of the first unit; return it once its charts are drawn."""
        page = opened(f"{house.address}#/park/{house.ids.park}/unit/{house.ids.units[0]}{query}")
        expect(page.locator(".curves[aria-busy='false']")).to_be_visible()
        return page

    def test_end_that_is_heard_before_it_is_stored(self, house, opened):
        """A fire whose end was told and is not stored yet is over on its unit's page, and not gone."""
        house.tell(house.fire(confirmed=True))
        page = live(opened(house.address))
        expect(page.locator(".alarms .row.fire")).to_be_visible()
        house.services.live.tell(house.fire(confirmed=True, state=AlarmState.CLEARED, at=NOW + 60_000))
        expect(page.locator(".alarms .row.fire")).to_have_count(0)
        page.locator(".plan a.unit").filter(has_text="宏达五金").click()

        expect(page.locator(".unit-alarms .row.over")).to_contain_text("火灾确认")

    def test_one_click(self, house, opened):
        """One click on a unit shows its tenant, its values with unit, age and quality, and charts with readings."""
        page = live(opened(house.address))
        page.locator(".plan a.unit").filter(has_text="宏达五金").click()

        expect(page.locator(".about-unit h2")).to_contain_text("宏达五金有限公司")
        power = page.locator(".values-table tr").filter(has_text="有功功率")
        expect(power.locator(".number")).to_have_text("20 kW")
        expect(power.locator(".quality")).to_have_text("好")
        canvas = page.locator(".chart .canvas[data-points]").first
        expect(canvas.locator("canvas")).to_be_visible()
        assert 100 < int(canvas.get_attribute("data-points"))
        expect(page.locator(".chart .good").first).to_contain_text("可信时长")
        expect(page.locator(".trail")).to_contain_text("1号楼101")

    def test_drawn(self, house, opened):
        """The curve is on the canvas: ink where readings are, none in the hours without."""
        page = self.open(house, opened)
        inked = page.evaluate(
            """() => {
              const canvas = document.querySelector(".chart canvas"), over = document.querySelector(".chart .u-over");
              const scale = canvas.width / canvas.clientWidth;
              const box = over.getBoundingClientRect(), at = canvas.getBoundingClientRect();
              const pixels = canvas.getContext("2d");
              return [0.2, 0.48, 0.9].map((share) => {
                const x = (box.left - at.left + box.width * share) * scale, y = (box.top - at.top) * scale;
                const high = Math.round(box.height * scale);
                const { data } = pixels.getImageData(Math.round(x) - 6, Math.round(y), 12, high);
                let blue = 0;
                for (let i = 0; i < data.length; i += 4) blue += data[i + 3] > 60 && data[i + 2] - data[i] > 40;
                return blue > 5;
              });
            }"""
        )
        assert [True, False, True] == inked

    def test_stale_and_unknown(self, house, opened):
        """An old value is hatched with its age, a doubtful one says so, and what never spoke is a dash."""
        page = self.open(house, opened)
        row = page.locator(".values-table tr").filter(has_text="二氧化碳")

        expect(row).to_have_class(re.compile("stale"))
        expect(row).to_have_class(re.compile("doubtful"))
        expect(row.locator(".age")).to_contain_text("10 小时")
        expect(row.locator(".quality")).to_have_text("可疑")

    def test_follows(self, house, opened):
        """A new reading is on the page without a reload."""
        page = self.open(house, opened)
        expect(page.locator(".line.live")).to_be_visible()
        body = '{"park":%d,"at":%d,"items":[{"point":%d,"ts":%d,"value":77.5,"quality":"estimated","received":%d}]}'
        at = NOW + 1_000
        house.services.live.publish(
            "latest", house.ids.park, (body % (house.ids.park, at, house.ids.power, at, at)).encode()
        )
        power = page.locator(".values-table tr").filter(has_text="有功功率")

        expect(power.locator(".number")).to_have_text("77.5 kW")
        expect(power.locator(".quality")).to_have_text("估算")

    def test_range_in_the_address(self, house, opened):
        """The range and the chosen points are in the address; a link to them shows the same charts."""
        page = self.open(house, opened, f"?range=6h&points={house.ids.co2}")

        expect(page.locator(".chart")).to_have_count(1)
        expect(page.locator(".chart")).to_contain_text("二氧化碳")
        expect(page.locator(".ranges button[aria-pressed='true']")).to_have_text("6 小时")
        page.get_by_role("button", name="7 天").click()
        expect(page.locator(".curves[data-range='7d'][aria-busy='false']")).to_be_visible()
        page.locator(".values-table tr").filter(has_text="有功功率").get_by_role("checkbox").check()
        expect(page.locator(".chart")).to_have_count(2)
        assert f"range=7d&points={house.ids.co2},{house.ids.power}" in page.url

    def test_no_such_unit(self, house, opened):
        """A unit that is not there is said to be missing, with a way back."""
        page = opened(f"{house.address}#/park/{house.ids.park}/unit/99999")

        expect(page.locator(".about-unit")).to_contain_text("没有这个地方")
        opened.expected.add("404")


class TestDoors:
    def sign_in(self, page, key):
        """Hand a key to the dialog."""
        page.get_by_label("密钥").fill(key)
        page.get_by_role("dialog").get_by_role("button", name="登录").click()

    def test_key(self, guarded, opened):
        """Where keys are asked for, a dialog takes one; a wrong one is told, a right one opens the page."""
        page = opened(guarded.address)
        self.sign_in(page, "park_wrong")
        expect(page.get_by_role("dialog")).to_contain_text("密钥无效")
        self.sign_in(page, "park_viewer")

        live(page)
        expect(page.locator(".plan a.unit")).to_have_count(6)
        assert "park_viewer" not in page.evaluate("JSON.stringify(localStorage) + document.cookie")
        opened.expected.add("401")

    def test_session_ends(self, guarded, opened):
        """Where the session has ended the page asks for the key anew, though nobody touches it, and is live again."""
        times = [NOW]
        guarded.services = replace(guarded.services, now=lambda: times[-1])
        page = opened(guarded.address)
        self.sign_in(page, "park_viewer")
        live(page)
        times.append(NOW + SESSION_MS)
        guarded.tell(guarded.fire())

        self.sign_in(page, "park_viewer")
        expect(live(page).locator(".alarms .row")).to_contain_text("火灾")
        opened.expected.add("401")

    def test_reset(self, guarded, opened):
        """Who may act resets a fire with a reason, which enters the log; a viewer is not offered it."""
        guarded.tell(guarded.fire(confirmed=True, state=AlarmState.LATCHED))
        viewer = opened(guarded.address)
        self.sign_in(viewer, "park_viewer")
        expect(live(viewer).locator(".alarms .row")).to_contain_text("火灾确认")
        assert 0 == viewer.locator(".alarms .reset").count()

        officer = opened(guarded.address)
        self.sign_in(officer, "park_officer")
        live(officer).locator(".alarms .reset").click()
        officer.get_by_label("原因（必填）").fill("现场确认，无火情")
        officer.get_by_role("dialog").get_by_role("button", name="复位", exact=True).click()
        expect(officer.locator(".toast")).to_contain_text("复位已提交")

        lanes = [lane for lane, _ in guarded.commands]
        command = guarded.commands[0][1]
        assert (command.actor, command.reason) == ("officer", "现场确认，无火情")
        assert Lane.LIFE in lanes
        assert len(set(lanes)) == len(lanes)  # asked for once: no lane is told twice
        assert command.arguments["condition"] == guarded.fire().condition_id
        opened.expected.add("401")


class TestWhatIsShown:
    def test_late_reading_of_another_unit(self, house, opened):
        """Stored readings that come later are in the chart after its next look, and the page says nothing wrong."""
        page = opened(
            f"{house.address}#/park/{house.ids.park}/unit/{house.ids.units[0]}?range=1h&points={house.ids.power}"
        )
        expect(page.locator(".curves[aria-busy='false']")).to_be_visible()
        rows = [
            (house.ids.power, NOW - 30_000 + i, 30.0, Quality.GOOD, NOW - 30_000 + i) for i in range(0, 30_000, 7_500)
        ]
        before = int(page.locator(".canvas").get_attribute("data-points"))
        house.services.readings.write(Chunk(Lane.BULK, 9, batch_of(rows)))
        page.get_by_role("button", name="1 小时", exact=True).click()

        page.wait_for_function("n => Number(document.querySelector('.canvas').dataset.points) > n", arg=before)

    def test_theme(self, house, opened):
        """Dark follows the system until the switch is used, which is remembered."""
        page = live(opened(house.address, color_scheme="dark"))
        shade = "getComputedStyle(document.querySelector('#header')).backgroundColor"
        dark = page.evaluate(shade)
        page.get_by_role("button", name="明暗").click()
        light = page.evaluate(shade)
        page.reload()
        live(page)

        assert dark != light
        assert light == page.evaluate(shade)
