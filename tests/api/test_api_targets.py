"""Receivers and deliveries by API: set up, tested, seen and sent again, and nothing ever shows a secret."""

import json

import pytest
from api_house import NOW, Client

from park.alarms import MessageKind, Notification
from park.delivery import Channel, Target
from park.events import Severity

HOOK = "https://hooks.example.com/T0/key-that-nobody-sees"
SECRET = "whsec-that-nobody-sees"


def body(**more):
    """Return a target that is well."""
    return {"name": "desk", "channel": "webhook", "url": HOOK, "secret": SECRET, **more}


@pytest.fixture
def operator(app):
    """A client at the desk, of the park."""
    return Client(app, "park_operator")


@pytest.fixture
def local(app):
    """An admin of one park."""
    return Client(app, "park_local-admin")


@pytest.fixture
def made(admin):
    """A target for all parks."""
    answer = admin("POST", "/targets", json=body())
    assert 201 == answer.status_code, answer.text
    return answer.json()


def test_made(admin, made):
    """A target is kept and shown as it is."""
    assert made == admin.get(f"/targets/{made['id']}")
    assert [made] == admin.get("/targets")["items"]


def test_no_secrets(admin, made):
    """No answer holds a secret, or the key in an address."""
    answers = [admin("GET", "/targets"), admin("GET", f"/targets/{made['id']}"), admin("POST", "/targets", json=body())]
    answers.append(admin("PUT", f"/targets/{made['id']}", json=body(version=7)))
    answers.append(admin("POST", "/targets", json=body(name="other", url=HOOK.replace("https:", "ftp:"))))
    answers.append(admin("POST", "/targets", json=body(name="other", nonsense=SECRET)))

    assert "nobody-sees" not in " ".join(a.text for a in answers)
    assert "https://hooks.example.com/…" == made["url"]


def test_what_is_left_out_stays(admin, made, house):
    """A change that names neither address nor secret leaves both."""
    changed = admin("PUT", f"/targets/{made['id']}", json={"name": "desk", "channel": "webhook", "version": 1})

    kept = house.services.delivery.targets.get(made["id"])
    assert (200, HOOK, SECRET, 2) == (changed.status_code, kept.url, kept.secret, kept.version)


@pytest.mark.parametrize("change", [{"url": "https://elsewhere.example.org/x"}, {"channel": "alertmanager"}])
def test_a_secret_stays_where_it_was_given(admin, made, house, change):
    """Who moves a target to another address gives its secret anew: nobody can send it to himself."""
    without = {k: v for k, v in body(version=1, **change).items() if k != "secret"}

    assert 400 == admin("PUT", f"/targets/{made['id']}", json=without).status_code
    assert HOOK == house.services.delivery.targets.get(made["id"]).url
    assert 200 == admin("PUT", f"/targets/{made['id']}", json=without | {"secret": ""}).status_code


class TestOfSettings:
    """A target that settings name lies where they say, and may be changed by API but for that."""

    @pytest.fixture
    def desk(self, house):
        """A target of the settings, on a private network."""
        target = Target("intern", Channel.WEBHOOK, "http://10.1.2.3/hook", trusted=True)
        return house.services.delivery.targets.save(target, actor="settings", now=NOW)

    @pytest.mark.parametrize("more", [{}, {"url": "http://10.1.2.3/hook"}])
    def test_stays_theirs(self, admin, desk, more):
        """Its language is changed, and it may be on a private network as before."""
        wanted = {"name": "intern", "channel": "webhook", "version": 1, "language": "en", **more}
        changed = admin("PUT", f"/targets/{desk.id}", json=wanted)

        assert (200, True, "en") == (changed.status_code, changed.json()["trusted"], changed.json()["language"])

    @pytest.mark.parametrize(("url", "code"), [("http://10.1.2.4/hook", 400), ("https://a.example.com/", 200)])
    def test_moved(self, admin, desk, url, code):
        """Who moves it has no more rights than with one of his own."""
        wanted = {"name": "intern", "channel": "webhook", "version": 1, "url": url}

        assert code == admin("PUT", f"/targets/{desk.id}", json=wanted).status_code
        assert (code == 400) == admin.get(f"/targets/{desk.id}")["trusted"]


def test_changed_meanwhile(admin, made):
    """Who saw an older version is told so, and nothing is changed."""
    admin("PUT", f"/targets/{made['id']}", json=body(version=1, rate=7))
    late = admin("PUT", f"/targets/{made['id']}", json=body(version=1, rate=9))

    assert (409, 7) == (late.status_code, admin.get(f"/targets/{made['id']}")["rate"])


