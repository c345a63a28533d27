"""From events to cases, in the transaction that stores the events: both, and the position, or nothing.

A fault of ours in the machine of cases holds no event back: it costs the one trigger, which is told as a
trouble, and for life safety as a notification of no case, so that people hear of the fire all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, exc, select

from alerts.escalation import EVERYONE
from alerts.gate import at_once
from alerts.triggers import triggers_of
from park.alarms import MessageKind, Notification, Signal, Trigger
from park.errors import MachineryError
from park.events import ActivityDay, ConditionChange, DeviceStatus, Finding, Severity
from park.streams import lane_of
from park.wire import SmallEvent, decode_event
from runtime.storage.sql.alarm_activity import suspicions
from runtime.storage.sql.alarm_case_rows import put_notifications
from runtime.storage.sql.alarm_writer import CaseWriter
from runtime.storage.sql.alarms import SqlAlarms, claimed
from runtime.storage.sql.database import among, chunks
from runtime.storage.sql.tables import condition_changes, device_status, findings
from runtime.storage.sql.tables_alarms import called_out
from runtime.troubles import Troubles

# The database is away, or busy: nothing is wrong with the trigger, and all is tried again.
_AWAY = (
    MachineryError, OSError, exc.OperationalError, exc.InterfaceError, exc.PendingRollbackError,
    exc.TimeoutError,
)  # fmt: skip


class Intake:
    """Tells cases of what the lanes find."""

    def __init__(
        self, alarms: SqlAlarms, now: Callable[[], int], put: Callable[[Sequence[Notification], int], int] | None = None
    ) -> None:
        """`put` takes notifications that belong to no case, in a transaction of their own."""
        self.troubles = Troubles("alarms")
        self._put = put
        self._alarms = alarms
        self._now = now
        self._ends: Mapping[str, int] = {}

    def live_from(self, ends: Mapping[str, int]) -> None:
        """Say where logs ended when this process began: what comes from beyond happens now.

        Of a log that is not named it is judged by its time alone.
        """
        self._ends = dict(ends)

    def fresh(
        self, connection: Connection, stream: str, events: Sequence[SmallEvent], position: int = 0
    ) -> list[Trigger]:
        """Return the triggers of those events that are not stored yet: a log may be read again from anywhere.

        `position` is that of the newest record that they are from. A device's status that stands as it is told is
        the log's, read again, or the other lane's word of a gateway that both miss: it begins no case, and is heard
        of one that is open, which is over when no lane misses the device.
        """
        known = {
            row[0]
            for column, kind in ((condition_changes.c.id, ConditionChange), (findings.c.id, Finding))
            for row in among(connection, select(column), column, {e.id for e in events if isinstance(e, kind)})
        }
        statuses = {e.device for e in events if isinstance(e, DeviceStatus)}
        d = device_status.c
        newest = {row[0]: row[1] for row in among(connection, select(d.device, d.body), d.device, statuses)}
        new: list[SmallEvent] = []
        repeated: set[str] = set()
        for event in events:
            if isinstance(event, DeviceStatus):
                body = newest.get(event.device)
                before = decode_event(body) if body is not None else None
                if isinstance(before, DeviceStatus) and before.at > event.at:
                    continue
                if isinstance(before, DeviceStatus) and before.id == event.id:
                    repeated.add(event.id)
            if event.id not in known:
                known.add(event.id)
                new.append(event)
        found = [t for event in new for t in triggers_of(lane_of(stream), event)]
        told = _called_out(connection, found, self._now()) | repeated
        found = [replace(t, told=t.id in told) for t in found] if told else found
        found += suspicions(connection, lane_of(stream), (e for e in events if isinstance(e, ActivityDay)))
        live = stream in self._ends and position > self._ends[stream]
        if stream in self._ends and not live:
            self._alarms.reads_past(self._now())
        return [replace(t, live=True) for t in found] if live else found

    def take(self, connection: Connection, triggers: Sequence[Trigger]) -> Callable[[], None]:
        """Tell cases within the transaction; return what is to be called once it is committed."""
        if not triggers:
            return _nothing
        now = self._now()
        with self.troubles.passing("cases could not be told", but=_AWAY), connection.begin_nested():
            writer = self._alarms.take(connection, triggers, now)
            self.troubles.over()
            return lambda: self._alarms.tell(writer)
        writers: list[CaseWriter] = []
        for trigger in triggers:
            done = False
            with self.troubles.passing(f"no case could be told of {trigger.id}", but=_AWAY):
                with connection.begin_nested():
                    writers.append(self._alarms.take(connection, (trigger,), now))
                done = True
            if not done and at_once(trigger) and trigger.signal is Signal.ACTIVE:
                put_notifications(connection, (_raw(trigger, now),))

        def tell() -> None:
            for writer in writers:
                self._alarms.tell(writer)

        return tell

    def alone(self, stream: str, event: SmallEvent, *, live: bool = False) -> None:
        """Tell people of an event before it is stored, or though it cannot be: of life safety as of a case.

        One that is stored was told: a log that is read again tells of a fire that may be over and closed by now.
        `live` says that it happens now, whatever its time. Raises MachineryError: nothing could be written now.
        """
        now = self._now()
        for trigger in (replace(t, live=live) for t in triggers_of(lane_of(stream), event)):
            if not at_once(trigger) or trigger.signal is not Signal.ACTIVE:
                continue
            with self.troubles.passing(f"no case could be told of {trigger.id}", but=_AWAY):
                self._alarms.call_out(trigger, now)
                continue
            if self._put is not None:
                self._put((_raw(trigger, now),), now)


def _called_out(connection: Connection, triggers: Sequence[Trigger], now: int) -> set[str]:
    """Return the ids of events that people were called out to; from here on the events themselves say that.

    Those to which nobody was called are claimed here until the transaction ends: whoever calls out to one at this
    moment waits, and finds it written.
    """
    ids = {t.id for t in triggers if at_once(t) and t.signal is Signal.ACTIVE}
    told = ids - claimed(connection, ids, now)
    for part in chunks(ids):
        connection.execute(delete(called_out).where(called_out.c.event.in_(part)))
    return told


def _nothing() -> None:
    """Tell nobody."""


def _raw(trigger: Trigger, now: int) -> Notification:
    """Return the message of a life-safety trigger that no case could be told of."""
    words = {"rule": trigger.rule, "subject": trigger.subject, "reason": trigger.reason.value, "event": trigger.id}
    return Notification(
        f"{trigger.id}/{EVERYONE}", 0, EVERYONE, MessageKind.RAISED, Severity.CRITICAL, life=True, not_before=now,
        group="", created=now, park=trigger.park, body=words,
    )  # fmt: skip
