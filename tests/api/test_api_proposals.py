"""What marks propose, made a rule by a person and tried over the past; and what findings say of themselves."""

from dataclasses import replace

import pytest
from api_house import DAY, NOW, Client
from test_api_findings import HOUR, began

from api.app import create_app
from park.events import Part, Statistic
from park.metrics import Lane
from runtime.dry_runs import DryRunner
from stream.rules import shipped


def put(house, *found):
    events = house.services.events
    events.apply(Lane.BULK.value, events.applied(Lane.BULK.value) + 1, list(found))


@pytest.fixture
def admin(app):
    return Client(app, "park_admin")


@pytest.fixture
def marked(house, admin):
    """Five episodes of one point, three of them marked false and one true."""
    episodes = [began(house.ids, NOW - n * DAY, times=1e4 * (n + 1)) for n in range(1, 6)]
    put(house, *episodes)
    for e, verdict in zip(episodes, ("false", "false", "false", "true"), strict=False):
        admin("POST", "/episodes/mark", json={"episode": e.episode, "verdict": verdict})
    return episodes


def ask(house, **more):
    return {"park": house.ids.park, "point": house.ids.power, "reason": "four false ones", "version": 0, **more}


def proposed(admin, house):
    return admin.get("/proposals", park=house.ids.park)["items"]


def test_by_page(admin, house):
    """A look weighs a few points only, for each of them may have told of much; the rest is on the next page."""
    for point in (house.ids.power, house.ids.battery):
        episodes = [began(house.ids, NOW - n * DAY, point=point) for n in range(1, 4)]
        put(house, *episodes)
        for e in episodes:
            admin("POST", "/episodes/mark", json={"episode": e.episode, "verdict": "false"})
    first = admin.get("/proposals", park=house.ids.park, limit=1)
    second = admin.get("/proposals", park=house.ids.park, limit=1, after=first["next"])

    assert [1, 1, None] == [len(first["items"]), len(second["items"]), second["next"]]
    assert {house.ids.power, house.ids.battery} == {p["items"][0]["point"] for p in (first, second)}
    assert 422 == admin("GET", "/proposals", params={"park": house.ids.park, "limit": 11}).status_code


class TestApply:
    @pytest.mark.usefixtures("marked")
    def test_a_rule_of_one_point(self, admin, house):
        """An applied proposal is a rule for its point, a version with who and why; it is proposed no more."""
        (found,) = proposed(admin, house)
        made = admin("POST", "/proposals/apply", json=ask(house)).json()

        (row,) = (r for r in admin.get("/rules")["rules"] if r["rule"] == "unusual")
        assert (1, "admin", "four false ones") == (made["version"], made["actor"], made["reason"])
        assert ([house.ids.power], pytest.approx(found["rarity"]), "low") == (
            row["points"],
            row["high"],
            row["severity"],
        )
        assert "3 of 5 episodes of 90 days were marked false" in row["basis"]
        assert [] == proposed(admin, house)

    @pytest.mark.usefixtures("marked")
    def test_days(self, admin, house):
        """A bar of so many values is one of so many days of them: the point speaks each minute."""
        (found,) = proposed(admin, house)

        assert found["times"] / 1_440 == pytest.approx(found["rarity"])
        assert (None, 0) == (found["bar"], found["version"])

    @pytest.mark.usefixtures("marked")
    def test_taken_back(self, admin, house):
        """Rolled back, the bar is gone and proposed again."""
        admin("POST", "/proposals/apply", json=ask(house))
        admin("POST", "/rules/rollback", json={"to": 0, "reason": "too quiet", "version": 1})

        assert 1 == len(proposed(admin, house))

    @pytest.mark.usefixtures("marked")
    def test_raised_again(self, admin, house):
        """Further false marks above the bar propose a higher one, which says what holds now and replaces it."""
        admin("POST", "/proposals/apply", json=ask(house))
        more = [began(house.ids, NOW - n * HOUR, times=1e7) for n in range(1, 4)]
        put(house, *more)
        true = began(house.ids, NOW - 4 * DAY)  # what was marked true was a mistake
        for e in (*more, true):
            admin("POST", "/episodes/mark", json={"episode": e.episode, "verdict": "false"})
        (found,) = proposed(admin, house)
        admin("POST", "/proposals/apply", json=ask(house, version=1))

        (row,) = (r for r in admin.get("/rules")["rules"] if r["rule"] == "unusual")
        assert found["bar"] < found["rarity"] == pytest.approx(row["high"])

    @pytest.mark.usefixtures("marked")
    @pytest.mark.parametrize(
        ("key", "more", "status"),
        [("admin", {"version": 3}, 409), ("admin", {"point": 1 << 30}, 409), ("viewer", {}, 403), ("safety", {}, 200),
         ("operator", {}, 403), ("officer", {}, 403), ("local-admin", {}, 403), ("admin", {"reason": ""}, 422)],
    )  # fmt: skip
    def test_who_may(self, app, house, key, more, status):
        """Only who may change rules in all parks, for what is proposed, over the version that was looked at."""
        client = Client(app, f"park_{key}")

        assert status == client("POST", "/proposals/apply", json=ask(house, **more)).status_code
        assert (1 if status == 200 else 0) == client.get("/rules")["current"]["version"]

    def test_nothing_proposed(self, admin, house):
        """Where nothing is proposed nothing is applied."""
        assert 409 == admin("POST", "/proposals/apply", json=ask(house)).status_code


