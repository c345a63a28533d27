"""The tuples of stages: what must hold of them whole."""

import pytest
from contract import EMPTY_EDGE, MINUTE, START

from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Batch, Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.pipeline import Pipeline
from stream.rules import parse, shipped
from stream.stages import bulk_stages, life_stages, store_stages

CONFIG = Config(
    1,
    START,
    points=(PointRow(1, "smoke", 1, 10, 9), PointRow(2, "voltage", 2, 10, 9)),
    devices=(DeviceRow(1, 9, 10, Lane.LIFE, "smoke_detector"), DeviceRow(2, 9, 10, Lane.BULK, "meter")),
    places=(PlaceRow(9, 9, 0, "park", "p"), PlaceRow(10, 9, 9, "unit", "u")),
    limits=parse(shipped()),
)


def ran(stages, *records):
    """Return what the stages tell of records, behind their configuration."""
    pipeline, told = Pipeline(stages), []
    for record in (CONFIG, *records):
        pipeline.run(record, told.append)
    return told


@pytest.mark.parametrize("stages", [life_stages, bulk_stages])
@pytest.mark.parametrize("quality", [q for q in Quality if q < Quality.TEST])
def test_no_gate_stops_a_fire(stages, quality):
    """An alarm state is raised in either lane, whatever its quality, first of all that is told of it."""
    alarm = Batch(batch_of([(1, START, 1.0, int(quality), START)]), EMPTY_EDGE)

    assert "fire.pre_alarm" == ran(stages, alarm)[0].rule


def test_bulk_stages_tell_of_limits_and_health():
    """The bulk lane tells of limits, of devices, and passes what is good."""
    batches = [Batch(batch_of([(2, START + n * MINUTE, 260.0, 0, START + n * MINUTE)]), EMPTY_EDGE) for n in range(4)]

    told = ran(bulk_stages, *(r for n, b in enumerate(batches) for r in (Tick(START + n * MINUTE), b)))

    assert {"limit.over_voltage"} == {e.rule for e in told if hasattr(e, "rule")}


@pytest.mark.parametrize("stages", [life_stages, bulk_stages, store_stages])
def test_names(stages):
    """Every stage of a tuple has a name of its own: names are keys of snapshots."""
    names = [o.name for o in Pipeline(stages).operators]

    assert len(names) == len(set(names))
