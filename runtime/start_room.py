"""Room for a start on a disk that is full: taken from what is set aside for the life-safety log.

A database that is opened needs a few pages of its own (SQLite: the files -wal and -shm). Without them there is no
start, and a platform that does not start hears no fire; with less set aside, its log goes on from memory the sooner.
"""

import logging
import os
from pathlib import Path

from park.metrics import Lane

ROOM = 16 << 20  # bytes: a write-ahead log of 1,000 pages (SQLite's wal_autocheckpoint), four times
_log = logging.getLogger(__name__)


def make_room(folder: Path) -> None:
    """Give back up to half of what a data folder has set aside, if its disk has too little for a start."""
    disk = os.statvfs(folder)
    lacks = ROOM - disk.f_bavail * disk.f_frsize
    reserve = folder / "log" / Lane.LIFE / "reserve"
    try:
        size = reserve.stat().st_size
        if lacks > 0 and size:
            os.truncate(reserve, max(size - lacks, size // 2))
            _log.error("the disk is full: %d kB of the room set aside are used to start", min(lacks, size // 2) >> 10)
    except FileNotFoundError:
        return  # there is none: of a new folder, or in use already
    except OSError as why:
        _log.error("the disk is full, and the room set aside cannot be used: %s", why)
