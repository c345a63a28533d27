"""Use and counts, told of by two detectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoreboard.amounts import Alone
from park.events import Anomaly, Statistic
from stream.detectors.calendar import Calendar
from stream.detectors.energy import Energy
from stream.detectors.judging import KINDS
from stream.detectors.told import STATISTICS, bar

HOUR, DAY = 3_600_000, 86_400_000
MONDAY = 1_741_564_800_000  # 2025-03-10 00:00, far from any holiday
PLACES = Calendar("none")
SLOT = np.zeros(1, np.intp)


def office(days, seed=1):
    """Return times and use by the hour: high on workdays by day."""
    ts = MONDAY + np.arange(days * 24) * HOUR
    hour, weekday = ts // HOUR % 24, (ts // DAY + 3) % 7
    level = np.where((hour >= 8) & (hour < 18) & (weekday < 5), 50.0, 10.0)
    return ts, level * np.exp(np.random.default_rng(seed).normal(0, 0.08, len(ts)))


def judged(detector, ts, value):
    """Return what is found of a series, a value at a time."""
    detector.grow(1)
    out = []
    for at, one in zip(ts, value, strict=True):
        when = np.array([at])
        out.append(detector.judge(SLOT, when, when, PLACES.like(when // DAY), np.array([one])))
    return out


def rarities(name, ts, value):
    """Return how rare the live detector of a kind says that each value is."""
    return np.array([float(j.rarity[0]) for j in judged(Alone(name, PLACES), ts, value)])


class TestAmounts:
    def test_marks_are_its_own(self):
        """Scores, marks and bands are those of the detector of its kind, to the bit."""
        ts, use = office(20)
        use[400:420] *= 3
        own, both = judged(Energy(PLACES), ts, use), judged(Alone("energy", PLACES), ts, use)

        for a, b in zip(own, both, strict=True):
            assert (a.score, a.notable, a.learning, a.expected) == (b.score, b.notable, b.learning, b.expected)
            assert (a.low, a.high) == (b.low, b.high)

    def test_usual_for_its_hour(self):
        """A value within the band of its hour of the week is not told, but for the course that it is part of."""
        ts, use = office(60)
        found = judged(Alone("energy", PLACES), ts, use)

        for j, value in zip(found, use, strict=True):
            if j.low[0] <= value <= j.high[0] and KINDS[int(j.kind[0])] in {
                Anomaly.SPIKE,
                Anomaly.DIP,
                Anomaly.CONTEXT,
            }:
                assert 0 == j.rarity[0]

    def test_a_visit_a_week(self):
        """What comes at one hour of each week, and at no other, is told for six weeks at most."""
        ts = MONDAY + np.arange(8 * 168) * HOUR
        use = np.full(len(ts), 1e-4) * np.random.default_rng(2).uniform(0.5, 1.5, len(ts))
        use[(ts - MONDAY) % (7 * DAY) == 3 * DAY + 10 * HOUR] = 0.09
        rarity = rarities("energy", ts, use)

        assert np.all(rarity[6 * 168 :] < bar(60.0))

    def test_says_what_spoke(self):
        """A finding says by which statistics: a value above its hour is above its hour."""
        ts, use = office(12)
        use[-10:] *= 4
        parts = judged(Alone("energy", PLACES), ts, use)[-10].parts[0]

        assert parts[STATISTICS.index(Statistic.HOUR_ABOVE)] > 0
        assert parts[STATISTICS.index(Statistic.HOUR_BELOW)] == 0

    def test_an_older_snapshot(self):
        """A snapshot of a program that told by marks is taken: bands go on, and the rest is learned anew."""
        ts, use = office(12)
        old = Energy(PLACES)
        judged(old, ts[:240], use[:240])
        new = Alone("energy", PLACES)
        new.grow(1)
        # Which told by a tail and by episodes of its own, besides.
        parts = {**old.snapshot(), "bar_excess": np.zeros(1, np.float32), "episode_quiet": np.zeros(1, np.int16)}
        new.restore({**new.snapshot(), **{f"energy.{name}": column for name, column in parts.items()}})
        new.grow(3)

        for a, b in zip(judged(old, ts[240:], use[240:]), judged(new, ts[240:], use[240:]), strict=True):
            assert (a.low, a.high, a.score) == (b.low, b.high, b.score)

    def test_cut_by_a_snapshot(self):
        """What goes on from a snapshot says what the uncut one says."""
        ts, use = office(14)
        use[-30:] *= 2
        one, two = Alone("energy", PLACES), Alone("energy", PLACES)
        judged(one, ts[:300], use[:300])
        two.grow(1)
        two.restore(one.snapshot())

        for a, b in zip(judged(one, ts[300:], use[300:]), judged(two, ts[300:], use[300:]), strict=True):
            assert (a.rarity, a.kind, a.spoken.since) == (b.rarity, b.kind, b.spoken.since)

    @pytest.mark.parametrize("name", ["energy", "count"])
    @given(st.lists(st.floats(-1e18, 1e18) | st.sampled_from([0.0, 1.0, 50.0]), min_size=1, max_size=250))
    @settings(max_examples=5, deadline=None)
    def test_any_values(self, name, values):
        """Whatever comes, what is said is a number."""
        value = np.array(values)
        for j in judged(Alone(name, PLACES), MONDAY + np.arange(len(value)) * HOUR, value):
            assert np.isfinite([j.rarity[0], j.score[0], j.low[0], j.high[0], j.expected[0]]).all()
            assert np.isfinite(j.parts).all()

    def test_state(self):
        """A point takes less than four kilobytes."""
        for detector in (Alone("energy", PLACES), Alone("count", PLACES)):
            detector.grow(1_000)
            assert 4_096 > sum(column.nbytes for column in detector.snapshot().values()) / 1_000
