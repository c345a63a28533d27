"""Rows of sheets to things of the registry: cells are read, names are looked up, every fault is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from park.model import Device, Enterprise, Lease, Park, Place, Point, lane_of
from park.ports import Noun
from runtime.registry_columns import HERE, Cell, Sheet
from runtime.storage.sql.registry import SqlRegistry

_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class BadRow:
    """Where an import went wrong, and why."""

    file: str  # of a workbook: "<file>:<sheet>"
    line: int  # as a spreadsheet counts; 0: the file as a whole
    column: str  # "": the row as a whole
    reason: str

    def __str__(self) -> str:
        where = (self.file, f"line {self.line}" if self.line else "", self.column)
        return f"{', '.join(part for part in where if part)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: the cells that hold something, by column."""

    line: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """One noun's lines, as a file has them."""

    name: str  # of the file, for people
    sheet: Sheet
    rows: Sequence[Row]
    columns: frozenset[str]  # that the file has


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that a row asks for."""

    thing: Noun
    before: Noun | None  # as the registry has it
    sheet: Sheet
    file: str
    line: int

    @property
    def same(self) -> bool:
        """Say whether the registry has it just so."""
        return self.thing == self.before

    def bad(self, reason: str) -> BadRow:
        """Return a fault of this row."""
        return BadRow(self.file, self.line, "", reason)


Name = tuple[Any, ...]  # what people call a thing: what it belongs to, and its code
References = dict[str, int]  # by column


@dataclass(frozen=True, slots=True)
class _Named:
    """A row whose thing has a number."""

    row: Row
    number: int
    references: References
    values: dict[str, Any]


class Reader:
    """Tables, in the order of their nouns, to things that may be saved together.

    New things have negative numbers, by which others refer to them. A row that refers to a bad row
    is left out without a word: the other row is the one to mend.
    """

    def __init__(self, registry: SqlRegistry) -> None:
        self.problems: list[BadRow] = []
        self.found: list[Found] = []
        self._new = 0
        self._bad: set[tuple[type[Any], int]] = set()  # things whose rows are bad
        self._first: dict[tuple[type[Any], Name], str] = {}  # where a thing was named first
        self._before: dict[tuple[type[Any], int], Any] = {}  # as the registry has it
        self._numbers: dict[type[Any], dict[Name, int]] = {}
        for kind, things in registry.everything().items():
            self._numbers[kind] = {_name_of(thing): number for number, thing in things.items()}
            self._before |= {(kind, number): thing for number, thing in things.items()}
        self._zones = {thing.id: _zone(thing.timezone) for (kind, _), thing in self._before.items() if kind is Park}
        self._park_of = {thing.id: thing.park for (kind, _), thing in self._before.items() if kind is Device}

    def read(self, table: Table) -> None:
        """Take one table: first the names of all its rows, so that they may refer to each other."""
        named = [self._named(table, row) for row in table.rows]
        for found in named:
            if found:
                self._read(table, found)

    def _named(self, table: Table, row: Row) -> _Named | None:
        """Find what a row is about; None for a bad row."""
        kind = table.sheet.kind
        missing = [c.name for c in table.sheet.columns if c.needed and c.name not in row.cells]
        for column in missing:
            self._say(table, row, column, "is missing")
        references = self._references(table, row)
        values, sound = self._values(table, row, self._zone(kind, references or {}))
        if references is None:
            return None
        try:
            name = _NAME[kind](references, values)
        except KeyError:
            return None  # it was told what is missing
        here = f"{table.name}, line {row.line}"
        first = self._first.setdefault((kind, name), here)
        if first != here:
            self._say(table, row, "", f"is the same {kind.__name__.lower()} as in {first}")
            return None
        number = self._number(kind, name)
        if missing or not sound:
            self._bad.add((kind, number))
            return None
        if kind is Park:
            self._zones[number] = _zone(values.get("timezone"))
        elif kind is Device:
            self._park_of[number] = references["park"]
        return _Named(row, number, references, values)

    def _number(self, kind: type[Any], name: Name) -> int:
        number = self._numbers[kind].get(name)
        if number is None:
            self._new -= 1
            number = self._numbers[kind][name] = self._new
        return number

    def _zone(self, kind: type[Any], references: References) -> ZoneInfo:
        park = references.get("park", 0)
        if kind is Point:
            park = self._park_of.get(references.get("device", 0), 0)
        return self._zones.get(park) or _zone(None)

    def _references(self, table: Table, row: Row) -> References | None:
        """Look up the things of other sheets that a row names; None when one is not there."""
        found: References = {}
        for column, kind, name in _LOOKUPS.get(table.sheet.kind, ()):
            text = _text(table, row, column)
            if not text:
                continue
            if text == HERE and table.sheet.kind is Device:
                found[column] = found.get("park", 0)
                continue
            if not self._look(table, row, column, kind, name, found):
                return None
        return found

    def _look(self, table: Table, row: Row, column: str, kind: type[Any], name: "_Naming", found: References) -> bool:
        """Find one thing that a row names; say so when it is not there, but not when its own row is bad."""
        text = _text(table, row, column)
        try:
            number = self._numbers[kind].get(name(found, text))
        except KeyError:
            return False  # the park is missing, which was told
        if number is None:
            self._say(table, row, column, f"there is no {kind.__name__.lower()} {text!r}")
            return False
        found[column] = number
        return (kind, number) not in self._bad

    def _values(self, table: Table, row: Row, zone: ZoneInfo) -> tuple[dict[str, Any], bool]:
        values: dict[str, Any] = {}
        sound = True
        for column in table.sheet.columns:
            if column.field and column.name in row.cells:
                try:
                    values[column.field] = column.read(row.cells[column.name], zone)
                except (ValueError, OverflowError) as why:
                    self._say(table, row, column.name, str(why))
                    sound = False
        return values, sound

    def _read(self, table: Table, named: _Named) -> None:
        kind, row = table.sheet.kind, named.row
        for column, name in _WITHIN.get(kind, ()):
            if _text(table, row, column) and not self._look(table, row, column, kind, name, named.references):
                self._bad.add((kind, named.number))
                return
        before = self._before.get((kind, named.number))
        thing = _thing(table, named, before)
        self.found.append(Found(thing, before, table.sheet, table.name, row.line))

    def _say(self, table: Table, row: Row, column: str, reason: str) -> None:
        self.problems.append(BadRow(table.name, row.line, column, reason))


def _thing(table: Table, named: _Named, before: Any) -> Noun:
    """Make the thing of a row: an empty cell is the default, a column that is not there changes nothing."""
    kind, values = table.sheet.kind, named.values
    whole: dict[str, Any] = {f.name: f.default for f in fields(kind) if f.default is not MISSING and before is None}
    for column in table.sheet.columns:
        if column.field and column.name in table.columns:
            whole[column.field] = values.get(column.field, _DEFAULTS[kind].get(column.field))
    for pointing in _POINTING[kind]:
        if pointing in table.columns or before is None:
            whole[pointing] = named.references.get(pointing, 0)
    if kind is Place:
        whole["name"] = whole.get("name") or (values["code"] if before is None or "name" in whole else before.name)
        if not whole.get("parent", 1):
            whole["parent"] = named.references["park"]
    if kind is Device and whole.get("lane") is None:
        whole["lane"] = lane_of(values["kind"])
    thing: Noun = kind(id=named.number, **whole) if before is None else replace(before, **whole)
    return thing


def _text(table: Table, row: Row, name: str) -> str:
    """Return the text of a cell that names another thing."""
    cell = row.cells.get(name)
    column = next(c for c in table.sheet.columns if c.name == name)
    return "" if cell is None else str(column.read(cell, _zone(None)))


def _zone(name: str | None) -> ZoneInfo:
    """Return a time zone; of a name that is none, the usual one: the registry will say what is wrong."""
    try:
        return ZoneInfo(name or _ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(_ZONE)


def _name_of(thing: Noun) -> Name:
    match thing:
        case Park():
            return (thing.code,)
        case Place() | Enterprise():
            return thing.park, thing.code
        case Lease():
            return thing.place, thing.valid_from
        case Device():
            return (thing.key,)
        case Point():
            return (thing.device, thing.source_key) if thing.source_key else (thing.device, "", thing.id)


_Naming = Callable[[References, str], Name]


def _alone(_found: References, text: str) -> Name:
    return (text,)


def _in_park(found: References, text: str) -> Name:
    return found["park"], text


_NAME: Mapping[type[Any], Callable[[References, dict[str, Any]], Name]] = MappingProxyType({
    Park: lambda _, v: (v["code"],),
    Place: lambda r, v: (r["park"], v["code"]),
    Enterprise: lambda r, v: (r["park"], v["code"]),
    Lease: lambda r, v: (r["place"], v["valid_from"]),
    Device: lambda _, v: (v["key"],),
    Point: lambda r, v: (r["device"], v["source_key"]),
})  # fmt: skip

# Columns that name a thing of another sheet, and those that name one of the same.
_LOOKUPS: Mapping[type[Any], tuple[tuple[str, type[Any], _Naming], ...]] = MappingProxyType({
    Place: (("park", Park, _alone),),
    Enterprise: (("park", Park, _alone),),
    Lease: (("park", Park, _alone), ("place", Place, _in_park), ("enterprise", Enterprise, _in_park)),
    Device: (("park", Park, _alone), ("place", Place, _in_park)),
    Point: (("device", Device, _alone),),
})  # fmt: skip
_WITHIN: Mapping[type[Any], tuple[tuple[str, _Naming], ...]] = MappingProxyType({
    Place: (("parent", _in_park),),
    Device: (("gateway", _alone),),
})  # fmt: skip
_POINTING: Mapping[type[Any], tuple[str, ...]] = MappingProxyType({
    Park: (),
    Place: ("park", "parent"),
    Enterprise: ("park",),
    Lease: ("place", "enterprise"),
    Device: ("park", "place", "gateway"),
    Point: ("device",),
})  # fmt: skip
_DEFAULTS: Mapping[type[Any], Mapping[str, Any]] = MappingProxyType({
    kind: {f.name: f.default for f in fields(kind) if f.default is not MISSING and f.name != "lane"}
    for kind in _POINTING
})  # fmt: skip
