"""A partition's stages know its points by dense rows, and nobody outside can tell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Config, DeviceRow, Edge, LimitRow, PlaceRow, PointRow, Tick
from park.settings import Settings
from runtime.partition_pipeline import PartitionPipeline
from runtime.storage.sql.database import Database
from stream.numbering import Numbering
from stream.pipeline import Pipeline
from stream.rules import parse, shipped
from stream.stages import bulk_stages, life_stages, store_stages
from tests.city.worker_city import Engines, recorded

ALL = {"life": (Lane.LIFE, life_stages), "bulk": (Lane.BULK, bulk_stages), "store": (Lane.BULK, store_stages)}
NONE = np.zeros(0, np.int32)
T0 = 1_790_000_040_000
MINUTE = 60_000


def spread(n):
    """Return a number as a registry gives it out whose other numbers are other partitions'."""
    return 7 * n + 4_000 if n else 0


def apart(record):
    """Return a record with numbers far apart."""
    if isinstance(record, Batch):
        numbers = (7 * record.readings.point + 4_000).astype(np.int32)
        return replace(record, readings=replace(record.readings, point=numbers))
    if isinstance(record, Config):
        points = tuple(replace(p, point=spread(p.point), source=spread(p.source)) for p in record.points)
        one = next((p.point for p in points if p.metric == "voltage"), 0)
        own = LimitRow("limit.own", "voltage", "high", "a person", low=1.0, high=2.0, points=(one, 9))
        other = LimitRow("limit.other", "voltage", "high", "a person", low=1.0, high=2.0, points=(9,))
        return replace(record, points=points, limits=(*parse(shipped()), own, other))
    return record


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """Return what a park's devices say around a fire, by lane."""
    database = Database.open(f"sqlite:///{tmp_path_factory.mktemp('numbering')}/park.db")
    records = recorded(Engines(Settings(), database, None), minutes=20)
    database.close()
    return {lane: [apart(record) for record in told] for lane, told in records.items()}


def ran(pipeline, records):
    """Return what stages tell of records, and the readings that come out."""
    told = []
    out = [pipeline.run(record, told.append) for record in records]
    return [repr(event) for event in told], [repr(batch) for batch in out]


@pytest.mark.parametrize("name", ALL)
def test_the_same_is_told(hour, name):
    """Events, their order and readings are those of stages that know the registry's numbers."""
    lane, stages = ALL[name]
    plain, dense = Pipeline(stages), PartitionPipeline(stages)

    assert ran(plain, hour[lane]) == ran(dense, hour[lane])
    assert dense.directory.size == 1 + len(plain.directory.points)


@pytest.mark.parametrize("name", ALL)
def test_restored(hour, name):
    """Cut at a snapshot, or begun with one of before there were rows, it goes on as if nothing had been."""
    lane, stages = ALL[name]
    half = len(hour[lane]) // 2
    uncut, again, old, before = (PartitionPipeline(stages) for _ in range(4))
    ran(uncut, hour[lane][:half])
    again.restore(uncut.snapshot())
    plain = Pipeline(stages)
    ran(plain, hour[lane][:half])
    old.restore(plain.snapshot())
    before.restore({"directory": uncut.snapshot()["directory"]})

    expected = ran(uncut, hour[lane][half:])

    assert [expected] * 2 == [ran(pipeline, hour[lane][half:]) for pipeline in (again, old)]
    assert uncut.directory.config() == before.directory.config()


@pytest.mark.parametrize("heard", [(), (77,)], ids=["registered first", "heard first"])
def test_a_rule_before_its_point(heard):
    """A rule that names a point holds there once the point is registered, and nowhere before."""
    rule = LimitRow("limit.own", "voltage", "high", "a person", high=2.0, points=(77,))
    device = DeviceRow(1, 9, 9, Lane.BULK, "meter")
    pipeline = PartitionPipeline(bulk_stages)
    told = []

    def said(point, at):
        pipeline.run(Tick(at), told.append)
        pipeline.run(Batch(batch_of([(point, at, 5.0, 0, at)]), Edge(NONE, NONE, NONE)), told.append)
        return [event.subject for event in told if hasattr(event, "subject")]

    places = (PlaceRow(9, 9, 0, "park", "p", code="p"),)
    pipeline.run(Config(1, T0, (PointRow(5, "voltage", 1, 9, 9),), (device,), places, limits=(rule,)), told.append)
    calm = said(5, T0)
    for point in heard:  # before this partition is told what it is
        calm = said(point, T0 + 1)
    pipeline.run(Config(2, T0, (PointRow(77, "voltage", 1, 9, 9),), (device,)), told.append)

    assert [] == calm
    assert ["point:77"] == said(77, T0 + MINUTE)


def test_a_point_that_nobody_told_of():
    """A reading of it is handed on under its number, and one that comes again is known as a duplicate."""
    pipeline = PartitionPipeline(store_stages)
    pipeline.run(Config(1, T0, (PointRow(5, "voltage", 1, 9, 9),)), lambda _: None)
    stray = Batch(batch_of([(900, T0, 1.0, 0, T0), (5, T0, 220.0, 0, T0)]), Edge(NONE, NONE, NONE))
    again = PartitionPipeline(store_stages)
    first = pipeline.run(stray, lambda _: None)
    again.restore(pipeline.snapshot())

    assert [900, 5] == first.point.tolist()
    assert [[], []] == [p.run(stray, lambda _: None).point.tolist() for p in (pipeline, again)]


NUMBERS = st.lists(st.lists(st.integers(1, 10**8), max_size=8), max_size=8)


@given(NUMBERS, st.lists(st.integers(1, 2**31 - 1)))
def test_numbers_and_rows(pieces, others):
    """Rows are given once, side by side, by rising number within a piece, and lead back to their numbers."""
    numbering, expected = Numbering(), []
    for piece in pieces:
        numbering.give(np.array(piece, np.int32))
        expected += sorted(set(piece).difference(expected))
    again = Numbering.restored(numbering.snapshot())

    for made in (numbering, again):
        assert [0, *expected] == made.snapshot().tolist()
        assert list(range(1, len(expected) + 1)) == made.rows(np.array(expected, np.int32)).tolist()
        strange = np.array([n for n in others if n not in expected], np.int32)
        assert [0] * len(strange) == made.rows(strange).tolist()
