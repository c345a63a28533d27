"""What an ingester keeps of its city's database tells the same, and takes nothing."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from park.delivery import Channel, Target
from park.errors import Unavailable
from park.metrics import Lane
from park.model import Device, Enterprise, Park
from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_known import known_of
from runtime.storage.sql.delivery_targets import SqlTargets
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.registry_copy import open_copy, write_copy
from runtime.storage.sql.tables import enterprises
from tests.city.ingest_city import fill


@pytest.fixture
def database(tmp_path):
    """A database with two parks, and somebody who is told of fires."""
    made = Database.open(tmp_path / "park.db")
    fill(SqlRegistry(made), ("liuxi", "beihu"))
    SqlTargets(made).save(Target("desk", Channel.WEBHOOK, "https://example.org/x"), actor="t", now=1)
    yield made
    made.close()


def told(database):
    """Return what an ingester learns of a database."""
    registry = SqlRegistry(database)
    return registry.version, registry.config_since(0, 7), registry.bindings_since(0), known_of(database)


def test_the_same_is_told(database, tmp_path):
    """A copy tells of the same devices, points and people; one that is written again is of what holds then."""
    path = tmp_path / "copy.db"
    found = []
    for code in ("nanshan", "xicheng"):
        fill(SqlRegistry(database), (code,))
        write_copy(database, path)
        copy = open_copy(path)
        found.append(told(copy) == told(database))
        copy.close()

    assert [True, True] == found
    assert 0o600 == path.stat().st_mode & 0o777
    assert ["copy.db"] == [p.name for p in tmp_path.glob("copy*")]


def test_nothing_is_taken(database, tmp_path):
    """Whoever writes through a copy is told that the database is away: a fire is not told by being kept there."""
    write_copy(database, tmp_path / "copy.db")
    copy = open_copy(tmp_path / "copy.db")
    with pytest.raises(Unavailable, match="away"):
        SqlRegistry(copy).save([Park(0, "a", "a")], actor="t", reason="t", now=1)
    copy.close()


def test_no_person_is_in_it(database, tmp_path):
    """Whom to ask in a firm is nothing that an ingester needs to know."""
    registry = SqlRegistry(database)
    park = registry.find(Park)[0].id
    registry.save([Enterprise(0, park, "f", "F", contact="Li, 130 0000 0000")], actor="t", reason="t", now=2)
    write_copy(database, tmp_path / "copy.db")
    copy = open_copy(tmp_path / "copy.db")
    with copy.read() as connection:
        contacts = connection.execute(select(enterprises.c.contact)).scalars().all()
    copy.close()

    assert [""] == contacts


def test_one_that_breaks_off(database, tmp_path):
    """Where a copy cannot be written the one that is there stays."""
    path = tmp_path / "copy.db"
    write_copy(database, path)
    before = told(database)
    device = SqlRegistry(database).find(Device, lane=Lane.LIFE)[0]
    SqlRegistry(database).save([replace(device, name="other")], actor="t", reason="t", now=3)
    (tmp_path / "copy.new").mkdir()
    with pytest.raises(OSError, match=r"copy\.new"):
        write_copy(database, path)
    copy = open_copy(path)
    kept = told(copy)
    copy.close()

    assert before == kept
