"""Room that is set aside on a disk for the life-safety log: the blocks of its next segment, while there are some."""

import os
from pathlib import Path

from runtime.lasting import written_whole


class Reserve:
    """A file of blocks in a log's folder."""

    def __init__(self, folder: Path, size: int) -> None:
        """Take how many bytes are wanted; what was being set aside when a process ended is let go of."""
        self.path = folder / "reserve"
        self._draft = folder / "reserve.tmp"
        self._wanted = size
        self._draft.unlink(missing_ok=True)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.path.exists()

    @property
    def size(self) -> int:
        """Bytes that are set aside; 0 when they are in use."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def fill(self) -> str:
        """Set the blocks aside, if the disk has room to spare; return what failed, in a sentence.

        Whatever fails here: what was appended is in the log.
        """
        try:
            disk = os.statvfs(self.path.parent)
            if self._wanted <= 0 or self or disk.f_bavail * disk.f_frsize < 2 * self._wanted:
                return ""
            with written_whole(self.path, self._draft) as out:
                os.fchmod(out.fileno(), 0o640)  # it will be a part of the log
                os.posix_fallocate(out.fileno(), 0, self._wanted)
        except OSError as why:
            return f"no room could be set aside for the life-safety log: {why}"
        return ""
