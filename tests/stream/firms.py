"""Enterprises for tests of the ladder: days of amounts through the live stage, and what it says of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from park.activity import iso, numbered
from park.events import ActivityDay
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Batch, Config, DeviceRow, EnterpriseRow, Paper, PaperKind, PlaceRow, PointRow, Tick
from stream.activity import Activity
from stream.pipeline import Pipeline
from tests.stream.contract import DAY, EMPTY_EDGE, HOUR

MONDAY = date(2025, 3, 3)


def config(*metrics, firms=1, calendar="none", interval=HOUR, papers=(), trade="metal", **more):
    """Return a park whose firm n has the points 10 n, 10 n + 1, ... for the metrics."""
    points, enterprises = [], []
    for n in range(1, firms + 1):
        enterprises.append(EnterpriseRow(n, 1, trade, 10))
        for k, metric in enumerate(metrics or ("energy_use",)):
            source = 10 * n + k - 1 if metric == "energy_use" and k and metrics[k - 1] == "energy" else 0
            points.append(PointRow(10 * n + k, metric, n, 100 + n, 1, n, interval=interval, source=source))
    places = (
        PlaceRow(1, 1, 0, "park", "p", calendar=calendar),
        *(PlaceRow(100 + n, 1, 1, "unit", "u") for n in range(1, firms + 1)),
    )
    devices = tuple(DeviceRow(n, 1, 100 + n, Lane.BULK, "meter") for n in range(1, firms + 1))
    return Config(1, 0, tuple(points), devices, places, enterprises=tuple(enterprises), papers=tuple(papers), **more)


def paper(kind, begin, end, firm=1):
    """Return a paper of days counted from MONDAY, the last inclusive."""
    first = numbered(MONDAY.isoformat())
    return Paper(firm, PaperKind(kind), iso(first + begin), iso(first + end))


@dataclass
class Town:
    """A pipeline of the one stage, fed by the day."""

    config: Config
    begin: date = MONDAY
    told: list[ActivityDay] = field(default_factory=list)

    def __post_init__(self):
        self.pipeline = Pipeline(lambda d: (Activity(d),))
        self.pipeline.run(self.config, self.told.append)
        self.start = numbered(self.begin.isoformat()) * DAY - 8 * HOUR

    def rows(self, day, point, hours, quality=Quality.GOOD, received=None):
        """Return the readings of a day, one an hour; None: nothing."""
        step = DAY // max(len(hours), 1)
        at = self.start + day * DAY
        return [
            (point, at + n * step, float(v), int(quality), received or at + n * step)
            for n, v in enumerate(hours)
            if v is not None
        ]

    def give(self, rows):
        """Give readings in order of receipt, with ticks by the hour."""
        for row in sorted(rows, key=lambda r: (r[4], r[0])):
            self.tick(row[4] // HOUR * HOUR)
            self.pipeline.run(Batch(batch_of([row]), EMPTY_EDGE), self.told.append)

    def day(self, n, **hours):
        """Give a day of `p10=[...]` by point: one batch, then the next morning's tick is due with the next day."""
        at = self.start + n * DAY
        self.tick(at)
        rows = [row for name, some in hours.items() for row in self.rows(n, int(name[1:]), some)]
        if rows:
            self.pipeline.run(Batch(batch_of(rows), EMPTY_EDGE), self.told.append)
        self.tick(at + DAY + 6 * HOUR)

    def tick(self, now):
        """Let log time reach a moment."""
        self.pipeline.run(Tick(now), self.told.append)

    def states(self, firm=1):
        """Return the last word on each day, by day from the first."""
        days: dict[str, str] = {}
        for event in self.told:
            if isinstance(event, ActivityDay) and event.enterprise == firm:
                days[event.day] = event.state
        return [days[d] for d in sorted(days)]

    def last(self, firm=1):
        """Return the newest event of a firm."""
        return max((e for e in self.told if isinstance(e, ActivityDay) and e.enterprise == firm), key=lambda e: e.day)


SHAPE = np.array([0.02] * 6 + [0.05] * 2 + [0.075] * 9 + [0.03] * 3 + [0.015] * 4)
SHAPE = SHAPE / SHAPE.sum()


def spread(amount, seed=0):
    """Return a day's amount by hour, higher by day, each a little different."""
    if amount is None:
        return []
    return (amount * SHAPE * np.random.default_rng(seed).uniform(0.95, 1.05, 24)).tolist()


def normal(days, seed=3, sunday=12.0):
    """Return amounts of a factory that works Monday to Saturday."""
    chance = np.random.default_rng(seed)
    return [float((100 if n % 7 < 6 else sunday) * chance.uniform(0.8, 1.2)) for n in range(days)]


def lived(amounts: Sequence[float | None], others: dict[str, Iterable] | None = None, **more) -> Town:
    """Return the town after days of one firm's amounts; `others`: by metric, a day's amounts beside them."""
    metrics = ["energy_use", *(others or {})]
    town = Town(config(*metrics, **more))
    columns = {f"p{10 + k}": list(values) for k, values in enumerate((others or {}).values(), 1)}
    for n, amount in enumerate(amounts):
        beside = {name: spread(values[n], n) for name, values in columns.items()}
        town.day(n, p10=spread(amount, n), **beside)
    return town


def by_reason(event) -> dict[str, list]:
    """Return the figures of an event's evidence by sign."""
    found = defaultdict(list)
    for e in event.evidence:
        found[str(e.sign)].append(dict(e.figures))
    return found


def after(days):
    """Return the ISO date of a day counted from MONDAY."""
    return (MONDAY + timedelta(days=days)).isoformat()
