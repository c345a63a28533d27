"""Every error is a problem, and no problem tells of our insides."""

from dataclasses import replace

import pytest
from api_house import Client

from api.app import HEADERS, create_app
from api.limits import MAX_BODY
from park.errors import Conflict, Corrupt, Forbidden, Full, NotFound, Unavailable, UserError


class Failing:
    """Keys whose store fails as told: the fault comes in through a port."""

    def __init__(self, why):
        self.why = why

    def check(self, _token, _now):
        """Fail."""
        raise self.why


SECRET = "/var/lib/park/secret.db"


@pytest.mark.parametrize(
    ("why", "status", "told"),
    [
        (NotFound("no such thing"), 404, True),
        (Conflict("changed meanwhile"), 409, True),
        (Forbidden("not yours"), 403, True),
        (UserError("mend it"), 400, True),
        (Full(SECRET), 507, False),
        (Unavailable(SECRET), 503, False),
        (Corrupt(SECRET), 500, False),
        (ValueError(SECRET), 500, False),
    ],
)
def test_faults(services, why, status, told):
    """A person's error is told in its words; a machine's only by an instance that the log knows."""
    app = create_app(replace(services, keys=Failing(why)))
    answer = Client(app, "park_x")("GET", "/parks")
    body = answer.json()

    assert ("application/problem+json", status, status) == (
        answer.headers["content-type"],
        answer.status_code,
        body["status"],
    )
    assert told == (body["detail"] == str(why))
    assert SECRET not in answer.text
    assert told != ("instance" in body)
    assert (status in {503, 507}) == ("retry-after" in answer.headers)
    assert set(HEADERS) <= {name for name in HEADERS if name in answer.headers} or status == 500


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "/parks/", {}, 404),
        ("PATCH", "/parks", {}, 405),
        ("GET", "/parks/abc", {}, 422),
        ("GET", "/parks/99999", {}, 404),
        ("POST", "/parks", {"content": b"{"}, 422),
        ("POST", "/parks", {"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, 422),
        ("POST", "/parks", {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/parks", {"json": {"code": "a", "name": "x" * (MAX_BODY + 1)}}, 413),
        ("POST", "/quarantine/retry", {"json": {"ids": list(range(10_001))}}, 422),
        ("GET", "/static/nothing.js", {}, 404),
        ("GET", "/static/../app.py", {}, 404),
        ("GET", "/static/%2e%2e/app.py", {}, 404),
    ],
)
def test_callers_errors(admin, method, path, sent, status):
    """Whatever a caller does wrong is answered by a problem with the right status."""
    answer = admin(method, path, **sent)

    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert {"type", "title", "status", "detail"} <= set(answer.json())


def test_what_was_sent_stays_unsaid(admin):
    """A refused body is not sent back: it may hold a secret."""
    answer = admin("POST", "/parks", json={"code": "a", "name": "x", "password": "hunter2"})

    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_headers(viewer):
    """Every answer carries the security headers; the API's are kept out of caches."""
    answer = viewer("GET", "/parks")

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
