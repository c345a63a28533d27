"""The park that tests of registries begin with."""

from park.model import Device, Enterprise, Lease, Park, Place, PlaceKind, Point

T0 = 1_760_000_000_000
DAY = 86_400_000
WHO = {"actor": "li", "reason": "test", "now": T0}

PLAN = [
    Park(-1, "north", "North Park", area_mu=30),
    Place(-2, -1, -1, PlaceKind.BUILDING, "A", "Hall A"),
    Place(-3, -1, -2, PlaceKind.UNIT, "A-101", "Unit 101", area=120, outline=((0, 0), (10, 0), (10, 12))),
    Place(-4, -1, -2, PlaceKind.UNIT, "A-102", "Unit 102"),
    Enterprise(-1, -1, "E1", "Firm One"),
    Enterprise(-2, -1, "E2", "Firm Two"),
    Lease(0, -3, -1, T0 - 100 * DAY),
    Device(-1, -1, "native:north/-/gw1", "gateway", place=-2),
    Device(-2, -1, "native:north/gw1/m1", "meter", place=-3, gateway=-1),
    Point(-1, -2, "energy", source_key="energy", modulus=1e6, ratio=40),
    Point(-2, -2, "power", source_key="power", scale=0.001),
]


def one(registry, kind, /, **equal):
    (thing,) = registry.find(kind, **equal)
    return thing


def lone(registry, kind, /, **equal):
    return one(registry, kind, **equal).id
