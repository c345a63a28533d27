"""Every row, refused message and count of a lane goes to exactly one partition: that of its park."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.metrics import Lane
from park.readings import batch_of
from park.records import (
    Batch,
    Command,
    Config,
    DeviceRow,
    Edge,
    EnterpriseRow,
    LimitRow,
    Paper,
    PaperKind,
    PlaceRow,
    PointRow,
    Refusal,
    Refused,
    Tick,
    Verb,
)
from park.wire import encode
from runtime.city_homes import CityHomes
from runtime.kafka_routes import REFUSED_BYTES, ROWS, Routes
from runtime.topics import partition_of

NOW, N = 1_750_000_000_000, 4
CODES = {1: "liuxi", 2: "qinglong", 3: "beihu", 4: "nanshan", 5: "xicheng"}
HOME = {park: partition_of(code, N) for park, code in CODES.items()}


def gateway_of(park):
    """Return the number of a park's gateway."""
    return 10 * park


def city(version=1, points=3):
    """Return parks with a gateway, a device behind it, one without, and some points of each."""
    places, devices, rows, firms = [], [], [], []
    for park, code in CODES.items():
        places += [PlaceRow(park, park, 0, "park", code, code=code), PlaceRow(100 + park, park, park, "unit", "u")]
        firms.append(EnterpriseRow(park, park))
        devices += [
            DeviceRow(gateway_of(park), park, park, Lane.BULK, "gateway"),
            DeviceRow(gateway_of(park) + 1, park, park, Lane.BULK, "meter", gateway_of(park)),
            DeviceRow(gateway_of(park) + 2, park, park, Lane.BULK, "meter"),
        ]
        for device in (1, 2):
            for n in range(points):
                number = park * 100 + device * 10 + n
                rows.append(PointRow(number, "power", gateway_of(park) + device, park, park))
    return Config(version, NOW, tuple(rows), tuple(devices), tuple(places), enterprises=tuple(firms))


def routes(mine=range(N), config=None):
    """Return the ways of a lane that knows the city."""
    homes = CityHomes(N)
    homes.learn(config or city())
    return Routes(homes, mine)


def point_of(park, gateway=1, n=0):
    """Return a point's number."""
    return park * 100 + (2 - gateway) * 10 + n


def edge(*rows):
    """Return an edge table."""
    return Edge(*(np.array(column, np.int32) for column in zip(*rows, strict=True)))


def refused(device=0, topic="x", readings=0, gateway=0, size=3):
    """Return a refused message."""
    return Refused(Refusal.MALFORMED, topic, b"r" * size, size, NOW, gateway=gateway, readings=readings, device=device)


NO_EDGE = Edge(*(np.zeros(0, np.int32) for _ in range(3)))

ROW = st.tuples(st.sampled_from(sorted(CODES)), st.integers(0, 1), st.integers(0, 2), st.integers(0, 5))


@given(st.lists(ROW, max_size=60))
def test_no_row_is_lost(wanted):
    """Each row stands once, in its park's partition, and those of a partition in the order in which they came."""
    rows = [(point_of(p, g, n), NOW + ts, float(i), 0, NOW) for i, (p, g, n, ts) in enumerate(wanted)]
    found = {}
    for partition, piece in routes().ways(Batch(batch_of(rows), NO_EDGE)):
        found.setdefault(partition, []).extend(piece.readings.value.tolist())

    expected = {}
    for i, (park, *_) in enumerate(wanted):
        expected.setdefault(HOME[park], []).append(float(i))
    assert expected == {p: v for p, v in found.items() if v}


@given(st.lists(ROW, min_size=1, max_size=60), st.lists(st.sampled_from(sorted(CODES)), max_size=5))
def test_the_ledger_closes(wanted, bad):
    """What the edge counted of a gateway is shared out whole, and stands where its readings do."""
    rows = [(point_of(p, g, n), NOW + ts, 1.0, 0, NOW) for p, g, n, ts in wanted]
    no = tuple(refused(topic=f"parks/{CODES[park]}/bulk/-/x", readings=2) for park in bad)
    counted = {}
    for park, with_gateway, *_ in wanted:
        gateway = gateway_of(park) if with_gateway else 0
        counted[gateway] = counted.get(gateway, 0) + 1
    counted[0] = counted.get(0, 0) + 2 * len(bad)
    whole = edge(*((g, n, n) for g, n in sorted(counted.items())))
    sums, here = {}, {}
    for partition, piece in routes().ways(Batch(batch_of(rows), whole, no)):
        for gateway, messages, readings in zip(
            *(getattr(piece.edge, c).tolist() for c in ("gateway", "messages", "readings")), strict=True
        ):
            sums[gateway] = sums.get(gateway, 0) + readings
            here[partition, gateway] = here.get((partition, gateway), 0) + readings
            assert 0 <= messages <= counted[gateway]
        for r in piece.refused:
            here[partition, 0] = here.get((partition, 0), 0) - r.readings
        for point in piece.readings.point.tolist():
            park = point // 100
            gateway = gateway_of(park) if point // 10 % 10 == 1 else 0
            here[partition, gateway] = here.get((partition, gateway), 0) - 1

    assert {g: n for g, n in counted.items() if n} == {g: n for g, n in sums.items() if n}
    assert set() == {key for key, left in here.items() if left}


