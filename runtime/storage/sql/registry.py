"""The registry in SQL: parks and what stands in them, who changed it, and what held when."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, update

from park.errors import Conflict, NotFound, UserError
from park.metrics import METRICS
from park.model import Device, DeviceState, Enterprise, Lease, Place, Point
from park.ports import Change, Noun, T
from park.records import Config
from runtime.storage.sql import numbers
from runtime.storage.sql.checks import Problem, name_of
from runtime.storage.sql.configuration import Bound, bindings_since, config_since, fetch_all
from runtime.storage.sql.database import Database
from runtime.storage.sql.known import dependents
from runtime.storage.sql.rows import SHAPES, Shape, body, thing_of
from runtime.storage.sql.saving import Audit, Saving, write_audit
from runtime.storage.sql.tables import calendar, changes, devices, leases, parks, points

_MOST = 1_000_000  # things in one answer
_LEASES = "leases"
_MADE = "zone_counter"  # kind of devices that there are not: stages make what they say
_STREAMED = {"yield_per": 10_000}


class SqlRegistry:
    """park.ports.RegistryStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def version(self) -> int:
        """Number of the newest change."""
        with self._database.read() as connection:
            return numbers.last(connection, numbers.CHANGE)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    def find(self, kind: type[T], /, *, after: int = 0, limit: int = 1_000, **equal: object) -> list[T]:
        """Return living things whose fields equal the given ones, rising by id, from past `after` on.

        A list, tuple or set stands for "one of". Retired devices are found by their `state`, and
        leases that are over like any other. Raises UserError for a field that the noun has not.
        """
        shape = SHAPES[kind]
        query = shape.select().where(shape.table.c.id > after)
        if equal.get("state") is not DeviceState.RETIRED:
            query = query.where(shape.table.c.gone.is_(None))
        for field, value in equal.items():
            if field not in shape.columns or field == "outline":
                raise UserError(f"a {shape.name} cannot be found by {field!r}")
            column = shape.table.c[field]
            query = query.where(
                column.in_(value) if isinstance(value, (list, tuple, set, frozenset)) else column == value
            )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(shape.table.c.id).limit(max(1, min(limit, _MOST))))
            return [shape.thing(row) for row in rows]

    def get(self, kind: type[T], key: int) -> T:
        """Return one living thing. Raises NotFound."""
        with self._database.read() as connection:
            return _one(connection, SHAPES[kind], key)  # type: ignore[no-any-return]

    def count(self, kind: type[T], /, **equal: object) -> int:
        """Return how many living things have fields equal to the given ones."""
        shape = SHAPES[kind]
        query = select(func.count()).select_from(shape.table).where(shape.table.c.gone.is_(None))
        for field, value in equal.items():
            query = query.where(shape.table.c[field] == value)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def everything(self) -> dict[type[Any], dict[int, Any]]:
        """Return all living things by kind and number, as they are at one moment."""
        with self._database.read() as connection:
            return {kind: fetch_all(connection, kind) for kind in SHAPES}

    def as_of(self, kind: type[T], key: int, at: int) -> T | None:
        """Return a thing as it was at a time, by when it was changed here."""
        name = SHAPES[kind].name
        query = select(changes.c.after).where(changes.c.noun == name, changes.c.key == key, changes.c.at <= at)
        with self._database.read() as connection:
            text = connection.execute(query.order_by(changes.c.id.desc()).limit(1)).scalar()
        return thing_of(name, text) if text else None

    def changes(self, *, after: int = 0, limit: int = 1_000, **equal: object) -> list[Change]:
        """Return the audit, newest last; `noun`, `key` and `actor` may be asked for."""
        query = select(changes).where(changes.c.id > after)
        for field, value in equal.items():
            if field not in ("noun", "key", "actor"):
                raise UserError(f"changes cannot be found by {field!r}")
            query = query.where(changes.c[field] == value)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(changes.c.id).limit(max(1, min(limit, _MOST))))
            return [Change(r.id, r.at, r.actor, r.reason, r.noun, r.key, r.before, r.after) for r in rows]

    # ── changing ─────────────────────────────────────────────────────────────────────────────────

    def save(self, things: Sequence[Noun], *, actor: str, reason: str, now: int) -> list[Noun]:
        """Insert (id <= 0) or replace things, all or nothing; return them with their ids.

        Things of one save refer to new ones by the negative id that these were given. A register
        point brings its derived point, a device that counts people the counter of its place. What is
        as it was already leaves no trace. Raises Conflict, NotFound or UserError for the first
        thing that cannot be.
        """
        problems: list[Problem] = []
        saved = self._try(things, Audit(actor, reason, now), problems)
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise problems[0].error(problems[0].sentence + more)
        return saved

    def try_save(
        self, things: Sequence[Noun], *, actor: str, reason: str, now: int
    ) -> tuple[list[Noun], list[Problem]]:
        """Save all, or nothing and return every problem by its place in `things`."""
        problems: list[Problem] = []
        return self._try(things, Audit(actor, reason, now), problems), problems

    def check(self, things: Sequence[Noun]) -> list[Problem]:
        """Return what would keep things from being saved, and save nothing."""
        problems: list[Problem] = []
        self._try(things, Audit("", "", 0), problems, dry=True)
        return problems

    def _try(self, things: Sequence[Noun], audit: Audit, problems: list[Problem], *, dry: bool = False) -> list[Noun]:
        with self._database.write() as connection:
            saving = Saving(connection, audit)
            saved = saving.run(things)
            problems += saving.problems
            if problems or dry:
                connection.rollback()
                return []
            return saved

    def retire(self, kind: type[T], key: int, *, actor: str, reason: str, now: int) -> None:
        """End a thing as of now; its number is never used again.

        A device takes its points along, a register its derived point. A lease ends; one that has
        not begun is struck out. Raises NotFound, or Conflict while something still needs it.
        """
        with self._database.write() as connection:
            _retire(connection, kind, key, Audit(actor, reason, now))

    def advance(self, now: int) -> int:
        """Tell of the leases that have begun or ended since the last call; return the version.

        Time itself changes who occupies a unit: call it each minute, and ask `config_since` after.
        """
        with self._database.read() as connection:
            since = connection.execute(select(calendar.c.through).where(calendar.c.name == _LEASES)).scalar()
            turned = connection.execute(_turned(since or 0, now).limit(1)).first() if since is not None else None
            if since is not None and turned is None and now - since < 3_600_000:  # ms; the mark may lag behind
                return numbers.last(connection, numbers.CHANGE)
        with self._database.write() as connection:
            shape = SHAPES[Lease]
            # The first call of all has nothing to tell: whatever holds now is in the first configuration.
            turned_rows = connection.execute(_turned(since, now)).all() if since is not None else []
            lines = [(shape.name, row[0], body(shape.thing(row)), body(shape.thing(row))) for row in turned_rows]
            write_audit(connection, Audit("calendar", "a lease began or ended", now), lines)
            if since is None:
                connection.execute(calendar.insert().values(name=_LEASES, through=now))
            else:
                connection.execute(calendar.update().where(calendar.c.name == _LEASES).values(through=now))
            return numbers.last(connection, numbers.CHANGE)

    # ── telling the stages ───────────────────────────────────────────────────────────────────────

    def config_since(self, version: int, received: int) -> Config:
        """Return what the stages must learn of the changes after a version (0: everything).

        Tenants are those of the time `received`.
        """
        with self._database.read() as connection:
            return config_since(connection, version, received)

    def bindings_since(self, version: int) -> list[Bound]:
        """Return what the resolver must learn of the changes after a version (0: everything)."""
        with self._database.read() as connection:
            return bindings_since(connection, version)

    def gateways(self) -> Iterator[tuple[int, int, bool]]:
        """Yield (point, gateway of its device or 0, whether stages make its readings), all that ever were, rising.

        The same gateway that bindings and device rows name, so that both counts of the ledger agree.
        """
        made = or_(points.c.source > 0, devices.c.kind == _MADE)
        query = select(points.c.id, devices.c.gateway, made).join(devices, points.c.device == devices.c.id)
        with self._database.read() as connection:
            for point, gateway, its in connection.execute(query.order_by(points.c.id).execution_options(**_STREAMED)):
                yield point, gateway, bool(its)

    def named_with(self, point: int) -> list[tuple[int, str, str, int, str, str]]:
        """Return (point, metric, channel, place, device's key, park's code) of all points of the park of one.

        Of all that ever were: what a retired one said can still be asked for. None for one that never was.
        """
        mine = select(devices.c.park).join(points, points.c.device == devices.c.id).where(points.c.id == point)
        place = func.coalesce(func.nullif(devices.c.place, 0), devices.c.park)
        query = (
            select(points.c.id, points.c.metric, points.c.channel, place, devices.c.key, parks.c.code)
            .join(devices, points.c.device == devices.c.id)
            .join(parks, devices.c.park == parks.c.id)
            .where(devices.c.park.in_(mine))
        )
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(query)]


