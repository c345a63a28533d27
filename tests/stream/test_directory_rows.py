"""A directory keeps points in columns, and gives their rows back as they were told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.directory import Directory
from park.known import known_config, known_state
from park.metrics import NAMES, Lane
from park.records import Config, DeviceRow, PointRow
from park.wire import encode_config

ROWS = st.builds(
    PointRow,
    point=st.integers(1, 30),
    metric=st.sampled_from(NAMES),
    device=st.integers(0, 5),
    place=st.integers(0, 2**31 - 1),
    park=st.integers(0, 2**31 - 1),
    enterprise=st.integers(0, 2**31 - 1),
    channel=st.text(max_size=3),
    interval=st.integers(0, 2**62),
    source=st.integers(0, 30),
    modulus=st.floats(0, 1e18),
    ratio=st.floats(1e-9, 1e9),
    effective=st.integers(0, 2**62),
)


def told(*configs: Config) -> Directory:
    """Return a directory that was told some configurations."""
    directory = Directory()
    for config in configs:
        directory.apply(config)
    return directory


def lane_of(point: int, directory: Directory) -> tuple[bool, int]:
    """Return whether a point is of life safety, and its gateway."""
    return bool(directory.life[point]), int(directory.gateway[point])


@given(st.lists(st.lists(ROWS, max_size=6), max_size=4))
def test_rows_are_given_back(records):
    """Every point has the row that was told of it last, whatever came before."""
    directory = told(*(Config(n, 0, tuple(rows)) for n, rows in enumerate(records)))

    expected = {row.point: row for rows in records for row in rows}
    assert expected == dict(directory.points)
    assert sorted(expected) == list(directory.points)
    assert [expected[p] for p in sorted(expected)] == directory.points.rows(directory.points.numbers())
    assert expected == dict(told(directory.config()).points)
    assert directory.config() == known_config(known_state(directory))


@pytest.mark.parametrize("point", [-1, 0, 2, 4, 10_000, "3"])
def test_no_such_point(point):
    """A number that no point has is not in the rows, and asking for it is a KeyError."""
    points = told(Config(1, 0, (PointRow(3, "power", 1, 1, 1),))).points

    assert point not in points
    assert points.get(point) is None
    with pytest.raises(KeyError):
        points[point]


def test_points_follow_their_device():
    """A device that moves to another lane or gateway takes its points along, and nobody else's."""
    meter = DeviceRow(1, 1, 2, Lane.BULK, "meter", gateway=7)
    first = Config(1, 0, (PointRow(3, "power", 1, 2, 1), PointRow(4, "power", 2, 2, 1)), (meter,))
    directory = told(first, Config(2, 0, (), (replace(meter, lane=Lane.LIFE, gateway=8),)))

    assert [3] == directory.points_on([1]).tolist()
    assert (True, 8) == lane_of(3, directory)
    assert (False, 0) == lane_of(4, directory)


def test_what_is_made_of_a_register():
    """A register knows the point of amounts that is made of it, told before it or after."""
    use, register = PointRow(1, "energy_use", 1, 2, 1, source=9), PointRow(9, "energy", 1, 2, 1)

    assert 1 == told(Config(1, 0, (use,)), Config(2, 0, (register,))).derived[9]
    assert 1 == told(Config(1, 0, (register, use))).derived[9]


def test_an_earlier_catalogue():
    """A snapshot of a program whose catalogue had other places for its metrics names the same metrics."""
    directory = told(Config(1, 0, (PointRow(3, "power", 1, 1, 1, channel="a"),)))
    state = known_state(directory)
    earlier = json.dumps(["gone", "power"]).encode()
    state |= {"metrics": np.frombuffer(earlier, np.uint8), "point_metric": np.array([1])}

    assert directory.config() == known_config(state)


def test_rows_of_an_earlier_program():
    """A snapshot whose configuration holds the points as rows is read as it was."""
    config = told(Config(1, 0, (PointRow(3, "power", 1, 1, 1, channel="a"),))).config()

    assert config == known_config({"config": np.frombuffer(encode_config(config), np.uint8)})
