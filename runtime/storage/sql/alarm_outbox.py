"""The outbox in SQL: notifications that were written with the change they tell of, and how far they are."""

from collections.abc import Sequence

from sqlalchemy import and_, delete, or_, select, tuple_, update

from park.alarms import Delivery, DeliveryState, Notification
from park.errors import Conflict, NotFound, UserError
from runtime.storage.sql.alarm_case_rows import put_notifications
from runtime.storage.sql.alarm_rows import DELIVERY, MOST, delivery_of
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_alarms import outbox

_TEXT = 500  # characters kept of a receipt or of what went wrong
_FAR = 2 * 86_400_000  # ms: nothing waits so long, but for a clock that was wrong when it was written
_WAITS = ("waiting", "sending")


class SqlOutbox:
    """park.alarm_ports.Outbox over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, notifications: Sequence[Notification], now: int) -> int:  # noqa: ARG002 - they carry their times
        """Add notifications that belong to no case; known ids are skipped. Return how many are new."""
        with self._database.write() as connection:
            return put_notifications(connection, notifications)

    def claim(self, now: int, *, lease: int, limit: int = 50, life: bool | None = None) -> list[Delivery]:
        """Take what is due, life safety first, oldest first; nobody else gets it until the lease (ms) ends.

        A claim that was not followed by anything is due again after its lease: at least once.
        """
        o = outbox.c
        due = or_(o.due <= now, o.due > now + _FAR)
        query = select(o.id, *DELIVERY).where(o.state.in_(_WAITS), due)
        if life is not None:
            query = query.where(o.life.is_(life))
        query = query.order_by(o.life.desc(), o.due, o.id).limit(max(1, min(limit, MOST)))
        with self._database.read() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []  # mostly; and then nobody waits for the writer's turn
        with self._database.write() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            keys = [row[0] for row in rows]
            if keys:
                values = {"state": DeliveryState.SENDING.value, "due": now + lease, "attempts": o.attempts + 1}
                connection.execute(update(outbox).where(o.id.in_(keys)).values(**values))
                again = select(o.id, *DELIVERY).where(o.id.in_(keys))
                found = {row[0]: delivery_of(row[1:]) for row in connection.execute(again)}
                return [found[key] for key in keys]
        return []

    def delivered(self, notification: str, receipt: str, now: int) -> None:
        """Write down that a target has it."""
        self._end(notification, DeliveryState.DELIVERED, now, receipt=receipt[:_TEXT], trouble="")

    def later(self, notification: str, due: int, trouble: str) -> None:
        """Try again at a time."""
        o = outbox.c
        values = {"state": DeliveryState.WAITING.value, "due": due, "trouble": trouble[:_TEXT]}
        with self._database.write() as connection:
            which = and_(o.id == notification, o.state.in_(_WAITS))
            connection.execute(update(outbox).where(which).values(**values))

    def dead(self, notification: str, trouble: str, now: int) -> None:
        """Give up; people see it and may send it again."""
        self._end(notification, DeliveryState.DEAD, now, trouble=trouble[:_TEXT])

    def again(self, notification: str, now: int) -> Delivery:
        """Let a dead one wait anew. Raises NotFound, Conflict."""
        o = outbox.c
        with self._database.write() as connection:
            row = connection.execute(select(*DELIVERY).where(o.id == notification).with_for_update()).first()
            if row is None:
                raise NotFound("there is no such notification")
            if row.state != DeliveryState.DEAD.value:
                raise Conflict(f"it is {row.state}, not dead")
            values = {"state": DeliveryState.WAITING.value, "due": now, "ended": None}
            connection.execute(update(outbox).where(o.id == notification).values(**values))
            return delivery_of(connection.execute(select(*DELIVERY).where(o.id == notification)).one())

    def deliveries(
        self, *, case: int = 0, state: str = "", park: int = 0, before: str = "", limit: int = 100
    ) -> list[Delivery]:
        """Return notifications and how far they are, newest first, from past the id `before` on."""
        o = outbox.c
        query = select(*DELIVERY)
        for column, value in ((o.case, case), (o.state, state), (o.park, park)):
            if value:
                query = query.where(column == value)
        with self._database.read() as connection:
            if before:
                created = connection.execute(select(o.created).where(o.id == before)).scalar()
                if created is None:
                    raise UserError(f"{before[:64]!r} is no place to go on from")
                query = query.where(tuple_(o.created, o.id) < tuple_(int(created), before))
            query = query.order_by(o.created.desc(), o.id.desc()).limit(max(1, min(limit, MOST)))
            return [delivery_of(row) for row in connection.execute(query)]

    def waiting(self, now: int) -> tuple[int, int]:
        """Return how many are due now, and the time at which the next is (0: none waits)."""
        o = outbox.c
        with self._database.read() as connection:
            rows = connection.execute(select(o.due).where(o.state.in_(_WAITS)).order_by(o.due).limit(MOST))
            dues = [int(due) for (due,) in rows]
        return sum(due <= now for due in dues), dues[0] if dues else 0

    def trim(self, before: int) -> int:
        """Delete what ended before a time; return how many."""
        o = outbox.c
        with self._database.write() as connection:
            ended = and_(o.ended.is_not(None), o.ended < before, or_(o.state != DeliveryState.DEAD.value, o.case == 0))
            return int(connection.execute(delete(outbox).where(ended)).rowcount)

    def _end(self, notification: str, state: DeliveryState, now: int, **more: str) -> None:
        with self._database.write() as connection:
            values = {"state": state.value, "ended": now, **more}
            connection.execute(update(outbox).where(outbox.c.id == notification).values(**values))
