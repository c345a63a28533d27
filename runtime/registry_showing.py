"""Things of the registry as rows of sheets."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from park.cells import guarded
from park.model import Device, Enterprise, Lease, Park, Place, Point
from park.ports import Noun
from runtime.registry_columns import HERE, SHEETS, Cell, Sheet
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.saving import VIRTUAL


def shown(registry: SqlRegistry) -> Iterator[tuple[Sheet, Iterator[list[Cell]]]]:
    """Yield every sheet with its rows; what the registry makes by itself is left out."""
    things = registry.everything()
    for sheet in SHEETS:
        yield sheet, (_row(sheet, thing, things) for thing in things[sheet.kind].values() if _said(thing, things))


def _said(thing: Noun, things: dict[type[Any], dict[int, Any]]) -> bool:
    """Say whether a person, not the registry, made a thing."""
    if isinstance(thing, Device):
        return not thing.key.startswith(VIRTUAL)
    if isinstance(thing, Point):
        return not thing.source and bool(thing.source_key) and _said(things[Device][thing.device], things)
    return True


def _row(sheet: Sheet, thing: Noun, things: dict[type[Any], dict[int, Any]]) -> list[Cell]:
    names = _names(thing, things)
    park = things[Park][names.pop("_park")]
    zone = ZoneInfo(park.timezone)
    return [
        column.show(getattr(thing, column.field), zone) if column.field else guarded(names[column.name])
        for column in sheet.columns
    ]


def _names(thing: Noun, things: dict[type[Any], dict[int, Any]]) -> dict[str, Any]:
    """Return what the columns that name other things hold, and under `_park` the number of its park."""
    parks, places, devices = things[Park], things[Place], things[Device]
    match thing:
        case Park():
            return {"_park": thing.id}
        case Place():
            parent = places.get(thing.parent)
            return {"_park": thing.park, "park": parks[thing.park].code, "parent": parent.code if parent else ""}
        case Enterprise():
            return {"_park": thing.park, "park": parks[thing.park].code}
        case Lease():
            place = places[thing.place]
            tenant = things[Enterprise][thing.enterprise].code
            return {"_park": place.park, "park": parks[place.park].code, "place": place.code, "enterprise": tenant}
        case Device():
            at = places.get(thing.place)
            here = at.code if at else HERE if thing.place else ""
            gateway = devices[thing.gateway].key if thing.gateway else ""
            return {"_park": thing.park, "park": parks[thing.park].code, "place": here, "gateway": gateway}
        case Point():
            device = devices[thing.device]
            return {"_park": device.park, "device": device.key}
