"""Who holds a log: an epoch that rises with every change, and a database that refuses whoever held it before.

A worker that was paused and wakes up still believes that a partition is its own. Each of its transactions asks
first, under a lock that whoever takes over has to wait for: so nothing of it is written after the new one began.
"""

from collections.abc import Callable
from threading import Event
from typing import Any

from sqlalchemy import Connection, func, select

from park.errors import Superseded
from runtime.storage.sql.database import Database, upsert
from runtime.storage.sql.sleepers import HOLDER
from runtime.storage.sql.tables_city import assignments


class Held:
    """One log under one epoch."""

    def __init__(self, database: Database, stream: str, epoch: int) -> None:
        self.stream = stream
        self.epoch = epoch
        self.lost = Event()  # set once we know that somebody else has it
        self.database = database.guarded(self._check)

    def _check(self, connection: Connection) -> None:
        said: list[Any] = [assignments.c.epoch]
        # A worker that is stopped in the middle of a transaction holds its row's lock; whoever takes over waits for no
        # longer (postgresql.org, runtime-config-client). With the same word: each is a way there and back.
        if connection.dialect.name == "postgresql":
            said.append(func.set_config("idle_in_transaction_session_timeout", f"{HOLDER}s", True))
        row = select(*said).where(assignments.c.stream == self.stream).with_for_update(read=True)
        newest = connection.execute(row).scalar()
        if newest != self.epoch:
            self.lost.set()
            raise Superseded(f"{self.stream} was taken over: its epoch is {newest}, ours was {self.epoch}")

    def still(self) -> bool:
        """Tell whether it is still ours. Raises MachineryError."""
        with self.database.read() as connection:
            row = select(assignments.c.epoch).where(assignments.c.stream == self.stream)
            if connection.execute(row).scalar() != self.epoch:
                self.lost.set()
        return not self.lost.is_set()


def take(database: Database, stream: str, owner: str, now: int, wanted: Callable[[], bool] = lambda: True) -> Held:
    """Take a log over from whoever has it, if that is still wanted once the database answers. Raises MachineryError."""
    with database.write() as connection:
        if not wanted():  # a wire may have been cut for long: whoever has it by now would be deaf for seconds
            raise Superseded(f"{stream} is not wanted any more")
        epoch = raised(connection, stream, owner, now)
    return Held(database, stream, epoch)


def raised(connection: Connection, stream: str, owner: str, now: int) -> int:
    """Give out the next epoch of a log; return it."""
    row = upsert(connection, assignments).values(stream=stream, epoch=1, owner=owner, taken=now)
    change = {"epoch": assignments.c.epoch + 1, "owner": owner, "taken": now}
    taken = row.on_conflict_do_update(index_elements=["stream"], set_=change).returning(assignments.c.epoch)
    return int(connection.execute(taken).scalar_one())


def holders(database: Database) -> dict[str, tuple[int, str, int]]:
    """Return (epoch, owner, since when in epoch ms) of each log."""
    c = assignments.c
    with database.read() as connection:
        rows = connection.execute(select(c.stream, c.epoch, c.owner, c.taken).order_by(c.stream))
        return {stream: (epoch, owner, taken) for stream, epoch, owner, taken in rows}
