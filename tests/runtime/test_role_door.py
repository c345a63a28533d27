"""What a role shows of itself over HTTP."""

import socket
from contextlib import contextmanager

import httpx
import pytest

from api.services import Component, Figure
from park.errors import SettingsError, Unavailable
from runtime.role_door import RoleDoor
from tests.tools import free_port

FIGURE = Figure("park_told_total", "counter", "What was told.", [({"stream": "life-0"}, 3.0)])
GOOD, LESS, NOT_YET = Component("log", True), Component("store", False, "away"), Component("lane", False, "", False)


@contextmanager
def opened(components, figures=lambda: (FIGURE,)):
    """Yield a client of a door."""
    door = RoleDoor(0, "worker", components, figures)
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
