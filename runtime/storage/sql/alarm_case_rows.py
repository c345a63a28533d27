"""The rows of cases within one transaction: read many at a time, changed in memory, written together.

```
 load ──> cases as they lie ──write──> cases as they will lie ──flush──> a statement for each table
```
A statement costs more than a case: ten thousand findings are a few hundred statements, not ten thousand times ten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, not_, select, text, update

from alerts.escalation import Timer, TimerKind
from park.alarms import Case, DeliveryState, MessageKind, Notification, Transition
from runtime.storage.sql.alarm_rows import case_of, encode, row_of
from runtime.storage.sql.database import among, chunks, upsert
from runtime.storage.sql.tables_alarms import case_timers, case_transitions, cases, outbox

Key = tuple[str, str, str]  # family, subject, cause
_c = cases.c
_o = outbox.c
_KEY = (_c.family, _c.subject, _c.cause)
# What comes after a message that was taken back: that its alarm is over is told all the same.
_TAKEN_BACK = frozenset(MessageKind) - {MessageKind.RETURNED}
_TO_TAKE_BACK = and_(
    _o.state == DeliveryState.WAITING.value, _o.life.is_(False), _o.kind.in_(sorted(k.value for k in _TAKEN_BACK))
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A case as it lies in its row, or will."""

    case: Case
    path: str = ""
    announced: int = 0  # epoch ms; 0: people have not heard of it
    born: bool = False  # in this transaction, and not written since


