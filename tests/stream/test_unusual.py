"""Unusual values, by hour of the park's day."""

from dataclasses import replace

import numpy as np
import pytest
from contract import DAY, EMPTY_EDGE, HOUR, MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st

from park.events import Anomaly, Bands, Baseline, Finding, Reason
from park.metrics import Lane
from park.readings import Quality, ReadingBatch, batch_of
from park.records import Batch, Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.detectors.told import Episode, distance
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline

CONFIG = Config(
    1,
    START,
    points=(
        PointRow(1, "power", 1, 10, 9),
        PointRow(2, "people_in", 1, 10, 9),
        PointRow(3, "energy", 1, 10, 9),
        PointRow(4, "voltage", 1, 10, 9),
    ),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"),),
    places=(PlaceRow(9, 9, 0, "park", "p"),),
)


def days(count, noise=1.0, seed=7, step=15 * MINUTE):
    """Return times and a load that is high by day and low by night."""
    ts = START + np.arange(0, count * DAY, step)
    hour = (ts - START) // HOUR % 24
    chance = np.random.default_rng(seed)
    return ts, np.where((hour >= 8) & (hour < 18), 50.0, 8.0) + chance.normal(0, noise, len(ts))


def judge(ts, value, point=1, size=97, config=CONFIG, quality=Quality.GOOD):
    """Return the findings of a series, of one point or of one in each row, that arrives in batches of `size`."""
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(config, lambda _: None)
    points = np.broadcast_to(np.asarray(point, np.int32), len(ts))
    found = []
    for at in range(0, len(ts), size):
        n = len(ts[at : at + size])
        part = ReadingBatch(
            points[at : at + size], ts[at : at + size], value[at : at + size].astype(float),
            np.full(n, quality, np.uint8), ts[at : at + size],
        )  # fmt: skip
        pipeline.operators[0].on_batch(part, found.append)
    return found


class TestUnusual:
    def test_ordinary_days(self):
        """Days like any other give a finding a month of a point at most."""
        three = replace(CONFIG, points=tuple(PointRow(n, "power", 1, 10, 9) for n in (1, 2, 3)))
        series = [days(60, seed=seed)[1] for seed in range(3)]
        ts, _ = days(60)

        found = judge(np.repeat(ts, 3), np.column_stack(series).ravel(), np.tile((1, 2, 3), len(ts)), 3 * 97, three)

        assert len(found) <= 6

    @pytest.mark.parametrize(("point", "told"), [(1, True), (4, False)])
    def test_restless_within_its_error(self, point, told):
        """Volts that move more than they did, and less than a meter can tell, are no finding; as kilowatts they are."""
        ts = START + np.arange(0, 60 * DAY, HOUR)
        value = 230 + np.random.default_rng(3).normal(0, 0.5, len(ts))
        value[-48:] = 230 + np.tile((-1.1, 1.1), 24)

        assert told == any(f.ts >= ts[-48] for f in judge(ts, value, point))

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
        """A burst of people at night is found, once its point is six weeks old."""
        ts, value = days(50)
        value = np.random.default_rng(1).poisson(np.clip(value / 5, 0.2, None)).astype(float)
        at = 45 * 96 + 8
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


