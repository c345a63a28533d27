"""Sessions of ours that hold locks and say nothing: who waits for one of them has it ended.

PostgreSQL ends a transaction that lies open (`idle_in_transaction_session_timeout`), but not everywhere. A process
that was stopped between statements which its driver sends together is waited for as "active"; one that was stopped
behind them is waited for without a bound, since psycopg asks for what is outstanding once more (Flush) after the end
(Sync), and PostgreSQL stops its clock at each word that comes. Both are seen from outside: they wrote, and are silent.
"""

from contextlib import suppress

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

HOLDER = 3  # s that who holds a log may be silent within a transaction: a fire waits behind it
WRITER = 15  # s for anybody else who wrote; on a busy machine a process may be off its core for long

# Class 55: an object is not in the state that is asked for; of those it is the lock that did not come in time.
_WAITED = "55P03"

# Who has a transaction's number wrote, or locked a row. COPY is one word that may last; a statement's bound ends it.
_SILENT = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity AS session"
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    " AND wait_event = 'ClientRead' AND (state LIKE 'idle in transaction%' OR state = 'active')"
    " AND NOT (state = 'active' AND query ILIKE 'COPY%')"
    " AND EXISTS (SELECT 1 FROM pg_locks AS mine"
    "  WHERE mine.pid = session.pid AND mine.granted AND mine.locktype = 'transactionid')"
    " AND state_change < clock_timestamp() - make_interval(secs => CASE WHEN state = 'active' OR EXISTS ("
    "  SELECT 1 FROM pg_locks AS held WHERE held.pid = session.pid AND held.granted"
    "  AND held.relation = to_regclass('assignments') AND held.mode <> 'AccessShareLock'"
    " ) THEN :holder ELSE :writer END)"
).bindparams(holder=HOLDER, writer=WRITER)


def end_sleepers(engine: Engine, why: DBAPIError) -> None:
    """Where a lock did not come in time, end who sleeps on one: the next try goes.

    What they wrote is taken back; they are told once they wake.
    """
    if getattr(why.orig, "sqlstate", None) == _WAITED:
        with suppress(DBAPIError, NoConnection), engine.begin() as connection:
            connection.execute(_SILENT)
