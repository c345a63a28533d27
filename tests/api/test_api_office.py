"""The office by API: rounds answered by phone, hazards to their end, drills, figures; and who may do what."""

import pytest
from api_house import DAY, NOW, Client
from test_api_alarms import fire
from test_api_findings import began

from park.governance import Every, InspectionPlan, Round
from park.metrics import Lane
from park.model import Device, DeviceMode

FIVE = {"responsible": "王磊", "measures": "清空", "funds": "0", "due": NOW + 5 * DAY, "contingency": "巡查"}
JPEG = b"\xff\xd8\xff\xe0 and so on"
HOUR = 3_600_000


@pytest.fixture
def clients(app):
    """Clients by the names of their keys."""
    return {name: Client(app, f"park_{name}") for name in ("viewer", "operator", "officer", "safety", "other")}


def post(client, path, **body):
    """Return the answer of a call with a body."""
    return client("POST", path, json=body)


@pytest.fixture
def hazard(house, clients):
    """Return the address of a hazard that the desk has reported."""
    body = {"park": house.ids.park, "place": house.ids.unit, "title": "通道堵塞", "due": NOW + 3 * DAY}
    answer = post(clients["operator"], "/hazards", **body)
    assert 201 == answer.status_code, answer.text
    return f"/hazards/{answer.json()['id']}"


def attached(client, path, content=JPEG):
    """Return the status of attaching a photograph."""
    headers = {"content-type": "image/jpeg"}
    return client("POST", f"{path}/attachments?name=after.jpg", content=content, headers=headers).status_code


def test_photographs_of_a_phone(house, clients, hazard):
    """A photograph of up to 5 MiB is taken of a hazard and of a round, a larger one refused before it is kept."""
    desk = clients["operator"]
    visit = post(desk, "/rounds", park=house.ids.park, checklist="let_premises", places=[house.ids.unit]).json()
    sizes = (5 << 20, (5 << 20) + 1)
    answers = [attached(desk, p, JPEG.ljust(n, b"x")) for p in (hazard, f"/rounds/{visit['id']}") for n in sizes]

    assert [201, 413, 201, 413] == answers


