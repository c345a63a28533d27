"""Behind a proxy with TLS: what it says of the person is believed where its address is, and nowhere else."""

import pytest
from api_house import Client
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


@pytest.mark.parametrize(("trusted", "secure"), [("127.0.0.1", True), ("10.0.0.1", False)])
def test_secure(app, trusted, secure):
    """A session's cookie is for TLS only where a proxy that is believed says that the person came by TLS."""
    client = Client(ProxyHeadersMiddleware(app, trusted_hosts=trusted))
    answer = client("POST", "/session", json={"key": "park_viewer"}, headers={"X-Forwarded-Proto": "https"})

    assert secure == ("; secure" in answer.headers["set-cookie"].lower())
