"""Officers, rotas, chains, silences and maintenance windows in SQL, with who changed them."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from alerts import escalation, matching, rotas
from alerts.escalation import Duty
from park.alarm_ports import P
from park.duty import Chain, MaintenanceWindow, Officer, Rota, Silence
from park.errors import Conflict, NotFound, UserError
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_alarms import alarm_links, duty_changes, duty_plans

_KINDS: Mapping[type[Any], str] = MappingProxyType({
    Officer: "officer", Rota: "rota", Chain: "chain", Silence: "silence", MaintenanceWindow: "window",
})  # fmt: skip
_DECODE: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {name: msgspec.json.Decoder(kind).decode for kind, name in _KINDS.items()}
)
_TIMED = frozenset({"silence", "window"})
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)
PLANS_MOST = 10_000  # of a kind that hold at once
LONGEST = 366 * 86_400_000  # ms of a silence or a window
NAME_MOST, NOTE_MOST, CONTACTS_MOST, ADDRESS_MOST = 200, 2_000, 10, 500


class SqlPlans:
    """park.alarm_ports.PlanStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, plan: P, *, actor: str, now: int) -> P:
        """Insert (id 0) or replace a plan. Raises Conflict, UserError, NotFound."""
        name = _KINDS[type(plan)]
        with self._database.write() as connection:
            before = ""
            if plan.id:
                old, before = _old(connection, name, plan.id)
                if plan.version != old.version:
                    raise Conflict(f"the {name} {plan.id} was changed meanwhile; it is at version {old.version}")
                if old.park != plan.park and old.park:
                    raise Conflict(f"the {name} {plan.id} belongs to another park")
            elif len(_holding(connection, name, now)) >= PLANS_MOST:
                raise UserError(f"there are {PLANS_MOST} of these already")
            _CHECKS[name](plan, _near(duty(connection), plan.park), now)
            key = plan.id
            row = {
                "kind": name, "park": plan.park, "version": plan.version + 1,
                "starts": getattr(plan, "starts", now), "ends": getattr(plan, "ends", None),
            }  # fmt: skip
            if not key:
                key = int(connection.execute(insert(duty_plans).values(**row).returning(duty_plans.c.id)).scalar_one())
            saved = replace(plan, id=key, version=plan.version + 1)
            row["body"] = _encode(saved).decode()
            connection.execute(update(duty_plans).where(duty_plans.c.id == key).values(**row))
            _audit(connection, key, name, actor, now, before, str(row["body"]))
        return saved

    def end(self, kind: type[P], key: int, *, actor: str, now: int) -> P:
        """End a plan: a silence or window now, anything else for good. Raises NotFound, Conflict.

        With an officer end the links that acknowledge in his name: his telephone may be anybody's now.
        """
        name = _KINDS[kind]
        with self._database.write() as connection:
            plan, before = _old(connection, name, key)
            if name in _TIMED:
                if plan.ends <= now:
                    raise Conflict(f"the {name} {key} is over already")
                plan = replace(plan, ends=max(plan.starts, now))
            else:
                _check_unused(connection, name, key)
            plan = replace(plan, version=plan.version + 1)
            values = {"ends": now, "version": plan.version, "body": _encode(plan).decode()}
            connection.execute(update(duty_plans).where(duty_plans.c.id == key).values(**values))
            _audit(connection, key, name, actor, now, before, "")
            if name == "officer":
                connection.execute(delete(alarm_links).where(alarm_links.c.actor == plan.name))
        ended: P = plan
        return ended

    def plans(self, kind: type[P], *, ended: bool = False) -> list[P]:
        """Return plans, rising by id; with those that were ended where asked (silences and windows: all)."""
        name = _KINDS[kind]
        query = select(duty_plans.c.body).where(duty_plans.c.kind == name)
        if not ended and name not in _TIMED:
            query = query.where(duty_plans.c.ends.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(duty_plans.c.id.desc()).limit(PLANS_MOST))
            return [_DECODE[name](body) for (body,) in rows][::-1]

    def plan(self, kind: type[P], key: int) -> P:
        """Return one, also one that is over. Raises NotFound."""
        name = _KINDS[kind]
        with self._database.read() as connection:
            query = select(duty_plans.c.body).where(duty_plans.c.id == key, duty_plans.c.kind == name)
            body = connection.execute(query).scalar()
        if body is None:
            raise NotFound(f"there is no {name} {key}")
        found: P = _DECODE[name](body)
        return found

    def changes(self, key: int) -> list[tuple[int, str, str, str]]:
        """Return the audit of a plan, oldest first: when, who, before, after."""
        c = duty_changes.c
        with self._database.read() as connection:
            rows = connection.execute(select(c.at, c.actor, c.before, c.after).where(c.plan == key).order_by(c.id))
            return [(int(at), str(actor), str(before), str(after)) for at, actor, before, after in rows]


# ── for the writer of cases ──────────────────────────────────────────────────────────────────────


_DUTY = select(duty_plans.c.kind, duty_plans.c.body).where(
    duty_plans.c.kind.in_(("officer", "rota", "chain")), duty_plans.c.ends.is_(None)
)
_HOLD = (  # made once: a statement costs more to put together than to run, and every change of a case asks these two
    select(duty_plans.c.kind, duty_plans.c.body)
    .where(
        duty_plans.c.kind.in_(sorted(_TIMED)), or_(duty_plans.c.ends.is_(None), duty_plans.c.ends > bindparam("now"))
    )
    .order_by(duty_plans.c.id)
)


