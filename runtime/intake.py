"""What a lane's edge does with messages: stamps them with log time, once, and decodes them."""

import numpy as np

from ingest.message import Message
from park.readings import Int64, Quality, batch_of
from park.records import Batch, Edge, Refusal, Refused
from runtime.lane_words import Decode
from runtime.log_time import LogTime
from runtime.troubles import Troubles

_KEEP = 1 << 20  # bytes of a payload that nobody could decode


class Intake:
    """The edge of one lane. It belongs to the lane's thread."""

    def __init__(self, decode: Decode, time: LogTime, troubles: Troubles) -> None:
        self.time = time
        self._decode = decode
        self._troubles = troubles

    def take(self, messages: list[Message], floor: int) -> tuple[int, list[Batch]]:
        """Return log time, not before `floor`, and what the messages say, received then.

        While the clock is doubted the messages are read as if it were right: what devices say of the time
        decides whether that was so.
        """
        received = self.time.now(floor)
        if not messages:
            return received, []
        if supposed := self.time.doubted:
            batches = self._decoded(messages, supposed)
            received = self.time.witness(_own_stamps(batches))
            if received == supposed:
                return received, batches
        return received, self._decoded(messages, received)

    def _decoded(self, messages: list[Message], received: int) -> list[Batch]:
        """Decode; halve what a decoder cannot digest until only the culprit is left, and keep that raw."""
        with self._troubles.passing("a message could not be decoded"):
            return [self._decode(messages, received)]
        if len(messages) > 1:
            middle = len(messages) // 2
            return self._decoded(messages[:middle], received) + self._decoded(messages[middle:], received)
        topic, payload, _, _ = messages[0]
        refused = Refused(
            Refusal.MALFORMED,
            topic.decode(errors="replace"),
            bytes(payload[:_KEEP]),
            len(payload),
            received,
            detail=f"fault of the decoder: {self._troubles.newest}"[:200],
        )
        one = np.ones(1, np.int32)
        return [Batch(batch_of([]), Edge(0 * one, one, 0 * one), (refused,))]


def _own_stamps(batches: list[Batch]) -> Int64:
    """Return the times that devices gave themselves, of readings that are news."""
    stamps = [
        b.readings.ts[(b.readings.ts != b.readings.received) & (b.readings.quality == Quality.GOOD)] for b in batches
    ]
    return np.concatenate(stamps) if stamps else np.zeros(0, np.int64)
