"""What the registry says reaches both lanes, whatever they are busy with."""

import pytest
from lane_parts import START

from ingest.resolver import Resolver
from park.errors import Full, Unavailable
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.records import Config, DeviceRow, PointRow
from park.settings import IngestSettings
from runtime.past import config_for
from runtime.roster import Roster
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from stream.pipeline import Pipeline
from stream.stages import life_stages

LIFE_DEVICE = DeviceRow(1, 9, 9, Lane.LIFE, "smoke_detector")
BULK_DEVICE = DeviceRow(2, 9, 9, Lane.BULK, "meter")
ODD_DEVICE = DeviceRow(3, 9, 9, Lane.BULK, "smoke sensor")  # a kind that nobody knows


class TestConfigOfLifeSafety:
    def test_first(self):
        """It knows devices of its lane, and whoever else could tell of a fire; no meters."""
        points = (PointRow(1, "smoke", 1, 9, 9), PointRow(2, "power", 2, 9, 9), PointRow(3, "smoke", 3, 9, 9))

        life = config_for(Config(1, START, points, (LIFE_DEVICE, BULK_DEVICE, ODD_DEVICE)), Lane.LIFE)

        assert ([1, 3], [1, 3]) == ([p.point for p in life.points], [d.device for d in life.devices])

    def test_a_point_of_a_device_told_before(self):
        """A point that a detector gets later is told, although its device is as it was."""
        life = config_for(Config(2, START, (PointRow(7, "heat", 1, 9, 9),)), Lane.LIFE)

        assert [7] == [p.point for p in life.points]

    def test_a_device_that_leaves_the_lane(self):
        """What becomes of a device that the lane was told of is told, too: it must not wait for it for ever."""
        meter = DeviceRow(1, 9, 9, Lane.BULK, "meter")

        life = config_for(Config(2, START, (PointRow(1, "power", 1, 9, 9),), (meter, BULK_DEVICE)), Lane.LIFE, {1})

        assert ((meter,), [1]) == (life.devices, [p.point for p in life.points])


class Runner:
    """Where a lane's stages stand."""

    def __init__(self):
        self.stages = Pipeline(life_stages)


class Worker:
    """A lane that takes records, or refuses them while it is told to."""

    def __init__(self, lane):
        self.lane = lane
        self.runner = Runner()
        self.refusing = None

    def submit(self, record, then=None):
        """Run a record at once, as a lane does with what is in its log."""
        if self.refusing:
            raise self.refusing
        self.runner.stages.run(record, lambda _: None)
        if then:
            then()


class Ground:
    """A registry with a park, a roster, and two lanes."""

    def __init__(self, folder):
        self.registry = SqlRegistry(Database.open(folder / "park.db"))
        self.park = self.save(Park(-1, "p", "park"))[0]
        self.unit = self.save(Place(-1, self.park.id, self.park.id, PlaceKind.UNIT, "u", "unit"))[0]
        self.roster = Roster(self.registry, (), lambda: START)
        self.workers = {lane: Worker(lane) for lane in Lane}
        self.resolvers = {lane: Resolver(IngestSettings()) for lane in Lane}
        for lane in Lane:
            self.roster.attach(self.workers[lane], self.resolvers[lane], None)

    def save(self, *things):
        """Save things in the registry."""
        return self.registry.save(things, actor="t", reason="t", now=START)

    def claim(self, name="smoke"):
        """Register a detector."""
        key = f"native:p/-/{name}"
        device = Device(-1, self.park.id, key, "smoke_detector", place=self.unit.id, lane=Lane.LIFE)
        return self.save(device, Point(0, -1, "smoke", source_key="smoke"))[0]

    def knows(self, lane, name="smoke"):
        """Tell whether a lane's resolver and stages know a detector."""
        known = self.resolvers[lane].known(f"native:p/-/{name}")
        return known is not None and known.points["smoke"].point in self.workers[lane].runner.stages.directory.points


@pytest.fixture
def ground(tmp_path):
    """Build the ground."""
    return Ground(tmp_path)


class TestSync:
    def test_both_lanes(self, ground):
        """What is registered while lanes run is known to both."""
        for lane in Lane:
            ground.roster.prepare(lane)
        ground.claim()
        ground.roster.sync()

        assert all(ground.knows(lane) for lane in Lane)

    def test_while_bulk_replays(self, ground):
        """What is registered while one lane is not up yet is known to it when it is."""
        ground.roster.prepare(Lane.LIFE)
        ground.claim()
        ground.roster.sync()
        ground.roster.prepare(Lane.BULK)

        assert all(ground.knows(lane) for lane in Lane)

    @pytest.mark.parametrize("why", [Full("full"), Unavailable("stopped")])
    @pytest.mark.parametrize("refusing", list(Lane))
    def test_a_lane_that_takes_nothing(self, ground, refusing, why):
        """It keeps nothing from the other lane, and is told as soon as it takes it."""
        for lane in Lane:
            ground.roster.prepare(lane)
        ground.claim()
        ground.workers[refusing].refusing = why
        with pytest.raises(type(why)):
            ground.roster.sync()

        assert [lane for lane in Lane if ground.knows(lane)] == [lane for lane in Lane if lane is not refusing]
        ground.workers[refusing].refusing = None
        ground.roster.sync()
        assert all(ground.knows(lane) for lane in Lane)

    def test_a_point_of_a_known_device(self, ground):
        """A point added to a detector raises at once: the life-safety lane knows it."""
        for lane in Lane:
            ground.roster.prepare(lane)
        device = ground.claim()
        ground.roster.sync()
        (point,) = ground.save(Point(0, device.id, "heat", source_key="heat"))
        ground.roster.sync()

        assert point.id in ground.workers[Lane.LIFE].runner.stages.directory.points
