"""Messages against the decoders that read them: what was meant is what is read."""

import json

import numpy as np
import pytest

from ingest.batcher import Batcher
from ingest.message import RETAIN
from ingest.resolver import Binding, Resolver
from park.errors import NotFound
from park.metrics import METRICS, Kind
from park.model import Device, Point
from park.readings import Quality, concat
from park.records import Refusal
from park.settings import IngestSettings
from simulators import dialects
from simulators.history import Past
from simulators.injections import Injection, labels
from simulators.live import Live
from simulators.registry import park_plan
from simulators.scenario import DAY, HOUR, MINUTE, Scenario, midnight
from simulators.signals import Signals

START = midnight(1_772_000_000_000)
NOON = START + 12 * HOUR


@pytest.fixture(scope="module")
def plan():
    return park_plan(Scenario(START, faults=0.0, fires=False))


def batcher(plan):
    resolver = Resolver(IngestSettings())
    devices = {d.id: d for d in plan.devices}
    resolver.bind(
        Binding(d.key, p.source_key, p.id, p.scale, p.offset, p.metric, d.id, d.gateway, d.lane)
        for p in plan.points if p.source_key and (d := devices[p.device])
    )  # fmt: skip
    return Batcher(IngestSettings(), resolver)


def wire(messages):
    return [(m.topic.encode(), m.payload, b"\0\1", RETAIN if m.topic.endswith("LWT") else 0) for m in messages]


def live_with(plan, *events, begin=NOON, counted=None):
    """Return a live park in which exactly these things happen."""
    live = Live(plan, begin, counted=counted, stranger=False)
    live._horizon = 1 << 60
    live.signals.learn(events)
    return live


def first(plan, kind, dialect="native", **fields):
    return next(
        d for d in plan.devices
        if d.kind == kind and d.key.startswith(dialect + ":") and all(getattr(d, k) == v for k, v in fields.items())
    )  # fmt: skip


class TestContract:
    def test_all_that_is_said_is_read(self, plan):
        """Ten minutes of a whole park in four dialects leave nothing refused, and every point is heard."""
        live = live_with(plan)
        batch = batcher(plan).batch(wire(list(live.due(NOON + 10 * MINUTE))), NOON + 10 * MINUTE)

        assert batch.refused == ()
        assert set(range(1, len(plan.points) + 1)) - set(batch.readings.point.tolist()) == {
            p.id for p in plan.points if not p.source_key or p.source_key == "LWT"
        }

    def test_what_is_read_is_what_was_meant(self, plan):
        """Values that were read equal the signal at their time, within the wire's digits."""
        live = live_with(plan)
        batch = batcher(plan).batch(wire(list(live.due(NOON + 3 * MINUTE))), NOON + 3 * MINUTE)
        r = batch.readings
        level = np.array([METRICS[plan.points[p - 1].metric].kind not in {Kind.COUNT, Kind.INTERVAL} for p in r.point])
        exact = level & (r.quality == Quality.GOOD) & (r.ts % 1000 != 0)  # Tasmota tells whole seconds
        native = np.array([plan.devices[plan.points[p - 1].device - 1].key.startswith("native") for p in r.point])
        chosen = r.rows(exact & native)
        meant = live.signals.at(chosen.point.astype(np.int64), chosen.ts, chosen.ts - 1)

        assert len(chosen) > 3_000
        assert np.abs(chosen.value - meant).max() < 1e-5

    @pytest.mark.parametrize(
        ("metric", "value", "wire"),
        [("smoke", 1.0, True), ("machine", 2.0, "fault"), ("low_battery", 0.0, False), ("pump", 1.0, "running"),
         ("people_in", 3.0, 3), ("power", 1.5, 1.5)],
    )  # fmt: skip
    def test_values_on_the_wire(self, metric, value, wire):
        """States are true, false or a word, counts whole numbers, all else numbers."""
        assert wire == dialects.wire_value(Point(1, 1, metric), value)

    def test_scale_is_undone(self):
        """A point in kW that is fed in W is written in W."""
        assert dialects.wire_value(Point(1, 1, "power", scale=0.001), 2.5) == pytest.approx(2500.0)

    def test_shelly_tells_only_what_changed(self):
        """After a full status a Shelly leaves out a power that moved by less than 5 % and 10 W, and may say nothing."""
        device = Device(1, 1, "shelly:em-1", "meter")
        power = Point(1, 1, "power", source_key="em:0/total_act_power", scale=0.001)
        volts = Point(2, 1, "voltage", "a", source_key="em:0/a_voltage")
        last = {"em:0/total_act_power": 4000.0, "em:0/a_voltage": 230.0}
        steady = dialects.shelly(device, NOON, [(power, 4.1), (volts, 230.2)], last)
        moved = dialects.shelly(device, NOON, [(power, 4.3), (volts, 230.2)], last)

        assert steady is None
        assert json.loads(moved.payload)["params"]["em:0"] == {"id": 0, "total_act_power": 4300.0}

    def test_tasmota_time_is_park_time(self):
        """Tasmota writes the park's time without a zone."""
        message = dialects.tasmota(Device(1, 1, "tasmota:p", "meter"), START, [])

        assert json.loads(message.payload)["Time"].endswith("T00:00:00")


