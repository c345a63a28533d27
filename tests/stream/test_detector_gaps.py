"""Values that did not come while their device spoke: in what order they come matters, not in which batches."""

import numpy as np
from contract import HOUR, MINUTE, START
from hypothesis import given, settings
from hypothesis import strategies as st

from park.directory import Directory
from park.metrics import Lane
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.detectors.gaps import Gaps

CONFIG = Config(
    1, START, tuple(PointRow(n, "power", 1 + n % 2, 5, 9) for n in range(1, 7)),
    tuple(DeviceRow(n, 9, 5, Lane.BULK, "meter") for n in (1, 2)), (PlaceRow(9, 9, 0, "park", "p"),),
)  # fmt: skip
SPOKEN = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 200), st.sampled_from([MINUTE, 15 * MINUTE, HOUR])), max_size=40
)


def missing(spoken, cuts):
    """Return the findings and the columns that are left, where rows are cut there."""
    directory = Directory()
    directory.apply(CONFIG)
    gaps = Gaps()
    gaps.grow(directory.size, directory.device_size)
    point, at, step = (np.array(column) for column in zip(*spoken, strict=True))
    ts, found = START + at * 7 * MINUTE, []
    for rows in np.split(np.arange(len(point)), cuts):
        if len(rows):
            told = gaps.take(directory, point[rows], ts[rows], ts[rows], step[rows])
            found += [(int(rows[i]), finding) for i, finding in told]
    return found, {name: column.tolist() for name, column in gaps.snapshot().items()}


@settings(deadline=None)
@given(SPOKEN.filter(bool))
def test_one_by_one(spoken):
    """Rows that are looked at together tell and leave what they do one by one."""
    assert missing(spoken, range(1, len(spoken))) == missing(spoken, ())


def test_a_channel_that_fell_out():
    """A point that says nothing for hours while another of its device speaks was missing; a silent device's was not."""
    speaks = [(2, n, MINUTE) for n in range(40)]
    found, _ = missing([(4, 0, MINUTE), *speaks, (4, 40, MINUTE), (1, 0, MINUTE), (1, 40, MINUTE)], ())

    assert [(41, 4)] == [(row, finding.point) for row, finding in found]
