"""A database with alarms and a courier, and a receiver of what it brings."""

import pytest

from tests.alerts.delivery_house import Office
from tests.alerts.receivers import Receiver


@pytest.fixture
def office(tmp_path):
    """Return everything of delivery, over a file."""
    house = Office(tmp_path / "park.db")
    yield house
    house.close()


@pytest.fixture
def receiver():
    """Return a receiver on the loopback."""
    with Receiver() as there:
        yield there
