"""Which days are worked."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.detectors.calendar import FAR, Calendar, DayType, day_number

CN = Calendar("CN")
DAYS = [
    (date(2024, 10, 1), DayType.HOLIDAY),  # National Day
    (date(2024, 10, 5), DayType.HOLIDAY),  # a Saturday inside it
    (date(2024, 10, 12), DayType.MAKEUP),  # a Saturday that is worked for it
    (date(2024, 9, 14), DayType.MAKEUP),
    (date(2024, 9, 11), DayType.WORKDAY),
    (date(2024, 9, 8), DayType.WEEKEND),
    (date(2024, 5, 1), DayType.HOLIDAY),
    (date(2024, 2, 2), DayType.WORKDAY),
    (date(2024, 2, 3), DayType.FESTIVAL),  # 小年前后: a week before New Year's Day on the 10th
    (date(2024, 2, 24), DayType.FESTIVAL),  # 正月十五
    (date(2024, 2, 25), DayType.WEEKEND),
    (date(2023, 1, 22), DayType.FESTIVAL),  # the festival moves with the moon
    (date(2023, 2, 10), DayType.WORKDAY),
    (date(2026, 1, 3), DayType.HOLIDAY),  # a Saturday that touches one, and the Sunday worked for it
    (date(2026, 1, 4), DayType.MAKEUP),
    (date(1980, 10, 1), DayType.WORKDAY),  # before the table: weekends only
    (date(2080, 10, 1), DayType.WORKDAY),
]


class TestCalendar:
    @pytest.mark.parametrize(("day", "kind"), DAYS)
    def test_types(self, day, kind):
        """A day is what the yearly notice and the lunar calendar say."""
        assert [kind] == CN.types(np.array([day_number(day)])).tolist()

    @given(st.integers(-40_000, 80_000))
    def test_none(self, day):
        """Without a calendar there are workdays and weekends, of any year."""
        kind = Calendar("none").types(np.array([day]))[0]
        weekday = (date(1970, 1, 5) + timedelta(days=(day + 3) % 7)).weekday()

        assert (DayType.WEEKEND if weekday >= 5 else DayType.WORKDAY) == kind

    def test_new_years_day(self):
        """Days are counted from lunar New Year's Day, far from it not at all."""
        days = np.array([day_number(date(2025, 1, d)) for d in (10, 22, 29, 31)])

        assert [FAR, -7, 0, 2] == CN.festival_day(days).tolist()

    def test_a_make_up_day_is_like_a_friday(self):
        """A Saturday that is worked is held against a Friday, another against Saturdays."""
        days = np.array([day_number(date(2024, 10, 12)), day_number(date(2024, 10, 19))])

        assert [4, 5] == CN.like(days).tolist()

    def test_holidays_are_uncertain(self):
        """A holiday may be worked or not, and not every firm works a make-up day."""
        days = np.array([day_number(date(2024, 10, d)) for d in (2, 12, 14)])

        assert [True, True, False] == CN.uncertain(days).tolist()

    def test_unknown_name(self):
        """A calendar that nobody has is refused by name."""
        with pytest.raises(ValueError, match="'US' is none of CN, none"):
            Calendar("US")
