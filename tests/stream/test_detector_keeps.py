"""What rest does not lower, on holidays; and a stage whose snapshot is older than who tells of amounts."""

import numpy as np
from contract import DAY, HOUR, START
from test_detector_uses import CONFIG

from park.readings import Quality, ReadingBatch
from stream.detectors.calendar import Calendar
from stream.detectors.generic import Generic
from stream.detectors.panel import NAMES
from stream.detectors.told import bar
from stream.detectors.unusual import Unusual
from stream.detectors.uses import use_of
from stream.pipeline import Pipeline

FIRST = 1_762_992_000_000  # 2025-11-13 00:00 in ms of park time; 2026-01-01 is 49 days later
NEW_YEAR = 49 * 24  # hours


def test_a_fall_on_a_holiday():
    """On New Year's Day a fall of what rest does not lower is told, one of what it may lower is not."""
    places, detector = Calendar("CN"), Generic(Calendar("CN"))
    detector.grow(2)
    slot = np.arange(2)
    detector.keep(slot, np.array([True, False]))
    chance, rarest = np.random.default_rng(3), np.zeros(2)
    for hour in range(NEW_YEAR + 12):
        at = np.full(2, FIRST + hour * HOUR)
        value = np.full(2, (0.46 if hour >= NEW_YEAR + 6 else 0.93) + chance.normal(0, 0.01))
        found = detector.judge(slot, at, at, places.like(at // DAY), value)
        rarest = np.maximum(rarest, found.rarity) if hour >= NEW_YEAR else rarest

    assert [True, False] == (rarest >= bar(60.0)).tolist()


def test_what_keeps():
    """A power factor is not lowered by rest, a load is."""
    assert [True, False] == [use_of(metric).keeps for metric in ("power_factor", "power")]


def fed(stage, hours):
    """Give a stage an hour's use and an hour's count at a time."""
    for hour in hours:
        ts, value = np.full(2, START + hour * HOUR), np.array([5.0, 7.0 + hour % 3])
        point = np.array([2, 3], np.int32)
        stage.on_batch(ReadingBatch(point, ts, value, np.full(2, Quality.GOOD, np.uint8), ts), lambda _: None)


def as_before(state):
    """Return a stage's state as a program kept it that had a detector of any metric beside each that marks."""
    which, slot, seat = (state[f"point_{name}"] for name in ("detector", "slot", "seat"))
    old = {name: column for name, column in state.items() if name != "point_seat" and not name.startswith("generic.")}
    for k, name in enumerate(NAMES):
        own = np.flatnonzero(which == k)
        rows = seat[own[np.argsort(slot[own])]]
        place = "generic." if name == "generic" else f"{name}.tells."
        old |= {place + key.removeprefix("generic."): c[rows] for key, c in state.items() if key.startswith("generic.")}
    return old


def stages(count):
    """Return stages that know of a gauge's, a meter's and a counter's points."""
    every = [Pipeline(lambda d: (Unusual(d),)) for _ in range(count)]
    for pipeline in every:
        pipeline.run(CONFIG, lambda _: None)
    return [pipeline.operators[0] for pipeline in every]


def test_one_detector_for_each():
    """A snapshot of a program that had a detector of any metric for each kind goes on as it would have."""
    old, new = stages(2)
    fed(old, range(300))
    new.restore(as_before(old.snapshot()))
    fed(new, range(300, 320))
    fed(old, range(300, 320))
    was, now = as_before(old.snapshot()), as_before(new.snapshot())

    assert was.keys() == now.keys()
    assert [] == [name for name in was if not np.array_equal(was[name], now[name])]


def test_an_older_stage():
    """A snapshot of a program that told of amounts by marks is taken; who tells of them now is a beginner."""
    old, new = stages(2)
    fed(old, range(72))
    new.restore({name: column for name, column in as_before(old.snapshot()).items() if ".tells." not in name})
    fed(new, range(72, 96))
    fed(old, range(72, 96))
    was, now = old.snapshot(), new.snapshot()

    assert np.array_equal(was["energy.level"], now["energy.level"])
    assert [START + 71 * HOUR] * 2 == now["point_first"][[2, 3]].tolist()
    assert [START + HOUR] * 2 == was["point_first"][[2, 3]].tolist()
    assert [24, 24] == now["generic.count"][now["point_seat"][[2, 3]]].tolist()
