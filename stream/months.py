"""Months of park days, as numbers."""

from datetime import date, timedelta

_EPOCH = date(1970, 1, 1)


def month_of(day: int) -> int:
    """Return the month of a day since 1970-01-01, as year * 12 + month - 1."""
    when = _EPOCH + timedelta(days=day)
    return when.year * 12 + when.month - 1
