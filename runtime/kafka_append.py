"""Records into Kafka, acknowledged by all copies: as often as it takes, in order, none twice.

An append that was not acknowledged in time is *unsure*: Kafka may have it. Who tries again brings the same records,
and what was sent of them is waited for and not sent again; only what Kafka has refused is.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError

from park.errors import Unavailable
from runtime.kafka_client import BRIEF_REQUEST, KafkaClient

Keyed = tuple[bytes, bytes]  # key, value
PATIENCE = 3.0  # s that an append waits: far less than a broker of MQTT waits for a sign of life
_BY_BROKER = 1  # LogAppendTime
_BRIEF = 2.5 * BRIEF_REQUEST / 1_000  # s: beyond what aiokafka tries for at most, so that the answer is certain


@dataclass(slots=True)
class Part:
    """What goes to one partition."""

    topic: str
    partition: int
    messages: list[Keyed]
    done: bool = False  # Kafka has all of it
    end: int = 0  # position after it, once it is done; 0: Kafka did not say (it had the records already)
    at: int = 0  # epoch ms by the broker's clock, at which it was appended; 0: Kafka did not say
    sent: list["Future[Any]"] = field(default_factory=list)  # of the messages, in the loop of the client
    by: object = None  # the producer that they were given to


def deliver(client: KafkaClient, parts: Sequence[Part]) -> None:
    """Bring parts into Kafka; those that are done are left alone. Raises Unavailable, ValueError."""
    patience = PATIENCE if client.sure else _BRIEF
    client.run(_deliver(client, parts, patience), patience + PATIENCE)


async def _deliver(client: KafkaClient, parts: Sequence[Part], patience: float) -> None:
    producer = await client.producer()
    deadline = asyncio.get_running_loop().time() + patience
    waiting = [part for part in parts if not part.done]
    for part in waiting:
        _forget_failed(part, producer)
        while len(part.sent) < len(part.messages):
            key, value = part.messages[len(part.sent)]
            # Nothing of a partition overtakes: the next is sent when this one is in the producer's hands. A Kafka that
            # knows no numbers takes what is behind one that failed: there it is sent when this one has arrived.
            if part.sent and not client.numbered and not await _arrived(part.sent[-1], deadline):
                break
            part.sent.append(await producer.send(part.topic, value, key=key or None, partition=part.partition))
    futures = [f for part in waiting for f in part.sent]
    if futures:
        await asyncio.wait(futures, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    failed: BaseException | None = None
    for part in waiting:
        failed = _look(part) or failed
    if failed is not None:
        # Whatever it was, sequences of this producer may have a gap now (aiokafka counts a batch that it drops).
        await client.drop_producer()
        if isinstance(failed, MessageSizeTooLargeError):
            raise failed
        raise Unavailable(f"Kafka refuses records: {failed!r}")
    late = [part for part in waiting if not part.done]
    if late:
        names = ", ".join(f"{part.topic}-{part.partition}" for part in late)
        raise Unavailable(f"Kafka has not acknowledged records of {names} within {patience:.0f} s")


def cut(part: Part, pieces: Callable[[bytes], list[bytes]]) -> None:
    """Put pieces in the place of messages that Kafka has not, before they are brought again."""
    arrived = 0
    for future in part.sent:
        if not future.done() or future.cancelled() or future.exception() is not None:
            break
        arrived += 1
    del part.sent[arrived:]
    part.messages[arrived:] = [(key, piece) for key, value in part.messages[arrived:] for piece in pieces(value)]


async def _arrived(sent: "Future[Any]", deadline: float) -> bool:
    """Wait for one message; tell whether Kafka has it."""
    await asyncio.wait([sent], timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    return sent.done() and not sent.cancelled() and sent.exception() is None


def _look(part: Part) -> BaseException | None:
    """Note what has become of a part; return why it failed, if it did."""
    failed = [why for f in part.sent if f.done() and not f.cancelled() and (why := f.exception()) is not None]
    if failed:
        return failed[0]
    arrived = sum(future.done() and not future.cancelled() for future in part.sent)
    part.done = arrived == len(part.messages)
    if part.done and part.sent:
        newest = part.sent[-1].result()
        part.end = newest.offset + 1
        part.at = newest.timestamp if newest.timestamp_type == _BY_BROKER else 0
    return None


def _forget_failed(part: Part, producer: object) -> None:
    """Send again from the first message on that failed: what came behind it must not stand before it.

    What another producer, which is gone, had not brought home yet is sent again too: it may stand twice.
    """
    if part.by is not producer:
        for future in part.sent:
            future.cancel()
        part.by = producer
    for n, future in enumerate(part.sent):
        if future.done() and (future.cancelled() or future.exception() is not None):
            del part.sent[n:]
            return
