"""Refused messages that no device sent, taken in again: what workers told, and lines of InfluxDB.

What a worker told goes straight into the store of events, as it would have gone had it been believed: a person has
looked at it. Known ids change nothing, and what has changed since stays as it is. No end of a fire is taken from
there: only its device's reset or a named person ends one, and whoever takes letters in need not be one who may.
"""

from collections.abc import Callable, Sequence
from contextlib import closing

from alerts.gate import BLIND, exempt
from park.errors import Corrupt
from park.events import AlarmState, ConditionChange
from park.ports import EventStore, QuarantineStore
from park.records import Refused
from park.series import BUCKETS
from park.told import decode_told
from park.wire import SmallEvent
from runtime.dead_reading import SERIES, is_events
from runtime.storage.influx import Influx, SetAside

_AHEAD = (1 << 63) - 1  # a position that no log reaches, however far it is read meanwhile
Retry = Callable[[Sequence[int], str], int]
Open = Callable[[SetAside], Influx]


class LettersAgain:
    """Retries letters itself, and leaves messages of devices to whoever decodes them."""

    def __init__(self, quarantine: QuarantineStore, events: EventStore, influx: Open, devices: Retry) -> None:
        """Take the stores; `influx` opens InfluxDB for one who says what becomes of lines that it refuses."""
        self._quarantine = quarantine
        self._events = events
        self._influx = influx
        self._devices = devices

    def retry(self, keys: Sequence[int], actor: str) -> int:
        """Take refused messages in again; return how many went. Raises NotFound, Full, Unavailable."""
        moved, of_devices = 0, []
        for key in keys:
            kept = self._quarantine.show(key)
            topic = kept.refused.topic
            if not (topic.startswith(SERIES) or is_events(topic) or not topic):
                of_devices.append(key)
            elif kept.state == "waiting" and self._taken(kept.refused):
                moved += self._quarantine.mark([key], "retried", actor)
        return moved + self._devices(of_devices, actor)

    def _taken(self, refused: Refused) -> bool:
        if len(refused.payload) != refused.size:
            return False  # a part of one
        if refused.topic.startswith(SERIES):
            return self._written(refused.topic.removeprefix(SERIES), refused.payload)
        return is_events(refused.topic) and self._told(refused.payload)

    def _told(self, content: bytes) -> bool:
        try:
            told = decode_told(content)
        except Corrupt:
            return False
        events = [event for event in told.events if not (_ends_a_life_alarm(event) or self._is_over(event))]
        # Of no known position, and not the last of it: how far the log was read stays as it is.
        self._events.apply(told.stream, _AHEAD, events, last=False)
        return True

    def _written(self, bucket: str, line: bytes) -> bool:
        refused: list[str] = []
        if bucket not in BUCKETS:
            return False
        with closing(self._influx(lambda _bucket, _line, why: refused.append(why))) as influx:
            influx.write(bucket, line, BUCKETS[bucket].precision)
        return not refused

    def _is_over(self, event: SmallEvent) -> bool:
        """Tell whether a condition has gone on since: an older word of it must not stand as the newest."""
        return isinstance(event, ConditionChange) and any(
            later.at > event.at for later in self._events.history(event.condition_id)
        )


def _ends_a_life_alarm(event: SmallEvent) -> bool:
    if not isinstance(event, ConditionChange) or event.state is AlarmState.ACTIVE:
        return False
    return event.family == BLIND or exempt(event)
