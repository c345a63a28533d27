"""Unusual values, by hour of the park's day."""

import numpy as np
from contract import DAY, HOUR, MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st

from park.events import Reason
from park.metrics import Lane
from park.readings import Quality, ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline

CONFIG = Config(
    1,
    START,
    points=(PointRow(1, "power", 1, 10, 9), PointRow(2, "people_in", 1, 10, 9), PointRow(3, "energy", 1, 10, 9)),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"),),
    places=(PlaceRow(9, 9, 0, "park", "p"),),
)


def days(count, noise=1.0, seed=7, step=15 * MINUTE):
    """Return times and a load that is high by day and low by night."""
    ts = START + np.arange(0, count * DAY, step)
    hour = (ts - START) // HOUR % 24
    chance = np.random.default_rng(seed)
    return ts, np.where((hour >= 8) & (hour < 18), 50.0, 8.0) + chance.normal(0, noise, len(ts))


def judge(ts, value, point=1, size=97, quality=Quality.GOOD):
    """Return the findings of a series that arrives in batches of `size`."""
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(CONFIG, lambda _: None)
    found = []
    for at in range(0, len(ts), size):
        n = len(ts[at : at + size])
        part = ReadingBatch(
            np.full(n, point, np.int32), ts[at : at + size], value[at : at + size].astype(float),
            np.full(n, quality, np.uint8), ts[at : at + size],
        )  # fmt: skip
        pipeline.operators[0].on_batch(part, found.append)
    return found


class TestUnusual:
    def test_ordinary_days(self):
        """Days like any other give a finding a month at most."""
        assert sum(len(judge(*days(60, seed=seed))) for seed in range(3)) <= 6

    def test_wrong_hour(self):
        """The load of noon at midnight is found, once, with what was expected."""
        ts, value = days(20)
        at = 15 * 96 + 4
        value[at : at + 6] = 50.0

        found = [f for f in judge(ts, value) if f.ts >= ts[at]]

        assert [(ts[at], Reason.UNUSUAL)] == [(f.ts, f.reason) for f in found][:1]
        assert found[0].low <= 8.0 <= found[0].high < 50.0
        assert 6.0 < found[0].expected < 10.0
        assert 0.5 <= found[0].score <= 1.0

    def test_first_days_are_silent(self):
        """While a point is learned nothing is said of it."""
        ts, value = days(2)
        value[100] = 1e4

        assert [] == judge(ts, value)

    def test_doubtful_readings(self):
        """Late and suspect readings are neither judged nor learned."""
        ts, value = days(20)

        assert [] == judge(ts, value * 100, quality=Quality.LATE)

    def test_counts(self):
        """A burst of people at night is found."""
        ts, value = days(30)
        value = np.random.default_rng(1).poisson(np.clip(value / 5, 0.2, None)).astype(float)
        at = 25 * 96 + 8
        value[at] = 60

        assert ts[at] in [f.ts for f in judge(ts, value, point=2)]

    def test_registers_are_left_alone(self):
        """A register rises for ever; its use is judged, not itself."""
        ts, value = days(20)

        assert [] == judge(ts, np.cumsum(value), point=3)

    def test_fast_points_are_thinned(self):
        """Of a point that speaks every second one reading a minute is judged: the batch does not matter."""
        ts, value = days(3, step=10_000)
        value[-200:] = 500.0

        assert [f.id for f in judge(ts, value, size=1)][:3] == [f.id for f in judge(ts, value, size=5_000)][:3] != []


ITEMS = rows([1, 2, 3], st.sampled_from([0.0, 1.0, 5.0, 1e4]), span=9 * DAY, step=30 * MINUTE, max_size=60,
             qualities=(Quality.GOOD, Quality.GOOD, Quality.LATE), delays=(0, 500))  # fmt: skip
TestUnusualContract = contract_of(Case("unusual", lambda d: (Unusual(d),), CONFIG, ITEMS))


class TestAmounts:
    def test_another_rhythm(self):
        """A counter that begins to speak every minute, and not once an hour, is as usual as before."""
        hourly, _ = days(20, step=HOUR)
        often = hourly[-1] + HOUR + np.arange(0, DAY, MINUTE)
        ts = np.concatenate([hourly, often])
        per_hour = 600.0
        value = np.concatenate([np.full(len(hourly), per_hour), np.full(len(often), per_hour / 60)])

        assert [] == judge(ts, value, point=2)

    def test_the_sum_of_an_hour(self):
        """An hour with ten times the usual count is told when it is over, with its sum."""
        ts, _ = days(20)
        value = np.full(len(ts), 100.0) + np.arange(len(ts)) % 7
        at = 15 * 96 + 8
        value[at : at + 4] *= 10

        found = [f for f in judge(ts, value, point=2) if f.ts >= ts[at]]

        assert (ts[at], float(value[at : at + 4].sum())) == (found[0].ts, found[0].value)
        assert found[0].at == ts[at + 4]
