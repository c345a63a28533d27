"""Rounds, which stages with a recurrence stand on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.rounds import rounds


@given(st.lists(st.integers(0, 5)))
def test_rounds(points):
    """Rounds hold every row once, no point twice, and each point's rows in order."""
    parts = [part.tolist() for part in rounds(np.array(points, np.int32))]

    assert list(range(len(points))) == sorted(r for part in parts for r in part)
    assert all(len({points[r] for r in part}) == len(part) and part == sorted(part) for part in parts)
    assert all(
        [i for i, q in enumerate(points) if q == p] == [r for part in parts for r in part if points[r] == p]
        for p in set(points)
    )


def test_one_round():
    """A batch of different points is one round, in order of arrival."""
    (only,) = rounds(np.array([7, 3, 5], np.int32))

    assert only.tolist() == [0, 1, 2]
