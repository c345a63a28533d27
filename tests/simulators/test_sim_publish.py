"""The publisher against a real broker."""

from threading import Event, Thread

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from runtime.broker import Broker, Kind, installed
from simulators.live import Live
from simulators.publish import Sent, publish
from simulators.registry import park_plan
from simulators.scenario import HOUR, MINUTE, Scenario, midnight
from tests.tools import until

START = midnight(1_772_000_000_000)
NOON = START + 12 * HOUR
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]


@pytest.fixture
def broker(tmp_path):
    made = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    yield made
    made.stop()


@pytest.fixture
def heard(broker):
    """Return the list into which all that is published goes."""
    got = []
    ready = Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, m: got.append((m.topic, m.payload))
    client.on_subscribe = lambda *_: ready.set()
    client.connect(broker.host, broker.port)
    client.subscribe("#", qos=1)
    client.loop_start()
    assert ready.wait(10)
    yield got
    client.disconnect()
    client.loop_stop()


def live():
    return Live(park_plan(Scenario(START, enterprises=6)), NOON)


def test_everything_due_arrives(broker, heard):
    """Catching up on ten minutes as fast as it goes, the broker hears every message once and in order."""
    wanted = [(m.topic, m.payload) for m in live().due(NOON + 10 * MINUTE)]
    sent = publish(
        live(), host=broker.host, port=broker.port, now=lambda: NOON + 10 * MINUTE, stop=Event(),
        until=NOON + 10 * MINUTE,
    )  # fmt: skip
    until(lambda: len(heard) >= len(wanted))
    said = [m for m in heard if not m[0].endswith(("/LWT", "bridge/state"))]

    assert len(wanted) == sent.messages
    assert wanted == said


def test_waits_for_the_broker_and_goes_on(broker, heard):
    """While the broker is away nothing is lost: the publisher connects again and sends what was due."""
    clock, stop, sent = [NOON], Event(), Sent()
    thread = Thread(
        target=publish, args=(live(),), daemon=True,
        kwargs={"host": broker.host, "port": broker.port, "now": lambda: clock[0], "stop": stop, "sent": sent},
    )  # fmt: skip
    thread.start()
    until(lambda: sent.connected)
    clock[0] += MINUTE
    until(lambda: sent.now == NOON + MINUTE)
    broker.kill()
    until(lambda: not sent.connected)
    clock[0] += MINUTE
    broker.restart()
    until(lambda: sent.now == NOON + 2 * MINUTE, seconds=30)
    stop.set()
    thread.join(10)

    assert not thread.is_alive()


def test_a_fire_on_request(broker, heard):
    """A unit named by `ask` burns: its detectors say alarm on the broker."""
    clock, stop, sent = [NOON], Event(), Sent()
    asked = [("b1-101", 1)]
    thread = Thread(
        target=publish, args=(live(),), daemon=True,
        kwargs={"host": broker.host, "port": broker.port, "now": lambda: clock[0], "stop": stop, "sent": sent,
                "ask": lambda: iter([asked.pop()] if asked else [])},
    )  # fmt: skip
    thread.start()
    until(lambda: not asked)
    clock[0] += 4 * MINUTE
    until(lambda: any(b'"smoke":true' in payload and "b1-101" in topic for topic, payload in list(heard)))
    stop.set()
    thread.join(10)

    assert sent.messages > 0
