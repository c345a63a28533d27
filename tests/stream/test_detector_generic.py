"""The detector of any metric: what it finds, what it is not moved by, and that rows do not depend on company."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.events import Anomaly
from stream.detectors.generic import DAY, LEARN_VALUES, Generic
from stream.detectors.judging import KINDS
from stream.detectors.tails import BLOCK, Tails
from stream.detectors.usual import tail

QUARTER = 900_000
START = 1_750_003_200_000
PER_DAY = DAY // QUARTER


def load(days=30, seed=3, noise=1.0):
    """Return times and a load that is high by day and low by night."""
    ts = START + np.arange(days * PER_DAY) * QUARTER
    hour = ts // 3_600_000 % 24
    chance = np.random.default_rng(seed)
    return ts, np.where((hour >= 8) & (hour < 18), 50.0, 8.0) + chance.normal(0, noise, len(ts))


def judged(ts, value, detector=None):
    """Return what a detector says of a series, row by row: score, notable, kind, rising, low, high."""
    detector = detector or Generic()
    detector.grow(1)
    out = []
    for at, v in zip(ts.tolist(), value.tolist(), strict=True):
        when = np.array([at])
        j = detector.judge(np.zeros(1, np.intp), when, when, (when // DAY + 3) % 7, np.array([v]))
        out.append((j.score[0], bool(j.notable[0]), KINDS[j.kind[0]], bool(j.rising[0]), j.low[0], j.high[0]))
    return out


def at_once(ts, values):
    """Return scores of several series that are judged side by side."""
    detector = Generic()
    detector.grow(len(values))
    slot = np.arange(len(values))
    rows = []
    for k, at in enumerate(ts.tolist()):
        when = np.full(len(values), at)
        rows.append(detector.judge(slot, when, when, (when // DAY + 3) % 7, np.array([v[k] for v in values])).score)
    return np.array(rows)


def spike(value, at):
    value[at] += 80.0


def dip(value, at):
    value[at : at + 2] -= 60.0


def shift(value, at):
    value[at:] += 30.0


def drift(value, at):
    value[at:] += np.linspace(0, 120, len(value) - at)


def restless(value, at):
    value[at : at + 64] += np.random.default_rng(1).normal(0, 25, 64)


def stuck(value, at):
    value[at : at + 128] = value[at - 1]


def night_for_day(value, at):
    value[at : at + PER_DAY] = value[at - PER_DAY // 2 : at + PER_DAY // 2]


FAULTS = [
    (spike, {Anomaly.SPIKE, Anomaly.CONTEXT}), (dip, {Anomaly.DIP, Anomaly.CONTEXT}),
    (shift, {Anomaly.SPIKE, Anomaly.CONTEXT, Anomaly.SHIFT}),
    (drift, {Anomaly.CONTEXT, Anomaly.DRIFT, Anomaly.SHIFT, Anomaly.SPIKE, Anomaly.SHAPE}),
    (restless, {Anomaly.VARIANCE, Anomaly.SPIKE, Anomaly.DIP, Anomaly.CONTEXT}),
    (stuck, {Anomaly.STUCK, Anomaly.CONTEXT, Anomaly.VARIANCE}),
    (night_for_day, {Anomaly.CONTEXT, Anomaly.SPIKE, Anomaly.DIP}),
]  # fmt: skip


class TestFinds:
    @pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[f.__name__ for f, _ in FAULTS])
    def test_fault(self, fault, words):
        """A fault that anybody sees is notable within two days, with a word that fits it."""
        ts, value = load()
        at = 20 * PER_DAY + 52  # 13:00 UTC
        fault(value, at)

        rows = [r for r in judged(ts, value)[at : at + 2 * PER_DAY] if r[1]]

        assert rows
        assert rows[0][2] in words

    def test_ordinary_days(self):
        """Ordinary days have a notable row in ten days at most."""
        notable = sum(sum(r[1] for r in judged(*load(30, seed))) for seed in range(3))

        assert notable <= 9

    def test_learning(self):
        """Nothing is said before 200 values and a day."""
        ts, value = load(5)
        value[100] = 1e6

        assert {0.0} == {r[0] for r in judged(ts, value)[:LEARN_VALUES]}


class TestIsNotMoved:
    @pytest.mark.parametrize("wild", [1e15, -1e15, 1e308, -8_000.0])
    def test_one_wild_value(self, wild):
        """One wild value leaves the band of the next days where it was."""
        ts, value = load(24)
        before = judged(ts, value)
        value[20 * PER_DAY + 30] = wild
        after = judged(ts, value)

        for calm, shaken in zip(before[20 * PER_DAY + 31 :], after[20 * PER_DAY + 31 :], strict=True):
            assert abs(calm[4] - shaken[4]) < 6.0
            assert abs(calm[5] - shaken[5]) < 6.0

    def test_a_wild_beginning(self):
        """A first value that is a mistake does not decide what is usual."""
        ts, value = load(10)
        value[0] = 1e12

        low, high = judged(ts, value)[-1][4:]

        assert -20 < low < high < 100

    def test_it_is_told_of_a_wild_value(self):
        """The wild value itself is as unusual as can be."""
        ts, value = load(24)
        value[20 * PER_DAY + 30] = 1e15

        assert judged(ts, value)[20 * PER_DAY + 30][0] > 0.8

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_few_rows(self, count):
        """A series of a few rows has scores of 0."""
        ts, value = load(1)

        assert [0.0] * count == [r[0] for r in judged(ts[:count], value[:count])]

    def test_a_constant(self):
        """A series that never moves is never notable."""
        ts, value = load(20)

        assert not any(r[1] for r in judged(ts, np.full(len(value), 7.0)))

    def test_a_hundred_years(self):
        """A value a month for a hundred years has finite scores."""
        ts = START + np.arange(1_200) * 30 * DAY
        value = np.random.default_rng(1).normal(5, 1, len(ts))

        assert np.isfinite([r[0] for r in judged(ts, value)]).all()

    def test_times_that_go_back(self):
        """A clock that steps back and forth gives scores from 0 to 1."""
        ts, value = load(20)
        ts[500:600] -= 3 * DAY
        ts[900:950] += 400 * DAY

        assert all(0 <= r[0] <= 1 for r in judged(ts, value))


class TestCompany:
    @settings(max_examples=6, deadline=None)
    @given(st.integers(0, 1_000), st.integers(2, 9))
    def test_many_at_once(self, seed, count):
        """A series has the same scores, to the last bit, alone and beside others."""
        ts, _ = load(4)
        chance = np.random.default_rng(seed)
        values = [load(4, seed + n)[1] * chance.choice([1, 1e-3, 1e6]) for n in range(count)]
        values[0][int(chance.integers(250, 380))] *= chance.choice([-1, 40, 1e9])

        together = at_once(ts, values)

        for n, value in enumerate(values):
            assert together[:, n].tolist() == [float(r[0]) for r in judged(ts, value)]

    def test_a_longer_series(self):
        """What comes later changes nothing that was said."""
        ts, value = load(12)

        assert judged(ts[:900], value[:900]) == judged(ts, value)[:900]

    def test_snapshot(self):
        """A detector that was saved and read back goes on as if it had never stopped."""
        ts, value = load(12)
        first, second = Generic(), Generic()
        judged(ts[:700], value[:700], first)
        second.restore({name: column.copy() for name, column in first.snapshot().items()})

        assert judged(ts[700:], value[700:], first) == judged(ts[700:], value[700:], second)

    def test_state(self):
        """A point takes two thousand bytes at most."""
        detector = Generic()
        detector.grow(100)

        assert sum(column.nbytes for column in detector.snapshot().values()) <= 100 * 2_000


class TestTails:
    def test_rarity_is_the_number_of_values(self):
        """Of numbers with an exponential tail about one in a thousand is rarer than three."""
        chance = np.random.default_rng(5)
        tails = Tails(np.zeros(1))
        series, length = 200, 3_000
        tails.grow(series)
        slot, rare = np.arange(series), 0
        for k in range(length):
            found = tails.take(slot, np.full(series, k), chance.exponential(1, (series, 1)))
            rare += int((found.rarity > 3).sum()) if k >= 1_000 else 0

        assert 0.0003 < rare / series / (length - 1_000) < 0.003

    def test_one_huge_peak(self):
        """One huge fault does not hide the next, smaller one."""
        chance = np.random.default_rng(5)
        tails = Tails(np.zeros(1))
        tails.grow(1)
        slot = np.zeros(1, np.intp)
        for k in range(100 * BLOCK):
            tails.take(slot, np.array([k]), np.array([[1e4 if k == 50 * BLOCK else chance.exponential(1)]]))

        assert tails.take(slot, np.array([100 * BLOCK]), np.array([[30.0]])).rarity[0] > 4

    def test_student(self):
        """The tail of Student's t is that of the tables: 5 % beyond 2.132, 0.05 % beyond 8.610."""
        assert [pytest.approx(0.05, rel=2e-3), pytest.approx(0.0005, rel=2e-3)] == tail(
            np.array([2.1318, 8.6103])
        ).tolist()


