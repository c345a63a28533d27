"""Files that last: whole in their place, or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PIECES = 900  # buffers in one gathered write; Linux takes 1,024


@contextmanager
def written_whole(path: Path, draft: Path) -> Iterator[BinaryIO]:
    """Write a draft that takes its place in one step, once all of it is synced; one that fails is deleted.

    `draft` is in the folder of `path`. Raises OSError.
    """
    try:
        with draft.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_all(file: int, pieces: list[bytes], at: int) -> None:
    """Write pieces one behind the other from a place in a file on, few calls for many. Raises OSError."""
    for i in range(0, len(pieces), _PIECES):
        part = pieces[i : i + _PIECES]
        size = sum(map(len, part))
        wrote = os.pwritev(file, part, at)
        if wrote < size:  # rare: a signal, or the last free block
            rest = memoryview(b"".join(part))
            while wrote < size:
                wrote += os.pwrite(file, rest[wrote:], at + wrote)
        at += size


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file's name last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
