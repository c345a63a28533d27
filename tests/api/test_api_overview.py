"""A park at a glance: map, newest values, freshness, health; and what was found in it."""

from dataclasses import replace
from itertools import pairwise

import pytest
from api_house import NOW, Client

from api.schemas_parks import Latest
from park.events import AlarmState, ConditionChange, DeviceStatus, Finding, Label, Reason, Severity, Status
from park.metrics import Feed, Lane
from park.ports import Chunk, LedgerRow
from park.readings import Quality, batch_of
from park.records import Refusal, Refused, Verb

MINUTE = 60_000


def fire(ids, at, state=AlarmState.ACTIVE, rule="fire.pre_alarm", since=NOW - MINUTE):
    """Return a change of a fire in the zone."""
    return ConditionChange(
        rule, "fire", f"place:{ids.zone}", since, at, at, state, Severity.CRITICAL, Reason.DETECTOR_ALARM, ids.park,
        ids.zone, ids.smoke, ids.alarm, 1.0, None, (Label.LATE,),
    )  # fmt: skip


def status(ids, device, word, at=NOW - MINUTE):
    """Return a device's health."""
    return DeviceStatus(device, word, at, at - MINUTE, Reason.SILENT, ids.park)


def finding(ids, ts, point=None):
    """Return something unusual."""
    return Finding(
        "anomaly", point or ids.power, ts, ts, Severity.MEDIUM, Reason.UNUSUAL, 50.0, 20.0, park=ids.park
    )  # fmt: skip


class TestMap:
    def test_counts_climb(self, viewer, house):
        """A fire in a zone colours its unit, its building and its park; a silent device is counted alike."""
        ids = house.ids
        house.services.events.apply(Lane.LIFE, 1, [fire(ids, NOW - MINUTE), status(ids, ids.smoke, Status.SILENT)])

        got = viewer.get(f"/parks/{ids.park}/map")
        (building,) = got["buildings"]
        unit, empty = building["units"]

        assert [(x["conditions"], x["severity"], x["devices"], x["silent"]) for x in (got, building, unit, empty)] == [
            (1, "critical", 3, 1),
            (1, "critical", 3, 1),
            (1, "critical", 2, 1),
            (0, None, 0, 0),
        ]
        assert (unit["tenant"]["name"], empty["tenant"]) == ("宏达五金", None)
        assert unit["outline"] == [[0.0, 0.0], [9.0, 0.0], [9.0, 9.0]]

    def test_over(self, viewer, house):
        """What is over colours nothing."""
        ids = house.ids
        house.services.events.apply(Lane.LIFE, 1, [fire(ids, NOW - MINUTE), fire(ids, NOW, AlarmState.CLEARED)])

        assert tuple(viewer.get(f"/parks/{ids.park}/map")[k] for k in ("conditions", "severity")) == (0, None)

    def test_follows_the_registry(self, admin, house):
        """A change of the registry is seen at once."""
        admin("DELETE", f"/leases/{house.ids.lease}")
        house.now += 1

        assert admin.get(f"/parks/{house.ids.park}/map")["buildings"][0]["units"][0]["tenant"] is None


class TestFreshness:
    def test_seven(self, viewer, house):
        """All seven feeds are told of, none is silently left out."""
        feeds = {f["feed"]: f for f in viewer.get(f"/parks/{house.ids.park}/freshness")["feeds"]}

        assert list(Feed) == list(feeds)
        assert {k: feeds[k]["state"] for k in ("energy", "fire", "environment", "water")} == {
            "energy": "fresh",
            "fire": "fresh",
            "environment": "absent",
            "water": "absent",
        }
        assert tuple(feeds["energy"][k] for k in ("live", "total", "age")) == (1, 2, MINUTE)

    @pytest.mark.parametrize(
        ("later", "state"),
        [(2 * MINUTE, "fresh"), (2 * MINUTE + 30_000, "fresh"), (2 * MINUTE + 30_001, "silent")],
    )
    def test_silence(self, viewer, house, later, state):
        """A feed falls silent when its points missed three of their intervals and the grace."""
        house.now += later
        feeds = {f["feed"]: f for f in viewer.get(f"/parks/{house.ids.park}/freshness")["feeds"]}

        assert (state, MINUTE + later) == (feeds["energy"]["state"], feeds["energy"]["age"])

    def test_late(self, viewer, house, admin):
        """A feed of which less than half lives is late, not fresh."""
        for key in ("a", "b"):
            body = {"device": house.ids.meter, "metric": "voltage", "channel": key, "source_key": f"voltage.{key}"}
            assert admin("POST", "/points", json=body).status_code == 201
        feeds = {f["feed"]: f for f in viewer.get(f"/parks/{house.ids.park}/freshness")["feeds"]}

        assert tuple(feeds["energy"][k] for k in ("state", "live", "total")) == ("late", 1, 4)

    def test_wrong_clock(self, viewer, house):
        """Receipt counts: a device that says it is tomorrow keeps no feed fresh."""
        row = (house.ids.power, NOW + 600 * MINUTE, 1.0, Quality.WRONG_CLOCK, NOW - 59 * MINUTE)
        house.services.readings.write(Chunk(Lane.BULK, 2, batch_of([row])))
        feeds = {f["feed"]: f for f in viewer.get(f"/parks/{house.ids.park}/freshness")["feeds"]}

        assert feeds["energy"]["state"] == "silent"


