"""How a park's feeds went, hour by hour: one quantity for each, added up over the park."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from threading import Lock
from typing import Final

import numpy as np

from api.schemas_parks import Trend, Trends
from api.view import ParkView
from park.events import Level, Rollups
from park.metrics import METRICS, Feed
from park.model import PlaceKind
from park.ports import Buckets, ReadingStore

HOUR: Final = 3_600_000  # ms
KEPT: Final = 60_000  # ms
_MOST: Final = 64  # answers kept


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


def trend(
    store: ReadingStore, feed: Feed, told: Told, points: list[int], start: int, count: int
) -> Trend:  # fmt: skip
    """Return one feed's numbers of so many whole hours from `start` on; None for hours without readings."""
    value = np.full(count, -np.inf) if told.fold is Fold.MAX else np.zeros(count)
    seen = np.zeros(count, np.int64)
    for hours in _hours(store, points, start, start + count * HOUR):
        rows = hours.count > 0
        slot = (hours.start[rows] - start) // HOUR
        np.add.at(seen, slot, hours.count[rows])
        if told.fold is Fold.MAX:
            np.maximum.at(value, slot, hours.high[rows])
        else:
            np.add.at(value, slot, hours.total[rows])
    if told.fold is Fold.MEAN:
        value /= np.maximum(seen, 1)
    metric = METRICS[told.metric]
    return Trend(
        feed=feed, metric=metric.name, zh=metric.zh, en=metric.en, unit=metric.unit, fold=told.fold,
        points=len(points),
        value=[float(v) if n and np.isfinite(v) else None for v, n in zip(value, seen.tolist(), strict=True)],
    )  # fmt: skip


def _hours(store: ReadingStore, points: list[int], start: int, end: int) -> Iterator[Rollups | Buckets]:
    """Yield the hours of some points: one question for all whose rollups are whole, one each for the rest.

    Rollups leave out windows that one reading tells as well, and those that are not closed yet.
    """
    rolled = store.rollups(Level.HOUR, points, start, end)
    number, hours = np.unique(rolled.point, return_counts=True)
    whole = number[hours == (end - start) // HOUR]
    keep = np.isin(rolled.point, whole)
    yield Rollups(
        rolled.level, *(getattr(rolled, f.name)[keep] for f in fields(rolled)[1:])
    )  # fmt: skip
    for point in set(points) - set(whole.tolist()):
        yield store.buckets(point, start, end, HOUR)


class Trendbook:
    """The hours of parks, asked for once a minute at most however many pages are open."""

    def __init__(self, store: ReadingStore) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[int, int, int, int], Trends] = OrderedDict()
        self._lock = Lock()

    def of(self, view: ParkView, hours: int, now: int) -> Trends:
        """Return the whole hours of a park."""
        key = view.park.id, view.version, hours, now // KEPT
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._ask(view, hours, now)
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            return self._kept[key]

    def _ask(self, view: ParkView, hours: int, now: int) -> Trends:
        start = now - now % HOUR - hours * HOUR
        told = [
            trend(self._store, feed, what, points, start, hours) for feed, (what, points) in chosen(view).items()
        ]  # fmt: skip
        return Trends(park=view.park.id, at=now, start=start, step=HOUR, trends=told)
