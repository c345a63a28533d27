"""Alarms by API: seen, acted upon, by whom they may, with the word of the newer state where somebody was faster."""

from dataclasses import replace

import pytest
from api_house import NOW, Client

from park.alarms import CaseVerb
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import Lane
from park.records import Verb

MINUTE, HOUR = 60_000, 3_600_000
JPEG = b"\xff\xd8\xff\xe0 and so on"


def fire(ids, at=NOW, **more):
    """Return what the fire stage says of the small park's unit."""
    change = ConditionChange(
        "fire.pre_alarm", "fire", f"place:{ids.unit}", at, at, at, AlarmState.ACTIVE, Severity.HIGH,
        Reason.DETECTOR_ALARM, ids.park, ids.unit, ids.smoke, ids.alarm, 1.0,
    )  # fmt: skip
    return replace(change, **more)


def limit(ids, at=NOW, **more):
    """Return what the limits stage says of the small park's meter."""
    change = ConditionChange(
        "limit.over_voltage", "limit.over_voltage", f"point:{ids.power}", at, at, at, AlarmState.ACTIVE,
        Severity.HIGH, Reason.ABOVE_LIMIT, ids.park, ids.unit, ids.meter, ids.power, 250.0, 242.0,
    )  # fmt: skip
    return replace(change, **more)


@pytest.fixture
def burning(house):
    """Return the small park with a fire (alarm 1) and a passed limit (alarm 2)."""
    house.services.events.apply(Lane.LIFE, 1, [fire(house.ids)])
    house.services.events.apply(Lane.BULK, 1, [limit(house.ids)])
    return house


@pytest.fixture
def officer(app):
    """A client that answers for safety in the park."""
    return Client(app, "park_officer")


@pytest.fixture
def operator(app):
    """A client at the desk."""
    return Client(app, "park_operator")


def post(client, path, **body):
    """Return the answer of a call with a body."""
    return client("POST", path, json=body)


@pytest.mark.usefixtures("burning")
class TestSeeing:
    def test_list(self, viewer):
        """Open alarms are listed, the worst first, then the newest, in pages."""
        first = viewer.get("/alarms", limit=1)
        second = viewer.get("/alarms", limit=1, before=first["next"])

        assert {1, 2} == {first["items"][0]["id"], second["items"][0]["id"]}
        assert None is second["next"]

    @pytest.mark.parametrize(
        ("asked", "ids"),
        [({"family": "fire"}, {1}), ({"life": "false"}, {2}), ({"state": "acknowledged"}, set()),
         ({"severity": "high"}, {1, 2}), ({"open": "false"}, set()), ({"held_back": "true"}, set()),
         ({"answer": "waiting"}, {1, 2}), ({"answer": "nobody"}, set()), ({"answer": ["nobody", "waiting"]}, {1, 2})],
    )  # fmt: skip
    def test_filters(self, viewer, asked, ids):
        """Each filter leaves what it says."""
        assert ids == {a["id"] for a in viewer.get("/alarms", **asked)["items"]}

    def test_place(self, burning, viewer):
        """A building's alarms are those of its units, too."""
        place = burning.ids.building

        assert 2 == len(viewer.get("/alarms", place=place)["items"])
        assert [] == viewer.get("/alarms", place=burning.ids.empty)["items"]

    def test_one(self, burning, viewer):
        """An alarm says what it is about and where its chart is."""
        alarm = viewer.get("/alarms/1")

        assert ("unacknowledged", True, fire(burning.ids).condition_id) == (
            alarm["state"], alarm["life"], alarm["condition"]
        )  # fmt: skip
        assert viewer("GET", alarm["chart"]["readings"]).status_code == 200

    def test_counts(self, viewer):
        """The desk sees how many are open."""
        assert (2, 2, 2) == tuple(
            viewer.get("/alarms/counts")[k] if k != "high" else viewer.get("/alarms/counts")["by_severity"][k]
            for k in ("open", "unacknowledged", "high")
        )

    def test_unknown(self, viewer):
        """There is no alarm that was never raised."""
        assert 404 == viewer("GET", "/alarms/99").status_code

    def test_live(self, burning):
        """Live pages hear of an alarm as it changes."""
        events, _ = burning.services.live.since(0)

        assert [b'"type":"alarm"' in e.body for e in events if e.event == "alarm"] == [True, True]


