"""What may not teach: a day in another unit, a week of holidays, single steps of a coarse register."""

import numpy as np
import pytest

from bench.scoreboard.amounts import Alone
from stream.detectors.calendar import Calendar
from stream.detectors.panel import NAMES
from stream.detectors.told import bar

HOUR, DAY = 3_600_000, 86_400_000
SUMMER = 1_748_822_400_000  # 2025-06-02 00:00; no holiday until October
AUTUMN = 1_759_276_800_000  # 2025-10-01 00:00: the first of eight days of holiday
PLACE = Calendar("CN")
DAYS, SPELL = 50, 40  # days of a series; the day on which its unit is wrong


def load(start, days, weekends=True, noise=1.0, seed=3):
    """Return hours and a load that is high by day."""
    ts = start + np.arange(days * 24) * HOUR
    hour, weekday = ts // HOUR % 24, (ts // DAY + 3) % 7
    high = (hour >= 8) & (hour < 18) & (weekends | (weekday < 5))
    return ts, np.rint(np.where(high, 80.0, 20.0) + np.random.default_rng(seed).normal(0, noise, len(ts)))


def judged(detector, ts, *series):
    """Return rarity, low and high, [row, series], of series judged side by side."""
    one = Alone(detector, PLACE)
    one.grow(len(series))
    slots, out = np.arange(len(series)), []
    for at, row in zip(ts, np.column_stack(series), strict=True):
        when = np.full(len(series), at)
        j = one.judge(slots, when, when, PLACE.like(when // DAY), row.astype(float))
        out.append((j.rarity, j.low, j.high))
    return np.array(out).transpose(1, 0, 2)


@pytest.fixture(scope="module", params=NAMES)
def spell(request):
    """Return what is found of a load: plain, with a day times a thousand, with a surge, with both."""
    ts, plain = load(SUMMER, DAYS)
    wild, surge = plain.copy(), plain.copy()
    wild[SPELL * 24 + 7 : SPELL * 24 + 31] *= 1_000
    surge[(SPELL + 4) * 24 + 2 : (SPELL + 4) * 24 + 8] += 100
    both = np.where(wild == plain, surge, wild)
    return judged(request.param, ts, plain, wild, surge, both)


class TestSpells:
    def test_the_band_stays(self, spell):
        """A day in another unit leaves the band of the days after it where it was, within a tenth of its height."""
        _, low, high = spell[:, (SPELL + 2) * 24 :]

        assert np.abs(low[:, 1] - low[:, 0]).max() < 8
        assert np.abs(high[:, 1] - high[:, 0]).max() < 8

    def test_it_is_not_blind(self, spell):
        """What comes four days after such a day is nearly as rare as without it."""
        after = spell[0, (SPELL + 4) * 24 : (SPELL + 5) * 24]

        assert after[:, 3].max() > 0.8 * after[:, 2].max() > 2.0

    def test_a_change_for_good(self):
        """A load that is twenty times what it was is usual again within two months, however wild that seemed."""
        ts, value = load(SUMMER, 110)
        value[40 * 24 :] *= 20

        rarity, low, high = judged("generic", ts, value)

        assert rarity[105 * 24 :].max() < 3.6
        assert (low[-24:] < 20 * 90).all()
        assert high[-12] > 20 * 70


class TestHolidays:
    @pytest.mark.parametrize("detector", ["generic", "energy"])
    def test_a_beginning_in_a_holiday(self, detector):
        """A point that begins in a week of holidays is told of a surge in November, as one that begins behind it is."""
        ts, value = load(AUTUMN, 44)
        value[: 8 * 24] = 20.0
        value[40 * 24 + 2 : 40 * 24 + 8] += 100

        late = judged(detector, ts[8 * 24 :], value[8 * 24 :])[0, 32 * 24 : 33 * 24]
        early = judged(detector, ts, value)[0, 40 * 24 : 41 * 24]

        told = min(bar(60.0), 0.8 * late.max())
        assert early.max() > told > 2.0

    def test_who_works_all_week_rests_on_a_holiday(self):
        """New Year's Day at the level of a night is no finding, at a load that knows no weekends."""
        ts, value = load(AUTUMN, 100)
        newyear = (ts >= AUTUMN + 92 * DAY) & (ts < AUTUMN + 95 * DAY)

        rarity = judged("generic", ts, np.where(newyear, 20.0, value))[0]

        assert rarity[newyear].max() < 3.6

    def test_a_mistake_on_a_holiday(self):
        """What lies beyond work and rest on a holiday is told."""
        ts, value = load(AUTUMN, 100)
        at = 93 * 24 + 3
        value[at : at + 3] = 300.0

        assert judged("generic", ts, value)[0, at : at + 3].max() > bar(60.0)


class TestSteps:
    def test_single_steps(self):
        """One step more or less of a coarse register is never told."""
        ts, _ = load(SUMMER, 90)
        hour = ts // HOUR % 24
        chance = np.random.default_rng(2)
        litres = chance.poisson(np.where((hour >= 8) & (hour < 18), 0.8, 0.05)) * 0.1

        assert judged("energy", ts, litres)[0].max() < bar(60.0)
