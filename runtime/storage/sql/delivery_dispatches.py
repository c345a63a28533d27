"""Messages on their way to receivers, in SQL: spread from the outbox, claimed in order, and how they ended.

```
 outbox (waiting, due) ──spread──> dispatches (waiting) ──claim──> (sending, lease) ─┬─> delivered
        one transaction                                     ^──────later─────────────┼─> dead ──again──> waiting
```
Each arrow is one transaction; a process that ends between two of them leaves a state from which the next goes
on. Between `claim` and what follows lies the sending itself: it may be done twice, under one id, and never not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from alerts import delivery
from alerts.channels import CHANNELS
from alerts.escalation import ahead, resolved
from park.alarms import DeliveryState, Notification
from park.delivery import Batch, Dispatch, Target
from park.duty import Step
from park.errors import Conflict, NotFound
from runtime.link_words import LinkWords
from runtime.storage.sql import alarm_plans
from runtime.storage.sql.alarm_rows import DELIVERY, delivery_of
from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_facts import BasisOf, FactReader
from runtime.storage.sql.delivery_rows import COLUMNS, WAITS, dispatch_of, end, insert, mark, row_of
from runtime.storage.sql.delivery_targets import holding
from runtime.storage.sql.tables_alarms import outbox
from runtime.storage.sql.tables_delivery import dispatches

_FAR = 2 * 86_400_000  # ms: nothing waits so long, but for a clock that was wrong when it was written
_SPREAD = 500  # notifications in one transaction
_WINDOW = 200  # rows of a receiver that are looked at for what may be told now
TOGETHER_MOST = 50  # alarms told in one message
BACKLOG = 10  # more than these waiting for a receiver are told together, whatever group they are of
_TEXT = 500  # characters kept of a receipt or of what went wrong
_MOST = 1_000
Way = tuple[str, str, bool]  # target, address, life: what has one message in flight at a time
Ready = Callable[[Target, bool], bool]
_d = dispatches.c
_o = outbox.c


class SqlDispatches:
    """park.delivery.Dispatches over a database, with the verbs of those who move them."""

    def __init__(self, database: Database, basis: BasisOf, words: LinkWords | None = None) -> None:
        """`words` gives links that acknowledge, for messages to carry; None: they carry none."""
        self._database = database
        self._basis = basis
        self._words = words

    # ── on their way ─────────────────────────────────────────────────────────────────────────────

    def spread(self, now: int) -> int:
        """Send due notifications on their way to their receivers, life safety first; return how many.

        With one that is due goes what waits for company in the same group.
        """
        due = and_(_o.state.in_(WAITS), or_(_o.due <= now, _o.due > now + _FAR))
        with self._database.read() as connection:
            if connection.execute(select(_o.id).where(due).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            query = select(_o.id, *DELIVERY).where(due).order_by(_o.life.desc(), _o.due, _o.created, _o.id)
            rows = connection.execute(query.limit(_SPREAD).with_for_update(skip_locked=True)).all()
            notes = {row[0]: delivery_of(row[1:]).notification for row in rows}
            notes |= self._company(connection, notes)
            self._send_on(connection, list(notes.values()), now)
            return len(notes)

    def _company(self, connection: Connection, notes: Mapping[str, Notification]) -> dict[str, Notification]:
        """Return notifications that wait for company and have it now, or are older news of the same alarm."""
        groups = {(n.target, n.group) for n in notes.values() if n.group and not n.life}
        told = {(n.target, n.case) for n in notes.values() if n.case and not n.life}
        if not told:
            return {}
        query = select(_o.id, *DELIVERY).where(_o.state == DeliveryState.WAITING.value, _o.life.is_(False))
        query = query.where(_o.target.in_({t for t, _ in told})).order_by(_o.created, _o.id).limit(_SPREAD)
        found = {row[0]: delivery_of(row[1:]).notification for row in connection.execute(query)}
        return {
            k: n
            for k, n in found.items()
            if k not in notes and ((n.target, n.group) in groups or (n.target, n.case) in told)
        }

    def _send_on(self, connection: Connection, notes: Sequence[Notification], now: int) -> None:
        targets = holding(connection)
        duty = alarm_plans.duty(connection)
        officers = duty.officers
        reader = FactReader(connection, self._basis)
        nobody: dict[bool, list[str]] = {True: [], False: []}
        sent: list[str] = []
        rows: list[dict[str, Any]] = []
        for note in sorted(notes, key=lambda n: (not n.life, n.created, n.version)):
            named = resolved(Step(0, (note.target,)), duty, now) if note.target.startswith("rota:") else ()
            told = (replace(note, target=target) for target in named or (note.target,))
            found = dict.fromkeys(way for one in told for way in delivery.receivers(one, targets, officers))
            if not found:
                nobody[note.life].append(note.id)
                continue
            sent.append(note.id)
            facts = reader.of(note)
            for receiver in found:
                by = delivery.answers(note, receiver, targets, officers) if self._words else ""
                rows.append(row_of(note, receiver, replace(facts, answered_by=by), now))
        insert(connection, rows, now, self._words)
        mark(connection, sent, {"state": DeliveryState.SENT_ON.value})
        over = {"ended": now, "trouble": "nobody is set up who could be told"}
        # A fire that reaches nobody is shown as dead, and can be sent again; the rest is over.
        mark(connection, nobody[True], {"state": DeliveryState.DEAD.value, **over})
        mark(connection, nobody[False], {"state": DeliveryState.CANCELLED.value, **over})

    def claim(self, now: int, *, lease: int, busy: frozenset[Way], ready: Ready, limit: int = 64) -> list[Batch]:
        """Take what is due, one message for each way that is not busy, life safety first.

        Of one alarm a receiver is told in order: what is newer waits for what is older. Nobody else gets a
        message until its lease (ms) ends.
        """
        due = and_(_d.state.in_(WAITS), or_(_d.due <= now, _d.due > now + _FAR))
        with self._database.read() as connection:
            query = select(_d.target, _d.address, _d.life).where(due).distinct().order_by(_d.life.desc())
            ways = [way for row in connection.execute(query) if (way := (row[0], row[1], bool(row[2]))) not in busy]
        if not ways:
            return []
        found: list[Batch] = []
        with self._database.write() as connection:
            targets = {t.name: t for t in holding(connection)}
            for way in ways:
                target = targets.get(way[0])
                if target is None or not target.enabled:
                    self._give_up(connection, way, now)
                elif (batch := _claimed(connection, way, target, now, lease, ready)) is not None:
                    found.append(batch)
                if len(found) >= limit:
                    break
        return found

    def _give_up(self, connection: Connection, way: Way, now: int) -> None:
        """End what waits for a target that is gone or off."""
        query = select(*COLUMNS).where(
            _d.state.in_(WAITS), _d.target == way[0], _d.address == way[1], _d.life.is_(way[2])
        )
        found = [dispatch_of(row) for row in connection.execute(query.limit(_MOST))]
        self._next_ways(connection, found, now)
        end(connection, found, DeliveryState.DEAD, now, trouble="the target is off, or gone")

    def _next_ways(
        self, connection: Connection, failed: Sequence[Dispatch], now: int, *, dead: bool = True
    ) -> None:  # fmt: skip
        """Let others be told of what a receiver does not get, or not now.

        An officer by his next contact; of life safety, where nobody has it and one of its receivers never will, those
        who come next in its chain, or everybody else: at once, and beside the chain, which goes on in its time.
        """
        targets, duty = holding(connection), alarm_plans.duty(connection)
        reader = FactReader(connection, self._basis)
        for dispatch in failed:
            row = connection.execute(select(*DELIVERY).where(_o.id == dispatch.facts.notification)).first()
            if row is None:
                continue
            note = delivery_of(row).notification
            at = (dispatch.target, dispatch.address)
            if note.life:
                case = reader.case(note.case)
                tried = _unheard(connection, note, at if dead else None)
                answered = case is not None and (case.acknowledged or case.closed is not None)
                if not tried or answered or note.kind not in delivery.ASKING:
                    continue
                steps = ahead(case, duty, now) if case is not None else ()
                ways = delivery.in_place(note, steps, tried, targets, duty.officers)
            else:
                way = delivery.next_contact(note, at, targets, duty.officers)
                ways = (way,) if way is not None else ()
            rows = []
            for way in ways:
                by = delivery.answers(note, way, targets, duty.officers) if self._words else ""
                rows.append(row_of(note, way, replace(dispatch.facts, answered_by=by), now))
            insert(connection, rows, now, self._words)

    def release(self) -> int:
        """Let what was being sent wait anew: whoever sent it is gone. Return how many.

        For a folder that belongs to one process; where there are many, leases end by themselves.
        """
        with self._database.write() as connection:
            which = _d.state == DeliveryState.SENDING.value
            values = {"state": DeliveryState.WAITING.value, "due": 0}
            return int(connection.execute(update(dispatches).where(which).values(**values)).rowcount)

    # ── how they ended ───────────────────────────────────────────────────────────────────────────

    def delivered(self, batch: Batch, receipt: str, now: int) -> None:
        """Write down that a receiver has a message."""
        with self._database.write() as connection:
            end(connection, batch.dispatches, DeliveryState.DELIVERED, now, receipt=receipt[:_TEXT], trouble="")

    def later(self, batch: Batch, due: int, trouble: str, now: int) -> None:
        """Try again at a time; of a fire that one receiver never takes and the others do not now, others are told."""
        with self._database.write() as connection:
            which = and_(_d.id.in_([d.id for d in batch.dispatches]), _d.state.in_(WAITS))
            values = {"state": DeliveryState.WAITING.value, "due": due, "trouble": trouble[:_TEXT]}
            connection.execute(update(dispatches).where(which).values(**values))
            if batch.life:
                self._next_ways(connection, batch.dispatches, now, dead=False)

    def dead(self, batch: Batch, trouble: str, now: int) -> None:
        """Give up; others are told in its place. People see it and may send it again."""
        with self._database.write() as connection:
            self._next_ways(connection, batch.dispatches, now)
            end(connection, batch.dispatches, DeliveryState.DEAD, now, trouble=trouble[:_TEXT])

    def again(self, dispatch: str, now: int) -> Dispatch:
        """Let a dead one wait anew. Raises NotFound, Conflict."""
        with self._database.write() as connection:
            row = connection.execute(select(*COLUMNS).where(_d.id == dispatch).with_for_update()).first()
            if row is None:
                raise NotFound("there is no such message")
            if row.state != DeliveryState.DEAD.value:
                raise Conflict(f"it is {row.state}, not dead")
            values = {"state": DeliveryState.WAITING.value, "due": now, "created": now, "ended": None, "attempts": 0,
                      "batch": ""}  # fmt: skip
            connection.execute(update(dispatches).where(_d.id == dispatch).values(**values))
            mark(connection, [dispatch_of(row).facts.notification], {
                "state": DeliveryState.SENT_ON.value, "ended": None, "trouble": "",
            })  # fmt: skip
            return dispatch_of(connection.execute(select(*COLUMNS).where(_d.id == dispatch)).one())

    def tell(self, notification: Notification, target: Target, now: int) -> Dispatch:
        """Let one message to one target wait: a test. Raises NotFound."""
        with self._database.write() as connection:
            found = delivery.receivers(notification, [replace(target, park=0)], {})
            if not found:
                raise Conflict("the target is off, or has no address to be told at")
            facts = FactReader(connection, self._basis).of(notification)
            rows = [row_of(notification, receiver, facts, now) for receiver in found]
            insert(connection, rows, now)
            return dispatch_of(connection.execute(select(*COLUMNS).where(_d.id == rows[0]["id"])).one())

    # ── seen ─────────────────────────────────────────────────────────────────────────────────────

    def list(
        self, *, parks: frozenset[int] | None = None, case: int = 0, target: str = "", state: str = "", before: int = 0,
        limit: int = 100,
    ) -> Sequence[Dispatch]:  # fmt: skip
        """Return dispatches, newest first, from past the place `before` on."""
        query = select(*COLUMNS)
        if parks is not None:
            query = query.where(_d.park.in_(parks))
        for column, value in ((_d.case, case), (_d.target, target), (_d.state, state)):
            if value:
                query = query.where(column == value)
        if before:
            query = query.where(_d.seq < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_d.seq.desc()).limit(max(1, min(limit, _MOST))))
            return [dispatch_of(row) for row in rows]

    def get(self, dispatch: str) -> Dispatch:
        """Return one. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(*COLUMNS).where(_d.id == dispatch)).first()
        if row is None:
            raise NotFound("there is no such message")
        return dispatch_of(row)

    def figures(self, now: int) -> Mapping[str, int]:
        """Return how many wait, are overdue (life safety, by 15 s) and died in the last day."""
        late = and_(_d.state.in_(WAITS), _d.life, _d.created < now - 15_000)
        dead = and_(_d.state == DeliveryState.DEAD.value, _d.ended > now - 86_400_000)
        with self._database.read() as connection:

            def count(which: ColumnElement[bool]) -> int:
                return int(connection.execute(select(func.count()).select_from(dispatches).where(which)).scalar_one())

            return {
                "waiting": count(_d.state.in_(WAITS)), "late": count(late), "dead": count(dead),
                "dead_life": count(and_(dead, _d.life)),
            }  # fmt: skip

    def trim(self, before: int) -> int:
        """Delete what ended before a time; return how many."""
        with self._database.write() as connection:
            return int(connection.execute(delete(dispatches).where(_d.ended < before)).rowcount)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


