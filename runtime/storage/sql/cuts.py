"""Where a log's chunks were cut and what was decided of their late rows, in SQL: written before any store sees a chunk.

What the file of one machine (runtime.journal) does, and the fence of a city besides: whoever lost the log cannot
write its next cut, so no store that knows of no epochs (InfluxDB) is ever given a chunk that the new holder does
not make alike.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from runtime.journal import Cut
from runtime.storage.sql import positions
from runtime.storage.sql.assignments import Held
from runtime.storage.sql.tables import applied
from runtime.storage.sql.tables_city import cuts, snapshot_parts, snapshots

SERIES = "series"  # consumer: the store of time series


class SqlJournal:
    """runtime.journal.Cuts of one log, under its epoch."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._newest = 0  # position of the newest cut

    def after(self, position: int) -> list[Cut]:
        """Return the cuts beyond a position, rising."""
        c = cuts.c
        query = select(cuts).where(c.stream == self._held.stream, c.position > position).order_by(c.position)
        with self._held.database.read() as connection:
            rows = connection.execute(query).all()
        found = [Cut(r.start, r.position, _bits(bytes(r.bits), r.decisions)) for r in rows]
        self._newest = max([self._newest, *(cut.position for cut in found)])
        return found

    def append(self, cut: Cut) -> None:
        """Write a cut, unless it is there. Raises Superseded, Unavailable; then it is not."""
        if cut.position <= self._newest:
            return
        row = {
            "stream": self._held.stream, "position": cut.position, "start": cut.start, "decisions": len(cut.known),
            "bits": np.packbits(cut.known).tobytes(),
        }  # fmt: skip
        with self._held.database.write() as connection:
            connection.execute(insert(cuts), row)
        self._newest = cut.position

    def forget(self, position: int) -> None:
        """Drop the cuts up to a position: no snapshot is older."""
        c = cuts.c
        with self._held.database.write() as connection:
            connection.execute(delete(cuts).where(c.stream == self._held.stream, c.position <= position))

    def close(self) -> None:
        """Release nothing: the database is another's."""


def fit(held: Held, end: int, names: Sequence[str], newest: int = 0) -> bool:
    """Bring what is written down of a log to where it ends; return whether that had to be. Raises MachineryError.

    `end` is where the log ends that something was made of, `newest` where it ends by now, if it grew again.

    Stores skip what they have by position, so a log that gives positions out again must not be believed to be the
    one before. One that ends a little early has lost its newest records (a machine that lost power): what stands
    beyond the end is forgotten, also of events: what is told at such a position now was not told before. One that
    ends before the older snapshot was made anew: all of it is, but for what was latched and learned. The newest
    snapshot is put before the first record, and knows the registry, which the new log may not. (Of events it stays:
    by it whoever reads them notices that they are told from the beginning, runtime.told_reading.)
    """
    stream = held.stream
    s, c, a = snapshots.c, cuts.c, applied.c
    told = (a.lane == stream) & (a.consumer == positions.EVENTS)
    mine = (a.lane == stream) & a.consumer.in_((positions.LEDGER, positions.QUARANTINE, SERIES))
    known = a.consumer.in_((positions.LEDGER, positions.QUARANTINE, SERIES, positions.EVENTS))
    with held.database.write() as connection:
        reached = connection.execute(select(func.max(a.position)).where(a.lane == stream, known)).scalar() or 0
        kept = connection.execute(select(s.position).where(s.name.in_(names))).scalars().all()
        if max([reached, *kept]) <= end:
            return False
        through = end if not kept or min(kept) <= end else 0
        if through:
            connection.execute(delete(snapshots).where(s.name.in_(names), s.position > through))
            connection.execute(update(applied).where(told, a.position > through).values(position=through))
        else:
            for name in names:
                _put_first(connection, name)
            # Whoever reads the events can see no more that the log ends before them.
            connection.execute(update(applied).where(told, a.position <= newest).values(position=0))
        connection.execute(delete(cuts).where(c.stream == stream, c.position > through))
        connection.execute(update(applied).where(mine, a.position > through).values(position=through))
    return True


def _put_first(connection: Connection, name: str) -> None:
    """Put the newest snapshot of a name before the first record of its log; forget the others."""
    s, p = snapshots.c, snapshot_parts.c
    newest = select(s.position, s.epoch).where(s.name == name).order_by(s.position.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is None or not row.position:
        return
    connection.execute(delete(snapshots).where(s.name == name, s.position != row.position))
    others = (p.position != row.position) | (p.epoch != row.epoch)
    connection.execute(delete(snapshot_parts).where(p.name == name, others))
    connection.execute(update(snapshots).where(s.name == name).values(position=0, marks=None))
    connection.execute(update(snapshot_parts).where(p.name == name).values(position=0))


class SqlPositions:
    """How far logs last in a store of time series; see runtime.storage.influx_store.Positions."""

    def __init__(self, held: Held) -> None:
        self._database = held.database

    def read(self, stream: str) -> int:
        """Return the position, 0 before the first."""
        with self._database.read() as connection:
            return positions.reached(connection, SERIES, stream)

    def write(self, stream: str, position: int) -> None:
        """Keep it. Raises Superseded, Unavailable."""
        with self._database.write() as connection:
            positions.reach(connection, SERIES, stream, position)


def _bits(content: bytes, count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.unpackbits(np.frombuffer(content, np.uint8), count=count).astype(np.bool_)
