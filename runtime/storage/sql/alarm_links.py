"""One-use links that acknowledge an alarm: kept as digests, bound to the alarm as it was told, good until their end."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from alerts.lifecycle import worse_than
from park.alarms import Act, Case, CaseVerb, TransitionReason
from park.errors import Conflict, NotFound, UserError
from runtime.storage.sql.alarm_rows import found, transition_of
from runtime.storage.sql.alarm_writer import CaseWriter
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database, upsert
from runtime.storage.sql.tables_alarms import alarm_links, case_transitions

_BYTES = 32
_LONGEST = 100  # characters of a word that is looked at
_LINES = 1_000  # of a history that are looked at for what has become worse
LASTS_MOST = 7 * 86_400_000  # ms
LASTS = 86_400_000  # ms: of links in messages. Who comes a day later looks at the page first
# Whoever has no word of ours learns nothing; who has one is told what became of it.
_GONE = "此链接无效 · this link is not valid"
_USED = "此链接已使用 · this link was used already: it acknowledges once"
_OVER = "此链接已过期 · this link is too old: open the alarm itself"
_WORSE = "情况已加重，请查看最新消息 · it has become worse since this message: read the newest, and answer that"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A link that is about to be sent."""

    word: str
    case: int
    actor: str
    version: int  # of the case that the message tells of


class SqlLinks:
    """park.alarm_ports.Links over a database."""

    def __init__(self, database: Database, alarms: SqlAlarms) -> None:
        self._database = database
        self._alarms = alarms

    def make(self, case: int, actor: str, *, now: int, lasts: int) -> str:
        """Return a new word that acknowledges a case as it is, in somebody's name, once. Raises NotFound, UserError."""
        if not actor.strip() or not 0 < lasts <= LASTS_MOST:
            raise UserError("a link is for somebody, and lasts at most seven days")
        word = secrets.token_urlsafe(_BYTES)
        with self._database.write() as connection:
            version = found(connection, case).version
            row = {"digest": digest(word), "case": case, "actor": actor, "expires": now + lasts, "version": version}
            connection.execute(insert(alarm_links).values(**row))
        return word

    def show(self, word: str, now: int) -> tuple[Case, str]:
        """Return the case of a word, which stays good, and for whom it is. Raises NotFound, Conflict."""
        with self._database.read() as connection:
            return _good(connection, word, now)

    def use(self, word: str, now: int) -> Case:
        """Acknowledge its case and spend the word, or neither. Raises NotFound, Conflict."""
        with self._database.write() as connection:
            case, actor = _good(connection, word, now)
            c = alarm_links.c
            connection.execute(update(alarm_links).where(c.digest == digest(word)).values(used=now))
            writer = CaseWriter(connection, now)
            done = writer.act(case.id, Act(CaseVerb.ACKNOWLEDGE, actor, why=TransitionReason.LINK), None)
            writer.flush()
        self._alarms.tell(writer)
        return done

    def trim(self, before: int) -> int:
        """Delete links that ended before a time; return how many."""
        with self._database.write() as connection:
            return int(connection.execute(delete(alarm_links).where(alarm_links.c.expires < before)).rowcount)


def keep(connection: Connection, links: Sequence[Fresh], now: int) -> None:
    """Keep links that messages carry; those that are known stay as they are: a message is tried again."""
    rows = [
        {"digest": digest(x.word), "case": x.case, "actor": x.actor, "expires": now + LASTS, "version": x.version}
        for x in links
    ]
    if rows:
        connection.execute(upsert(connection, alarm_links).on_conflict_do_nothing(index_elements=["digest"]), rows)


def digest(word: str) -> str:
    """Return what is kept of a word."""
    return sha256(word.encode()).hexdigest()


def _good(connection: Connection, word: str, now: int) -> tuple[Case, str]:
    """Return case and actor of a word that is good. Raises NotFound, Conflict."""
    c = alarm_links.c
    query = select(c.case, c.actor, c.used, c.expires, c.version).where(c.digest == digest(word[:_LONGEST]))
    row = connection.execute(query.with_for_update()).first()
    if row is None or len(word) > _LONGEST:
        raise NotFound(_GONE)
    if row.used is not None:
        raise NotFound(_USED)
    if row.expires <= now:
        raise NotFound(_OVER)
    case = found(connection, int(row.case))
    t = case_transitions.c
    lines = select(t.id, t.body).where(t.case == case.id).order_by(t.id.desc()).limit(_LINES)
    if any(worse_than(transition_of(key, body), row.version) for key, body in connection.execute(lines)):
        raise Conflict(_WORSE)
    return case, str(row.actor)
