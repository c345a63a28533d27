"""The detector of any metric: what it finds, what it is not moved by, and that rows do not depend on company."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.events import Anomaly
from stream.detectors.generic import DAY, LEARN_VALUES, Generic
from stream.detectors.judging import KINDS
from stream.detectors.tails import BLOCK, Tails
from stream.detectors.usual import student

QUARTER = 900_000
START = 1_750_003_200_000
PER_DAY = DAY // QUARTER


def load(days=30, seed=3, noise=1.0):
    """Return times and a load that is high by day and low by night."""
    ts = START + np.arange(days * PER_DAY) * QUARTER
    hour = ts // 3_600_000 % 24
    chance = np.random.default_rng(seed)
    return ts, np.where((hour >= 8) & (hour < 18), 50.0, 8.0) + chance.normal(0, noise, len(ts))


def side_by_side(ts, values, detector=None):
    """Return what a detector says of some series, row by row of each: score, notable, kind, rising, low, high."""
    detector = detector or Generic()
    detector.grow(len(values))
    slot, out = np.arange(len(values)), [[] for _ in values]
    for at, row in zip(ts.tolist(), np.column_stack(values).astype(float), strict=True):
        when = np.full(len(values), at)
        j = detector.judge(slot, when, when, (when // DAY + 3) % 7, row)
        for n, said in enumerate(out):
            said.append((j.score[n], bool(j.notable[n]), KINDS[j.kind[n]], bool(j.rising[n]), j.low[n], j.high[n]))
    return out


def judged(ts, value, detector=None):
    """Return what a detector says of a series, row by row."""
    return side_by_side(ts, [value], detector)[0]


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


AT = 20 * PER_DAY + 52  # 13:00 UTC


@pytest.fixture(scope="module")
def faulty():
    """What is said of a series with each fault."""
    ts, _ = load()
    series = {fault: load()[1] for fault, _ in FAULTS}
    for fault, value in series.items():
        fault(value, AT)
    return dict(zip(series, side_by_side(ts, list(series.values())), strict=True))


class TestFinds:
    @pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[f.__name__ for f, _ in FAULTS])
    def test_fault(self, faulty, fault, words):
        """A fault that anybody sees is notable within two days, with a word that fits it."""
        rows = [r for r in faulty[fault][AT : AT + 2 * PER_DAY] if r[1]]

        assert rows
        assert rows[0][2] in words

    def test_ordinary_days(self):
        """Ordinary days have a notable row in ten days at most."""
        ts, _ = load(30)
        said = side_by_side(ts, [load(30, seed)[1] for seed in range(3)])

        assert sum(row[1] for rows in said for row in rows) <= 9

    def test_learning(self):
        """Nothing is said before 200 values and a day."""
        ts, value = load(5)
        value[100] = 1e6

        assert {0.0} == {r[0] for r in judged(ts, value)[:LEARN_VALUES]}


WILD = (1e15, -1e15, 1e308, -8_000.0)


@pytest.fixture(scope="module")
def shaken():
    """What is said of a series with each wild value in it, and with none."""
    ts, value = load(24)
    series = {None: value}
    for wild in WILD:
        series[wild] = value.copy()
        series[wild][20 * PER_DAY + 30] = wild
    return dict(zip(series, side_by_side(ts, list(series.values())), strict=True))


class TestIsNotMoved:
    @pytest.mark.parametrize("wild", WILD)
    def test_one_wild_value(self, shaken, wild):
        """One wild value leaves the band of the next days where it was."""
        after = 20 * PER_DAY + 31

        for calm, moved in zip(shaken[None][after:], shaken[wild][after:], strict=True):
            assert abs(calm[4] - moved[4]) < 6.0
            assert abs(calm[5] - moved[5]) < 6.0

    def test_a_wild_beginning(self):
        """A first value that is a mistake does not decide what is usual."""
        ts, value = load(10)
        value[0] = 1e12

        low, high = judged(ts, value)[-1][4:]

        assert -20 < low < high < 100

    def test_it_is_told_of_a_wild_value(self, shaken):
        """The wild value itself is as unusual as can be."""
        assert shaken[1e15][20 * PER_DAY + 30][0] > 0.8

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

        together = side_by_side(ts, values)

        for n, value in enumerate(values):
            assert [row[0] for row in together[n]] == [row[0] for row in judged(ts, value)]

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
        beyond, _ = student(np.array([2.1318, 8.6103]))

        assert [pytest.approx(0.05, rel=2e-3), pytest.approx(0.0005, rel=2e-3)] == beyond.tolist()

    def test_student_far_out(self):
        """Beside a value far out, which is told by a series, another has the chance and density that it has alone."""
        alone, together = student(np.array([1.5])), student(np.array([1.5, 50.0]))

        assert [x[0] for x in alone] == [x[0] for x in together]
        assert pytest.approx(6 / 50.0**4, rel=5e-3) == together[0][1]


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
