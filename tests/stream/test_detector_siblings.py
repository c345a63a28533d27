"""A sensor's days against those of its siblings."""

from datetime import date

import numpy as np
import pytest
from contract import DAY, HOUR, START, Case, contract_of, rows
from hypothesis import settings
from hypothesis import strategies as st

from park.events import Anomaly, Baseline, Finding, Reason
from park.metrics import Lane
from park.readings import Quality, ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.detectors.calendar import day_number
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline

SENSORS, SLOWLY = 8, 6 * HOUR
CONFIG = Config(
    1, START,
    points=tuple(PointRow(n, "temperature", n, 10, 9, interval=SLOWLY) for n in range(1, SENSORS + 1)),
    devices=tuple(DeviceRow(n, 9, 10, Lane.BULK, "room_sensor") for n in range(1, SENSORS + 1)),
    places=(PlaceRow(9, 9, 0, "park", "p"), PlaceRow(10, 9, 9, "zone", "z")),
)  # fmt: skip
TestSiblingsContract = contract_of(
    Case("siblings", lambda d: (Unusual(d),), CONFIG,
         rows(range(1, SENSORS + 1), st.sampled_from([20.0, 20.5, 21.0, 90.0]), span=40 * DAY, step=SLOWLY,
              max_size=60, delays=(0, 500))),
    settings(max_examples=10, deadline=None),
)  # fmt: skip
FIRST = 40  # day on which something begins


def told(extra, *, last=70, sensors=SENSORS, cut=1, silent=1_000, start=START):
    """Return what is said of sensors that are `extra(days since FIRST)` K off; the weather wanders by days.

    The first says nothing from the day `silent` on.
    """
    pipeline = Pipeline(lambda d: (Unusual(d),))
    pipeline.run(CONFIG, lambda _: None)
    found = []
    chance = np.random.default_rng(7)
    weather = np.cumsum(chance.normal(0, 1.5, last))
    point = np.arange(1, sensors + 1, dtype=np.int32)
    for turn in range(last * 4):
        day = turn // 4
        ts = np.full(sensors, start + turn * SLOWLY)
        value = 20 + weather[day] + 3 * np.sin(turn) + point / 4 + chance.normal(0, 0.2, sensors)
        value += np.broadcast_to(extra(day - FIRST), SENSORS)[:sensors] if day >= FIRST else 0
        pipeline.run(Tick(int(ts[0])), found.append)
        for part in np.array_split(np.arange(day >= silent, sensors), cut):
            n = len(part)
            batch = ReadingBatch(point[part], ts[part], value[part], np.full(n, Quality.GOOD, np.uint8), ts[part])
            pipeline.operators[0].on_batch(batch, found.append)
    return [f for f in found if isinstance(f, Finding) and f.baseline is Baseline.SIBLINGS]


def only(of_first):
    """Return what is off of the first sensor, and of no other."""
    return lambda day: np.where(np.arange(SENSORS) == 0, of_first(day), 0.0)


class TestDrift:
    def test_told_and_over(self):
        """A sensor that drifts by half a kelvin a day is told in eight days, once, and over when it is right again."""
        found = told(only(lambda day: 0.5 * day if day < 14 else 0.0))

        assert [(1, Reason.UNUSUAL), (1, Reason.USUAL_AGAIN)] == [(f.point, f.reason) for f in found]
        assert (FIRST + 1) * DAY <= found[0].since - START <= found[0].at - START <= (FIRST + 8) * DAY
        assert [True, Anomaly.DRIFT, True] == [found[0].rising, found[0].anomaly, found[0].value > found[0].high]
        assert len({f.episode for f in found}) == 1

    def test_about_a_festival(self):
        """In the weeks about Spring Festival, whose days may be worked or not, it is told as soon, and calm is not."""
        weeks = 21  # days more than others have, until enough days of rest are known
        start = (day_number(date(2026, 2, 9)) - FIRST - weeks) * DAY - 8 * HOUR
        found = told(only(lambda day: 0.5 * (day - weeks) if weeks <= day < weeks + 12 else 0.0), last=80, start=start)

        assert [(1, Reason.UNUSUAL), (1, Reason.USUAL_AGAIN)] == [(f.point, f.reason) for f in found]
        assert found[0].at - start <= (FIRST + weeks + 8) * DAY
        assert [] == told(lambda _: 0.0, last=80, start=start)

    @pytest.mark.parametrize(
        "extra",
        [
            pytest.param(lambda _: 0.0, id="weather"),
            pytest.param(lambda day: 0.5 * day, id="all of them"),
            pytest.param(lambda day: np.where(np.arange(SENSORS) < 3, 0.5 * day, 0.0), id="more than a quarter"),
            pytest.param(only(lambda day: 3.0 if day < 2 else 0.0), id="two days"),
            pytest.param(only(lambda day: 3.0 if day % 2 else -3.0), id="to and fro"),
            pytest.param(only(lambda _: 0.6), id="within what a sensor errs"),
        ],
    )
    def test_untold(self, extra):
        """What all do, what is over soon, what has no direction and what no sensor can tell is no drift."""
        assert told(extra, last=60) == []

    def test_silent(self):
        """Of a sensor that says nothing more it is over a month later."""
        found = told(only(lambda day: 1.0 * day), last=82, silent=50)

        assert [Reason.UNUSUAL, Reason.USUAL_AGAIN] == [f.reason for f in found]
        assert found[0].episode == found[1].episode

    def test_few(self):
        """Four sensors make no middle."""
        assert told(only(lambda day: 0.5 * day), last=55, sensors=4) == []

    def test_cut(self):
        """However the readings of a moment are cut, the same is told."""
        course = only(lambda day: 0.5 * day)

        assert told(course, last=48) == told(course, last=48, cut=3) != []
