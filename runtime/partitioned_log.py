"""A lane's log in a city: one append goes to the partitions of the parks that it is about.

What `append` returns counts what was appended: nobody reads a lane as a whole, each partition has its own worker. An
ingester has one thing to learn of the past, the time that its logs have reached, and `read` tells it that; of the
present, what time Kafka has, which says that with each append.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from park.errors import Unavailable
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Command, Config, Record, Tick
from park.wire import encode
from runtime import clock
from runtime.city_homes import CityHomes
from runtime.kafka_append import Part, cut, deliver
from runtime.kafka_client import KafkaClient
from runtime.kafka_fitting import fitted
from runtime.kafka_log import KafkaLog, same
from runtime.kafka_records import WRITTEN
from runtime.kafka_routes import NO_EDGE, Routes
from runtime.topics import topic_of

_MINUTE = 60_000
_BACK = 20  # messages looked at from the end of a partition, for the time that it has reached
_FRAME = 256  # bytes that Kafka needs beside a message
_LEAST = 16 << 10  # bytes to which messages are cut


@dataclass(slots=True)
class Delivered:
    """What has gone into the partitions."""

    records: int = 0
    messages: int = 0
    bytes: int = 0


class PartitionedLog:
    """One lane's log over the partitions of an ingester; see park.ports.Log. Belongs to the lane's thread."""

    def __init__(
        self,
        client: KafkaClient,
        lane: Lane,
        homes: CityHomes,
        mine: Sequence[int],
        elapsed: Callable[[], float] = clock.elapsed,
    ) -> None:
        """Take the partitions that this ingester writes to, and a clock that nobody sets (s)."""
        self.delivered = Delivered()
        self._elapsed = elapsed
        self.begun_anew = False  # whether positions were given out again: what was told stands there no more
        self._ends: dict[int, int] = {}  # by partition: position after what was appended last
        self._told = (0, 0.0)  # what time Kafka had, epoch ms (0: it did not say), and when that was, s
        self._client = client
        self._topic = topic_of(lane)
        self._routes = Routes(homes, mine)
        self._largest = client.settings.message_bytes - _FRAME
        self._unsure: tuple[Sequence[Record], list[Part]] | None = None

    def append(self, records: Sequence[Record]) -> int:
        """Bring records to all their partitions, acknowledged by all copies; return how many there were so far.

        Raises Unavailable: brought again, what has arrived is not sent twice, and what the topic refuses for its size
        is cut. Raises ValueError for a record that is greater than the settings allow and cannot be cut.
        """
        if self._unsure is None or not same(self._unsure[0], records):
            self._unsure = list(records), self._parts(records)
        parts = self._unsure[1]
        try:
            self._deliver(parts)
        except ValueError as why:
            self._take_less(parts)
            raise Unavailable(f"{self._client.notice}: {why}") from why
        self._unsure = None
        told = self.delivered
        told.records += len(records)
        told.messages += sum(len(part.messages) for part in parts)
        told.bytes += sum(len(value) for part in parts for _, value in part.messages)
        return told.records

    def _deliver(self, parts: Sequence[Part]) -> None:
        deliver(self._client, parts)
        for part in parts:
            if part.end:
                self.begun_anew |= part.end - len(part.messages) < self._ends.get(part.partition, 0)
                self._ends[part.partition] = part.end
        at = max((part.at for part in parts), default=0)
        if at > WRITTEN:  # a clock that stands before this program was written tells nothing
            self._told = at, self._elapsed()

    def _take_less(self, parts: Sequence[Part]) -> None:
        """Cut what the topic refused for its size, and all that comes: it was made, or changed, by hand."""
        open_parts = [part for part in parts if not part.done]
        size = max((len(value) for part in open_parts for _, value in part.messages), default=self._largest)
        most = max(_LEAST, min(self._largest, size) // 2)
        self._client.group = min(self._client.group, most)
        self._client.notice = (
            f"the topic {self._topic} refuses messages of {size} bytes: "
            f"its max.message.bytes should be {self._client.settings.message_bytes}"
        )
        before = [list(part.messages) for part in open_parts]
        for part in open_parts:
            cut(part, lambda value: fitted(value, most))
        if before != [part.messages for part in open_parts]:  # else it is one that cannot be cut: others may be greater
            self._largest = most

    def kafka_time(self) -> int:
        """Return what time Kafka has, epoch ms, by what it said last; 0: it has not said yet."""
        at, since = self._told
        return at + int(1_000 * (self._elapsed() - since)) if at else 0

    def remember(self, homes: Mapping[int, int]) -> None:
        """Learn which partitions were told of devices before this process began; before anything is appended."""
        self._routes.remember(homes)

    @property
    def unsure(self) -> bool:
        """Whether records wait that Kafka has not acknowledged."""
        return self._unsure is not None

    def _parts(self, records: Sequence[Record]) -> list[Part]:
        parts: dict[int, Part] = {}
        for record in records:
            for partition, piece in self._routes.ways(record):
                part = parts.get(partition)
                if part is None:
                    part = parts[partition] = Part(self._topic, partition, [])
                for value in fitted(encode(piece), self._largest):
                    if len(value) > self._client.settings.message_bytes:
                        raise ValueError(f"a record of {len(value)} bytes that cannot be cut")
                    part.messages.append((self._routes.key_of(piece), value))
        return list(parts.values())

    def read(self, position: int, end: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield, from the very beginning, one Tick: the time that the partitions have reached. Raises Unavailable.

        A batch of nothing is appended to one of them before: Kafka's answer tells what time it has, and a wrong
        first tick would stand in the log for as long as it is ahead.
        """
        if position or self.delivered.records or end == 0:
            return
        self._deliver([Part(self._topic, self._routes.mine[0], [(b"", encode(Batch(batch_of([]), NO_EDGE)))])])
        reached = max(self._reached(partition) for partition in self._routes.mine)
        if reached:
            yield 0, Tick(reached)

    def _reached(self, partition: int) -> int:
        """Return the newest minute of a partition's log, epoch ms; 0: it is empty."""
        log = KafkaLog(self._client, self._topic, partition, refuse=lambda *_: None)
        try:
            begin, end = log.begin, log.end
            newest = [_time_of(record) for _, record in log.read(max(begin, end - _BACK))]
        finally:
            log.close()
        return max(newest, default=0)

    @property
    def begin(self) -> int:
        """0: what stands in the partitions is for others to read."""
        return 0

    @property
    def end(self) -> int:
        """How many records were appended."""
        return self.delivered.records

    def trim(self, position: int) -> None:
        """Do nothing: Kafka keeps records by hours and bytes, whoever has read them."""

    def close(self) -> None:
        """Do nothing: the client is another's."""


def _time_of(record: Record) -> int:
    """Return the minute that log time had reached with a record."""
    match record:
        case Tick():
            return record.now
        case Batch():
            times = [r.received for r in record.refused]
            times += [int(record.readings.received.max())] if len(record.readings) else []
            return max(times, default=0) // _MINUTE * _MINUTE
        case Config() | Command():
            return record.received // _MINUTE * _MINUTE
