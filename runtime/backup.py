"""Everything of a data folder in one tar file, taken while it runs, and back.

Taken in the order database, snapshots, time series, logs: whatever the first three say they have seen is in
the logs that come last, so a restored folder is one that was stopped at that moment.
"""

import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import msgspec

from park.errors import Conflict, Corrupt, UserError
from park.metrics import Lane
from park.settings import Settings
from runtime import clock
from runtime.log import SegmentLog
from runtime.names import DATABASE, SCENARIO, UNTIL
from runtime.storage.duckdb import DuckStore

MANIFEST = "backup.json"
FORMAT = 1


class Opened(Protocol):
    """What is read of an opened data folder (runtime.house)."""

    settings: Settings
    logs: dict[Lane, SegmentLog]
    readings: DuckStore


Told = Callable[[float], None]


def write_backup(house: Opened, target: Path, told: Told = lambda _: None) -> int:
    """Write a backup beside what it is taken from; return its bytes. Raises Full, Conflict."""
    folder = house.settings.data_dir
    staging = folder / "backup.part"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    held = {log: log.begin for log in house.logs.values()}
    for log, begin in held.items():
        log.hold("backup", begin)
    try:
        _copy_database(folder / DATABASE, staging / DATABASE)
        told(0.1)
        shutil.copytree(folder / "snapshots", staging / "snapshots", dirs_exist_ok=True, ignore=_gone)
        told(0.2)
        house.readings.backup(staging / "series", lambda done, whole: told(0.2 + 0.4 * done / max(1, whole)))
        shutil.copytree(folder / "log", staging / "log", ignore=shutil.ignore_patterns("reserve"))
        for name in (SCENARIO, UNTIL):
            if (folder / name).exists():
                shutil.copy2(folder / name, staging / name)
        (staging / MANIFEST).write_bytes(msgspec.json.encode({"format": FORMAT, "at": clock.now()}))
        told(0.7)
        with tarfile.open(target, "x") as tar:
            tar.add(staging, ".")
    except FileExistsError as why:
        raise Conflict(f"{target} exists already") from why
    finally:
        for log in held:
            log.hold("backup", log.end)
        shutil.rmtree(staging, ignore_errors=True)
    told(1.0)
    return target.stat().st_size


def read_backup(settings: Settings, source: Path, told: Told = lambda _: None) -> None:
    """Fill an empty or missing data folder from a backup, whole or not at all. Raises UserError, Corrupt."""
    folder = settings.data_dir
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: a backup is restored into a new folder")
    part = folder.with_name(folder.name + ".restoring")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with tarfile.open(source) as tar:
            members = tar.getmembers()
            for i, member in enumerate(members):
                tar.extract(member, part, filter="data")  # nothing outside, no links, no devices
                told(0.9 * (i + 1) / len(members))
        form = msgspec.json.decode((part / MANIFEST).read_bytes()).get("format")
    except (OSError, tarfile.TarError, msgspec.DecodeError) as why:
        shutil.rmtree(part, ignore_errors=True)
        raise Corrupt(f"{source} cannot be read as a backup: {why}") from why
    if form != FORMAT:
        shutil.rmtree(part, ignore_errors=True)
        raise UserError(f"{source} is a backup of format {form}; this program reads {FORMAT}")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    told(1.0)


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database that is in use (sqlite.org/backup.html)."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _gone(folder: str, names: list[str]) -> set[str]:
    """Leave out what is being written."""
    return {name for name in names if not (Path(folder) / name).exists() or name.endswith((".tmp", ".part"))}
