"""One partition of a topic, as a log: appended to, read from any position, held to the contract of park.ports.Log.

A position is the offset after a record: rising, with gaps where Kafka keeps marks of its own. What cannot be read
is said to `refuse` and passed; without one it is Corrupt. Kafka alone decides how long it keeps records (the table
of topics: hours and bytes), so `trim` deletes nothing.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from park.errors import Corrupt, MachineryError, Unavailable
from park.metrics import Lane
from park.records import Record
from park.wire import encode
from runtime.city_settings import kafka_access
from runtime.kafka_append import Keyed, Part, deliver
from runtime.kafka_client import KafkaClient
from runtime.kafka_records import open_record
from runtime.topics import topic_of

_ANSWER = 6.0  # s that a question may take
_PATIENCE = 10.0  # s without any record, though there are some, after which Kafka counts as away
_AT_ONCE = 0.5  # s that one look waits


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a partition."""

    position: int  # after it
    key: bytes
    value: bytes
    appended: int  # epoch ms, by the broker's clock


class Partition:
    """One partition of a topic, in bytes. Appends come from one thread at a time, and so do reads."""

    def __init__(self, client: KafkaClient, topic: str, partition: int) -> None:
        """Name it; nothing is asked of Kafka yet."""
        self.client = client
        self.topic = topic
        self.partition = partition
        self._tp = TopicPartition(topic, partition)
        self._reader: AIOKafkaConsumer | None = None
        self._next = -1  # position that the reader stands at
        self._reading = threading.Lock()
        self._appending = threading.Lock()
        self._unsure: Part | None = None

    def append(self, messages: Sequence[Keyed]) -> int:
        """Append messages, acknowledged by all copies; return the position after the last.

        Raises Unavailable: then Kafka may have them, or will, and the same messages may be brought again (of a
        brief client: it has or will not). Raises ValueError for a message that is too large.
        """
        if not messages:
            return self.end
        with self._appending:
            part = self._unsure
            if part is None or part.messages != list(messages):
                part = Part(self.topic, self.partition, list(messages))
            self._unsure = part if self.client.sure else None
            deliver(self.client, [part])
            self._unsure = None
        return part.end or self.end

    @property
    def begin(self) -> int:
        """Position of the oldest message kept. Raises Unavailable."""
        return self._bounds()[0]

    @property
    def end(self) -> int:
        """Position after the newest. Raises Unavailable."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[int, int]:
        with self._reading:
            return self.client.run(self._ask_bounds(), _ANSWER)

    def read(self, position: int, end: int | None = None) -> Iterator[Entry]:
        """Yield messages from a position on, to `end` or the end as it is now.

        Raises Corrupt when older ones are gone, Unavailable when Kafka falls silent.
        """
        begin, newest = self._bounds()
        end = newest if end is None else min(end, newest)
        if position < min(begin, end):
            raise Corrupt(f"{self.topic}-{self.partition}: records before {begin} are gone, {position} was asked")
        silent = 0.0
        while position < end:
            entries, reached = self._look(position, _AT_ONCE)
            silent = 0.0 if entries or reached > position else silent + _AT_ONCE
            if silent > _PATIENCE:
                raise Unavailable(f"Kafka does not give {self.topic}-{self.partition} from {position} on")
            for entry in entries:
                if entry.position > end:
                    return
                yield entry
            position = max(reached, entries[-1].position if entries else 0)

    def follow(self, position: int, timeout: float) -> tuple[list[Entry], int]:
        """Return what comes at a position or after it, waiting up to `timeout` s for the first; and where it ends.

        Raises Corrupt when it is gone already, Unavailable.
        """
        return self._look(position, timeout)

    def delete(self, position: int) -> None:
        """Delete everything before a position, for good. Raises Unavailable."""
        self.client.run(self._delete(position), _ANSWER)

    def close(self) -> None:
        """Release the reader; what was appended stays."""
        with self._reading, suppress(MachineryError):
            self.client.run(self._let_go(), _ANSWER)

    # ── in the loop ──────────────────────────────────────────────────────────────────────────────

    def _look(self, position: int, timeout: float) -> tuple[list[Entry], int]:
        with self._reading:
            return self.client.run(self._fetch(position, timeout), timeout + _ANSWER)

    async def _fetch(self, position: int, wait: float) -> tuple[list[Entry], int]:
        try:
            reader = await self._connected()
            if position != self._next:
                reader.seek(self._tp, position)
                self._next = position
            reader.resume(self._tp)  # only while somebody waits: a reader fetches ahead for ever
            got = await reader.getmany(self._tp, timeout_ms=int(wait * 1_000))
            reader.pause(self._tp)
            found: list[ConsumerRecord] = got.get(self._tp, [])
            reached = int(await reader.position(self._tp))
        except (KafkaError, OSError, asyncio.CancelledError):
            await self._let_go()
            raise
        self._next = reached
        entries = [Entry(r.offset + 1, r.key or b"", r.value or b"", r.timestamp) for r in found]
        return entries, reached

    async def _ask_bounds(self) -> tuple[int, int]:
        try:
            reader = await self._connected()
            begin = (await reader.beginning_offsets([self._tp]))[self._tp]
            end = (await reader.end_offsets([self._tp]))[self._tp]
        except (KafkaError, OSError, asyncio.CancelledError):
            await self._let_go()
            raise
        return int(begin), int(end)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._reader is None:
            reader = await self.client.reader()
            reader.assign([self._tp])
            reader.seek(self._tp, max(self._next, 0))
            reader.pause(self._tp)
            self._reader = reader
        return self._reader

    async def _let_go(self) -> None:
        reader, self._reader = self._reader, None
        self._next = -1
        if reader is not None:
            await self.client.end_reader(reader)

    async def _delete(self, position: int) -> None:
        admin = AIOKafkaAdminClient(**kafka_access(self.client.settings))
        try:
            await admin.start()
            await admin.delete_records({self._tp: RecordsToDelete(position)})
        finally:
            await admin.close()


class KafkaLog:
    """One stream's log over a partition; see park.ports.Log."""

    def __init__(
        self,
        client: KafkaClient,
        topic: str,
        partition: int,
        *,
        key_of: Callable[[Record], bytes] = lambda _: b"",
        refuse: Callable[[int, bytes, str], None] | None = None,
    ) -> None:
        """Take `key_of` for what is appended, and `refuse`: told of (position after it, message, why) of bad ones."""
        self.partition = Partition(client, topic, partition)
        self._partitions = client.settings.partitions
        self._life = topic == topic_of(Lane.LIFE)
        self._key_of = key_of
        self._refuse = refuse
        self._unsure: tuple[Sequence[Record], list[Keyed]] = ((), [])

    def append(self, records: Sequence[Record]) -> int:
        """Write records, acknowledged by all copies; return the position after the last.

        Raises Unavailable; the same records may be brought again then, and do not stand twice.
        """
        before, messages = self._unsure
        if not messages or not same(before, records):
            messages = [(self._key_of(record), encode(record)) for record in records]
        self._unsure = records, messages
        position = self.partition.append(messages)
        self._unsure = (), []
        return position

    def read(self, position: int, end: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield (position after it, record) from a position on, to `end` or the end as it is now."""
        for entry in self.partition.read(position, end):
            record = self.opened(entry)
            if record is not None:
                yield entry.position, record

    def follow(self, position: int, timeout: float) -> tuple[list[tuple[int, Record]], int]:
        """Return records from a position on, waiting up to `timeout` s for the first; and the position after them."""
        entries, reached = self.partition.follow(position, timeout)
        opened = [(entry.position, self.opened(entry)) for entry in entries]
        return [(position, record) for position, record in opened if record is not None], reached

    def opened(self, entry: Entry) -> Record | None:
        """Return the record of a message; None, and told, for one that is none. Raises Corrupt if nobody is told."""
        try:
            return open_record(
                entry.value,
                key=entry.key,
                partition=self.partition.partition,
                partitions=self._partitions,
                appended=entry.appended,
                life=self._life,
            )
        except Corrupt as why:
            if self._refuse is None:
                raise
            self._refuse(entry.position, entry.value, str(why))
            return None

    @property
    def begin(self) -> int:
        """Position of the oldest record kept. Raises Unavailable."""
        return self.partition.begin

    @property
    def end(self) -> int:
        """Position after the newest record. Raises Unavailable."""
        return self.partition.end

    def trim(self, position: int) -> None:
        """Do nothing: Kafka keeps records by hours and bytes, whoever has read them."""

    def close(self) -> None:
        """Release the connection; appended records stay."""
        self.partition.close()


def same(some: Sequence[Record], others: Sequence[Record]) -> bool:
    """Tell whether these are the very same records, brought again."""
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
