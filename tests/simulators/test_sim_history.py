"""The history, its faults and labels, and the files made of it."""

import csv
import hashlib
import io
import json
import tomllib
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.metrics import METRICS
from park.readings import Quality, concat
from simulators.chance import normal, uniform
from simulators.files import LABELS, MAP, TABLES, files
from simulators.history import Past, history
from simulators.injections import EVER, TABLE, TENANTS, Injection, injections, labels
from simulators.registry import park_plan
from simulators.scenario import DAY, HOUR, MINUTE, QUARTER, Scenario, midnight
from simulators.signals import Signals

START = midnight(1_772_000_000_000)
MONTHS = START + 180 * DAY


@pytest.fixture(scope="module")
def plan():
    return park_plan(Scenario(START))


@pytest.fixture(scope="module")
def events(plan):
    return injections(plan, MONTHS)


def digest(scenario, start, end, step):
    told = hashlib.sha256()
    batches = list(history(scenario, start, end, step))
    whole = concat(batches)
    for column in (whole.point, whole.ts, whole.value, whole.quality, whole.received):
        told.update(column.tobytes())
    return told.hexdigest(), len(whole)


class TestHistory:
    def test_same_seed_same_bytes(self):
        """Two runs give the same bytes, however they are cut."""
        scenario = Scenario(START, enterprises=6)

        assert digest(scenario, START, START + 9 * DAY, 6 * HOUR) == digest(scenario, START, START + 9 * DAY, DAY)

    def test_another_seed_differs(self):
        """Another seed gives another history."""
        one, other = (digest(Scenario(START, seed=s, enterprises=6), START, START + DAY, DAY)[0] for s in (1, 2))

        assert one != other

    def test_begins_anywhere(self):
        """A history that begins later is the end of the one that began earlier."""
        scenario = Scenario(START, enterprises=6)
        late = concat(list(history(scenario, START + 5 * DAY, START + 6 * DAY)))
        whole = concat(list(history(scenario, START, START + 6 * DAY)))
        tail = whole.rows(whole.received >= START + 5 * DAY)

        assert tail.value.tolist() == late.value.tolist()

    def test_rises_by_receipt_and_is_finite(self, plan, events):
        """Rows come in order of receipt, and no value is NaN or infinite."""
        past = Past(plan, events)
        whole = concat([past.received(START + i * DAY, START + (i + 1) * DAY) for i in range(12)])

        assert (np.diff(whole.received) >= 0).all()
        assert np.isfinite(whole.value).all()

    def test_half_a_year_is_within_ten_million(self, plan):
        """A day of the history is at most a 180th of ten million readings."""
        quiet = Past(plan, ())

        assert len(quiet.received(START, START + DAY)) < 10_000_000 / 180

    def test_meters_every_quarter_the_rest_by_the_hour(self, plan):
        """Energy comes 96 times a day, temperature of a room 24 times."""
        day = Past(plan, ()).received(START, START + DAY)
        counted = Counter(plan.points[p - 1].metric for p in day.point.tolist())
        energy = sum(p.metric == "energy" for p in plan.points)

        assert 96 * energy == counted["energy"]
        assert 24 * sum(p.metric == "humidity" for p in plan.points) == counted["humidity"]


def one(plan, kind, metric, size=0.0, hours=5.0, **fields):
    """Return an injection on the first point of a metric, and that point's readings with and without it."""
    point = next(p for p in plan.points if p.metric == metric and p.source_key and not p.channel)
    start = START + 10 * HOUR
    event = Injection("x", kind, start, start + int(hours * HOUR), size, point.device, (point.id,), **fields)
    read = []
    for laid in ((), (event,)):
        day = Past(plan, laid).received(START, START + DAY)
        read.append(day.rows(day.point == point.id))
    return event, *read