@pytest.mark.usefixtures("burning")
class TestActing:
    def test_acknowledge(self, operator, viewer):
        """The desk acknowledges, and the history says who and when."""
        answer = post(operator, "/alarms/1/acknowledge", version=1, note="已派人")
        line = viewer.get("/alarms/1/history")["items"][-1]

        assert (200, "acknowledged") == (answer.status_code, answer.json()["state"])
        assert ("acknowledge", "operator", "已派人", "person") == (
            line["verb"], line["actor"], line["note"], line["why"]
        )  # fmt: skip

    def test_two_at_once(self, operator, officer):
        """The slower of two gets 409 with the alarm as it is now, and nothing of his is kept."""
        post(operator, "/alarms/1/acknowledge", version=1)
        answer = post(officer, "/alarms/1/comment", version=1, note="mine")

        assert (409, 2, "operator") == (
            answer.status_code, answer.json()["alarm"]["version"], answer.json()["alarm"]["acknowledged_by"]
        )  # fmt: skip
        assert 0 == answer.json()["alarm"]["comments"]

    def test_viewer(self, viewer):
        """Who may only look acknowledges nothing."""
        assert 403 == post(viewer, "/alarms/1/acknowledge").status_code

    def test_shelve(self, officer, operator):
        """An ordinary alarm is put aside and shown as hidden; a fire is not."""
        until = NOW + HOUR
        put = post(operator, "/alarms/2/shelve", until=until, note="已知")
        refused = post(operator, "/alarms/1/shelve", until=until, note="no")

        assert (200, 403) == (put.status_code, refused.status_code)
        assert [(2, "shelved")] == [(h["alarm"]["id"], h["why"][0]["reason"]) for h in officer.get("/hidden")["items"]]
        assert "acknowledged" not in post(operator, "/alarms/2/unshelve").json()["held_back"]

    def test_out_of_service(self, officer, operator):
        """An officer takes an ordinary alarm out of service, the desk does not."""
        assert 403 == post(operator, "/alarms/2/remove", note="x").status_code
        assert post(officer, "/alarms/2/remove", note="x").json()["out_of_service"]
        assert not post(officer, "/alarms/2/restore").json()["out_of_service"]

    def test_reset_is_a_command(self, burning, officer):
        """A reset goes into the log of the lane that holds the fire, for that condition and no other."""
        answer = post(officer, "/alarms/1/reset", why="confirmed_clear", note="无火情")
        ((lane, command),) = burning.commands

        assert (202, Lane.LIFE, Verb.RESET, "officer") == (answer.status_code, lane, command.verb, command.actor)
        assert fire(burning.ids).condition_id == command.arguments["condition"]
        assert NOW == answer.json()["reset_asked"]

    def test_reset_without_a_reason_of_the_standard(self, burning, officer):
        """A reset that gives none of the three reasons tells no lane."""
        assert 400 == post(officer, "/alarms/1/reset", why="person", note="x").status_code
        assert [] == burning.commands

    def test_reset_of_a_full_lane(self, burning, officer):
        """A lane that takes nothing leaves the alarm as it was."""
        burning.full.add(Lane.LIFE)

        assert 507 == post(officer, "/alarms/1/reset", why="video_clear", note="x").status_code
        assert None is officer.get("/alarms/1")["reset_asked"]

    def test_reset_of_an_old_version(self, burning, officer, operator):
        """A reset of what changed meanwhile tells no lane."""
        post(operator, "/alarms/1/comment", note="x")

        assert 409 == post(officer, "/alarms/1/reset", why="video_clear", note="x", version=1).status_code
        assert [] == burning.commands

    def test_close(self, burning, officer):
        """A fire is closed when it is over, with what it was."""
        standing = post(officer, "/alarms/1/close", verdict="unwanted")
        over = fire(burning.ids, state=AlarmState.CLEARED, reason=Reason.DEVICE_RESET)
        burning.services.events.apply(Lane.LIFE, 2, [replace(over, at=NOW + 9)])
        closed = post(officer, "/alarms/1/close", verdict="unwanted")

        assert (409, 200, "closed", "unwanted") == (
            standing.status_code, closed.status_code, closed.json()["state"], closed.json()["verdict"]
        )  # fmt: skip

    def test_script_in_a_comment(self, operator, viewer):
        """A script in a comment is kept as text in JSON, which no browser runs."""
        said = "<script>alert(document.cookie)</script>"
        post(operator, "/alarms/1/comment", note=said)
        answer = viewer("GET", "/alarms/1/history")

        assert said == answer.json()["items"][-1]["note"]
        assert ("application/json", "nosniff") == (
            answer.headers["content-type"], answer.headers["x-content-type-options"]
        )  # fmt: skip

    @pytest.mark.parametrize("body", [{"note": "x" * 2_001}, {"note": ""}, {"note": "x", "more": 1}, {}])
    def test_bad_comments(self, operator, body):
        """Oversize, empty and odd comments are refused, and nothing is kept."""
        assert 422 == post(operator, "/alarms/1/comment", **body).status_code
        assert 0 == operator.get("/alarms/1")["comments"]

    def test_assigned_to_a_stranger(self, operator):
        """An unknown officer gets no alarm."""
        assert 400 == post(operator, "/alarms/1/assign", owner="nemo").status_code

    def test_report(self, house, operator, viewer):
        """What a person sees joins the fire of its place and makes it critical; so does the next report."""
        body = {"family": "fire", "park": house.ids.park, "place": house.ids.unit, "note": "二楼冒烟"}
        answers = [operator("POST", "/alarms", json=body) for _ in range(2)]
        (alarm,) = viewer.get("/alarms", family="fire")["items"]

        assert [201, 201] == [a.status_code for a in answers]
        assert ("critical", "fire.reported", 3) == (alarm["severity"], alarm["rule"], alarm["count"])
        assert "二楼冒烟" == viewer.get("/alarms/1/history")["items"][-1]["note"]

    def test_report_of_another_park(self, house, operator):
        """Nobody reports a fire in a place that is not in the park he names."""
        body = {"family": "fire", "park": house.ids.park, "place": house.ids.other, "note": "x"}

        assert 404 == operator("POST", "/alarms", json=body).status_code


