"""The rows of cases within one transaction: found and locked, inserted once, written with what belongs to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, text, update

from alerts.escalation import Timer, TimerKind
from park.alarms import Case, DeliveryState, MessageKind, Notification, Transition, Trigger
from runtime.storage.sql.alarm_rows import case_of, encode, row_of
from runtime.storage.sql.database import upsert
from runtime.storage.sql.tables_alarms import case_timers, case_transitions, cases, outbox


@dataclass(frozen=True, slots=True)
class Kept:
    """A case as it lies in its row."""

    case: Case
    path: str = ""
    announced: int = 0  # epoch ms; 0: people have not heard of it
    born: bool = False  # in this transaction


class CaseRows:
    """Cases, their history, timers and notifications over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.notified = 0  # notifications written

    def open(self, told: Trigger) -> Kept | None:
        """Return the open case of a trigger's key, locked until the end of the transaction."""
        c = cases.c
        return self.kept(and_(c.open, c.family == told.family, c.subject == told.subject, c.cause == told.cause))

    def kept(self, which: ColumnElement[bool]) -> Kept | None:
        """Return the case that a condition finds, locked."""
        c = cases.c
        row = self._connection.execute(
            select(c.body, c.path, c.announced).where(which).with_for_update()
        ).first()  # fmt: skip
        return None if row is None else Kept(case_of(row.body), str(row.path), int(row.announced))

    def inserted(self, case: Case, path: str) -> Kept | None:
        """Insert a case; None: its key is taken. Its number is known from here on."""
        c = cases.c
        row = upsert(self._connection, cases).values(**row_of(case, path, 0))
        still = text("open" if self._connection.dialect.name == "postgresql" else "open = 1")
        put = row.on_conflict_do_nothing(index_elements=[c.family, c.subject, c.cause], index_where=still)
        key = self._connection.execute(put.returning(c.id)).scalar()
        return None if key is None else Kept(replace(case, id=int(key)), path, born=True)

    def write(
        self, case: Case, kept: Kept, announced: int, lines: Sequence[Transition], timers: Sequence[Timer],
        gone: set[TimerKind], messages: Sequence[Notification],
    ) -> None:  # fmt: skip
        """Write a case and all that came of it."""
        connection = self._connection
        if case != kept.case or announced != kept.announced or lines:
            connection.execute(update(cases).where(cases.c.id == case.id).values(**row_of(case, kept.path, announced)))
        if lines:
            connection.execute(
                insert(case_transitions),
                [{"case": x.case, "at": x.at, "verb": x.verb.value, "actor": x.actor, "body": encode(x).decode()}
                 for x in lines],
            )  # fmt: skip
        if gone:
            which = and_(case_timers.c.case == case.id, case_timers.c.kind.in_([k.value for k in gone]))
            connection.execute(delete(case_timers).where(which))
        for timer in timers:
            row = upsert(connection, case_timers).values(
                case=case.id, kind=timer.kind.value, due=timer.due, call=timer.call
            )
            put = row.on_conflict_do_update(
                index_elements=["case", "kind"], set_={"due": row.excluded.due, "call": row.excluded.call}
            )
            connection.execute(put)
        self.notified += put_notifications(connection, messages)

    def cancel(self, case: int, now: int) -> None:
        """Take back what an ordinary case still has to say: it is over, or held back."""
        o = outbox.c
        waits = and_(o.case == case, o.state == DeliveryState.WAITING.value, o.life.is_(False))
        kinds = [k.value for k in MessageKind if k is not MessageKind.RETURNED]
        self._connection.execute(
            update(outbox).where(waits, o.kind.in_(kinds)).values(state=DeliveryState.CANCELLED.value, ended=now)
        )


def put_notifications(connection: Connection, messages: Sequence[Notification]) -> int:
    """Add notifications to the outbox; known ids are skipped. Return how many are new."""
    if not messages:
        return 0
    rows = [
        {"id": m.id, "case": m.case, "park": m.park, "target": m.target, "kind": m.kind.value, "life": m.life,
         "state": DeliveryState.WAITING.value, "due": m.not_before, "attempts": 0, "created": m.created,
         "body": encode(m).decode()}
        for m in messages
    ]  # fmt: skip
    put = upsert(connection, outbox).values(rows).on_conflict_do_nothing(index_elements=["id"])
    return len(connection.execute(put.returning(outbox.c.id)).all())
