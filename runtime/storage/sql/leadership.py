"""What only one process of many does: who does it keeps saying so, and the others take over once it falls silent.

```
 waiting ── nothing said for `patience`, by our own clock ──> take: epoch + 1 ──> holding ── said each second ──┐
    ^                                                                                │   a row of another epoch │
    └────────────────────────────────────────────── lost <───────────────────────────┴──────────────────────────┘
```
Who cannot do the work well offers it: he goes on, and whoever can takes it at once.
Nobody's wall clock is compared with another's: who waits watches whether the row changes. Who was paused and wakes
finds a higher epoch, and what he still tries to write is refused within its own transaction (`assignments.Held`).
Those transactions lock the epoch's row, and in a storm of them it is never free: so what is said each second stands
in a row of its own (`signs`), which only who says it and who takes over ever lock.
"""

from collections.abc import Callable

from sqlalchemy import Row, Select, select, update

from park.errors import MachineryError
from runtime.storage.sql.assignments import Held, raised
from runtime.storage.sql.database import Database, upsert
from runtime.storage.sql.tables_city import signs

Sign = tuple[int, str, int]  # epoch, owner, how often it was said


class Leadership:
    """One process' view of what only one does. It belongs to one thread."""

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
        self._seen: Sign | None = None  # as another left it
        self._since = 0.0

    def turn(self, *, able: bool = True) -> Held | None:
        """Say that we hold it, or take it where its holder is silent; return what we hold. Raises MachineryError.

        While the database is away who holds goes on holding: nobody else can take it. Who is not `able` offers what
        he holds, and takes only what nobody does.
        """
        # A program of before there were signs takes it without one: only its epoch tells.
        if self.held is not None and (self.held.lost.is_set() or not self._said(self.held, able=able)):
            self.held = None
        if self.held is None and self._silent(able=able):
            self.held = self._taken()
            self._seen = None
        return self.held

    def give(self) -> None:
        """Let go, so that the next need not wait; where the database is away it will have to."""
        held, self.held, self._seen = self.held, None, None
        if held is not None:
            try:
                self._say(held, "")
            except MachineryError:
                return

    def _said(self, held: Held, *, able: bool) -> bool:
        there = self._say(held, self._owner if able else "")
        if not there:
            held.lost.set()
        return there

    def _say(self, held: Held, owner: str) -> bool:
        c = signs.c
        mine = update(signs).where(c.name == self._name, c.epoch == held.epoch)
        with self._database.write() as connection:
            # A counter, not a time: two turns within a millisecond are two.
            return bool(connection.execute(mine.values(said=c.said + 1, owner=owner)).rowcount)

    def _silent(self, *, able: bool) -> bool:
        before, self._seen = self._seen, None  # a database that is away says nothing of who is alive
        now = sign_of(self._database, self._name)
        self._seen, self.holder = now, now[1] if now is not None else ""
        if now is None or (able and not self.holder):
            return True
        if now != before:
            self._since = self._elapsed()
        return self._elapsed() - self._since >= self._patience

    def _taken(self) -> Held | None:
        """Take it if its sign is what was seen: who spoke meanwhile is alive, and who took it was quicker."""
        with self._database.write() as connection:
            now = _sign(connection.execute(_signs(self._name).with_for_update()).first())
            if now != self._seen:
                self.holder = now[1] if now is not None else ""
                return None
            epoch = raised(connection, self._name, self._owner, self._now())
            mine = {"epoch": epoch, "owner": self._owner, "said": 0}
            row = upsert(connection, signs).values(name=self._name, **mine)
            connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=mine))
        self.holder = self._owner
        return Held(self._database, self._name, epoch)


def sign_of(database: Database, name: str) -> Sign | None:
    """Return what the holder of something said last; None: it never had one. Raises MachineryError."""
    with database.read() as connection:
        return _sign(connection.execute(_signs(name)).first())


def _signs(name: str) -> Select[tuple[int, str, int]]:
    return select(signs.c.epoch, signs.c.owner, signs.c.said).where(signs.c.name == name)


def _sign(row: Row[tuple[int, str, int]] | None) -> Sign | None:
    return (row.epoch, row.owner, row.said) if row is not None else None
