"""A lane's log and snapshots read by a process that they do not belong to: nothing is opened to be written.

The owner may append, trim and replace meanwhile: what is read ends where it ended when reading began.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from park.errors import Corrupt, Unavailable
from park.records import Record
from park.wire import decode
from runtime.frames import Verdict, find_frame, frame_at, payload_at
from runtime.storage.snapshots import read_snapshot

_BLOCK = 4 << 20  # bytes read at once
_LANE = "lane"  # key of the runner's own part of a snapshot


@dataclass(frozen=True, slots=True)
class _Segment:
    start: int
    path: Path


class LogReading:
    """One lane's log as it is now."""

    def __init__(self, folder: Path) -> None:
        """Look at a folder of segments. Raises Unavailable where there is none."""
        self.notices: list[str] = []
        self._segments = [_Segment(int(p.stem), p) for p in sorted(folder.glob("[0-9]*.log"))]
        if not self._segments:
            raise Unavailable(f"there is no log in {folder}")
        self.begin = self._segments[0].start
        last = self._segments[-1]
        self.end = last.start + last.path.stat().st_size  # room set aside is read as the end that it is

    def read(self, position: int) -> Iterator[tuple[int, Record]]:
        """Yield (position after it, record) from a position on. Raises Unavailable for what is gone."""
        for n, segment in enumerate(self._segments):
            stop = self._segments[n + 1].start if n + 1 < len(self._segments) else self.end
            if stop > position:
                yield from self._records(segment, max(position, segment.start), stop)

    def _records(self, segment: _Segment, position: int, stop: int) -> Iterator[tuple[int, Record]]:
        try:
            fd = os.open(segment.path, os.O_RDONLY)
        except FileNotFoundError as why:
            raise Unavailable("the log was trimmed meanwhile; try again") from why
        try:
            while position < stop:
                reached = position
                for after, payload in _block(fd, segment.start, position, stop):
                    yield after, decode(payload)
                    reached = after
                position = reached if reached > position else self._after_broken(fd, segment, position, stop)
        finally:
            os.close(fd)

    def _after_broken(self, fd: int, segment: _Segment, position: int, stop: int) -> int:
        """Return where records go on behind a place that is none; `stop`: there are no more."""
        rest = memoryview(os.pread(fd, stop - position, position - segment.start))
        at = find_frame(rest, 8, position)
        if at >= 0:
            self.notices.append(f"{segment.path.name}: {at} bytes cannot be read")
        return stop if at < 0 else position + at


def _block(fd: int, start: int, position: int, stop: int) -> Iterator[tuple[int, memoryview]]:
    want = min(_BLOCK, stop - position)
    while True:
        block = memoryview(os.pread(fd, want, position - start))
        at = 0
        while at < len(block):
            verdict, size = frame_at(block, at, position + at)
            if verdict is not Verdict.GOOD:
                break
            yield position + at + size, payload_at(block, at)
            at += size
        short = at == 0 and verdict is Verdict.SHORT and want < size <= stop - position
        if not short:
            return
        want = size  # one record larger than a block


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot of a lane."""

    position: int
    tick: int  # log time that it holds, epoch ms
    states: dict[str, dict[str, Any]]


def snapshots_of(folder: Path, name: str) -> list[Saved]:
    """Return a lane's snapshots that can be read, the newest first."""
    found = []
    for path in sorted(folder.glob(f"{name}.*.snapshot"), reverse=True):
        try:
            states = read_snapshot(path)
            found.append(Saved(int(path.name.split(".")[-2]), int(states[_LANE]["tick"]), states))
        except (Corrupt, OSError, KeyError):
            continue  # replaced meanwhile, or broken: the next
    return found