def test_same_name(admin, made):
    """A name is given once."""
    assert 409 == admin("POST", "/targets", json=body()).status_code


def test_taken_away(admin, made, house):
    """A target that is taken away is gone, with its secret."""
    assert 204 == admin("DELETE", f"/targets/{made['id']}").status_code
    assert 404 == admin("GET", f"/targets/{made['id']}").status_code
    assert house.woken


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "ftp://example.com/"}, "begins with https: or http:"),
        ({"url": "https://"}, "names no host"),
        ({"url": "https://user:word@example.com/"}, "no user or password"),
        ({"url": "http://127.0.0.1:9/"}, "not public"),
        ({"url": "http://[::1]/"}, "not public"),
        ({"url": "http://[::ffff:127.0.0.1]/"}, "not public"),
        ({"url": "http://169.254.169.254/latest"}, "not public"),
        ({"url": "http://10.1.2.3/"}, "not public"),
        ({"url": "http://localhost:8080/"}, "not public"),
        ({"url": "https://exa mple.com/"}, "printable"),
        ({"url": ""}, "printable"),
        ({"addresses": ["x"]}, "has no addresses"),
        ({"channel": "sms", "addresses": ["not a number"]}, "is no address of sms"),
        ({"channel": "email", "url": "smtp://mail.example.com", "addresses": ["a@b.c\r\nBcc: x@y.z"]}, "is no address"),
        ({"channel": "sounder", "url": "mqtt:parks/x/+/set?state=a"}, "a sounder's address is"),
        ({"channel": "sounder", "url": "mqtt:parks/xixing/life/-/smoke1?state=a"}, "ends in"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"template": "{{ wrong }}"}, "there is no 'wrong'"),
        ({"template": "{% for i in range(9) %}{% endfor %}"}, "for a in alarms"),
        ({"template": "{{ title.__class__ }}"}, "has no '__class__'"),
        ({"template": "{{ title"}, "cannot be read"),
    ],
)
def test_wrong(admin, wrong, said):
    """What is wrong is said clearly, and nothing is kept."""
    answer = admin("POST", "/targets", json=body(**wrong))

    assert (400, []) == (answer.status_code, admin.get("/targets")["items"]), answer.text
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"name": "a b"}, {"quiet": [0, 1440]}, {"template": "x" * 4_001}])
def test_out_of_bounds(admin, wrong):
    """What is out of bounds is refused before it is looked at."""
    assert 422 == admin("POST", "/targets", json=body(**wrong)).status_code


def test_drill(admin, made, house):
    """A test is a drill on its way to that target alone."""
    answer = admin("POST", f"/targets/{made['id']}/test")

    assert (202, "drill", "desk", "waiting") == (
        answer.status_code, *(answer.json()[k] for k in ("kind", "target", "state"))
    )  # fmt: skip
    assert 1 == len(admin.get("/deliveries")["items"])
    assert house.woken


def test_drill_of_one_that_is_off(admin, made):
    """A target that is off takes no test."""
    admin("PUT", f"/targets/{made['id']}", json=body(version=1, enabled=False))

    assert 409 == admin("POST", f"/targets/{made['id']}/test").status_code


def test_preview(admin):
    """A text is tried on an example, in the channel's format, and not kept."""
    text = "{% for a in alarms %}{{ a.what }} {{ a.device }}{% endfor %}"
    answer = admin("POST", "/targets/preview", json={"template": text, "channel": "wecom", "language": "zh"})

    assert "火警（已确认） 烟感 ＜b＞\\*1\\*＜/b＞" == answer.json()["text"]


@pytest.mark.parametrize(
    "deep",
    [
        "{{ " + "not " * 32 + "count }}", "{% if count %}" * 32 + "{% endif %}" * 32, "{{ count" + "|int" * 32 + "}}",
        "{{ " + "not " * 900 + "count }}",
    ],
)  # fmt: skip
def test_a_text_that_is_nested_too_deeply(admin, deep):
    """A text that would keep Python busy for seconds, and all threads with it, is refused before it is compiled."""
    answer = admin("POST", "/targets/preview", json={"template": deep, "channel": "wecom", "language": "zh"})

    assert (400, True) == (answer.status_code, "it is nested too deeply" in answer.json()["detail"])


@pytest.mark.parametrize(
    ("key", "topic", "status"),
    [("local-admin", "zigbee2mqtt/siren/set", 403), ("local-admin", "parks/other/life/-/siren/set", 403),
     ("local-admin", "parks/xixing/life/-/siren/set", 201), ("admin", "zigbee2mqtt/siren/set", 201)],
)  # fmt: skip
def test_a_sounder_of_a_park(app, house, key, topic, status):
    """A key of one park lets nothing be commanded that may stand in another: a topic of its own park it names."""
    body = {"name": "siren", "channel": "sounder", "url": f"mqtt:{topic}?state=s/state", "park": house.ids.park}

    assert status == Client(app, f"park_{key}")("POST", "/targets", json=body).status_code


