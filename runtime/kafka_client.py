"""One thread that speaks to Kafka, for code that has no event loop of its own.

```
 any thread ── run(coroutine) ──> the loop's thread: one producer, readers ── TCP ── Kafka
```
Life safety and bulk each have a client of their own: nothing is shared, and a great batch delays no fire. Whatever
aiokafka raises leaves here as Unavailable (it may pass) or as ValueError (a record that no topic takes).

A producer is *sure* or *brief*. A sure one (readings, events) is idempotent: Kafka drops what it has already, so
a batch is sent again for as long as it takes and never stands twice in the log. A brief one (a person's commands)
gives up after a few seconds, so that nothing is done that somebody was told had failed.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    ConsumerStoppedError,
    IncompatibleBrokerVersion,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    UnknownError,
    UnsupportedVersionError,
)

from park.errors import Corrupt, Unavailable
from park.settings import CitySettings
from runtime.city_settings import kafka_access

T = TypeVar("T")
BRIEF_REQUEST = 4_000  # ms that one request of a brief producer may take; it tries for about twice as long
_START = 5.0  # s that a connection may take
_CLOSE = 3.0  # s to say good-bye
_BACK_OFF = 100  # ms between attempts of a request
_LOOK = 100  # ms that Kafka waits for something to give: a reader that goes elsewhere waits for that first
_FETCH = 4 << 20  # bytes of one partition at once
_GROUP = 1 << 20  # bytes
_SPELL = 30.0  # s in which a library says the same thing once
_ROOM = 1 << 16  # bytes that a record's frame may need beside it


class KafkaClient:
    """A loop in a thread, and what aiokafka keeps in it."""

    def __init__(self, settings: CitySettings, name: str, *, sure: bool = True) -> None:
        """Begin the thread; nothing is connected before it is needed. Raises SettingsError."""
        self.settings = settings
        self.sure = sure
        self.group = _GROUP  # bytes of records that go to a partition in one request
        self.numbered = sure  # whether Kafka knows batches by number, and takes none behind one that it has not
        self.notice = ""  # what a person should know of this Kafka; "" for nothing
        self._name = name
        self._access = kafka_access(settings)
        if not sure:
            self._access["request_timeout_ms"] = BRIEF_REQUEST
        self._producer: AIOKafkaProducer | None = None
        self._readers: set[AIOKafkaConsumer] = set()
        self._starting = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._closed = False
        self._used = 0.0
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"kafka-{name}", daemon=True)
        quiet()
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run a coroutine in the loop and wait for it; from any other thread.

        Raises Unavailable when it takes longer or Kafka is away, ValueError for a record that is too large,
        Corrupt for a position that is gone.
        """
        if self._closed:
            coroutine.close()
            raise Unavailable(f"the client {self._name} is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except FutureTimeout as why:
            future.cancel()
            raise Unavailable(f"Kafka at {self.settings.kafka} has not answered for {timeout:.0f} s") from why
        except MessageSizeTooLargeError as why:
            raise ValueError(str(why)) from why
        except OffsetOutOfRangeError as why:
            raise Corrupt(f"records that were asked for are gone: {why}") from why
        except (KafkaError, ConsumerStoppedError, OSError, asyncio.CancelledError, FutureCancelled) as why:
            raise Unavailable(f"Kafka at {self.settings.kafka}: {why!r}") from why

    @property
    def cpu(self) -> float:
        """CPU time that the thread has used, s."""
        ident = self._thread.ident
        if self._closed or ident is None:
            return self._used
        with contextlib.suppress(OSError):
            self._used = time.clock_gettime(time.pthread_getcpuclockid(ident))
        return self._used

    def close(self) -> None:
        """End the thread. What was not acknowledged until now may be in Kafka, or not."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(FutureTimeout, FutureCancelled):
            asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(4 * _CLOSE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE)
        if not self._thread.is_alive():
            self._loop.close()

    # ── in the loop ──────────────────────────────────────────────────────────────────────────────

    async def producer(self) -> AIOKafkaProducer:
        """Return the producer, connected."""
        async with self._starting:
            if self._producer is None:
                self._producer = await self._connected(sure=self.sure)
            return self._producer

    async def drop_producer(self) -> None:
        """Let the producer go: after a fault of its sequence only a new one can be believed."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)

    async def end_reader(self, reader: AIOKafkaConsumer) -> None:
        """Let a reader go."""
        self._readers.discard(reader)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(reader.stop(), _CLOSE)

    async def _end_all(self) -> None:
        await self.drop_producer()
        for reader in list(self._readers):
            await self.end_reader(reader)
        # Whoever still waits, for a connection say, is told so: what is left would die in the middle with the loop.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=_CLOSE)
        await self.drop_producer()  # one that was connected meanwhile

    async def reader(self) -> AIOKafkaConsumer:
        """Return a connected reader of no group: who reads keeps its own positions."""
        settings = self.settings
        reader = AIOKafkaConsumer(
            **self._access,
            client_id=f"park-{self._name}",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # what is gone is said, never passed over
            max_partition_fetch_bytes=max(_FETCH, settings.message_bytes + _ROOM),
            fetch_max_wait_ms=_LOOK,
            retry_backoff_ms=_BACK_OFF,
        )
        try:
            await asyncio.wait_for(reader.start(), _START)
        except BaseException:
            with contextlib.suppress(Exception):
                await reader.stop()
            raise
        self._readers.add(reader)
        return reader

    async def _connected(self, *, sure: bool) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._access,
            client_id=f"park-{self._name}",
            acks="all",
            enable_idempotence=sure,
            # Tansu counts the end of a partition wrongly where several records came together; commands come singly.
            max_batch_size=self.group if sure else 1,
            max_request_size=self.settings.message_bytes + _ROOM,
            retry_backoff_ms=_BACK_OFF,
        )
        try:
            await asyncio.wait_for(producer.start(), _START)
        except (KafkaError, TimeoutError) as why:
            await _end(producer)
            if sure and isinstance(why, _NO_SUCH):
                self.notice = "this Kafka knows no idempotent producers: after a fault records may stand twice"
                self.numbered = False
                return await self._connected(sure=False)
            raise
        except BaseException:
            await _end(producer)
            raise
        return producer


