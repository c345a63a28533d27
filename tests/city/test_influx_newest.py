"""The newest values of a city's points, as pages ask for them again and again."""

import pytest

from park.metrics import Lane
from park.ports import Chunk
from park.readings import batch_of
from park.series import BUCKETS
from runtime.storage.influx import Influx
from runtime.storage.influx_newest import NewestKept
from runtime.storage.influx_store import InfluxStore
from tests.influx_v2 import influx_v2
from tests.noted import Noted

T0, MINUTE = 1_790_000_000_000, 60_000

pytestmark = pytest.mark.server


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.at = 0.0

    def elapsed(self):
        """Return seconds."""
        return self.at

    def now(self):
        """Return epoch ms."""
        return T0 + int(self.at * 1_000)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Return a client of the stand-in."""
    with influx_v2(tmp_path_factory.mktemp("influx")) as served:
        made = Influx(served.url, served.token, "park", lambda *_: None)
        made.provision(list(BUCKETS.values()), keep=False)
        yield made
        made.close()


def series(point):
    """Return what a point's rows are called."""
    return "power", f"power,park=a,point={point}"


def test_newest_values_follow(client):
    """The newest of ever at first; then nothing is asked within a second, and what is new after one."""
    clock, position = Clock(), 0
    writer = InfluxStore(client, series, Noted())
    reader = NewestKept(client, series, Noted(), now=clock.now, elapsed=clock.elapsed)

    def write(point, ts, value):
        nonlocal position
        position += 1
        writer.write(Chunk(Lane.BULK, position, batch_of([(point, ts, value, 0, ts)])))

    def seen():
        found = reader.latest([1, 2, 3])
        return dict(zip(found.point.tolist(), found.value.tolist(), strict=True))

    write(1, T0 - 1_000 * MINUTE, 1.0)  # long ago
    write(2, T0 - MINUTE, 2.0)
    first = seen()
    write(2, T0, 3.0)
    at_once = seen()
    clock.at += 1
    a_second_later = seen()
    write(1, T0 - 900 * MINUTE, 4.0)  # newer than what was known, and later by far than what is asked for
    clock.at += 1
    not_yet = seen()
    clock.at += 301
    in_the_end = seen()

    assert {1: 1.0, 2: 2.0} == first == at_once
    assert {1: 1.0, 2: 3.0} == a_second_later == not_yet
    assert {1: 4.0, 2: 3.0} == in_the_end
