"""A data folder with everything in it opened: the stores that all rooms share, and nothing that runs.

```
 data folder/  park.db            registry, events, cases of quarantine, ledger, keys (SQLite)
               log/life, log/bulk the segment logs
               snapshots/         states of the pipelines
               series/            time series (DuckDB files by day)
               lock  instance.json  who runs on it
```
"""

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn, Self
from uuid import uuid4

from api.services import Component, Services
from park.errors import UserError
from park.metrics import Lane
from park.settings import Settings
from runtime import clock
from runtime.backup import write_backup
from runtime.doors import make_folder
from runtime.gateways import Gateways
from runtime.live import LiveBuffer
from runtime.lock import FolderLock
from runtime.log import SegmentLog
from runtime.loss import WholeLedger
from runtime.names import ATTACHMENTS, DATABASE, LINK_KEY, OUTGOING
from runtime.sql_house import SqlHouse
from runtime.start_room import make_room
from runtime.storage.duckdb import DuckStore
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger_waiting import WaitingLedger


class House(SqlHouse):
    """The opened stores of one data folder; holds its lock while open."""

    def __init__(self, settings: Settings, resources: ExitStack) -> None:
        """Open everything; what was opened is closed in reverse by `resources`."""
        folder = settings.data_dir
        self._resources = resources
        database = Database.open(folder / DATABASE)
        resources.callback(database.close)
        super().__init__(settings, database, folder / ATTACHMENTS, time.monotonic, folder / LINK_KEY)
        resources.callback(self.delivery.close)
        # What of a log cannot be read is passed over and told: a platform that does not start hears no fire.
        self.logs: dict[str, SegmentLog] = {
            lane: SegmentLog(folder / "log" / lane, settings.log, lane, skip_corrupt=True) for lane in Lane
        }
        for log in self.logs.values():
            resources.callback(log.close)
        self.snapshots = FileSnapshots(folder / "snapshots")
        self.ledger: WaitingLedger = WaitingLedger(self.database)
        gateways = Gateways(self.registry)
        self.readings: DuckStore = DuckStore(
            folder / "series", settings.store, gateways.column, first=self.ledger.flush
        )  # fmt: skip
        resources.callback(self.readings.close)
        for stream, log in self.logs.items():
            log.skip_to(self._seen(stream))
        self.live = LiveBuffer(settings.api, clock.now())

    def _seen(self, stream: str) -> int:
        """Return the greatest position of a log that anybody has seen: a log that ends before it has lost some.

        Stores skip what they have by position; a log that gave positions out again would be skipped.
        """
        return max(
            self.events.applied(stream), self.quarantine.kept(stream), self.ledger.reached(stream),
            self.readings.position(stream), *(self.snapshots.newest(name) for name in (stream, f"store-{stream}")),
        )  # fmt: skip

    @classmethod
    def open(cls, settings: Settings, first: Callable[[], None] | None = None) -> Self:
        """Open a data folder, making it where there is none. Raises UserError and MachineryError.

        `first` is called when the folder is ours and nothing in it is open yet.
        """
        make_folder(settings.data_dir)
        resources = ExitStack()
        try:
            resources.enter_context(FolderLock(settings.data_dir))
            shutil.rmtree(settings.data_dir / OUTGOING, ignore_errors=True)  # of those who were cut off
            make_room(settings.data_dir)
            if first is not None:
                first()
            return cls(settings, resources)
        except BaseException:
            resources.close()
            raise

    def services(self, *, require_keys: bool, **verbs: Any) -> Services:
        """Return what the API may touch; the verbs of a running instance replace those that need one."""
        resting: dict[str, Any] = {
            "submit": _nobody_runs, "retry": _nobody_runs, "claim": _nobody_runs,
            "components": lambda: (Component("platform", ready=False, detail="no instance runs on this folder"),),
            "figures": tuple,
            "backup": self.backup,
            "readings_export": self.readings_export,
            "ledger": WholeLedger(self.ledger, self.readings, self.logs),
        }  # fmt: skip
        return self.served(require_keys=require_keys, bands=self.readings, **(resting | verbs))

    def backup(self) -> Path:
        """Write everything into a new file in the folder, and return its path."""
        path = self._outgoing("tar.gz")
        write_backup(self, path)
        return path

    def readings_export(self, start: int, end: int) -> Path:
        """Write the readings of a time into a new Parquet file in the folder, and return its path."""
        path = self._outgoing("parquet")
        self.readings.export_parquet(start, end, path)
        return path

    def _outgoing(self, ending: str) -> Path:
        """Return a new name for a file that is given out and deleted."""
        folder = self.settings.data_dir / OUTGOING
        folder.mkdir(exist_ok=True)
        return folder / f"{uuid4().hex}.{ending}"


def _nobody_runs(*_: object) -> NoReturn:
    raise UserError("no instance runs on this data folder; start one with `park run`")