class TestFaults:
    def test_dropout_is_silence(self, plan):
        """A device that dropped out sends nothing, and afterwards again."""
        device = first(plan, "door_counter")
        event = Injection("x", "dropout", NOON, NOON + 5 * MINUTE, device=device.id)
        topic = dialects.topic_of(device)
        live = live_with(plan, event)

        assert topic not in {m.topic for m in live.due(NOON + 5 * MINUTE - 1)}
        assert topic in {m.topic for m in live.due(NOON + 7 * MINUTE)}

    def test_malformed_is_refused(self, plan):
        """A malformed message is refused and costs nobody else anything."""
        device = first(plan, "meter")
        event = Injection("x", "malformed", NOON, NOON + HOUR, device=device.id)
        batch = batcher(plan).batch(wire(list(live_with(plan, event).due(NOON + MINUTE))), NOON + MINUTE)

        assert {(Refusal.MALFORMED, dialects.topic_of(device))} == {(r.reason, r.topic) for r in batch.refused}

    def test_duplicates_come_twice(self, plan):
        """A duplicated message is the same bytes twice, one after the other."""
        device = first(plan, "meter")
        event = Injection("x", "duplicates", NOON, NOON + HOUR, device=device.id)
        mine = [m for m in live_with(plan, event).due(NOON + MINUTE) if m.topic == dialects.topic_of(device)]

        assert mine[::2] == mine[1::2]
        assert mine

    def test_gateway_back_fills(self, plan):
        """What a dead gateway kept arrives once it is back, marked, complete and in order."""
        gateway = plan.devices[0]
        event = Injection("x", "dead_gateway", NOON, NOON + 20 * MINUTE, 1.0, gateway.id)
        live = live_with(plan, event)
        during = [m for t in range(1, 20) for m in live.due(NOON + t * MINUTE)]
        behind = {dialects.topic_of(d) for d in plan.devices if d.gateway == gateway.id}

        assert not behind & {m.topic for m in during}

        read = batcher(plan).batch(wire(list(live.due(NOON + 21 * MINUTE))), NOON + 21 * MINUTE).readings
        late = read.rows(read.quality == Quality.LATE)
        meter = first(plan, "meter", gateway=gateway.id)
        power = next(p.id for p in plan.points if p.device == meter.id and p.metric == "power")
        times = late.ts[late.point == power]

        assert len(times) == 80
        assert (np.diff(times) == 15_000).all()

    def test_gateway_without_memory_loses(self, plan):
        """A gateway that keeps nothing sends nothing late."""
        event = Injection("x", "dead_gateway", NOON, NOON + 20 * MINUTE, 0.0, plan.devices[0].id)
        read = batcher(plan).batch(wire(list(live_with(plan, event).due(NOON + 25 * MINUTE))), NOON + 25 * MINUTE)

        assert not (read.readings.quality == Quality.LATE).any()

    def test_clock_offset_moves_the_time(self, plan):
        """A device whose clock is ten minutes behind says so in its times."""
        device = first(plan, "meter")
        event = Injection("x", "clock_offset", NOON, NOON + HOUR, -600_000.0, device.id)
        mine = [m for m in live_with(plan, event).due(NOON + MINUTE) if m.topic == dialects.topic_of(device)]

        assert all(json.loads(m.payload)["ts"] <= NOON - 9 * MINUTE for m in mine)


