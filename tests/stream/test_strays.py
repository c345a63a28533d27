"""Readings of points that a lane was never told of: a device that speaks on the other lane's topic."""

import numpy as np
import pytest
from contract import EMPTY_EDGE, START

from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Config, DeviceRow, PointRow
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages, store_stages

CONFIG = Config(
    1, START, points=(PointRow(1, "smoke", 1, 10, 9),), devices=(DeviceRow(1, 9, 10, Lane.LIFE, "smoke_detector"),)
)
STRAY = 5_000  # beyond every column of a lane that knows one point


@pytest.mark.parametrize("stages", [life_stages, bulk_stages, store_stages])
def test_strays_go_past_the_stages(stages):
    """No stage fails on them, they are handed on as they came, and a fire beside them is told."""
    pipeline, told = Pipeline(stages), []
    pipeline.run(CONFIG, told.append)
    rows = [(STRAY, START, 7.0, 0, START), (1, START, 1.0, 0, START), (STRAY + 1, START, 8.0, 0, START)]

    out = pipeline.run(Batch(batch_of(rows), EMPTY_EDGE), told.append)

    assert sorted(out.point.tolist()) == [1, STRAY, STRAY + 1]
    assert [e.rule for e in told if hasattr(e, "rule")] == ["fire.pre_alarm"] * (stages is not store_stages)
    assert np.array_equal(np.sort(out.value), [1.0, 7.0, 8.0])
