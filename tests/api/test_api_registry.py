"""What the registry holds, asked for and changed through the API."""

import pytest
from api_house import DAY, NOW, Client

from api.permissions import NOUNS


class TestLists:
    def test_pages_hold_everything_once(self, admin, house):
        """Following `next` shows each thing once, rising by id."""
        whole = admin.get("/devices")["items"]
        after, seen = 0, []
        while after is not None:
            page = admin.get("/devices", after=after, limit=1)
            seen += page["items"]
            after = page["next"]

        assert whole == seen
        assert [house.ids.gateway, house.ids.meter, house.ids.smoke, house.ids.far] == [d["id"] for d in seen]

    @pytest.mark.parametrize(
        ("path", "names"),
        [("buildings", ["A"]), ("units", ["A-101", "A-102"]), ("zones", ["A-101-z"])],
    )
    def test_places_by_kind(self, admin, path, names):
        """Buildings, units and zones are lists of their own."""
        assert names == [p["code"] for p in admin.get(f"/{path}")["items"]]

    def test_gateways_are_devices(self, admin, house):
        """A gateway is found among the gateways and is a device too."""
        assert [house.ids.gateway] == [g["id"] for g in admin.get("/gateways")["items"]]
        assert admin.get(f"/devices/{house.ids.gateway}")["kind"] == "gateway"

    def test_leases_of_a_park(self, admin, house):
        """Leases are found by the park of their unit."""
        assert [house.ids.lease] == [x["id"] for x in admin.get("/leases", park=house.ids.park)["items"]]
        assert admin.get("/leases", park=house.ids.other)["items"] == []

    def test_unknown_filter(self, admin):
        """A filter that is misspelt is refused, not ignored."""
        assert admin("GET", "/devices", params={"prak": 1}).status_code == 422

    def test_a_unit_is_no_zone(self, admin, house):
        """A place is found under its own kind only."""
        assert admin("GET", f"/zones/{house.ids.unit}").status_code == 404


