"""deploy/new-kafka.sh: positions of a Kafka that is gone are forgotten; what was latched and learned is not."""

import numpy as np
import pytest
from sqlalchemy import text

from runtime.storage.sql import positions
from runtime.storage.sql.assignments import take
from runtime.storage.sql.database import Database
from runtime.storage.sql.snapshots import SqlSnapshots
from tests.deploy.city_postgres import city_postgres
from tests.deploy.docker_here import Docker

pytestmark = pytest.mark.server
STREAMS = ("life-0", "bulk-3")


@pytest.fixture(scope="module")
def city():
    with city_postgres() as running:
        Database.open(running.url()).close()
        yield running


@pytest.fixture
def database(city):
    made = Database.open(city.url())
    yield made
    made.close()


def filled(database):
    """Keep two snapshots of each log and of its store, cuts and positions, as workers do; of tests before, nothing."""
    with database.write() as connection:
        connection.execute(text("DELETE FROM cuts"))
    for stream in STREAMS:
        snapshots = SqlSnapshots(take(database, stream, "test", 1), part=64)
        for name in (stream, f"store-{stream}"):
            for position in (700, 900):
                snapshots.save(name, position, {"stage": {"version": np.array(1), "latched": np.full(50, position)}})
        with database.write() as connection:
            positions.reach(connection, positions.EVENTS, stream, 900)
            connection.execute(text(f"INSERT INTO cuts VALUES ('{stream}', 800, 700, 0, '')"))
    with database.write() as connection:
        positions.reach(connection, positions.EVENTS, "another thing", 5)


def test_state_stays_and_positions_go(city, database, tmp_path):
    """Each log's newest state stands before its first record, every consumer begins there, nothing else is touched."""
    filled(database)
    docker = Docker(tmp_path / "docker", city.environment())
    done = docker.script("new-kafka.sh", "--yes")

    assert 0 == done.returncode, done.stderr
    assert ["stop ingest worker alarms api", "start ingest worker alarms api"] == docker.calls()
    for stream in STREAMS:
        snapshots = SqlSnapshots(take(database, stream, "after", 2))
        for name in (stream, f"store-{stream}"):
            position, states = snapshots.load(name)
            assert (0, [900] * 50) == (position, states["stage"]["latched"].tolist())
        with database.read() as connection:
            assert 0 == positions.reached(connection, positions.EVENTS, stream)
    with database.read() as connection:
        assert 5 == positions.reached(connection, positions.EVENTS, "another thing")
        assert 0 == connection.execute(text("SELECT count(*) FROM cuts")).scalar()
        left = "snapshot_parts p LEFT JOIN snapshots s USING (name, position, epoch) WHERE s.parts IS NULL"
        assert 0 == connection.execute(text(f"SELECT count(*) FROM {left}")).scalar()


def test_the_next_snapshot_counts(city, database, tmp_path):
    """A worker that goes on from there saves, and is found again where it saved."""
    filled(database)
    Docker(tmp_path / "docker", city.environment()).script("new-kafka.sh", "--yes")
    snapshots = SqlSnapshots(take(database, "life-0", "after", 3))
    snapshots.save("life-0", 12, {"stage": {"version": np.array(1), "latched": np.array([1])}})

    assert 12 == snapshots.load("life-0")[0]


def test_not_without_yes(city, database, tmp_path):
    """Without --yes nothing is touched."""
    filled(database)
    docker = Docker(tmp_path / "docker", city.environment())
    done = docker.script("new-kafka.sh")

    assert (1, []) == (done.returncode, docker.calls())
    assert 900 == SqlSnapshots(take(database, "life-0", "after", 4)).load("life-0")[0]
