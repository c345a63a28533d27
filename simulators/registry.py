"""The plan as the registry's nouns, and the way from the plan's provisional numbers to the store's own.

Provisional numbers are dense from 1 in each number space (parks and places share one). `load` saves
what is missing, finds what is there by its key, and tells both ways; to call it again changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from park.model import Device, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.ports import Noun, RegistryStore, T
from park.readings import Int32, ReadingBatch
from simulators.equipment import LIVE, Plan, plan
from simulators.parkplan import site
from simulators.scenario import Scenario

Save = Callable[[Sequence[Noun]], list[Noun]]


def park_plan(scenario: Scenario) -> Plan:
    """Return the whole plan of a scenario."""
    return plan(scenario, site(scenario))


def nouns(made: Plan) -> tuple[Noun, ...]:
    """Return everything in an order in which each thing comes after what it refers to, with provisional numbers."""
    return (made.site.park, *made.site.places, *made.site.enterprises, *made.site.leases, *made.devices, *made.points)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The store's numbers by provisional number."""

    places: Mapping[int, int]
    enterprises: Mapping[int, int]
    devices: Mapping[int, int]
    points: Int32  # index: provisional number; row 0 is 0

    def batch(self, readings: ReadingBatch) -> ReadingBatch:
        """Return readings with the store's point numbers."""
        return ReadingBatch(
            self.points[readings.point], readings.ts, readings.value, readings.quality, readings.received
        )


def load(made: Plan, store: RegistryStore, *, now: int, actor: str = "simulator") -> Numbers:
    """Put a plan into a registry, or find it there; raises Conflict where another thing has its key."""
    reason = "simulated park"

    def save(things: Sequence[Noun]) -> list[Noun]:
        return store.save(things, actor=actor, reason=reason, now=now) if things else []

    s = made.site
    parks = store.find(Park, code=s.park.code) or save([replace(s.park, id=0)])
    park = parks[0].id
    places = {1: park}
    there = {p.code: p.id for p in _all(store, Place, park=park)}
    for kind in (PlaceKind.BUILDING, PlaceKind.UNIT, PlaceKind.ZONE):
        level = [p for p in s.places if p.kind is kind]
        missing = [p for p in level if p.code not in there]
        saved = save([replace(p, id=0, park=park, parent=places[p.parent]) for p in missing])
        there |= {p.code: p.id for p in saved if isinstance(p, Place)}
        places |= {p.id: there[p.code] for p in level}
    firms = {x.code: x.id for x in _all(store, Enterprise, park=park)}
    saved = save([replace(x, id=0, park=park) for x in s.enterprises if x.code not in firms])
    firms |= {x.code: x.id for x in saved if isinstance(x, Enterprise)}
    enterprises = {x.id: firms[x.code] for x in s.enterprises}
    let = {(x.place, x.enterprise) for x in _all(store, Lease)}
    leases = [replace(x, id=0, place=places[x.place], enterprise=enterprises[x.enterprise]) for x in s.leases]
    save([x for x in leases if (x.place, x.enterprise) not in let])
    devices = _devices(made, store, park, places, save)
    return Numbers(places, enterprises, devices, _points(made, store, devices, save))


def _devices(made: Plan, store: RegistryStore, park: int, places: Mapping[int, int], save: Save) -> dict[int, int]:
    """Save gateways first, then what hangs behind them."""
    there = {d.key: d.id for d in _all(store, Device, park=park)}
    numbers: dict[int, int] = {0: 0}
    for first in (True, False):
        group = [d for d in made.devices if (d.kind == "gateway") is first]
        missing = [d for d in group if d.key not in there]
        saved = save([replace(d, id=0, park=park, place=places[d.place], gateway=numbers[d.gateway]) for d in missing])
        there |= {d.key: d.id for d in saved if isinstance(d, Device)}
        numbers |= {d.id: there[d.key] for d in group}
    return numbers


def _points(made: Plan, store: RegistryStore, devices: Mapping[int, int], save: Save) -> Int32:
    """Save points; they are known again by device, metric and channel."""
    first = made.devices[0].id
    known = store.find(Point, device=devices[first], limit=1)
    there: dict[tuple[int, str, str], int] = {}
    if known:
        for device in made.devices:
            for p in _all(store, Point, device=devices[device.id]):
                there[p.device, p.metric, p.channel] = p.id
    keys = [(devices[p.device], p.metric, p.channel) for p in made.points]
    missing = [replace(p, id=0, device=key[0]) for p, key in zip(made.points, keys, strict=True) if key not in there]
    there |= {(p.device, p.metric, p.channel): p.id for p in save(missing) if isinstance(p, Point)}
    return np.array([0, *(there[key] for key in keys)], np.int32)


def _all(store: RegistryStore, kind: type[T], **equal: object) -> list[T]:
    """Return all things of a kind, page by page."""
    found: list[T] = []
    while page := store.find(kind, after=found[-1].id if found else 0, limit=1_000, **equal):
        found += page
    return found


def live_rhythm(made: Plan, store: RegistryStore, numbers: Numbers, *, now: int, actor: str = "simulator") -> None:
    """Promise the live intervals, once the history is in: until then devices promise the history's."""
    devices, points = [], []
    for d in made.devices:
        there = store.get(Device, numbers.devices[d.id])
        if there.interval != LIVE[d.kind]:
            devices.append(replace(there, interval=LIVE[d.kind]))
    kinds = {d.id: d.kind for d in made.devices}
    for p in made.points:
        stored = store.get(Point, int(numbers.points[p.id]))
        if stored.interval != LIVE[kinds[p.device]]:
            points.append(replace(stored, interval=LIVE[kinds[p.device]]))
    changed: list[Noun] = [*devices, *points]
    if changed:
        store.save(changed, actor=actor, reason="live rhythm", now=now)
