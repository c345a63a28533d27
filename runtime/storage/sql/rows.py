"""The registry's nouns as rows, one table each, and as JSON in the audit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Select, Table, select

from park.metrics import Lane
from park.model import Device, DeviceMode, DeviceState, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.ports import Noun
from runtime.storage.sql import tables

_encode = msgspec.json.Encoder().encode


def _outline(text: str) -> tuple[tuple[float, float], ...]:
    return msgspec.json.decode(text, type=tuple[tuple[float, float], ...])


_READ: Mapping[str, Callable[[Any], Any]] = {
    "outline": _outline,
    "lane": Lane,
    "state": DeviceState,
    "mode": DeviceMode,
}
_WRITE: Mapping[str, Callable[[Any], Any]] = {
    "outline": lambda outline: _encode(outline).decode(),
    # Plain texts: what a driver makes of an enum is its own affair.
    "lane": str,
    "state": str,
    "mode": str,
    "kind": str,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """How one noun lies in its table."""

    name: str  # in the audit, in sentences and in files
    kind: type[Any]
    table: Table
    space: str  # that its numbers come from
    references: tuple[tuple[str, str], ...]  # (field, space of the number in it)
    columns: tuple[str, ...]
    read: tuple[tuple[int, Callable[[Any], Any]], ...]  # columns that need turning
    write: tuple[tuple[str, Callable[[Any], Any]], ...]

    def select(self) -> Select[Any]:
        """Return a query for the columns of the noun, in its order."""
        return select(*(self.table.c[name] for name in self.columns))

    def thing(self, row: Sequence[Any]) -> Any:
        """Return the noun of a row."""
        values = list(row)
        for i, turn in self.read:
            values[i] = turn(values[i])
        return self.kind(*values)

    def row(self, thing: Noun) -> dict[str, Any]:
        """Return the row of a noun."""
        row = {name: getattr(thing, name) for name in self.columns}
        for name, turn in self.write:
            row[name] = turn(row[name])
        return row


def _shape(kind: type[Any], table: Table, space: str, *references: tuple[str, str]) -> Shape:
    columns = tuple(f.name for f in fields(kind))
    read = dict(_READ) | ({"kind": PlaceKind} if kind is Place else {})
    return Shape(
        name=kind.__name__.lower(), kind=kind, table=table, space=space, references=references, columns=columns,
        read=tuple((i, read[name]) for i, name in enumerate(columns) if name in read),
        write=tuple((name, _WRITE[name]) for name in columns if name in _WRITE),
    )  # fmt: skip


# In the order in which they refer to each other.
SHAPES: Mapping[type[Any], Shape] = MappingProxyType({
    Park: _shape(Park, tables.parks, "place"),
    Place: _shape(Place, tables.places, "place", ("park", "place"), ("parent", "place")),
    Enterprise: _shape(Enterprise, tables.enterprises, "enterprise", ("park", "place")),
    Lease: _shape(Lease, tables.leases, "lease", ("place", "place"), ("enterprise", "enterprise")),
    Device: _shape(Device, tables.devices, "device", ("park", "place"), ("place", "place"), ("gateway", "device")),
    Point: _shape(Point, tables.points, "point", ("device", "device"), ("source", "point")),
})  # fmt: skip
BY_NAME: Mapping[str, Shape] = MappingProxyType({shape.name: shape for shape in SHAPES.values()})


def body(thing: Noun) -> str:
    """Return a noun as the audit keeps it."""
    return _encode(thing).decode()


def thing_of(name: str, text: str) -> Any:
    """Return the noun of an audit line."""
    return msgspec.json.decode(text, type=BY_NAME[name].kind)
