"""What was received long before log time says so, whichever stage tells of it: its device was claimed since."""

import pytest
from contract import MINUTE, START
from test_fire_hidden import batch_record

from park.events import ConditionChange, DeviceStatus, Finding, Label
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.pipeline import Pipeline
from stream.rules import parse, shipped
from stream.stages import bulk_stages

METRICS = ("smoke", "voltage", "online", "residual_current", "energy")
CONFIG = Config(
    1,
    START,
    (
        *(PointRow(n, metric, n, 10, 1) for n, metric in enumerate(METRICS, 1)),
        PointRow(len(METRICS) + 1, "energy_use", len(METRICS), 10, 1, source=len(METRICS)),
    ),
    tuple(DeviceRow(n, 1, 10, "bulk", "smoke_detector" if n == 1 else "meter") for n in range(1, len(METRICS) + 1)),
    (PlaceRow(1, 1, 0, "park", "p"), PlaceRow(10, 1, 1, "unit", "u")),
    limits=parse(shipped()),
)
# By metric: values a minute apart, of which something is told, and what.
SAID = {
    "smoke": ([1, 0], ConditionChange),
    "voltage": ([300.0] * 10 + [230.0] * 10, ConditionChange),
    "residual_current": ([5_000.0] * 5, ConditionChange),
    "online": ([1, 0], DeviceStatus),
    "energy": ([1_000.0, 0.25, 0.5], Finding),
}


def told(metric, age, *, restarts):
    """Return what a pipeline of all stages tells of values that came `age` ms before its log's time."""
    pipeline, found = Pipeline(bulk_stages), []
    pipeline.run(CONFIG, found.append)
    pipeline.run(Tick(START), found.append)
    values, kind = SAID[metric]
    now = START + len(values) * MINUTE + age
    pipeline.run(Tick(now), found.append)
    if restarts:
        states, pipeline = pipeline.snapshot(), Pipeline(bulk_stages)
        pipeline.restore(states)
    rows = [
        (METRICS.index(metric) + 1, START + n * MINUTE, float(v), 0, START + n * MINUTE) for n, v in enumerate(values)
    ]
    pipeline.run(batch_record(*rows), found.append)
    return [event for event in found if isinstance(event, kind)]


@pytest.mark.parametrize("metric", SAID)
@pytest.mark.parametrize("restarts", [False, True])
def test_of_long_ago(metric, restarts):
    """Each alarm, finding and status of an old message is of its old time, and is called history."""
    found = told(metric, 61 * MINUTE, restarts=restarts)

    assert found
    assert {True} == {Label.HISTORY in event.labels and event.at < START + 60 * MINUTE for event in found}


@pytest.mark.parametrize("metric", SAID)
def test_of_now(metric):
    """What a lane took an hour to read is no history."""
    found = told(metric, 30 * MINUTE, restarts=False)

    assert found
    assert {False} == {Label.HISTORY in event.labels for event in found}
