"""What most devices of a park say together, and amounts that are stamped at the end of their hour."""

from datetime import date

import numpy as np
import pytest
from contract import DAY, HOUR, START, Case, contract_of, rows
from hypothesis import settings
from hypothesis import strategies as st

from park.directory import Directory
from park.events import Finding
from park.metrics import Lane
from park.readings import Quality, ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.detectors.calendar import day_number
from stream.detectors.shared import Shared
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline

SENSORS = 5  # points and devices of these numbers; beside them one more point of the first device
PEOPLE = 7  # reckoned from doors
CONFIG = Config(
    1, START,
    points=(*(PointRow(n, "temperature", n, 10, 9, interval=HOUR) for n in range(1, SENSORS + 1)),
            PointRow(SENSORS + 1, "temperature", 1, 10, 9, channel="b", interval=HOUR),
            PointRow(PEOPLE, "people_inside", PEOPLE, 10, 9, interval=HOUR)),
    devices=(*(DeviceRow(n, 9, 10, Lane.BULK, "room_sensor") for n in range(1, SENSORS + 1)),
             DeviceRow(PEOPLE, 9, 10, Lane.BULK, "zone_counter")),
    places=(PlaceRow(9, 9, 0, "park", "p"), PlaceRow(10, 9, 9, "zone", "z")),
)  # fmt: skip
TestSharedContract = contract_of(
    Case("shared", lambda d: (Unusual(d),), CONFIG,
         rows(range(1, SENSORS + 2), st.sampled_from([20.0, 20.5, 21.0, 90.0]), span=12 * DAY, step=HOUR, max_size=60,
              delays=(0, 500))),
    settings(max_examples=10, deadline=None),
)  # fmt: skip


def heard(*rarities, ago=0):
    """Return what others say to the first point, of (point, rarity) that were said `ago` ms before."""
    directory = Directory()
    directory.apply(CONFIG)
    shared = Shared(directory)
    shared.on_points(directory.size)
    for point, rarity in rarities:
        shared.take(np.array([point]), np.array([START]), np.array([abs(rarity)]), np.array([rarity > 0]), np.zeros(1))
    before = shared.of_others(1, START + ago, rising=False)
    shared.on_tick()
    return before, shared.of_others(1, START + ago, rising=False)


@pytest.mark.parametrize(
    ("rarities", "ago", "middle"),
    [
        pytest.param([(2, -4.0), (3, -3.0), (4, -5.0), (5, 0.0)], 0, 3.5, id="most fall"),
        pytest.param([(2, 4.0), (3, 3.0), (4, 5.0), (5, 0.0)], 0, 0.0, id="most rise"),
        pytest.param([(2, -4.0), (3, -3.0), (4, 0.0), (5, 0.0)], 0, 1.5, id="half of them"),
        pytest.param([(2, -4.0), (3, 0.0), (4, 0.0), (5, 0.0)], 0, 0.0, id="one"),
        pytest.param([(2, -4.0), (3, -3.0)], 0, 0.0, id="too few"),
        pytest.param([(2, -4.0), (3, -3.0), (6, -5.0)], 0, 0.0, id="its own device is no other"),
        pytest.param([(2, -4.0), (3, -3.0), (4, -5.0)], 3 * HOUR, 0.0, id="long ago"),
    ],
)
def test_middle_of_others(rarities, ago, middle):
    """The middle of what others say in the same direction counts, from the tick after they said it."""
    assert heard(*rarities, ago=ago) == (0.0, middle)


@pytest.fixture(scope="module")
def summer():
    """Return a stage that has known five sensors and their weather for fifty days, as a snapshot."""
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(CONFIG, lambda _: None)
    fed(pipeline, range(50 * 24), lambda _: 0.0)
    return pipeline.operators[0].snapshot()


def fed(pipeline, hours, extra):
    """Return the points told of within some hours, at `extra(hour)` K beside the weather and each sensor's noise."""
    found = []
    point = np.array([*range(1, SENSORS + 1), PEOPLE], np.int32)
    for hour in hours:
        chance = np.random.default_rng(hour)
        ts = np.full(len(point), START + hour * HOUR)
        weather = 20 + 3 * np.sin(2 * np.pi * hour / 24) + np.random.default_rng(hour // 24).normal(0, 1)
        value = weather + chance.normal(0, 0.2, len(point)) + extra(hour)
        pipeline.run(Tick(int(ts[0])), found.append)
        pipeline.operators[0].on_batch(
            ReadingBatch(point, ts, value, np.full(len(point), Quality.GOOD, np.uint8), ts), found.append
        )
    return sorted({f.point for f in found if isinstance(f, Finding)})


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        pytest.param(lambda h: -3.0 * min(h - 1200, 6) / 3, [], id="a front"),
        pytest.param(lambda h: np.where(np.arange(6) == 0, -3.0 * min(h - 1200, 6) / 3, 0), [1], id="one of them"),
        pytest.param(lambda _: 900.0, [1, 2, 3, 4, 5], id="all in another unit"),
    ],
)
def test_what_all_say(summer, extra, told):
    """A cold front is nobody's fault; one sensor's is, and what no weather can be. What is reckoned is not told of."""
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(CONFIG, lambda _: None)
    pipeline.operators[0].restore(summer)

    assert told == fed(pipeline, range(1200, 1220), extra)


@pytest.mark.parametrize(
    ("metric", "interval", "minute", "before"),
    [
        pytest.param("people_in", HOUR, 0, True, id="told by the hour, at its end"),
        pytest.param("people_in", HOUR, 59, False, id="told by the hour, within it"),
        pytest.param("people_in", HOUR // 4, 0, False, id="told by the quarter"),
        pytest.param("people_in", 30_000, 0, False, id="told twice a minute"),
    ],
)
def test_whose_day_midnight_is(metric, interval, minute, before):
    """The hour that is told at midnight is of the day before, and teaches a Sunday's habit, not a Monday's."""
    config = Config(
        1, START, points=(PointRow(1, metric, 1, 10, 9, interval=interval),),
        devices=(DeviceRow(1, 9, 10, Lane.BULK, "door_counter"),), places=(PlaceRow(9, 9, 0, "park", "p"),),
    )  # fmt: skip
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(config, lambda _: None)
    monday = (day_number(date(2025, 6, 23)) * 24 - 8) * HOUR
    ts = monday + np.arange(-48, 3) * HOUR + minute * 60_000
    for at in ts:
        one = np.array([at])
        pipeline.operators[0].on_batch(
            ReadingBatch(np.array([1], np.int32), one, np.array([5.0]), np.array([Quality.GOOD], np.uint8), one), print
        )
    seen = pipeline.operators[0].snapshot()["generic.seen"][0].reshape(3, 48)[:, 0]  # at midnight: any, work, rest

    assert seen.tolist() == ([2, 0, 2] if before else [2, 1, 1])
