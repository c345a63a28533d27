"""What only one process of many does: who does it keeps saying so, and the others take over once it falls silent.

```
 waiting ── nothing said for `patience`, by our own clock ──> take: epoch + 1 ──> holding ── said each second ──┐
    ^                                                                                │   a row of another epoch │
    └────────────────────────────────────────────── lost <───────────────────────────┴──────────────────────────┘
```
Who cannot do the work well offers it: he goes on, and whoever can takes it at once.
Nobody's wall clock is compared with another's: who waits watches whether the row changes. Who was paused and wakes
finds a higher epoch, and what he still tries to write is refused within its own transaction (`assignments.Held`).
"""

from collections.abc import Callable

from sqlalchemy import select, update

from park.errors import MachineryError
from runtime.storage.sql.assignments import Held, take
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_city import assignments


class Leadership:
    """One process' view of one row of `assignments`. It belongs to one thread."""

    def __init__(
        self,
        database: Database,
        name: str,
        owner: str,
        *,
        now: Callable[[], int],
        elapsed: Callable[[], float],
        patience: float,
    ) -> None:
        """`patience` (s) is how long a holder may be silent: several of its turns, and a restart of the database."""
        self.held: Held | None = None
        self.holder = ""  # who holds it, as seen in the newest turn
        self._database = database
        self._name = name
        self._owner = owner
        self._now = now
        self._elapsed = elapsed
        self._patience = patience
        self._seen: object = None  # the row as another left it
        self._since = 0.0

    def turn(self, *, able: bool = True) -> Held | None:
        """Say that we hold it, or take it where its holder is silent; return what we hold. Raises MachineryError.

        While the database is away who holds goes on holding: nobody else can take it. Who is not `able` offers what
        he holds, and takes only what nobody does.
        """
        if self.held is not None and not self._said(self.held, able=able):
            self.held = None
        if self.held is None and self._silent(able=able):
            self.held = take(self._database, self._name, self._owner, self._now())
            self.holder = self._owner
        return self.held

    def give(self) -> None:
        """Let go, so that the next need not wait; where the database is away it will have to."""
        held, self.held, self._seen = self.held, None, None
        if held is not None:
            c = assignments.c
            mine = update(assignments).where(c.stream == self._name, c.epoch == held.epoch)
            try:
                with self._database.write() as connection:
                    connection.execute(mine.values(owner=""))
            except MachineryError:
                return

    def _said(self, held: Held, *, able: bool) -> bool:
        c = assignments.c
        mine = update(assignments).where(c.stream == self._name, c.epoch == held.epoch)
        owner = self._owner if able else ""
        with self._database.write() as connection:
            # A counter, not a time: two turns within a millisecond are two.
            there = bool(connection.execute(mine.values(taken=c.taken + 1, owner=owner)).rowcount)
        if not there:
            held.lost.set()
        return there

    def _silent(self, *, able: bool) -> bool:
        c = assignments.c
        before, self._seen = self._seen, None  # a database that is away says nothing of who is alive
        with self._database.read() as connection:
            row = connection.execute(select(c.epoch, c.owner, c.taken).where(c.stream == self._name)).first()
        self.holder = row.owner if row is not None else ""
        if row is None or (able and not row.owner):
            return True
        self._seen = tuple(row)
        if self._seen != before:
            self._since = self._elapsed()
        return self._elapsed() - self._since >= self._patience
