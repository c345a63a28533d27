"""The registries that the load generator speaks for."""

from bench.load import METRICS
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.ports import Noun


def load_park(devices: int, gateways: int = 20) -> list[list[Noun]]:
    """Return the nouns of the generator's park in steps; each step refers to numbers of the ones before.

    Numbers are those that an empty registry gives: rising from 1 in the order of saving.
    """
    boxes: list[Noun] = [
        Device(0, 1, f"native:bench/-/g{g:02d}", "gateway", f"Gateway {g}", 1, interval=600_000)
        for g in range(gateways)
    ]
    meters: list[Noun] = [
        Device(
            0,
            1,
            f"native:bench/g{d % gateways:02d}/d{d:05d}",
            "meter",
            f"Meter {d}",
            1,
            1 + d % gateways,
            interval=60_000,
        )
        for d in range(devices)
    ]
    points: list[Noun] = [
        Point(0, 1 + gateways + d, *_split(metric), source_key=metric, interval=2_000)
        for d in range(devices)
        for metric in METRICS
    ]
    alarm: list[Noun] = [
        Device(0, 1, "native:bench/-/smoke1", "smoke_detector", "Smoke 1", 2, lane=Lane.LIFE, interval=3_600_000)
    ]
    unit: list[Noun] = [Place(0, 1, 1, PlaceKind.BUILDING, "b1", "Building 1", 1_000.0)]
    smoke: list[Noun] = [Point(0, 1 + gateways + devices, "smoke", source_key="smoke", interval=3_600_000)]
    return [[Park(0, "bench", "Bench")], unit, boxes, meters, alarm, points, smoke]


def _split(metric: str) -> tuple[str, str]:
    name, _, channel = metric.partition(".")
    return name, channel
