"""Papers on file reach the bulk lane, and no other."""

import pytest

from park.errors import Unavailable
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.records import Config, Paper, PaperKind
from runtime.roster import Roster
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from stream.pipeline import Pipeline
from stream.stages import bulk_stages

NOW = 1_760_000_000_000
PAPER = Paper(5, PaperKind.SUPPLY_PAUSE, "2026-03-01", "2026-03-20", 1)


class Worker:
    """A lane that runs what it is given, and keeps it."""

    def __init__(self, lane):
        self.lane = lane
        self.records = []
        self.stages = Pipeline(bulk_stages)
        self.runner = self
        self.refuses = False

    def submit(self, record, then=None):
        """Take a record, or refuse it."""
        if self.refuses:
            raise Unavailable("not now")
        self.records.append(record)
        self.stages.run(record, lambda _: None)
        if then:
            then()


@pytest.fixture
def ground(tmp_path):
    """A roster over a registry, with two lanes and a table of papers."""
    from ingest.resolver import Resolver
    from park.settings import IngestSettings

    database = Database.open(tmp_path / "park.db")
    registry = SqlRegistry(database)
    (park,) = registry.save([Park(-1, "p", "park")], actor="t", reason="", now=NOW)
    (unit,) = registry.save([Place(-1, park.id, park.id, PlaceKind.UNIT, "u", "u")], actor="t", reason="", now=NOW)
    registry.save(
        [Device(-1, park.id, "native:p/-/m", "meter", place=unit.id), Point(0, -1, "power", source_key="power")],
        actor="t", reason="", now=NOW,
    )  # fmt: skip
    table = [PAPER]
    roster = Roster(registry, (), lambda: NOW, lambda: tuple(table))
    workers = {lane: Worker(lane) for lane in Lane}
    for lane in Lane:
        roster.attach(workers[lane], Resolver(IngestSettings()), None)
        roster.prepare(lane)
    yield roster, workers, table
    database.close()


def told(worker):
    """Return the tables of papers that a lane was told."""
    return [r.papers for r in worker.records if isinstance(r, Config) and r.papers is not None]


def test_at_start(ground):
    """The bulk lane is told of papers when it starts; life safety never is."""
    _, workers, _ = ground

    assert [(PAPER,)] == told(workers[Lane.BULK])
    assert (PAPER,) == workers[Lane.BULK].stages.directory.papers
    assert [] == told(workers[Lane.LIFE])


def test_only_changes(ground):
    """What has not changed is not told again; a paper taken back is."""
    roster, workers, table = ground
    roster.sync()
    table.clear()
    roster.sync()

    assert [(PAPER,), ()] == told(workers[Lane.BULK])


def test_refused(ground):
    """A lane that takes nothing is told the next time."""
    roster, workers, table = ground
    workers[Lane.BULK].refuses = True
    table.clear()
    with pytest.raises(Unavailable):
        roster.sync()
    workers[Lane.BULK].refuses = False
    roster.sync()

    assert () == workers[Lane.BULK].stages.directory.papers