class TestHazards:
    def test_of_an_alarm_or_an_episode(self, house, clients):
        """A hazard may come from an alarm or an episode of its park: from each once, and it says from which."""
        house.services.events.apply(Lane.LIFE.value, 1, [fire(house.ids)])
        episode = began(house.ids, NOW - HOUR)
        house.services.events.apply(Lane.BULK.value, 1, [episode])
        wanted = {"park": house.ids.park, "place": house.ids.unit, "title": "线路老化", "due": NOW + DAY}
        for origin in ("alarm:1", f"episode:{episode.episode}"):
            codes = [post(clients["operator"], "/hazards", **wanted, origin=origin).status_code for _ in range(2)]
            assert [201, 409] == codes
        kept = [h["origin"] for h in clients["viewer"].get("/hazards")["items"]]

        assert [f"episode:{episode.episode}", "alarm:1"] == kept

    @pytest.mark.parametrize(
        ("origin", "code"), [("alarm:9", 404), ("episode:anomaly/1/2", 404), ("alarm:x", 422), ("round:1/a", 422)]
    )
    def test_of_nothing(self, house, clients, origin, code):
        """What it is said to come from is there, and is one of these two."""
        wanted = {"park": house.ids.park, "place": house.ids.unit, "title": "x", "due": NOW + DAY, "origin": origin}

        assert code == post(clients["operator"], "/hazards", **wanted).status_code

    def test_of_another_park(self, house, clients):
        """An alarm of another park is none of this one's."""
        house.services.events.apply(Lane.LIFE.value, 1, [fire(house.ids)])
        wanted = {"park": house.ids.other, "place": house.ids.other, "title": "x", "due": NOW + DAY}

        assert 404 == post(clients["safety"], "/hazards", **wanted, origin="alarm:1").status_code

    def test_to_its_end(self, clients, hazard):
        """Found, settled five ways, mended, re-inspected with evidence by another person, closed; all is told."""
        officer, desk = clients["officer"], clients["operator"]
        early = post(officer, f"{hazard}/begin")
        assert 200 == post(officer, f"{hazard}/plan", **FIVE).status_code
        begun = post(officer, f"{hazard}/begin").json()
        post(desk, f"{hazard}/done", note="已清空")
        bare = post(officer, f"{hazard}/approve")
        assert 201 == attached(desk, hazard)
        closed = post(officer, f"{hazard}/approve", note="复查通过").json()
        verbs = [line["verb"] for line in officer.get(f"{hazard}/history")["items"]]

        assert (409, ["responsible", "measures", "funds", "due", "contingency"]) == (
            early.status_code, early.json()["hazard"]["missing"]
        )  # fmt: skip
        assert ("rectifying", 409, "closed") == (begun["state"], bare.status_code, closed["state"])
        assert ["find", "plan", "begin", "done", "attach", "approve"] == verbs

    def test_file_comes_back(self, clients, hazard):
        """What was attached is given out as it was, as a file."""
        attached(clients["operator"], hazard)
        (kept,) = clients["viewer"].get(f"{hazard}/attachments")["items"]
        answer = clients["viewer"]("GET", f"{hazard}/attachments/{kept['id']}")

        assert (JPEG, "image/jpeg") == (answer.content, answer.headers["content-type"])
        assert answer.headers["content-disposition"].startswith("attachment")

    def test_two_at_once(self, clients, hazard):
        """The slower of two gets 409 with the hazard as it is now."""
        post(clients["officer"], f"{hazard}/plan", version=1, responsible="a")
        slow = post(clients["safety"], f"{hazard}/plan", version=1, responsible="b")

        assert (409, "a") == (slow.status_code, slow.json()["hazard"]["five"]["responsible"])

    def test_overdue(self, house, clients, hazard):
        """A hazard past its limit is listed as overdue, and its people are told, once a step."""
        assert [] == clients["viewer"].get("/hazards", overdue=True)["items"]
        house.now = NOW + 4 * DAY
        house.office.turn_rest(lambda _: 480)
        house.office.turn_rest(lambda _: 480)
        told = [d.notification.id for d in house.services.alarms.outbox.deliveries()]

        assert [hazard] == [f"/hazards/{h['id']}" for h in clients["viewer"].get("/hazards", overdue=True)["items"]]
        assert 1 == len(told)
        assert 1 == clients["viewer"].get("/hazards/counts")["overdue"]

    def test_bad_reports(self, house, clients):
        """A hazard that cannot be meant is refused, and nothing is kept."""
        body = {"park": house.ids.park, "place": house.ids.unit, "title": "x", "due": NOW + DAY}
        wrong = [{"title": ""}, {"title": "x" * 201}, {"due": NOW - 1}, {"place": 999}, {"more": 1}, {"grade": "huge"}]
        said = [post(clients["operator"], "/hazards", **{**body, **w}) for w in wrong]

        assert [422, 422, 400, 404, 422, 422] == [answer.status_code for answer in said]
        assert [] == clients["viewer"].get("/hazards")["items"]


