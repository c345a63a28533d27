"""Sums of hours, and hours that are over."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.detectors.hours import add_to_hours

_ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 6), st.floats(0, 100, allow_nan=False)), min_size=1, max_size=60
)


def _columns() -> dict[str, np.ndarray]:
    return {"open": np.zeros(5, np.int64), "sum": np.zeros(5), "whole": np.zeros(5, np.bool_)}


def _one_by_one(c: dict[str, np.ndarray], rows: list[tuple[int, int, float]]) -> list[tuple[int, int, int, float]]:
    """Return (point, row, hour, total) of hours that end, by point, as the words of the module say it of each row."""
    over = []
    for i, (point, hour, value) in enumerate(rows):
        if hour > c["open"][point]:
            if c["whole"][point]:
                over.append((point, i, int(c["open"][point]), float(c["sum"][point])))
            c["whole"][point], c["open"][point], c["sum"][point] = c["open"][point] > 0, hour, 0.0
        if hour == c["open"][point]:
            c["sum"][point] += value
    return sorted(over)


@given(st.lists(_ROWS, max_size=4))
def test_many_rows_at_once_are_as_one_after_the_other(batches: list[list[tuple[int, int, float]]]) -> None:
    """However rows come together, the same hours end with the same sums, bit for bit, and the same stay open."""
    plain, columns = _columns(), _columns()
    for rows in batches:
        expected = _one_by_one(plain, rows)
        point, hour, value = (np.array(column) for column in zip(*rows, strict=True))
        ended = add_to_hours(columns, point.astype(np.int32), hour, value.astype(np.float64))
        found = [
            (int(point[row]), int(row), int(of), float(total))
            for row, of, total in zip(ended.row, ended.hour, ended.total, strict=True)
        ]
        assert expected == found
        assert all(np.array_equal(plain[name], columns[name]) for name in plain)
