"""What the store over InfluxDB does when the server refuses, breaks off or is away."""

from contextlib import suppress

import pytest

from park.errors import MachineryError, Unavailable
from park.events import Level
from park.metrics import Lane
from park.ports import Chunk
from park.readings import Quality, batch_of
from park.series import BUCKETS
from runtime.storage.influx import Influx, points_text
from runtime.storage.influx_store import InfluxStore
from tests.contracts.test_reading_store import HOUR, T0, chunk, part, reading
from tests.influx_v2 import influx_v2
from tests.noted import Noted

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with influx_v2(tmp_path_factory.mktemp("influx")) as held:
        yield held


@pytest.fixture
def aside():
    return []


@pytest.fixture
def client(served, aside):
    served.answers.clear()
    served.down = False
    made = Influx(served.url, served.token, "park", lambda *why: aside.append(why), prefix=f"{len(served.buckets())}_")
    made.provision(list(BUCKETS.values()), keep=False)
    yield made
    made.close()


def series(point):
    return "power", f"power,park=a,point={point}"


@pytest.fixture
def store(client):
    return InfluxStore(client, series, Noted())


ROWS = [reading(p, T0 + p, p) for p in range(1, 9)]


class TestWrites:
    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
    def test_refused_for_now(self, store, served, aside, status):
        """What may be mended is tried again, whole; nothing is set aside and the position stays."""
        served.answers = [status]
        with pytest.raises(Unavailable, match=str(status)):
            store.write(chunk(5, *ROWS))
        store.flush()
        assert 0 == store.position(Lane.BULK)

        store.write(chunk(5, *ROWS))
        store.flush()

        assert 5 == store.position(Lane.BULK)
        assert 8 == sum(store.stored(0, 1 << 60).values())
        assert [] == aside

    @pytest.mark.parametrize("after", range(4))
    def test_broken_off(self, client, after):
        """A chunk that broke off anywhere is stored once when it comes again, also to another worker."""
        rollups = [part(Level.HOUR, (1, T0, [1.0, 2.0], 0))]
        whole = chunk(5, *ROWS, rollups=rollups)
        first = InfluxStore(_Breaking(client, after), series, Noted())
        with suppress(Unavailable):
            first.write(whole)
        other = InfluxStore(client, series, Noted())
        other.write(whole)

        assert 8 == sum(other.stored(0, 1 << 60).values())
        assert [2] == other.rollups(Level.HOUR, [1], T0, T0 + HOUR).count.tolist()
        assert [1.0] == other.raw(1, 0, 1 << 60, 9).value.tolist()

    def test_bad_line(self, client, aside):
        """A line that the server will never take is set aside with its reason; the others are stored."""
        good = b"".join(b"power,park=a,point=%d value=%d.5 1\n" % (n, n) for n in range(20))
        client.write("raw", good + b"power,park=a,point=99 value= 1\n" + good.replace(b",point=", b",point=3"), "ms")

        assert [("raw", b"power,park=a,point=99 value= 1\n")] == [a[:2] for a in aside]
        assert "400" in aside[0][2]
        (found,) = client.query("raw", "SELECT count(value) FROM power")
        assert 40 == found[0][1][0][1]

    def test_type_conflict(self, client, aside):
        """A field that comes as another type is set aside alone."""
        client.write("raw", b"power,park=a,point=1 value=1.5 1\n", "ms")
        client.write("raw", b"power,park=a,point=1 value=1i 2\npower,park=a,point=1 value=2.5 3\n", "ms")

        assert [b"power,park=a,point=1 value=1i 2\n"] == [line for _, line, _ in aside]

    def test_away(self):
        """A server that is not there is asked again later."""
        away = Influx("http://127.0.0.1:1", "x", "park", lambda *_: None)
        with pytest.raises(Unavailable):
            away.write("raw", b"a,b=c d=1 1\n", "ms")
        with pytest.raises(Unavailable):
            away.query("raw", "SELECT 1")
        away.close()

    def test_secret_in_no_error(self, served):
        """The token appears in no error."""
        wrong = Influx(served.url, "hush", "park", lambda *_: None)
        with pytest.raises(Unavailable) as told:
            wrong.write("raw", b"a,b=c d=1 1\n", "ms")
        wrong.close()

        assert "hush" not in str(told.value)


class TestReads:
    def test_not_understood(self, client):
        """A query that is none is our fault, and no reason to try again."""
        with pytest.raises(MachineryError) as told:
            client.query("raw", "SELEKT")

        assert not told.value.retry

    def test_parameters_are_bound(self, store):
        """What looks like InfluxQL in a value is a value."""
        store.write(chunk(1, *ROWS))
        query = 'SELECT "value" FROM "power" WHERE "point" = $point'

        assert [[]] == store._influx.query("raw", query, {"point": "1' OR 'a' = 'a"})

    def test_points_are_numbers(self):
        """Only numbers come into the text of a query."""
        with pytest.raises(ValueError, match="invalid literal"):
            points_text(["1|.*"])


class TestSeries:
    def test_as_many_as_points(self, store, served):
        """A measurement has as many series as points, whatever their readings' qualities are."""
        for n, quality in enumerate(Quality):
            rows = [reading(p, T0 + n, n, quality) for p in (1, 2, 3)]
            store.write(Chunk(Lane.BULK, n + 1, batch_of(rows)))

        assert 3 == served.series(f"{store._influx._prefix}raw")

    def test_forget(self, store):
        """All of a person's points can be deleted; the others stay."""
        store.write(chunk(1, *ROWS, rollups=[part(Level.DAY, (1, T0, [1.0], 0), (2, T0, [1.0], 0))]))
        store.forget([1])

        assert [] == store.raw(1, 0, 1 << 60, 9).value.tolist()
        assert [2.0] == store.raw(2, 0, 1 << 60, 9).value.tolist()
        assert [2] == store.rollups(Level.DAY, [1, 2], 0, 1 << 60).point.tolist()


class _Breaking:
    """An InfluxDB whose connection breaks after some writes."""

    def __init__(self, client, writes):
        self._client, self._left = client, writes

    def write(self, *what):
        """Write, or break."""
        if not self._left:
            raise Unavailable("broken off")
        self._left -= 1
        self._client.write(*what)

    def query(self, *what):
        """Ask."""
        return self._client.query(*what)
