"""A topic that was made by hand takes less than the settings say: what goes into it is cut, and nothing is lost."""

import asyncio
from contextlib import closing, suppress
from dataclasses import replace

import numpy as np
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from park.errors import Unavailable
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import Lane
from park.readings import ReadingBatch
from park.records import Batch, Config, DeviceRow, Edge, LimitRow, PointRow, Refusal, Refused, Tick
from park.settings import CitySettings
from park.told import decode_told, halved, tell
from park.wire import decode, encode
from runtime.city_homes import CityHomes
from runtime.city_parts import _tell
from runtime.dead_topic import DeadTopic
from runtime.kafka_client import KafkaClient
from runtime.kafka_fitting import fitted
from runtime.kafka_log import Entry, KafkaLog, Partition
from runtime.partitioned_log import PartitionedLog
from runtime.topics import DEAD, EVENTS, TOPICS, configuration, topic_of
from tests.city.kafka import apache_kafka

SMALL = 60_000  # bytes; with the settings' 8 MiB
ROWS = 9_000
AT = 1_795_000_000_000
ONE = np.ones(1, np.int32)
EVENT = ConditionChange(
    "limit.x", "limit.x", "point:" + "7" * 900, 1, 1, 1, AlarmState.ACTIVE, Severity.LOW, Reason.ABOVE_LIMIT
)  # fmt: skip


def readings():
    """Return more of them than a message of the topic holds."""
    n = np.arange(ROWS)
    return ReadingBatch(
        n.astype(np.int32) % 50, AT + n, np.random.default_rng(1).random(ROWS), np.zeros(ROWS, np.uint8), AT + n
    )


def refused(size):
    """Return a message that nobody can read."""
    payload = np.random.default_rng(2).bytes(size)
    return Refused(Refusal.MALFORMED, "parks/p/bulk/-/x", payload, size, AT)


BATCH = Batch(readings(), Edge(ONE, ONE * 30, ONE * ROWS), (refused(100), refused(SMALL * 4)))
CONFIG = Config(
    3, AT, tuple(PointRow(n, "power", n, 1, 1) for n in range(1, 4_000)),
    tuple(DeviceRow(n, 1, 1, Lane.BULK, "meter") for n in range(1, 4_000)),
    limits=(LimitRow("r", "power", "high", "b", 1.0),), papers=(),
)  # fmt: skip


def joined(records):
    """Return what records say, whatever they were cut into."""
    batches = [r for r in records if isinstance(r, Batch)]
    configs = [r for r in records if isinstance(r, Config)]
    columns = [[getattr(b.readings, c).tolist() for c in ("point", "ts", "value", "received")] for b in batches]
    return (
        [row for part in columns for row in zip(*part, strict=True)],
        sum(int(b.edge.readings.sum()) for b in batches),
        [(r.size, r.topic) for b in batches for r in b.refused],
        [p for c in configs for p in c.points],
        [d for c in configs for d in c.devices],
        [c.limits for c in configs if c.limits is not None],
        [c.papers for c in configs if c.papers is not None],
    )  # fmt: skip


@pytest.mark.parametrize("most", [2_000, SMALL, 1 << 20])
@pytest.mark.parametrize("record", [BATCH, CONFIG, Tick(AT)], ids=["batch", "configuration", "tick"])
def test_nothing_is_lost_by_a_cut(record, most):
    """The pieces say what the whole said, in order, and none is greater; a tick is one."""
    pieces = fitted(encode(record), most)

    assert joined([record]) == joined([decode(piece) for piece in pieces])
    assert max(map(len, pieces)) <= most
    assert (len(pieces) == 1) == (len(encode(record)) <= most)


def test_what_cannot_be_cut():
    """It stays whole: a table holds as one, and half of it would be another."""
    table = Config(1, AT, limits=tuple(LimitRow("r" * 50, "power", "high", "b" * 50, float(n)) for n in range(100)))

    assert [encode(table)] == fitted(encode(table), 1_000)


def test_a_step_in_halves():
    """Halves of what was told are one step again, which ends with its last message."""
    (told,) = tell("bulk-0", 3, 50, [replace(EVENT, at=n) for n in range(5)])
    quarters = [quarter for half in halved(told) for quarter in halved(half)]

    assert told.events == tuple(e for part in quarters for e in part.events)
    assert [False, False, False, True] == [part.last for part in quarters]
    assert {(3, 50)} == {(part.epoch, part.position) for part in quarters}


@pytest.mark.parametrize(("copies", "least"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_how_many_have_it(copies, least):
    """What is acknowledged is on two machines where there are two, and one of three may be away."""
    assert str(least) == configuration(CitySettings(replication=copies))["min.insync.replicas"]


@pytest.mark.server
@pytest.mark.slow
def test_on_a_real_kafka():
    """Records, events and dead letters that the topics refuse come in in pieces; until then nothing is acknowledged."""
    with apache_kafka() as node, closing(KafkaClient(CitySettings(kafka=node.address), "test")) as client:
        asyncio.run(make(node.address))
        log, records = PartitionedLog(client, Lane.BULK, CityHomes(1), [0]), [Tick(AT), BATCH, Tick(AT + 60_000)]
        outcomes = []
        while not outcomes or outcomes[-1] != len(records):
            with suppress(Unavailable):
                outcomes.append(log.append(records))
                continue
            outcomes.append("waits")
            assert len(outcomes) < 9
        read = [r for _, r in KafkaLog(client, topic_of(Lane.BULK), 0).read(0)]
        events = Partition(client, EVENTS, 0)
        (told,) = tell("bulk-0", 3, 50, [replace(EVENT, at=n) for n in range(150)])
        _tell(events, b"", [told])
        heard = [decode_told(entry.value) for entry in events.read(0)]
        dead = DeadTopic(client)
        dead.put("bulk-0", Entry(1, b"", bytes(200_000), AT), "why")
        letter = next(Partition(client, DEAD, 0).read(0))

    assert joined(records) == joined(read)
    assert "waits" == outcomes[0]
    assert "the topic park.bulk refuses messages" in client.notice
    assert told.events == tuple(e for part in heard for e in part.events)
    assert 0 < len(letter.value) <= SMALL


async def make(address):
    """Make a city's topics as somebody might by hand."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    config = {"max.message.bytes": str(SMALL)}
    await admin.create_topics([NewTopic(t.name, 1, 1, topic_configs=config) for t in TOPICS])
    await admin.close()
