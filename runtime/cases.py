"""Everything of alarms over one database, and the thread that does what is due.

```
 EventWriter ─> SqlEvents ─(one transaction)─> Intake ─> cases, timers, outbox ─> live pages, delivery
                                      Turning, each second ─┘
```
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from alerts.rotas import on_duty
from alerts.triggers import report_trigger
from api.alarm_services import AlarmServices
from park.alarms import Case
from park.duty import Silence
from park.settings import StoreSettings
from runtime.alarm_clock import AlarmClock
from runtime.attachments import AttachmentFiles
from runtime.storage.sql.alarm_held import preview
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarm_links import SqlLinks
from runtime.storage.sql.alarm_outbox import SqlOutbox
from runtime.storage.sql.alarm_plans import SqlPlans
from runtime.storage.sql.alarm_rows import encode
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.attached import attached
from runtime.storage.sql.database import Database
from runtime.turning import Job, Turning

Publish = Callable[[str, int, bytes], None]
_DAY = 86_400_000  # ms
_NO_PARK = -1  # a park that no key is of


class Cases:
    """The stores of alarms; whoever waits for notifications is woken when some are written."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        publish: Publish,
        now: Callable[[], int],
        elapsed: Callable[[], float],
        attachment_bytes: int = StoreSettings().attachment_bytes,
    ) -> None:
        self._publish = publish
        self._wakes: list[Callable[[], None]] = []
        self._database = database
        self.store = SqlAlarms(database, self._told)
        self.clock = AlarmClock(now, elapsed, self.store.newest())
        self.outbox = SqlOutbox(database)
        self.plans = SqlPlans(database)
        self.links = SqlLinks(database, self.store)
        self.intake = Intake(self.store, self.clock.now, self.outbox.put)
        self.files = AttachmentFiles(folder, partial(attached, database), attachment_bytes)

    def wakes(self, wake: Callable[[], None]) -> None:
        """Call somebody whenever notifications were written; it must not block."""
        self._wakes.append(wake)

    def wake(self) -> None:
        """Wake whoever waits for notifications."""
        for wake in self._wakes:
            wake()

    def preview(self, silence: Silence, limit: int) -> list[Case]:
        """Return the open cases that a silence would hold back now, were it saved."""
        with self._database.read() as connection:
            return preview(connection, silence, max(silence.starts, self.clock.now()), limit)

    def report(self, family: str, subject: str, actor: str, park: int, place: int, note: str) -> Case:
        """Raise what a person noticed; return its case."""
        now = self.clock.now()
        trigger = report_trigger(family, subject, actor, now, park=park, place=place, device=0, note=note)
        return self.store.trigger([trigger], now)[-1]

    def trim(self, keep: int) -> None:
        """Delete links that ended a day ago, files half written, and messages that ended before `keep` ms; 0: none.

        Cases and their history stay: they are the park's record of what happened.
        """
        now = self.clock.now()
        self.links.trim(now - _DAY)
        self.store.forget_calls(now - 30 * _DAY)
        if keep:
            self.outbox.trim(now - keep)
        self.files.sweep()

    def services(self) -> AlarmServices:
        """Return what the API may touch."""
        return AlarmServices(
            self.store, self.plans, self.links, self.outbox, self.files, self.preview, self.report, on_duty,
            self.clock.now,
        )  # fmt: skip

    def _told(self, cases: Sequence[Case], notified: int) -> None:
        for case in cases:
            body = b'{"type":"alarm","state":"%s","case":%s}' % (case.state.value.encode(), encode(case))
            # Of no known park only a fire concerns everybody; the rest is for keys of every park (api.scope).
            self._publish("alarm", case.park or (0 if case.life else _NO_PARK), body)
        if notified:
            self.wake()


def case_timer(cases: Cases) -> Turning:
    """Return what does, each second, whatever is due."""
    return Turning("alarm timers", (Job(lambda: cases.store.turn(cases.clock.now()), "what is due could not be done"),))
