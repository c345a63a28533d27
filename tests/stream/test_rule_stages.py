"""Stages of computed measures and windows: the contract, and what each says."""

from dataclasses import replace

import numpy as np
import pytest
from contract import DAY, HOUR, MINUTE, START, Case, contract_of, records_of, rows, run, started
from hypothesis import given
from hypothesis import strategies as st

from park.events import AlarmState, Finding, Reason, Severity
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Config, DeviceRow, LimitRow, PlaceRow, PointRow, Tick
from stream.balance import Balance
from stream.crowding import Crowding
from stream.discharge import Discharge
from stream.electricity import Electricity, current_unbalance, line_unbalance, sequence_unbalance
from stream.means import LATENESS, Means
from stream.pipeline import Pipeline
from stream.repeated import Repeated

ON, OFF = AlarmState.ACTIVE, AlarmState.CLEARED
BASIS = "I: a test"
PLACES = (
    PlaceRow(9, 9, 0, "park", "p"), PlaceRow(10, 9, 9, "building", "b"), PlaceRow(11, 9, 10, "unit", "u1"),
    PlaceRow(12, 9, 10, "unit", "u2"), PlaceRow(13, 9, 11, "zone", "z", area=20.0),
)  # fmt: skip


def rule(name, metric, severity="medium", **more):
    return LimitRow(name, metric, severity, BASIS, version="2026-01-01", **more)


def meter(device, place, kind="meter"):
    return DeviceRow(device, 9, place, Lane.BULK, kind)


def config(points, devices, *limits):
    return Config(1, START, tuple(points), tuple(devices), PLACES, limits)


def told(stage, configuration, items):
    """Return (rule, state, seconds since START, value) of what a stage says of readings."""
    after = 4 * MINUTE if stage is Electricity else 2 * DAY  # one lives by the minute
    pipeline = Pipeline(lambda d: (stage(d),))
    pipeline.run(configuration, lambda _: None)
    out = run(pipeline, records_of(items, (), after))
    return [
        (e.rule, e.state, (e.at - START) / 1000, None if e.value is None else round(e.value, 2)) for e in out.events
    ]


def steady(point, value, begin, end, step=MINUTE, quality=Quality.GOOD):
    return [(point, START + t, float(value), int(quality), START + t) for t in range(begin, end, step)]


# ── formulas ─────────────────────────────────────────────────────────────────────────────────────


def phases(a, b, c):
    """Return the magnitudes of negative and positive sequence by their definition."""
    turn = np.exp(2j * np.pi / 3)
    va, vb, vc = a, b * turn**2, c * turn
    return abs(va + turn**2 * vb + turn * vc), abs(va + turn * vb + turn**2 * vc)


VOLTS = st.floats(100, 300)


class TestFormulas:
    def test_known_value(self):
        """230/220/210 V are 2.62 % unbalanced, not the 9.1 % of (max - min) / mean."""
        assert pytest.approx(2.62, abs=0.005) == float(sequence_unbalance(*np.array([[230.0], [220.0], [210.0]]))[0])

    @given(VOLTS, VOLTS, VOLTS)
    def test_sequence_is_the_definition(self, a, b, c):
        """The short formula is V2/V1 of the symmetrical components."""
        negative, positive = phases(a, b, c)

        assert pytest.approx(100 * negative / positive, abs=1e-6) == float(
            sequence_unbalance(np.array([a]), np.array([b]), np.array([c]))[0]
        )

    @given(VOLTS, VOLTS, VOLTS)
    def test_line_is_the_definition(self, a, b, c):
        """From the line voltages of the same phases comes V2/V1 of the line voltages' components."""
        turn = np.exp(2j * np.pi / 3)
        va, vb, vc = a, b * turn**2, c * turn
        ab, bc, ca = va - vb, vb - vc, vc - va
        negative, positive = abs(ab + turn**2 * bc + turn * ca), abs(ab + turn * bc + turn**2 * ca)

        found = float(line_unbalance(*(np.array([abs(v)]) for v in (ab, bc, ca)))[0])

        assert pytest.approx(100 * negative / positive, abs=1e-4) == found

    def test_current(self):
        """Currents are held by (max - min) / max."""
        assert 15.0 == float(current_unbalance(np.array([100.0]), np.array([90.0]), np.array([85.0]))[0])


# ── electricity ──────────────────────────────────────────────────────────────────────────────────