class TestInspections:
    def test_round_by_phone(self, house, clients):
        """Items are answered one by one; the fault becomes a hazard of its round."""
        desk = clients["operator"]
        visit = post(desk, "/rounds", park=house.ids.park, checklist="let_premises", places=[house.ids.unit]).json()
        path = f"/rounds/{visit['id']}"
        early = post(desk, f"{path}/finish")
        for item in visit["open_items"]:
            verdict = "fault" if item == "illegal_building" else "ok"
            answer = post(desk, f"{path}/answers", answers=[{"item": item, "verdict": verdict, "note": "屋顶加建"}])
            assert 200 == answer.status_code
        done = post(desk, f"{path}/finish").json()
        (found,) = desk.get("/hazards")["items"]

        assert (409, "done", 1) == (early.status_code, done["state"], done["hazards"])
        assert ("illegal_building", "屋顶加建", house.ids.unit) == (found["category"], found["title"], found["place"])
        assert found["note"].endswith("：屋顶加建")
        assert 409 == post(desk, f"{path}/finish").status_code
        assert 1 == len(desk.get("/hazards")["items"])

    def test_plan_makes_rounds(self, house, clients):
        """A plan's round of today is there once, however often time is looked at; a missed one is told."""
        body = {"park": house.ids.park, "name": "每日", "checklist": "daily_patrol", "every": "day",
                "first": "2026-11-21"}  # fmt: skip
        plan = post(clients["officer"], "/inspection-plans", **body).json()
        for _ in range(3):
            house.office.turn_rest(lambda _: 480)
        (visit,) = clients["viewer"].get("/rounds")["items"]
        house.now = NOW + DAY
        house.office.turn_rest(lambda _: 480)
        states = {r["day"]: r["state"] for r in clients["viewer"].get("/rounds")["items"]}

        assert (plan["id"], "2026-11-21", "due") == (visit["plan"], visit["day"], visit["state"])
        assert {"2026-11-21": "missed", "2026-11-22": "due"} == states
        assert ["hazard"] == [d.notification.kind.value for d in house.services.alarms.outbox.deliveries()]

    def test_ended_plan(self, house, clients):
        """A plan that has ended makes no round, and is shown where it is asked for."""
        plan = InspectionPlan("x", "daily_patrol", house.ids.park, Every.DAY, "2026-11-21")
        key = house.services.office.save_plan(plan, "test").id
        assert 204 == clients["officer"]("DELETE", f"/inspection-plans/{key}").status_code
        house.office.turn_rest(lambda _: 480)

        assert [] == house.services.office.store.find(Round)
        assert [[], [key]] == [
            [p["id"] for p in clients["viewer"].get("/inspection-plans", ended=e)["items"]] for e in (False, True)
        ]

    def test_checklists(self, clients):
        """The checklists are given out with the basis of every item."""
        assert all(i["basis"] for c in clients["viewer"].get("/checklists")["items"] for i in c["items"])


class TestDrills:
    def body(self, house, **more):
        """Return what a client sends of a drill."""
        return {"park": house.ids.park, "name": "演练", "starts": NOW, "ends": NOW + HOUR,
                "devices": [house.ids.smoke], **more}  # fmt: skip

    def test_from_plan_to_stop(self, house, clients):
        """A drill that is planned, begun and stopped tells its states and gives the device back."""
        officer = clients["officer"]
        key = post(officer, "/drills", **self.body(house)).json()["id"]
        house.office.turn_drills()
        running = officer.get(f"/drills/{key}")
        mode = house.services.registry.get(Device, house.ids.smoke).mode
        post(officer, f"/drills/{key}/stop")
        house.office.turn_drills()

        assert ("running", DeviceMode.TEST, [house.ids.smoke]) == (
            running["state"], mode, [o["device"] for o in running["observed"]]
        )  # fmt: skip
        assert "ended" == officer.get(f"/drills/{key}")["state"]
        assert DeviceMode.NORMAL is house.services.registry.get(Device, house.ids.smoke).mode
        assert 409 == post(officer, f"/drills/{key}/stop").status_code

    def test_of_another_park(self, house, clients):
        """A key of another park plans no drill here, and sees none."""
        key = post(clients["officer"], "/drills", **self.body(house)).json()["id"]

        assert 404 == post(clients["other"], "/drills", **self.body(house)).status_code
        assert 404 == clients["other"]("GET", f"/drills/{key}").status_code
        assert [] == clients["other"].get("/drills")["items"]


