"""Records on their way into a Kafka that fails: nothing stands there before what came before it."""

import asyncio
from contextlib import closing, suppress

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from park.errors import Unavailable
from park.metrics import Lane
from park.records import Config, LimitRow, Tick
from park.settings import CitySettings
from runtime.city_homes import CityHomes
from runtime.kafka_append import Part, deliver
from runtime.kafka_client import KafkaClient
from runtime.partitioned_log import PartitionedLog

MESSAGES = [(b"", b"one"), (b"", b"two"), (b"", b"three")]


class Broker:
    """What aiokafka's producer is to us, over a Kafka that refuses one message once and takes what is behind it.

    It takes no messages of more than `most` bytes.
    """

    def __init__(self, refused=b"", most=1 << 20):
        self.log = []
        self._refused = {refused}
        self._most = most

    async def send(self, _topic, value, **_):
        """Take a message into a batch of its own; what became of it is known a moment later."""
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._answer, done, value)
        return done

    def _answer(self, done, value):
        if value in self._refused:
            self._refused.discard(value)
            done.set_exception(KafkaConnectionError("gone"))
            return
        if len(value) > self._most:
            done.set_exception(MessageSizeTooLargeError())
            return
        self.log.append(value)
        done.set_result(type("Answer", (), {"offset": len(self.log) - 1, "timestamp": 0, "timestamp_type": 0}))

    async def stop(self):
        """End."""


@pytest.mark.parametrize("refused", [value for _, value in MESSAGES])
def test_a_kafka_that_knows_no_numbers(refused):
    """What is behind a message that failed is not sent before it: half of a step would be taken for all of it."""
    with closing(KafkaClient(CitySettings(kafka="127.0.0.1:9"), "test")) as client:
        client.numbered, broker = False, Broker(refused)
        part = Part("park.events", 0, list(MESSAGES))
        for _ in range(2):
            client._producer = broker
            with suppress(Unavailable):
                deliver(client, [part])
        client._producer = None

    assert ([value for _, value in MESSAGES], True, 3) == (broker.log, part.done, part.end)


def test_what_cannot_be_cut():
    """A record that a topic refuses, and that holds as one, is never said to be written; once it is taken all is."""
    table = Config(1, 5, limits=tuple(LimitRow("r" * 90, "power", "high", "b", float(n)) for n in range(400)))
    records, outcomes = [Tick(60_000), table], []
    with closing(KafkaClient(CitySettings(kafka="127.0.0.1:9"), "test")) as client:
        log = PartitionedLog(client, Lane.BULK, CityHomes(1), [0])
        for most in (9_000, 9_000, 1 << 20):
            client._producer = Broker(most=most)
            with suppress(Unavailable):
                log.append(records)
            outcomes.append((log.unsure, log.delivered.records))
        client._producer = None

    assert [(True, 0), (True, 0), (False, 2)] == outcomes
    assert "its max.message.bytes should be" in client.notice
