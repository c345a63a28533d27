"""Snapshots of pipelines as files: written whole or not at all, the last two kept.

```
 bulk.00000000000067108000.snapshot     name, log position that it holds
   magic 8 bytes | crc32 of the rest u32 | length of the rest u64 | states (park.wire)
```
"""

import io
import logging
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from park.errors import Corrupt, Full, Unavailable
from park.operator import State
from park.wire import decode_states, write_states
from runtime.lasting import written_whole
from runtime.log import NO_ROOM

_MAGIC = b"parksnp1"
_HEAD = struct.Struct("<8sIQ")
_KEPT = 2  # the newest, and one to fall back on
_log = logging.getLogger(__name__)


class FileSnapshots:
    """Snapshots in one folder; see park.ports.SnapshotStore."""

    def __init__(self, folder: Path) -> None:
        self.notices: list[str] = []  # broken snapshots that were passed over
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for draft in folder.glob("*.draft"):
            draft.unlink(missing_ok=True)

    def save(self, name: str, position: int, states: Mapping[str, State]) -> None:
        """Write, sync and rename a snapshot; forget all but the last two. Raises Full, Unavailable."""
        path = self._folder / f"{name}.{position:020d}.snapshot"
        with self._lock:
            try:
                with written_whole(path, path.with_suffix(".draft")) as file:
                    file.write(bytes(_HEAD.size))
                    body = _Body(file)  # as it is made: a city's lane has half a gigabyte, beside its copy of the state
                    write_states(states, body)  # type: ignore[arg-type]  # what numpy asks of a file, it has
                    file.seek(0)
                    file.write(_HEAD.pack(_MAGIC, body.check, body.size))
            except OSError as why:
                if why.errno in NO_ROOM:
                    raise Full(f"no room for a snapshot in {self._folder}") from why
                raise Unavailable(f"a snapshot cannot be written to {self._folder}: {why}") from why
            for _, old in self._kept(name)[_KEPT:]:
                old.unlink(missing_ok=True)

    def load(self, name: str) -> tuple[int, dict[str, dict[str, Any]]] | None:
        """Return the newest snapshot that can be read, or None; a broken one is set aside and told."""
        with self._lock:
            for position, path in self._kept(name):
                try:
                    return position, read_snapshot(path)
                except (Corrupt, OSError) as why:
                    notice = f"snapshot {path} is passed over: {why}"
                    _log.warning("%s", notice)
                    self.notices = [*self.notices[-99:], notice]
                    path.rename(path.with_name(f"{name}.broken"))  # one is kept, to be looked at
        return None

    def any(self, name: str) -> bool:
        """Tell whether there is a snapshot."""
        with self._lock:
            return bool(self._kept(name))

    def newest(self, name: str) -> int:
        """Return the position of the newest snapshot there is, readable or not (0: none)."""
        with self._lock:
            return self._kept(name)[0][0] if self._kept(name) else 0

    def oldest(self, name: str) -> int:
        """Return the position of the oldest snapshot kept (0: none)."""
        with self._lock:
            kept = self._kept(name)
        # One alone has nothing to fall back on but the log from its beginning.
        return kept[-1][0] if len(kept) >= _KEPT else 0

    def _kept(self, name: str) -> list[tuple[int, Path]]:
        """Return positions and files, newest first."""
        found = [(int(p.name.split(".")[-2]), p) for p in self._folder.glob(f"{name}.*.snapshot")]
        return sorted(found, reverse=True)


def read_snapshot(path: Path) -> dict[str, dict[str, Any]]:
    """Return the states of a snapshot's file. Raises Corrupt, OSError."""
    with path.open("rb", buffering=0) as file:  # a buffer would make one more copy of half a gigabyte
        head, body = file.read(_HEAD.size), file.readall()
    if len(head) < _HEAD.size:
        raise Corrupt("it is cut short")
    magic, check, length = _HEAD.unpack(head)
    if magic != _MAGIC or length != len(body) or zlib.crc32(body) != check:
        raise Corrupt("its checksum is wrong")
    return decode_states(body)


class _Body(io.RawIOBase):
    """What is written into a file behind its head, which tells of it: its checksum and length."""

    def __init__(self, file: BinaryIO) -> None:
        self.check = self.size = 0
        self._file = file

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, content: Any) -> int:
        """Take some bytes."""
        piece = memoryview(content).cast("B")
        self._file.write(piece)
        self.check = zlib.crc32(piece, self.check)
        self.size += len(piece)
        return len(piece)