def test_a_sounder_that_stays_where_it_is(admin, app, house):
    """What a key of every park has set up a key of its park may turn off, and not move elsewhere."""
    body = {"name": "siren", "channel": "sounder", "url": "mqtt:z/siren/set?state=s/state", "park": house.ids.park}
    key = admin("POST", "/targets", json=body).json()["id"]
    mine = Client(app, "park_local-admin")
    changed = body | {"enabled": False, "version": 1}

    moved = mine("PUT", f"/targets/{key}", json=changed | {"url": "mqtt:z/valve/set?state=s/state"})
    assert (403, 200) == (moved.status_code, mine("PUT", f"/targets/{key}", json=changed).status_code)


def _dead(house, made):
    dispatches = house.services.delivery.dispatches
    note = Notification(
        "case-1/1/0/raised/all", 1, "all", MessageKind.RAISED, Severity.HIGH, False, house.now, "", house.now,
        house.ids.park,
    )  # fmt: skip
    waiting = dispatches.tell(note, house.services.delivery.targets.get(made["id"]), house.now)
    (batch,) = dispatches.claim(house.now, lease=1, busy=frozenset(), ready=lambda *_: True)
    dispatches.dead(batch, "HTTP 400", house.now)
    return waiting.id


def test_dead_letters(admin, made, house, operator, app):
    """A dead message is seen with what was wrong, and sent again under its id by those who answer for it."""
    key = _dead(house, made)
    (seen,) = operator.get("/deliveries", state="dead")["items"]
    refused = operator("POST", f"/deliveries/{key}/again")
    again = Client(app, "park_officer")("POST", f"/deliveries/{key}/again")

    assert (key, "HTTP 400", 403) == (seen["id"], seen["trouble"], refused.status_code)
    assert (202, "waiting", key) == (again.status_code, again.json()["state"], again.json()["id"])
    assert 409 == admin("POST", f"/deliveries/{key}/again").status_code
    assert 404 == admin("POST", "/deliveries/none/again").status_code


def test_pages(admin, made, house):
    """Deliveries come in pages, newest first."""
    for _ in range(3):
        house.now += 1
        admin("POST", f"/targets/{made['id']}/test")
    first = admin.get("/deliveries", limit=2)
    second = admin.get("/deliveries", limit=2, before=first["next"])

    assert 3 == len({d["id"] for d in first["items"] + second["items"]})
    assert None is second["next"]


class TestScope:
    def test_all_parks(self, made, operator, local):
        """A key of one park sees no target of all parks, and changes none."""
        assert [] == operator.get("/targets")["items"]
        assert 404 == local("PUT", f"/targets/{made['id']}", json=body(version=1)).status_code
        assert 404 == local("POST", "/targets", json=body(name="mine")).status_code

    def test_own_park(self, local, operator, house):
        """A key of one park keeps its own targets, which others of the park see."""
        answer = local("POST", "/targets", json=body(name="mine", park=house.ids.park))

        assert 201 == answer.status_code
        assert ["mine"] == [t["name"] for t in operator.get("/targets")["items"]]

    def test_other_park(self, local, house):
        """No key sets up a target of another park."""
        assert 404 == local("POST", "/targets", json=body(park=house.ids.other)).status_code

    @pytest.mark.parametrize("who", ["viewer", "operator", "officer", "gateway"])
    def test_roles(self, app, who):
        """Only who keeps the chains sets up targets."""
        assert 403 == Client(app, f"park_{who}")("POST", "/targets", json=body()).status_code

    def test_deliveries(self, made, house, operator, app):
        """Messages of other parks are not seen, nor sent again."""
        key = _dead(house, made)
        other = Client(app, "park_other")

        assert [] == other.get("/deliveries")["items"]
        assert 404 == other("POST", f"/deliveries/{key}/again").status_code
        assert 1 == len(operator.get("/deliveries")["items"])


def test_audit_holds_no_secret(admin, made, house):
    """The record of who changed what holds no secret, and no key of an address."""
    database = house.services.delivery.targets._database
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT actor, after FROM target_changes").all()

    assert [("admin", "desk")] == [(actor, json.loads(after)["name"]) for actor, after in rows]
    assert "nobody-sees" not in str(rows)
    assert "nobody-sees" not in repr(house.services.delivery.targets.get(made["id"]))
