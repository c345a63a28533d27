"""How a record lies in a segment file.

```
 position p, a multiple of 8 (so that the columns of a batch are aligned for numpy)
 0  word u32: bit 31 = first record of its append, bits 0..30 = length of the payload
 4  crc32 of (p, word, payload)
 8  payload, zeros up to the next multiple of 8
```
A word of 0 is the end: room set aside, nothing written yet. The position is part of the checksum,
so that a copy of a frame inside a payload, or left over from an older file, is none. Little-endian.
"""

import struct
import zlib
from enum import Enum

import numpy as np

HEAD = 8
MAX_PAYLOAD = 1 << 30  # bytes; a batch is bounded far below
_FIRST = 1 << 31
_FRAME = struct.Struct("<II")
_SEED = struct.Struct("<QI")
_PADS = tuple(bytes(n) for n in range(8))


class Verdict(Enum):
    """What stands at a place in a file."""

    GOOD = "good"
    END = "end"  # nothing was written here yet
    SHORT = "short"  # the bytes at hand stop before the frame does
    BAD = "bad"


def padded(length: int) -> int:
    """Return the size of the frame of a payload, bytes."""
    return HEAD + (length + 7 & ~7)


def frame(payload: bytes, position: int, first: bool) -> tuple[bytes, bytes, bytes]:
    """Return a frame in three pieces, for one gathered write without copying the payload."""
    word = len(payload) | (_FIRST if first else 0)
    return _FRAME.pack(word, _check(payload, position, word)), payload, _PADS[-len(payload) & 7]


def frame_at(block: memoryview, at: int, position: int) -> tuple[Verdict, int]:
    """Judge what stands at `at` of a block, which is `position` of the log.

    The number is the frame's size for GOOD, the size it claims for SHORT, else 0.
    """
    if len(block) - at < HEAD:
        return Verdict.SHORT, HEAD
    word, check = _FRAME.unpack_from(block, at)
    length = word & ~_FIRST
    if word == 0 and check == 0:
        return Verdict.END, 0
    if not 0 < length <= MAX_PAYLOAD:
        return Verdict.BAD, 0
    size = HEAD + (length + 7 & ~7)
    if at + size > len(block):
        return Verdict.SHORT, size
    if _check(block[at + HEAD : at + HEAD + length], position, word) != check:
        return Verdict.BAD, 0
    return Verdict.GOOD, size


def payload_at(block: memoryview, at: int) -> memoryview:
    """Return the payload of the good frame at `at`, not copied."""
    return block[at + HEAD : at + HEAD + (_FRAME.unpack_from(block, at)[0] & ~_FIRST)]


def find_frame(block: memoryview, at: int, position: int, *, first: bool = False) -> int:
    """Return where the next good frame stands (only one that begins an append, if asked), or -1.

    `position` is that of the block's beginning. For what comes after a broken place: vectorised
    over all multiples of 8, since only few of them look like a head.
    """
    words = np.frombuffer(block, "<u4", len(block) // 8 * 2)[::2]
    lengths = words & ~np.uint32(_FIRST)
    starts = np.arange(len(words), dtype=np.int64) * 8
    likely = (lengths > 0) & (lengths <= len(block) - HEAD - starts) & (starts >= at)
    if first:
        likely &= words >= _FIRST
    for start in np.flatnonzero(likely):
        here = int(start) * 8
        if frame_at(block, here, position + here)[0] is Verdict.GOOD:
            return here
    return -1


def _check(payload: bytes | memoryview, position: int, word: int) -> int:
    return zlib.crc32(payload, zlib.crc32(_SEED.pack(position, word)))


def last_whole(content: memoryview, start: int) -> tuple[int, list[tuple[int, int]], bool]:
    """Return where the last whole frame ends, the broken stretches before it, and whether a torn frame follows.

    `start` is the position of the content's first byte. A broken place that is followed by the beginning of
    a later append was synced once: that is no torn tail.
    """
    at = 0
    gaps: list[tuple[int, int]] = []
    while True:
        verdict, size = frame_at(content, at, start + at)
        if verdict is Verdict.GOOD:
            at += size
            continue
        blank = not np.frombuffer(content, np.uint8)[at:].any()
        if blank or find_frame(content, at + 8, start, first=True) < 0:
            return at, gaps, not blank
        after = find_frame(content, at + 8, start)
        gaps.append((at, after))
        at = after