class TestFaults:
    def test_stuck_stands_still(self, plan):
        """A stuck power repeats its first value and then goes on."""
        event, clean, faulty = one(plan, "stuck", "power")
        inside = (faulty.ts >= event.start) & (faulty.ts < event.end)

        assert len(set(faulty.value[inside].tolist())) == 1
        assert clean.value[~inside].tolist() == faulty.value[~inside].tolist()

    @pytest.mark.parametrize(("kind", "size"), [("spike", 4.0), ("level_shift", 2.0), ("unit_x1000", 1000.0)])
    def test_values_are_changed_inside_only(self, plan, kind, size):
        """A spike, a shift and a wrong unit change the values of their time and no other."""
        event, clean, faulty = one(plan, kind, "power", size)
        inside = (faulty.ts >= event.start) & (faulty.ts < event.end)

        assert (faulty.value[inside] > clean.value[inside]).all()
        assert clean.value[~inside].tolist() == faulty.value[~inside].tolist()

    def test_drift_grows(self, plan):
        """A drift is small at first and has its size at the end."""
        event, clean, faulty = one(plan, "drift", "temperature", 2.0, 13.0)
        off = (faulty.value - clean.value)[(faulty.ts >= event.start) & (faulty.ts < event.end)]

        assert (np.diff(off) > 0).all()
        assert 9.0 < off[-1] <= 12.0

    def test_dropout_is_missing_not_zero(self, plan):
        """A device that dropped out leaves no rows."""
        event, clean, faulty = one(plan, "dropout", "energy")

        assert len(clean) - 20 == len(faulty)
        assert not ((faulty.ts >= event.start) & (faulty.ts < event.end)).any()

    def test_duplicates_are_equal_rows(self, plan):
        """A duplicated reading has the same time and value twice."""
        _, clean, faulty = one(plan, "duplicates", "energy")

        assert len(clean) + 20 == len(faulty)
        assert set(clean.ts.tolist()) == set(faulty.ts.tolist())

    def test_clock_ahead_is_marked(self, plan):
        """A clock 40 minutes ahead is dated by receipt and marked, as the edge does."""
        _, _, faulty = one(plan, "clock_offset", "energy", 40.0 * MINUTE)
        wrong = faulty.rows(faulty.quality == Quality.WRONG_CLOCK)

        assert len(wrong) == 20
        assert wrong.ts.tolist() == wrong.received.tolist()

    def test_clock_behind_tells_old_times(self, plan):
        """A clock that is eight hours behind gives readings of eight hours ago."""
        _, _, faulty = one(plan, "clock_offset", "energy", -8.0 * HOUR)

        assert int((faulty.received - faulty.ts == 8 * HOUR).sum()) == 20

    def test_meter_reset_starts_from_zero(self, plan):
        """After a reset the register starts again and rises as before."""
        event, clean, faulty = one(plan, "meter_reset", "water", hours=400.0)
        after = faulty.ts >= event.start

        assert faulty.value[after][0] < 5.0
        assert np.diff(clean.value[after]) == pytest.approx(np.diff(faulty.value[after]), abs=0.002)

    def test_back_fill_comes_late(self, plan):
        """What a dead gateway kept is received after its end, marked late, with nothing lost."""
        start = START + 10 * HOUR
        event = Injection("x", "dead_gateway", start, start + 3 * HOUR, 0.9, plan.devices[0].id)
        clean, faulty = (Past(plan, laid).received(START, START + DAY) for laid in ((), (event,)))
        late = faulty.rows(faulty.quality == Quality.LATE)
        own = {p.id for p in plan.points if p.device == plan.devices[0].id}

        assert late.received.min() >= event.end
        assert (late.ts < event.end).all()
        lost = 3 * sum(HOUR // plan.points[p - 1].interval for p in own)

        assert lost == len(clean) - len(faulty)


class TestInjections:
    def test_a_longer_list_begins_with_the_shorter(self, plan, events):
        """What happens later changes nothing of what happened before."""
        longer = injections(plan, MONTHS + 60 * DAY)

        assert [e for e in longer if e.start < MONTHS] == list(events)

    def test_every_kind_happens_within_half_a_year(self, events):
        """Half a year shows every kind of fault and every fate of a tenant."""
        assert {r.kind for r in TABLE} | {k for k, *_ in TENANTS} == {e.kind for e in events}

    def test_more_than_contracted(self, plan, events):
        """A park draws less than its contract allows, but for what is labelled; then more than it for a while."""
        (point,) = (p.id for p in plan.points if p.metric == "power" and plan.devices[p.device - 1].place == 1)
        allowed = plan.site.park.contracted_demand
        labelled = [e for e in events if e.kind == "overshoot"]
        ts = np.arange(plan.scenario.origin, MONTHS, 15 * MINUTE)
        signals = Signals(plan, [e for e in events if e.kind == "overshoot" or not e.points])
        power = signals.at(np.full(len(ts), point), ts, ts - 15 * MINUTE)
        inside = np.zeros(len(ts), bool)
        for e in labelled:
            inside |= (ts >= e.start) & (ts < e.end)

        assert labelled
        assert all({point} == set(e.points) for e in labelled)
        assert inside.tolist() == (power > allowed).tolist()

    def test_stops_are_fifteen_percent(self, events):
        """About 15 % of the enterprises stop."""
        stopped = sum(e.kind in {"stop", "stop_to_zero", "paused"} for e in events)

        assert 5 <= stopped <= 8

    def test_one_fault_at_a_time_on_a_device(self, events):
        """Within a month no device has two faults: a label is the whole truth of its device."""
        for block in range(6):
            begin = START + block * 30 * DAY
            devices = [e.device for e in events if e.device and begin <= e.start < begin + 30 * DAY]

            assert len(devices) == len(set(devices))

    def test_labels_say_what_where_when(self, plan, events):
        """Every injection has one line with registry keys, and a time that ends or is open."""
        lines = [json.loads(line) for line in labels(plan, events)]
        keys = {d.key for d in plan.devices} | {""}

        assert len(events) == len(lines) == len({x["id"] for x in lines})
        assert all(x["device"] in keys for x in lines)
        assert all(x["to"] is None or x["to"] > x["from"] for x in lines)
        assert all(x["device"] or x["enterprise"] or x["unit"] for x in lines)

    def test_none_without_faults(self):
        """A park without faults and fires has no labels."""
        assert injections(park_plan(Scenario(START, faults=0.0, fires=False)), MONTHS) == ()

    def test_open_end_is_far(self, events):
        """A tenant that stopped has no end."""
        assert {EVER} == {e.end for e in events if e.kind == "stop"}


@pytest.fixture
def made():
    out = defaultdict(str)
    for name, text in files(Scenario(START, enterprises=6), START, START + 4 * DAY):
        out[name] += text
    return out


class TestFiles:
    def test_map_names_every_column(self, made):
        """Every column of the tables is in the map with a metric of the catalogue, and nothing else is."""
        listed = tomllib.loads(made[MAP])
        for file in listed["file"]:
            header = next(csv.reader(io.StringIO(made[file["path"]])))

            assert header[1:] == [p["column"] for p in file["point"]]
            assert all(p["metric"] in METRICS for p in file["point"])
        assert set(TABLES) == {f["path"] for f in listed["file"]}

    def test_tables_are_whole(self, made):
        """All rows have all columns, and times rise."""
        for name in TABLES:
            rows = list(csv.reader(io.StringIO(made[name])))

            assert len({len(r) for r in rows}) == 1
            times = [r[0] for r in rows[1:]]
            assert times == sorted(set(times))

    def test_labels_come_along(self, made):
        """Labels of the span are lines of JSON."""
        assert all(json.loads(line)["kind"] for line in made[LABELS].splitlines())


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 40), st.integers(0, 1 << 50))
@settings(max_examples=40, deadline=None)
def test_chance_is_a_function(seed, stream, index):
    """The same seed, stream and index give the same number, whatever stands beside them."""
    streams = np.array([stream, stream + 1, stream])
    drawn = uniform(seed, streams, index)

    assert drawn[0] == drawn[2] == float(uniform(seed, stream, index))
    assert (drawn >= 0).all()
    assert (drawn < 1).all()


def test_chance_is_normal():
    """A hundred thousand numbers have mean 0 and deviation 1."""
    drawn = normal(1, 7, np.arange(100_000))

    assert abs(drawn.mean()) < 0.02
    assert drawn.std() == pytest.approx(1.0, abs=0.02)


def test_quarter_is_the_grid():
    """The world's grid is the meters' interval."""
    assert QUARTER == 15 * MINUTE
