"""What a point's rows are called in InfluxDB is learned park by park, and of what is gone besides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from runtime.city_series import CitySeries
from runtime.storage.influx_heads import Heads
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry

WHO = {"actor": "test", "reason": "test", "now": 1}


class Counting(SqlRegistry):
    """A registry that counts how often it is asked for a park."""

    asked = 0

    def named_with(self, point):
        """Count, and answer."""
        self.asked += 1
        return super().named_with(point)


@pytest.fixture
def registry(tmp_path):
    """Return a registry of two parks: a meter of two points in a building, and a sensor that stands nowhere."""
    database = Database.open(f"sqlite:///{tmp_path}/park.db")
    registry = Counting(database)
    north, south = (thing.id for thing in registry.save([Park(0, "north", "N"), Park(0, "south", "S")], **WHO))
    (house,) = registry.save([Place(0, north, north, PlaceKind.BUILDING, "b1", "B", 100.0)], **WHO)
    meter, sensor = registry.save(
        [
            Device(0, north, "native:north/m 1", "meter", "M", house.id),
            Device(0, south, "native:south/s1", "smoke_detector", "S", lane=Lane.LIFE),
        ],
        **WHO,
    )
    points = [Point(0, meter.id, "power", "a"), Point(0, sensor.id, "smoke"), Point(0, meter.id, "power", "b")]
    registry.save(points, **WHO)
    yield registry, house.id, south
    database.close()


def test_names(registry):
    """Metric, park, place, device, channel and number name a series; a device that stands nowhere is of its park."""
    registry, house, south = registry
    series = CitySeries(registry)

    assert [
        ("power", f"power,park=north,place={house},device=native:north/m\\ 1,channel=a,point=1"),
        ("power", f"power,park=north,place={house},device=native:north/m\\ 1,channel=b,point=3"),
        ("smoke", f"smoke,park=south,place={south},device=native:south/s1,channel=-,point=2"),
    ] == [series(point) for point in (1, 3, 2)]
    assert 2 == registry.asked, "one question a park"


def test_what_is_gone(registry):
    """A point that was retired keeps its name, and one that never was has one of its own."""
    registry, *_ = registry
    before = CitySeries(registry)(1)
    registry.retire(Device, registry.get(Point, 1).device, **WHO)
    series = CitySeries(registry)

    assert before == CitySeries(registry)(1)
    assert ("unknown", "unknown") == (series(99)[0], series(99)[1].partition(",")[0])


def test_forgotten(registry):
    """A store asks of each park once, however the numbers of parks lie, and what it keeps is forgotten by then."""
    registry, *_ = registry
    series = CitySeries(registry)
    expected = [series(point)[1] for point in (1, 2, 3)]
    series.forget()
    registry.asked = 0
    heads = Heads(lambda point: series(point)[1], series.forget)

    assert expected == heads.of(np.array([1, 2, 3], np.int32)).to_pylist()
    assert 2 == registry.asked
    assert [expected[2], expected[0]] * 2 == heads.of(np.array([3, 1, 3, 1], np.int32)).to_pylist()
    assert 2 == registry.asked
    assert expected == [series(point)[1] for point in (1, 2, 3)]
    assert 4 == registry.asked


POINTS = st.lists(st.lists(st.integers(1, 50), max_size=20), max_size=6)


@given(POINTS)
def test_heads_of_lines(chunks):
    """Every row gets the head of its point, which is asked for once."""
    asked = []

    def head(point):
        asked.append(point)
        return f"power,point={point}"

    heads = Heads(head)

    for points in chunks:
        assert [f"power,point={point}" for point in points] == heads.of(np.array(points, np.int32)).to_pylist()
    assert sorted({point for points in chunks for point in points}) == sorted(asked)
