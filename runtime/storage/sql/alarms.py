"""Cases in SQL: what people do about alarms. See park.alarm_ports.AlarmStore."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, or_, select

from alerts.escalation import LONGEST, Timer, TimerKind
from alerts.gate import BLIND
from alerts.lifecycle import act as would
from park.alarm_ports import CaseFilter, Hidden
from park.alarms import Act, Attachment, Case, CaseVerb, Transition, Trigger
from park.errors import Conflict
from runtime.attachments import EACH
from runtime.storage.sql.alarm_held import Holding, inhibiting, released
from runtime.storage.sql.alarm_rows import (
    ATTACHMENT,
    MOST,
    asked_for,
    attachment_of,
    case_of,
    found,
    stands_as_flood,
    transition_of,
)
from runtime.storage.sql.alarm_writer import SETTLE, CaseWriter
from runtime.storage.sql.database import Database, chunks, upsert
from runtime.storage.sql.tables import condition_changes
from runtime.storage.sql.tables_alarms import called_out, case_attachments, case_timers, case_transitions, cases

_AT_ONCE = 50  # timers, or cases looked at anew, of one transaction: a fire waits for no longer
_ROUNDS = 200  # of one turn; what is left is done in the next

Told = Callable[[Sequence[Case], int], None]


def _nobody(_: Sequence[Case], __: int) -> None:
    """Tell nobody."""


class SqlAlarms:
    """park.alarm_ports.AlarmStore over a database."""

    def __init__(self, database: Database, told: Told = _nobody) -> None:
        """`told` hears of the cases that changed and how many notifications wait, once they are committed."""
        self._database = database
        self._told = told
        self._holding: Holding | None = None  # when cases were looked at anew
        self._past = 0  # when a log told us something that it held before we began

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    def get(self, case: int) -> Case:
        """Return one case. Raises NotFound."""
        with self._database.read() as connection:
            return found(connection, case)

    def cases(self, asked: CaseFilter, *, before: str = "", limit: int = 100) -> list[Case]:
        """Return cases, the most severe first, then the newest; from past the place `before` on."""
        query = asked_for(asked, before).limit(max(1, min(limit, MOST)))
        with self._database.read() as connection:
            return [case_of(body) for (body,) in connection.execute(query)]

    def history(self, case: int, *, after: int = 0, limit: int = 1_000) -> list[Transition]:
        """Return what happened to a case, oldest first, from past the id `after` on."""
        c = case_transitions.c
        query = select(c.id, c.body).where(c.case == case, c.id > after).order_by(c.id).limit(max(1, min(limit, MOST)))
        with self._database.read() as connection:
            return [transition_of(key, body) for key, body in connection.execute(query)]

    def attachments(self, case: int) -> list[Attachment]:
        """Return the files of a case, oldest first."""
        c = case_attachments.c
        with self._database.read() as connection:
            rows = connection.execute(select(*ATTACHMENT).where(c.case == case).order_by(c.id).limit(EACH))
            return [attachment_of(row) for row in rows]

    def hidden(self, parks: frozenset[int] | None, *, before: str = "", limit: int = 100) -> list[Hidden]:
        """Return the open cases that call nobody now, and why."""
        held = self.cases(CaseFilter(parks=parks, held_back=True), before=before, limit=limit)
        return [Hidden(case, case.held_back) for case in held]

    # ── changing ─────────────────────────────────────────────────────────────────────────────────

    def trigger(self, triggers: Sequence[Trigger], now: int) -> list[Case]:
        """Tell the cases of some triggers, in order; return those that changed. All or nothing."""
        with self._writing(now) as writer:
            writer.trigger(triggers)
        return list(writer.changed.values())

    def call_out(self, trigger: Trigger, now: int) -> None:
        """Tell the case of a trigger whose event is not written in its order yet; once, however often it is tried.

        An event that is written was told: its fire may be over and closed by now. It is looked for behind the claim,
        which waits for whoever writes it at this moment: what he wrote is seen from there on.
        """
        c = condition_changes.c
        with self._writing(now) as writer:
            ours = claimed(writer.connection, (trigger.id,), now)
            if ours and writer.connection.execute(select(c.id).where(c.id == trigger.id)).first() is None:
                writer.trigger((trigger,))

    def forget_calls(self, before: int) -> None:
        """Forget who was called out to before a time: what is not written in its order by now never will be."""
        with self._database.write() as connection:
            connection.execute(delete(called_out).where(called_out.c.at < before))

    def act(self, case: int, act: Act, now: int, *, version: int | None = None) -> Case:
        """Do what a person asks. Raises NotFound, Conflict (it changed since `version`), Forbidden, UserError."""
        with self._writing(now) as writer:
            return writer.act(case, act, version)

    def may(self, case: Case, act: Act, now: int) -> None:
        """See that an act on a case would be taken. Raises what `act` would raise of the case as it is."""
        would(case, act, now)

    def attach(self, attachment: Attachment, now: int) -> Attachment:
        """Write down a file of a case; its bytes are kept already. Raises NotFound, Conflict."""
        with self._writing(now) as writer:
            case = found(writer.connection, attachment.case, to_write=True)
            if case.attachments >= EACH:
                raise Conflict(f"an alarm has at most {EACH} attachments")
            row = {
                name: getattr(attachment, name) for name in ("case", "name", "media_type", "size", "digest", "actor")
            }
            put = insert(case_attachments).values(**row, at=now).returning(case_attachments.c.id)
            key = int(writer.connection.execute(put).scalar_one())
            asked = Act(CaseVerb.ATTACH, attachment.actor, note=attachment.name, attachment=key)
            writer.act(attachment.case, asked, None)
        return replace(attachment, id=key, at=now)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def turn(self, now: int) -> int:
        """Do what is due: steps of chains, ends of shelves, silences and floods; return how much was done.

        Any number of processes may: a timer is deleted in the transaction that does what it stands for, and
        a row that another holds is passed (PostgreSQL: SKIP LOCKED; SQLite has one writer).
        """
        done = 0
        for _ in range(_ROUNDS):
            if not self._any_due(now):
                break
            with self._writing(now) as writer:
                timers = _taken(writer.connection, self._due(now))
                writer.due(timers)
            done += len(timers)
            if len(timers) < _AT_ONCE:
                break
        for park, cause in self._flooded():
            with self._writing(now) as writer:
                writer.flood_over(park, cause)
        return done + self._reconsider(now)

    def reads_past(self, now: int) -> None:
        """Hear that a log still tells what it held before we began: what stands in it may be over further on."""
        self._past = now

    def newest(self) -> int:
        """Return the time of the newest change of any case; 0: none."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(case_transitions.c.at))).scalar() or 0)

    def _any_due(self, now: int) -> bool:
        """Look before taking the writer's turn: mostly there is nothing."""
        with self._database.read() as connection:
            return any(
                connection.execute(select(case_timers.c.case).where(which).limit(1)).first() is not None
                for which in self._due(now)
            )

    def _due(self, now: int) -> tuple[ColumnElement[bool], ...]:
        """Return which timers are due: whose time has come, and those that a wrong clock set into the far future.

        While a log tells its past nobody is called to what stood in it: that may take minutes. Of what people hear
        of at once, a fire, the ten seconds are enough.
        """
        c, k = case_timers.c, cases.c
        due = c.due <= now
        if 0 <= now - self._past < SETTLE:
            urgent = select(k.id).where(or_(k.life, k.family == BLIND))
            due = and_(due, or_(c.kind != TimerKind.SETTLE.value, c.case.in_(urgent)))
        return due, and_(c.due > now + 2 * LONGEST, c.kind != TimerKind.SHELF.value)

    def _flooded(self) -> list[tuple[int, str]]:
        with self._database.read() as connection:
            return [(s.case.park, s.case.cause) for s in inhibiting(connection) if stands_as_flood(s.case)]

    def _reconsider(self, now: int) -> int:
        """Look anew at what is held back, or should be, when something about that has changed.

        Without a lock first, then those that change: with 10,000 held back a look costs 0.2 s.
        """
        with self._database.read() as connection:
            holding = Holding.of(connection, now)
            if holding == self._holding:
                return 0  # what happened to a case itself has been looked at with it
            keys = released(connection, holding, now)
        for i in range(0, len(keys), _AT_ONCE):
            with self._writing(now) as writer:
                writer.reconsider(keys[i : i + _AT_ONCE])
        self._holding = holding
        return len(keys)

    @contextmanager
    def _writing(self, now: int) -> Iterator[CaseWriter]:
        with self._database.write() as connection:
            writer = CaseWriter(connection, now)
            yield writer
            writer.flush()
        if writer.changed:
            self._told(list(writer.changed.values()), writer.notified)

    # ── within somebody else's transaction ───────────────────────────────────────────────────────

    def take(self, connection: Connection, triggers: Sequence[Trigger], now: int) -> CaseWriter:
        """Tell the cases of some triggers within a transaction; `tell` the world when it is committed."""
        writer = CaseWriter(connection, now)
        writer.trigger(triggers)
        writer.flush()
        return writer

    def tell(self, writer: CaseWriter) -> None:
        """Tell the world what a committed transaction changed."""
        if writer.changed:
            self._told(list(writer.changed.values()), writer.notified)