async def _end(producer: AIOKafkaProducer) -> None:
    """Stop a producer, also one that is in the middle of something that will never end."""
    with contextlib.suppress(Exception):
        await asyncio.wait_for(producer.stop(), _CLOSE)
    # `stop` waits for what is on its way; cut short, it leaves the sender running (aiokafka 0.14).
    with contextlib.suppress(Exception):
        await producer._sender.close()
    with contextlib.suppress(Exception):
        await producer.client.close()


# What brokers answer that speak Kafka's protocol and know no idempotent producers (Tansu 0.6: UnknownError).
_NO_SUCH = (UnknownError, UnsupportedVersionError, IncompatibleBrokerVersion)


class _Once(logging.Filter):
    """Lets a sentence of a library pass once in a while: a broker that is away is told 17,000 times in 30 s."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is said."""
        key = f"{record.name}:{record.lineno}"
        if record.created - self._said.get(key, 0.0) < _SPELL:
            return False
        self._said[key] = record.created
        return True


def quiet() -> None:
    """Let aiokafka's loggers say each thing once in a while; twice is as good as once."""
    for name in _SPEAKERS:
        logger = logging.getLogger(name)
        if not any(isinstance(f, _Once) for f in logger.filters):
            logger.addFilter(_Once())


_SPEAKERS = (
    "aiokafka", "aiokafka.client", "aiokafka.cluster", "aiokafka.conn", "aiokafka.producer.producer",
    "aiokafka.producer.sender", "aiokafka.consumer.consumer", "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
)  # fmt: skip
