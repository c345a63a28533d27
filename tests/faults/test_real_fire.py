"""Fire passes every gate: whatever is wrong with its message, it is raised, once, and says what is wrong."""

from dataclasses import dataclass

import pytest
from ground import HOUR, Ids, Listener, Platform, Speaker, found

from runtime.broker import Broker, Kind, installed
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
DAY = 24 * HOUR
YEAR = 365 * DAY


@dataclass
class Running:
    """A running platform with somebody who speaks and somebody who listens."""

    platform: Platform
    speaker: Speaker
    page: Listener
    ids: Ids

    def topic(self, n: int, lane: str = "life") -> str:
        """Return the topic of a detector."""
        return f"parks/p/{lane}/-/s{n:02d}"

    def subject(self, n: int) -> str:
        """Return what an alarm of a detector is about."""
        return f"place:{self.ids.places[n]}"

    def raised(self, subject: str) -> dict:
        """Wait until a live page hears of a subject; return the first that it heard."""
        return until(lambda: self.page.of(subject))[0]

    def all_heard(self) -> None:
        """Wait until everything that was said before has gone through both lanes, and the events into SQL."""
        n = len(self.ids.places) - 1  # the last detector says when
        at = self.platform.now()
        for lane in ("bulk", "life"):
            self.speaker.tell(self.topic(n, lane), {"ts": at, "v": {"smoke": False, "no_such_metric": at}})
            detail = f"quarantine?device_key=native:p/-/s{n:02d}&limit=1000"

            def arrived(lane: str = lane, detail: str = detail) -> bool:
                items = self.platform.get(f"/api/v1/{detail}")["items"]
                return any(i["lane"] == lane and i["received"] >= at - 1 for i in items)

            until(arrived)

    def stored(self, subject: str) -> list[dict]:
        """Return the conditions of a subject that are in SQL."""
        return [c for c in self.platform.conditions() if c["subject"] == subject]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Yield a platform that all tests here share; each has detectors of its own."""
    folder = tmp_path_factory.mktemp("fire")
    ids = found(folder / "data")
    platform = Platform(folder / "data")
    try:
        platform.start()
        speaker, page = Speaker(platform.mqtt), Listener(platform)
        yield Running(platform, speaker, page, ids)
        page.close()
        speaker.close()
        assert 0 == platform.end()
    finally:
        platform.close()


# detector, what its clock is off by (ms), further members of the message, labels of the alarm
STRANGE = {
    "an hour old": (0, -HOUR, {}, ["late"]),
    "said to be back-filled": (1, -60_000, {"backfill": True}, ["late"]),
    "a year ahead": (2, YEAR, {}, ["wrong_clock"]),
    "a year behind": (3, -YEAR, {}, ["late"]),  # it may be true: a gateway that was dug out
    "two years behind": (4, -2 * YEAR, {}, ["wrong_clock"]),  # further back than anybody keeps anything
    "at the beginning of all time": (5, None, {"ts": 0}, ["wrong_clock"]),
    "a time that is none": (6, None, {"ts": "yesterday"}, ["wrong_clock"]),
    "no time at all": (7, None, {}, []),
    "beside a value that is nonsense": (8, 0, {"v": {"smoke": True, "power": "much", "voltage": None}}, []),
}


class TestStrange:
    @pytest.mark.parametrize(("n", "off", "members", "labels"), STRANGE.values(), ids=STRANGE.keys())
    def test_raised(self, running, n, off, members, labels):
        """An alarm with a strange time is raised at receipt, once however often it comes, and says what is strange."""
        at = running.platform.now()
        body = {"v": {"smoke": True}} | ({} if off is None else {"ts": at + off}) | members
        for _ in range(3):
            running.speaker.tell(running.topic(n), body)

        told = running.raised(running.subject(n))
        running.all_heard()

        assert ("fire.pre_alarm", "active", labels) == (told["rule"], told["state"], told["labels"])
        assert abs(told["at"] - at) < 10_000
        assert 1 == len(running.page.of(running.subject(n)))
        (stored,) = until(lambda: running.stored(running.subject(n)))
        assert (told["rule"], told["state"], labels) == (stored["rule"], stored["state"], stored["labels"])

    def test_bulk_topic(self, running):
        """A detector that speaks on a topic of bulk is raised, once, and a named person can reset it."""
        for _ in range(3):
            running.speaker.tell(running.topic(9, "bulk"), {"ts": running.platform.now(), "v": {"smoke": True}})

        told = running.raised(running.subject(9))
        running.all_heard()
        assert ("fire.pre_alarm", "active") == (told["rule"], told["state"])
        assert 1 == len(running.page.of(running.subject(9)))

        reset(running, running.subject(9))
        assert "person_reset" == running.page.of(running.subject(9))[-1]["reason"]

    def test_unclaimed(self, running):
        """An alarm of a device that nobody claimed is raised once, says so, and a named person can reset it."""
        for _ in range(3):
            running.speaker.tell("parks/p/life/-/stranger", {"ts": running.platform.now(), "v": {"smoke": True}})
        subject = "unclaimed:native:p/-/stranger"

        told = running.raised(subject)
        running.all_heard()

        assert ("fire.pre_alarm", "active", ["unclaimed"]) == (told["rule"], told["state"], told["labels"])
        assert 1 == len(running.page.of(subject))
        waiting = {d["device_key"]: d["messages"] for d in running.platform.get("/api/v1/waiting")}
        assert 3 == waiting["native:p/-/stranger"]
        reset(running, subject)

    def test_unclaimed_on_bulk(self, running):
        """A stranger's alarm on a topic of bulk is raised all the same, and can be reset."""
        running.speaker.tell("parks/p/bulk/-/other", {"v": {"gas": "alarm"}})
        subject = "unclaimed:native:p/-/other"

        told = running.raised(subject)

        assert ("gas.pre_alarm", ["unclaimed"]) == (told["rule"], told["labels"])
        reset(running, subject)

    def test_claimed_while_it_burns(self, running):
        """Claiming a device that burns raises the fire of its place; what it said before is taken in."""
        running.speaker.tell("parks/p/life/-/kitchen", {"ts": running.platform.now(), "v": {"smoke": True}})
        running.raised("unclaimed:native:p/-/kitchen")
        until(lambda: [d for d in running.platform.get("/api/v1/waiting") if d["device_key"] == "native:p/-/kitchen"])
        place = running.ids.places[10]

        claim = {"device_key": "native:p/-/kitchen", "park": 1, "place": place, "kind": "smoke_detector"}
        running.platform.post("/api/v1/waiting/claim", claim)

        assert "fire.pre_alarm" == running.raised(running.subject(10))["rule"]
        reset(running, "unclaimed:native:p/-/kitchen")


