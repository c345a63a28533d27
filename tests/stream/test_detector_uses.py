"""Use and counts in the live stage."""

import numpy as np
import pytest
from contract import DAY, HOUR, MINUTE, START, Case, contract_of, rows
from hypothesis import settings
from hypothesis import strategies as st

from park.events import Anomaly, Baseline, Finding
from park.metrics import Lane
from park.readings import Quality, ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline

CONFIG = Config(
    1,
    START,
    points=(
        PointRow(1, "energy", 1, 10, 9), PointRow(2, "energy_use", 1, 10, 9, source=1),
        PointRow(3, "people_in", 1, 10, 9), PointRow(4, "vehicles_in", 1, 10, 9),
    ),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"),),
    places=(PlaceRow(9, 9, 0, "park", "p"),),
)  # fmt: skip

ITEMS = rows([2, 3, 4], st.sampled_from([0.0, 1.0, 5.0, 5.0, 5.0, 1e6]), span=9 * DAY, step=30 * MINUTE, max_size=60,
             delays=(0, 500))  # fmt: skip
TestUsesContract = contract_of(
    Case("uses", lambda d: (Unusual(d),), CONFIG, ITEMS), settings(max_examples=15, deadline=None)
)


@pytest.fixture(scope="module")
def recording():
    """Return 40 days of use and people by the hour, with a dead meter and a crowd at night on the 36th."""
    ts = START + np.arange(40 * 24) * HOUR
    hour, chance = (ts - START) // HOUR % 24, np.random.default_rng(5)
    work = (hour >= 8) & (hour < 18)
    use = np.where(work, 50.0, 10.0) * np.exp(chance.normal(0, 0.04, len(ts)))
    people = chance.poisson(np.where(work, 30.0, 0.5)).astype(float)
    use[35 * 24 + 9 : 35 * 24 + 15] = 0.0
    people[35 * 24 + 1 : 35 * 24 + 3] = 40.0
    both = np.repeat(ts, 2)
    return np.tile(np.array([2, 3], np.int32), len(ts)), both, np.column_stack((use, people)).ravel()


def told(recording, size):
    """Return the findings of a recording that arrives in batches of `size`."""
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(CONFIG, lambda _: None)
    point, ts, value = recording
    found = []
    for at in range(0, len(ts), size):
        part = slice(at, at + size)
        n = len(ts[part])
        batch = ReadingBatch(point[part], ts[part], value[part], np.full(n, Quality.GOOD, np.uint8), ts[part])
        pipeline.operators[0].on_batch(batch, found.append)
    return [f for f in found if isinstance(f, Finding)]


class TestLive:
    def test_found(self, recording):
        """A dead meter and a crowd at night are told within hours, as what they are."""
        found = {f.point: f for f in reversed(told(recording, 97)) if f.ts >= START + 35 * DAY}

        assert (Baseline.HALF_HOUR, False) == (found[2].baseline, found[2].rising)
        assert found[2].anomaly in {Anomaly.DIP, Anomaly.CONTEXT}
        assert (Anomaly.CONTEXT, True) == (found[3].anomaly, found[3].rising)
        assert found[2].parts
        assert found[3].parts
        assert [9, 1] == [(found[p].ts - START) // HOUR % 24 for p in (2, 3)]

    def test_any_cut(self, recording):
        """Reading by reading or a week at once, the findings are the same."""
        assert told(recording, 1) == told(recording, 336) != []
