"""What a role shows of itself over HTTP."""

import socket
import threading
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from api.services import Component, Figure
from park.errors import SettingsError, Unavailable
from runtime.role_door import RoleDoor
from tests.tools import free_port, until

FIGURE = Figure("park_told_total", "counter", "What was told.", [({"stream": "life-0"}, 3.0)])
GOOD, LESS, NOT_YET = Component("log", True), Component("store", False, "away"), Component("lane", False, "", False)


@contextmanager
def opened(components, figures=lambda: (FIGURE,), **more):
    """Yield a client of a door."""
    door = RoleDoor(0, "worker", components, figures, **more)
    door.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{door.port}") as client:
            yield client
    finally:
        door.stop()


@pytest.mark.parametrize(
    ("parts", "code", "status", "missing"),
    [
        ((GOOD,), 200, "ok", []),
        ((GOOD, LESS), 200, "degraded", ["store"]),
        ((GOOD, LESS, NOT_YET), 503, "starting", ["store", "lane"]),
    ],
)
def test_health_is_that_of_its_parts(parts, code, status, missing):
    """A part that does not serve makes 503; one that lacks something is named."""
    with opened(lambda: parts) as client:
        answer = client.get("/health")

    said = answer.json()
    assert (code, "worker", status, missing) == (answer.status_code, said["role"], said["status"], said["missing"])


def test_figures_are_told_as_prometheus_reads_them():
    """A family with its help, type and samples."""
    with opened(lambda: (GOOD,)) as client:
        assert 'park_told_total{stream="life-0"} 3' in client.get("/metrics").text.splitlines()


def test_figures_that_cannot_be_read_are_a_sentence():
    """A database that is away makes 503 and no broken answer."""

    def away():
        raise Unavailable("the database is away")

    with opened(lambda: (GOOD,), away) as client:
        answer = client.get("/metrics")

    assert (503, "the database is away\n") == (answer.status_code, answer.text)


def test_nothing_else_is_there():
    """Any other path is unknown, and nothing is taken in."""
    with opened(lambda: (GOOD,)) as client:
        assert (404, 501) == (client.get("/").status_code, client.post("/health").status_code)


def test_the_silent_keep_nobody_out():
    """However many open connections and say nothing, who asks is answered, and the threads stay few."""
    with opened(lambda: (GOOD,), patience=60.0) as client, ExitStack() as stack:
        port, before = client.base_url.port, threading.active_count()
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(60)]

        assert 200 == client.get("/health").status_code
        silent[0].settimeout(10)
        assert b"" == silent[0].recv(1)  # the oldest gave way
        assert 40 > threading.active_count() - before


def test_who_asks_by_the_letter_is_cut_off():
    """A request must be whole in time, however little by little it is said."""
    with opened(lambda: (GOOD,), patience=0.5) as client:
        with socket.create_connection(("127.0.0.1", client.base_url.port)) as slow:
            slow.settimeout(0.1)
            slow.sendall(b"GET /health HTTP/1.1\r\nX: ")

            assert until(lambda: _ended(slow), 10)
        assert 200 == client.get("/health").status_code


def _ended(connection):
    """Say one letter more; tell whether the other end is gone."""
    try:
        connection.sendall(b"x")
        return b"" == connection.recv(100)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_taken_port_is_a_sentence():
    """Who asks for a port that another has is told so at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(SettingsError, match=f"worker: cannot listen on 127.0.0.1:{port}"):
            RoleDoor(port, "worker", tuple, tuple)


def test_a_door_that_never_opened_closes():
    """A role that fails before it starts leaves nothing behind."""
    door = RoleDoor(0, "worker", tuple, tuple)

    door.stop()

    RoleDoor(door.port, "worker", tuple, tuple).stop()
