"""Every page of the console over a park in which every name, key, note and file name is a script."""

from dataclasses import replace

import httpx
import pytest
from desk_house import NOW, over_voltage
from office_house import DAY, HOUR, JPEG, Desk
from playwright.sync_api import expect

from park.events import ActivityDay, Anomaly, Baseline, Finding, Part, Reason, Severity, Statistic
from park.governance import Hazard, Round
from park.metrics import Lane
from park.model import Device, Enterprise, Park, Place
from park.records import Refusal, Refused
from runtime.storage.sql.episodes import SqlEpisodes

SCRIPT = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>{name}$&"
KEY = 'native:xixing/-/"><svg onload=window.hurt=1>'
PAGES = (
    "", "alarms", "hidden", "findings", "figures", "duty", "chains", "delivery", "rounds", "hazards", "drills",
    "firms", "rules", "quarantine",
)  # fmt: skip
PLAIN = ("delivery", "figures", "rules")  # that show no word of a person here
# What no page of ours has in its body: a script, a picture of nowhere, a handler in an attribute, a way to run one.
FOREIGN = """() => [...document.body.querySelectorAll("*")].filter((e) =>
  e.tagName === "SCRIPT" && !e.src || e.tagName === "IMG" && e.getAttribute("src") === "x"
  || [...e.attributes].some((a) => a.name.startsWith("on") || /^javascript:/i.test(a.value.trim()))
).map((e) => e.outerHTML.slice(0, 200))"""

pytestmark = [pytest.mark.server, pytest.mark.slow]


def renamed(registry, kind, **words):
    """Give all things of a kind hostile words."""
    things = [replace(thing, **words) for thing in registry.find(kind)]
    registry.save(things, actor=SCRIPT, reason=SCRIPT, now=NOW)


def told_wrong(house):
    """Return an episode of the meter, with a script in what its detector says it belongs to."""
    ids = house.ids
    return Finding(
        "anomaly", ids.power, NOW - HOUR, NOW - HOUR, Severity.LOW, Reason.UNUSUAL, 61.0, 24.0, 18.0, 31.0, 0.9,
        ids.meter, ids.units[0], ids.park, episode=f"anomaly/{ids.power}/{NOW - HOUR}", since=NOW - HOUR,
        anomaly=Anomaly.SPIKE, baseline=Baseline.HALF_HOUR, rising=True, times=1e6, parts=(Part(Statistic.ABOVE, 6.1),),
    )  # fmt: skip


