"""The plan: a park of small firms that could stand, and its way into a registry."""

import pytest

from park.metrics import METRICS, Feed, Lane
from park.model import Device, PlaceKind, Point, lane_of
from park.ports import RegistryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from simulators.equipment import LIVE
from simulators.registry import live_rhythm, load, nouns, park_plan
from simulators.scenario import DAY, Scenario, midnight, scenario_before

NOW = 1_790_000_000_000


@pytest.fixture(scope="module")
def plan():
    return park_plan(scenario_before(NOW, 30))


def test_all_seven_feeds_are_measured(plan):
    """Every feed of the catalogue has points that devices send."""
    feeds = {METRICS[plan.points[i].metric].feed for i in plan.measured}

    assert set(Feed) == feeds


def test_scale_is_that_of_the_county_survey(plan):
    """Staff and floor an enterprise come near 21.5 people and 3,320 m2."""
    firms = plan.site.enterprises

    assert len(firms) == 45
    assert 15 < sum(f.headcount for f in firms) / 45 < 28
    assert 2_800 < sum(u.area for u in plan.site.units) / 45 < 3_900


def test_some_units_stand_vacant(plan):
    """There are more units than enterprises, and no unit has two."""
    let = [u.enterprise for u in plan.site.units if u.enterprise >= 0]

    assert 45 == len(let) == len(set(let))
    assert len(plan.site.units) > 48


def test_keys_and_names_are_unique(plan):
    """No two devices share a key, no two points of a device a source key, no two firms a name."""
    assert len(plan.devices) == len({d.key for d in plan.devices})
    assert len(plan.points) == len({(p.device, p.source_key) for p in plan.points})
    assert len({f.name for f in plan.site.enterprises}) == 45


def test_devices_use_the_lane_of_their_kind(plan):
    """Life-safety devices are on the life lane, all else on bulk."""
    assert all(d.lane is lane_of(d.kind) for d in plan.devices)
    assert {Lane.LIFE, Lane.BULK} == {d.lane for d in plan.devices}


def test_every_unit_has_two_independent_detectors(plan):
    """A fire in any unit can be confirmed by a second device."""
    for u in range(len(plan.site.units)):
        seen = {d.id for d, at in zip(plan.devices, plan.unit_of, strict=True) if at == u and "detector" in d.kind}

        assert len(seen) >= 2


def test_outlines_lie_inside_the_park(plan):
    """All drawings fit the park's outline, and units of one building do not lie on each other."""
    xs, ys = zip(*plan.site.park.outline, strict=True)
    for place in plan.site.places:
        for x, y in place.outline:
            assert min(xs) <= x <= max(xs)
            assert min(ys) <= y <= max(ys)
    boxes = [(p.outline[0], p.outline[2]) for p in plan.site.places if p.kind is PlaceKind.UNIT]
    for i, ((ax, ay), (bx, by)) in enumerate(boxes):
        for (cx, cy), (dx, dy) in boxes[i + 1 :]:
            assert min(bx, dx) - max(ax, cx) < 0.2 or min(by, dy) - max(ay, cy) < 0.2


def test_four_dialects_are_spoken(plan):
    """Native, Tasmota, Zigbee2MQTT and Shelly devices hang in the park."""
    assert {"native", "tasmota", "z2m", "shelly", "virtual"} == {d.key.partition(":")[0] for d in plan.devices}


@pytest.mark.parametrize("enterprises", [1, 6, 45, 130])
def test_parks_of_other_sizes(enterprises):
    """A park of any size has its enterprises, each in a unit."""
    plan = park_plan(Scenario(NOW, enterprises=enterprises))

    assert enterprises == len(plan.site.enterprises) == len(plan.site.tenancy)


def test_same_seed_same_plan():
    """The same scenario gives an equal plan; another seed another one."""
    assert park_plan(Scenario(NOW)) == park_plan(Scenario(NOW))
    assert park_plan(Scenario(NOW)).site.enterprises != park_plan(Scenario(NOW, seed=2)).site.enterprises


def test_a_scenario_begins_at_midnight():
    """A history of some days begins at the park's midnight, 16:00 UTC."""
    origin = scenario_before(NOW, 180).origin

    assert origin == midnight(origin)
    assert origin % DAY == 16 * 3_600_000


@pytest.fixture
def store(tmp_path):
    database = Database.open(tmp_path / "park.sqlite")
    yield SqlRegistry(database)
    database.close()


class TestRegistry:
    def test_references_come_first(self, plan):
        """In the list of nouns nothing refers to what comes after it."""
        seen: dict[str, set[int]] = {}
        for noun in nouns(plan):
            kind = "place" if type(noun).__name__ in {"Park", "Place"} else type(noun).__name__.lower()
            for field in ("parent", "place", "enterprise", "device"):
                target = getattr(noun, field, 0)
                assert not target or target in seen["place" if field == "parent" else field]
            seen.setdefault(kind, set()).add(noun.id)

    def test_loads_once(self, store, plan):
        """Loading twice changes nothing and gives the same numbers."""
        protocol: RegistryStore = store
        first = load(plan, protocol, now=NOW)
        version = store.version
        again = load(plan, protocol, now=NOW + 1)

        assert version == store.version
        assert first.devices == again.devices
        assert first.points.tolist() == again.points.tolist()

    def test_numbers_lead_to_the_same_things(self, store, plan):
        """A provisional number and the store's own name the same device key and metric."""
        numbers = load(plan, store, now=NOW)
        for p in plan.points[::97]:
            there = store.get(Point, int(numbers.points[p.id]))

            assert (p.metric, p.channel, p.scale) == (there.metric, there.channel, there.scale)
            assert plan.devices[p.device - 1].key == store.get(Device, there.device).key

    def test_live_rhythm(self, store, plan):
        """After the history devices promise their live intervals, once."""
        numbers = load(plan, store, now=NOW)
        live_rhythm(plan, store, numbers, now=NOW)
        version = store.version
        live_rhythm(plan, store, numbers, now=NOW)
        meter = next(d for d in plan.devices if d.kind == "meter")

        assert version == store.version
        assert LIVE["meter"] == store.get(Device, numbers.devices[meter.id]).interval
