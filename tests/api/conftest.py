"""The API over real stores."""

import pytest

from api.services import Services


@pytest.fixture
def services(tmp_path):
    return Services(*[None] * 14)
