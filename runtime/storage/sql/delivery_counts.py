"""How many messages wait, and how many died within a day, by channel: counted where they lie."""

from collections.abc import Mapping

from sqlalchemy import and_, case, func, or_, select

from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_targets import holding
from runtime.storage.sql.tables_delivery import dispatches

GONE = "gone"  # the channel of targets that are no more
_WAITS = ("waiting", "sending")
_DAY = 86_400_000  # ms


def standing(database: Database, now: int) -> Mapping[str, tuple[int, int]]:
    """Return (waiting, dead within a day) of each channel that there is a target of, or a message. MachineryError."""
    d = dispatches.c
    dead = and_(d.state == "dead", d.ended > now - _DAY)
    with database.read() as connection:
        targets = {t.name: t.channel.value for t in holding(connection)}
        waits = case((d.state.in_(_WAITS), 1), else_=0)
        query = select(d.target, func.sum(waits), func.count()).where(or_(d.state.in_(_WAITS), dead)).group_by(d.target)
        found = dict.fromkeys(targets.values(), (0, 0))
        for name, waiting, both in connection.execute(query):
            channel = targets.get(name, GONE)
            before = found.get(channel, (0, 0))
            found[channel] = (before[0] + int(waiting), before[1] + int(both) - int(waiting))
    return found