class TestEpisodes:
    def test_one_episode(self):
        """A load that stands at another level for six hours is one episode: it begins, and it is over."""
        ts, value = days(20)
        at = 15 * 96 + 4
        value[at : at + 24] = 50.0

        found = [f for f in judge(ts, value) if f.ts >= ts[at]]

        assert [Reason.UNUSUAL, Reason.USUAL_AGAIN] == [f.reason for f in found]
        assert 1 == len({f.episode for f in found})
        assert (0, True) == (found[0].until, found[1].until >= found[1].since)
        assert ts[at] <= found[0].since

    def test_explained(self):
        """A finding says what it is, what it was held against, which way and how rare it is."""
        ts, value = days(20)
        value[15 * 96 + 4] = 400.0

        found = next(f for f in judge(ts, value) if f.ts == ts[15 * 96 + 4])

        assert found.anomaly in {Anomaly.SPIKE, Anomaly.CONTEXT}
        assert found.baseline in {Baseline.FORECAST, Baseline.HALF_HOUR}
        assert found.rising
        assert found.times > 1e4

    def test_similar(self):
        """An episode names those of the past of its point, three at most."""
        ts, value = days(40)
        value[15 * 96 + 4] = value[24 * 96 + 60] = 400.0
        value[33 * 96 + 9] = 900.0

        begun = [f for f in judge(ts, value) if f.reason is Reason.UNUSUAL]

        assert ts[33 * 96 + 9] == begun[-1].since
        assert {ts[15 * 96 + 4], ts[24 * 96 + 60]} <= set(begun[-1].similar)
        assert len(begun[-1].similar) <= 3

    def test_likeness(self):
        """Of two past episodes the one of the same kind, sign, hour and length is nearer."""
        now = Episode(1, 100 * DAY, 100 * DAY + HOUR, 0, True, 6.0, 9.0, 1.0, 0.0, 2.0)
        alike = replace(now, since=90 * DAY + HOUR, until=90 * DAY + 3 * HOUR)

        assert distance(alike, now) < distance(replace(alike, kind=1), now)
        assert distance(alike, now) < distance(replace(alike, rising=False), now)
        assert distance(alike, now) < distance(
            replace(alike, since=90 * DAY + 12 * HOUR, until=90 * DAY + 14 * HOUR), now
        )
        assert distance(alike, now) < distance(replace(alike, until=95 * DAY), now)

    def test_a_silent_end(self):
        """An episode of a point that says nothing more is over after a week of log time."""
        ts, value = days(16)
        value[-4:] = 400.0
        pipeline = Pipeline(lambda d: (Unusual(d),))
        pipeline.run(CONFIG, lambda _: None)
        found = []
        batch = ReadingBatch(np.full(len(ts), 1, np.int32), ts, value, np.zeros(len(ts), np.uint8), ts)
        pipeline.operators[0].on_batch(batch, found.append)
        told = [f for f in found if isinstance(f, Finding)]

        for day in range(1, 10):
            pipeline.run(Tick(int(ts[-1]) // MINUTE * MINUTE + day * DAY), found.append)

        over = [f for f in found if isinstance(f, Finding)][len(told) :]
        assert [Reason.USUAL_AGAIN] == [f.reason for f in over]
        assert told[-1].episode == over[0].episode


class TestBands:
    def test_bands(self):
        """Each hour that is over has a band around what was usual, and says learning at first."""
        ts, value = days(20)
        pipeline = Pipeline(lambda d: (Unusual(d),))
        pipeline.run(CONFIG, lambda _: None)
        told = []
        for at in range(0, len(ts), 4):
            part = ReadingBatch(
                np.full(4, 1, np.int32), ts[at : at + 4], value[at : at + 4], np.zeros(4, np.uint8), ts[at : at + 4]
            )  # fmt: skip
            pipeline.run(Tick(int(ts[at])), told.append)
            pipeline.run(Batch(part, EMPTY_EDGE), told.append)

        rows = [e for e in told if isinstance(e, Bands)]
        start = np.concatenate([b.start for b in rows])
        last = rows[-1]

        assert np.array_equal(start, np.arange(ts[0], ts[0] + len(start) * HOUR, HOUR))
        assert (last.low < last.expected).all()
        assert (last.expected < last.high).all()
        assert np.concatenate([b.learning for b in rows])[:48].all()
        assert not last.learning.any()


class TestMissing:
    def silent(self, ts, points, missing):
        """Return the findings of points that speak together, but for rows of some points."""
        config = replace(CONFIG, points=tuple(PointRow(p, "power", 1, 10, 9, interval=15 * MINUTE) for p in points))
        pipeline = Pipeline(lambda d: (Unusual(d),))
        pipeline.run(config, lambda _: None)
        found = []
        for k, at in enumerate(ts.tolist()):
            some = [p for p in points if k not in missing.get(p, ())]
            if some:
                rows = [(p, at, 5.0 + (k * p) % 3, 0, at) for p in some]
                pipeline.operators[0].on_batch(batch_of(rows), found.append)
        return [f for f in found if f.anomaly is Anomaly.MISSING]

    def test_a_channel(self):
        """A channel that fell out while its device spoke is told when it is back, with the time that is missing."""
        ts = START + np.arange(600) * 15 * MINUTE

        found = self.silent(ts, (1, 2), {2: range(300, 400)})

        assert [(2, ts[299], ts[400], Baseline.PACE)] == [(f.point, f.since, f.until, f.baseline) for f in found]

    def test_a_device(self):
        """A device that was silent as a whole is the business of device health."""
        ts = START + np.arange(600) * 15 * MINUTE

        assert [] == self.silent(ts, (1, 2), {1: range(300, 400), 2: range(300, 400)})
