"""The registries that the load generator speaks for."""

from bench.load import METRICS, park_codes
from park.metrics import Lane
from park.model import Device, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.ports import Noun, RegistryStore
from park.settings import Settings
from runtime.house import House


def fill(settings: Settings, devices: int, parks: int = 1, enterprises: int = 0, gateways: int = 20) -> None:
    """Fill the registry of a data folder with the load's parks, before a platform starts on it."""
    with House.open(settings) as house:
        fill_registry(house.registry, devices, parks, enterprises, gateways)


def fill_registry(
    registry: RegistryStore, devices: int, parks: int = 1, enterprises: int = 0, gateways: int = 20
) -> None:
    """Fill a registry with the load's parks: one instance's, or a city's."""

    def save(things: list[Noun]) -> list[int]:
        ids: list[int] = []
        for at in range(0, len(things), 50_000):
            ids += [t.id for t in registry.save(things[at : at + 50_000], actor="bench", reason="bench", now=1)]
        return ids

    codes = park_codes(parks)
    park = save([Park(0, code, code) for code in codes])
    building = save([Place(0, p, p, PlaceKind.BUILDING, "b1", "Building 1", 10_000.0) for p in park])
    if enterprises:
        of = [n % parks for n in range(enterprises)]
        units = save(
            [Place(0, park[k], building[k], PlaceKind.UNIT, f"u{n}", f"Unit {n}", 300.0) for n, k in enumerate(of)]
        )
        firms = save([Enterprise(0, park[k], f"e{n}", f"Firm {n}") for n, k in enumerate(of)])
        save([Lease(0, unit, firm, 0) for unit, firm in zip(units, firms, strict=True)])
    else:
        units = building
    boxes = save(
        [
            Device(
                0,
                park[k],
                f"native:{codes[k]}/-/g{g:02d}",
                "gateway",
                f"Gateway {g}",
                building[k],
                interval=86_400_000,  # the load speaks for devices only
            )
            for k in range(parks)
            for g in range(gateways)
        ]
    )
    meters: list[Noun] = []
    for d in range(devices):
        k, g = d % parks, d // parks % gateways
        # Units were dealt out round by round, so every parks-th one is of this park.
        place = units[k + (d // parks % (len(units) // parks)) * parks]
        key = f"native:{codes[k]}/g{g:02d}/d{d:05d}"
        meters.append(Device(0, park[k], key, "meter", f"Meter {d}", place, boxes[k * gateways + g], interval=60_000))
    numbers = save(meters)
    save(
        [
            Point(0, number, metric.partition(".")[0], metric.partition(".")[2], source_key=metric, interval=15_000)
            for number in numbers
            for metric in METRICS
        ]
    )
    key = f"native:{codes[0]}/-/smoke1"
    smoke = save(
        [Device(0, park[0], key, "smoke_detector", "Smoke 1", building[0], lane=Lane.LIFE, interval=3_600_000)]
    )
    save([Point(0, smoke[0], "smoke", source_key="smoke", interval=3_600_000)])