PHASES = [PointRow(n, "voltage", 1, 11, 9, channel=c) for n, c in enumerate("abc", 1)]
CURRENTS = [PointRow(n, "current", 1, 11, 9, channel=c) for n, c in enumerate("abc", 4)]
POWER = [PointRow(7, "power", 1, 11, 9), PointRow(8, "power_factor", 1, 11, 9)]
TILTED = rule("tilted", "voltage_unbalance", high=2.0, dead_band=0.2, on_delay=2 * MINUTE, floor=100.0)
LOADED = rule("loaded", "current_unbalance", high=15.0, floor=20.0)
FACTOR = rule("factor", "power_factor_month", low=0.85)
ELECTRIC = config(PHASES + CURRENTS + POWER, [meter(1, 11)], TILTED, LOADED, FACTOR)


def three(values, at, first=1):
    return [row for n, v in enumerate(values) for row in steady(first + n, v, at, at + 1)]


class TestElectricity:
    def test_unbalance(self):
        """Voltages that stay unbalanced for the delay are told with V2/V1; balanced ones end it."""
        items = [row for m in range(4) for row in three((230, 220, 210), m * MINUTE)]
        items += [row for m in range(4, 8) for row in three((221, 220, 219), m * MINUTE)]

        assert [("limit.tilted", ON, 180, 2.62), ("limit.tilted", OFF, 300, 0.26)] == told(Electricity, ELECTRIC, items)

    def test_small_loads_are_not_unbalanced(self):
        """Currents below the floor decide nothing; what fell below it is over."""
        big, small = (three((100, 60, 100), 0, 4), three((10, 1, 9), MINUTE, 4))

        assert [("limit.loaded", ON, 60, 40.0), ("limit.loaded", OFF, 120, 40.0)] == told(
            Electricity, ELECTRIC, big + small
        )
        assert [] == told(Electricity, ELECTRIC, small)

    def test_two_phases_say_nothing(self):
        """A minute in which a phase is missing, or doubtful, is not judged."""
        missing = [row for m in range(5) for row in three((230, 220, 210), m * MINUTE)[:2]]
        late = [(*row[:3], int(Quality.LATE), row[4]) for m in range(5) for row in three((230, 220, 210), m * MINUTE)]

        assert [] == told(Electricity, ELECTRIC, missing + late)

    def test_power_factor_of_the_month(self):
        """Active over apparent energy of the month: an hour at full load weighs more than a night at none."""
        items = []
        for day in range(4):
            items += steady(7, 90, day * DAY, day * DAY + HOUR) + steady(8, 0.8, day * DAY, day * DAY + HOUR)
            items += steady(7, 1, day * DAY + HOUR, day * DAY + 2 * HOUR)
            items += steady(8, 1.0, day * DAY + HOUR, day * DAY + 2 * HOUR)

        ((name, state, at, value),) = told(Electricity, ELECTRIC, items)

        assert ("limit.factor", ON, 0.8) == (name, state, value)
        assert 3 * 86_400 <= at <= 3 * 86_400 + 120


VALUES = st.sampled_from([0.0, 85.0, 100.0, 210.0, 220.0, 230.0, float("inf")])
QUALITIES = (Quality.GOOD, Quality.GOOD, Quality.LATE)
TestElectricityContract = contract_of(
    Case("electricity", lambda d: (Electricity(d),), ELECTRIC,
         rows(range(1, 9), VALUES, span=10 * MINUTE, step=MINUTE, qualities=QUALITIES, delays=(0, 500)))
)  # fmt: skip


# ── windows ──────────────────────────────────────────────────────────────────────────────────────

STACK = [
    PointRow(1, "nmhc", 1, 11, 9), PointRow(2, "power", 2, 11, 9), PointRow(3, "vehicles_in", 3, 9, 9),
    PointRow(4, "nmhc", 4, 12, 9),
]  # fmt: skip
HOURLY = rule("hourly", "nmhc", high=60.0, window=HOUR, valid=0.75)
DEMAND = rule("demand", "power", high=100.0, window=15 * MINUTE, places=(11,))
TRUCKS = rule("trucks", "vehicles_in", high=3.0, window=HOUR, usual=6, floor=10.0, hours=((0, 360),))
WINDOWED = config(STACK, [meter(1, 11), meter(2, 11), meter(3, 9), meter(4, 12)], HOURLY, DEMAND, TRUCKS)
LATE = LATENESS / 1000


