"""Snapshots of pipelines as files: written whole or not at all, the last two kept.

```
 bulk.00000000000067108000.snapshot     name, log position that it holds
   magic 8 bytes | crc32 of the rest u32 | length of the rest u64 | states (park.wire)
```
"""

import logging
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from park.errors import Corrupt, Full, Unavailable
from park.operator import State
from park.wire import decode_states, encode_states
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
        content = encode_states(states)
        path = self._folder / f"{name}.{position:020d}.snapshot"
        with self._lock:
            try:
                with written_whole(path, path.with_suffix(".draft")) as file:
                    file.write(_HEAD.pack(_MAGIC, zlib.crc32(content), len(content)))
                    file.write(content)
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
    content = path.read_bytes()
    if len(content) < _HEAD.size:
        raise Corrupt("it is cut short")
    magic, check, length = _HEAD.unpack_from(content)
    body = memoryview(content)[_HEAD.size :]
    if magic != _MAGIC or length != len(body) or zlib.crc32(body) != check:
        raise Corrupt("its checksum is wrong")
    return decode_states(bytes(body))
