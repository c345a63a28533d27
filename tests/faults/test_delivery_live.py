"""A fire on the wire reaches a webhook, through kills and restarts of the platform: one alarm, told, and no storm."""

import time

import pytest
from ground import Platform, Speaker, found

from runtime.broker import Kind, installed
from tests.alerts.receivers import Receiver
from tests.tools import SLOWER, until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]


def fires(receiver):
    """Return (alarm, message) of the fires that a receiver was told of."""
    return [(a["alarm"], b["id"]) for b in receiver.bodies() for a in b["alarms"] if a["family"] == "fire"]


def test_fire_through_a_kill(tmp_path):
    """What was told is not told again after a kill; what could not be told is; the alarm stands, once, latched."""
    found(tmp_path / "data")
    away = []
    with Receiver(lambda _: (503, {}, b"") if away else (200, {}, b"{}")) as receiver:
        platform = Platform(tmp_path / "data", PARK_WEBHOOK=receiver.url)
        try:
            platform.start()
            speaker = Speaker(platform.mqtt)
            began = time.monotonic()
            speaker.tell("parks/p/life/-/s00", {"ts": platform.now(), "v": {"smoke": True}})
            until(lambda: fires(receiver))
            took = time.monotonic() - began

            away.append(True)
            speaker.tell("parks/p/life/-/s01", {"ts": platform.now(), "v": {"smoke": True}})
            until(lambda: len({alarm for alarm, _ in fires(receiver)}) == 2)
            speaker.close()
            platform.kill()
            before = fires(receiver)
            away.clear()

            platform.start(wait=False)  # a broker that was killed with it is a while in coming back
            until(lambda: len(fires(receiver)) > len(before), 60)
            platform.ready()
            after = fires(receiver)[len(before) :]
            alarms = platform.get("/api/v1/alarms?family=fire")["items"]
        finally:
            platform.close()

    assert took < SLOWER * 15  # GB/T 45839-2025, 5.10.4, by the pace of a quiet machine
    assert {before[1]} == set(after)
    assert [(True, "unacknowledged")] * 2 == [(a["life"], a["state"]) for a in alarms]
