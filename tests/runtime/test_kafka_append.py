"""Records on their way into a Kafka that fails: nothing stands there before what came before it."""

import asyncio
from contextlib import closing, suppress

import pytest
from aiokafka.errors import KafkaConnectionError

from park.errors import Unavailable
from park.settings import CitySettings
from runtime.kafka_append import Part, deliver
from runtime.kafka_client import KafkaClient

MESSAGES = [(b"", b"one"), (b"", b"two"), (b"", b"three")]


class Broker:
    """What aiokafka's producer is to us, over a Kafka that refuses one message once and takes what is behind it."""

    def __init__(self, refused):
        self.log = []
        self._refused = {refused}

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