class TestHealth:
    def test_worst_first(self, viewer, house):
        """Devices are told worst first; those that never spoke are told too, last."""
        ids = house.ids
        house.services.events.apply(
            Lane.BULK, 1, [status(ids, ids.meter, Status.ONLINE), status(ids, ids.smoke, Status.LOW_BATTERY)]
        )
        got = viewer.get(f"/parks/{ids.park}/health")

        assert [(ids.smoke, "low_battery"), (ids.meter, "online"), (ids.gateway, "never_seen")] == [
            (d["device"], d["status"]) for d in got["items"]
        ]
        assert tuple(
            got["counts"][k] for k in ("low_battery", "online", "never_seen", "silent")
        ) == (1, 1, 1, 0)  # fmt: skip
        assert [ids.meter] == [d["device"] for d in viewer.get(f"/parks/{ids.park}/health", status="online")["items"]]

    def test_spoke_first_just_now(self, viewer, house):
        """A device that has just spoken for the first time is online before its status is told; one long ago is not."""
        ids = house.ids
        asked = {d["device"]: (d["status"], d["last_seen"]) for d in viewer.get(f"/parks/{ids.park}/health")["items"]}

        assert (("online", NOW - 9_000), ("never_seen", None)) == (asked[ids.smoke], asked[ids.gateway])

        house.now += 6 * MINUTE
        items = viewer.get(f"/parks/{ids.park}/health")["items"]
        assert "never_seen" == next(d["status"] for d in items if d["device"] == ids.smoke)


class TestLatest:
    def test_words(self, viewer, house):
        """The newest value of each point is told with its quality and, for states, its word."""
        answer = viewer.get(f"/parks/{house.ids.park}/latest")
        Latest.model_validate(answer)  # it is written without the schema, so the schema is held to it here
        items = {r["point"]: r for r in answer["items"]}

        assert {house.ids.power, house.ids.alarm, house.ids.battery} == set(items)
        assert tuple(
            items[house.ids.alarm][k] for k in ("state", "quality", "ts")
        ) == ("normal", "good", NOW - 10_000)  # fmt: skip