def _one(connection: Connection, shape: Shape, key: int) -> Any:
    row = connection.execute(shape.select().where(shape.table.c.id == key, shape.table.c.gone.is_(None))).first()
    if row is None:
        raise NotFound(f"there is no {shape.name} {key}")
    return shape.thing(row)


def _retire(connection: Connection, kind: type[Any], key: int, audit: Audit) -> None:
    shape = SHAPES[kind]
    thing = _one(connection, shape, key)
    needed = dependents(connection, kind, key)
    if kind in (Place, Enterprise):
        field = leases.c.place if kind is Place else leases.c.enterprise
        running = or_(leases.c.valid_to.is_(None), leases.c.valid_to > audit.now)
        query = select(func.count()).where(field == key, leases.c.gone.is_(None), running)
        count = connection.execute(query).scalar_one()
        needed += [("lease", count)] if count else []
    if needed:
        listed = ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for noun, count in needed)
        raise Conflict(f"{name_of(thing)} is still needed by {listed}: retire those first")
    lines: list[tuple[str, int, str, str]] = []
    if kind is Lease and thing.valid_from < audit.now:
        if thing.valid_to is None or thing.valid_to > audit.now:
            ended = replace(thing, valid_to=audit.now)
            connection.execute(update(leases).where(leases.c.id == key).values(valid_to=audit.now))
            lines.append((shape.name, key, body(thing), body(ended)))
    else:
        for other, end in [(shape, thing), *_companions(connection, thing)]:
            values: dict[str, Any] = {"gone": audit.now}
            if isinstance(end, Device):
                values["state"] = DeviceState.RETIRED
            connection.execute(update(other.table).where(other.table.c.id == end.id).values(values))
            lines.append((other.name, end.id, body(end), ""))
    write_audit(connection, audit, lines)


def _companions(connection: Connection, thing: Noun) -> list[tuple[Shape, Any]]:
    shape = SHAPES[Point]
    if isinstance(thing, Device):
        mine = points.c.device == thing.id
    elif isinstance(thing, Point) and METRICS[thing.metric].derives:
        mine = points.c.source == thing.id
    else:
        return []
    rows = connection.execute(shape.select().where(mine, points.c.gone.is_(None)))
    return [(shape, shape.thing(row)) for row in rows]


def _turned(since: int, now: int) -> Select[Any]:
    shape = SHAPES[Lease]
    c = shape.table.c
    begun = (c.valid_from > since) & (c.valid_from <= now)
    ended = (c.valid_to > since) & (c.valid_to <= now)
    return shape.select().where(c.gone.is_(None), begun | ended)