class TestMeans:
    def test_hourly_mean(self):
        """The mean of an hour is judged once, two minutes after its end; minutes above it are no alarm."""
        items = steady(1, 90, 0, 20 * MINUTE) + steady(1, 30, 20 * MINUTE, HOUR) + steady(1, 61, HOUR, 2 * HOUR)

        assert [("limit.hourly", ON, 7200 + LATE, 61.0)] == told(Means, WINDOWED, items)

    @pytest.mark.parametrize("quality", [Quality.MAINTENANCE, Quality.SUSPECT, Quality.OUT_OF_RANGE, Quality.TEST])
    def test_an_hour_needs_45_minutes(self, quality):
        """An hour of which less than three quarters are valid decides nothing."""
        bad = steady(1, 500, 0, 20 * MINUTE, quality=quality) + steady(1, 500, 21 * MINUTE, HOUR)
        good = steady(1, 500, 0, 10 * MINUTE, quality=quality) + steady(1, 500, 10 * MINUTE, HOUR)

        assert [] == told(Means, WINDOWED, bad)
        assert [("limit.hourly", ON, 3600 + LATE, 500.0)] == told(Means, WINDOWED, good)

    def test_an_invalid_hour_ends_nothing(self):
        """A condition stands through hours without valid data, until a valid one is back within."""
        items = steady(1, 90, 0, HOUR) + steady(1, 10, HOUR, HOUR + 5 * MINUTE) + steady(1, 20, 2 * HOUR, 3 * HOUR)

        assert [("limit.hourly", ON, 3600 + LATE, 90.0), ("limit.hourly", OFF, 10800 + LATE, 20.0)] == told(
            Means, WINDOWED, items
        )

    def test_demand(self):
        """Demand is the mean power of 15 minutes against the capacity contracted for a place."""
        items = steady(2, 90, 0, 15 * MINUTE) + steady(2, 110, 15 * MINUTE, 30 * MINUTE)

        assert [("limit.demand", ON, 1800 + LATE, 110.0)] == told(Means, WINDOWED, items)

    def test_usual(self):
        """What comes at night is held against the median of the same hours before; learning says nothing."""
        items = [
            row for d in range(3) for h in range(6) for row in steady(3, 4, d * DAY + h * HOUR, d * DAY + h * HOUR + 1)
        ]
        items += steady(3, 40, 3 * DAY, 3 * DAY + 1)

        assert [("limit.trucks", ON, 3 * 86400 + 3600 + LATE, 40.0)] == told(Means, WINDOWED, items)[:1]
        assert [] == told(Means, WINDOWED, steady(3, 400, 0, 1))

    def test_narrower_scope(self):
        """A permit's limit for one unit stands in place of the table's; the neighbour keeps the table's."""
        permit = replace(HOURLY, high=20.0, places=(12,))
        both = config(STACK, [meter(1, 11), meter(4, 12)], HOURLY, permit)

        assert [] == told(Means, both, steady(1, 50, 0, HOUR))
        assert [("limit.hourly", ON, 3600 + LATE, 50.0)] == told(Means, both, steady(4, 50, 0, HOUR))


TestMeansContract = contract_of(
    Case("means", lambda d: (Means(d),), WINDOWED,
         rows([1, 2, 3], st.sampled_from([0.0, 5.0, 70.0, 200.0, 1e300, float("inf")]), span=5 * HOUR, step=5 * MINUTE,
              qualities=(*QUALITIES, Quality.RETAINED, Quality.SUSPECT), delays=(0, 500, 90_000)),
         event_time=True, lateness=LATENESS)
)  # fmt: skip


# ── balance ──────────────────────────────────────────────────────────────────────────────────────

METERS = [PointRow(n, "energy_use", n, place, 9, interval=HOUR) for n, place in ((1, 10), (2, 11), (3, 12))]
STOLEN = rule("stolen", "energy_imbalance_change", high=8.0, low=-8.0, floor=10.0)
WRONG = rule("wrong", "energy_imbalance", low=-5.0)
BALANCE = config(METERS, [meter(1, 10), meter(2, 11), meter(3, 12)], STOLEN, WRONG)


def day_of(day, *uses):
    return [row for n, use in enumerate(uses, 1) for row in steady(n, use / 24, day * DAY, (day + 1) * DAY, HOUR)]


