"""Messages that nobody could read or believe, kept in `park.dead` as they came.

The key says in JSON where one came from and why it is here. People see them on the page of refused messages, where
`runtime.dead_reading` brings them, and can take them in again (`runtime.letters_again`).
"""

import json

from runtime.kafka_client import KafkaClient
from runtime.kafka_log import Entry, Partition
from runtime.topics import DEAD

_WHY = 500  # characters
_BIGGEST = 1 << 20  # bytes kept of one message


class DeadTopic:
    """The topic of dead letters, and how many this process has put into it."""

    def __init__(self, client: KafkaClient) -> None:
        self.total = 0
        self._partition = Partition(client, DEAD, 0)

    def put(self, source: str, entry: Entry, why: str) -> None:
        """Keep a message of a partition. Raises Unavailable."""
        key = {"from": source, "position": entry.position, "bytes": len(entry.value), "why": why[:_WHY]}
        kept = entry.value[:_BIGGEST]
        while True:
            try:
                self._partition.append([(json.dumps(key).encode(), kept)])
                break
            except ValueError:  # a topic that was made by hand takes less
                if not kept:
                    raise
                kept = kept[: len(kept) // 2]
        self.total += 1

    def close(self) -> None:
        """Release the connection."""
        self._partition.close()