@pytest.fixture
def hostile(house, tmp_path):
    """The small park with an office in which people have typed scripts wherever they may type; where each thing is."""
    house.services = replace(house.services, episodes=SqlEpisodes(house.services.registry._database))
    desk = Desk(house, tmp_path / "files")
    ids, registry = desk.ids, desk.services.registry
    for kind in (Park, Place, Enterprise):
        renamed(registry, kind, name=SCRIPT)
    for n, device in enumerate(registry.find(Device)):
        registry.save([replace(device, name=SCRIPT, key=f"{KEY}{n}")], actor="x", reason="", now=NOW)
    judged = ActivityDay(desk.firm.id, "2026-11-20", "stopped", 0.1, 0.9, (), ids.park, NOW)
    house.tell(over_voltage(house), told_wrong(house), judged, lane=Lane.BULK)
    house.tell(house.fire(), replace(house.fire(), subject=f"unclaimed:{KEY}", place=0, device=0, point=0))
    stranger = Refused(
        Refusal.UNKNOWN_DEVICE, f"parks/{SCRIPT}/up", SCRIPT.encode(), 9, NOW, KEY, detail=SCRIPT, alarm="smoke"
    )
    desk.services.quarantine.keep(Lane.LIFE, 1, [stranger])
    with httpx.Client(base_url=f"{house.address}api/v1", timeout=20) as http:

        def post(path, **body):
            answer = http.post(path, json=body)
            assert answer.is_success, (path, answer.text)
            return answer.json()

        def attached(path):
            name, kind = {"name": "<img src=x onerror=window.hurt=1>.jpg"}, {"Content-Type": "image/jpeg"}
            assert http.post(f"{path}/attachments", params=name, content=JPEG, headers=kind).is_success, path
            return path

        park, unit = ids.park, ids.units[0]
        contacts = [{"channel": c, "address": f"javascript:hurt()//{SCRIPT}"} for c in ("sms", "email", "voice")]
        officer, other = (post("/officers", park=park, name=SCRIPT, contacts=contacts)["id"] for _ in range(2))
        rota = post("/rotas", park=park, name=SCRIPT, shifts=[{"officer": officer, "start": 0, "end": 1_440}])["id"]
        post(f"/rotas/{rota}/substitutes", officer=officer, by=other, starts=NOW + 1, ends=NOW + DAY)
        rule = [{"label": "rule", "operator": "=", "value": SCRIPT}]
        steps = [{"after": 0, "targets": [f"rota:{rota}"]}]
        post("/chains", park=park, name=SCRIPT, steps=steps, matchers=rule)
        post("/silences", park=park, matchers=rule, starts=NOW - 1, ends=NOW + HOUR, note=SCRIPT)
        post("/windows", park=park, place=unit, starts=NOW - 1, ends=NOW + HOUR, note=SCRIPT)
        hazard = post("/hazards", park=park, place=unit, title=SCRIPT, note=SCRIPT, basis=SCRIPT, due=NOW + DAY)["id"]
        words = dict.fromkeys(("responsible", "measures", "funds", "contingency"), SCRIPT)
        post(f"/hazards/{hazard}/plan", **words, version=desk.store.get(Hazard, hazard).version)
        post(f"/hazards/{hazard}/comment", note=SCRIPT, version=desk.store.get(Hazard, hazard).version)
        visit = post("/rounds", park=park, checklist="daily_patrol", places=[unit])["id"]
        item = desk.office.desk.checklists["daily_patrol"].items[0].key
        post(f"/rounds/{visit}/answers", answers=[{"item": item, "verdict": "fault", "note": SCRIPT, "place": unit}],
             version=desk.store.get(Round, visit).version)  # fmt: skip
        post("/inspection-plans", park=park, name=SCRIPT, checklist="daily_patrol", every="day", first="2026-11-21",
             places=[unit])  # fmt: skip
        drill = post("/drills", park=park, name=SCRIPT, starts=NOW + HOUR, ends=NOW + 2 * HOUR, devices=[ids.smoke],
                     note=SCRIPT)["id"]  # fmt: skip
        post(f"/enterprises/{desk.firm.id}/papers", kind="supply_pause", begin="2026-11-01", end="2026-11-30",
             note=SCRIPT)  # fmt: skip
        post("/episodes/mark", episode=told_wrong(house).episode, verdict="false", note=SCRIPT)
        alarms = [alarm["id"] for alarm in http.get("/alarms").json()["items"]]
        for alarm in alarms:
            post(f"/alarms/{alarm}/comment", note=SCRIPT)
        for path in (f"/alarms/{alarms[0]}", f"/hazards/{hazard}", f"/rounds/{visit}"):
            attached(path)
        desk.receiver("desk", "https://example.com/<svg/onload=window.hurt=1>")
    more = [f"alarm/{alarm}" for alarm in alarms]
    more += [f"hazard/{hazard}", f"round/{visit}", f"drill/{drill}", f"finding?episode={told_wrong(house).episode}"]
    return desk, (*PAGES, *more, f"firms?firm={desk.firm.id}", f"unit/{unit}")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_runs(hostile, opened, language):
    """On no page does a word of a person become a script, a picture or an address; each shows it as it was typed."""
    desk, pages = hostile
    page = desk.go(opened, "", language=language)
    wrong = []
    for name in pages:
        page.goto(f"{desk.house.address}?lang={language}#/park/{desk.ids.park}/{name}")
        if name not in PLAIN:
            expect(page.locator("main"), name).to_contain_text("<img")
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        for closed in page.locator("main details:not([open]) > summary").all():
            closed.click()
        wrong += page.evaluate(FOREIGN)

    assert [] == wrong
    assert page.evaluate("window.hurt") is None
