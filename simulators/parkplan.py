"""The site plan: roads, buildings, units, zones, and who rents what.

Mean figures are those of domain.md section 1: 3,320 m2 an enterprise, floor area ratio about 1.74.
Numbers are provisional: dense from 1 within each number space (places share one with the park), in
the order an empty store would give them; `simulators.registry` puts the store's own in their place.

```
   y                         two rows of buildings along a road from gate to gate
   ┌─────────┐ ┌─────────┐    a building's footprint is drawn as strips, floor above floor,
   │ B1   5F │ │ B2      │    so that each unit of each floor can be seen and clicked
   │      4F │ │         │    on a flat map; `area` is the true floor area
   │  ...    │ │         │
   └─────────┘ └─────────┘
 ══gate════════════════════gate══  x
```
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from park.model import Enterprise, Lease, Park, Place, PlaceKind
from simulators.chance import rng
from simulators.scenario import DAY, Scenario
from simulators.trades import BRAND_FIRST, BRAND_SECOND, TOWN, TRADES, Trade

FLOORS = 5
UNITS_A_BUILDING = 7
LENGTH, DEPTH, GAP, ROAD = 100.0, 38.0, 14.0, 24.0  # metres
LET = 0.84  # share of units that are let
Outline = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit with its place, zone and tenant, by index."""

    place: int
    zone: int
    building: int  # index
    floor: int
    area: float
    code: str
    enterprise: int = -1  # index; -1: vacant


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that stands still."""

    park: Park
    places: tuple[Place, ...]  # parents before children
    enterprises: tuple[Enterprise, ...]
    leases: tuple[Lease, ...]
    units: tuple[Unit, ...]
    buildings: tuple[int, ...]  # place numbers
    trades: tuple[Trade, ...]  # by enterprise index
    tenancy: Mapping[int, int] = field(default_factory=dict)  # enterprise index -> unit index


def _box(x: float, y: float, w: float, h: float) -> Outline:
    return tuple((round(a, 1), round(b, 1)) for a, b in ((x, y), (x + w, y), (x + w, y + h), (x, y + h)))


def _floors(count: int) -> list[int]:
    """Return how many units each floor has: the upper floors are cut in two first."""
    extra = count - FLOORS
    return [1 + (floor > FLOORS - extra) for floor in range(1, FLOORS + 1)]


def site(scenario: Scenario) -> Site:
    """Draw a park."""
    chance = rng(scenario.seed, 1)
    unit_count = max(1, round(scenario.enterprises / LET))
    building_count = max(1, -(-unit_count // UNITS_A_BUILDING))
    columns = max(1, -(-building_count // 2))
    width = columns * (LENGTH + GAP) + GAP
    depth = 2 * (DEPTH + GAP) + ROAD + GAP
    built = building_count * LENGTH * DEPTH * FLOORS
    mu = max(width * depth, built / 1.74) / 666.67
    park = Park(
        1, scenario.park, scenario.name, district="绍兴市", area_mu=round(mu, 1), outline=_box(0, 0, width, depth)
    )
    places: list[Place] = []
    units: list[Unit] = []
    buildings: list[int] = []

    def add(parent: int, kind: PlaceKind, code: str, name: str, area: float, floor: int, outline: Outline) -> int:
        number = 2 + len(places)
        places.append(Place(number, 1, parent, kind, code, name, round(area, 1), floor, outline))
        return number

    for b in range(building_count):
        row, column = divmod(b, columns)
        x = GAP + column * (LENGTH + GAP)
        y = GAP + row * (DEPTH + ROAD)
        footprint = _box(x, y, LENGTH, DEPTH)
        code = f"b{b + 1}"
        number = add(1, PlaceKind.BUILDING, code, f"{b + 1}号楼", LENGTH * DEPTH * FLOORS, FLOORS, footprint)
        buildings.append(number)
        here = min(UNITS_A_BUILDING, unit_count - b * UNITS_A_BUILDING)
        strip = DEPTH / FLOORS
        for floor, parts in enumerate(_floors(max(here, FLOORS)), start=1):
            cut = float(chance.uniform(0.4, 0.6)) if parts == 2 else 1.0
            left = 0.0
            for part, share in enumerate((cut, 1.0 - cut)[:parts]):
                w = LENGTH * share
                area = LENGTH * DEPTH * share
                shape = _box(x + left, y + (floor - 1) * strip, w, strip)
                unit_code = f"{code}-{floor}{'0'}{part + 1}"
                name = f"{b + 1}号楼{floor}0{part + 1}"
                place = add(number, PlaceKind.UNIT, unit_code, name, area, floor, shape)
                zone = add(place, PlaceKind.ZONE, f"{unit_code}-hall", f"{name}车间", area * 0.85, floor, shape)
                units.append(Unit(place, zone, b, floor, area, unit_code))
                left += w
    return _let(scenario, Site(park, tuple(places), (), (), tuple(units), tuple(buildings), ()), chance)


def _let(scenario: Scenario, empty: Site, chance: np.random.Generator) -> Site:
    """Fill the units with enterprises."""
    count = scenario.enterprises
    trades = _drawn_trades(count, chance)
    names = _names(trades, chance)
    taken = sorted(chance.permutation(len(empty.units))[:count].tolist())
    chance.shuffle(taken)
    units = list(empty.units)
    places = {p.id: p for p in empty.places}
    enterprises: list[Enterprise] = []
    leases: list[Lease] = []
    for e, (trade, name, u) in enumerate(zip(trades, names, taken, strict=True)):
        unit = units[u]
        crowd = np.sqrt(unit.area / 3320.0)
        staff = max(3, round(float(chance.uniform(*trade.staff)) * 0.8 * crowd))
        size = "micro" if staff < 20 else "small"  # staff limits of the 2011 standard for industry
        enterprises.append(Enterprise(e + 1, 1, f"e-{e + 1:03d}", name, trade.key, staff, size))
        began = scenario.origin - int(chance.uniform(90, 1500)) * DAY
        output = round(staff * 101.4 * float(chance.uniform(0.6, 1.4)))  # 21.8 M yuan for 21.5 people
        leases.append(Lease(e + 1, unit.place, e + 1, began, None, float(output)))
        units[u] = Unit(unit.place, unit.zone, unit.building, unit.floor, unit.area, unit.code, e)
        old = places[unit.place]
        places[unit.place] = Place(old.id, old.park, old.parent, old.kind, old.code, old.name, old.area, old.floor,
                                   old.outline, trade.fire_class, trade.use)  # fmt: skip
    return Site(empty.park, tuple(places.values()), tuple(enterprises), tuple(leases), tuple(units), empty.buildings,
                trades, dict(enumerate(taken)))  # fmt: skip


def _drawn_trades(count: int, chance: np.random.Generator) -> tuple[Trade, ...]:
    """Return trades in the park's proportions: the whole shares first, chance for what is left over."""
    weights = np.array([t.weight for t in TRADES]) / sum(t.weight for t in TRADES) * count
    whole = np.floor(weights).astype(int)
    rest = weights - whole
    for i in chance.choice(len(TRADES), count - whole.sum(), replace=False, p=rest / rest.sum()) if rest.any() else ():
        whole[i] += 1
    drawn = [t for t, n in zip(TRADES, whole, strict=True) for _ in range(n)]
    return tuple(drawn[i] for i in chance.permutation(count))


def _names(trades: tuple[Trade, ...], chance: np.random.Generator) -> list[str]:
    """Return invented company names, all different."""
    brands = [a + b for a in BRAND_FIRST for b in BRAND_SECOND]
    order = chance.permutation(len(brands))
    return [
        f"{TOWN}{brands[order[i % len(brands)]]}{trade.words[int(chance.integers(len(trade.words)))]}有限公司"
        for i, trade in enumerate(trades)
    ]
