"""Everything of a data folder in one compressed tar file, taken while it runs, and back.

Taken in the order snapshots, database, time series, journal, logs: a lane's snapshot is saved once what it found
lasts in SQL, and whatever the first four say they have seen is in the logs that come last. So a restored folder
is one that was stopped at that moment. The manifest is the last member: a file that was cut off has none.
The key of links is in none, and a restored folder knows no link or session of before: some were used since, or
closed, or sent to officers who have gone (decision 080). What the broker still holds is the broker's; a device's
message is ours once it is acknowledged.
"""

import contextlib
import gzip
import shutil
import sqlite3
import tarfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import msgspec

from park.errors import Conflict, Corrupt, Full, NotFound, ParkError, UserError
from park.settings import Settings
from runtime import clock
from runtime.lock import FolderLock
from runtime.log import SegmentLog
from runtime.names import ATTACHMENTS, DATABASE, LABELS, REFUSED_EVENTS, SCENARIO, UNTIL
from runtime.storage.duckdb import DuckStore

MANIFEST = "backup.json"
FORMAT = 1
_STAGING = "backup.part"
_SMALL = ("snapshots", "projector")  # folders of files that are written whole and renamed, or only grow
_BESIDE = (SCENARIO, UNTIL, LABELS, REFUSED_EVENTS)  # as they are, where they are
_LEVEL = 1  # of compression: columns shrink as much as with 6, in a third of the time
_NO_BACKUP = (
    tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, msgspec.DecodeError, KeyError, TypeError,
    sqlite3.DatabaseError,
)  # fmt: skip
_TRIES = 3  # files that are renamed while a folder is copied


class Opened(Protocol):
    """What is read of an opened data folder (runtime.house)."""

    settings: Settings
    logs: dict[str, SegmentLog]
    readings: DuckStore


Told = Callable[[float], None]


def write_backup(house: Opened, target: Path, told: Told = lambda _: None) -> int:
    """Write a backup; return its bytes. The file is there when it is whole. Raises Full, Conflict, UserError."""
    folder = house.settings.data_dir
    staging = folder / _STAGING
    part = target.with_name(target.name + ".part")
    try:
        if target.exists():
            raise Conflict(f"{target} exists already")
    except OSError as why:
        raise UserError(f"{target} cannot be written ({why.strerror or why})") from why
    try:
        lock = FolderLock(staging)
    except Conflict as why:
        raise Conflict("a backup of this folder is being taken already") from why
    held = {log: log.begin for log in house.logs.values()}
    try:
        _room(folder, target)
        told(0.0)
        for log, begin in held.items():
            log.hold("backup", begin)
        _copy(folder / "snapshots", staging / "snapshots")
        house.readings.flush()  # with the counts that wait for it: what is copied first must not be a minute behind
        _copy_database(folder / DATABASE, staging / DATABASE)
        told(0.1)
        house.readings.backup(_fresh(staging / "series"), lambda done, whole: told(0.1 + 0.4 * done / max(1, whole)))
        _copy(folder / "projector", staging / "projector")
        part.unlink(missing_ok=True)
        part.touch(0o600)  # it holds everything, the digests of keys too
        with tarfile.open(part, "w:gz", compresslevel=_LEVEL) as tar:
            for name in (DATABASE, "snapshots", "series", "projector"):
                if (staging / name).exists():
                    tar.add(staging / name, name)
            told(0.7)
            # Segments only grow, and tar takes as much as there is when it comes to them.
            tar.add(folder / "log", "log", filter=_kept)
            for name in _BESIDE:
                if (folder / name).exists():
                    tar.add(folder / name, name)
            for file in sorted((folder / ATTACHMENTS).glob("*/*")):  # written before the rows that name them
                if file.suffix != ".part":
                    tar.add(file, file.relative_to(folder))
            (staging / MANIFEST).write_bytes(msgspec.json.encode({"format": FORMAT, "at": clock.now()}))
            tar.add(staging / MANIFEST, MANIFEST)
        part.rename(target)
        size = target.stat().st_size
    except OSError as why:
        raise UserError(f"{target} cannot be written ({why.strerror or why})") from why
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        for log in held:
            log.release("backup")
        shutil.rmtree(staging, ignore_errors=True)
        lock.release()
    told(1.0)
    return size


