"""Who comes in: the table of permissions, walked; keys, sessions, tickets."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from api_house import NOW, Client
from fastapi.routing import APIRoute

from api.app import create_app
from api.door import COOKIE, LATELY_MS, SESSION_MS, TICKET_MS
from api.examples import BODIES
from api.permissions import ROUTES, V1
from park.errors import Unavailable
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import Lane
from park.records import Refusal, Refused
from park.roles import ALLOWED, Permission, Role

GUARDED = sorted((m, p, need) for (m, p), need in ROUTES.items() if need is not None)
_NO_PARK = ("live", "live/ticket", "catalogue", "session", "metrics", "rules", "targets/preview", "checklists")
OF_NO_PARK = {f"{V1}/{x}" for x in _NO_PARK} | {"/metrics"}
PUBLIC = sorted((m, p) for (m, p), need in ROUTES.items() if need is None)
BY_ROLE = {
    Role.VIEWER: "park_viewer",
    Role.OPERATOR: "park_operator",
    Role.OFFICER: "park_officer",
    Role.ADMIN: "park_admin",
    Role.INGEST: "park_gateway",
}


def body_of(app, method, path):
    """Return the example body of a route, as arguments of a request."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path == path and method in route.methods and route.body_field:
            body = BODIES[route.operation_id or route.name]
            return {"content": body} if isinstance(body, str) else {"json": body}
    return {}


class TestTable:
    def test_without_a_key(self, app, house):
        """No key, or a wrong one: 401 and how to mend it, on every guarded route."""
        for method, path, _ in GUARDED:
            address = path.replace(":path", "").format(park=1, key=1, attachment=1)
            house.now += 60_000
            answer, wrong = Client(app)(method, address), Client(app, "park_wrong")(method, address)

            assert (answer.status_code, wrong.status_code) == (401, 401)
            assert answer.headers["www-authenticate"] == wrong.headers["www-authenticate"] == 'Bearer realm="park"'

    def test_wrong_role(self, app):
        """A role that lacks the permission gets 403 before anything else is looked at."""
        tries = [(m, p, key) for m, p, need in GUARDED for role, key in BY_ROLE.items() if need not in ALLOWED[role]]
        for method, path, key in tries:
            address = path.replace(":path", "").format(park=1, key=1, attachment=1)
            assert Client(app, key)(method, address, content=b"{").status_code == 403

    def test_wrong_park(self, app, house):
        """A key of another park finds nothing, changes nothing and is told nothing, whatever it calls."""
        ids = house.ids
        refused = Refused(Refusal.MALFORMED, "parks/xixing/bulk/gw/x", b"?", 1, NOW)
        house.services.quarantine.keep(Lane.BULK, 1, [refused])
        change = ConditionChange(
            "fire.pre_alarm", "fire", "place:1", 1, 1, 1, AlarmState.LATCHED, Severity.CRITICAL, Reason.DETECTOR_ALARM,
            ids.park,
        )  # fmt: skip
        house.services.events.apply(Lane.LIFE, 1, [change])
        keys = {
            "parks": ids.park, "buildings": ids.building, "units": ids.unit, "zones": ids.zone,
            "enterprises": ids.firm, "leases": ids.lease, "gateways": ids.gateway, "devices": ids.meter,
            "points": ids.power, "conditions": change.condition_id,
        }  # fmt: skip
        own = {ids.other, ids.far, ids.far_power}
        other = Client(app, "park_other")
        for method, path, _ in GUARDED:
            if path in OF_NO_PARK:
                continue
            key = keys.get(path.removeprefix(V1).split("/")[1], 1)
            more = body_of(app, method, path)
            if path.endswith("/conditions/reset"):
                more = {"json": {"condition": change.condition_id, "reason": "x"}}
            if path.endswith(("/retry", "/discard")):
                more = {"json": {"ids": [1]}}
            if "park" in more.get("json", {}):
                more["json"] = {**more["json"], "park": ids.park}
            asked = {"name": "x.xlsx"} if path.endswith(("/import", "/attachments")) else {}
            asked |= {f"{V1}/kpi/report": {"month": "2026-11"}, f"{V1}/proposals": {"park": ids.park}}.get(path, {})

            address = path.replace(":path", "").format(park=ids.park, key=key, attachment=1)
            answer = other(method, address, params=asked, **more)

            if answer.status_code == 200:  # a list, with nothing of the park in it
                if path in {f"{V1}/kpi.csv", f"{V1}/kpi/report"}:  # the figures of /kpi, written out
                    assert "xixing" not in answer.text
                    continue
                body = answer.json()
                if path == f"{V1}/kpi":
                    assert body["alarms"] == 0
                    continue
                if path.endswith("/counts"):
                    assert body["open"] == 0
                    continue
                items = body["items"] if isinstance(body, dict) else body
                assert {x.get("park", x.get("id")) for x in items} <= own, path
            else:
                assert answer.status_code in {403, 404}, (method, path, answer.text)
        assert house.commands + house.retried + house.claims + house.changed == []

    def test_public(self):
        """What is open to everyone is a short list that a person has looked at."""
        assert [
            ("DELETE", f"{V1}/session"),
            ("GET", "/"),
            ("GET", "/a/{word}"),
            ("GET", "/api/docs"),
            ("GET", f"{V1}/health"),
            ("GET", f"{V1}/openapi.json"),
            ("POST", "/a/{word}"),
            ("POST", f"{V1}/session"),
        ] == PUBLIC

    def test_every_role_has_an_entry(self):
        """Every role has its permissions in the table, and only ingest hands in messages."""
        assert set(Role) == set(ALLOWED)
        assert [role for role, may in ALLOWED.items() if Permission.INGEST in may] == [Role.INGEST]


