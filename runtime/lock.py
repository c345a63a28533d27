"""One running instance a data folder."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from park.errors import Conflict, SettingsError


class FolderLock:
    """Holds a data folder for this process until released, or until the process ends however."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, making it if need be.

        Raises Conflict when another instance runs on it, SettingsError when it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as why:
            raise SettingsError(f"the data folder {folder} cannot be written: {why.strerror}") from why
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as why:
            pid = os.pread(self._fd, 20, 0).decode(errors="replace").strip()
            os.close(self._fd)
            by = f" (process {pid})" if pid.isdigit() else ""
            raise Conflict(f"another instance{by} is running on the data folder {folder}") from why
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another instance have the folder; the file stays, since removing it would race."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(folder: Path) -> int:
    """Return the process that runs on a data folder; 0: none."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pid = os.pread(fd, 20, 0).decode(errors="replace").strip()
        return int(pid) if pid.isdigit() else -1
    else:
        return 0
    finally:
        os.close(fd)
