"""The broker killed and started again in mid-load.

What Mosquitto itself promises: a message that it has acknowledged is handed over, unless it is killed before
it has saved it: it saves every 5 s (`autosave_interval`), and at a clean end. The same holds of sessions.
"""

import signal
import time

import pytest
from ground import Load, Platform, Speaker, found, wanted

from runtime.broker import Broker, Kind, installed
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
RATE = 500.0  # messages a second, of four readings
SAVED = 5.0  # s from one saving of the broker to the next


def run(tmp_path, ends):
    """End the broker in mid-load, each time differently; return what was lost, and when the broker ended."""
    ids = found(tmp_path / "data")
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    platform = Platform(tmp_path / "data", broker.port)
    ended = []
    try:
        platform.start()
        speaker = Speaker(broker.port)
        load = Load(speaker, platform.now, RATE)
        try:
            for end in ends:
                taken = platform.figures()['park_readings_total{lane="bulk"}'] + 4 * RATE
                until(lambda taken=taken: platform.figures()['park_readings_total{lane="bulk"}'] > taken)
                if end is Broker.kill:
                    _saved(tmp_path / "broker" / "mosquitto.db")
                ended.append(time.monotonic())
                end(broker)
                until(lambda: not platform.part("bulk broker")["ready"] and not platform.part("life broker")["ready"])
                assert "degraded" == platform.health()["status"]
                platform.process.send_signal(signal.SIGSTOP)  # the others are back first, and the broker keeps for us
                broker.restart()
                sent = load.sent
                until(lambda sent=sent: load.sent - speaker.waiting() > sent + RATE)
                platform.process.send_signal(signal.SIGCONT)
                platform.ready()
        finally:
            load.pause()
        load.stop()
        speaker.tell("parks/p/life/-/s00", {"v": {"smoke": True}})  # both lanes are back, the other one too
        until(lambda: [c for c in platform.conditions() if c["subject"] == f"place:{ids.places[0]}"])
        messages = [m for m in speaker.acknowledged() if "/bulk/" in m[0]]
        until(lambda: platform.settled() and _there(platform, ids, messages[-1]))
        assert [] == [row for row in platform.settled() if row["unexplained"]]
        lost = _lost(platform, ids, messages)
        speaker.close()
        assert 0 == platform.end()
        return lost, ended
    finally:
        platform.close()
        broker.stop()


def _saved(file):
    """Wait until the broker has saved what it holds, our session with it."""

    def written():
        return file.stat().st_mtime_ns if file.exists() else 0

    before = written()
    until(lambda: written() > before, 2 * SAVED)


def _there(platform, ids, message):
    topic, body, _ = message
    name = f"{topic.rsplit('/', 1)[1]}/power"
    return body["ts"] in {ts for ts, _ in platform.stored(ids.points[name])}


def _lost(platform, ids, messages):
    """Return when each message was said that is not in the store; nothing is there that was not said, or twice."""
    lost = set()
    for name, expected in wanted(messages).items():
        there = platform.stored(ids.points[name])
        assert len(there) == len(set(there))
        assert set(there) <= expected
        lost |= {ts for ts, _ in expected - set(there)}
    return sorted(at for _, body, at in messages if body["ts"] in lost)


def test_killed_and_ended(tmp_path):
    """A broker that is killed may lose what it has not saved, no more; one that ends in good order loses nothing."""
    lost, (killed, _) = run(tmp_path, [Broker.kill, Broker.stop])

    assert [] == [at for at in lost if not killed - SAVED - 2 < at <= killed + 1]
    assert len(lost) < 2 * RATE  # what it hands over at once it need not save
