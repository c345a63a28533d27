"""What a park does with its days: the feeds look as they should and agree with each other."""

from datetime import date

import numpy as np
import pytest

from park.readings import concat
from simulators.history import STEP, Past
from simulators.injections import Injection
from simulators.registry import park_plan
from simulators.scenario import DAY, HOUR, PARK_OFFSET, QUARTER, Scenario, midnight
from simulators.signals import Signals
from simulators.workdays import day_kind, festival_share, new_year, park_date
from simulators.world import World

MONDAY = midnight(1_772_000_000_000)  # late February 2026
JANUARY = midnight(1_768_000_000_000)  # 10 January 2026


def world_of(start, days, **scenario):
    plan = park_plan(Scenario(start, faults=0.0, fires=False, **scenario))
    world = World(plan, ())
    world.extend(start + (days - 1) * DAY)
    return plan, world


@pytest.fixture(scope="module")
def spring():
    return world_of(midnight(1_775_000_000_000), 56)  # April and May 2026


def by_day(world, name, days):
    return world.levels[name].values[:, : days * 96].reshape(-1, days, 96)


class TestCalendar:
    def test_make_up_saturday_is_worked(self):
        """28 February 2026 is a Saturday worked for Spring Festival."""
        assert day_kind(date(2026, 2, 28)).makeup
        assert not day_kind(date(2026, 2, 28)).rest

    def test_weekend_inside_national_day_is_a_holiday(self):
        """Sunday 4 October 2026 lies in the holiday and is no ordinary Sunday."""
        assert day_kind(date(2026, 10, 4)).rest == "holiday"

    def test_new_year_is_lunar(self):
        """New Year 2026 is on 17 February."""
        assert date(2026, 2, 17) == new_year(2026)

    @pytest.mark.parametrize(("offset", "share"), [(0, 0.03), (6, 0.458), (15, 0.773), (40, 1.0), (-30, 1.0)])
    def test_way_back_after_the_festival(self, offset, share):
        """The index of returned work is Changde's: 45.8 on the 7th, 77.3 on the 16th of the first month."""
        day = date.fromordinal(new_year(2026).toordinal() + offset)

        assert share == pytest.approx(festival_share(day))


class TestEnergy:
    def test_weekend_uses_less(self, spring):
        """A Sunday's energy is well below a working day's, and above nothing."""
        plan, world = spring
        kwh = by_day(world, "power", 56)[:45].sum((0, 2)) / 4
        kinds = [day_kind(park_date(plan.scenario.origin + d * DAY)).rest for d in range(56)]
        working = np.mean([k for k, r in zip(kwh, kinds, strict=True) if not r])
        sunday = np.mean([k for k, r in zip(kwh, kinds, strict=True) if r == "sunday"])

        assert 0.15 < sunday / working < 0.7

    def test_night_floor(self, spring):
        """Between two and five a day-shift firm rests at its floor, a cold store does not rest."""
        plan, world = spring
        power = by_day(world, "power", 56)[:45]
        for e, trade in enumerate(plan.site.trades):
            share = power[e, :, 8:20].mean() / power[e, :, 32:44].mean()
            if trade.shifts == "day":
                assert share < 0.4
            if trade.cold is not None:
                assert share > 0.7

    def test_spring_festival_dip(self):
        """In the festival's first days the park uses less than 45 % of a January working day."""
        plan, world = world_of(JANUARY, 50)
        kwh = by_day(world, "power", 50)[:45].sum((0, 2))
        first = (new_year(2026) - park_date(plan.scenario.origin)).days
        cold = [e for e, t in enumerate(plan.site.trades) if t.cold is None]
        dry = by_day(world, "power", 50)[cold].sum((0, 2))

        assert kwh[first : first + 4].mean() < 0.45 * np.median(kwh[:21])
        assert dry[first : first + 4].mean() < 0.3 * np.median(dry[:21])

    def test_register_is_the_integral_of_power(self, spring):
        """A register's rise over a week equals the mean of frequent power readings times the hours."""
        plan, _ = spring
        signals = Signals(plan, ())
        start = plan.scenario.origin + 3 * DAY
        for p in [p for p in plan.points if p.metric == "power"][:12]:
            register = next(q for q in plan.points if q.device == p.device and q.metric == "energy")
            ts = np.arange(start, start + 7 * DAY, 5 * 60_000, dtype=np.int64)
            power = signals.at(np.full(len(ts), p.id), ts, ts - 1)
            ends = np.array([start, start + 7 * DAY], np.int64)
            read = signals.at(np.full(2, register.id), ends, ends - 1)
            used = (read[1] - read[0]) % (register.modulus or np.inf) * register.ratio

            assert used == pytest.approx(power.mean() * 168, rel=0.01)

    def test_buildings_add_up(self, spring):
        """A building's load is that of its tenants and a little more; the park's that of the buildings."""
        plan, world = spring
        power = world.levels["power"].values[:, : 56 * 96]
        tenants, buildings, park = power[:45], power[45:-1], power[-1]

        assert (buildings.sum(0) > tenants.sum(0)).all()
        assert park.sum() == pytest.approx(buildings.sum(), rel=0.05)
        assert len(plan.site.buildings) == len(buildings)