class TestOrdinary:
    def test_cleared_by_the_device(self, running):
        """A live "normal" of the device ends its alarm; a new alarm after it is a new condition."""
        for n, smoke in enumerate((True, False, True)):
            running.speaker.tell(running.topic(11), {"ts": running.platform.now() + n, "v": {"smoke": smoke}})
            until(lambda n=n: len(running.page.of(running.subject(11))) == n + 1)

        told = running.page.of(running.subject(11))
        assert ["active", "cleared", "active"] == [c["state"] for c in told]
        assert "device_reset" == told[1]["reason"]
        assert told[0]["since"] == told[1]["since"] < told[2]["since"]

    def test_old_normal(self, running):
        """A "normal" that is older than the alarm, or back-filled, clears nothing."""
        at = running.platform.now()
        running.speaker.tell(running.topic(12), {"ts": at, "v": {"smoke": True}})
        running.raised(running.subject(12))
        running.speaker.tell(running.topic(12), {"ts": at - 1_000, "v": {"smoke": False}})
        running.speaker.tell(running.topic(12), {"ts": at + 1_000, "v": {"smoke": False}, "backfill": True})
        running.all_heard()

        assert ["active"] == [c["state"] for c in running.page.of(running.subject(12))]

    def test_test_mode(self, running):
        """The alarm of a device in test mode is kept apart: told as a test, of low severity, and no fire."""
        device = running.ids.detectors[13]
        running.platform.post(f"/api/v1/devices/{device}/mode", {"mode": "test", "reason": "drill"})
        for _ in range(2):
            running.speaker.tell(running.topic(13), {"ts": running.platform.now(), "v": {"smoke": True}})

        told = running.raised(f"device:{device}")
        running.all_heard()

        assert ("test.alarm", "low", ["test"]) == (told["rule"], told["severity"], told["labels"])
        assert [] == running.page.of(running.subject(13))


def reset(running, subject):
    """End the condition of a subject as a named person would, and wait until it is over, in the stream and in SQL."""
    (condition,) = until(lambda: [c for c in running.stored(subject) if c["state"] != "cleared"])
    running.platform.post("/api/v1/conditions/reset", {"condition": condition["id"], "reason": "looked at"})
    until(lambda: running.page.of(subject)[-1]["state"] == "cleared")
    until(lambda: all(c["state"] == "cleared" for c in running.stored(subject)))


class TestLatch:
    """What happens to platform and broker ends no alarm."""

    def test_survives(self, tmp_path):
        """A fire outlives a kill, a clean stop, and a new broker with a retained "normal"; a live one ends it."""
        ids = found(tmp_path / "data")
        broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
        platform = Platform(tmp_path / "data", broker.port)
        subject = f"place:{ids.places[0]}"
        topic = "parks/p/life/-/s00"

        def states():
            return [(c["state"], c["since"]) for c in platform.conditions() if c["subject"] == subject]

        try:
            platform.start()
            speaker = Speaker(broker.port)
            speaker.tell(topic, {"ts": platform.now(), "v": {"smoke": True}})
            ((_, since),) = until(states)
            platform.kill()
            platform.start()
            assert [("active", since)] == states()
            assert 0 == platform.end()

            speaker.close()
            broker.stop()
            broker = Broker.start(tmp_path / "broker2", port=broker.port, kind=Kind.MOSQUITTO)
            speaker = Speaker(broker.port)
            speaker.tell(topic, {"v": {"smoke": False}}, retain=True)
            speaker.tell("parks/p/life/-/s01", {"v": {"smoke": True}}, retain=True)
            platform.start()
            page = Listener(platform)
            other = f"place:{ids.places[1]}"
            found_again = until(lambda: [c for c in platform.conditions() if c["subject"] == other])
            assert [("active", ["retained"])] == [(c["state"], c["labels"]) for c in found_again]
            assert [("active", since)] == states()

            speaker.tell(topic, {"v": {"smoke": False}})
            until(lambda: page.of(subject))
            assert [("cleared", since)] == until(lambda: [s for s in states() if s[0] == "cleared"])
            page.close()
            speaker.close()
            assert 0 == platform.end()
        finally:
            platform.close()
            broker.stop()
