"""Rules over the API: looking, checking, changing, going back, and who may."""

from dataclasses import replace

import pytest
from api_house import DAY, NOW, Client

from api.app import create_app
from runtime.dry_runs import DryRunner
from stream.rules import shipped
from tests.tools import until

WARM = """
[[limit]]
rule = "warm_room"
metric = "temperature"
severity = "low"
high = 35
basis = "I: a test"
version = 2026-01-01
"""


def change(text, version=0, **more):
    return {"text": text, "reason": "a test", "version": version, **more}


@pytest.fixture
def everywhere(app, house):
    """A key of an officer of all parks."""
    return Client(app, "park_safety")


def weaker():
    return shipped().replace("high = 57.0", "high = 90.0")


class TestRules:
    def test_shipped(self, viewer):
        """At first the shipped table holds, as text and rule by rule, each with its basis and words for people."""
        found = viewer.get("/rules")

        assert (0, shipped(), len(found["rules"])) == (
            found["current"]["version"],
            found["text"],
            found["current"]["rules"],
        )
        unbalance = next(r for r in found["rules"] if r["rule"] == "voltage_unbalance")
        assert (2.0, 600_000, True) == (
            unbalance["high"],
            unbalance["on_delay"],
            "runbook_zh" in unbalance["annotations"],
        )

    def test_check(self, admin):
        """A table is read without being kept: what it would change, or line, rule and field of what is wrong."""
        good = admin("POST", "/rules/check", json={"text": shipped() + WARM})
        bad = admin("POST", "/rules/check", json={"text": WARM.replace("high = 35", "hihg = 35")})

        assert [("added", "warm_room", False)] == [
            (c["what"], c["rule"], c["life_safety"]) for c in good.json()["changes"]
        ]
        assert (400, "line 6: rule 'warm_room': hihg is no field of a limit") == (bad.status_code, bad.json()["detail"])
        assert 0 == admin.get("/rules")["current"]["version"]

    def test_change_and_back(self, admin):
        """A change becomes a version with who and why; going back is a version too, and both stay."""
        changed = admin("PUT", "/rules", json=change(shipped() + WARM))
        back = admin("POST", "/rules/rollback", json={"to": 0, "reason": "no good", "version": 1})

        assert (200, 1, "admin") == (
            changed.status_code, changed.json()["current"]["version"], changed.json()["current"]["actor"],
        )  # fmt: skip
        assert (200, 2, 0, shipped()) == (
            back.status_code, back.json()["current"]["version"], back.json()["current"]["rolled_back_to"],
            back.json()["text"],
        )  # fmt: skip
        assert [(2, "no good"), (1, "a test")] == [
            (r["version"], r["reason"]) for r in admin.get("/rules/history")["items"]
        ]
        assert "2" == admin.get("/rules/history", limit=1)["next"]
        assert ["removed"] == [c["what"] for c in admin.get("/rules/2")["changes"]]

    def test_somebody_else_was_faster(self, admin):
        """A change of a version that holds no more is a conflict, and nothing is kept of it."""
        admin("PUT", "/rules", json=change(shipped() + WARM))

        assert 409 == admin("PUT", "/rules", json=change(shipped())).status_code
        assert 1 == admin.get("/rules")["current"]["version"]

    def test_unknown_version(self, admin):
        """A version that never was is not found."""
        assert 404 == admin("GET", "/rules/7").status_code

    @pytest.mark.parametrize(
        ("key", "meant", "status"), [("admin", False, 403), ("safety", True, 403), ("admin", True, 200)]
    )
    def test_life_safety(self, app, key, meant, status):
        """Rules that lives hang on are changed by who has the permission and says that it is meant, else by nobody."""
        answer = Client(app, f"park_{key}")("PUT", "/rules", json=change(weaker(), life_safety=meant))

        assert status == answer.status_code
        assert (1 if status == 200 else 0) == Client(app, "park_viewer").get("/rules")["current"]["version"]

    def test_an_officer_may_change_the_rest(self, everywhere):
        """An officer of all parks may change ordinary rules."""
        assert 200 == everywhere("PUT", "/rules", json=change(shipped() + WARM)).status_code

    def test_a_key_of_one_park(self, app, house, admin):
        """A key of one park sees its own rules without the text of others', and changes none."""
        of_other = WARM.replace("warm_room", "secret") + f"places = [{house.ids.other}]\n"
        of_own = WARM + f"parks = [{house.ids.park}]\n"
        assert 200 == admin("PUT", "/rules", json=change(shipped() + of_other + of_own)).status_code
        officer = Client(app, "park_officer")

        found = officer.get("/rules")
        names = {r["rule"] for r in found["rules"]}

        assert ("", True, False) == (found["text"], "warm_room" in names, "secret" in names)
        for method, path, more in (
            ("PUT", "/rules", {"json": change(shipped(), 1)}), ("GET", "/rules/history", {}), ("GET", "/rules/1", {}),
            ("POST", "/rules/rollback", {"json": {"to": 0, "reason": "x", "version": 1}}),
            ("POST", "/rules/check", {"json": {"text": ""}}),
            ("POST", "/rules/dry-run", {"json": {"text": "", "start": 0, "end": 1}}),
        ):  # fmt: skip
            assert 403 == officer(method, path, **more).status_code, path

    def test_limits_of_charts(self, admin):
        """Charts are given the limits of single readings that hold everywhere, not means, measures or permits."""
        rows = {row["rule"] for row in admin.get("/limits")}

        assert set() == rows & {"nmhc_hour", "night_floor", "voltage_unbalance", "counter_drift"}

    def test_too_long(self, admin):
        """A table that is too long is refused before it is read."""
        assert 422 == admin("POST", "/rules/check", json={"text": "#" * (300 << 10)}).status_code


class TestDryRun:
    @pytest.fixture
    def admin(self, services, tmp_path):
        """A client of an application that can try rules, over a folder without a log."""
        runs = DryRunner(tmp_path, shipped)
        yield Client(create_app(replace(services, dry_runs=runs)), "park_admin")
        runs.stop()

    def test_started_and_fetched(self, admin):
        """A dry run is accepted at once and fetched by its id; what went wrong is told there."""
        begun = admin("POST", "/rules/dry-run", json={"text": WARM, "start": NOW - DAY, "end": NOW})
        path = f"/rules/dry-run/{begun.json()['id']}"
        until(lambda: admin.get(path)["state"] != "running", 60)

        done = admin.get(path)
        assert (202, "running", "failed", True) == (
            begun.status_code, begun.json()["state"], done["state"], "no log" in done["problem"],
        )  # fmt: skip

    @pytest.mark.parametrize(("start", "end"), [(NOW, NOW), (NOW - 40 * DAY, NOW), (NOW + 1, NOW + 2)])
    def test_bounded(self, admin, start, end):
        """A time that is empty, longer than a month or still to come is refused."""
        assert 400 == admin("POST", "/rules/dry-run", json={"text": WARM, "start": start, "end": end}).status_code

    def test_bad_rules(self, admin):
        """A table that cannot be read starts nothing."""
        asked = {"text": WARM.replace("high = 35", ""), "start": NOW - DAY, "end": NOW}

        assert "high or low" in admin("POST", "/rules/dry-run", json=asked).json()["detail"]

    def test_unknown(self, admin):
        """A run that never was is not found."""
        assert 404 == admin("GET", "/rules/dry-run/nobody").status_code
