"""Messages that nobody should send: counted, kept raw, shown; and the devices beside them do not notice."""

import base64
import json
from dataclasses import dataclass

import pytest
from ground import HOUR, Ids, Load, Platform, Speaker, found, wanted

from runtime.broker import Kind, installed
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
DAY = 24 * HOUR
M = "parks/p/bulk/g1/m00"
DEEP = b"[" * 100_000 + b"]" * 100_000
VALID = b'{"v":{"power":1,"voltage.a":%s}}'

# name -> topic, payload, reason, values refused
HOSTILE = {
    "not JSON": (M, b"power=12", "malformed", 0),
    "cut short": (M, b'{"v":{"power":', "malformed", 0),
    "no UTF-8": (M, b'{"v":{"power":"\xff\xfe"}}', "malformed", 0),
    "a NUL": (M, b'\0{"v":{}}', "malformed", 0),
    "nothing": (M, b"", "empty", 0),
    "an empty list": (M, b"[]", "empty", 0),
    "no values": (M, b'{"v":{}}', "empty", 0),
    "values are a list": (M, b'{"v":[1,2]}', "malformed", 0),
    "1 MB and more": (M, b'{"v":{"power":1},"x":"' + b"a" * (1 << 20) + b'"}', "too_large", 0),
    "deep": (M, DEEP, "too_deep", 0),
    "deep within": (M, b'{"v":{"power":' + DEEP + b"}}", "too_deep", 0),
    "an object as a value": (M, b'{"v":{"power":{"a":1}}}', "wrong_type", 1),
    "a word as a value": (M, b'{"v":{"power":"much"}}', "wrong_type", 1),
    "NaN": (M, b'{"v":{"power":NaN}}', "not_finite", 1),
    "infinity": (M, b'{"v":{"power":1e999}}', "not_finite", 1),
    "NaN as a word": (M, b'{"v":{"power":"nan"}}', "wrong_type", 1),
    "an unknown value": (M, b'{"v":{"weather":3}}', "unknown_metric", 1),
    "a thousand unknown values": (M, json.dumps({"v": {f"x{i}": i for i in range(1_000)}}).encode(), "unknown_metric",
                                  1_000),
    "long past": (M, b'{"ts":1000000000000,"v":{"power":1}}', "far_past", 1),
    "a time that is none": (M, b'{"ts":"today","v":{"power":1}}', "bad_time", 1),
    "a time beyond all numbers": (M, b'{"ts":1e300,"v":{"power":1}}', "bad_time", 1),
    "a stranger": ("parks/p/bulk/-/stranger", b'{"v":{"power":1,"frequency":50}}', "unknown_device", 2),
    "no topic of ours": ("parks/p/bulk/x", b'{"v":{"power":1}}', "no_dialect", 0),
    "a topic with odd letters": ("parks/p/bulk/g1/\U0001f525 '; drop table points; --", b'{"v":{"power":1}}',
                                 "unknown_device", 1),
    "beside a good value": (M, b'{"v":{"power":NaN,"voltage.a":221}}', "not_finite", 1),
}  # fmt: skip


