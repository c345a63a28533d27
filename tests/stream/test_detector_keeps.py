"""What rest does not lower, on holidays; and a stage whose snapshot is older than who tells of amounts."""

import numpy as np
from contract import DAY, HOUR, START
from test_detector_uses import CONFIG

from park.readings import Quality, ReadingBatch
from stream.detectors.calendar import Calendar
from stream.detectors.generic import Generic
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


def test_an_older_stage():
    """A snapshot of a program that told of amounts by marks is taken; who tells of them now is a beginner."""

    def fed(stage, hours):
        for hour in hours:
            ts = np.full(2, START + hour * HOUR)
            point = np.array([2, 3], np.int32)
            stage.on_batch(
                ReadingBatch(point, ts, np.full(2, 5.0), np.full(2, Quality.GOOD, np.uint8), ts), found.append
            )

    found = []
    old, new = (Pipeline(lambda d: (Unusual(d),)) for _ in range(2))
    for pipeline in (old, new):
        pipeline.run(CONFIG, found.append)
    fed(old.operators[0], range(72))
    kept = {name: column for name, column in old.operators[0].snapshot().items() if ".tells." not in name}
    new.operators[0].restore(kept)
    fed(new.operators[0], range(72, 96))
    fed(old.operators[0], range(72, 96))
    was, now = (p.operators[0].snapshot() for p in (old, new))

    assert np.array_equal(was["energy.level"], now["energy.level"])
    assert [START + 71 * HOUR] * 2 == now["point_first"][[2, 3]].tolist()
    assert [START + HOUR] * 2 == was["point_first"][[2, 3]].tolist()