def claimed(connection: Connection, events: Iterable[str], now: int) -> set[str]:
    """Claim to tell people of some events; return those that nobody has claimed before.

    Another transaction that claims one of them at this moment is waited for: the key of the table sees to that. All
    claim in one order, and before they touch a case, so that nobody waits for one who waits for him.
    """
    ours: set[str] = set()
    for part in chunks(sorted(events)):
        put = upsert(connection, called_out).values([{"event": event, "at": now} for event in part])
        new = put.on_conflict_do_nothing(index_elements=["event"]).returning(called_out.c.event)
        ours.update(connection.execute(new).scalars())
    return ours


def _taken(connection: Connection, due: Iterable[ColumnElement[bool]]) -> list[Timer]:
    """Take timers that are due out of their table."""
    c = case_timers.c
    timers: list[Timer] = []
    for which in due:
        query = select(c.case, c.kind, c.due, c.call).where(which).order_by(c.due).limit(_AT_ONCE - len(timers))
        rows = connection.execute(query.with_for_update(skip_locked=True))
        timers += [Timer(case, TimerKind(kind), due, call) for case, kind, due, call in rows]
    if timers:
        which = and_(c.case == bindparam("of"), c.kind == bindparam("which"))
        connection.execute(delete(case_timers).where(which), [{"of": t.case, "which": t.kind.value} for t in timers])
    return timers