@dataclass
class Running:
    """A running platform with somebody who speaks."""

    platform: Platform
    speaker: Speaker
    ids: Ids

    def kept(self, reason="", after=0):
        """Return the messages that wait in quarantine."""
        query = f"&reason={reason}" if reason else ""
        return self.platform.get(f"/api/v1/quarantine?limit=1000&after={after}{query}")["items"]

    def newest(self):
        """Return the number of the newest message that is kept."""
        return max((k["id"] for k in self.kept()), default=0)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Yield a platform that all tests here share; in the end its ledger must close."""
    folder = tmp_path_factory.mktemp("hostile")
    ids = found(folder / "data")
    platform = Platform(folder / "data")
    try:
        platform.start()
        speaker = Speaker(platform.mqtt)
        yield Running(platform, speaker, ids)
        speaker.close()
        rows = platform.settled()
        assert [] == [row for row in rows if row["unexplained"]]
        figures = platform.figures()
        assert 0 == figures['park_lane_failures_total{lane="bulk"}'] == figures['park_lane_failures_total{lane="life"}']
        assert 0 == platform.end()
    finally:
        platform.close()


@pytest.fixture(scope="module")
def kept(running):
    """Return what is in quarantine of each hostile message, once all of them were sent."""
    after = running.newest()
    for topic, payload, _, _ in HOSTILE.values():
        running.speaker.throw(topic, payload)
    items = until(lambda: _all(running.kept(after=after)))
    return dict(zip(HOSTILE, items, strict=True))


def _all(items):
    return items if len(items) >= len(HOSTILE) else []


class TestKept:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_one(self, running, kept, name):
        """It is kept as it came, with its reason, and counted with as many values as it held."""
        topic, payload, reason, readings = HOSTILE[name]
        item = kept[name]

        assert (reason, topic, readings) == (item["reason"], item["topic"], item["readings"])
        assert len(payload) == item["size"]
        shown = running.platform.get(f"/api/v1/quarantine/{item['id']}")
        raw = shown["text"].encode() if shown["text"] is not None else base64.b64decode(shown["base64"])
        assert raw == payload[: len(raw)]
        assert len(raw) == min(len(payload), 64 << 10)
        assert 1 == running.platform.post("/api/v1/quarantine/discard", {"ids": [item["id"]]})["moved"]
        assert item["id"] not in {i["id"] for i in running.kept()}


class TestMarked:
    @pytest.mark.parametrize("ahead", [HOUR, 365 * DAY, 10_000 * DAY])
    def test_far_future(self, running, ahead):
        """A value from the future is dated by its receipt and marked: the clock is wrong, the value need not be."""
        point = running.ids.points["m01/power"]
        at = running.platform.now()
        before = len(running.platform.stored(point))

        running.speaker.tell("parks/p/bulk/g1/m01", {"ts": at + ahead, "v": {"power": 5.5}})

        until(lambda: len(running.platform.stored(point)) > before)
        page = running.platform.get(f"/api/v1/points/{point}/readings?start={at - HOUR}&end={at + HOUR}")
        assert abs(page["ts"][-1] - at) < 10_000
        assert "wrong_clock" == page["quality"][-1]

    @pytest.mark.parametrize("value", [1e300, -1e300])
    def test_out_of_range(self, running, value):
        """A value that cannot be is stored and marked."""
        point = running.ids.points["m02/power"]
        at = running.platform.now()
        running.speaker.tell("parks/p/bulk/g1/m02", {"ts": at, "v": {"power": value}})

        until(lambda: (at, value) in running.platform.stored(point))
        page = running.platform.get(f"/api/v1/points/{point}/readings?start={at}&end={at + 1}")
        assert ["out_of_range"] == page["quality"]


class TestBeside:
    def test_flow(self, running):
        """While the worst of it comes a hundred times over, good devices are heard in full, and a fire at once."""
        load = Load(running.speaker, running.platform.now, 300.0)
        began = len(running.speaker.sent)
        worst = [HOSTILE[name][:2] for name in ("1 MB and more", "deep", "no UTF-8", "a thousand unknown values")]
        other = Speaker(running.platform.mqtt, "hostile")
        try:
            for n in range(100):
                other.throw(*worst[n % len(worst)])
            running.speaker.tell("parks/p/life/-/s00", {"ts": running.platform.now(), "v": {"smoke": True}})
            place = f"place:{running.ids.places[0]}"
            until(lambda: [c for c in running.platform.conditions() if c["subject"] == place], 10)
        finally:
            load.pause()
        load.stop()
        other.close()
        messages = [(t, b) for t, b, _ in running.speaker.sent[began:] if "/bulk/" in t]
        assert len(messages) > 100
        until(lambda: _missing(running, messages) == {})

    def test_topic_without_letters(self, running):
        """A topic that is no UTF-8 costs its sender the connection at the broker, and nobody else anything."""
        import socket
        import struct

        name = b"parks/p/bulk/g1/\xff\xfe"
        with socket.create_connection(("127.0.0.1", running.platform.mqtt), 10) as link:
            link.sendall(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03bad")
            assert 4 == len(link.recv(4))
            body = struct.pack(">H", len(name)) + name + b"\0\1" + b'{"v":{"power":1}}'
            link.sendall(b"\x32" + bytes([len(body)]) + body)
            link.settimeout(10)
            link.recv(16)  # an acknowledgement, or the end: the broker's choice
        at = running.platform.now()
        running.speaker.tell("parks/p/bulk/g1/m03", {"ts": at, "v": {"power": 7.0}})
        until(lambda: (at, 7.0) in running.platform.stored(running.ids.points["m03/power"]))


def _missing(running, messages):
    """Return what is not in the store of what was said."""
    missing = {}
    for name, expected in wanted(messages).items():
        gone = expected - set(running.platform.stored(running.ids.points[name]))
        if gone:
            missing[name] = gone
    return missing
