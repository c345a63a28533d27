"""A current follows its device's power: what that explains is no finding of the current."""

import numpy as np
import pytest
from contract import DAY, HOUR, MINUTE, START, Case, contract_of, rows
from hypothesis import settings
from hypothesis import strategies as st

from park.directory import Directory
from park.events import Anomaly, Finding
from park.metrics import CODE, Lane
from park.readings import Quality, ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.detectors.judging import KINDS
from stream.detectors.shared import Shared
from stream.detectors.told import Episode
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline

A, B, POWER, LONE = 1, 2, 3, 4  # two phases before their power, as a message may have them; one of another device
CONFIG = Config(
    1, START,
    points=(*(PointRow(n, "current", 1, 10, 9, channel=c, interval=HOUR) for n, c in ((A, "a"), (B, "b"))),
            PointRow(POWER, "power", 1, 10, 9, interval=HOUR), PointRow(LONE, "current", 2, 10, 9, interval=HOUR)),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"), DeviceRow(2, 9, 10, Lane.BULK, "meter")),
    places=(PlaceRow(9, 9, 0, "park", "p"), PlaceRow(10, 9, 9, "zone", "z")),
)  # fmt: skip
LEARNED = 43 * 24  # hours
TestCausesContract = contract_of(
    Case("causes", lambda d: (Unusual(d),), CONFIG,
         rows([A, B, POWER, LONE], st.sampled_from([20.0, 20.5, 21.0, 90.0]), span=12 * DAY, step=HOUR, max_size=60,
              delays=(0, 500, 90_000))),
    settings(max_examples=10, deadline=None),
)  # fmt: skip


def made(state=None):
    """Return a pipeline, that knows what a snapshot knew."""
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(CONFIG, lambda _: None)
    if state is not None:
        pipeline.operators[0].restore(state)
    return pipeline


def fed(pipeline, hours, times=lambda _: 1.0, without=()):
    """Return the points told of in some hours, of loads that are `times(hour)` the usual ones; some are not sent."""
    found = []
    point = np.array([p for p in (A, B, POWER, LONE) if p not in without], np.int32)
    for hour in hours:
        ts = np.full(len(point), START + hour * HOUR)
        pipeline.run(Tick(int(ts[0])), found.append)
        load = (50.0 if 8 <= hour % 24 < 18 else 8.0) * (1 + 0.1 * np.random.default_rng(hour).normal(size=4))
        value = (load * times(hour) * np.ones(4))[point - 1]
        pipeline.operators[0].on_batch(
            ReadingBatch(point, ts, value, np.full(len(point), Quality.GOOD, np.uint8), ts), found.append
        )
    return found


def points(found):
    """Return the points that findings name."""
    return sorted({f.point for f in found if isinstance(f, Finding)})


@pytest.fixture(scope="module")
def settled():
    """Return what a stage knows of four points after weeks, as a snapshot."""
    pipeline = made()
    fed(pipeline, range(LEARNED))
    return pipeline.operators[0].snapshot()


@pytest.mark.parametrize(
    ("times", "without", "told"),
    [
        pytest.param((6.0, 6.0, 6.0, 1.0), (), [POWER], id="the load of noon at night"),
        pytest.param((6.0, 1.0, 1.0, 1.0), (), [A], id="a phase, and no power"),
        pytest.param((6.0, 6.0, 0.3, 1.0), (), [A, B], id="against the power"),
        pytest.param((6.0, 6.0, 1.0, 1.0), (POWER,), [A, B], id="a power that says nothing"),
        pytest.param((1.0, 1.0, 6.0, 6.0), (), [POWER, LONE], id="another device's power"),
    ],
)
def test_told(settled, times, without, told):
    """What departs as its own device's power does, at the same moment and in the same direction, is not told."""
    pipeline = made(settled)
    late = range(LEARNED + 2, LEARNED + 4)
    calm = fed(pipeline, range(LEARNED, LEARNED + 2))

    assert ([], told) == (points(calm), points(fed(pipeline, late, lambda _: np.array(times), without)))


def test_told_at_the_next_minute(settled):
    """It is told when log time next turns a minute, as of when it was received, beyond a restart."""
    pipeline = made(settled)
    hour = LEARNED + 2
    at_once = fed(pipeline, range(LEARNED, hour + 1), lambda h: np.array([6.0 if h == hour else 1.0, 1, 1, 1]))
    other, found = made(pipeline.operators[0].snapshot()), []
    other.run(Tick(START + hour * HOUR + MINUTE), found.append)

    assert [] == points(at_once)
    assert [(A, START + hour * HOUR)] == [(f.point, f.at) for f in found if isinstance(f, Finding)]


EPISODE = Episode(A, 0, START, KINDS.index(Anomaly.SPIKE), rising=True, worst=6.0, value=15.0, expected=10.0, low=0.0,
                  high=0.0)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "rarity", "rising", "away", "explained"),
    [
        pytest.param(Anomaly.SPIKE, 0.0, True, 0.5, 6.0, id="as far away"),
        pytest.param(Anomaly.SPIKE, 0.0, True, 0.25, 3.0, id="half as far"),
        pytest.param(Anomaly.SPIKE, 0.0, True, 9.0, 6.0, id="farther"),
        pytest.param(Anomaly.SPIKE, 0.0, False, -0.5, 0.0, id="the other way"),
        pytest.param(Anomaly.SPIKE, 4.0, True, 0.1, 4.0, id="rare itself"),
        pytest.param(Anomaly.SPIKE, 9.0, True, 0.1, 5.0, id="no more than the bar"),
        pytest.param(Anomaly.SPIKE, 4.0, False, 0.1, 1.2, id="rare the other way"),
        pytest.param(Anomaly.SHAPE, 4.0, False, 0.5, 4.0, id="hours have no direction of a moment"),
        pytest.param(Anomaly.STUCK, 4.0, False, 0.5, 0.0, id="what stands still is explained by nothing"),
    ],
)
def test_explained(kind, rarity, rising, away, explained):
    """How far its power departs, and how rare that is, is taken off what is said of a current."""
    directory = Directory()
    directory.apply(CONFIG)
    shared = Shared(directory)
    shared.on_points(directory.size)
    said = (np.array([n]) for n in (POWER, START, rarity, rising, away))
    shared.take(*said)
    episode = EPISODE.__class__(**{f: getattr(EPISODE, f) for f in EPISODE.__slots__} | {"kind": KINDS.index(kind)})

    assert explained == pytest.approx(shared.explained(episode, CODE["power"], 5.0))