def duty(connection: Connection) -> Duty:
    """Return who there is now."""
    found = _sorted_out(connection.execute(_DUTY))
    chains, rotas_, officers = (found.get(kind, []) for kind in ("chain", "rota", "officer"))
    return Duty(tuple(chains), {r.id: r for r in rotas_}, {o.id: o for o in officers})


def holding(connection: Connection, now: int) -> tuple[tuple[Silence, ...], tuple[MaintenanceWindow, ...]]:
    """Return the silences and windows that are not over."""
    found = _sorted_out(connection.execute(_HOLD, {"now": now}))
    return tuple(found.get("silence", ())), tuple(found.get("window", ()))


def _sorted_out(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for kind, body in rows:
        plan = _usable(kind, body)
        if plan is not None:
            found.setdefault(kind, []).append(plan)
    return found


def _holding(connection: Connection, name: str, now: int) -> list[Any]:
    c = duty_plans.c
    query = select(c.body).where(c.kind == name, or_(c.ends.is_(None), c.ends > now)).order_by(c.id)
    return [plan for (body,) in connection.execute(query) if (plan := _usable(name, body)) is not None]


@lru_cache(maxsize=PLANS_MOST)
def _usable(name: str, body: str) -> Any:
    """Return the plan of a row; None for one that cannot be read, or whose patterns would not be taken today.

    Such a row was written by another program, or by hand; its pattern may never end, and a fire waits in the same
    thread. What it would have hidden is told, and what it would have called goes by the built-in chain.
    """
    try:
        plan = _DECODE[name](body)
        matching.checked(getattr(plan, "matchers", ()))
    except (UserError, msgspec.DecodeError) as why:
        _log.error("a %s is passed over: %s", name, why)  # not its text: that holds telephone numbers
        return None
    return plan


def _old(connection: Connection, name: str, key: int) -> tuple[Any, str]:
    c = duty_plans.c
    query = select(c.body, c.ends).where(c.id == key, c.kind == name).with_for_update()
    row = connection.execute(query).first()
    if row is None or (row.ends is not None and name not in _TIMED):
        raise NotFound(f"there is no {name} {key}")
    return _DECODE[name](row.body), str(row.body)


def _audit(connection: Connection, key: int, kind: str, actor: str, at: int, before: str, after: str) -> None:
    row = {"plan": key, "at": at, "actor": actor, "kind": kind, "before": before, "after": after}
    connection.execute(insert(duty_changes).values(**row))


def _check_unused(connection: Connection, name: str, key: int) -> None:
    """See that nothing leads to a plan that goes. Raises Conflict."""
    now = duty(connection)
    target = f"{name}:{key}"
    for chain in now.chains:
        if any(target in step.targets for step in chain.steps) or (name == "chain" and chain.then == key):
            raise Conflict(f"the chain {chain.id} ({chain.name}) leads to this {name}: change it first")
    for rota in now.rotas.values():
        if name == "officer" and key in rotas.officers_of(rota):
            raise Conflict(f"the rota {rota.id} ({rota.name}) names this officer: change it first")


# ── what people may save ─────────────────────────────────────────────────────────────────────────


def _near(known: Duty, park: int) -> Duty:
    """Return whom a plan of a park may name: its own, and those of every park."""
    if not park:
        return known
    parks = {0, park}
    return Duty(
        tuple(c for c in known.chains if c.park in parks),
        {key: r for key, r in known.rotas.items() if r.park in parks},
        {key: o for key, o in known.officers.items() if o.park in parks},
    )


def _named(name: str) -> None:
    if not name.strip() or len(name) > NAME_MOST or not name.isprintable():
        raise UserError(f"a name has 1 to {NAME_MOST} printable characters")


def _officer(officer: Officer, _: Duty, __: int) -> None:
    _named(officer.name)
    if len(officer.contacts) > CONTACTS_MOST:
        raise UserError(f"an officer has at most {CONTACTS_MOST} contacts")
    for channel, address in officer.contacts:
        if not channel.isidentifier() or not 0 < len(address) <= ADDRESS_MOST or not address.isprintable():
            raise UserError("a contact is a channel like sms, and a printable address")
    if officer.language not in {"zh", "en"}:
        raise UserError("an officer is told in zh or en")


def _rota(rota: Rota, known: Duty, _: int) -> None:
    _named(rota.name)
    rotas.checked(rota)
    strangers = sorted(rotas.officers_of(rota) - known.officers.keys())
    if strangers:
        raise UserError(f"there is no officer {strangers[0]}")


def _chain(chain: Chain, known: Duty, _: int) -> None:
    _named(chain.name)
    escalation.checked(chain, known)


def _span(starts: int, ends: int, note: str) -> None:
    if not note.strip() or len(note) > NOTE_MOST:
        raise UserError(f"say why, in 1 to {NOTE_MOST} characters")
    if not 0 < ends - starts <= LONGEST:
        raise UserError("it ends after it begins, within a year")


def _silence(silence: Silence, _: Duty, now: int) -> None:
    _span(silence.starts, silence.ends, silence.note)
    if silence.ends <= now:
        raise UserError("it would be over already")
    matching.checked(silence.matchers, least=1)


def _window(window: MaintenanceWindow, _: Duty, now: int) -> None:
    _span(window.starts, window.ends, window.note)
    if window.ends <= now:
        raise UserError("it would be over already")
    if not (window.place or window.device):
        raise UserError("name the place or the device that is worked on")


_CHECKS: Mapping[str, Callable[[Any, Duty, int], None]] = MappingProxyType({
    "officer": _officer, "rota": _rota, "chain": _chain, "silence": _silence, "window": _window,
})  # fmt: skip
