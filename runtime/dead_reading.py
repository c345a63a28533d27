"""What nobody could read, believe or store, from `park.dead` onto the page of refused messages.

```
 alarms: messages of workers ─┐
 workers: lines of InfluxDB  ─┼─> park.dead ── Follower ──> quarantine: waits for a person
 workers: messages of logs   ─┘                  └─ those of logs are there already, by their own log
```
A thread of its own: no fire waits for a letter, and none is written down in the way of a fire.
"""

import json
from typing import Any

from alerts.gate import exempt
from park.errors import Corrupt
from park.events import AlarmState, ConditionChange
from park.metrics import Lane
from park.ports import QuarantineStore
from park.records import Refusal, Refused
from park.streams import lane_of
from park.told import decode_told
from runtime.follower import Follower
from runtime.kafka_log import Entry, Partition
from runtime.storage.sql.database import Database
from runtime.storage.sql.positions import QUARANTINE, reach, reached
from runtime.topics import EVENTS, topic_of

SERIES = "influx:"  # before the name of a bucket: where a line comes from
_LOGS = tuple(f"{topic_of(lane)}-" for lane in Lane)
_NAMES = {lane: f"{lane}-dead" for lane in Lane}  # under which it is written down how far the letters were read


class DeadReading:
    """The topic of dead letters, followed."""

    def __init__(self, database: Database, quarantine: QuarantineStore, letters: Partition) -> None:
        """Take where letters are kept for people; nothing is read before the follower starts."""
        self._database = database
        self._quarantine = quarantine
        self.follower = Follower(letters, self._begin, self._take, _passed)

    def _begin(self, begin: int, end: int) -> int:
        """Return where to go on; of a topic that was made anew everything is read."""
        with self._database.read() as connection:
            read = max(reached(connection, QUARANTINE, name) for name in _NAMES.values())
        if read > end:
            with self._database.write() as connection:
                for name in _NAMES.values():
                    reach(connection, QUARANTINE, name, 0)
            return begin
        return max(read, begin)

    def _take(self, entry: Entry) -> None:
        """Keep a letter for people, once. Raises Unavailable."""
        letter = letter_of(entry)
        if letter is not None:
            lane, refused = letter
            self._quarantine.keep(_NAMES[lane], entry.position, [refused])


def letter_of(entry: Entry) -> tuple[Lane, Refused] | None:
    """Return a dead letter as people see it, with its lane; None for one that they see already."""
    try:
        said: Any = json.loads(entry.key)
        source, position, size, why = (said[name] for name in ("from", "position", "bytes", "why"))
        detail = f"message before {int(position)}: {why}"
        size = int(size)
    except (ValueError, TypeError, KeyError, OverflowError):
        source, size, detail = "", len(entry.value), "a dead letter without a word about where it comes from"
    if str(source).startswith(_LOGS):
        return None
    lane, alarm = _fire_in(entry.value)
    refused = Refused(
        Refusal.MALFORMED, str(source), entry.value, size, max(0, entry.appended), detail=detail, alarm=alarm
    )
    return lane, refused


def _fire_in(content: bytes) -> tuple[Lane, str]:
    """Return the lane that a letter tells of, and the family of a life-safety alarm that is raised in it; "" none."""
    try:
        told = decode_told(content)
    except Corrupt:
        return Lane.BULK, ""
    raised = (
        event.family
        for event in told.events
        if isinstance(event, ConditionChange) and event.state is AlarmState.ACTIVE and exempt(event)
    )
    return lane_of(told.stream), next(raised, "")


def is_events(topic: str) -> bool:
    """Tell whether a refused message is one of the workers'."""
    return topic.startswith(f"{EVENTS}-")


def _passed(entry: Entry, why: str) -> None:
    """Pass over a letter that cannot be kept: it stays in the topic, and the follower has said so."""
