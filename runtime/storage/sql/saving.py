"""One save of the registry: numbers, references, checks, rows, audit; within one transaction.

```
things --(numbers for new ones)--> --(references to new ones)--> --(what follows of them)--> --(checks)--> rows + audit
```
New things have an id of 0, or a negative one of the caller's choice by which others of the same save
may refer to them. Parks and places share their numbers, so they share negative ones as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from park.errors import Conflict, NotFound, UserError
from park.metrics import METRICS, Lane
from park.model import LIFE_KINDS, Device, Lease, Place, Point
from park.ports import Noun
from runtime.storage.sql import numbers
from runtime.storage.sql.checks import Problem, check, name_of, twins
from runtime.storage.sql.known import Known
from runtime.storage.sql.rows import SHAPES, body
from runtime.storage.sql.tables import changes

_DERIVED_INTERVAL = 900_000  # ms: use is split at quarters of an hour
_COUNTING = ("people_in", "people_out")
ZONE_COUNTER = "zone_counter"
VIRTUAL = "virtual:"  # keys of devices that the registry makes by itself


@dataclass(frozen=True, slots=True)
class Audit:
    """Who changes what, why and when."""

    actor: str
    reason: str
    now: int  # epoch ms


class Saving:
    """A save in the making."""

    def __init__(self, connection: Connection, audit: Audit) -> None:
        self._connection = connection
        self._audit = audit
        self._known = Known(connection)
        self._before: dict[tuple[type[Any], int], Noun] = {}
        self._things: list[Noun] = []
        self._of: list[int] = []  # for each thing, the index of the given thing that it came with
        self._marks: dict[tuple[str, int], int] = {}  # (space, negative id) -> number
        self.problems: list[Problem] = []

    def run(self, things: Sequence[Noun]) -> list[Noun]:
        """Check and write; return the given things as they are now. Look at `problems`: with any, undo."""
        self._take(things)
        if not self.problems:
            self._follow()
            self._check()
        if not self.problems:
            self._write()
        return self._things[: len(things)]

    # ── numbers and references ───────────────────────────────────────────────────────────────────

    def _take(self, things: Sequence[Noun]) -> None:
        numbers_of = self._number(things)
        whole = list(things)
        for kind, shape in SHAPES.items():
            mine = [i for i, t in enumerate(things) if type(t) is kind]
            self._known.load(kind, {things[i].id for i in mine})
            for i in mine:
                if things[i].id > 0:
                    before = self._known.get(kind, things[i].id)
                    if before is None:
                        self._say(i, NotFound, f"there is no {shape.name} {things[i].id}")
                    else:
                        self._before[kind, things[i].id] = before
            for i in mine:
                whole[i] = self._settled(self._referred(i, things[i], numbers_of.get(i, 0)))
                self._known.put(whole[i])
        self._things, self._of = whole, list(range(len(whole)))

    def _number(self, things: Sequence[Noun]) -> dict[int, int]:
        """Return new numbers, by place among the things."""
        new: dict[str, list[int]] = {}
        seen: set[tuple[type[Any], int]] = set()
        for i, thing in enumerate(things):
            if thing.id <= 0:
                new.setdefault(SHAPES[type(thing)].space, []).append(i)
                continue
            if (type(thing), thing.id) in seen:
                self._say(i, Conflict, f"{name_of(thing)}: is given twice")
            seen.add((type(thing), thing.id))
        found: dict[int, int] = {}
        for space, rows in new.items():
            first = numbers.take(self._connection, space, len(rows))
            for number, i in enumerate(rows, first):
                found[i] = number
                mark = things[i].id
                if mark < 0 and self._marks.setdefault((space, mark), number) != number:
                    self._say(i, Conflict, f"{name_of(things[i])}: {mark} is given twice")
        return found

    def _referred(self, i: int, thing: Noun, number: int = 0) -> Noun:
        """Give a thing its number, and put numbers in the place of references to things of this save."""
        to: dict[str, Any] = {"id": number} if number else {}
        for field, space in SHAPES[type(thing)].references:
            key = getattr(thing, field)
            if key < 0:
                to[field] = self._marks.get((space, key), 0)
                if not to[field]:
                    self._say(i, NotFound, f"{name_of(thing)}: {field} {key} is not among the things given")
        return replace(thing, **to) if to else thing

    def _settled(self, thing: Noun) -> Noun:
        """Set what follows from other fields of the same thing."""
        if isinstance(thing, Device) and thing.kind in LIFE_KINDS and thing.lane is not Lane.LIFE:
            return replace(thing, lane=Lane.LIFE)  # whatever the caller said: it must not wait behind meters
        before = self._before.get((type(thing), thing.id))
        if isinstance(thing, Point) and isinstance(before, Point):
            turned = (thing.ratio, thing.modulus) != (before.ratio, before.modulus)
            if turned and thing.effective == before.effective:
                return replace(thing, effective=self._audit.now)
        return thing

    # ── what comes along ─────────────────────────────────────────────────────────────────────────

    def _follow(self) -> None:
        """Add derived points of registers, and counters of the places whose doors count people."""
        added = [*self._derived(), *self._counters()]
        for _, thing in added:
            if thing.id > 0:
                self._known.load(type(thing), (thing.id,))
                self._before[type(thing), thing.id] = self._known.get(type(thing), thing.id)
        for space in ("device", "point"):
            rows = [k for k, (_, t) in enumerate(added) if SHAPES[type(t)].space == space and t.id <= 0]
            first = numbers.take(self._connection, space, len(rows)) if rows else 0
            for number, k in enumerate(rows, first):
                i, thing = added[k]
                if thing.id < 0:
                    self._marks[space, thing.id] = number
                added[k] = i, replace(thing, id=number)
        for i, thing in added:
            whole = self._referred(i, thing)
            self._known.put(whole)
            self._things.append(whole)
            self._of.append(i)

    def _derived(self) -> Iterator[tuple[int, Noun]]:
        points = [(i, t) for i, t in enumerate(self._things) if isinstance(t, Point)]
        registers = [(i, p) for i, p in points if p.metric in METRICS and METRICS[p.metric].derives]
        self._known.load_by(Point, "source", [p.id for _, p in registers if (Point, p.id) in self._before])
        have = {p.source: p for p in self._known.of(Point) if p.source}
        for i, register in registers:
            derived = have.get(register.id)
            if not derived:
                metric = METRICS[register.metric].derives
                yield (
                    i,
                    Point(0, register.device, metric, register.channel, interval=_DERIVED_INTERVAL, source=register.id),
                )
            elif (derived.device, derived.channel) != (register.device, register.channel):
                yield i, replace(derived, device=register.device, channel=register.channel)

    def _counters(self) -> Iterator[tuple[int, Noun]]:
        doors: dict[int, int] = {}  # device -> index of what made us look
        for i, thing in enumerate(self._things):
            if isinstance(thing, Point) and thing.metric in _COUNTING:
                doors.setdefault(thing.device, i)
            elif isinstance(thing, Device):
                before = self._before.get((Device, thing.id))
                if isinstance(before, Device) and before.place != thing.place:
                    self._known.load_by(Point, "device", (thing.id,))
                    if any(p.metric in _COUNTING for p in self._known.of(Point) if p.device == thing.id):
                        doors.setdefault(thing.id, i)
        self._known.load(Device, doors)
        places: dict[int, int] = {}
        for door, i in doors.items():
            device = self._known.device(door)
            if device and device.place:
                places.setdefault(device.place, i)
        self._known.load_by(Device, "place", places)
        have = {d.place for d in self._known.of(Device) if d.kind == ZONE_COUNTER}
        for place, i in places.items():
            owner = self._known.park(self._known.park_of(place))
            if place in have or not owner:
                continue
            at = self._known.place(place)
            key = f"virtual:{owner.code}/{place}/people"
            name = f"{at.name if at else owner.name} people"
            mark = -(1 << 40) - place  # below what a caller would choose
            yield i, Device(mark, owner.id, key, ZONE_COUNTER, name, place)
            yield i, Point(0, mark, "people_inside")

    # ── checks ───────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        things = list(enumerate(self._things))
        for kind in SHAPES:
            mine = [(self._of[i], t) for i, t in things if type(t) is kind]
            for field, space in SHAPES[kind].references:
                keys = {getattr(t, field) for _, t in mine}
                for other, shape in SHAPES.items():
                    if shape.space == space:
                        self._known.load(other, keys)
            if kind is Lease:
                self._known.load_by(Lease, "place", {t.place for _, t in mine if isinstance(t, Lease)})
            if kind is Place:
                self._known.load_by(Place, "park", {t.park for _, t in mine if isinstance(t, Place)})
            for i, thing in mine:
                for error, sentence in check(thing, self._before.get((kind, thing.id)), self._known):
                    self._say(i, error, sentence)
            self.problems += twins(kind, mine, self._known)
        self.problems.sort(key=lambda p: p.index)

    def _say(self, index: int, error: type[UserError], sentence: str) -> None:
        self.problems.append(Problem(index, error, sentence))

    # ── rows and audit ───────────────────────────────────────────────────────────────────────────

    def _write(self) -> None:
        lines: list[tuple[str, int, str, str]] = []  # noun, key, before, after
        for kind, shape in SHAPES.items():
            mine = [t for t in self._things if type(t) is kind]
            new = [t for t in mine if (kind, t.id) not in self._before]
            old = [t for t in mine if (kind, t.id) in self._before and self._before[kind, t.id] != t]
            if new:
                self._connection.execute(insert(shape.table), [shape.row(t) for t in new])
            if old:
                change = update(shape.table).where(shape.table.c.id == bindparam("_id"))
                rows = [{("_id" if k == "id" else k): v for k, v in shape.row(t).items()} for t in old]
                named: dict[str, Any] = {k: bindparam(k) for k in rows[0] if k != "_id"}
                self._connection.execute(change.values(named), rows)
            lines += [(shape.name, t.id, "", body(t)) for t in new]
            lines += [(shape.name, t.id, body(self._before[kind, t.id]), body(t)) for t in old]
        write_audit(self._connection, self._audit, lines)


def write_audit(connection: Connection, audit: Audit, lines: Sequence[tuple[str, int, str, str]]) -> None:
    """Write lines of (noun, key, before, after); their numbers are the registry's versions."""
    if not lines:
        return
    first = numbers.take(connection, numbers.CHANGE, len(lines))
    common = {"at": audit.now, "actor": audit.actor, "reason": audit.reason}
    rows = [
        {"id": n, "noun": noun, "key": key, "before": before, "after": after, **common}
        for n, (noun, key, before, after) in enumerate(lines, first)
    ]
    connection.execute(insert(changes), rows)