def test_unclaimed():
    """A message of nobody's device goes to the park that its topic names, registered or not; else to the first."""
    ways = routes().ways
    wanted = [
        (refused(topic="parks/beihu/life/-/x"), HOME[3]),
        (refused(topic="parks/unheard/life/-/x"), partition_of("unheard", N)),
        (refused(topic="zigbee2mqtt/hall"), 0),
        (refused(topic="parks"), 0),
        (refused(device=gateway_of(4) + 2, topic="zigbee2mqtt/hall"), HOME[4]),
    ]
    for one, home in wanted:
        ((partition, piece),) = ways(Batch(batch_of([]), edge((0, 1, 0)), (one,)))
        assert (home, (one,), [1]) == (partition, piece.refused, piece.edge.messages.tolist())


def test_a_point_of_no_park():
    """A reading whose park is not known goes to the first partition: it is kept, whatever it is."""
    rows = [(99_999, NOW, 1.0, 0, NOW), (point_of(3), NOW, 2.0, 0, NOW), (0, NOW, 3.0, 0, NOW)]
    found = {p: piece.readings.value.tolist() for p, piece in routes().ways(Batch(batch_of(rows), NO_EDGE))}

    assert sorted([1.0, 2.0, 3.0]) == sorted(v for values in found.values() for v in values)
    assert {1.0, 3.0} <= set(found[0])


def test_counted_chatter():
    """What was counted and gave nothing stands in a log all the same."""
    ((partition, piece),) = routes().ways(Batch(batch_of([]), edge((0, 3, 0), (gateway_of(2), 2, 0))))

    assert (0, [3, 2]) == (partition, piece.edge.messages.tolist())


def test_ticks():
    """Time reaches every partition of this ingester, and none of another's."""
    assert [(1, Tick(NOW)), (3, Tick(NOW))] == list(routes((3, 1)).ways(Tick(NOW)))


class TestKeys:
    def test_one_park(self):
        """A message of one park is filed under its code."""
        ways = routes()
        one = Batch(batch_of([(point_of(3), NOW, 1.0, 0, NOW), (point_of(3, 0), NOW, 1.0, 0, NOW)]), NO_EDGE)

        assert b"beihu" == ways.key_of(one)

    @pytest.mark.parametrize(
        "record",
        [
            Tick(NOW),
            Batch(batch_of([]), NO_EDGE),
            Batch(batch_of([(point_of(1), NOW, 1.0, 0, NOW), (point_of(2), NOW, 1.0, 0, NOW)]), NO_EDGE),
            Batch(batch_of([(point_of(1), NOW, 1.0, 0, NOW)]), NO_EDGE, (refused(),)),
            Batch(batch_of([(9_999, NOW, 1.0, 0, NOW)]), NO_EDGE),
        ],
    )
    def test_none(self, record):
        """What is of several parks, or of none, has no key."""
        assert b"" == routes().key_of(record)


