"""What the pages draw behind the newest values: hours of each feed, and the limits."""

from dataclasses import replace

import numpy as np
from api_house import NOW, Client

from api.app import create_app
from api.trends import HOUR
from park.events import Level, Rollups
from park.metrics import Lane
from park.model import Device, Point
from park.ports import Chunk
from park.records import LimitRow


def hours(point, *values, end=NOW):
    """Return whole hours of a point, the last of which begins an hour before `end`; one reading each."""
    n = len(values)
    value = np.array(values, np.float64)
    start = end - HOUR * np.arange(n, 0, -1)
    return Rollups(
        Level.HOUR, np.full(n, point, np.int32), start, np.ones(n, np.int32), value, value, value, value, start,
        np.full(n, HOUR), np.zeros(n, np.int32),
    )  # fmt: skip


def saved(house, thing):
    """Save a thing; return its number."""
    (kept,) = house.services.registry.save([thing], actor="test", reason="", now=NOW)
    return kept.id


class TestTrends:
    def test_outermost_meter(self, viewer, house):
        """Amounts are those of the outermost meters: what a building's meter counts is not counted again."""
        ids, store = house.ids, house.services.readings
        main = saved(house, Device(0, ids.park, "native:xixing/gw/main", "meter", "楼总表", ids.building))
        energy = saved(house, Point(0, main, "energy", source_key="energy"))
        uses = {p.source: p.id for p in house.services.registry.find(Point, metric="energy_use")}
        rollups = (hours(uses[energy], 10.0, 30.0, 7.0), hours(uses[ids.energy], 4.0, 5.0, 6.0))
        store.write(Chunk(Lane.BULK, 2, store.raw(ids.power, 0, 1, 1), rollups))

        told = viewer.get(f"/parks/{ids.park}/trends", hours=4)
        (use,) = [t for t in told["trends"] if t["feed"] == "energy"]

        assert (use["metric"], use["fold"], use["points"], use["value"]) == (
            "energy_use", "sum", 1, [None, 10.0, 30.0, 7.0],
        )  # fmt: skip
        assert (told["start"], told["step"]) == (NOW - 4 * HOUR, HOUR)

    def test_worst_of_all(self, viewer, house):
        """Of smoke the greatest value of any detector is told."""
        ids, store = house.ids, house.services.readings
        points = [saved(house, Point(0, ids.smoke, "smoke_obscuration", c, source_key=c)) for c in ("a", "b")]
        store.write(
            Chunk(Lane.LIFE, 2, store.raw(ids.power, 0, 1, 1), (hours(points[0], 0.5, 0.1), hours(points[1], 0.2, 4.0)))
        )

        told = viewer.get(f"/parks/{ids.park}/trends", hours=2)
        (smoke,) = [t for t in told["trends"] if t["feed"] == "fire"]

        assert (smoke["fold"], smoke["points"], smoke["value"]) == ("max", 2, [0.5, 4.0])

    def test_nothing_measured(self, viewer, house):
        """A feed without points is left out, not told as zero."""
        assert "vehicles" not in [t["feed"] for t in viewer.get(f"/parks/{house.ids.park}/trends")["trends"]]

    def test_scope(self, app, house):
        """A key learns nothing of other parks."""
        assert 404 == Client(app, "park_other")("GET", f"/parks/{house.ids.park}/trends").status_code

    def test_asked_once(self, house):
        """Many pages at once cost the store one question a minute."""
        asked = []
        store = house.services.readings

        class Counting:
            def rollups(self, *of):
                asked.append(of)
                return store.rollups(*of)

            def __getattr__(self, name):
                return getattr(store, name)

        viewer = Client(create_app(replace(house.services, readings=Counting())), "park_viewer")
        answers = [viewer.get(f"/parks/{house.ids.park}/trends") for _ in range(3)]

        assert answers[0] == answers[1] == answers[2]
        assert len(asked) == len(answers[0]["trends"])


class TestLimits:
    def test_table(self, house):
        """The table that the stages hold values to can be asked for."""
        row = LimitRow("co2", "co2", "low", "GB/T 18883-2022", high=1000.0)
        app = create_app(replace(house.services, limits=lambda: (row,)))

        assert Client(app, "park_viewer").get("/limits") == [
            {"rule": "co2", "metric": "co2", "severity": "low", "basis": "GB/T 18883-2022", "high": 1000.0,
             "low": None, "kinds": []}
        ]  # fmt: skip
