"""Of several ingesters every topic has one that takes it, and none that nobody takes."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects import subscriptions
from ingest.resolver import Binding, Resolver
from park.metrics import Lane
from park.records import Config, DeviceRow, PlaceRow
from park.settings import IngestSettings
from runtime.city_homes import CityHomes
from runtime.sharing import Sharing, filters_of, park_filter, partitions_of
from runtime.topics import partition_of

N = 8
CODES = ("liuxi", "qinglong", "beihu", "nanshan", "xicheng")
KEYS = tuple(f"z2m:room-{code}" for code in CODES)


class Ingesters:
    """Some ingesters that have read the registry, and a clock that we turn."""

    def __init__(self, many, *, careful=True):
        self.now, self.fresh = 0.0, True
        self.homes = [CityHomes(N) for _ in range(many)]
        self.resolvers = [Resolver(IngestSettings()) for _ in range(many)]
        self.shares = [
            Sharing(i, many, self.homes[i], self.resolvers[i], lambda: self.now, lambda: self.fresh, careful=careful)
            for i in range(many)
        ]

    def register(self, *which):
        """Let some ingesters read of all parks and their foreign devices; without any named, all of them."""
        places = tuple(PlaceRow(n, n, 0, "park", code, code=code) for n, code in enumerate(CODES, 1))
        devices = tuple(DeviceRow(100 + n, n, n, Lane.LIFE, "smoke_detector") for n in range(1, len(CODES) + 1))
        for i in which or range(len(self.shares)):
            self.homes[i].learn(Config(1, 0, (), devices, places))
            self.resolvers[i].bind(Binding(key, "", 0, device=100 + n) for n, key in enumerate(KEYS, 1))

    def takers(self, topic):
        """Return who takes a topic."""
        return [i for i, share in enumerate(self.shares) if not share.leaves(topic)]


TOPIC = st.one_of(
    st.sampled_from(CODES).map(lambda c: f"parks/{c}/life/g/x"),
    st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True).map(lambda c: f"parks/{c}/life/-/x"),
    st.sampled_from(CODES).map(lambda c: f"zigbee2mqtt/room-{c}"),
    st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True).map(lambda c: f"zigbee2mqtt/{c}"),
    st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True).map(lambda c: f"tele/{c}/SENSOR"),
)


@given(TOPIC, st.integers(1, 5))
def test_one_takes_it(topic, many):
    """Among ingesters that know the same, and have for a while, exactly one takes a topic."""
    ingesters = Ingesters(many)
    ingesters.register()
    ingesters.takers(topic)
    ingesters.now = 1_000.0

    assert 1 == len(ingesters.takers(topic))


@given(TOPIC, st.integers(2, 5), st.data())
def test_never_nobody(topic, many, data):
    """Whoever has read of a new device already, and whoever has not, somebody takes it."""
    ingesters = Ingesters(many)
    knowing = data.draw(st.lists(st.integers(0, many - 1), unique=True))
    if knowing:
        ingesters.register(*knowing)

    assert ingesters.takers(topic)


@given(TOPIC, st.integers(2, 5), st.data())
def test_who_is_cut_off_takes_what_it_does_not_know(topic, many, data):
    """While an ingester cannot read the registry it takes what it does not know: heard twice, and never not at all."""
    ingesters = Ingesters(many)
    ingesters.register(*data.draw(st.lists(st.integers(0, many - 1), unique=True, min_size=1)))
    ingesters.takers(topic)
    ingesters.now, ingesters.fresh = 1_000.0, False

    assert ingesters.takers(topic)


def test_alone():
    """A single ingester leaves nothing."""
    ingesters = Ingesters(1)
    assert [0] == ingesters.takers("parks/any/life/g/x") == ingesters.takers("zigbee2mqtt/x")


def test_what_a_subscription_brings():
    """Of the rest, what comes by a park's own topic is taken: nobody else may have been sent it."""
    ingesters = Ingesters(3, careful=False)
    ingesters.register()

    assert [0, 1, 2] == ingesters.takers("parks/liuxi/bulk/g/x")


def test_not_twice_after_each_start():
    """Of the rest, a device of others is left to them from the start; of life safety it is heard twice for a while."""
    for careful in (False, True):
        ingesters = Ingesters(3, careful=careful)
        ingesters.register()
        counts = [len(ingesters.takers(f"zigbee2mqtt/room-{code}")) for code in CODES]
        assert (max(counts) > 1) is careful


class TestFilters:
    def test_all_partitions(self):
        """Together the ingesters write to every partition, and to none twice."""
        assert list(range(N)) == sorted(p for i in range(3) for p in partitions_of(i, 3, N))

    def test_life_safety_hears_all(self):
        """Every ingester hears all of life safety, so that a park nobody has registered yet is heard."""
        assert filters_of(Lane.LIFE, 3, ("liuxi",), ()) == subscriptions(Lane.LIFE)
        assert "parks/+/life/#" in filters_of(Lane.LIFE, 3, ("liuxi",), ())

    def test_bulk_of_its_parks(self):
        """Of the rest an ingester hears its own parks, and all foreign dialects."""
        filters = filters_of(Lane.BULK, 3, ("liuxi", "beihu"), ())

        assert "parks/+/bulk/#" not in filters
        assert {park_filter("liuxi"), park_filter("beihu"), "zigbee2mqtt/#"} <= set(filters)

    def test_alone_hears_all(self):
        """A single ingester hears every park."""
        assert subscriptions(Lane.BULK) == filters_of(Lane.BULK, 1, (), ())


@given(st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True), st.integers(1, 64))
def test_partition_of(code, partitions):
    """Every code has a partition."""
    assert 0 <= partition_of(code, partitions) < partitions
