"""Fires: the fitted curves against the recorded ones, and what detectors say while a unit burns."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from simulators.fires import FIRES, OUT, courses, first_above, per_metre
from simulators.history import Past
from simulators.injections import fire
from simulators.registry import park_plan
from simulators.scenario import DAY, HOUR, Scenario, midnight

START = midnight(1_772_000_000_000)
SHARED = Path(os.environ.get("PARK_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
CHANNELS = [(f, name) for f in FIRES for name in ("heat", "smoke", "next_heat", "next_smoke", "co")]


def recorded(fire, column):
    path = SHARED / "nist_smoke" / f"NIST_Smoke_Alarms_{fire.name}.csv"
    if not path.exists():
        pytest.skip("the recorded fires are not here: set PARK_SHARED_DATA")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [(float(r["TIME"]), float(r[column])) for r in rows if r[column].strip()]
    return np.array(pairs).T


@pytest.mark.parametrize(("fire", "name"), CHANNELS, ids=[f"{f.name}-{n}" for f, n in CHANNELS])
def test_fit_follows_the_recording(fire, name):
    """The fitted growth stays within its stated error of the real channel (CO: smoothed over 22 s)."""
    growth = getattr(fire, name)
    seconds, values = recorded(fire, growth.column)
    values = values * growth.scale
    if name == "co":
        values = np.convolve(values, np.ones(11) / 11, "valid")
        seconds = seconds[5:-5]
    error = np.sqrt(np.mean((growth.base + growth.rise(seconds) - values) ** 2)) / np.ptp(values)

    assert error <= growth.error


def test_optical_density_is_not_linear():
    """A density of 1/m leaves a tenth of the light: 90 %/m."""
    assert pytest.approx(float(per_metre(np.array([1.0]))[0])) == 90.0


@pytest.mark.parametrize("fire", FIRES, ids=lambda f: f.name)
def test_the_room_of_origin_comes_first(fire):
    """Smoke passes 12 %/m in the room of origin before the next room, and within two minutes."""
    here, there = (
        first_above(fire, "smoke_obscuration", 12.0),
        first_above(fire, "smoke_obscuration", 12.0, next_room=True),
    )

    assert here < there
    assert here < 120


def test_a_fire_ends():
    """Ten minutes after it was put out a fire has nearly cleared."""
    late = courses(FIRES[0], np.array([OUT + 1_200.0]))

    assert late["temperature"][0] < 2


@pytest.fixture(scope="module")
def burning():
    plan = park_plan(Scenario(START, faults=0.0, fires=False))
    event = fire(plan, 3, START + DAY, START + DAY + HOUR, 1, "test")
    return plan, event, Past(plan, (event,)).received(START + DAY - HOUR, START + DAY + 2 * HOUR)


class TestUnit:
    def test_two_devices_see_it(self, burning):
        """Two independent devices of the unit go into alarm within three minutes."""
        plan, event, _ = burning
        soon = {plan.points[p - 1].device for p, begin, _ in event.states if begin < event.start + 180_000}

        assert len([d for d in soon if plan.unit_of[d - 1] == 3]) >= 2

    def test_detectors_hold_until_reset(self, burning):
        """A smoke state rises once, stays until the reset, and is normal after it."""
        _, event, readings = burning
        point, begin, end = event.states[0]
        mine = readings.rows(readings.point == point)

        assert (mine.value == ((mine.ts >= begin) & (mine.ts < end))).all()
        assert mine.value.any()

    def test_heat_and_smoke_rise(self, burning):
        """The analogue channels of the unit's detector follow the curve."""
        plan, event, readings = burning
        by_metric = {plan.points[p - 1].metric: p for p, _, beside in event.curves if not beside}
        for metric, rise in (("temperature", 100.0), ("smoke_obscuration", 50.0), ("co", 300.0)):
            values = readings.value[readings.point == by_metric[metric]]

            assert values.max() - values[0] > rise

    def test_other_units_stay_quiet(self, burning):
        """Nobody else in the park says alarm."""
        plan, event, readings = burning
        touched = {p for p, *_ in event.states}
        states = [p.id for p in plan.points if p.metric in {"smoke", "heat", "call_point"} and p.id not in touched]

        assert not readings.value[np.isin(readings.point, states)].any()
