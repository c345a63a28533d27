"""Counts: surges, and counts that fail to come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.detectors.calendar import Calendar
from stream.detectors.counts import Counts

QUARTER, HOUR, DAY = 900_000, 3_600_000, 86_400_000
MONDAY = 1_741_564_800_000  # 2025-03-10 00:00, far from any holiday
PLACES = {name: Calendar(name) for name in ("CN", "none")}


def door(days, seed=1, busy=25.0):
    """Return times and people by the quarter hour: many on workdays by day, few at night."""
    ts = MONDAY + np.arange(days * 96) * QUARTER
    hour, weekday = ts // HOUR % 24, (ts // DAY + 3) % 7
    rate = np.where((hour >= 8) & (hour < 19), busy, 0.3) * np.where(weekday < 5, 1.0, 0.2)
    return ts, np.random.default_rng(seed).poisson(rate).astype(float)


def judged(ts, *series, calendar="none", detector=None):
    """Return what is found of series, one row a time, one column a series."""
    places = PLACES[calendar]
    one = detector or Counts(places)
    one.grow(len(series))
    slots, out = np.arange(len(series)), []
    for when, row in zip(ts, np.column_stack(series), strict=True):
        has = np.isfinite(row)
        at = np.full(int(has.sum()), when)
        out.append((slots[has], one.judge(slots[has], at, at, places.like(at // DAY), row[has])))
    return out


def column(found, name, slot=0):
    """Return one field of what was found of a series."""
    return np.array([getattr(j, name)[list(s).index(slot)] for s, j in found if slot in s])


@pytest.fixture(scope="module")
def surges():
    """Return times, and what is found of a door: plain, with a surge, with one at night, dead by day, wild."""
    ts, plain = door(26)
    evening, night, dead, wild = (plain.copy() for _ in range(4))
    evening[24 * 96 + 80 : 24 * 96 + 88] += 20  # Thursday 20:00
    night[24 * 96 + 8 : 24 * 96 + 12] = 15  # 02:00
    dead[24 * 96 + 40 : 24 * 96 + 64] = 0
    wild[20 * 96 + 50] = 1e9
    return judged(ts, plain, evening, night, dead, wild)


class TestCounts:
    def test_learning(self):
        """Nothing is said of the first two days."""
        ts, count = door(2)
        count[150] = 4_000.0

        found = judged(ts, count)

        assert 0.0 == column(found, "score").max()
        assert column(found, "learning").all()

    def test_ordinary_weeks(self, surges):
        """Of a door like any other less than one value in two hundred is marked."""
        assert 0.005 > column(surges, "notable").mean()

    @pytest.mark.parametrize(("slot", "begins", "ends"), [(1, 80, 88), (2, 8, 12)])
    def test_surges(self, surges, slot, begins, ends):
        """A crowd in the evening and a few people at night are marked within half an hour."""
        marks = column(surges, "notable", slot)[24 * 96 :]

        assert marks[begins : begins + 2].any()
        assert marks[begins + 1 : ends].all()

    def test_dead_counter(self, surges):
        """Zeros through a busy day are marked; the zeros of a night are not."""
        marks = column(surges, "notable", 3)[24 * 96 :]

        assert marks[44:64].all()
        assert not marks[:24].any()

    def test_a_dead_counter_never_outranks_a_surge(self, surges):
        """What did not come scores no more than the bar."""
        assert 0.5 == pytest.approx(column(surges, "score", 3)[24 * 96 + 60])
        assert 0.5 < column(surges, "score", 1)[24 * 96 + 84]

    def test_one_wild_value(self, surges):
        """A value of a thousand million leaves the band of the days after it where it was."""
        plain, after = (column(surges, "expected", slot)[21 * 96 :] for slot in (0, 4))

        assert np.abs(after - plain).max() < 2.0

    def test_events_every_second_evening(self):
        """What fills half of the evenings does not become usual."""
        ts, count = door(26)
        for day in range(0, 26, 2):
            count[day * 96 + 84 : day * 96 + 90] += 15

        marks = column(judged(ts, count), "notable")

        assert all(marks[day * 96 + 85 : day * 96 + 90].any() for day in range(18, 26, 2))

    def test_what_an_event_brings_teaches_nothing(self):
        """Crowds on every second evening leave what is usual of the evening nearly where it was."""
        ts, plain = door(30)
        crowded = plain.copy()
        for day in range(0, 30, 2):
            crowded[day * 96 + 84 : day * 96 + 90] += 20

        found = judged(ts, plain, crowded)

        quiet, busy = (column(found, "expected", slot)[29 * 96 + 84 : 29 * 96 + 90] for slot in (0, 1))
        assert 4.0 > np.abs(busy - quiet).max()

    def test_what_stays_is_learned(self):
        """A door that became twice as busy for good is marked half as often after a month."""
        ts, count = door(54)
        count *= np.where(np.arange(len(ts)) >= 26 * 96, 2.0, 1.0)

        marks = column(judged(ts, count), "notable")

        assert 0.15 < marks[28 * 96 : 33 * 96].mean()
        assert 0.12 > marks[49 * 96 :].mean()

    def test_a_busy_day_is_no_crowd(self):
        """A day with a third more people all day is not marked through; one such hour of another day is."""
        ts, count = door(27, busy=60.0)
        count[24 * 96 + 32 : 24 * 96 + 76] *= 1.35
        count[25 * 96 + 48 : 25 * 96 + 52] *= 1.7

        marks = column(judged(ts, count), "notable")

        assert 0.1 > marks[24 * 96 + 40 : 24 * 96 + 76].mean()
        assert marks[25 * 96 + 48 : 25 * 96 + 52].any()

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.one_of(st.integers(0, 60), st.sampled_from([np.nan, -5.0, 1e300])), max_size=150), st.data())
    def test_columns_and_restore(self, values, data):
        """A series is judged alike alone or among others, and after a restore as if there had been none."""
        ts = MONDAY + np.arange(len(values)) * HOUR
        series = np.array(values, float)
        cut = data.draw(st.integers(0, len(values)))
        whole = judged(ts, np.full(len(ts), 3.0), series)

        first, second = Counts(PLACES["none"]), Counts(PLACES["none"])
        head = judged(ts[:cut], series[:cut], detector=first)
        second.grow(1)
        second.restore(first.snapshot())
        tail = judged(ts[cut:], series[cut:], detector=second)

        for name in ("score", "notable", "expected", "high"):
            among = column(whole, name, 1)
            assert among.tolist() == np.concatenate([column(head, name), column(tail, name)]).tolist()
            assert np.isfinite(among.astype(float)).all()

    def test_an_older_snapshot(self):
        """A snapshot from before the last hours were followed keeps all that was learned."""
        ts, count = door(6)
        first, second = Counts(PLACES["none"]), Counts(PLACES["none"])
        judged(ts, count, detector=first)
        older = {name: column for name, column in first.snapshot().items() if name != "lately"}

        second.restore(older)
        found = judged(ts[-1:] + QUARTER, count[-1:], detector=second)

        assert not column(found, "learning").any()
        assert column(judged(ts[-1:] + QUARTER, count[-1:], detector=first), "expected") == column(found, "expected")

    def test_state(self):
        """A point costs less than two kilobytes."""
        detector = Counts(PLACES["none"])
        detector.grow(1_000)

        assert 2_048 > sum(column.nbytes for column in detector.snapshot().values()) / 1_000
