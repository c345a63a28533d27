"""Whoever opens connections and says nothing keeps nobody out."""

import contextlib
import ipaddress
import socket
import threading

import pytest
import uvicorn

from park.settings import ApiSettings
from runtime.doorway import Doorway, doorway
from tests.tools import until

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answers(scope, receive, send):
    """Answer, or begin an answer that never ends."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"o", "more_body": True})
    if scope["path"] == "/live":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await send({"type": "http.response.body", "body": b"k"})


class Server:
    """A server in a thread, whose own address counts like any other."""

    def __init__(self, most=1_000, each=1_000, patience=30.0, own="127.0.0.0/8"):
        made = doorway(ApiSettings(connections=most, connections_each=each))
        made.patience, made.own = patience, (ipaddress.ip_network(own),)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(
            uvicorn.Config(answers, http=made, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.door]})
        self.open = contextlib.ExitStack()

    def __enter__(self):
        self.thread.start()
        until(lambda: self.server.started)
        return self

    def __exit__(self, *_):
        self.open.close()
        self.server.should_exit = True
        self.thread.join(20)

    @property
    def count(self):
        """How many connections there are."""
        return len(self.server.server_state.connections)

    def connect(self, path=None, source="127.0.0.1"):
        """Open a connection, ask for a path and take the beginning of the answer."""
        before = self.count
        sock = self.open.enter_context(
            socket.create_connection(self.door.getsockname(), timeout=10, source_address=(source, 0))
        )
        if path:
            sock.sendall(ASK.replace(b"/ ", path + b" ", 1))
            assert sock.recv(1000).startswith(b"HTTP/1.1 200")
        else:
            until(lambda: self.count > before)
        return sock


def over(sock):
    """Tell whether the other side has closed a connection."""
    sock.settimeout(10)
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


def test_silence():
    """A connection that asks for nothing is closed; one that has asked stays for its answer."""
    with Server(patience=0.2) as server:
        live = server.connect(b"/live")
        silent = server.connect()
        assert over(silent)
        until(lambda: server.count == 1)
        assert _waits(live)


def test_a_newcomer_finds_room():
    """With all places taken by idle connections a newcomer takes one of them; who listens live keeps his."""
    with Server(most=4) as server:
        live = server.connect(b"/live", source="127.0.0.2")
        idle = [server.connect(source="127.0.0.3") for _ in range(3)]

        server.connect(b"/", source="127.0.0.4")

        until(lambda: server.count == 4)
        assert 1 == sum(over(sock) for sock in idle if not _waits(sock))
        assert _waits(live)


def test_nobody_is_idle():
    """Where everybody listens the newcomer is the one who goes."""
    with Server(most=2) as server:
        for _ in range(2):
            server.connect(b"/live")
        late = server.open.enter_context(socket.create_connection(server.door.getsockname(), timeout=10))

        assert over(late)
        until(lambda: server.count == 2)


@pytest.mark.parametrize(("own", "kept"), [("10.0.0.0/8", 3), ("127.0.0.0/8", 6)])
def test_each_address(own, kept):
    """One address has so many places and no more; this machine's own has no bound of its own."""
    with Server(each=3, own=own) as server:
        sockets = [
            server.open.enter_context(socket.create_connection(server.door.getsockname(), timeout=10)) for _ in range(6)
        ]
        until(lambda: server.count == kept)
        assert kept == sum(_waits(sock) for sock in sockets)


def _waits(sock):
    """Tell whether a connection stands, with nothing to read."""
    sock.settimeout(0.2)
    try:
        return sock.recv(1000) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_settings():
    """What is set holds."""
    made = doorway(ApiSettings(connections=7, connections_each=3))

    assert (7, 3, Doorway.patience) == (made.most, made.each, made.patience)