class TestConditions:
    def test_pages_and_story(self, viewer, house):
        """Conditions come newest first in pages; each has its story."""
        ids = house.ids
        changes = [fire(ids, NOW - i * MINUTE, since=NOW - i * MINUTE) for i in range(1, 6)]
        confirmed = fire(ids, NOW, AlarmState.LATCHED, "fire.confirmed", NOW - 5 * MINUTE)
        house.services.events.apply(Lane.LIFE, 1, [*changes, confirmed])
        before, seen = "", []
        while before is not None:
            page = viewer.get("/conditions", standing=True, before=before, limit=2)
            seen += page["items"]
            before = page["next"]
        story = viewer.get(f"/conditions/{confirmed.condition_id}")

        assert 5 == len({c["id"] for c in seen}) == len(seen)
        assert all(a["since"] >= b["since"] for a, b in pairwise(seen))
        assert [c["rule"] for c in story["history"]] == ["fire.pre_alarm", "fire.confirmed"]
        assert tuple(story["condition"][k] for k in ("state", "standing", "labels")) == ("latched", True, ["late"])

    def test_reset(self, app, house):
        """An officer's reset enters the lane of the device, with name, reason and what it is about."""
        condition = fire(house.ids, NOW)
        house.services.events.apply(Lane.LIFE, 1, [condition])
        officer = Client(app, "park_officer")

        body = {"condition": condition.condition_id, "reason": "现场确认"}
        answer = officer("POST", "/conditions/reset", json=body)
        (lane, command), also = house.commands

        assert (answer.status_code, answer.json()["received"]) == (202, NOW)
        assert also == (Lane.BULK, command)  # where the alarm is if the detector spoke on a topic of bulk
        assert (lane, command.verb, command.actor, command.reason) == (Lane.LIFE, Verb.RESET, "officer", "现场确认")
        assert command.arguments["subject"] == condition.subject
        assert command.arguments["condition"] == condition.condition_id

    def test_reset_ends_one(self, admin, house):
        """A reset names one subject: no place and no device, with which other fires would end unseen."""
        condition = fire(house.ids, NOW)
        house.services.events.apply(Lane.LIFE, 1, [condition])
        admin("POST", "/conditions/reset", json={"condition": condition.condition_id, "reason": "x"})

        assert [(c.place, c.device) for _, c in house.commands] == [(0, 0)] * 2

    def test_reset_needs_a_reason(self, admin, house):
        """Nobody resets a fire without saying why."""
        condition = fire(house.ids, NOW)
        house.services.events.apply(Lane.LIFE, 1, [condition])
        body = {"condition": condition.condition_id, "reason": ""}

        assert admin("POST", "/conditions/reset", json=body).status_code == 422

    def test_reset_of_what_is_over(self, admin, house):
        """What is over cannot be reset, and what never was is not there."""
        over = fire(house.ids, NOW, AlarmState.CLEARED)
        house.services.events.apply(Lane.LIFE, 1, [over])
        ids = (over.condition_id, "fire/place:1/1")

        answers = [admin("POST", "/conditions/reset", json={"condition": i, "reason": "x"}) for i in ids]

        assert [a.status_code for a in answers] == [409, 404]
        assert house.commands == []

    def test_reset_while_a_lane_is_full(self, admin, house):
        """A lane that takes nothing does not keep a reset from the other, and the person is told to try again."""
        condition = fire(house.ids, NOW)
        house.services.events.apply(Lane.LIFE, 1, [condition])
        house.full.add(Lane.LIFE)

        body = {"condition": condition.condition_id, "reason": "x"}
        answer = admin("POST", "/conditions/reset", json=body)

        assert answer.status_code == 507
        assert [lane for lane, _ in house.commands] == [Lane.BULK]

    def test_reset_of_a_limit(self, admin, house):
        """A condition that one lane alone can hold is reset there alone."""
        over = replace(fire(house.ids, NOW), rule="limit.co2", family="limit.co2")
        house.services.events.apply(Lane.LIFE, 1, [over])
        admin("POST", "/conditions/reset", json={"condition": over.condition_id, "reason": "x"})

        assert [lane for lane, _ in house.commands] == [Lane.LIFE]

    def test_unclaimed_fire(self, admin, house):
        """A fire of a device that nobody claimed can be reset, whichever lane has heard it."""
        alarm = ConditionChange(
            "fire.pre_alarm", "fire", "unclaimed:z2m:kitchen/1", NOW, NOW, NOW, AlarmState.LATCHED, Severity.CRITICAL,
            Reason.DETECTOR_ALARM, labels=(Label.UNCLAIMED,),
        )  # fmt: skip
        house.services.events.apply(Lane.LIFE, 1, [alarm])

        assert (
            admin("POST", "/conditions/reset", json={"condition": alarm.condition_id, "reason": "x"}).status_code == 202
        )
        assert [lane for lane, _ in house.commands] == [Lane.LIFE, Lane.BULK]
        assert viewer_subject(admin, alarm) == "unclaimed:z2m:kitchen/1"


def viewer_subject(client, condition):
    """Return the subject of a condition as the API tells it."""
    return client.get(f"/conditions/{condition.condition_id}")["condition"]["subject"]


class TestFindings:
    def test_pages(self, viewer, house):
        """Findings come newest first, each once."""
        ids = house.ids
        house.services.events.apply(Lane.BULK, 1, [finding(ids, NOW - i * MINUTE) for i in range(7)])
        before, seen = "", []
        while before is not None:
            page = viewer.get("/findings", park=ids.park, before=before, limit=3)
            seen += [f["ts"] for f in page["items"]]
            before = page["next"]

        assert [NOW - i * MINUTE for i in range(7)] == seen


