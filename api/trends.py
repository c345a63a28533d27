"""How a park's feeds went, hour by hour: one quantity for each, added up over the park. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from api.schemas import Trend, Trends
from api.view import ParkView
from park.events import Rollups
from park.metrics import METRICS, Feed
from park.model import PlaceKind

HOUR: Final = 3_600_000  # ms


class Fold(StrEnum):
    """How the points of a park become one number an hour."""

    SUM = "sum"  # of amounts, over the outermost meters only: a building's meter counts its units too
    MEAN = "mean"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Told:
    """Which quantity stands for a feed."""

    metric: str
    fold: Fold


# What people call the pulse of each feed. The first of which a park has points is shown.
TOLD: Final[dict[Feed, tuple[Told, ...]]] = {
    Feed.ENERGY: (Told("energy_use", Fold.SUM), Told("power", Fold.MEAN)),
    Feed.WATER: (Told("water_use", Fold.SUM), Told("water_flow", Fold.MEAN)),
    Feed.PEOPLE: (Told("people_in", Fold.SUM), Told("people_inside", Fold.MEAN)),
    Feed.VEHICLES: (Told("vehicles_in", Fold.SUM), Told("parcels", Fold.SUM)),
    Feed.ENVIRONMENT: (Told("pm25", Fold.MEAN), Told("temperature", Fold.MEAN), Told("humidity", Fold.MEAN)),
    Feed.FIRE: (Told("smoke_obscuration", Fold.MAX), Told("residual_current", Fold.MAX), Told("co", Fold.MAX)),
    Feed.PRODUCTION: (Told("output_count", Fold.SUM), Told("run_time", Fold.SUM)),
}
_OUTERMOST: Final = (PlaceKind.PARK, PlaceKind.BUILDING, PlaceKind.UNIT, PlaceKind.ZONE)


def points_of(view: ParkView, told: Told) -> list[int]:
    """Return the points that a feed's number is made of."""
    points = [row for row in view.rows.values() if row.metric == told.metric]
    if told.fold is not Fold.SUM:
        return [row.point for row in points]
    by_level: dict[PlaceKind, list[int]] = {}
    for row in points:
        place = view.places.get(row.place)
        by_level.setdefault(place.kind if place else PlaceKind.PARK, []).append(row.point)
    return next((by_level[level] for level in _OUTERMOST if level in by_level), [])


def chosen(view: ParkView) -> dict[Feed, tuple[Told, list[int]]]:
    """Return for each feed what is told of it, and the points of it; feeds without points are left out."""
    found = {}
    for feed, options in TOLD.items():
        for told in options:
            if points := points_of(view, told):
                found[feed] = told, points
                break
    return found


def trend(feed: Feed, told: Told, points: list[int], hours: Rollups, start: int, end: int) -> Trend:
    """Return one feed's numbers, one an hour from `start` on; None for hours without good readings."""
    count = (end - start) // HOUR
    slot = (hours.start - start) // HOUR
    rows = (hours.count > 0) & (slot >= 0) & (slot < count)
    slot, readings = slot[rows], hours.count[rows]
    value = np.zeros(count)
    seen = np.zeros(count, np.int64)
    np.add.at(seen, slot, readings)
    if told.fold is Fold.MAX:
        value[:] = -np.inf
        np.maximum.at(value, slot, hours.high[rows])
    else:
        np.add.at(value, slot, hours.total[rows])
        if told.fold is Fold.MEAN:
            value /= np.maximum(seen, 1)
    metric = METRICS[told.metric]
    return Trend(
        feed=feed, metric=metric.name, zh=metric.zh, en=metric.en, unit=metric.unit, fold=told.fold,
        points=len(points),
        value=[float(v) if n else None for v, n in zip(value, seen.tolist(), strict=True)],
    )  # fmt: skip


def trends(view: ParkView, told: list[Trend], start: int, now: int) -> Trends:
    """Return the answer: the last hour is the one that runs, so it is not whole yet."""
    return Trends(park=view.park.id, at=now, start=start, step=HOUR, trends=told)