class TestSizes:
    def test_many_rows(self):
        """A great batch is cut, in order; what the edge counted comes once."""
        n = 3 * ROWS + 5
        rows = batch_of([(point_of(1), NOW, float(i), 0, NOW) for i in range(n)])
        pieces = [piece for _, piece in routes().ways(Batch(rows, edge((0, 7, n))))]

        assert [ROWS, ROWS, ROWS, 5] == [len(p.readings) for p in pieces]
        assert list(range(n)) == [v for p in pieces for v in p.readings.value.astype(int).tolist()]
        assert [7] == [m for p in pieces for m in p.edge.messages.tolist()]

    def test_great_messages(self):
        """Refused messages of a megabyte each are told one by one, and none is lost."""
        no = tuple(refused(size=REFUSED_BYTES - 9, topic=f"parks/liuxi/bulk/-/{n}") for n in range(4))
        pieces = [piece for _, piece in routes().ways(Batch(batch_of([]), edge((0, 4, 0)), no))]

        assert [1, 1, 1, 1] == [len(p.refused) for p in pieces]
        assert [r.topic for r in no] == [r.topic for p in pieces for r in p.refused]
        assert [4] == [m for p in pieces for m in p.edge.messages.tolist()]

    def test_many_refused(self):
        """Refused messages that are nothing but their topics come in messages that Kafka takes, and none is lost."""
        no = tuple(refused(size=0, topic=f"parks/liuxi/bulk/-/{n:🔥>280}") for n in range(6_000))
        pieces = [piece for _, piece in routes().ways(Batch(batch_of([]), edge((0, 6_000, 0)), no))]

        assert max(len(encode(piece)) for piece in pieces) < 4 << 20
        assert [r.topic for r in no] == [r.topic for p in pieces for r in p.refused]

    def test_great_configuration(self):
        """A whole city's configuration comes in messages of a bounded size, gateways before what hangs on them."""
        config = city(points=10)
        many = tuple(PointRow(1_000 + n, "power", gateway_of(1) + 2, 1, 1) for n in range(12_000))
        whole = Config(1, NOW, config.points + many, config.devices, config.places, enterprises=config.enterprises)
        pieces = list(routes(config=whole).ways(whole))

        assert max(len(encode(piece)) for _, piece in pieces) < 4 << 20
        assert {p.point for p in whole.points} == {p.point for _, piece in pieces for p in piece.points}
        assert len(whole.points) == sum(len(piece.points) for _, piece in pieces)
        for partition in range(N):
            devices = [d for home, piece in pieces if home == partition for d in piece.devices]
            seen = set()
            for d in devices:
                assert not d.gateway or d.gateway in seen
                seen.add(d.device)


class TestConfiguration:
    def test_each_its_parks(self):
        """A partition learns its parks' part, whole and once; rules reach all, papers those whom they are about."""
        papers = tuple(Paper(park, PaperKind.NO_TAX, "2025-01-01", "2025-12-31") for park in CODES)
        limits = (LimitRow("r", "power", "high", "b", high=1.0),)
        base = city()
        config = Config(
            5, NOW, base.points, base.devices, base.places, limits, enterprises=base.enterprises, papers=papers
        )
        pieces = list(routes().ways(config))

        for park in CODES:
            home = [piece for partition, piece in pieces if partition == HOME[park]]
            others = [piece for partition, piece in pieces if partition != HOME[park]]
            for name in ("points", "devices", "places", "enterprises"):
                wanted = [row for row in getattr(config, name) if row.park == park]
                assert wanted == [row for piece in home for row in getattr(piece, name) if row.park == park]
                assert [] == [row for piece in others for row in getattr(piece, name) if row.park == park]
            assert [park] == [p.enterprise for piece in home for p in piece.papers or () if p.enterprise == park]
        for partition in range(N):
            told = [piece.limits for home, piece in pieces if home == partition and piece.limits is not None]
            assert [limits] == told
        assert {5} == {piece.version for _, piece in pieces}

    def test_a_table_that_became_empty(self):
        """A paper that is taken back is taken back everywhere: an empty table is told too."""
        told = {
            partition: piece.papers
            for partition, piece in routes().ways(Config(5, NOW, papers=()))
            if piece.papers is not None
        }

        assert dict.fromkeys(range(N), ()) == told

    def test_a_device_that_moves(self):
        """A device that moves to a park of another partition is gone from the one and new in the other."""
        ways = routes()
        list(ways.ways(city()))
        to = next(park for park in CODES if HOME[park] != HOME[1])
        device = gateway_of(1) + 2
        moved = Config(
            2, NOW, (PointRow(point_of(1, 0), "power", device, to, to),),
            (DeviceRow(device, to, to, Lane.BULK, "meter"),),
        )  # fmt: skip
        ways._homes.learn(moved)
        told = {}
        for partition, piece in ways.ways(moved):
            for row in piece.devices:
                told[partition] = (row.retired, row.mode)

        assert {HOME[1]: (True, "maintenance"), HOME[to]: (False, "normal")} == told
        assert HOME[to] == next(
            p for p, piece in ways.ways(Batch(batch_of([(point_of(1, 0), NOW, 1.0, 0, NOW)]), NO_EDGE))
        )


class TestCommands:
    def test_of_a_device(self):
        """What is told of a device goes to its partition."""
        command = Command(Verb.RESET, NOW, "anna", device=gateway_of(3) + 1)

        assert [(HOME[3], command)] == list(routes().ways(command))

    def test_of_a_place(self):
        """What is told of a place goes to its park's partition."""
        command = Command(Verb.RESET, NOW, "anna", place=104)

        assert [(HOME[4], command)] == list(routes().ways(command))

    def test_of_nobody_known(self):
        """What is told of a stranger is told everywhere."""
        command = Command(Verb.RESET, NOW, "anna", arguments={"subject": "unclaimed:x"})

        assert [(p, command) for p in range(N)] == list(routes().ways(command))