class CaseRows:
    """Cases, their history, timers and notifications over one connection; `flush` before anything else reads them."""

    def __init__(self, connection: Connection) -> None:
        self.notified = 0  # notifications written
        self._connection = connection
        self._kept: dict[int, Kept] = {}
        self._lie: dict[int, dict[str, Any]] = {}  # rows as they are in the table
        self._open: dict[Key, int] = {}  # 0: there is none
        self._born: set[int] = set()  # here, and nothing of theirs but their own rows is in a table yet
        self._forget()

    def _forget(self) -> None:
        self._changed: dict[int, None] = {}
        self._lines: list[Transition] = []
        self._timers: dict[tuple[int, TimerKind], Timer | None] = {}  # None: it is to go
        self._messages: dict[str, tuple[Notification, bool]] = {}  # and whether it was taken back
        self._cancelled: dict[int, int] = {}

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def load(self, keys: Iterable[int]) -> None:
        """Read cases by their numbers, locked until the end of the transaction."""
        query = select(_c.id, _c.body, _c.path, _c.announced).order_by(_c.id).with_for_update()
        for row in among(self._connection, query, _c.id, sorted(set(keys) - self._kept.keys())):
            self._take(row)

    def load_open(self, keys: Iterable[Key]) -> None:
        """Read the open cases of some keys, locked."""
        subjects: dict[tuple[str, str], list[str]] = {}
        for family, subject, cause in sorted(set(keys) - self._open.keys()):
            subjects.setdefault((family, cause), []).append(subject)
        for (family, cause), named in subjects.items():
            query = select(_c.id, _c.body, _c.path, _c.announced).order_by(_c.id).with_for_update()
            query = query.where(_c.open, _c.family == family, _c.cause == cause)
            self._open.update(((family, subject, cause), 0) for subject in named)
            for row in among(self._connection, query, _c.subject, named):
                kept = self._take(row)
                self._open[kept.case.key] = kept.case.id

    def open(self, key: Key) -> Kept | None:
        """Return the open case of a key, locked."""
        if key not in self._open:
            self.load_open([key])
        return self._kept.get(self._open[key])

    def kept(self, key: int) -> Kept | None:
        """Return a case by its number, locked."""
        if key not in self._kept:
            self.load([key])
        return self._kept.get(key)

    def told(self, case: int) -> list[str]:
        """Return the targets that were told of a case, or still are to be."""
        query = select(_o.target).where(_o.case == case, _o.state != DeliveryState.CANCELLED.value)
        if case in self._cancelled:
            query = query.where(not_(_TO_TAKE_BACK))
        found = {str(target) for (target,) in self._connection.execute(query.distinct())}
        found |= {m.target for m, cancelled in self._messages.values() if m.case == case and not cancelled}
        return sorted(found)

    def _take(self, row: Any) -> Kept:
        key = int(row.id)
        if key not in self._kept:
            self._kept[key] = Kept(case_of(row.body), str(row.path), int(row.announced))
            self._lie[key] = row_of(self._kept[key].case, str(row.path), int(row.announced))
        return self._kept[key]

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def insert(self, fresh: Sequence[tuple[Case, str]]) -> None:
        """Insert cases with their paths; `open` gives them then, or the case of a process that was first."""
        if self._changed:
            self.flush()  # a case that was closed here leaves its key to the next
        rows = {case.key: row_of(case, path, 0) for case, path in fresh}
        still = text("open" if self._connection.dialect.name == "postgresql" else "open = 1")
        put = upsert(self._connection, cases).on_conflict_do_nothing(index_elements=[*_KEY], index_where=still)
        whole = {case.key: (case, path) for case, path in fresh}
        for key in whole:
            self._open.pop(key, None)  # what is not put here was put by another process, and is read anew
        for found in self._connection.execute(put.returning(_c.id, *_KEY), list(rows.values())).all():
            number, key = int(found[0]), (str(found[1]), str(found[2]), str(found[3]))
            case, path = whole[key]
            self._kept[number] = Kept(replace(case, id=number), path, born=True)
            self._born.add(number)
            self._lie[number] = rows[key]
            self._open[key] = number

    def write(
        self, case: Case, kept: Kept, announced: int, lines: Sequence[Transition], timers: Sequence[Timer],
        gone: set[TimerKind], messages: Sequence[Notification],
    ) -> None:  # fmt: skip
        """Keep a case and all that came of it, to be written by `flush`."""
        if case != kept.case or announced != kept.announced or lines:
            self._changed[case.id] = None
        self._kept[case.id] = Kept(case, kept.path, announced)
        if case.closed is not None and self._open.get(case.key) == case.id:
            self._open[case.key] = 0
        self._lines += lines
        for kind in sorted(gone):
            self._timers[case.id, kind] = None
        for timer in timers:
            self._timers[timer.case, timer.kind] = timer
        for message in messages:
            self._messages.setdefault(message.id, (message, False))

    def cancel(self, case: int, now: int) -> None:
        """Take back what an ordinary case still has to say: it is over, or held back."""
        self._cancelled[case] = now
        for key, (message, _) in self._messages.items():
            if message.case == case and not message.life and message.kind in _TAKEN_BACK:
                self._messages[key] = (message, True)

    def flush(self) -> None:
        """Write what was kept: a statement for each table and kind of change."""
        connection = self._connection
        self._take_back()
        changed: dict[frozenset[str], list[dict[str, Any]]] = {}
        for key in self._changed:
            kept = self._kept[key]
            row, lies = row_of(kept.case, kept.path, kept.announced), self._lie[key]
            names = frozenset(name for name, value in row.items() if value != lies[name])
            if names:
                changed.setdefault(names, []).append({"number": key, **{f"new_{name}": row[name] for name in names}})
            self._lie[key] = row
        for names, rows in changed.items():
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in sorted(names)}
            connection.execute(update(cases).where(_c.id == bindparam("number")).values(**values), rows)
        if self._lines:
            connection.execute(
                insert(case_transitions),
                [{"case": x.case, "at": x.at, "verb": x.verb.value, "actor": x.actor, "body": encode(x).decode()}
                 for x in self._lines],
            )  # fmt: skip
        self._set_timers()
        self.notified += put_notifications(connection, [m for m, back in self._messages.values() if not back])
        ended = max(self._cancelled.values(), default=0)
        back = [m for m, back in self._messages.values() if back]
        self.notified += put_notifications(connection, back, DeliveryState.CANCELLED, ended)
        self._born -= self._changed.keys()
        self._forget()

    def _take_back(self) -> None:
        known = [case for case in self._cancelled if case not in self._born]
        for part in chunks(known):
            values = {"state": DeliveryState.CANCELLED.value, "ended": max(self._cancelled.values())}
            self._connection.execute(update(outbox).where(_o.case.in_(part), _TO_TAKE_BACK).values(**values))

    def _set_timers(self) -> None:
        going = [{"of": case, "which": kind.value} for (case, kind), timer in self._timers.items()
                 if timer is None and case not in self._born]  # fmt: skip
        if going:
            t = case_timers.c
            which = and_(t.case == bindparam("of"), t.kind == bindparam("which"))
            self._connection.execute(delete(case_timers).where(which), going)
        coming = [{"case": t.case, "kind": t.kind.value, "due": t.due, "call": t.call}
                  for t in self._timers.values() if t is not None]  # fmt: skip
        if coming:
            row = upsert(self._connection, case_timers)
            values = {"due": row.excluded.due, "call": row.excluded.call}
            self._connection.execute(row.on_conflict_do_update(index_elements=["case", "kind"], set_=values), coming)


def put_notifications(
    connection: Connection,
    messages: Sequence[Notification],
    state: DeliveryState = DeliveryState.WAITING,
    ended: int | None = None,
) -> int:
    """Add notifications to the outbox; known ids are skipped. Return how many are new."""
    rows = [
        {"id": m.id, "case": m.case, "park": m.park, "target": m.target, "kind": m.kind.value, "life": m.life,
         "state": state.value, "due": m.not_before, "attempts": 0, "created": m.created, "ended": ended,
         "body": encode(m).decode()}
        for m in messages
    ]  # fmt: skip
    if not rows:
        return 0
    put = upsert(connection, outbox).on_conflict_do_nothing(index_elements=["id"])
    return len(connection.execute(put.returning(_o.id), rows).all())