class TestLedger:
    def test_unexplained(self, viewer, house):
        """The ledger tells what is missing."""
        house.ledger_rows = [LedgerRow(house.ids.gateway, NOW, 5, 45, 40, 2, 1, 1, 0)]

        got = viewer.get("/ledger")

        assert (got["unexplained"], got["items"][0]["unexplained"], got["items"][0]["received"]) == (1, 1, 45)

    def test_range(self, viewer):
        """The ledger of a year is not asked for at once."""
        assert viewer("GET", "/ledger", params={"start": 0, "end": NOW}).status_code == 400


class TestQuarantine:
    @pytest.fixture
    def kept(self, house):
        """Three refused messages: text, bytes, and one of a waiting device."""
        rows = [
            Refused(Refusal.MALFORMED, "parks/xixing/bulk/gw/a", "<script>电</script>".encode(), 22, NOW),
            Refused(Refusal.MALFORMED, "parks/other/bulk/gw/b", b"\x00\xff", 2, NOW),
            Refused(
                Refusal.UNKNOWN_DEVICE, "parks/xixing/bulk/gw/new", b'{"v":{"power":1}}', 17, NOW,
                "native:xixing/gw/new", readings=1,
            ),
        ]  # fmt: skip
        house.services.quarantine.keep(Lane.BULK, 1, rows)
        return house.services.quarantine.waiting()

    def test_payload(self, admin, kept):
        """Text is shown as text within JSON, bytes as base64: nothing a browser would run."""
        text, raw = (admin("GET", f"/quarantine/{q.id}") for q in kept[:2])

        assert (
            text.headers["content-type"],
            text.headers["x-content-type-options"],
        ) == ("application/json", "nosniff")
        assert (text.json()["text"], text.json()["base64"]) == ("<script>电</script>", None)
        assert (raw.json()["text"], raw.json()["base64"]) == (None, "AP8=")

    def test_scope(self, app, kept):
        """An operator of one park sees, retries and discards its messages only."""
        operator = Client(app, "park_operator")
        first, foreign, new = (q.id for q in kept)

        assert [first, new] == [q["id"] for q in operator.get("/quarantine")["items"]]
        assert operator("GET", f"/quarantine/{foreign}").status_code == 404
        assert operator("POST", "/quarantine/discard", json={"ids": [first, foreign]}).status_code == 404

    def test_retry_and_discard(self, admin, house, kept):
        """Messages are retried and discarded in the name of who asks."""
        first, foreign, new = (q.id for q in kept)

        assert admin("POST", "/quarantine/retry", json={"ids": [first, foreign]}).json() == {"moved": 2}
        assert admin("POST", "/quarantine/discard", json={"ids": [new]}).json() == {"moved": 1}
        assert [([first, foreign], "admin")] == house.retried
        assert tuple(admin.get(f"/quarantine/{new}")[k] for k in ("state", "actor")) == ("discarded", "admin")

    def test_claim(self, admin, house, kept):
        """A waiting device is shown with its newest message and can be claimed."""
        (waiting,) = admin.get("/waiting")
        body = {
            "device_key": waiting["device_key"], "park": house.ids.park, "place": house.ids.empty, "kind": "meter",
            "points": [{"source_key": "power", "metric": "power"}],
        }  # fmt: skip

        answer = admin("POST", "/waiting/claim", json=body)
        ((claim, actor),) = house.claims

        assert len(kept) == 3
        assert (
            answer.status_code, actor, claim.device_key, claim.points[0].metric,
        ) == (201, "admin", "native:xixing/gw/new", "power")  # fmt: skip

    @pytest.mark.parametrize("wrong", [{"place": 99_999}, {"points": [{"source_key": "x", "metric": "nonsense"}]}])
    def test_claim_of_nonsense(self, admin, house, wrong):
        """A claim must name a place of the park and metrics of the catalogue."""
        body = {"device_key": "native:x", "park": house.ids.park, "place": house.ids.unit, "kind": "meter", **wrong}

        assert admin("POST", "/waiting/claim", json=body).status_code == 404
        assert house.claims == []
