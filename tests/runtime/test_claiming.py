"""What a device said before anybody knew it says which points it has."""

from contextlib import closing
from types import SimpleNamespace

import pytest

from api.services import Claim
from park.errors import UserError
from park.metrics import Lane
from park.model import Park, Point
from park.records import Refusal, Refused
from runtime.claiming import claim_device
from runtime.storage.sql.database import Database
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.registry import SqlRegistry

NOW = 1_795_219_200_000
KEY, TOPIC = "native:liuxi/-/boiler", "parks/liuxi/bulk/-/boiler"


@pytest.fixture
def house(tmp_path):
    """A park, and what waits to be claimed."""
    with closing(Database.open(tmp_path / "park.db")) as database:
        house = SimpleNamespace(registry=SqlRegistry(database), quarantine=SqlQuarantine(database))
        house.registry.save([Park(0, "liuxi", "柳溪")], actor="test", reason="", now=NOW)
        yield house


def said(house, *payloads):
    """Keep messages of a device that nobody knows."""
    kept = [Refused(Refusal.UNKNOWN_DEVICE, TOPIC, payload, len(payload), NOW, KEY) for payload in payloads]
    house.quarantine.keep(Lane.BULK, 1, kept)


def claim():
    return Claim(KEY, 1, 1, "sensor", "Boiler", 0, 60_000, ())


def test_a_name_that_is_none(house):
    """A misspelt name among what was said has no point and holds up nobody's claim."""
    said(house, b'{"v": {"temprature": 41.5}}', b'{"v": {"temperature": 41.5, "humidity": 30}}')
    claim_device(house, claim(), "test", NOW)

    assert {"temperature", "humidity"} == {p.metric for p in house.registry.find(Point)}


def test_nothing_that_is_known(house):
    """Where nothing that was said is a metric, the claim says so and keeps nothing."""
    said(house, b'{"v": {"temprature": 41.5}}')
    with pytest.raises(UserError, match="name its points"):
        claim_device(house, claim(), "test", NOW)

    assert [] == list(house.registry.find(Point))
