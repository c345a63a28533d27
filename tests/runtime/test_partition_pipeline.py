"""A partition's stages pass over what an ingester says twice, and decide alike after a restart."""

import numpy as np
import pytest

from park.metrics import Lane
from park.records import Config, DeviceRow, LimitRow, PlaceRow, PointRow, Tick
from runtime.partition_pipeline import PartitionPipeline
from stream.pipeline import Pipeline

MINUTE = 60_000


class Heard:
    """A stage that notes what reaches it."""

    name = "heard"

    def __init__(self, _directory):
        self.heard = []

    def on_batch(self, batch, _emit):
        """Hand on."""
        return batch

    def on_tick(self, now, _emit):
        """Note."""
        self.heard.append(now)

    def on_config(self, config, _emit):
        """Note."""
        self.heard.append(config)

    def snapshot(self):
        """Return nothing."""
        return {"version": np.array(1)}

    def restore(self, state):
        """Forget what was heard while it was restored."""
        del state
        self.heard.clear()


@pytest.fixture
def pipeline():
    return PartitionPipeline(lambda directory: (Heard(directory),))


def run(pipeline, *records):
    """Run records; return what the stage has heard of them."""
    stage = pipeline.operators[0]
    before = len(stage.heard)
    for record in records:
        pipeline.run(record, lambda _: None)
    return stage.heard[before:]


def again(pipeline):
    """Return another pipeline where this one stands."""
    other = PartitionPipeline(lambda directory: (Heard(directory),))
    other.restore(pipeline.snapshot())
    return other


def device(version, mode):
    """Return a configuration that names one device."""
    return Config(version, 0, devices=(DeviceRow(1, 1, 1, Lane.BULK, "meter", mode=mode),))


@pytest.mark.parametrize("cut", [False, True], ids=["uncut", "restored"])
def test_ticks(pipeline, cut):
    """A minute is told once, and time never goes back."""
    first = run(pipeline, Tick(2 * MINUTE), Tick(2 * MINUTE), Tick(MINUTE))
    rest = run(again(pipeline) if cut else pipeline, Tick(2 * MINUTE), Tick(3 * MINUTE))

    assert ([2 * MINUTE], [3 * MINUTE]) == (first, rest)


@pytest.mark.parametrize("cut", [False, True], ids=["uncut", "restored"])
def test_an_older_configuration(pipeline, cut):
    """What is older than what was told changes nothing."""
    run(pipeline, device(5, "test"))
    pipeline = again(pipeline) if cut else pipeline

    assert [] == run(pipeline, device(4, "normal"))
    assert "test" == pipeline.directory.devices[1].mode


def test_pieces_of_one_version(pipeline):
    """A configuration comes in pieces of one version, and all of them are taken."""
    places = Config(5, 0, places=(PlaceRow(1, 1, 0, "park", "x", code="a"),))
    pieces = [places, device(5, "normal")]

    assert pieces == run(pipeline, *pieces)


def test_tables_hold(pipeline):
    """Rules that come with an older version are rules, and take no thing back."""
    rules = (LimitRow("r", "power", "high", "x", high=1.0),)
    run(pipeline, device(5, "test"))
    heard = run(pipeline, Config(4, 7, devices=device(4, "normal").devices, limits=rules))

    assert [Config(5, 7, limits=rules)] == heard
    assert ("test", rules, 5) == (
        pipeline.directory.devices[1].mode,
        pipeline.directory.limits,
        pipeline.directory.version,
    )


def points(version, *numbers):
    """Return a configuration that names points of one device."""
    return Config(version, 0, tuple(PointRow(n, "power", 1, 1, 1) for n in numbers), device(version, "normal").devices)


def test_a_rule_beyond_the_points_of_before(pipeline):
    """A rule on a point that a snapshot of before knew nothing of holds there, and at no point that gets its number."""
    before = Pipeline(lambda directory: (Heard(directory),))
    rule = LimitRow("r", "power", "high", "x", high=1.0, points=(2, 4))
    for record in (points(5, 1, 2), Config(5, 0, limits=(rule,))):
        before.run(record, lambda _: None)
    pipeline.restore(before.snapshot())
    held = []
    for new in ((70, 71), (4,)):  # rows 3 and 4, and 5
        run(pipeline, points(6, *new))
        held += [row for limit in pipeline.directory.limits for row in limit.points]

    assert [2, -4, 2, 5] == held
