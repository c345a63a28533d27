"""Messages over HTTP: by lane, within the key's parks, all or none."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_house import Client

from api.permissions import V1
from api.services import Services
from park.errors import Unavailable
from park.metrics import Lane
from tests.tools import until

METER = {"topic": "parks/xixing/bulk/gw/m", "payload": {"ts": 1_760_000_000_000, "v": {"power": 1.5}}}
SMOKE = {"topic": "parks/xixing/life/-/s", "payload": [{"v": {"smoke": True}}, {"v": {"smoke": False}}]}
ADDRESS = f"{V1}/ingest"


@pytest.fixture
def gateway(app):
    """A client with a key that hands in messages of every park."""
    return Client(app, "park_gateway")


def test_by_lane(gateway, house):
    """Each message goes to the lane that its topic names, in order, with its payload as it was meant."""
    answer = gateway("POST", ADDRESS, json={"messages": [METER, SMOKE, METER]})

    assert (200, {"messages": 3, "life": 1}) == (answer.status_code, answer.json())
    (lanes,) = house.handed
    assert [METER["topic"]] * 2 == [topic for topic, _ in lanes[Lane.BULK]]
    assert [(SMOKE["topic"], SMOKE["payload"])] == [(t, json.loads(p)) for t, p in lanes[Lane.LIFE]]


@pytest.mark.parametrize(
    "topic",
    [
        "zigbee2mqtt/hall", "parks/xixing/other/-/s", "parks/xixing/life/s", "parks/xixing/life/-/s/x",
        "parks/xixing/life/+/s", "parks/xixing/life/#/s", "parks/XIXING/life/-/s", "parks/xixing/life//s", "",
        "parks/xixing/life/-/" + "s" * 129, "parks/xixing/life/-/s\0", "parks/xixing/life/-/s\n",
    ],
)  # fmt: skip
def test_topics(gateway, house, topic):
    """A topic that is none of ours is the caller's error, and nothing beside it is taken."""
    answer = gateway("POST", ADDRESS, json={"messages": [METER, {**METER, "topic": topic}]})

    assert (422, []) == (answer.status_code, house.handed)


@pytest.mark.parametrize("payload", [None, 7, "on", [], [7], {}])
def test_payloads(gateway, house, payload):
    """A payload is an object, or a list of them; an empty one is a message that says nothing, as over MQTT."""
    answer = gateway("POST", ADDRESS, json={"messages": [{**METER, "payload": payload}]})

    assert (payload in ([], {})) == (answer.status_code == 200) == bool(house.handed)


@pytest.mark.parametrize("count", [0, 1_001])
def test_bounds(gateway, house, count):
    """No messages, or too many, are refused."""
    answer = gateway("POST", ADDRESS, json={"messages": [METER] * count})

    assert (422, []) == (answer.status_code, house.handed)


def test_too_large(gateway, house):
    """A body beyond a megabyte is refused before it is read."""
    answer = gateway("POST", ADDRESS, json={"messages": [{**METER, "payload": {"v": {"x": "y" * (1 << 20)}}}]})

    assert (413, []) == (answer.status_code, house.handed)


def test_full(gateway, house):
    """Where a lane takes nothing the caller is told to come again."""
    house.full = {Lane.BULK}

    answer = gateway("POST", ADDRESS, json={"messages": [METER]})

    assert (507, []) == (answer.status_code, house.handed)


def test_waiting_calls(app, house):
    """Calls that wait for a full disk take eight threads at most; those with life safety have eight of their own."""
    waiting, gate = [], threading.Event()

    def hand_in(lanes):
        waiting.append(lanes)
        assert gate.wait(20)

    house.hand_in = hand_in

    def call(message):
        return Client(app, "park_gateway")("POST", ADDRESS, json={"messages": [message]}).status_code

    with ThreadPoolExecutor(16) as pool:
        first = [pool.submit(call, METER) for _ in range(8)]
        until(lambda: len(waiting) == 8)
        assert 503 == call(METER)
        fire = pool.submit(call, SMOKE)
        until(lambda: len(waiting) == 9)
        gate.set()

        assert [200] * 9 == [f.result(20) for f in (*first, fire)]
    assert 200 == call(METER)


def test_another_park(app, house):
    """A key of one park speaks in no other's name: nothing of the request is taken."""
    client = Client(app, "park_gate-one")
    other = {**SMOKE, "topic": "parks/liuxi/life/-/s"}

    assert 403 == client("POST", ADDRESS, json={"messages": [METER, other]}).status_code
    assert [] == house.handed
    assert 200 == client("POST", ADDRESS, json={"messages": [METER]}).status_code


def test_roles(app, house):
    """Only keys of the role `ingest` hand in messages, and they read nothing."""
    for key in ("viewer", "officer", "admin"):
        assert 403 == Client(app, f"park_{key}")("POST", ADDRESS, json={"messages": [METER]}).status_code
    assert 403 == Client(app, "park_gateway")("GET", f"{V1}/parks").status_code
    assert [] == house.handed


def test_nobody_runs():
    """Without a running platform there is nobody to take them."""
    with pytest.raises(Unavailable):
        Services.__dataclass_fields__["hand_in"].default({Lane.LIFE: [("t", b"")]})
