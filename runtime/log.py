"""The segment log: append-only files that an acknowledgement waits for.

```
 folder/00000000000000000000.log   positions 0 .. 67108000          sealed: exactly as long as its records
        00000000000067108000.log   positions 67108000 .. end        being written; room set aside behind `end`
        reserve                    life-safety lane: the next segment, should the disk be full
```
A position is the number of bytes ever appended before it. One writer, any number of readers. One
gathered write and one fdatasync an append; what was not synced when the machine stopped is cut off
at the next open. Retention never passes what a consumer still holds.
"""

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from park.errors import Corrupt, Full, Unavailable
from park.metrics import Lane
from park.records import Record
from park.settings import LogSettings
from park.wire import decode, encode
from runtime.frames import MAX_PAYLOAD, Verdict, find_frame, frame, frame_at, last_whole, padded, payload_at
from runtime.lasting import sync_folder, write_all
from runtime.reserve import Reserve

_BLOCK = 1 << 20  # bytes a reader takes at once: large enough to be cheap, small enough to let go of
_STEP = 8 << 20  # bytes set aside on disk at a time, so that a full disk is met early and whole
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_SUCH_CALL = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENOSYS}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Segment:
    start: int
    path: Path


class SegmentLog:
    """One lane's log in one folder; see park.ports.Log."""

    def __init__(
        self, folder: Path, settings: LogSettings, lane: Lane = Lane.BULK, *, skip_corrupt: bool = False,
        until: int | None = None,
    ) -> None:  # fmt: skip
        """Open or begin a log. Raises Corrupt unless told to skip what cannot be read.

        `until`: only read what stands before a position that the writer, another process, says is synced.
        """
        self.lane = lane
        self.notices: list[str] = []  # what a person should hear about the files: cut tails, skipped bytes
        self.damage = ""  # what of it cannot be read, in words without paths; "" for nothing
        self._folder = folder
        self._settings = settings
        self._skip = skip_corrupt
        self._grown = threading.Condition()  # guards the segments, the end and the holds
        self._writing = threading.Lock()
        self._holds: dict[str, int] = {}
        self._allowed = 0
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        self._reserve = Reserve(folder, settings.reserve_bytes)
        self._segments = self._found()
        self._fd = -1
        self._allocated = 0  # bytes of the last file that are set aside
        if until is not None:
            self._end = until
            return
        if self._segments:
            self._fd = os.open(self._segments[-1].path, os.O_RDWR)
            self._end = self._recover(self._segments[-1])
            self._take_back()
        else:
            self._end = 0
            self._begin_segment(0)
        if lane is Lane.LIFE:
            self._set_reserve()

    # ── what may be asked ────────────────────────────────────────────────────────────────────────

    @property
    def begin(self) -> int:
        """Position of the oldest record kept."""
        with self._grown:
            return self._segments[0].start

    @property
    def end(self) -> int:
        """Position after the newest record that is synced."""
        return self._end

    @property
    def reserve(self) -> int:
        """Bytes set aside for the life-safety lane; 0 when they are in use."""
        return self._reserve.size

    def wait(self, position: int, timeout: float) -> bool:
        """Sleep until there is something after a position; tell whether there is."""
        with self._grown:
            self._grown.wait_for(lambda: self._end > position or self._closed, timeout)
            return self._end > position

    def read(self, position: int, end: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield (position after it, record) from a position on, to `end` or the end as it is now.

        Arrays are read-only views of the blocks that were read. Segments that are trimmed while
        they are being read stay readable. Raises Corrupt, naming file and offset, unless told to skip.
        """
        for after, payload in self._payloads(position, self._end if end is None else min(end, self._end)):
            try:
                record = decode(payload)
            except Corrupt as why:
                if not self._skip:
                    raise
                self._lost(f"the record before {after} was skipped: {why}", "a record")
                continue
            yield after, record

    # ── appending ────────────────────────────────────────────────────────────────────────────────

    def append(self, records: Sequence[Record]) -> int:
        """Write and sync records; return the position after the last.

        Raises Full when there is no room and Unavailable when the disk fails: then nothing of it is
        in the log, and the same records may be appended again.
        """
        payloads = [encode(record) for record in records]
        if any(len(payload) > MAX_PAYLOAD for payload in payloads):
            raise ValueError("a record of more than 1 GiB")
        with self._writing:
            if not payloads:
                return self._end
            remedies = iter((self._let_go, self._use_reserve))
            while True:
                try:
                    return self._append(payloads)
                except Full:
                    if not any(remedy() for remedy in remedies):  # each is tried once, up to one that helps
                        raise

    def _append(self, payloads: list[bytes]) -> int:
        total = sum(padded(len(payload)) for payload in payloads)
        try:
            size = self._end - self._segments[-1].start
            if size and size + total > max(self._settings.segment_bytes, self._reserved_size()):
                self._take_back()
                self._begin_segment(self._end)
            self._allocate(total)
            self._write(payloads)
            os.fdatasync(self._fd)
        except OSError as why:
            # After a failed sync the kernel may have forgotten the pages: cut, and write anew.
            with contextlib.suppress(OSError):  # a file system that became read-only
                self._take_back()
            if why.errno in NO_ROOM:
                raise Full(f"no room for the log in {self._folder}") from why
            raise Unavailable(f"the log in {self._folder} cannot be written: {why}") from why
        with self._grown:
            self._end += total
            self._grown.notify_all()
        if self.lane is Lane.LIFE and not self._reserve:
            self._set_reserve()
        return self._end

    def _write(self, payloads: list[bytes]) -> None:
        position = self._end
        pieces: list[bytes] = []
        for i, payload in enumerate(payloads):
            pieces += frame(payload, position, i == 0)
            position += padded(len(payload))
        write_all(self._fd, pieces, self._end - self._segments[-1].start)

    def _allocate(self, total: int) -> None:
        """Set room aside before writing, so that an append is whole or not at all."""
        size = self._end - self._segments[-1].start
        if size + total <= self._allocated:
            return
        wanted = max(size + total, min(size + total + _STEP, self._settings.segment_bytes))
        for target in (wanted, size + total):
            try:
                os.posix_fallocate(self._fd, self._allocated, target - self._allocated)
            except OSError as why:
                if why.errno in _NO_SUCH_CALL:
                    return
                if why.errno not in NO_ROOM or target == size + total:
                    raise
            else:
                self._allocated = target
                return

    def _take_back(self) -> None:
        """Cut the last file to what is synced."""
        size = self._end - self._segments[-1].start
        os.ftruncate(self._fd, size)
        self._allocated = size

    def _begin_segment(self, start: int, made_of: Path | None = None) -> None:
        path = self._folder / f"{start:020d}.log"
        if made_of is not None:
            made_of.rename(path)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        sync_folder(self._folder)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._allocated = os.fstat(fd).st_size
        with self._grown:
            if not self._segments or self._segments[-1].start != start:
                self._segments.append(_Segment(start, path))
            else:  # the newest was empty
                self._segments[-1] = _Segment(start, path)
        self._drop(self._settings.keep_bytes)

    def skip_to(self, position: int) -> None:
        """Go on at a later position: what stood before it has been lost, and others have seen it.

        Positions rise for ever; a log that gave one out twice would have its records taken for old ones.
        """
        with self._writing:
            position = -(-position // 8) * 8  # where frames can begin
            if position <= self._end:
                return
            lost = position - self._end
            self._take_back()
            newest = self._segments[-1]
            if self._end == newest.start:
                newest.path.unlink()
                with self._grown:
                    self._segments.pop()
            with self._grown:
                self._end = position
            self._begin_segment(position)
            self._lost(f"{self._folder}: {lost} bytes before position {position} are gone", f"{lost} bytes")

    # ── room set aside for life safety ───────────────────────────────────────────────────────────

    def _reserved_size(self) -> int:
        """Let a segment that was the reserve use all of its room."""
        return self._allocated if self.lane is Lane.LIFE else 0

    def _set_reserve(self) -> None:
        if failed := self._reserve.fill():
            self._tell(failed)

    def _use_reserve(self) -> bool:
        """Go on in the blocks that were set aside: freed, they would go to whoever writes first."""
        if self.lane is not Lane.LIFE or not self._reserve:
            return False
        self._take_back()
        try:
            self._begin_segment(self._end, made_of=self._reserve.path)
        except OSError as why:
            self._tell(f"the room set aside cannot be used: {why}")
            return False
        self._tell("the disk is full: the life-safety log goes on in the room set aside for it")
        return True

    # ── retention ────────────────────────────────────────────────────────────────────────────────

    def hold(self, consumer: str, position: int) -> None:
        """Keep everything from a position on for a consumer, until it says otherwise."""
        with self._grown:
            self._holds[consumer] = position

    def release(self, consumer: str) -> None:
        """Keep nothing for a consumer any more."""
        with self._grown:
            self._holds.pop(consumer, None)

    def trim(self, position: int) -> None:
        """Allow everything before a position to go; it does once `keep_bytes` are exceeded."""
        with self._grown:
            self._allowed = max(self._allowed, position)
        self._drop(self._settings.keep_bytes)

    def _let_go(self) -> bool:
        """Give up all history that nobody needs; tell whether there was any."""
        return self._drop(keep_bytes=0)

    def _drop(self, keep_bytes: int) -> bool:
        dropped = False
        with self._grown:
            limit = min([self._allowed, *self._holds.values()])
            while (
                len(self._segments) > 1
                and self._segments[1].start <= limit
                and self._end - self._segments[1].start >= keep_bytes
            ):
                self._segments.pop(0).path.unlink(missing_ok=True)
                dropped = True
        return dropped

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def _payloads(self, position: int, end: int) -> Iterator[tuple[int, memoryview]]:
        while position < end:
            segment, stop, fd = self._open_at(position)
            stop = min(stop, end)
            try:
                while position < stop:
                    position = yield from self._block(fd, segment, position, stop)
            finally:
                os.close(fd)

    def _block(
        self, fd: int, segment: _Segment, position: int, stop: int
    ) -> Generator[tuple[int, memoryview], None, int]:
        """Yield the payloads of one block; return the position after them."""
        want = min(_BLOCK, stop - position)
        while True:
            block = memoryview(os.pread(fd, want, position - segment.start))
            at, size, verdict = 0, 0, Verdict.END
            while at < len(block):
                verdict, size = frame_at(block, at, position + at)
                if verdict is not Verdict.GOOD:
                    break
                yield position + at + size, payload_at(block, at)
                at += size
            if at:
                return position + at
            if verdict is Verdict.SHORT and want < size <= stop - position:
                want = size  # one record larger than a block
                continue
            return self._broken(segment, position, stop)

    def _broken(self, segment: _Segment, position: int, stop: int) -> int:
        """Return where reading can go on, if that is wished. Raises Corrupt."""
        offset = position - segment.start
        if not self._skip:
            raise Corrupt(f"{segment.path} is broken at byte {offset}")
        block = memoryview(segment.path.read_bytes())[: stop - segment.start]
        at = find_frame(block, offset + 8, segment.start)
        after = stop if at < 0 else segment.start + at
        lost = after - position
        self._lost(f"{segment.path}: {lost} bytes skipped at byte {offset}", f"{lost} bytes")
        return after

    def _open_at(self, position: int) -> tuple[_Segment, int, int]:
        """Return the segment that holds a position, where it ends, and the file, open."""
        with self._grown:
            if position < self._segments[0].start:
                begin = self._segments[0].start
                raise Corrupt(f"{self._folder}: records before {begin} are gone, {position} was asked")
            starts = [s.start for s in self._segments]
            i = sum(start <= position for start in starts) - 1
            stop = starts[i + 1] if i + 1 < len(starts) else self._end
            segment = self._segments[i]
            return segment, stop, os.open(segment.path, os.O_RDONLY)

    # ── opening ──────────────────────────────────────────────────────────────────────────────────

    def _found(self) -> list[_Segment]:
        segments = [_Segment(int(path.stem), path) for path in sorted(self._folder.glob("[0-9]*.log"))]
        for this, after in pairwise(segments):
            if this.start + this.path.stat().st_size < after.start:
                why = f"{this.path} ends before {after.path.name} begins"
                if not self._skip:
                    raise Corrupt(why)
                self._tell(why)  # who reads across it will say so
        return segments

    def _recover(self, segment: _Segment) -> int:
        """Return the position after the last whole record of the newest file. Raises Corrupt for broken places."""
        content = memoryview(segment.path.read_bytes())
        at, gaps, torn = last_whole(content, segment.start)
        for begin, end in gaps:
            if not self._skip:
                raise Corrupt(f"{segment.path} is broken at byte {begin}")
            self._lost(f"{segment.path}: {end - begin} bytes skipped at byte {begin}", f"{end - begin} bytes")
        if torn:
            self._tell(f"{segment.path}: a record that was being written when the machine stopped was cut at byte {at}")
        return segment.start + at

    def close(self) -> None:
        """Give back the room set aside in the last file, and release it."""
        with self._writing, self._grown:
            if self._closed:
                return
            self._closed = True
            self._grown.notify_all()
            if self._fd >= 0:
                self._take_back()
                os.close(self._fd)

    def _lost(self, notice: str, what: str) -> None:
        """Tell of something that cannot be read, once."""
        if notice not in self.notices:
            self._tell(notice)
        self.damage = f"part of its log cannot be read and is passed over ({what})"

    def _tell(self, notice: str) -> None:
        _log.warning("%s", notice)
        self.notices = [*self.notices[-99:], notice]