MINUTE, HOUR = 60_000, 3_600_000


def warmth(ts, seed=5):
    """Return temperatures: a wave of a day, and what each hour makes of it, which a minute moves little."""
    chance = np.random.default_rng(seed)
    hour = (ts - ts[0]) // HOUR
    slow = np.interp((ts - ts[0]) / HOUR, np.arange(hour[-1] + 2), chance.normal(0, 0.6, hour[-1] + 2))
    return 12 + 5 * np.sin(2 * np.pi * (ts % DAY) / DAY) + slow + chance.normal(0, 0.1, len(ts))


class TestPace:
    def test_another_pace(self):
        """Who has spoken by the hour and now speaks by the minute moves less each time, which is no anomaly."""
        hours = START + np.arange(60 * 24) * HOUR
        minutes = hours[-1] + MINUTE + np.arange(2 * 1_440) * MINUTE
        ts = np.concatenate([hours, minutes])

        found = judged(ts, np.concatenate([warmth(hours), warmth(minutes)]))

        assert [] == [row for row in found[len(hours) :] if row[0] > 0.6]

    def test_judged_again(self):
        """A day later the new pace is known, and what is wrong is found."""
        hours = START + np.arange(60 * 24) * HOUR
        minutes = hours[-1] + MINUTE + np.arange(3 * 1_440) * MINUTE
        value = np.concatenate([warmth(hours), warmth(minutes)])
        value[-100:] += 15

        found = judged(np.concatenate([hours, minutes]), value)

        assert any(row[1] for row in found[-100:])

    @pytest.mark.parametrize("seed", [5, 6, 7])
    def test_the_first_day(self, seed):
        """That a point is a day old, and its hours are known from now on, is no anomaly."""
        ts = START + np.arange(1_700) * MINUTE

        assert [] == [row for row in judged(ts, warmth(ts, seed)) if row[0] > 0.9]

    def test_no_pace(self):
        """Who speaks when something has changed, fast by day and slowly by night, is learned as it is."""
        days = START // DAY * DAY + np.arange(40) * DAY
        ts = np.sort((days[:, None] + np.r_[np.arange(8 * 12) * 5 * MINUTE + 9 * HOUR, np.arange(8) * HOUR]).ravel())
        detector = Generic()

        judged(ts, warmth(ts), detector)

        assert not detector.learning(np.zeros(1, np.intp))[0]

    def test_an_older_snapshot(self):
        """A snapshot of a program that kept less of each series is taken; its pace is learned."""
        ts, value = load(5)
        old, new = Generic(), Generic()
        judged(ts, value, old)
        state = old.snapshot()
        new.restore({**state, "rows": state["rows"][:, :-3]})

        later = ts + 5 * DAY
        assert [row[:4] for row in judged(later, value, old)] == [row[:4] for row in judged(later, value, new)]