class TestChanges:
    def test_life_of_an_enterprise(self, admin, house):
        """A firm is added, changed and ended; each step stands in the audit with who and why."""
        body = {"park": house.ids.park, "code": "X1", "name": "新厂"}
        made = admin("POST", "/enterprises", json=body, params={"reason": "入驻"}).json()
        path = f"/enterprises/{made['id']}"
        changed = admin("PUT", path, json={**body, "name": "改名"}, params={"reason": "更名"}).json()
        gone = admin("DELETE", path, params={"reason": "退出"})
        audit = admin.get("/changes", noun="enterprise", key=made["id"])["items"]

        assert changed["name"] == "改名"
        assert gone.status_code == 204
        assert [(c["actor"], c["reason"]) for c in audit] == [("admin", "入驻"), ("admin", "更名"), ("admin", "退出")]
        assert len(house.changed) == 3

    def test_history(self, admin, house):
        """What a thing was at a time can be asked for."""
        path, body = f"/enterprises/{house.ids.firm}", {"park": house.ids.park, "code": "91330108MA2XXXXX0K"}
        admin("PUT", path, json={**body, "name": "新名"})

        assert admin.get(path, at=NOW - DAY)["name"] == "宏达五金"
        assert admin("GET", path, params={"at": NOW - 300 * DAY}).status_code == 404

    def test_conflict(self, admin):
        """A code that is taken is a conflict, in words."""
        answer = admin("POST", "/parks", json={"code": "xixing", "name": "again"})

        assert answer.status_code == 409
        assert "xixing" in answer.json()["detail"]

    def test_mode(self, app, house):
        """An officer puts a device into maintenance, and the stages are told; who, why and until when is to be seen."""
        officer = Client(app, "park_officer")

        answer = officer("POST", f"/devices/{house.ids.smoke}/mode", json={"mode": "maintenance", "reason": "换电池"})

        assert (answer.status_code, answer.json()["mode"]) == (200, "maintenance")
        assert house.changed == [1]
        (apart,) = officer.get("/hidden/devices")["items"]
        assert (apart["device"], apart["by"], apart["reason"]) == (house.ids.smoke, "officer", "换电池")
        assert (NOW, NOW + DAY // 3, []) == (
            apart["since"], apart["until"], Client(app, "park_other").get("/hidden/devices")["items"]
        )  # fmt: skip

    def test_mode_for_ever(self, app, house):
        """Nobody sets a device apart for longer than a week, nor until a time that is over; a change keeps its end."""
        officer, admin = Client(app, "park_officer"), Client(app, "park_admin")
        there = f"/devices/{house.ids.smoke}"
        told = [
            officer("POST", f"{there}/mode", json={"mode": "test", "reason": "x", "until": until}).status_code
            for until in (NOW, NOW + 8 * DAY, NOW + DAY // 24)
        ]
        body = {k: v for k, v in admin.get(there).items() if k not in {"id", "mode_until"}}
        renamed = admin("PUT", there, json={**body, "name": "y"}).json()

        assert ([400, 400, 200], "test", NOW + DAY // 24) == (told, renamed["mode"], renamed["mode_until"])

    @pytest.mark.parametrize(
        ("noun", "body"),
        [
            ("parks", {"code": "UPPER", "name": "x"}),
            ("parks", {"code": "ok", "name": "x" * 201}),
            ("parks", {"code": "ok", "name": "x", "extra": 1}),
            ("units", {"park": 1, "parent": 1, "code": "x", "name": "x", "area": -1}),
            ("devices", {"park": 1, "key": "", "kind": "meter"}),
            ("points", {"device": 1, "metric": "power", "source_key": "p", "ratio": 0}),
        ],
    )
    def test_bounds(self, admin, noun, body):
        """What does not fit its bounds is refused before anything looks at it."""
        assert admin("POST", f"/{noun}", json=body).status_code == 422


class TestScope:
    @pytest.mark.parametrize("noun", NOUNS)
    def test_other_parks_are_not_there(self, app, house, noun):
        """A key of one park sees nothing of another in any list."""
        if noun == "points":
            return
        items = Client(app, "park_other").get(f"/{noun}")["items"]

        assert {"parks": [house.ids.other], "devices": [house.ids.far]}.get(noun, []) == [x["id"] for x in items]

    def test_writing_into_another_park(self, app, house):
        """A key of one park can neither add to, change nor take from another."""
        other = Client(app, "park_other")
        firm = {"park": house.ids.park, "code": "X", "name": "X"}

        assert other("POST", "/enterprises", json=firm).status_code == 404
        assert other("PUT", f"/enterprises/{house.ids.firm}", json=firm).status_code == 404
        assert other("DELETE", f"/enterprises/{house.ids.firm}").status_code == 404
        assert other("PUT", f"/parks/{house.ids.park}", json={"code": "xixing", "name": "x"}).status_code == 404
        assert other("POST", "/parks", json={"code": "third", "name": "x"}).status_code == 403

    def test_moving_out_of_scope(self, app, house):
        """A thing cannot be moved into a park that the key does not see."""
        other = Client(app, "park_other")
        body = {"park": house.ids.park, "key": "native:other/-/meter", "kind": "meter"}

        assert other("PUT", f"/devices/{house.ids.far}", json=body).status_code == 404

    @pytest.mark.parametrize(
        ("method", "path", "more"),
        [("POST", "/devices", {}), ("PUT", "/devices/{far}", {}), ("POST", "/waiting/claim", {"place": 0})],
    )
    def test_speaking_in_another_parks_name(self, app, house, method, path, more):
        """A key of one park cannot take a device that speaks as another park's: its fires would be lost there."""
        key = "device_key" if path.endswith("/claim") else "key"
        body = {"park": house.ids.other, "kind": "meter", key: "native:xixing/gw/new", **more}
        body |= {"place": house.ids.other} if more else {}
        answer = Client(app, "park_other")(method, path.format(far=house.ids.far), json=body)
        own = Client(app, "park_other")(
            method, path.format(far=house.ids.far), json={**body, key: "native:other/gw/new"}
        )  # fmt: skip

        assert (404, True) == (answer.status_code, own.is_success), (answer.text, own.text)

    def test_several_parks_must_be_named(self, app, house):
        """A key of several parks says which one it means."""
        two = Client(app, "park_two")

        assert two("GET", "/devices").status_code == 400
        assert [house.ids.far] == [d["id"] for d in two.get("/devices", park=house.ids.other)["items"]]
        assert [house.ids.park, house.ids.other] == [p["id"] for p in two.get("/parks")["items"]]
