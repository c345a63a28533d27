"""Snapshots of pipelines in SQL: written by whoever holds the log, whole or not at all, the last two kept.

The content goes in parts, each in a transaction of its own, so that no other writer waits for a hundred megabytes;
the row that makes them a snapshot comes last. It is packed as it is made, and one at a time of a lane in a process:
a worker that holds eight partitions would need gigabytes for all of them at once.
"""

import hashlib
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import delete, insert, select

from park.errors import Corrupt, MachineryError
from park.operator import State
from park.wire import decode_states, write_states
from runtime import log_marks
from runtime.lean import give_back
from runtime.log_marks import LogMarks, Mark, Messages
from runtime.partition_pipeline import knew_nothing
from runtime.storage.sql.assignments import Held
from runtime.storage.sql.tables_city import snapshot_parts, snapshots

_KEPT = 2  # the newest, and one to fall back on
_PART = 8 << 20  # bytes of a row: PostgreSQL holds a value about five times in memory on its way
_MOST = 1 << 30  # bytes of a snapshot, unpacked
_CODEC: Final = "zstd"  # a fifth of the size at a third of zlib's time on our arrays
_log = logging.getLogger(__name__)


class SqlSnapshots:
    """park.ports.SnapshotStore of one log, under its epoch."""

    def __init__(
        self,
        held: Held,
        part: int = _PART,
        turn: AbstractContextManager[object] | None = None,
        marks: Callable[[int], Sequence[Mark]] = lambda _position: (),
    ) -> None:
        """Keep snapshots of a log; `part` is how many bytes go into a row, `turn` is held while one is packed.

        `marks` gives those of the log for a position, and they are kept beside the snapshot.
        """
        self.notices: list[str] = []  # of snapshots that were passed over, broken or empty
        self._held, self._part, self._turn, self._marks = held, part, turn or nullcontext(), marks
        self._database = held.database

    def save(self, name: str, position: int, states: Mapping[str, State]) -> None:
        """Write a snapshot; forget all but the last two. Raises Superseded, Unavailable, MachineryError."""
        give_back()  # the copy that is to be packed was made beside what is free in pieces
        with self._turn:
            packed, size = _packed(states)
        if size > _MOST:
            raise MachineryError(f"the snapshot {name} would have {size} bytes; {_MOST} are the most")
        c, p, epoch = snapshots.c, snapshot_parts.c, self._held.epoch
        mine = (p.name == name) & (p.position == position) & (p.epoch == epoch)
        with self._database.write() as connection:
            connection.execute(delete(snapshot_parts).where(mine))  # of a try that broke off
        cuts = range(0, len(packed), self._part)
        for number, at in enumerate(cuts):
            body = bytes(packed[at : at + self._part])
            row = {"name": name, "position": position, "epoch": epoch, "part": number, "body": body}
            with self._database.write() as connection:
                connection.execute(insert(snapshot_parts), row)
        whole = {
            "name": name, "position": position, "epoch": epoch, "parts": len(cuts), "size": size,
            "digest": hashlib.sha256(packed).hexdigest(), "marks": log_marks.packed(self._marks(position)),
        }  # fmt: skip
        with self._database.write() as connection:
            connection.execute(delete(snapshots).where(c.name == name, c.position == position))
            connection.execute(insert(snapshots), whole)
            # What stands beyond it was made of a log that is gone: the newest is the one that was written last.
            connection.execute(delete(snapshots).where(c.name == name, c.position > position))
            kept = select(c.position).where(c.name == name).order_by(c.position.desc()).limit(_KEPT)
            rows = connection.execute(kept).scalars().all()
            connection.execute(delete(snapshots).where(c.name == name, c.position.not_in(rows)))
            living = select(c.epoch).where(c.name == p.name, c.position == p.position, c.epoch == p.epoch).exists()
            connection.execute(delete(snapshot_parts).where(p.name == name, ~living))

    def load(self, name: str) -> tuple[int, dict[str, dict[str, Any]]] | None:
        """Return the newest snapshot that can be read, or None; a broken one is passed over and told."""
        c = snapshots.c
        with self._database.read() as connection:
            rows = connection.execute(select(snapshots).where(c.name == name).order_by(c.position.desc())).all()
        for row in rows:
            try:
                with self._turn:
                    return row.position, self._content(name, row.position, row.epoch, row.parts, row.size, row.digest)
            except Corrupt as why:
                notice = f"snapshot {name} of {row.position} is passed over: {why}"
                _log.warning("%s", notice)
                self.notices = [*self.notices[-99:], notice]
                with self._database.write() as connection:  # so that it does not stand for one of the last two
                    connection.execute(delete(snapshots).where(c.name == name, c.position == row.position))
        return None

    def oldest(self, name: str) -> int:
        """Return the position of the oldest snapshot kept (0: none)."""
        c = snapshots.c
        query = select(c.position).where(c.name == name).order_by(c.position.desc()).limit(_KEPT)
        with self._database.read() as connection:
            kept = connection.execute(query).scalars().all()
        # One alone has nothing to fall back on but the log from its beginning.
        return int(kept[-1]) if len(kept) >= _KEPT else 0

    def _content(
        self, name: str, position: int, epoch: int, parts: int, size: int, digest: str
    ) -> dict[str, dict[str, Any]]:
        p = snapshot_parts.c
        query = select(p.body).where(p.name == name, p.position == position, p.epoch == epoch).order_by(p.part)
        with self._database.read() as connection:
            bodies = [bytes(body) for body in connection.execute(query).scalars()]
        packed = b"".join(bodies)
        if len(bodies) != parts or hashlib.sha256(packed).hexdigest() != digest or not 0 < size <= _MOST:
            raise Corrupt("its checksum is wrong")
        try:
            content = pa.CompressedInputStream(pa.BufferReader(packed), _CODEC).read(size)
        except (OSError, ValueError, pa.ArrowInvalid) as why:
            raise Corrupt(f"it cannot be unpacked: {why}") from why
        states = decode_states(content)
        if position and knew_nothing(states):
            raise Corrupt("its stages knew nothing of the log behind them")
        return states


def known_of(held: Held, messages: Messages, end: int, sound: int) -> tuple[LogMarks, int]:
    """Return what is known of a log, and how far it is still the log that its snapshots were made of.

    `end` is where it ends, `sound` how far somebody else found it to be so. Raises Unavailable.
    """
    c = snapshots.c
    mine = select(c.marks).where(c.name.in_((held.stream, f"store-{held.stream}")))
    with held.database.read() as connection:
        kept = connection.execute(mine).scalars().all()
    marks = sorted({mark for content in kept for mark in log_marks.unpacked(content)})
    changed = log_marks.sound(marks, messages)
    through = min(end, sound, end if changed is None else changed)
    return LogMarks([mark for mark in marks if mark[0] <= through]), through


class _Packing(io.RawIOBase):
    """A file that packs what is written to it."""

    def __init__(self) -> None:
        self.size = 0
        self._packed = pa.BufferOutputStream()
        self._packing = pa.CompressedOutputStream(self._packed, _CODEC)

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, content: Any) -> int:
        """Take some bytes."""
        piece = memoryview(content).cast("B")
        self._packing.write(piece)
        self.size += len(piece)
        return len(piece)

    def packed(self) -> memoryview:
        """Return everything, packed."""
        self._packing.close()
        return memoryview(self._packed.getvalue())


def _packed(states: Mapping[str, State]) -> tuple[memoryview, int]:
    """Return states packed, and how many bytes they have unpacked."""
    file = _Packing()
    write_states(states, file)  # type: ignore[arg-type]  # what numpy asks of a file, it has
    return file.packed(), file.size