class TestBalance:
    def test_theft(self):
        """A share that has always been unmetered is usual; when it grows it is told the next morning."""
        items = [row for d in range(6) for row in day_of(d, 110, 60, 40)] + day_of(6, 150, 60, 40)

        assert [("limit.stolen", ON, 7 * 86400 + 6 * 3600, 24.24)] == told(Balance, BALANCE, items)

    def test_wrong_ratio(self):
        """Meters below that use more than the main meter are wrongly wired, at once."""
        assert [("limit.wrong", ON, 30 * 3600, -20.0)] == told(Balance, BALANCE, day_of(0, 100, 80, 40))

    def test_a_missing_meter_is_no_theft(self):
        """A day on which a meter was silent for more than a quarter is not judged."""
        items = [row for d in range(6) for row in day_of(d, 110, 60, 40)]
        items += [r for r in day_of(6, 150, 60, 40) if r[0] != 3 or r[1] < START + 6 * DAY + 12 * HOUR]

        assert [] == told(Balance, BALANCE, items)


TestBalanceContract = contract_of(
    Case("balance", lambda d: (Balance(d),), config(METERS, [meter(1, 10), meter(2, 11), meter(3, 12, "sub_meter")],
         rule("any", "energy_imbalance", high=8.0, low=-8.0), STOLEN),
         st.builds(lambda first, more: day_of(0, 50, 20, 10) + day_of(1, *first) + more,
                   st.tuples(*[st.sampled_from([10.0, 50.0, 90.0])] * 3),
                   rows([1, 2, 3], st.sampled_from([0.0, 1.0, 50.0]), span=2 * DAY, step=HOUR, delays=(0, 500))),
         event_time=True, lateness=HOUR),
)  # fmt: skip


# ── people ───────────────────────────────────────────────────────────────────────────────────────

ZONE = [PointRow(1, "people_inside", 1, 13, 9), PointRow(2, "people_in", 2, 13, 9), PointRow(3, "people_out", 2, 13, 9)]
CROWD = rule("crowd_zone", "zone_density", high=2.0, dead_band=0.2, on_delay=MINUTE)
STAY = rule("night_stay", "night_stay", high=2.5)
PEOPLE = config(ZONE, [meter(1, 13, "zone_counter"), meter(2, 13, "door_counter")], CROWD, STAY)


def night(day, inside, crossings=20):
    """Return a day on which people came and, in the evening, some were left."""
    return steady(2, crossings, day * DAY + 8 * HOUR, day * DAY + 8 * HOUR + 1) + steady(
        1, inside, day * DAY + 20 * HOUR, day * DAY + 20 * HOUR + 1
    )


class TestCrowding:
    def test_density(self):
        """More than two people to the square metre for a minute are a crowd."""
        items = steady(1, 41, 0, 1) + steady(1, 45, 30_000, 30_001) + steady(1, 30, 5 * MINUTE, 5 * MINUTE + 1)

        assert [("limit.crowd_zone", ON, 60, 2.25), ("limit.crowd_zone", OFF, 300, 1.5)] == told(
            Crowding, PEOPLE, items
        )

    def test_people_who_stay(self):
        """Somebody inside for certain on three nights of a week is told; the doors' error is taken off."""
        three_nights = [row for d in range(4) for row in night(d, 3)]
        unsure = [row for d in range(4) for row in night(d, 3, crossings=200)]

        ticks = every_minute(three_nights)
        assert [("limit.night_stay", ON, 3 * 86400 + 4 * 3600, 3.0)] == ticks
        assert [] == every_minute(unsure)


def every_minute(items):
    """Return what is told with a tick each ten minutes, as the night is watched by ticks."""
    pipeline = Pipeline(lambda d: (Crowding(d),))
    pipeline.run(PEOPLE, lambda _: None)
    events = []
    waiting = sorted(items, key=lambda i: i[4])
    for now in range(START, START + 4 * DAY - 12 * HOUR, 10 * MINUTE):
        pipeline.run(Tick(now), events.append)
        while waiting and waiting[0][4] < now + 10 * MINUTE:
            pipeline.operators[0].on_batch(batch_of([waiting.pop(0)]), events.append)
    return [(e.rule, e.state, (e.at - START) / 1000, e.value) for e in events]


TestCrowdingContract = contract_of(
    Case("crowding", lambda d: (Crowding(d),), PEOPLE,
         rows([1, 2, 3], st.sampled_from([0.0, 3.0, 41.0, 60.0, float("inf")]), span=2 * DAY, step=10 * MINUTE,
              qualities=QUALITIES, delays=(0, 500)))
)  # fmt: skip


# ── discharge ────────────────────────────────────────────────────────────────────────────────────

