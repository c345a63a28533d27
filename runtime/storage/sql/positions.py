"""How far each consumer of a log has come, committed together with what it made of it."""

from sqlalchemy import Connection, select

from runtime.storage.sql.database import upsert
from runtime.storage.sql.tables import applied

EVENTS, QUARANTINE, LEDGER = "events", "quarantine", "ledger"


def reached(connection: Connection, consumer: str, stream: str) -> int:
    """Return the position through which a consumer has taken a log; 0: nothing yet."""
    query = select(applied.c.position).where(applied.c.consumer == consumer, applied.c.lane == stream)
    return int(connection.execute(query).scalar() or 0)


def reach(connection: Connection, consumer: str, stream: str, position: int) -> None:
    """Set how far a consumer has come."""
    row = upsert(connection, applied).values(consumer=consumer, lane=stream, position=position)
    connection.execute(row.on_conflict_do_update(index_elements=["consumer", "lane"], set_={"position": position}))
