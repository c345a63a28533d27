"""The day after a holiday: what windows and smoothed shapes still hold of the holiday is forgiven with it."""

from datetime import date

import numpy as np
import pytest

from stream.detectors.calendar import Calendar, day_number
from stream.detectors.generic import Generic

HOUR, DAY = 3_600_000, 86_400_000
BEGIN = day_number(date(2025, 7, 1))
FIRST, BACK = (day_number(date(2025, 10, n)) - BEGIN for n in (1, 9))  # National Day, and the day when all work again
FIRMS = 20


def judged(days, *, idle=range(FIRST, BACK), late=0.0, calendar="CN"):
    """Return the rarity of each hour of firms that work every day but some; `late`: of the work missing on BACK."""
    chance = np.random.default_rng(5)
    detector, names = Generic(Calendar(calendar)), Calendar(calendar)
    detector.grow(FIRMS)
    slot, rarity = np.arange(FIRMS), np.zeros((days * 24, FIRMS))
    for n in range(days * 24):
        local = np.full(FIRMS, (BEGIN * 24 + n) * HOUR)
        works = 1.0 if n // 24 not in idle else 0.0
        works -= late * (n // 24 == BACK)
        value = (20 + 80 * works * (7 <= n % 24 < 19)) * (1 + 0.04 * chance.standard_normal(FIRMS))
        rarity[n] = detector.judge(slot, local - 8 * HOUR, local, names.like(local // DAY), value).rarity
    return rarity


@pytest.fixture(scope="module")
def autumn():
    """Return rarities of firms that stay closed from 1 to 8 October, to the evening of the 9th."""
    return judged(BACK + 1)


def test_first_night(autumn):
    """The first night after eight days of rest is as any night: nobody is told that it was calm before."""
    assert 3.6 > autumn[BACK * 24 : BACK * 24 + 7].max()


def test_first_day(autumn):
    """That all work again is nothing either."""
    assert 3.6 > np.median(autumn[BACK * 24 :].max(axis=0))


def test_without_a_calendar():
    """Who knows no calendar holds the night against the past, and finds it unusual."""
    assert 3.6 < np.median(judged(FIRST + 1, idle=range(FIRST, BACK), calendar="none")[FIRST * 24 :].max(axis=0))


def test_who_does_not_come_back():
    """A firm that does not work on the first day is told on that day: what its hours have is asked as ever."""
    assert 3.6 < np.median(judged(BACK + 1, late=1.0)[BACK * 24 + 7 :].max(axis=0))