OUTLET = [
    PointRow(1, "discharge_flow", 1, 11, 9, enterprise=5), PointRow(2, "output_count", 2, 11, 9, enterprise=5),
    PointRow(3, "discharge_flow", 3, 12, 9, enterprise=6), PointRow(4, "power", 4, 12, 9, enterprise=6),
]  # fmt: skip
IDLE = rule("idle_discharge", "idle_discharge", high=1.0)
DISCHARGE = config(OUTLET, [meter(n, 11) for n in (1, 2)] + [meter(n, 12) for n in (3, 4)], IDLE)


class TestDischarge:
    def test_nothing_made(self):
        """Water that runs in an hour in which no piece was made is told; while pieces are made it is not."""
        flow = steady(1, 4, 0, 2 * HOUR)
        made = steady(2, 7, 0, HOUR) + steady(2, 0, HOUR, 2 * HOUR)

        assert [("limit.idle_discharge", ON, 7200 + 600, 4.0)] == told(Discharge, DISCHARGE, flow + made)

    def test_power_tells_where_no_pieces_are_counted(self):
        """Without counters, power at or below 30 % of a busy hour is standing still, once a day is known."""
        flow = steady(3, 4, 0, 26 * HOUR)
        power = steady(4, 100, 0, 25 * HOUR) + steady(4, 20, 25 * HOUR, 26 * HOUR)

        assert [("limit.idle_discharge", ON, 26 * 3600 + 600, 4.0)] == told(Discharge, DISCHARGE, flow + power)


TestDischargeContract = contract_of(
    Case("discharge", lambda d: (Discharge(d),), DISCHARGE,
         st.builds(lambda more: steady(1, 4, 0, 2 * HOUR, 5 * MINUTE) + more,
                   rows([1, 2, 3, 4], st.sampled_from([0.0, 2.0, 90.0]), span=3 * HOUR, step=7 * MINUTE,
                        qualities=QUALITIES, delays=(0, 500, 90_000))),
         event_time=True, lateness=5 * MINUTE)
)  # fmt: skip


# ── findings ─────────────────────────────────────────────────────────────────────────────────────


class Finder:
    """A stage that finds what it is given: value n is a finding of score n."""

    name = "finder"

    def __init__(self, _directory):
        pass

    def on_batch(self, batch, emit):
        """Find what the values say."""
        for point, ts, value, at in zip(
            batch.point.tolist(), batch.ts.tolist(), batch.value.tolist(), batch.received.tolist(), strict=True
        ):
            emit(Finding("occupancy", point, ts, at, Severity.LOW, Reason.DRIFT_RESET, score=value))
        return batch

    def on_tick(self, now, emit):
        """Do nothing."""

    def on_config(self, config, emit):
        """Do nothing."""

    def snapshot(self):
        """Return that there is nothing."""
        return {"version": np.array(1)}

    def restore(self, state):
        """Do nothing."""


DRIFT = LimitRow(
    "drift", "", "low", BASIS, high=1.5, window=HOUR, finding="occupancy", reasons=("drift_reset",), floor=0.5
)
FOUND = config(ZONE, [meter(1, 13), meter(2, 13)], DRIFT)


class TestRepeated:
    def test_twice_in_an_hour(self):
        """Two findings within the window are a condition; it ends when one of them is older than that."""
        pipeline = Pipeline(lambda d: (Finder(d), Repeated(d)))
        pipeline.run(FOUND, lambda _: None)
        items = (
            steady(1, 1, 0, 1)
            + steady(1, 1, 50 * MINUTE, 50 * MINUTE + 1)
            + steady(1, 0.1, 55 * MINUTE, 55 * MINUTE + 1)
        )
        out = run(pipeline, [*records_of(items, (), 0), *(Tick(START + m * MINUTE) for m in range(56, 65))])

        changes = [(e.rule, e.state, (e.at - START) / 1000, e.value) for e in out.events if hasattr(e, "rule")]

        assert [("limit.drift", ON, 3000, 2.0), ("limit.drift", OFF, 3600, 1.0)] == changes


TestRepeatedContract = contract_of(
    Case("repeated", lambda d: (Finder(d), Repeated(d)), FOUND,
         rows([1, 2], st.sampled_from([0.1, 1.0]), span=3 * HOUR, step=MINUTE, delays=(0, 500)))
)  # fmt: skip


def test_started_is_calm():
    """No stage says anything of its configuration alone."""
    for stage, configuration in (
        (Electricity, ELECTRIC), (Means, WINDOWED), (Balance, BALANCE), (Crowding, PEOPLE), (Discharge, DISCHARGE),
    ):  # fmt: skip
        case = Case("calm", lambda d, stage=stage: (stage(d),), configuration, st.nothing())

        assert [] == run(started(case), records_of([], (), 10 * DAY)).events