def _unheard(connection: Connection, note: Notification, dying: delivery.Receiver | None) -> set[delivery.Receiver]:
    """Return all receivers of a message that nobody has, where one of them never will have it.

    () where somebody has it, or may have it yet by the first attempt.
    """
    rows = connection.execute(
        select(_d.target, _d.address, _d.state, _d.trouble).where(_d.notification == note.id)
    ).all()  # fmt: skip
    dead = {(r[0], r[1]) for r in rows if r.state == DeliveryState.DEAD.value} | ({dying} if dying else set())
    others = [r for r in rows if (r[0], r[1]) not in dead]
    if not dead or any(r.state == DeliveryState.DELIVERED.value or not r.trouble for r in others):
        return set()
    return {(r[0], r[1]) for r in rows}


def _claimed(connection: Connection, way: Way, target: Target, now: int, lease: int, ready: Ready) -> Batch | None:
    """Take the next message for a way; None: it is not ready, or all that is due waits for something older."""
    query = select(*COLUMNS).where(_d.state.in_(WAITS), _d.target == way[0], _d.address == way[1], _d.life.is_(way[2]))
    rows = connection.execute(query.order_by(_d.seq).limit(_WINDOW).with_for_update(skip_locked=True)).all()
    found = told_next([dispatch_of(row) for row in rows], now, together=CHANNELS[target.channel].together)
    if not found or not ready(target, way[2]):
        return None
    keys = [d.id for d in found]
    key = found[0].batch or (keys[0] if len(keys) == 1 else sha256("\n".join(keys).encode()).hexdigest()[:32])
    values = {"state": DeliveryState.SENDING.value, "due": now + lease, "attempts": _d.attempts + 1, "batch": key}
    connection.execute(update(dispatches).where(_d.id.in_(keys)).values(**values))
    taken = tuple(replace(d, attempts=d.attempts + 1, batch=key, state=DeliveryState.SENDING) for d in found)
    return Batch(key, target, way[1], taken)


def told_next(queue: Sequence[Dispatch], now: int, *, together: bool) -> list[Dispatch]:
    """Return what of a receiver's queue, oldest first, is told in the next message; [] when nothing may be."""
    held: set[int] = set()  # cases of which something older still waits for its time
    free: list[Dispatch] = []
    for d in queue:
        case = d.facts.case
        if now < d.due <= now + _FAR or case in held:
            if case:
                held.add(case)
        else:
            free.append(d)
    if not free:
        return []
    head = free[0]
    if head.batch:  # a message that was tried before goes out as it was
        return [d for d in free if d.batch == head.batch]
    fresh = [d for d in free if not d.batch]
    if head.facts.life or not together:
        return [head]
    if len(fresh) > BACKLOG:
        return fresh[:TOGETHER_MOST]
    return [d for d in fresh if head.group and d.group == head.group][:TOGETHER_MOST] or [head]
