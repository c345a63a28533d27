"""The engines that a demonstration starts: whose their files are."""

import os

import pytest

from runtime.city_engines import free_port, postgres
from tests.deploy.prepared import others_folder

pytestmark = pytest.mark.server


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_link_gives_nothing_away():
    """What a link in PostgreSQL's folder leads to stays ours: its user must not come by files of others."""
    with others_folder(None) as folder:
        ours, engine = folder / "ours", folder / "postgres"
        ours.touch(0o600)
        engine.mkdir()
        (engine / "link").symlink_to(ours)
        with postgres(engine, free_port()):
            assert 0 == ours.stat().st_uid
            assert 0 != (engine / "data").stat().st_uid