class TestFire:
    def test_ignite_raises_alarms(self, plan):
        """A unit set on fire says alarm by two devices within four minutes, every five seconds."""
        live = live_with(plan)
        list(live.due(NOON + MINUTE))
        unit = plan.site.units[2].code
        live.ignite(unit, live.now)
        read = batcher(plan).batch(wire(list(live.due(NOON + 5 * MINUTE))), NOON + 5 * MINUTE).readings
        smoke = {p.id for p in plan.points if p.metric == "smoke" and plan.unit_of[p.device - 1] == 2}
        raised = set(read.point[read.value == 1.0].tolist()) & smoke

        assert len(raised) == 2

    def test_fire_outlives_a_restart(self, plan):
        """A unit that burns when its devices are started again burns on: they say what they would have said."""
        unit, cut, end = plan.site.units[2].code, NOON + 6 * MINUTE, NOON + 8 * MINUTE
        live = live_with(plan)
        list(live.due(NOON + MINUTE))
        live.ignite(unit, live.now)
        list(live.due(cut))
        told = [json.loads(line) for line in labels(plan, live.injected)]
        again = live_with(plan, begin=cut)
        again.relight(told)
        burning = [[m for m in park.due(end) if "/life/" in m.topic] for park in (live, again)]

        assert burning[0]
        assert burning[0] == burning[1]
        assert told == [json.loads(line) for line in labels(plan, again.injected)]

    def test_unknown_unit_is_named(self, plan):
        """To ignite a unit that is not there says so."""
        with pytest.raises(NotFound, match="no-such"):
            live_with(plan).ignite("no-such", NOON)


class TestContinuity:
    def test_amounts_go_on(self, plan):
        """People are counted from the hour that the history left open, and none twice where devices start again."""
        begun, again, end = NOON + 50 * MINUTE, NOON + 100 * MINUTE, NOON + 3 * HOUR
        lives = (live_with(plan, begin=begun, counted=NOON), again), (live_with(plan, begin=again), end)
        messages = [m for live, until in lives for m in live.due(until)]
        read = batcher(plan).batch(wire(messages), end).readings
        doors = [p.id for p in plan.points if p.metric == "people_in"]
        last = [int(read.ts[read.point == door].max()) for door in doors]
        whole = Signals(plan, ()).at(np.array(doors), np.array(last), np.full(len(doors), NOON))

        assert whole.sum() == read.value[np.isin(read.point, doors)].sum() > 0

    def test_restart_says_the_same(self, plan):
        """A live park that starts later says the same levels at the same times."""
        read = []
        for begin in (NOON, NOON + 30 * MINUTE):
            live = live_with(plan, begin=begin)
            messages = [m for t in range(begin + MINUTE, NOON + 41 * MINUTE, MINUTE) for m in live.due(t)]
            batch = batcher(plan).batch(wire(messages), NOON + 41 * MINUTE).readings
            keep = batch.rows((batch.ts > NOON + 35 * MINUTE) & (batch.quality == Quality.GOOD))
            power = {p.id for p in plan.points if p.metric in {"power", "energy", "temperature"} and p.scale == 1.0}
            chosen = keep.rows(np.isin(keep.point, list(power)))
            read.append(set(zip(chosen.point.tolist(), chosen.ts.tolist(), chosen.value.tolist(), strict=True)))

        assert read[0] == read[1]
        assert len(read[0]) > 500

    def test_far_behind_it_speaks_at_the_history_s_rhythm(self, plan):
        """A day that was slept through is told in a few thousand messages, then the live rhythm returns."""
        live = live_with(plan)
        messages = list(live.due(NOON + DAY))
        last = [m for m in messages if m.topic == dialects.topic_of(first(plan, "meter"))]

        assert len(messages) < 25_000
        assert [json.loads(m.payload)["ts"] for m in last] == sorted(json.loads(m.payload)["ts"] for m in last)
        assert json.loads(last[-1].payload)["ts"] > NOON + DAY - 15_001

    def test_stranger_is_heard(self, plan):
        """A device that nobody registered speaks too, and is refused as unknown."""
        live = Live(plan, NOON)
        batch = batcher(plan).batch(wire(list(live.due(NOON + 10 * MINUTE))), NOON + 10 * MINUTE)

        assert {"native:liuxi/-/new-sensor"} == {
            r.device_key for r in batch.refused if r.reason is Refusal.UNKNOWN_DEVICE
        }


def test_concat_is_what_history_gives(plan):
    """A history cut into other spans gives the same readings."""
    past = Past(plan, ())
    whole = past.received(START, START + DAY)
    parts = concat([past.received(START + i * HOUR, START + (i + 1) * HOUR) for i in range(24)])

    for name in ("point", "ts", "value", "quality", "received"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()
