"""Everything at once: a fire, its sensor cut or speaking nonsense, its gateway lost, the platform dead, time set back.

One alarm, active and latched, with one number; people were called to it once, and not again by any of this.
"""

import json
import os
import sqlite3
import struct
import subprocess
import sys
from dataclasses import replace

import pytest
from ground import HOUR, ROOT, SECONDS, Platform, Speaker, found

from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.settings import Settings
from runtime.broker import Kind, installed
from runtime.house import House
from tests.alerts.receivers import Receiver
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
# The platform in a world whose clock is set by us: the library's clock, as `date --set` would change it; nothing of
# the platform's own is touched. The offset (ns) lies in a file.
_CLOCK = """
import mmap, struct, sys, time
file = open(sys.argv.pop(1), "r+b")
held = mmap.mmap(file.fileno(), 8)
real, real_ns = time.time, time.time_ns
time.time_ns = lambda: real_ns() + struct.unpack("q", held[:8])[0]
time.time = lambda: real() + struct.unpack("q", held[:8])[0] / 1e9
from runtime.cli import main
main(sys.argv[1:])
"""


class Clocked(Platform):
    """The platform with a clock that is set."""

    def __init__(self, folder, **environment):
        super().__init__(folder, **environment)
        self._offset = folder.parent / "clock"
        self.set_clock(0)

    def set_clock(self, hours):
        """Set the clock by some hours from the true time."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("q", int(hours * 3_600 * 1e9)))
        self._lead = 0.0

    def _made(self):
        command = [sys.executable, "-c", _CLOCK, self._offset, "run", "--data-dir", self.folder]
        command += ["--http-port", self.http, "--mqtt-port", self.mqtt]
        with self.said.open("ab") as out:
            return subprocess.Popen(
                [str(part) for part in command],
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdout=out,
                stderr=out,
            )


def gateway_with_detectors(folder):
    """Found a park, and in it a unit with a gateway and two detectors behind it; return the unit's number."""
    found(folder)
    with House.open(replace(Settings(), data_dir=folder)) as house:

        def save(thing):
            (saved,) = house.registry.save([thing], actor="test", reason="", now=2_000)
            return saved.id

        park = house.registry.get(Park, 1).id
        unit = save(Place(0, park, park, PlaceKind.UNIT, "x1", "X 1"))
        box = save(Device(0, park, "native:p/-/gx", "gateway", "Gateway X", unit, 0, Lane.LIFE, 24 * HOUR))
        save(Point(0, box, "online", source_key="online", interval=24 * HOUR))
        for name in ("d1", "d2"):
            key = f"native:p/gx/{name}"
            smoke = save(Device(0, park, key, "smoke_detector", name, unit, box, Lane.LIFE, 24 * HOUR))
            for metric in ("smoke", "temperature"):
                save(Point(0, smoke, metric, source_key=metric, interval=24 * HOUR))
    return unit


def alarms_of(platform, unit, **more):
    """Return the fires of a unit, open or not."""
    query = "&".join(f"{k}={v}" for k, v in more.items())
    return platform.get(f"/api/v1/alarms?family=fire&place={unit}&{query}")["items"]


def calls(receiver):
    """Return the messages that called people to a fire anew, by id and kind, each once."""
    told = [(a["id"], a["kind"]) for b in receiver.bodies() for a in b["alarms"] if a["family"] == "fire"]
    return [(key, kind) for key, kind in dict.fromkeys(told) if kind in {"raised", "again", "worse"}]