@pytest.mark.usefixtures("burning")
class TestFiles:
    def attach(self, client, name="room.jpg", content=JPEG, kind="image/jpeg"):
        """Return the answer of attaching a file."""
        return client(
            "POST", "/alarms/1/attachments", params={"name": name}, content=content, headers={"Content-Type": kind}
        )

    def test_there_and_back(self, operator, viewer):
        """A photograph comes back as it was, to be saved and not shown."""
        kept = self.attach(operator, "现场 1.jpg").json()
        answer = viewer("GET", f"/alarms/1/attachments/{kept['id']}")

        assert (JPEG, "image/jpeg") == (answer.content, answer.headers["content-type"])
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E7%8E%B0")
        assert 1 == viewer.get("/alarms/1")["attachments"]

    @pytest.mark.parametrize(
        ("name", "content", "kind", "status"),
        [("a.html", b"<script>", "text/html", 400), ("a.jpg", b"<script>", "image/jpeg", 400),
         ("a.svg", b"<svg/>", "image/svg+xml", 400), ("../../etc/passwd", JPEG, "image/jpeg", 422),
         ("a.jpg", b"", "image/jpeg", 422), ("a.txt", b"\x00\x01", "text/plain", 400),
         ("a.jpg", JPEG + bytes(5 << 20), "image/jpeg", 413)],
    )  # fmt: skip
    def test_refused(self, operator, name, content, kind, status):
        """What is no picture, document or text, or too large, is refused; nothing is kept."""
        assert status == self.attach(operator, name, content, kind).status_code
        assert [] == operator.get("/alarms/1/attachments")["items"]