def read_backup(settings: Settings, source: Path, told: Told = lambda _: None) -> None:
    """Fill an empty or missing data folder from a backup, whole or not at all. Raises UserError, Full."""
    folder = settings.data_dir
    try:
        if not source.is_file():
            raise NotFound(f"there is no file {source}")
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file, not a folder")
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty: a backup is restored into a new folder")
    except OSError as why:
        raise UserError(f"{why.filename or folder} cannot be looked at ({why.strerror or why})") from why
    part = folder.with_name(folder.name + ".restoring")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(0o700, parents=True)
        _unpack(source, part, told)
        form = msgspec.json.decode((part / MANIFEST).read_bytes())["format"]
        if form != FORMAT:
            raise UserError(f"{source} is a backup of format {form}; this program reads {FORMAT}")
        (part / MANIFEST).unlink()
        _forget_words(part / DATABASE)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except ParkError:
        raise
    except _NO_BACKUP as why:
        said = str(why).partition("\n")[0].rstrip(":")
        raise UserError(f"{source} is no backup, or not all of one: {said}") from why
    except OSError as why:
        raise UserError(f"{folder} cannot be written ({why.strerror or why})") from why
    finally:
        shutil.rmtree(part, ignore_errors=True)
    told(1.0)


def _unpack(source: Path, part: Path, told: Told) -> None:
    with tarfile.open(source) as tar:
        members = tar.getmembers()
        if not members or members[-1].name != MANIFEST:
            raise UserError(f"{source} is no backup, or not all of one")
        whole = sum(m.size for m in members)
        if whole > shutil.disk_usage(part).free:
            raise Full(f"{whole / 1e9:.1f} GB are to be restored, and there is less room on the disk of {part.parent}")
        done = 0
        for member in members:
            tar.extract(member, part, filter="data")  # nothing outside, no links that lead there, no devices
            done += member.size
            told(done / max(1, whole))


def _forget_words(database: Path) -> None:
    """Let links and sessions end; an older database may lack either."""
    with closing(sqlite3.connect(database)) as restored, restored:
        there = restored.execute("SELECT name FROM sqlite_master WHERE name IN ('alarm_links', 'sessions')").fetchall()
        for (table,) in there:
            restored.execute(f"DELETE FROM {table}")  # noqa: S608 - one of two names of ours


def _room(folder: Path, target: Path) -> None:
    """See that there is room before an hour is spent. Raises Full."""
    series, logs = (
        sum(f.stat().st_size for f in (folder / name).rglob("*") if f.is_file() and f.name != "reserve")
        for name in ("series", "log")
    )
    copied = series + (folder / DATABASE).stat().st_size
    for place, size in ((folder, copied), (target.parent, copied + logs)):
        if size > shutil.disk_usage(place).free:
            raise Full(f"a backup takes {size / 1e9:.1f} GB, and there is less room on the disk of {place}")


def _copy(source: Path, target: Path) -> None:
    """Copy a folder of small files in which files come and go."""
    for left in range(_TRIES - 1, -1, -1):
        shutil.rmtree(target, ignore_errors=True)
        try:
            if source.exists():
                shutil.copytree(source, target, ignore=_drafts)
        except (shutil.Error, FileNotFoundError) as why:
            if not left:
                raise Corrupt(f"{source.name} cannot be copied: {why}") from why
        else:
            return


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database that is in use (sqlite.org/backup.html)."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out the space that is set aside."""
    return None if Path(member.name).name == "reserve" else member


def _drafts(_folder: str, names: list[str]) -> set[str]:
    """Leave out what is being written."""
    return {name for name in names if name.endswith((".tmp", ".part", ".draft"))}