class TestPeople:
    def test_who_comes_goes(self, spring):
        """Over a day about as many people leave an enterprise's door as enter it."""
        _, world = spring
        came = np.diff(world.totals["people_in"].values[:, : 56 * 96 + 1 : 96])
        left = np.diff(world.totals["people_out"].values[:, : 56 * 96 + 1 : 96])

        assert came.sum() == pytest.approx(left.sum(), rel=0.02)
        assert np.abs(came - left).max() <= 0.15 * came.max()

    def test_doors_miscount(self, spring):
        """Doors miss some crossings: what they say of who is inside drifts from the truth."""
        _, world = spring
        said = world.totals["people_in"].values[:, 56 * 96] - world.totals["people_out"].values[:, 56 * 96]

        assert np.abs(said - world.levels["inside"].values[:, 56 * 96 - 1]).max() > 3

    def test_nobody_at_night_in_a_day_firm(self, spring):
        """At three in the morning a day-shift firm is empty."""
        plan, world = spring
        day = [e for e, t in enumerate(plan.site.trades) if t.shifts in {"day", "office", "shop"}]

        assert by_day(world, "inside", 56)[day, :, 12].sum() == 0


class TestStopped:
    def test_an_idle_firm_is_idle_in_every_feed(self):
        """Once a tenant has stopped there are no people, no pieces, no lorries, and the night's load."""
        plan = park_plan(Scenario(MONDAY))
        e = next(i for i, t in enumerate(plan.site.trades) if t.pieces and t.vehicles >= 7)
        at = MONDAY + 14 * DAY
        world = World(plan, (Injection("x", "stop", at, at + 400 * DAY, 0.1, enterprise=e),))
        world.extend(MONDAY + 28 * DAY)
        after = slice(16 * 96, 28 * 96)
        power = world.levels["power"].values[e]

        assert world.levels["inside"].values[e, after].sum() == 0
        for name in ("people_in", "pieces", "dock_in"):
            total = world.totals[name].values[e]
            assert total[16 * 96] == total[28 * 96]
        assert power[after].mean() < 0.2 * power[: 14 * 96].mean()


@pytest.fixture(scope="module")
def past():
    plan = park_plan(Scenario(MONDAY, faults=0.0, fires=False))
    return Past(plan, ())


class TestHistory:
    def test_machine_runs_when_pieces_come(self, past):
        """Hours with pieces have running time and hours without have none."""
        readings = concat([past.received(MONDAY + i * STEP, MONDAY + (i + 1) * STEP) for i in range(28)])
        for device in [d for d in past.plan.devices if d.kind == "machine"][:10]:
            made, ran = (
                readings.value[readings.point == p.id] for p in past.plan.points
                if p.device == device.id and p.metric in {"output_count", "run_time"}
            )  # fmt: skip

            assert (ran[made > 0] > 0).all()
            assert (made[ran == 0] == 0).all()

    def test_values_are_possible(self, past):
        """Without faults every value lies within what its metric can be."""
        readings = past.received(MONDAY, MONDAY + DAY)
        signals = past.signals

        assert (readings.value >= signals._low[readings.point]).all()
        assert (readings.value <= signals._high[readings.point]).all()

    def test_weather_has_seasons_and_afternoons(self):
        """July is hot, January cold, and three in the afternoon warmer than five in the morning."""
        _, world = world_of(MONDAY, 1)
        hours = np.arange(JANUARY, JANUARY + 365 * DAY, HOUR, dtype=np.int64)
        degrees = world.outdoor(hours)[0]
        hour = (hours + PARK_OFFSET) % DAY // HOUR

        assert degrees[: 20 * 24].mean() < 9
        assert 25 < degrees[185 * 24 : 205 * 24].mean() < 33
        assert degrees[hour == 15].mean() - degrees[hour == 5].mean() > 5


def test_registers_roll_over():
    """Within half a year some registers pass their modulus and start again from zero."""
    plan = park_plan(Scenario(JANUARY, faults=0.0, fires=False))
    signals = Signals(plan, ())
    rolled = 0
    for p in (p for p in plan.points if p.metric in {"energy", "water"} and p.modulus):
        ts = np.array([JANUARY, JANUARY + 120 * DAY], np.int64)
        first, last = signals.at(np.full(2, p.id), ts, ts - QUARTER)
        rolled += last < first

    assert rolled >= 3