class TestKeys:
    def test_other_header(self, app):
        """X-API-Key is as good as Authorization."""
        assert Client(app)("GET", "/parks", headers={"X-API-Key": "park_viewer"}).status_code == 200

    def test_revoked(self, app, house):
        """A revoked key ends at once, and so does the session that was opened with it."""
        opened = Client(app)("POST", "/session", json={"key": "park_viewer"})
        cookie = {"Cookie": f"{COOKIE}={opened.cookies[COOKIE]}"}
        before = Client(app)("GET", "/parks", headers=cookie).status_code
        house.keys.revoke("viewer")

        assert (before, Client(app)("GET", "/parks", headers=cookie).status_code) == (200, 401)

    def test_guessing(self, app, house):
        """After many wrong keys an address is told to wait."""
        answers = [Client(app, f"park_{i}")("GET", "/parks") for i in range(31)]
        house.now += 60_000

        assert [a.status_code for a in answers] == [401] * 30 + [429]
        assert answers[-1].headers["retry-after"] == "60"
        assert Client(app, "park_0")("GET", "/parks").status_code == 401

    def test_neighbours(self, app):
        """Wrong keys from an address do not shut out who comes from it with a right one."""
        for i in range(40):
            Client(app, f"park_{i}")("GET", "/parks")

        assert Client(app, "park_viewer")("GET", "/parks").status_code == 200

    def test_huge_key(self, app):
        """A key of a megabyte is not even hashed."""
        assert Client(app, "x" * 100_000)("GET", "/parks").status_code == 401


class TestSession:
    def test_cookie(self, app):
        """A session's cookie can be read by no script and is sent from no other site."""
        opened = Client(app)("POST", "/session", json={"key": "park_officer"})
        cookie = opened.headers["set-cookie"].lower()

        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (opened.json()["role"], opened.json()["permissions"]) == (
            "officer", ["act", "alarm", "duty", "quarantine", "read", "rules"],
        )  # fmt: skip

    def test_ends(self, app, house):
        """A session ends when it is closed, and after a shift."""
        words = [Client(app)("POST", "/session", json={"key": "park_viewer"}).cookies[COOKIE] for _ in range(2)]
        first, second = ({"Cookie": f"{COOKIE}={word}"} for word in words)
        Client(app)("DELETE", "/session", headers=first)
        closed = Client(app)("GET", "/session", headers=first).status_code
        alive = Client(app)("GET", "/session", headers=second).status_code
        house.now += SESSION_MS

        assert (closed, alive, Client(app)("GET", "/session", headers=second).status_code) == (401, 200, 401)

    def test_signing_in_anew(self, app):
        """Who signs in anew ends the session that his browser had; a wrong key ends nothing."""
        first = {"Cookie": f"{COOKIE}={Client(app)('POST', '/session', json={'key': 'park_viewer'}).cookies[COOKIE]}"}
        ways = [("park_wrong", 200), ("park_officer", 401)]
        found = []
        for key, _ in ways:
            Client(app)("POST", "/session", json={"key": key}, headers=first)
            found.append(Client(app)("GET", "/session", headers=first).status_code)

        assert [status for _, status in ways] == found

    def test_in_another_process(self, app, services):
        """A session, and its end, hold in every process behind a proxy."""
        other = create_app(services)
        cookie = {"Cookie": f"{COOKIE}={Client(app)('POST', '/session', json={'key': 'park_viewer'}).cookies[COOKIE]}"}
        opened = Client(other)("GET", "/parks", headers=cookie).status_code
        Client(other)("DELETE", "/session", headers=cookie)

        assert (200, 401) == (opened, Client(app)("GET", "/parks", headers=cookie).status_code)

    def test_wrong_key(self, app):
        """A wrong key opens nothing."""
        assert Client(app)("POST", "/session", json={"key": "park_wrong"}).status_code == 401

    def test_other_sites(self, app, house):
        """What another site's page makes a browser send is refused, cookie or not."""
        opened = Client(app)("POST", "/session", json={"key": "park_admin"})
        headers = {"Cookie": f"{COOKIE}={opened.cookies[COOKIE]}", "Origin": "https://evil.example"}
        answer = Client(app)("DELETE", f"/enterprises/{house.ids.firm}", headers=headers)

        assert answer.status_code == 403
        assert house.changed == []

    def test_own_pages(self, app, house):
        """The platform's own pages may act."""
        opened = Client(app)("POST", "/session", json={"key": "park_admin"})
        headers = {"Cookie": f"{COOKIE}={opened.cookies[COOKIE]}", "Origin": "http://localhost"}

        assert Client(app)("DELETE", f"/leases/{house.ids.lease}", headers=headers).status_code == 204


