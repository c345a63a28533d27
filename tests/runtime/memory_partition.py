"""A partition of a topic in memory, read and followed as one of Kafka is."""

import threading
from dataclasses import dataclass, field

from park.errors import Corrupt
from runtime.kafka_log import Entry


@dataclass
class MemoryPartition:
    """What runtime.kafka_log.Partition is to whoever reads it."""

    values: list[bytes] = field(default_factory=list)
    begin: int = 0
    topic: str = "park.events"
    partition: int = 0
    grown: threading.Condition = field(default_factory=threading.Condition)

    @property
    def end(self):
        """Position after the newest."""
        return len(self.values)

    def put(self, *values):
        """Append messages."""
        with self.grown:
            self.values += values
            self.grown.notify_all()

    def replace(self, first, *values):
        """Lose the messages behind a position, and get others in their place."""
        with self.grown:
            self.values[first:] = values
            self.grown.notify_all()

    def read(self, position, end=None):
        """Yield messages."""
        if position < self.begin:
            raise Corrupt("gone")
        yield from (self._entry(n) for n in range(position + 1, min(self.end if end is None else end, self.end) + 1))

    def follow(self, position, timeout):
        """Return what comes."""
        with self.grown:
            self.grown.wait_for(lambda: self.end > position, min(timeout, 0.05))
            if not self.begin <= position <= self.end:
                raise Corrupt("not there")
            found = [self._entry(n) for n in range(position + 1, self.end + 1)]
        return found, max(position, self.end)

    def close(self):
        """Release nothing."""

    def _entry(self, position):
        return Entry(position, b"", self.values[position - 1], 7)
