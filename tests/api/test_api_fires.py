"""Who sees a fire, and who may end it."""

from dataclasses import replace

import pytest
from api_house import NOW, Client

from park.alarms import LIFE_FAMILIES
from park.events import AlarmState, ConditionChange, Label, Reason, Severity
from park.metrics import Lane


def stranger(park, subject="unclaimed:z2m:kitchen"):
    """Return a fire of a device that nobody claimed."""
    return ConditionChange(
        "fire.pre_alarm", "fire", subject, NOW, NOW, NOW, AlarmState.ACTIVE, Severity.HIGH, Reason.DETECTOR_ALARM,
        park=park, labels=(Label.UNCLAIMED,),
    )  # fmt: skip


class TestOfNoPark:
    @pytest.mark.parametrize("key", ["viewer", "operator", "officer", "two", "other", "admin"])
    def test_seen_by_all(self, app, house, key):
        """A fire that nobody knows the park of is in every key's list, and its story can be read."""
        alarm = stranger(0)
        house.services.events.apply(Lane.LIFE, 1, [alarm])
        client = Client(app, f"park_{key}")
        scope = {"park": house.ids.park} if key == "two" else {}

        assert [alarm.condition_id] == [c["id"] for c in client.get("/conditions", **scope)["items"]]
        assert alarm.condition_id == client.get(f"/conditions/{alarm.condition_id}")["condition"]["id"]

    @pytest.mark.parametrize(
        ("key", "status"), [("officer", 403), ("local-admin", 403), ("other", 403), ("admin", 202)]
    )
    def test_ended_by_few(self, app, house, key, status):
        """It may burn in another park: a key of some parks does not end it."""
        alarm = stranger(0)
        house.services.events.apply(Lane.LIFE, 1, [alarm])

        body = {"condition": alarm.condition_id, "reason": "seen"}
        answer = Client(app, f"park_{key}")("POST", "/conditions/reset", json=body)

        assert (status, status == 202) == (answer.status_code, bool(house.commands))

    @pytest.mark.parametrize(
        ("key", "reset", "close"), [("officer", 403, 403), ("other", 403, 403), ("admin", 202, 409)]
    )
    def test_its_alarm_ended_by_few(self, app, house, key, reset, close):
        """Nor does such a key end its alarm: by a reset, or with a verdict once it is over."""
        house.services.events.apply(Lane.LIFE, 1, [stranger(0)])
        client = Client(app, f"park_{key}")

        answer = client("POST", "/alarms/1/reset", json={"why": "confirmed_clear", "note": "seen"})
        assert (reset, reset == 202) == (answer.status_code, bool(house.commands))
        assert close == client("POST", "/alarms/1/close", json={"verdict": "unwanted", "note": "x"}).status_code

    @pytest.mark.parametrize(
        ("family", "status"), [*((family, 200) for family in sorted(LIFE_FAMILIES)), ("device", 404)]
    )
    def test_its_alarm_and_files(self, app, house, family, status):
        """Of no park only alarms of life safety are open to a key of one park, and so are their files."""
        house.services.events.apply(Lane.LIFE, 1, [replace(stranger(0), rule=f"{family}.x", family=family)])
        client = Client(app, "park_other")

        assert [status] * 2 == [client("GET", f"/alarms/1{path}").status_code for path in ("", "/attachments")]


class TestOfAPark:
    def test_scoped(self, app, house):
        """A stranger's fire that names its park is told to that park's keys, and to no other's."""
        alarm = stranger(house.ids.park)
        house.services.events.apply(Lane.LIFE, 1, [alarm])
        officer, other = Client(app, "park_officer"), Client(app, "park_other")

        assert [alarm.condition_id] == [c["id"] for c in officer.get("/conditions")["items"]]
        assert [] == other.get("/conditions")["items"]
        assert 404 == other("GET", f"/conditions/{alarm.condition_id}").status_code
        body = {"condition": alarm.condition_id, "reason": "seen"}
        assert 202 == officer("POST", "/conditions/reset", json=body).status_code


def test_both_lanes(app, house):
    """A reset ends what stands of the same fire in either lane, and no other alarm."""
    one = stranger(house.ids.park)
    twin = ConditionChange(
        one.rule, one.family, one.subject, NOW + 40, NOW + 40, NOW, one.state, one.severity, one.reason, one.park
    )
    other = stranger(house.ids.park, "unclaimed:z2m:hall")
    house.services.events.apply(Lane.LIFE, 1, [one, other])
    house.services.events.apply(Lane.BULK, 1, [twin])

    body = {"condition": one.condition_id, "reason": "seen"}
    Client(app, "park_officer")("POST", "/conditions/reset", json=body)

    assert {(lane, c) for lane in Lane for c in (one.condition_id, twin.condition_id)} == {
        (lane, command.arguments["condition"]) for lane, command in house.commands
    }
