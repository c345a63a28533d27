"""Use per interval, held against its hour of the week."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.detectors.calendar import Calendar
from stream.detectors.energy import Energy
from stream.detectors.energy_register import RegisterUse

HOUR, DAY = 3_600_000, 86_400_000
PLACES = {name: Calendar(name) for name in ("CN", "none")}
MONDAY = 1_741_564_800_000  # 2025-03-10 00:00, far from any holiday


def office(days, seed=1, noise=0.04):
    """Return times and use by the hour: high on workdays by day."""
    ts = MONDAY + np.arange(days * 24) * HOUR
    hour, weekday = ts // HOUR % 24, (ts // DAY + 3) % 7
    level = np.where((hour >= 8) & (hour < 18) & (weekday < 5), 50.0, 10.0)
    return ts, level * np.exp(np.random.default_rng(seed).normal(0, noise, len(ts)))


def judged(ts, *series, calendar="none", detector=None):
    """Return what is found of series, one row a time, one column a series."""
    places = PLACES[calendar]
    one = detector or Energy(places)
    one.grow(len(series))
    slots = np.arange(len(series))
    values = np.column_stack(series)
    out = []
    for when, row in zip(ts, values, strict=True):
        has = np.isfinite(row)
        at = np.full(int(has.sum()), when)
        out.append((slots[has], one.judge(slots[has], at, at, places.like(at // DAY), row[has])))
    return out


def column(found, name, slot=0):
    """Return one field of what was found of a series."""
    return np.array([getattr(j, name)[list(s).index(slot)] for s, j in found if slot in s])


def fault(kind, value, at):
    """Put a fault of a kind into a copy of a series."""
    value = value.copy()
    if kind == "dip":
        value[at] *= 0.2
    elif kind == "spike":
        value[at] *= 4
    elif kind == "dead":
        value[at : at + 12] = 0.0
    elif kind == "stuck":
        value[at : at + 12] = value[at]
    elif kind == "night":
        value[at : at + 8] = 45.0
    elif kind == "kilo":
        value[at] *= 1_000
    return value


KINDS = ("dip", "spike", "dead", "stuck", "night", "kilo")


def _begins(kind):
    return 50 * 24 + (11 if kind in {"dip", "stuck"} else 0)


@pytest.fixture(scope="module")
def faulty():
    """Return what is found of a building with a fault, a column for each kind of it."""
    ts, value = office(52)
    return judged(ts, *(fault(kind, value, _begins(kind)) for kind in KINDS))


class TestEnergy:
    def test_learning(self):
        """Nothing is said of the first week, whatever it brings."""
        ts, value = office(7)
        value[100] = 5_000.0

        found = judged(ts, value)

        assert 0.0 == column(found, "score").max()
        assert column(found, "learning").all()

    def test_ordinary_months(self):
        """Less than one hour in two hundred of a building like any other is marked."""
        ts, value = office(70)

        assert 0.005 > column(judged(ts, value), "notable").mean()

    @pytest.mark.parametrize("kind", KINDS)
    def test_faults(self, faulty, kind):
        """Each kind of fault is marked within hours of its beginning."""
        at = _begins(kind)

        assert column(faulty, "notable", KINDS.index(kind))[at : at + 6].any()

    def test_weekend_in_use(self):
        """A Sunday that is like a workday is marked while it is, and the workday after it is not."""
        ts, value = office(50)
        sunday = 48 * 24
        value[sunday + 8 : sunday + 18] = 50.0

        found = column(judged(ts, value), "notable")

        assert 10 == found[sunday + 8 : sunday + 18].sum()
        assert 0 == found[sunday + 24 + 8 : sunday + 48].sum()

    def test_one_wild_value(self):
        """A value a million times too large leaves the band of the next weeks where it was."""
        ts, value = office(65)
        wild = value.copy()
        wild[50 * 24 + 10] = 5e7

        found = judged(ts, value, wild)
        plain, after = (column(found, "expected", slot)[51 * 24 :] for slot in (0, 1))

        assert np.abs(np.log(after / plain)).max() < 0.1

    def test_band(self):
        """The band holds nine of ten ordinary values, and the expected value lies in it."""
        ts, value = office(70)
        found = judged(ts, value)
        low, high, expected = (column(found, n)[45 * 24 :] for n in ("low", "high", "expected"))

        assert 0.9 < ((value[45 * 24 :] >= low) & (value[45 * 24 :] <= high)).mean()
        assert ((low <= expected) & (expected <= high)).all()

    def test_a_change_for_good(self):
        """A building that uses half as much from a day on is marked for weeks, and usual again after eight."""
        ts, value = office(28 + 63)
        value[28 * 24 :] *= 0.5

        marks = column(judged(ts, value), "notable")

        assert marks[28 * 24 + 8 : 29 * 24].all()
        assert marks[(28 + 56) * 24 :].mean() < 0.02

    def test_national_day(self):
        """With the Chinese calendar a National Day without work is usual, without it it is not."""
        begin = 1_721_577_600_000 // DAY * DAY  # 2024-07-21
        ts = begin + np.arange(74 * 24) * HOUR
        hour, weekday = ts // HOUR % 24, (ts // DAY + 3) % 7
        value = np.where((hour >= 8) & (hour < 18) & (weekday < 5), 50.0, 10.0)
        value *= np.exp(np.random.default_rng(3).normal(0, 0.04, len(ts)))
        feast = (ts >= 1_727_740_800_000) & (ts < 1_727_740_800_000 + 3 * DAY)  # 2024-10-01
        value[feast] = 10.0 * np.exp(np.random.default_rng(4).normal(0, 0.04, int(feast.sum())))

        marks = {c: int(column(judged(ts, value, calendar=c), "notable")[feast].sum()) for c in ("CN", "none")}

        assert 0 == marks["CN"]
        assert marks["none"] >= 20

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.one_of(st.floats(0, 100), st.sampled_from([np.nan, -5.0, 0.0, 1e300])), max_size=150), st.data())
    def test_columns_and_restore(self, values, data):
        """A series is judged alike alone or among others, and after a restore as if there had been none."""
        ts = MONDAY + np.arange(len(values)) * 6 * HOUR
        series = np.array(values, float)
        cut = data.draw(st.integers(0, len(values)))
        whole = judged(ts, np.full(len(ts), 3.0), series)

        first, second = Energy(Calendar("none")), Energy(Calendar("none"))
        head = judged(ts[:cut], series[:cut], detector=first)
        second.grow(1)
        second.restore(first.snapshot())
        tail = judged(ts[cut:], series[cut:], detector=second)

        for name in ("score", "notable", "expected", "high"):
            among = column(whole, name, 1)
            assert among.tolist() == np.concatenate([column(head, name), column(tail, name)]).tolist()
            assert np.isfinite(among.astype(float)).all()

    def test_state(self):
        """A point costs less than two kilobytes."""
        detector = Energy(Calendar("none"))
        detector.grow(1_000)

        assert 2_048 > sum(column.nbytes for column in detector.snapshot().values()) / 1_000


class TestRegisterUse:
    def uses(self, readings, step=HOUR):
        """Return what steps used, and which were odd."""
        register = RegisterUse()
        return [register.take(MONDAY + n * step, float(r)) for n, r in enumerate(readings) if r is not None]

    def test_differences(self):
        """A register gives what was used since the reading before."""
        assert [None, 2.0, 3.0] == [s.use for s in self.uses([10, 12, 15])]

    def test_gap(self):
        """Use over a gap is that of one usual step."""
        readings = [10 + 2 * n for n in range(40)]
        readings[20:30] = [None] * 10

        assert [2.0] * 29 == pytest.approx([s.use for s in self.uses(readings)][1:], rel=0.03)

    def test_rollover(self):
        """A register that rolls over is not odd, and its use is known one reading later."""
        steps = self.uses([99_990, 99_996, 2, 8])

        assert [None, 6.0, None] == [s.use for s in steps[:3]]
        assert not any(s.odd for s in steps)
        assert 6.0 == pytest.approx(steps[3].use)

    def test_swap(self):
        """Another meter is odd once, and its own use counts from then on."""
        steps = self.uses([5_000, 5_002, 620, 622, 624])

        assert [False, False, True, False, False] == [s.odd for s in steps]
        assert [2.0, 2.0] == [s.use for s in steps[3:]]

    def test_same_time(self):
        """A second reading at the same time says nothing."""
        register = RegisterUse()
        register.take(MONDAY, 1.0)

        assert register.take(MONDAY, 5.0).use is None
