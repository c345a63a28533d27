"""Where the projector cut a log into chunks, and what it decided of late rows in each.

Stores skip what they have by position, and parts of rollups add up: so a chunk that is made again after
a crash must end where it ended, and leave out what it left out. An entry is synced before any store
sees its chunk.

```
 entry: start i64 | end i64 | n u32, decisions | crc32 u32 of all of it | bits, 8 a byte
```
"""

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from park.errors import Full, Unavailable
from park.readings import Bool
from runtime.lasting import written_whole
from runtime.log import NO_ROOM

_ENTRY = struct.Struct("<qqII")
_SEED = struct.Struct("<qqI")


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk's bounds, and for each of its late rows, in order, whether it was known already."""

    start: int
    position: int  # after its last record
    known: Bool


class Cuts(Protocol):
    """The cuts of one log since its oldest snapshot."""

    def after(self, position: int) -> list[Cut]:
        """Return the cuts beyond a position, rising."""

    def append(self, cut: Cut) -> None:
        """Write a cut so that it lasts, unless it is there. Raises Full, Unavailable; then it is not."""

    def forget(self, position: int) -> None:
        """Drop the cuts up to a position: no snapshot is older."""

    def close(self) -> None:
        """Release what is held."""


class Journal:
    """The cuts of one lane since the oldest snapshot, in one small file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".draft").unlink(missing_ok=True)
        content = path.read_bytes() if path.exists() else b""
        self._cuts, size = _decoded(content)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        os.ftruncate(self._fd, size)  # an entry that was being written when the machine stopped
        self._size = size

    def after(self, position: int) -> list[Cut]:
        """Return the cuts beyond a position, rising."""
        return [cut for cut in self._cuts if cut.position > position]

    def append(self, cut: Cut) -> None:
        """Write and sync a cut, unless it is there. Raises Full, Unavailable; then it is not."""
        if self._cuts and cut.position <= self._cuts[-1].position:
            return
        entry = _encoded(cut)
        try:
            if os.pwrite(self._fd, entry, self._size) != len(entry):
                raise Full(f"no room for {self._path}")
            os.fdatasync(self._fd)
        except OSError as why:
            os.ftruncate(self._fd, self._size)
            if why.errno in NO_ROOM:
                raise Full(f"no room for {self._path}") from why
            raise Unavailable(f"{self._path} cannot be written: {why}") from why
        self._size += len(entry)
        self._cuts.append(cut)

    def forget(self, position: int) -> None:
        """Drop the cuts up to a position: no snapshot is older."""
        kept = self.after(position)
        if len(kept) == len(self._cuts):
            return
        content = b"".join(_encoded(cut) for cut in kept)
        with written_whole(self._path, self._path.with_suffix(".draft")) as file:
            file.write(content)
        os.close(self._fd)
        self._fd = os.open(self._path, os.O_RDWR)
        self._size, self._cuts = len(content), kept

    def close(self) -> None:
        """Release the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def journals_in(folder: Path) -> Callable[[str], Journal]:
    """Return what opens the journal of a log in a folder."""
    return lambda stream: Journal(folder / f"{stream}.journal")


def _encoded(cut: Cut) -> bytes:
    bits = np.packbits(cut.known).tobytes()
    check = zlib.crc32(bits, zlib.crc32(_SEED.pack(cut.start, cut.position, len(cut.known))))
    return _ENTRY.pack(cut.start, cut.position, len(cut.known), check) + bits


def _decoded(content: bytes) -> tuple[list[Cut], int]:
    """Return the whole entries of a file, and where they end."""
    cuts: list[Cut] = []
    at = 0
    while at + _ENTRY.size <= len(content):
        start, position, n, _ = _ENTRY.unpack_from(content, at)
        end = at + _ENTRY.size + (n + 7) // 8
        bits = np.frombuffer(content[at + _ENTRY.size : end], np.uint8)
        if end > len(content):
            break
        cut = Cut(start, position, np.unpackbits(bits, count=n).astype(np.bool_))
        if _encoded(cut) != content[at:end]:
            break
        cuts.append(cut)
        at = end
    return cuts, at
