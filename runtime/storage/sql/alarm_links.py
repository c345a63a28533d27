"""One-use links that acknowledge an alarm: 32 random bytes, kept as their digest, good until their end."""

import secrets
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from park.alarms import Act, Case, CaseVerb, TransitionReason
from park.errors import NotFound, UserError
from runtime.storage.sql.alarm_rows import found
from runtime.storage.sql.alarm_writer import CaseWriter
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_alarms import alarm_links

_BYTES = 32
_LONGEST = 100  # characters of a word that is looked at
LASTS_MOST = 7 * 86_400_000  # ms
_GONE = "this link is not valid, or no longer"  # forged, used and over sound alike: nothing is learned


class SqlLinks:
    """park.alarm_ports.Links over a database."""

    def __init__(self, database: Database, alarms: SqlAlarms) -> None:
        self._database = database
        self._alarms = alarms

    def make(self, case: int, actor: str, *, now: int, lasts: int) -> str:
        """Return a new word that acknowledges a case in somebody's name, once. Raises NotFound, UserError."""
        if not actor.strip() or not 0 < lasts <= LASTS_MOST:
            raise UserError("a link is for somebody, and lasts at most seven days")
        word = secrets.token_urlsafe(_BYTES)
        with self._database.write() as connection:
            found(connection, case)
            row = {"digest": _digest(word), "case": case, "actor": actor, "expires": now + lasts}
            connection.execute(insert(alarm_links).values(**row))
        return word

    def show(self, word: str, now: int) -> tuple[Case, str]:
        """Return the case of a word, which stays good, and for whom it is. Raises NotFound."""
        with self._database.read() as connection:
            case, actor = _good(connection, word, now)
            return found(connection, case), actor

    def use(self, word: str, now: int) -> Case:
        """Acknowledge its case and spend the word, or neither. Raises NotFound, Conflict."""
        with self._database.write() as connection:
            case, actor = _good(connection, word, now)
            c = alarm_links.c
            connection.execute(update(alarm_links).where(c.digest == _digest(word)).values(used=now))
            writer = CaseWriter(connection, now)
            done = writer.act(case, Act(CaseVerb.ACKNOWLEDGE, actor, why=TransitionReason.LINK), None)
            writer.flush()
        self._alarms.tell(writer)
        return done

    def trim(self, before: int) -> int:
        """Delete links that ended before a time; return how many."""
        with self._database.write() as connection:
            return int(connection.execute(delete(alarm_links).where(alarm_links.c.expires < before)).rowcount)


def _digest(word: str) -> str:
    return sha256(word.encode()).hexdigest()


def _good(connection: Connection, word: str, now: int) -> tuple[int, str]:
    """Return case and actor of a word that is good. Raises NotFound."""
    c = alarm_links.c
    query = select(c.case, c.actor).where(c.digest == _digest(word[:_LONGEST]), c.used.is_(None), c.expires > now)
    row = connection.execute(query.with_for_update()).first()
    if row is None or len(word) > _LONGEST:
        raise NotFound(_GONE)
    return int(row.case), str(row.actor)