class TestFigures:
    def test_fire_counts(self, house, clients):
        """An alarm of the park is in its figures, and in no other park's."""
        house.services.events.apply(Lane.LIFE, 1, [fire(house.ids)])
        house.now = NOW + HOUR

        assert (1, 1) == tuple(clients["viewer"].get("/kpi", park=house.ids.park)[k] for k in ("alarms", "detectors"))
        assert 0 == clients["other"].get("/kpi")["alarms"]

    def test_report_of_a_month(self, house, clients):
        """The report of a month is a page with its own policy, in both languages, and a table."""
        house.services.events.apply(Lane.LIFE, 1, [fire(house.ids)])
        pages = [clients["viewer"]("GET", f"/kpi/report?month=2026-11&park={house.ids.park}&lang={x}")
                 for x in ("zh", "en")]  # fmt: skip
        table = clients["viewer"]("GET", "/kpi.csv")

        assert all("西兴小微园" in page.text and "fire.pre_alarm" in page.text for page in pages)
        assert "style-src 'sha256-" in pages[0].headers["content-security-policy"]
        assert table.text.startswith("\ufeffkey,zh,en,value")

    def test_bad_questions(self, clients):
        """A question that cannot be meant is answered with a sentence."""
        asked = {"/kpi?start=9&end=9": 400, f"/kpi?start=0&end={NOW}": 400, "/kpi?positions=0": 422,
                 "/kpi/report?month=2026-13": 422, "/kpi/report?month=2026-11&lang=fr": 422,
                 "/kpi?park=999": 404}  # fmt: skip

        assert asked == {path: clients["officer"]("GET", path).status_code for path in asked}


_WRITES = [
    ("operator", "POST", "/inspection-plans"), ("operator", "PUT", "/inspection-plans/1"),
    ("operator", "DELETE", "/inspection-plans/1"), ("viewer", "POST", "/rounds"),
    ("viewer", "POST", "/rounds/1/answers"), ("viewer", "POST", "/rounds/1/finish"),
    ("viewer", "POST", "/rounds/1/attachments?name=x"), ("viewer", "POST", "/hazards"),
    *(("operator", "POST", f"/hazards/1/{v}") for v in ("plan", "begin", "extend", "approve", "reject", "dismiss",
                                                        "reopen")),
    *(("viewer", "POST", f"/hazards/1/{v}") for v in ("done", "comment", "attachments?name=x")),
    ("operator", "POST", "/drills"), ("operator", "POST", "/drills/1/stop"),
    ("viewer", "POST", "/drills/1/acknowledge"),
]  # fmt: skip


def test_who_may_not(clients):
    """Who may only look, or only work, is refused before anything is looked up."""
    said = {(who, method, path): clients[who](method, path, json={}).status_code for who, method, path in _WRITES}

    assert dict.fromkeys(_WRITES, 403) == said


_READS = ["/checklists", "/inspection-plans", "/inspection-plans/1", "/rounds", "/rounds/1", "/rounds/1/history",
          "/rounds/1/attachments", "/rounds/1/attachments/1", "/hazards", "/hazards/counts", "/hazards/1",
          "/hazards/1/history", "/hazards/1/attachments", "/hazards/1/attachments/1", "/drills", "/drills/1",
          "/drills/1/history", "/kpi", "/kpi.csv", "/kpi/report?month=2026-11"]  # fmt: skip


def test_who_may_not_read(app):
    """Nobody reads the office's papers without a key, nor with one that only hands in messages."""
    nobody, gateway = Client(app, ""), Client(app, "park_gateway")

    assert dict.fromkeys(_READS, (401, 403)) == {
        path: (nobody("GET", path).status_code, gateway("GET", path).status_code) for path in _READS
    }


def test_of_another_park(clients, hazard):
    """A hazard of a park that a key does not hold is not there for it."""
    other = clients["other"]
    asked = [other("GET", hazard), other("GET", f"{hazard}/history"), other("GET", f"{hazard}/attachments"),
             post(other, f"{hazard}/plan", responsible="x"), post(other, f"{hazard}/comment", note="x")]  # fmt: skip

    assert [404] * 5 == [answer.status_code for answer in asked]
    assert [] == other.get("/hazards")["items"]