class TestDuty:
    def plan(self, ids, **more):
        """Return a silence of the small park."""
        whole = {"label": "family", "operator": "=~", "value": ".*"}
        return {"park": ids.park, "matchers": [whole], "starts": NOW, "ends": NOW + HOUR, "note": "检修", **more}

    def test_silence(self, burning, officer):
        """A silence is tried first, then holds the ordinary alarm back, never the fire; and it can be ended."""
        body = self.plan(burning.ids)
        tried = officer("POST", "/silences/preview", json=body).json()
        kept = officer("POST", "/silences", json=body).json()
        burning.services.alarms.store.turn(NOW)
        held = [h["alarm"]["id"] for h in officer.get("/hidden")["items"]]
        ended = officer("DELETE", f"/silences/{kept['id']}").status_code
        burning.now += MINUTE
        burning.services.alarms.store.turn(burning.now)

        assert ([2], [2], 204, []) == (
            [a["id"] for a in tried["alarms"]], held, ended, officer.get("/hidden")["items"]
        )  # fmt: skip

    @pytest.mark.parametrize(
        "wrong",
        [{"matchers": [{"label": "nose", "value": "x"}]},
         {"matchers": [{"label": "rule", "operator": "=~", "value": "("}]},
         {"ends": NOW - 1}, {"ends": NOW + 400 * 24 * HOUR}, {"note": " "},
         {"matchers": [{"label": "rule", "operator": "=~", "value": "(a+)+"}]}],
    )  # fmt: skip
    def test_bad_silences(self, burning, officer, wrong):
        """A silence that cannot be meant is refused with a sentence, and nothing is kept."""
        assert 400 == officer("POST", "/silences", json=self.plan(burning.ids, **wrong)).status_code
        assert [] == officer.get("/silences")["items"]

    def test_other_parks(self, burning, officer, app):
        """A key of one park silences neither another nor all of them, and sees nobody else's plans."""
        for park in (0, burning.ids.other):
            assert 404 == officer("POST", "/silences", json=self.plan(burning.ids, park=park)).status_code
        kept = officer("POST", "/silences", json=self.plan(burning.ids)).json()["id"]
        stranger = Client(app, "park_other")

        assert [] == stranger.get("/silences")["items"]
        assert [404, 404, 404] == [
            stranger("GET", f"/silences/{kept}").status_code, stranger("DELETE", f"/silences/{kept}").status_code,
            stranger("PUT", f"/silences/{kept}", json=self.plan(burning.ids, park=burning.ids.other)).status_code,
        ]  # fmt: skip

    def test_who_is_on_duty(self, house, admin, operator):
        """Officers, a rota and a chain are made, changed with their version, and asked who is on duty."""
        park = house.ids.park
        one, two = (
            admin("POST", "/officers", json={"park": park, "name": name}).json()["id"] for name in ("王磊", "李娜")
        )
        rota = {"park": park, "name": "白班", "shifts": [{"officer": one, "start": 0, "end": 1_440}],
                "substitutes": [{"officer": one, "by": two, "starts": NOW, "ends": NOW + HOUR}]}  # fmt: skip
        made = admin("POST", "/rotas", json=rota).json()
        chain = {"park": park, "name": "消防", "steps": [{"after": 0, "targets": [f"rota:{made['id']}"]}]}
        kept = admin("POST", "/chains", json=chain).json()
        changed = admin("PUT", f"/chains/{kept['id']}", json={**chain, "version": 1, "name": "消防 2"})
        stale = admin("PUT", f"/chains/{kept['id']}", json={**chain, "version": 1})

        assert ["李娜"] == [o["name"] for o in operator.get(f"/rotas/{made['id']}/duty", at=NOW)["officers"]]
        assert ["王磊"] == [o["name"] for o in operator.get(f"/rotas/{made['id']}/duty", at=NOW + HOUR)["officers"]]
        assert (2, 409) == (changed.json()["version"], stale.status_code)
        assert 409 == admin("DELETE", f"/officers/{two}").status_code

    def test_nobody_of_another_park(self, house, admin):
        """A park's rota, chain and owners are its own people, or those of every park."""
        ids = house.ids
        theirs = admin("POST", "/officers", json={"park": ids.other, "name": "赵敏"}).json()["id"]
        every = admin("POST", "/officers", json={"park": 0, "name": "总值班"}).json()["id"]

        def rota(officer):
            shifts = [{"officer": officer, "start": 0, "end": 1_440}]
            return admin("POST", "/rotas", json={"park": ids.park, "name": "白班", "shifts": shifts}).status_code

        def chain(officer):
            steps = [{"after": 0, "targets": [f"officer:{officer}"]}]
            return admin("POST", "/chains", json={"park": ids.park, "name": "消防", "steps": steps}).status_code

        assert (400, 400, 201, 201) == (rota(theirs), chain(theirs), rota(every), chain(every))

    def test_no_owner_of_another_park(self, burning, admin):
        """An alarm is given to no officer of another park."""
        admin("POST", "/officers", json={"park": burning.ids.other, "name": "赵敏"})

        assert 400 == post(admin, "/alarms/1/assign", version=1, owner="赵敏").status_code

    def test_chains_in_a_circle(self, admin):
        """Chains that lead to each other are refused."""
        step = [{"after": 0, "targets": ["all"]}]
        one = admin("POST", "/chains", json={"name": "a", "steps": step}).json()
        two = admin("POST", "/chains", json={"name": "b", "steps": step, "then": one["id"]}).json()
        body = {"name": "a", "steps": step, "then": two["id"], "version": 1}
        answer = admin("PUT", f"/chains/{one['id']}", json=body)

        assert (400, True) == (answer.status_code, "circle" in answer.json()["detail"])
        assert 0 == admin.get(f"/chains/{one['id']}")["then"]

    @pytest.mark.parametrize("target", ["officer:99", "rota:99", "officer:x", "nobody", "officer:" + "9" * 30])
    def test_unknown_targets(self, admin, target):
        """A chain that leads to nobody is refused."""
        answer = admin("POST", "/chains", json={"name": "a", "steps": [{"after": 0, "targets": [target]}]})

        assert 400 == answer.status_code

    def test_window(self, burning, officer):
        """A window of a place holds back what is in it; one of another park's place is refused."""
        ids = burning.ids
        body = {"park": ids.park, "place": ids.building, "starts": NOW, "ends": NOW + HOUR, "note": "检修"}

        assert 201 == officer("POST", "/windows", json=body).status_code
        assert 404 == officer("POST", "/windows", json={**body, "place": 9_999}).status_code
        assert 400 == officer("POST", "/windows", json={**body, "place": 0}).status_code
        burning.services.alarms.store.turn(NOW)
        assert ["maintenance"] == [h["why"][0]["reason"] for h in officer.get("/hidden")["items"]]