def test_everything_at_once(tmp_path):
    """A fire outlives its sensor, its gateway, two kills and a clock that is set back an hour, and forth again."""
    unit = gateway_with_detectors(tmp_path / "data")
    with Receiver() as receiver:
        platform = Clocked(tmp_path / "data", PARK_WEBHOOK=receiver.url)

        def said(speaker, detector, values, shift=0):
            speaker.throw(
                f"parks/p/life/gx/{detector}", json.dumps({"ts": platform.now() + shift, "v": values}).encode()
            )

        try:
            platform.start()
            speaker = Speaker(platform.mqtt)
            said(speaker, "d1", {"smoke": True, "temperature": 71.5})
            until(lambda: calls(receiver))
            first = alarms_of(platform, unit)

            # Nonsense in mid-fire, and half a message: the sensor burns.
            said(speaker, "d1", {"smoke": None, "temperature": float("nan")})
            said(speaker, "d1", {"smoke": float("nan"), "temperature": 1e308})
            speaker.throw("parks/p/life/gx/d1", b'{"ts": 17950, "v": {"smo')
            # Its gateway's last will; nothing comes any more.
            speaker.tell("parks/p/life/-/gx", {"ts": platform.now(), "v": {"online": False}})
            until(lambda: platform.figures()['park_refused_total{lane="life"}'] >= 1)
            platform.kill()
            speaker.close()

            # Up again, an hour earlier by the clock.
            platform.set_clock(-1)
            platform.start(wait=False)  # health says that the clock is behind the log, and that is right
            until(lambda: platform.health().get("status") == "degraded", SECONDS)
            until(lambda: platform.part("life broker")["ready"], SECONDS)
            speaker = Speaker(platform.mqtt)
            set_back = alarms_of(platform, unit)
            # The gateway is back, with what it remembers: an old "all is well", and the fire once more.
            speaker.tell("parks/p/life/-/gx", {"ts": platform.now(), "v": {"online": True}})
            said(speaker, "d1", {"smoke": False}, shift=-2 * HOUR)
            said(speaker, "d1", {"smoke": True})
            until(lambda: platform.figures()['park_messages_total{lane="life"}'] >= 3)
            platform.kill()
            speaker.close()

            # The clock is put right.
            platform.set_clock(0)
            platform.start()
            last = alarms_of(platform, unit)
            closed = alarms_of(platform, unit, open="false")
            standing = [c for c in platform.conditions(standing="true") if c["family"] == "fire"]
            history = platform.get(f"/api/v1/alarms/{last[0]['id']}/history")["items"]

            # And a second detector confirms it: people are called again, to the same alarm.
            speaker = Speaker(platform.mqtt)
            said(speaker, "d2", {"smoke": True})
            until(lambda: len(calls(receiver)) == 2)
            confirmed = alarms_of(platform, unit)
            speaker.close()
        finally:
            platform.close()

    assert [1, 1, 1, 1] == [len(found) for found in (first, set_back, last, confirmed)]
    assert {first[0]["id"]} == {found[0]["id"] for found in (set_back, last, confirmed)}
    assert {"unacknowledged"} == {found[0]["state"] for found in (first, set_back, last)}
    assert ([], 1) == (closed, len(standing))
    assert not [line for line in history if line["verb"] in {"return", "close", "latch"}]
    assert ["raised", "worse"] == [kind for _, kind in calls(receiver)]
    assert ("critical", "fire.confirmed") == (confirmed[0]["severity"], confirmed[0]["rule"])


def test_database_that_is_locked(tmp_path):
    """While another program holds the database's file a fire is told; then its alarm is made, and not told again."""
    ids = found(tmp_path / "data")
    with Receiver() as receiver:
        platform = Platform(tmp_path / "data", PARK_WEBHOOK=receiver.url)
        try:
            platform.start()
            speaker = Speaker(platform.mqtt)
            other = sqlite3.connect(tmp_path / "data" / "park.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            speaker.tell("parks/p/life/-/s00", {"ts": platform.now(), "v": {"smoke": True}})
            until(lambda: calls(receiver), SECONDS)
            meanwhile = alarms_of(platform, ids.places[0])
            other.rollback()
            other.close()
            until(lambda: alarms_of(platform, ids.places[0]), SECONDS)
            until(lambda: {d["state"] for d in platform.get("/api/v1/deliveries?limit=10")["items"]} == {"delivered"})
            told = platform.figures()["park_standby_told_total"]
            speaker.close()
        finally:
            platform.close()

    (body,) = [b for b in receiver.bodies() if b["life"]]
    assert ([], 1.0, "Smoke 0") == (meanwhile, told, body["alarms"][0]["device"])
