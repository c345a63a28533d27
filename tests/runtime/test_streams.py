"""Names of logs."""

import pytest

from park.metrics import Lane
from park.streams import lane_of, partition_of, stream_of


@pytest.mark.parametrize(
    ("stream", "lane", "partition"),
    [("life", Lane.LIFE, 0), ("bulk", Lane.BULK, 0), ("life-0", Lane.LIFE, 0), ("bulk-13", Lane.BULK, 13)],
)
def test_read(stream, lane, partition):
    """A name says its lane and its partition."""
    assert (lane, partition) == (lane_of(stream), partition_of(stream))


@pytest.mark.parametrize("lane", Lane)
def test_made(lane):
    """What is made can be read."""
    assert (lane, 7) == (lane_of(stream_of(lane, 7)), partition_of(stream_of(lane, 7)))


@pytest.mark.parametrize("name", ["", "fire-1", "-1"])
def test_no_lane(name):
    """A name of no lane is none."""
    with pytest.raises(ValueError, match="is not a valid Lane"):
        lane_of(name)


@pytest.mark.parametrize("name", ["bulk-", "bulk-x", "bulk--1", "bulk-\N{SUPERSCRIPT TWO}"])
def test_no_partition(name):
    """A partition is a number."""
    with pytest.raises(ValueError, match="names no partition"):
        partition_of(name)