@pytest.mark.usefixtures("burning")
class TestLinks:
    def word(self, house):
        """Return a link for the fire."""
        return house.services.alarms.links.make(1, "王磊", now=NOW, lasts=HOUR)

    def test_looking_changes_nothing(self, burning, app, viewer):
        """Opening a link, as scanners of mail do, acknowledges nothing."""
        answer = Client(app)("GET", f"/a/{self.word(burning)}")

        assert (200, True) == (answer.status_code, "<form" in answer.text)
        assert not viewer.get("/alarms/1")["acknowledged"]

    def test_once(self, burning, app, viewer):
        """The button acknowledges in the officer's name, once."""
        word = self.word(burning)
        answers = [Client(app)("POST", f"/a/{word}").status_code for _ in range(2)]

        assert [200, 404] == answers
        assert "王磊" == viewer.get("/alarms/1")["acknowledged_by"]
        assert CaseVerb.ACKNOWLEDGE == viewer.get("/alarms/1/history")["items"][-1]["verb"]

    def test_expired(self, burning, app, viewer):
        """A link that is over does nothing."""
        word = self.word(burning)
        burning.now += HOUR

        assert 404 == Client(app)("POST", f"/a/{word}").status_code
        assert not viewer.get("/alarms/1")["acknowledged"]

    @pytest.mark.parametrize("word", ["x" * 43, "x" * 20, "A" * 100])
    def test_forged(self, app, viewer, word):
        """A forged link does nothing and learns nothing."""
        assert 404 == Client(app)("POST", f"/a/{word}").status_code
        assert not viewer.get("/alarms/1")["acknowledged"]

    def test_somebody_was_faster(self, burning, app, operator):
        """Who comes second is told who was first, and his link stays good for the next time."""
        word = self.word(burning)
        post(operator, "/alarms/1/acknowledge")

        assert 409 == Client(app)("POST", f"/a/{word}").status_code

    def test_page_is_safe(self, burning, app):
        """The page loads nothing, runs nothing, and sends to its own address only."""
        answer = Client(app)("GET", f"/a/{self.word(burning)}")

        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "form-action 'self'" in answer.headers["content-security-policy"]
