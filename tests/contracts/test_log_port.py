"""What every log of records does, whether it is of files or a partition of Kafka."""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from park.errors import Corrupt
from park.readings import batch_of
from park.records import Batch, Command, Config, Edge, PointRow, Refusal, Refused, Tick, Verb
from park.settings import CitySettings, LogSettings
from park.wire import encode
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import KafkaLog
from runtime.log import SegmentLog
from tests.city.kafka import PROGRAM, apache_kafka, kafka

TOPIC, PARTITIONS = "contract", 64
NOW = 1_750_000_000_000


@pytest.fixture(scope="module")
def tansu():
    """Run the broker of a Python package."""
    if not PROGRAM.exists():
        pytest.skip("the Kafka-protocol broker's package has no program for this machine")
    with kafka() as address:
        yield _served(address)


@pytest.fixture(scope="module")
def apache():
    """Run Apache Kafka."""
    with apache_kafka() as node:
        yield _served(node.address)


@dataclass
class Served:
    """A broker with a topic whose partitions are handed out, one a test."""

    settings: CitySettings
    used: int = 0


def _served(address: str) -> Served:
    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        try:
            config = {"max.message.bytes": str(16 << 20)}
            made = await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1, topic_configs=config)])
            assert [0] == [error[1] for error in made.topic_errors]
        finally:
            await admin.close()

    asyncio.run(make())
    return Served(CitySettings(kafka=address, message_bytes=16 << 20))


class _Files:
    """A segment log."""

    def __init__(self, folder: Any) -> None:
        self.settings = LogSettings(segment_bytes=1 << 16, keep_bytes=0, reserve_bytes=0)
        self.folder = folder

    def open(self) -> SegmentLog:
        """Open it, again."""
        return SegmentLog(self.folder, self.settings)

    def forget(self, log: SegmentLog, position: int) -> None:
        """Let everything before a position go."""
        log.trim(position)

    def close(self) -> None:
        """Nothing is left open."""


class _Kafka:
    """A partition."""

    def __init__(self, served: Served) -> None:
        self.client = KafkaClient(served.settings, "contract")
        self.partition = served.used
        served.used += 1

    def open(self) -> KafkaLog:
        """Open it, again."""
        return KafkaLog(self.client, TOPIC, self.partition)

    def forget(self, log: KafkaLog, position: int) -> None:
        """Let everything before a position go."""
        if self.client.notice:
            pytest.skip("this broker knows no deletion of records")
        log.partition.delete(position)

    def close(self) -> None:
        """End its client."""
        self.client.close()


@pytest.fixture(
    params=[
        "files",
        pytest.param("tansu", marks=pytest.mark.server),
        pytest.param("apache", marks=[pytest.mark.server, pytest.mark.slow]),
    ]
)
def made(request, tmp_path):
    """Return what opens a log that is empty at first."""
    which = _Files(tmp_path) if request.param == "files" else _Kafka(request.getfixturevalue(request.param))
    yield which
    which.close()


@pytest.fixture
def log(made):
    """Return an empty log."""
    opened = made.open()
    yield opened
    opened.close()


def batch(start: int, rows: int = 3) -> Batch:
    """Return a batch that can be told from others."""
    none = np.zeros(0, np.int32)
    rows_of = [(i % 7 + 1, NOW + start + i, float(start + i), 0, NOW + start) for i in range(rows)]
    return Batch(batch_of(rows_of), Edge(none, none, none))


EVERYTHING = (
    Tick(NOW),
    Config(3, NOW, points=(PointRow(1, "power", 1, 1, 1),)),
    Batch(
        batch_of([(1, NOW, 1.5, 65, NOW)]),
        Edge(*(np.array([n], np.int32) for n in (0, 2, 3))),
        (Refused(Refusal.UNKNOWN_DEVICE, "parks/p/bulk/g/d", b"\xff\x00", 2, NOW, "native:p/g/d"),),
    ),
    Command(Verb.RESET, NOW, "anna", device=3, reason="smoke is gone", arguments={"a": "b"}),
)


def bytes_of(records: Any) -> list[bytes]:
    """Return records as what can be compared."""
    return [encode(record) for record in records]


class TestLog:
    def test_empty(self, log):
        """Nothing is in an empty log, and its end is its beginning."""
        assert (0, 0, []) == (log.begin, log.end, list(log.read(0)))

    def test_round_trip(self, log, made):
        """Records of every kind come back as they were appended, also to who opens it anew."""
        end = log.append(EVERYTHING)
        again = made.open() if isinstance(made, _Kafka) else log

        assert bytes_of(EVERYTHING) == bytes_of(r for _, r in again.read(0))
        assert end == again.end

    def test_positions(self, log):
        """Positions rise, and reading from the one after a record gives the rest."""
        ends = [log.append([batch(10 * n), Tick(NOW + n)]) for n in range(6)]
        found = list(log.read(0))

        assert sorted(set(ends)) == ends
        assert ends == [position for position, record in found if isinstance(record, Tick)]
        for n in range(0, len(found), 3):
            assert bytes_of(r for _, r in found[n + 1 :]) == bytes_of(r for _, r in log.read(found[n][0]))
        assert [] == list(log.read(ends[-1]))

    def test_bounded(self, log):
        """Nothing behind the asked end is read, and what is appended meanwhile neither."""
        middle = log.append([Tick(1), Tick(2)])
        log.append([Tick(3)])
        bounded = [r.now for _, r in log.read(0, middle)]
        reading = log.read(0)
        first = next(reading)
        log.append([Tick(4)])

        assert [1, 2] == bounded
        assert [1, 2, 3] == [first[1].now, *(r.now for _, r in reading)]

    def test_nothing(self, log):
        """Appending nothing changes nothing."""
        end = log.append([Tick(1)])

        assert end == log.append([])
        assert 1 == len(list(log.read(0)))

    def test_nobody_writes_to_columns(self, log):
        """What was read cannot be changed by who reads it."""
        log.append([batch(0)])
        ((_, record),) = log.read(0)

        assert not record.readings.value.flags.writeable
        assert not record.readings.point.flags.writeable

    def test_large(self, log):
        """A batch of several megabytes is kept whole, with what stands before and behind it."""
        log.append([Tick(1), batch(0, 200_000), Tick(2)])
        first, large, last = (r for _, r in log.read(0))

        assert (1, 200_000, 199_999.0, 2) == (first.now, len(large.readings), large.readings.value[-1], last.now)

    def test_gone(self, log, made):
        """What was let go is said to be gone; the rest is read as before."""
        ends = [log.append([batch(n, 2_000)]) for n in range(8)]
        made.forget(log, ends[3])
        begin = log.begin

        assert 0 < begin <= ends[3]
        with pytest.raises(Corrupt, match="gone"):
            list(log.read(0))
        assert ends[4:] == [position for position, _ in log.read(ends[3])]

    def test_trim_keeps_what_is_not_allowed(self, log):
        """Whatever stands behind the position that was trimmed to is there."""
        ends = [log.append([batch(n, 2_000)]) for n in range(8)]
        log.trim(ends[3])

        assert ends[4:] == [position for position, _ in log.read(ends[3])]
