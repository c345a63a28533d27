"""The live stream, over a real server and real sockets."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn
from api_house import NOW, Client

from api.app import create_app
from api.door import COOKIE, SESSION_MS
from api.routes.live import PING, framed
from park.ports import LiveEvent
from park.settings import ApiSettings
from runtime.live import LiveBuffer

pytestmark = pytest.mark.server
SIGN_IN = {"key": "park_viewer"}


@contextmanager
def serving(app):
    """Serve an application on a free port of this machine."""
    # With the protocol said: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


@pytest.fixture
def server(app):
    """Serve the application; return its address."""
    with serving(app) as address:
        yield address


class Stream:
    """A client of the live stream that reads event by event."""

    def __init__(self, response):
        self._lines = response.iter_lines()

    def next(self):
        """Return the next event as (id, name, body), pings left out."""
        event = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name:
                event[name] = value
            elif not line and "event" in event:
                return int(event.get("id", 0)), event["event"], json.loads(event["data"])
            elif not line:
                event = {}
        raise AssertionError("the stream ended")


@contextmanager
def listening(address, key="park_viewer", last=None, cookie=None, **params):
    """Open the stream and wait until it has begun."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= cookie or {}
    headers |= {} if last is None else {"Last-Event-ID": str(last)}
    with (
        httpx.Client(base_url=address, timeout=20, trust_env=False) as client,
        client.stream("GET", "/api/v1/live", headers=headers, params=params) as response,
    ):
        if response.status_code == 200:
            stream = Stream(response)
            assert next(stream._lines) == "retry: 1000"
            yield stream
        else:
            yield response.status_code


class TestStream:
    def test_in_order(self, server, services):
        """What is published is told, in order, with its name and a rising id."""
        with listening(server) as stream:
            for i in range(50):
                services.live.publish("finding", 1, b'{"n":%d}' % i)
            got = [stream.next() for _ in range(50)]

        assert [("finding", {"n": i}) for i in range(50)] == [(name, body) for _, name, body in got]
        assert sorted({number for number, _, _ in got}) == [number for number, _, _ in got]

    def test_resume(self, server, services):
        """A client that comes back hears what it missed, once, and then what comes."""
        with listening(server) as stream:
            services.live.publish("finding", 0, b"0")
            last, _, _ = stream.next()
        for i in range(1, 4):
            services.live.publish("finding", 0, b"%d" % i)
        with listening(server, last=last) as stream:
            services.live.publish("finding", 0, b"4")

            assert [stream.next()[2] for _ in range(4)] == [1, 2, 3, 4]

    def test_revoked(self, server, house):
        """A stream whose key is revoked ends within a quarter of a minute, and tells nothing more."""
        with listening(server) as stream:
            house.keys.revoke("viewer")
            house.now += 15_000
            house.services.live.publish("finding", 0, b"1")

            assert [] == [line for line in stream._lines if line]

    @pytest.mark.parametrize("end", ["signed out", "signed in anew", "after a shift"])
    def test_session_ends(self, server, app, house, end):
        """A stream ends with the session that opened it, and tells nothing more; another's goes on."""
        mine, other = (
            {"Cookie": f"{COOKIE}={Client(app)('POST', '/session', json=SIGN_IN).cookies[COOKIE]}"} for _ in range(2)
        )
        with listening(server, key="", cookie=mine) as stream, listening(server, key="", cookie=other) as goes_on:
            if end == "signed out":
                Client(app)("DELETE", "/session", headers=mine)
            elif end == "signed in anew":
                Client(app)("POST", "/session", json=SIGN_IN, headers=mine)
            house.now += SESSION_MS if end == "after a shift" else 15_000
            house.services.live.publish("finding", 0, b"1")

            assert [] == [line for line in stream._lines if line]
            if end != "after a shift":
                assert 1 == goes_on.next()[2]

    def test_forgotten(self, server, services):
        """A client that was away for too long is told of the gap."""
        services.live.publish("finding", 0, b"1")
        with listening(server, last=5) as stream:
            assert stream.next()[1] == "gap"
            assert stream.next()[2] == 1

    def test_parks(self, server, house):
        """A stream of a park holds that park's events and those for all; a key's scope holds too."""
        live, ids = house.services.live, house.ids
        with listening(server, park=ids.park) as one, listening(server, key="park_other") as scoped:
            for park in (ids.park, ids.other, 0):
                live.publish("finding", park, b"%d" % park)

            assert [ids.park, 0] == [one.next()[2] for _ in range(2)]
            assert [ids.other, 0] == [scoped.next()[2] for _ in range(2)]

    def test_scope_of_what_was_missed(self, server, house):
        """What is remembered is told within the scope only."""
        live, ids = house.services.live, house.ids
        for park in (ids.park, ids.other):
            live.publish("finding", park, b"%d" % park)
        with listening(server, key="park_other", last=NOW * 1_000 - 1) as stream:
            assert ids.other == stream.next()[2]

    def test_doors(self, server, house):
        """No key, a foreign park and a role without sight open no stream."""
        with listening(server, key="") as a, listening(server, key="park_gateway") as b:
            assert (a, b) == (401, 403)
        with listening(server, key="park_other", park=house.ids.park) as status:
            assert status == 404

    def test_ticket(self, server, app, services):
        """A ticket opens one stream, once."""
        word = Client(app, "park_viewer")("POST", "/live/ticket").json()["ticket"]
        with listening(server, key="", ticket=word) as stream:
            services.live.publish("finding", 0, b"1")
            assert stream.next()[2] == 1
        with listening(server, key="", ticket=word) as status:
            assert status == 401

    def test_slow(self, services):
        """A client that does not read loses events and is told so; the others lose nothing."""
        live = LiveBuffer(ApiSettings(live_buffer=20, live_memory=50), NOW)
        body = json.dumps("x" * 200_000).encode()
        with serving(create_app(replace(services, live=live))) as address, listening(address) as quick:
            port = int(address.rsplit(":", 1)[1])
            slow = socket.create_connection(("127.0.0.1", port))
            slow.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer park_viewer\r\n\r\n")
            assert slow.recv(12).startswith(b"HTTP/1.1 200")
            names = set()
            for _ in range(100):
                live.publish("finding", 0, body)
                names.add(quick.next()[1])
            slow.settimeout(20)
            heard = b""
            while b"event: gap" not in heard:
                heard = heard[-20:] + slow.recv(1 << 20)
            slow.close()

            assert {"finding"} == names

    def test_at_once(self, server, services):
        """Fifty events go out as they happen, not each at the next beat of something: the beat is 15 s."""
        begun = time.perf_counter()
        with listening(server) as stream:
            for i in range(50):
                services.live.publish("finding", 0, b"%d" % i)
                stream.next()

        assert time.perf_counter() - begun < 10 * PING


def test_one_line():
    """A body with line breaks cannot forge an event."""
    assert framed([LiveEvent(1, "x", 0, b"{}\nevent: y")]) == b"id: 1\nevent: x\ndata: {} event: y\n\n"
