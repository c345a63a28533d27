"""A registry that grew in many steps is restored like any other: lengths of columns are nobody's secret."""

import numpy as np
import pytest

from park.metrics import Lane
from park.readings import ReadingBatch
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow, Tick
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages, store_stages

MINUTE = 60_000
METRICS = ("power", "temperature", "energy", "people_in", "smoke", "battery")
NONE = np.zeros(0, np.int32)
STEPS = (3, 7, 40, 41, 90, 200)  # devices known after each


def step(version, before, after):
    """Return a configuration that brings more devices."""
    devices = range(before + 1, after + 1)
    return Config(
        version, 0,
        points=tuple(
            PointRow(d * len(METRICS) + k, m, d, 1, 1) for d in devices for k, m in enumerate(METRICS)
        ),
        devices=tuple(DeviceRow(d, 1, 1, Lane.BULK, "meter") for d in devices),
        places=(PlaceRow(1, 1, 0, "park", "Liuxi", code="liuxi"),),
    )  # fmt: skip


def run(pipeline, minute, points):
    """Let every point speak in a minute, and end it."""
    ts = np.full(len(points), minute * MINUTE + 1, np.int64)
    value = np.ones(len(points))
    batch = ReadingBatch(points, ts, value, np.zeros(len(points), np.uint8), ts)
    told = []
    for record in (Tick(minute * MINUTE), Batch(batch, Edge(NONE, NONE, NONE))):
        pipeline.run(record, told.append)
    return told


@pytest.mark.parametrize("stages", [life_stages, bulk_stages, store_stages])
def test_restored(stages):
    """What goes on from a snapshot says what goes on without one, though its columns grew otherwise."""
    uncut, before, minute = Pipeline(stages), 0, 100
    for version, after in enumerate(STEPS, 1):
        uncut.run(step(version, before, after), lambda _: None)
        before = after
        points = np.arange(len(METRICS), (after + 1) * len(METRICS), dtype=np.int32)
        minute += 1
        run(uncut, minute, points)
    again = Pipeline(stages)
    again.restore(uncut.snapshot())

    for later in range(minute + 1, minute + 20):
        assert repr(run(uncut, later, points)) == repr(run(again, later, points))
    more = step(99, STEPS[-1], STEPS[-1] + 1)
    for pipeline in (uncut, again):
        pipeline.run(more, lambda _: None)
        run(pipeline, minute + 21, points)
