"""Messages that were refused, taken in again: one by one, or all of a device that was claimed."""

import threading
from collections.abc import Callable, Sequence

from ingest.batcher import Batcher
from ingest.dialects import dialect_of
from ingest.message import RETAIN, Message
from ingest.resolver import Resolver
from park.metrics import Lane
from park.ports import QuarantineStore
from park.records import Batch, Command, Refusal, Refused
from park.settings import IngestSettings
from park.streams import is_log

_AT_ONCE = 1_000
Opened = Callable[[Refused], Batch | Command | None]  # None: it is no such record still
Logged = Callable[
    [Lane, Batch | Command], object
]  # into a lane's log, and back when it is there; raises Full, Unavailable


class TakingAgain:
    """Decodes kept messages anew, in the threads of those who ask. Whoever owns it keeps `resolver` up to date."""

    def __init__(
        self, ingest: IngestSettings, quarantine: QuarantineStore, logged: Logged, opened: Opened | None = None
    ) -> None:
        """Take where refused messages are kept and what puts readings into a lane's log.

        `opened` opens what no device said: messages that were no records when a city's worker came to them.
        """
        self.resolver = Resolver(ingest)
        self._batcher = Batcher(ingest, self.resolver)
        self._quarantine = quarantine
        self._logged = logged
        self._opened = opened
        self._lock = threading.Lock()

    def decoded(self, messages: Sequence[Message], received: int) -> Batch:
        """Return what messages say that were received at a time."""
        with self._lock:
            return self._batcher.batch(messages, received)

    def retry(self, keys: Sequence[int], actor: str) -> int:
        """Put refused messages back into their lanes, with their old time of receipt; return how many.

        Raises NotFound, Full, Unavailable.
        """
        moved = 0
        for key in keys:
            kept = self._quarantine.show(key)
            if kept.state != "waiting":
                continue
            r = kept.refused
            if self._opened is not None and is_log(r.topic):
                record = self._opened(r)
                if record is not None:
                    self._logged(kept.lane, record)
                    moved += self._quarantine.mark([key], "retried", actor)
                continue
            message: Message = (r.topic.encode(), r.payload, b"", RETAIN if r.retained else 0)
            batch = self.decoded([message], r.received)
            if any(x.reason is r.reason and x.whole for x in batch.refused):
                continue  # nothing has changed: it stays where it is
            self._logged(self._lane_of(r.topic, kept.lane), batch)
            moved += self._quarantine.mark([key], "retried", actor)
        return moved

    def of_device(self, device_key: str, actor: str) -> None:
        """Take in all that a device said before it was claimed, the oldest first. Raises Full, Unavailable."""
        after = 0
        while waiting := self._quarantine.waiting(
            reason=Refusal.UNKNOWN_DEVICE, device_key=device_key, after=after, limit=_AT_ONCE
        ):
            self.retry([q.id for q in waiting], actor)
            after = waiting[-1].id

    def _lane_of(self, topic: str, before: Lane) -> Lane:
        said = dialect_of(topic)
        known = self.resolver.known(said[1]) if said else None
        return before if known is None else Lane.LIFE if known.life else Lane.BULK
