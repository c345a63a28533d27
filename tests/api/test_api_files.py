"""Files that are given out leave nothing behind."""

from dataclasses import replace

import pytest
from api_house import Client

from api.app import create_app


@pytest.mark.parametrize("wanted", ["bytes=0-1", "bytes=x", "bytes=900-", "pages=1"])
@pytest.mark.parametrize("path", ["/backup", "/readings/export"])
def test_gone_with_the_answer(services, tmp_path, path, wanted):
    """A file made for an answer is deleted, also where the answer refuses the part that was asked for."""
    made = tmp_path / "made"
    made.write_bytes(b"content")
    app = create_app(replace(services, backup=lambda: made, readings_export=lambda *_: made))
    Client(app, "park_admin")("GET", path, headers={"Range": wanted})

    assert not made.exists()