class _Away:
    """Keys in a database that may be away."""

    def __init__(self, keys):
        """Take the keys."""
        self.keys = keys
        self.away = False

    def __getattr__(self, name):
        """Return a verb of the keys, or say that the database is away."""
        if self.away:
            raise Unavailable("the database is away")
        return getattr(self.keys, name)


class TestAway:
    """What a door does that cannot read the keys."""

    COURSES = (  # what was done before, ms since; what the live stream and another call answer
        ("key", 0, (404, 503)),
        ("cookie", LATELY_MS - 1, (404, 503)),
        ("cookie", LATELY_MS, (503, 503)),
        ("nothing", 0, (503, 503)),
        ("signed out", 0, (503, 503)),
        ("revoked", 0, (503, 503)),
    )

    @pytest.mark.parametrize(("before", "since", "expected"), COURSES)
    def test_lately(self, services, house, before, since, expected):
        """Who was let in within a quarter of an hour comes back to the live stream, and to nothing else."""
        keys = _Away(services.keys)
        app = create_app(replace(services, keys=keys))
        shown = {"Authorization": "Bearer park_operator"}
        if before in {"cookie", "signed out"}:
            cookie = Client(app)("POST", "/session", json={"key": "park_operator"}).cookies[COOKIE]
            shown = {"Cookie": f"{COOKIE}={cookie}"}
        if before != "nothing":
            assert 200 == Client(app)("GET", "/session", headers=shown).status_code
        if before == "signed out":
            Client(app)("DELETE", "/session", headers=shown)
        if before == "revoked":
            house.keys.revoke("operator")
            assert 401 == Client(app)("GET", "/session", headers=shown).status_code
        house.now += since
        keys.away = True
        # A park that he does not see is told to who was let in, where a stream would have no end.
        live = Client(app)("GET", "/live", params={"park": 999}, headers=shown).status_code

        assert expected == (live, Client(app)("GET", "/session", headers=shown).status_code)

    def test_whose_parks(self, services):
        """Who comes back sees the parks that he saw, and no ticket is remembered."""
        keys = _Away(services.keys)
        app = create_app(replace(services, keys=keys))
        ticket = Client(app, "park_operator")("POST", "/live/ticket").json()["ticket"]
        assert 404 == Client(app)("GET", "/live", params={"ticket": ticket, "park": 999}).status_code
        keys.away = True

        assert 503 == Client(app)("GET", "/live", params={"ticket": ticket, "park": 999}).status_code
        assert 404 == Client(app, "park_operator")("GET", "/live", params={"park": 999}).status_code


class TestTicket:
    def test_only_for_the_stream(self, app):
        """A ticket opens no other route."""
        ticket = Client(app, "park_viewer")("POST", "/live/ticket").json()

        assert ticket["lasts"] == TICKET_MS
        assert Client(app)("GET", "/parks", params={"ticket": ticket["ticket"]}).status_code == 401

    def test_expires(self, app, house):
        """A ticket that was not used within half a minute is worth nothing."""
        ticket = Client(app, "park_viewer")("POST", "/live/ticket").json()["ticket"]
        house.now += TICKET_MS

        assert Client(app)("GET", "/live", params={"ticket": ticket}).status_code == 401


class TestOpen:
    def test_loopback(self, services):
        """With keys off everyone on this machine is the administrator."""
        app = create_app(replace(services, require_keys=False))

        assert tuple(Client(app).get("/session")[k] for k in ("name", "keys_required")) == ("local", False)

    def test_other_names(self, services):
        """With keys off a name that a hostile page points at this machine is refused."""
        app = create_app(replace(services, require_keys=False))

        assert Client(app)("GET", "/parks", base="http://evil.example").status_code == 403

    @pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
    def test_proxies(self, services, header):
        """With keys off nobody comes in through a proxy, whatever name it calls us by."""
        app = create_app(replace(services, require_keys=False))

        assert Client(app)("GET", "/parks", headers={header: "203.0.113.9"}).status_code == 403

    def test_other_pages_start_nothing(self, services, tmp_path):
        """With keys off a page of another site cannot make a browser begin a backup, though that only reads."""
        made = []

        def backup():
            made.append(tmp_path / "x.tar")
            made[-1].touch()
            return made[-1]

        app = create_app(replace(services, require_keys=False, backup=backup))
        answers = [Client(app)("GET", "/backup", headers={"Sec-Fetch-Site": s}) for s in ("cross-site", "same-origin")]

        assert [a.status_code for a in answers] == [403, 200]
        assert len(made) == 1


def test_routes_are_made_for_all(app):
    """Threads that come to routes for the first time together find each whole, and the same."""
    together = Barrier(4)

    def look(_):
        together.wait(20)
        return [(route.app, route.dependant) for route in app.routes if isinstance(route, APIRoute)]

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(look, range(4))

    assert len(first) > 100
    assert all(first == other for other in others)
