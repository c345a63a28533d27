"""What nobody could read, believe or store, from `park.dead` onto the page of refused messages.

```
 alarms: messages of workers ─┐
 workers: lines of InfluxDB  ─┼─> park.dead ── Follower ──> quarantine: waits for a person
 workers: messages of logs   ─┘                  └─ those of logs are there already, by their own log
```
A thread of its own: no fire waits for a letter, and none is written down in the way of a fire.

A topic that was made anew or cut gives positions out again: those in the store go back to before the first letter
that comes again. At a start what stood at the last position tells whether it was; then all of it is read, and a
letter from before may wait for people twice rather than a new one never.
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
from runtime.follower import ASK, Follower
from runtime.kafka_log import Entry, Partition
from runtime.log_marks import mark_of, sound
from runtime.storage.sql.database import Database
from runtime.storage.sql.positions import QUARANTINE, reach, reached
from runtime.topics import EVENTS, topic_of

SERIES = "influx:"  # before the name of a bucket: where a line comes from
_LOGS = tuple(f"{topic_of(lane)}-" for lane in Lane)
_NAMES = {lane: f"{lane}-dead" for lane in Lane}  # under which it is written down how far the letters were read
MARKED, MARK = "letters", "letters-mark"  # consumers: position of the letter that was kept last, and what it was


class DeadReading:
    """The topic of dead letters, followed."""

    def __init__(self, database: Database, quarantine: QuarantineStore, letters: Partition, ask: float = ASK) -> None:
        """Take where letters are kept for people; nothing is read before the follower starts; `ask` in s."""
        self._database = database
        self._quarantine = quarantine
        self._letters = letters
        self._last = 0  # position of the letter that was taken last
        self.follower = Follower(letters, self._begin, self._take, _passed, ask)

    def _begin(self, begin: int, end: int) -> int:
        """Return where to go on; of a topic that was made anew, or cut, everything is read. Raises Unavailable."""
        with self._database.read() as connection:
            read = max(reached(connection, QUARANTINE, name) for name in _NAMES.values())
            marked, mark = (reached(connection, consumer, self.follower.name) for consumer in (MARKED, MARK))
        if read > end or (mark and sound([(marked, mark)], self._letters) is not None):
            self._back_to(begin)
        else:
            self._last = max(read, begin)
        return self._last

    def _take(self, entry: Entry) -> None:
        """Keep a letter for people, once. Raises Unavailable."""
        if entry.position <= self._last:
            self._back_to(entry.position - 1)
        letter = letter_of(entry)
        if letter is not None:
            lane, refused = letter
            self._quarantine.keep(_NAMES[lane], entry.position, [refused])
            with self._database.write() as connection:
                reach(connection, MARKED, self.follower.name, entry.position)
                reach(connection, MARK, self.follower.name, mark_of(entry))
        self._last = entry.position

    def _back_to(self, position: int) -> None:
        """Count what lies beyond a position as not read: others stand there now. Raises Unavailable."""
        with self._database.write() as connection:
            for name in _NAMES.values():
                reach(connection, QUARANTINE, name, position)
            reach(connection, MARK, self.follower.name, 0)
        self._last = position


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