class TestTry:
    @pytest.fixture
    def tries(self, services, tmp_path):
        """A client of an application that can try rules, over a folder without a log."""
        runs = DryRunner(tmp_path, shipped)
        yield Client(create_app(replace(services, dry_runs=runs)), "park_admin")
        runs.stop()

    @pytest.mark.usefixtures("marked")
    def test_started(self, tries, house):
        """What is proposed is tried as rules are, over the last days; nothing is changed by it."""
        begun = tries("POST", "/proposals/try", json={"park": house.ids.park, "days": 3})

        run = begun.json()
        assert (202, NOW - 3 * DAY, NOW) == (begun.status_code, run["start"], run["end"])
        assert run["id"] == tries.get(f"/rules/dry-run/{run['id']}")["id"]
        assert 0 == tries.get("/rules")["current"]["version"]

    @pytest.mark.parametrize(
        ("asked", "status"), [({}, 409), ({"days": 32}, 422), ({"points": [-1]}, 422), ({"points": [5]}, 409)]
    )
    def test_refused(self, tries, house, asked, status):
        """A time that is too long, a point that is none, and what is not proposed start nothing."""
        assert status == tries("POST", "/proposals/try", json={"park": house.ids.park, **asked}).status_code


class TestFindings:
    def test_episode_fields(self, viewer, house):
        """A finding of an episode says of which, since when, what kind, how rare, and what spoke."""
        parts = (Part(Statistic.ABOVE, 6.1), Part(Statistic.STEP, 3.2))
        first = began(house.ids, NOW - HOUR, parts=parts)
        put(house, first)

        (found,) = viewer.get("/findings", park=house.ids.park, kind="anomaly")["items"]
        assert (first.episode, NOW - HOUR, None, "spike", "forecast", True, 1e6) == tuple(
            found[name] for name in ("episode", "since", "until", "anomaly", "baseline", "rising", "times")
        )
        assert [("above", 6.1), ("step", 3.2)] == [(p["statistic"], p["rarity"]) for p in found["parts"]]

    def test_story_in_words(self, viewer, house):
        """The story has each part in words, and how rare it was in values."""
        first = began(house.ids, NOW - HOUR, parts=(Part(Statistic.RUN, 4.0), Part(Statistic.MOVED, 99.0)))
        put(house, first)

        said = viewer.get(f"/episodes/{first.episode}")["parts"]
        assert [("数值持续不变", 1e4), ("波动幅度不同往常", 1e15)] == [(p["zh"], p["times"]) for p in said]
        assert "values in a row do not move" == said[0]["en"]
