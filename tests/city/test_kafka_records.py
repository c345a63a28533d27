"""What is no record never reaches a stage: it is refused with a reason."""

import asyncio
from inspect import iscoroutinefunction

import msgspec
import numpy as np
import pytest
from aiokafka import AIOKafkaProducer
from hypothesis import given
from hypothesis import strategies as st

from park.errors import Corrupt
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Batch, Command, Config, DeviceRow, Edge, PointRow, Refusal, Refused, Tick, Verb
from park.wire import decode, encode
from runtime.kafka_records import open_record
from runtime.topics import partition_of

NOW = 1_780_000_000_000
DAY, HOUR = 86_400_000, 3_600_000


def edge(*rows):
    """Return an edge table."""
    return Edge(*(np.array(column, np.int32) for column in zip(*rows, strict=True))) if rows else edge((0, 0, 0))


def batch(point=1, ts=NOW, value=1.0, quality=0, received=NOW, counted=(0, 1, 1), refused=()):
    """Return the bytes of a batch of one reading."""
    return encode(Batch(batch_of([(point, ts, value, quality, received)]), edge(counted), refused))


def refused(received=NOW, readings=0):
    """Return a refused message."""
    return Refused(Refusal.MALFORMED, "t", b"x", 1, received, readings=readings)


WRONG = {
    "nothing": (b"", "cannot be read"),
    "garbage": (b"\x01\x07hello", "cannot be read"),
    "words": (b'{"v": 1}', "version 123"),
    "another version": (b"\x02" + batch()[1:], "version 2"),
    "half a batch": (batch()[: len(batch()) // 2], "cannot be read"),
    "a batch and a half": (batch() + batch()[:20], "cannot be read"),
    "more rows than bytes": (batch()[:4] + b"\xff\xff\xff\x7f" + batch()[8:], "cannot be read"),
    "half a tick": (encode(Tick(NOW))[:-1], "cannot be read"),
    "a point below zero": (batch(point=-4), "point"),
    "a point beyond all": (batch(point=1 << 30), "point"),
    "no number": (batch(value=float("nan")), "no number"),
    "infinity": (batch(value=float("-inf")), "no number"),
    "a quality that there is not": (batch(quality=3), "quality"),
    "a clock a year ahead": (batch(received=NOW + 365 * DAY), "clock"),
    "a time before all": (batch(received=-5), "clock"),
    "a device's time beyond all": (batch(ts=1 << 60), "time"),
    "an edge below zero": (batch(counted=(0, -1, 1)), "less than nothing"),
    "a refused message of the future": (batch(refused=(refused(NOW + 2 * DAY),)), "clock"),
    "a refused message of less than nothing": (batch(refused=(refused(readings=-1),)), "less than nothing"),
    "a tick a year ahead": (encode(Tick(NOW + 365 * DAY)), "clock"),
    "a metric that there is not": (encode(Config(1, NOW, (PointRow(1, "warp", 1, 1, 1),))), "warp"),
    "a point of gigabytes": (encode(Config(1, NOW, (PointRow(1 << 30, "power", 1, 1, 1),))), "number"),
    "a device of gigabytes": (encode(Config(1, NOW, (), (DeviceRow(1 << 30, 1, 1, Lane.BULK, "x"),))), "number"),
    "a command of the future": (encode(Command(Verb.RESET, NOW + 2 * DAY, "a")), "clock"),
    "a command for nobody": (encode(Command(Verb.RESET, NOW, "a", device=-1)), "number"),
}


@pytest.mark.parametrize(("value", "why"), WRONG.values(), ids=WRONG.keys())
def test_refused_with_reason(value, why):
    """Bytes that are no record, or one that cannot be, are refused in words."""
    with pytest.raises(Corrupt, match=why):
        open_record(value, appended=NOW)


def test_gigantic():
    """What is larger than a record may be is not even looked at."""
    with pytest.raises(Corrupt, match="9 bytes; 8 are the most"):
        open_record(b"\x01\x01 oh no!", most=8)


def test_no_value():
    """A message without a value, Kafka's sign of deletion, is no record."""
    with pytest.raises(Corrupt, match="without a value"):
        open_record(None)


def test_wrong_key():
    """A park's record in another partition than the park's is refused: its stages would not know the park."""
    right = partition_of("liuxi", 4)
    assert isinstance(open_record(batch(), key=b"liuxi", partition=right, partitions=4), Batch)
    with pytest.raises(Corrupt, match="liuxi"):
        open_record(batch(), key=b"liuxi", partition=(right + 1) % 4, partitions=4)
    with pytest.raises(Corrupt, match="no park's code"):
        open_record(batch(), key=b"\xff\xfe", partition=0, partitions=4)


@pytest.mark.parametrize("code", ["liuxi", "p0001", "qinglong-2", "a"])
def test_partition_is_kafkas_own(code):
    """A park's partition is the one that Kafka's clients choose for the same key."""
    from aiokafka.partitioner import DefaultPartitioner

    assert DefaultPartitioner()(code.encode(), list(range(7)), []) == partition_of(code, 7)


def test_every_quality_is_one():
    """All qualities that there are pass."""
    for quality in Quality:
        assert isinstance(open_record(batch(quality=quality), appended=NOW), Batch)


def test_a_fire_passes_every_clock():
    """Readings of life safety pass whatever a clock says; time itself does not."""
    assert isinstance(open_record(batch(received=NOW + 365 * DAY), appended=NOW, life=True), Batch)
    with pytest.raises(Corrupt, match="clock"):
        open_record(encode(Tick(NOW + 365 * DAY)), appended=NOW, life=True)


@pytest.mark.parametrize("appended", [0, 1, 946_684_800_000])
def test_a_clock_that_was_never_set(appended):
    """A broker whose clock has begun anew refuses nothing."""
    assert isinstance(open_record(batch(), appended=appended), Batch)


@pytest.mark.parametrize(
    ("said", "appended", "wanted"),
    [(NOW + HOUR, NOW, NOW), (NOW - HOUR, NOW, NOW - HOUR), (NOW + HOUR, 0, NOW + HOUR)],
    ids=["ahead", "behind", "no witness"],
)
def test_a_command_is_no_younger_than_its_message(said, appended, wanted):
    """A reset by an API whose clock is ahead ends nothing that comes after it."""
    command = open_record(encode(Command(Verb.RESET, said, "anna", place=1)), appended=appended, life=True)

    assert wanted == command.received


def test_the_past_passes():
    """What was received long ago may be brought again: a retry keeps its time."""
    assert isinstance(open_record(batch(received=NOW - 400 * DAY), appended=NOW), Batch)


@given(st.data())
def test_torn_and_turned_bytes(data):
    """Whatever is cut off or turned in a batch gives a record or a reason, and never anything else."""
    whole = bytearray(batch(refused=(refused(),)))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        record = open_record(cut, appended=NOW)
    except Corrupt:
        return
    assert encode(record) == encode(decode(encode(record)))


def test_reasons_are_words():
    """A reason shows no more than a little of what came."""
    code = "x" * 5_000
    with pytest.raises(Corrupt) as told:
        open_record(batch(), key=code.encode(), partition=1 - partition_of(code, 2), partitions=2)
    assert len(str(told.value)) < 200
    with pytest.raises(Corrupt) as told:
        open_record(encode(Config(1, NOW, (PointRow(1, code, 1, 1, 1),))))
    assert len(str(told.value)) < 200
    assert msgspec.json.encode(str(told.value))


def test_the_sender_that_a_cut_off_producer_leaves():
    """A producer that is cut short leaves its sender, which `runtime.kafka_client` ends by this name of aiokafka's.

    There, where it is for broken connections, nobody would notice that the name is another.
    """

    async def found():
        producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
        sender = producer._sender
        await producer.stop()
        return sender

    sender = asyncio.run(found())

    assert iscoroutinefunction(sender.close)
