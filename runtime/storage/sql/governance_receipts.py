"""When the messages of a drill arrived, from what delivery wrote down."""

from sqlalchemy import select

from park.alarms import DeliveryState
from park.governance import Drill
from runtime.storage.sql.database import Database, among
from runtime.storage.sql.tables_alarms import outbox
from runtime.storage.sql.tables_delivery import dispatches


def receipts_of(database: Database, drill: Drill, id_of: dict[str, int]) -> list[tuple[int, int]]:
    """Return (device, when) of each receiver that has a message of a drill; `id_of` names its messages."""
    d, o = dispatches.c, outbox.c
    arrived = DeliveryState.DELIVERED.value
    with database.read() as connection:
        spread = select(d.notification, d.ended).where(d.state == arrived, d.ended.is_not(None))
        rows = list(among(connection, spread, d.notification, id_of))
        told = {row[0] for row in rows}
        # A worker that takes from the outbox itself writes there when somebody has it.
        whole = select(o.id, o.ended).where(o.state == arrived, o.ended.is_not(None), o.receipt != "")
        rows += list(among(connection, whole, o.id, id_of.keys() - told))
    return [(id_of[key], int(at)) for key, at in rows if drill.began is not None and at >= drill.began]
