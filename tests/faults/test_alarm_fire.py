"""A fire becomes one alarm that people act on, whatever happens to the platform in between."""

import pytest
from ground import Platform, Speaker, found

from runtime.broker import Kind, installed
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]


def alarm_of(platform, place, **more):
    """Return the alarms of a place's fire."""
    query = "&".join(f"{k}={v}" for k, v in ({"family": "fire", "place": place} | more).items())
    return platform.get(f"/api/v1/alarms?{query}")["items"]


def test_from_smoke_to_verdict(tmp_path):
    """Raised, acknowledged, killed, confirmed, killed, reset by a person, closed: one alarm, and nothing forgotten."""
    ids = found(tmp_path / "data")
    platform = Platform(tmp_path / "data")
    place = ids.places[0]
    try:
        platform.start()
        speaker = Speaker(platform.mqtt)
        speaker.tell("parks/p/life/-/s00", {"ts": platform.now(), "v": {"smoke": True}})
        (alarm,) = until(lambda: alarm_of(platform, place))
        seen = platform.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", {"version": alarm["version"], "note": "去看"})
        speaker.close()
        platform.kill()

        platform.start()
        (after,) = alarm_of(platform, place)
        speaker = Speaker(platform.mqtt)
        confirmed = platform.post(f"/api/v1/alarms/{alarm['id']}/confirm", {"note": "有火"})
        speaker.tell("parks/p/life/-/s00", {"ts": platform.now(), "v": {"smoke": True}})  # the same, once more
        platform.kill()
        speaker.close()

        platform.start()
        (again,) = alarm_of(platform, place)
        platform.post(f"/api/v1/alarms/{alarm['id']}/reset", {"why": "confirmed_clear", "note": "已扑灭"})
        over = until(lambda: [a for a in alarm_of(platform, place) if a["state"] == "returned"])
        closed = platform.post(f"/api/v1/alarms/{alarm['id']}/close", {"verdict": "real", "note": "电饭锅"})
        platform.kill()

        platform.start()
        history = platform.get(f"/api/v1/alarms/{alarm['id']}/history")["items"]
        every = platform.get(f"/api/v1/alarms?family=fire&open=false&place={place}")["items"]
        assert 0 == platform.end()
    finally:
        platform.close()

    assert ("acknowledged", seen["version"]) == (after["state"], after["version"])
    assert ("critical", "unacknowledged", "unacknowledged") == (
        confirmed["severity"], confirmed["state"], again["state"]
    )  # fmt: skip
    assert ([alarm["id"]], "closed") == ([a["id"] for a in every], closed["state"])
    assert alarm["id"] == over[0]["id"]
    verbs = [line["verb"] for line in history if line["verb"] not in {"escalate", "nobody", "realarm"}]
    # The stage may have obeyed before the wish was written down.
    assert (["trigger", "acknowledge", "confirm"], {"reset", "return"}, ["close"]) == (
        verbs[:3], set(verbs[3:5]), verbs[5:]
    )  # fmt: skip
