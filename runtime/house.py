"""A data folder with everything in it opened: the stores that all rooms share, and nothing that runs.

```
 data folder/  park.db            registry, events, cases of quarantine, ledger, keys (SQLite)
               log/life, log/bulk the segment logs
               snapshots/         states of the pipelines
               series/            time series (DuckDB files by day)
               lock  instance.json  who runs on it
```
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from api.services import Component, Services
from park.errors import Unavailable, UserError
from park.metrics import Lane
from park.records import Config
from park.settings import Settings
from runtime import clock
from runtime.live import LiveBuffer
from runtime.lock import FolderLock
from runtime.log import SegmentLog
from runtime.loss import WholeLedger
from runtime.storage.duckdb import DuckStore
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.keys import SqlKeys
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.registry import SqlRegistry

DATABASE = "park.db"


def derived_points(config: Config) -> set[int]:
    """Return the points whose readings the stages make: use of registers, people inside."""
    made = {d.device for d in config.devices if d.kind == "zone_counter"}
    return {p.point for p in config.points if p.source or p.device in made}


class Gateways:
    """The gateway of each point, for the store's count by gateway; -1 for derived points. Follows the registry."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry
        self._version = -1
        self._column: NDArray[np.int32] = np.zeros(1, np.int32)

    def __call__(self) -> NDArray[np.int32]:
        """Return gateway numbers by point number."""
        version = self._registry.version
        if version != self._version:
            config = self._registry.config_since(0, 0)
            derived = derived_points(config)
            gateway = {d.device: d.gateway for d in config.devices}
            column = np.zeros(1 + max((p.point for p in config.points), default=0), np.int32)
            for p in config.points:
                column[p.point] = -1 if p.point in derived else gateway.get(p.device, 0)
            self._column, self._version = column, version
        return self._column


class House:
    """The opened stores of one data folder; holds its lock while open."""

    def __init__(self, settings: Settings, resources: ExitStack) -> None:
        """Open everything; what was opened is closed in reverse by `resources`."""
        folder = settings.data_dir
        self.settings = settings
        self._resources = resources
        self.database = Database.open(folder / DATABASE)
        resources.callback(self.database.close)
        self.registry = SqlRegistry(self.database)
        self.events = SqlEvents(self.database)
        self.quarantine = SqlQuarantine(self.database)
        self.ledger = SqlLedger(self.database)
        self.keys = SqlKeys(self.database)
        self.logs = {lane: SegmentLog(folder / "log" / lane, settings.log, lane) for lane in Lane}
        for log in self.logs.values():
            resources.callback(log.close)
        self.snapshots = FileSnapshots(folder / "snapshots")
        self.readings = DuckStore(folder / "series", settings.store, Gateways(self.registry))
        resources.callback(self.readings.close)
        self.live = LiveBuffer(settings.api, clock.now())

    @classmethod
    def open(cls, settings: Settings, first: Callable[[], None] | None = None) -> Self:
        """Open a data folder, making it where there is none. Raises UserError and MachineryError.

        `first` is called when the folder is ours and nothing in it is open yet.
        """
        make_folder(settings.data_dir)
        resources = ExitStack()
        try:
            resources.enter_context(FolderLock(settings.data_dir))
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
            "ledger": WholeLedger(self.ledger, self.readings, self.logs),
        }  # fmt: skip
        return Services(
            registry=self.registry, readings=self.readings, events=self.events, quarantine=self.quarantine,
            live=self.live, keys=self.keys, now=clock.now, require_keys=require_keys, settings=self.settings.api,
            **(resting | verbs),
        )  # fmt: skip

    def close(self) -> None:
        """Close everything, newest first."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _nobody_runs(*_: object) -> NoReturn:
    raise Unavailable("no instance runs on this folder; start one with `park run`")


def make_folder(folder: Path) -> None:
    """Make a data folder that can be written. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write"
        probe.touch()
        probe.unlink()
    except OSError as why:
        raise UserError(f"the data folder {folder} cannot be written ({why.strerror})") from why


@contextmanager
def open_keys(settings: Settings) -> Iterator[SqlKeys]:
    """Open the table of keys alone; it may be shared with a running instance."""
    make_folder(settings.data_dir)
    database = Database.open(settings.data_dir / DATABASE)
    try:
        yield SqlKeys(database)
    finally:
        database.close()
