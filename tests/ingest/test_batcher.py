"""From messages to a batch: order, counting, time, quality, and what the hot path and the decoders must agree on."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batcher import Batcher
from ingest.message import RETAIN, Cut
from ingest.resolver import Binding, Resolver
from park.metrics import Lane
from park.readings import Quality
from park.records import Refusal
from park.settings import IngestSettings
from park.wire import decode, encode

NOW = 1_790_000_000_000
DAY = 86_400_000
SETTINGS = IngestSettings(max_payload=4_000)
METER, SMOKE, MACHINE = "native:p1/g1/m1", "native:p1/-/s1", "native:p1/g2/w1"
BINDINGS = (
    Binding(METER, "power", 1, 0.001, 0.5, "power", 10, 100),
    Binding(METER, "voltage.a", 2, 1.0, 0.0, "voltage", 10, 100),
    Binding(METER, "energy", 3, 1.0, 0.0, "energy", 10, 100),
    Binding(MACHINE, "machine", 4, 1.0, 0.0, "machine", 11, 200),
    Binding(MACHINE, "output_count", 5, 1.0, 0.0, "output_count", 11, 200),
    Binding(SMOKE, "smoke", 6, 1.0, 0.0, "smoke", 12, 0, Lane.LIFE),
    Binding(SMOKE, "battery", 7, 1.0, 0.0, "battery", 12, 0, Lane.LIFE),
    Binding("z2m:hall/kitchen", "smoke", 8, 1.0, 0.0, "smoke", 13, 300, Lane.LIFE),
    Binding("tasmota:plug", "ENERGY.Power", 9, 0.001, 0.0, "power", 14),
    Binding("shelly:em", "em:0/a_voltage", 20, 1.0, 0.0, "voltage", 15),
    Binding("shelly:em", "em:0/a_act_power", 21, 0.001, 0.0, "power", 15),
    Binding("shelly:em", "em:0/total", 22, 0.001, 0.0, "energy", 15),
    Binding("native:p1/-/quiet", "", 0, device=16),
)
TOPICS = {METER: "parks/p1/bulk/g1/m1", MACHINE: "parks/p1/bulk/g2/w1", SMOKE: "parks/p1/life/-/s1"}


def batcher(**more):
    resolver = Resolver(SETTINGS)
    resolver.bind(BINDINGS)
    return Batcher(SETTINGS, resolver, **more)


def message(topic, content, flags=2):
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return TOPICS.get(topic, topic).encode(), payload, b"\0\1", flags


def rows(batch):
    r = batch.readings
    columns = zip(r.point.tolist(), r.ts.tolist(), r.value.tolist(), r.quality.tolist(), strict=True)
    return [(p, ts - NOW, v, Quality(q)) for p, ts, v, q in columns]


def reasons(batch):
    return [(r.reason, r.readings, r.whole) for r in batch.refused]


def edge(batch):
    e = batch.edge
    return list(zip(e.gateway.tolist(), e.messages.tolist(), e.readings.tolist(), strict=True))


def counted(batch):
    """Return (readings the edge saw, readings that came out or were refused)."""
    return int(batch.edge.readings.sum()), len(batch.readings) + sum(r.readings for r in batch.refused)


class TestReadings:
    def test_several_values(self):
        """The values of a message become readings of its points, in the metric's unit, at the device's time."""
        batch = batcher().batch([message(METER, {"ts": NOW - 5, "v": {"power": 1500, "voltage.a": 230.5}})], NOW)

        assert [(1, -5, 2.0, 0), (2, -5, 230.5, 0)] == rows(batch)
        assert [(100, 1, 2)] == edge(batch)
        assert {NOW} == set(batch.readings.received.tolist())

    def test_order_of_arrival(self):
        """Fast and slow messages keep their order among each other."""
        messages = [
            message(METER, {"v": {"power": 1000}}),
            message(MACHINE, {"v": {"machine": "running", "output_count": 3}}),
            message(METER, {"v": {"power": 2000}}),
            message(METER, {"v": {"power": "3000"}}),
            message(MACHINE, {"v": {"output_count": 4}}),
        ]

        found = [(p, v) for p, _, v, _ in rows(batcher().batch(messages, NOW))]

        assert [(1, 1.5), (4, 1.0), (5, 3.0), (1, 2.5), (1, 3.5), (5, 4.0)] == found

    def test_nothing(self):
        """No messages make an empty batch that a log can take."""
        batch = batcher().batch([], NOW)

        assert (0, 0) == counted(batch)
        assert isinstance(decode(encode(batch)), type(batch))

    def test_words_and_booleans(self):
        """States may be told by code, boolean or word."""
        told = [{"machine": x} for x in (1, True, "running", "Fault", "2")]
        messages = [message(MACHINE, {"v": v}) for v in told]

        assert [1.0, 1.0, 1.0, 2.0, 2.0] == batcher().batch(messages, NOW).readings.value.tolist()

    @pytest.mark.parametrize("word", ["alarm", "ON", "true", True, 1, "detected", "1"])
    def test_alarm_words(self, word):
        """A smoke alarm is understood however the device says it."""
        assert [(6, 0, 1.0, 0)] == rows(batcher().batch([message(SMOKE, {"v": {"smoke": word}})], NOW))

    def test_other_dialects(self):
        """Dialects mix in one batch, each read by its own rules."""
        messages = [
            message("tele/plug/SENSOR", {"Time": "2026-09-21T22:13:20", "ENERGY": {"Power": 2500, "Period": 1}}),
            message("zigbee2mqtt/hall/kitchen", {"smoke": False, "linkquality": 100}),
        ]

        batch = batcher().batch(messages, NOW)

        assert [(9, 0, 2.5, 0), (8, 0, 0.0, 0)] == rows(batch)
        assert [(0, 1, 1), (300, 1, 1)] == edge(batch)

    def test_partial_updates(self):
        """What a partial update leaves out is carried as an estimate; registers are not."""

        def status(**values):
            params = {"ts": NOW / 1000, "em:0": values}
            return message("em/events/rpc", {"method": "NotifyStatus", "params": params})

        batch = batcher().batch([status(a_voltage=230, a_act_power=50, total=7), status(a_act_power=60)], NOW)

        assert [(20, 0, 230.0, Quality.ESTIMATED), (21, 0, 0.06, 0)] == sorted(rows(batch)[3:])
        assert counted(batch)[0] == counted(batch)[1] == 5

    def test_registry_change(self):
        """A new binding holds from the next batch on, also for a form of message that is known already."""
        resolver = Resolver(SETTINGS)
        resolver.bind(BINDINGS)
        b = Batcher(SETTINGS, resolver)
        some = [message(METER, {"v": {"power": 1000}})]
        before = rows(b.batch(some, NOW))
        resolver.bind([Binding(METER, "power", 31, 1.0, 0.0, "power", 10, 100)])
        after = rows(b.batch(some, NOW))
        resolver.forget([METER])

        assert ([(1, 0, 1.5, 0)], [(31, 0, 1000.0, 0)]) == (before, after)
        assert [(Refusal.UNKNOWN_DEVICE, 1, True)] == reasons(b.batch(some, NOW))

    def test_another_lane(self):
        """What another lane's client receives is left alone, and not even counted."""
        b = batcher(covered=lambda topic: topic.startswith("zigbee2mqtt/hall"))

        batch = b.batch([message("zigbee2mqtt/hall/kitchen", {"smoke": True})], NOW)
        b.cover(lambda topic: topic == TOPICS[METER])

        assert ([], []) == (rows(batch), edge(batch))
        assert [] == rows(b.batch([message(METER, {"v": {"power": 1}})], NOW))
        assert 1 == len(rows(b.batch([message("zigbee2mqtt/hall/kitchen", {"smoke": True})], NOW)))

    def test_many_forms(self):
        """A device that names its values differently each time is read all the same, with bounded memory."""
        resolver = Resolver(SETTINGS)
        resolver.bind([Binding("native:p/-/d", f"x{i}", i + 1, metric="power") for i in range(300)])
        b = Batcher(SETTINGS, resolver)
        messages = [message("parks/p/bulk/-/d", {"v": {f"x{i}": i}}) for i in range(300)]

        assert list(range(300)) == b.batch(messages, NOW).readings.value.tolist()
        assert sum(b"parks/p/bulk/-/d" in topics for topics in b._shapes.values()) <= 64


class TestTime:
    @pytest.mark.parametrize(
        ("ts", "expected"),
        [
            (NOW + 15 * 60_000, [(1, 15 * 60_000, 1.5, Quality.GOOD)]),
            (NOW + 15 * 60_000 + 1, [(1, 0, 1.5, Quality.WRONG_CLOCK)]),
            (1 << 53, [(1, 0, 1.5, Quality.WRONG_CLOCK)]),
            (NOW - 400 * DAY, [(1, -400 * DAY, 1.5, Quality.GOOD)]),
            (NOW - 400 * DAY - 1, Refusal.FAR_PAST),
            (0, Refusal.FAR_PAST),
            (NOW // 1000, Refusal.FAR_PAST),
            ("soon", Refusal.BAD_TIME),
            (1 << 80, Refusal.BAD_TIME),
            (None, [(1, 0, 1.5, Quality.GOOD)]),
        ],
    )
    def test_clock_guard(self, ts, expected):
        """A clock ahead is marked and dated by receipt; a time long past, or none at all, is set aside."""
        batch = batcher().batch([message(METER, {"ts": ts, "v": {"power": 1000}})], NOW)

        if isinstance(expected, Refusal):
            assert [(expected, 1, True)] == reasons(batch)
        else:
            assert expected == rows(batch)
        assert counted(batch)[0] == counted(batch)[1] == 1

    @pytest.mark.parametrize("ts", [0, 1 << 53, "soon", NOW // 1000, True])
    def test_life_safety_passes(self, ts):
        """No clock, however wrong, silences a smoke detector."""
        batch = batcher().batch([message(SMOKE, {"ts": ts, "v": {"smoke": True, "battery": 5}})], NOW)

        assert [(6, 0, 1.0, Quality.WRONG_CLOCK), (7, 0, 5.0, Quality.WRONG_CLOCK)] == rows(batch)

    def test_retained(self):
        """What the broker kept is marked: it is old state, not news."""
        batch = batcher().batch([message(SMOKE, {"v": {"smoke": True}}, flags=2 | RETAIN)], NOW)

        assert [(6, 0, 1.0, Quality.RETAINED)] == rows(batch)

    def test_retained_with_wrong_clock(self):
        """A retained state of life safety stays "retained" whatever its clock; another value is then of no time."""
        smoke = batcher().batch([message(SMOKE, {"ts": 0, "v": {"smoke": False}}, flags=3)], NOW)
        power = batcher().batch([message(METER, {"ts": NOW + DAY, "v": {"power": 0}}, flags=3)], NOW)

        assert [(6, 0, 0.0, Quality.RETAINED)] == rows(smoke)
        assert [(1, 0, 0.5, Quality.WRONG_CLOCK)] == rows(power)

    def test_back_fill(self):
        """What a device calls back-fill is marked late, one object or many."""
        late = {"ts": NOW - DAY, "v": {"power": 0}, "backfill": True}
        messages = [message(METER, late), message(METER, [late, {"ts": NOW, "v": {"power": 500}}])]

        found = rows(batcher().batch(messages, NOW))

        assert [(-DAY, Quality.LATE), (-DAY, Quality.LATE), (0, Quality.GOOD)] == [(t, q) for _, t, _, q in found]


@pytest.mark.parametrize("word", [1, "yes", [], {}])
@pytest.mark.parametrize("topic", [SMOKE, "parks/p1/life/-/stranger"])
def test_an_alarm_beside_a_flaw(topic, word):
    """A "backfill" that is neither true nor false is told; the alarm beside it is an alarm, and late."""
    b = batcher().batch([message(topic, {"v": {"smoke": True}, "backfill": word})], NOW)

    assert [(6, 0, 1.0, Quality.LATE)] * (topic == SMOKE) == rows(b)
    assert [("malformed", "") if topic == SMOKE else ("unknown_device", "smoke")] == [
        (r.reason, r.alarm) for r in b.refused
    ]


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "reason", "readings"),
        [
            (b"power=12", Refusal.MALFORMED, 0),
            (b"\xff\xfe", Refusal.MALFORMED, 0),
            (b"", Refusal.EMPTY, 0),
            ({"v": {}}, Refusal.EMPTY, 0),
            ({"power": 1}, Refusal.MALFORMED, 0),
            (b'{"v":{"power":' + b"[" * 1_900 + b"]" * 1_900 + b"}}", Refusal.TOO_DEEP, 0),
            ({"v": {"power": [1]}}, Refusal.WRONG_TYPE, 1),
            ({"v": {"power": {"a": 1}}}, Refusal.WRONG_TYPE, 1),
            ({"v": {"power": True}}, Refusal.WRONG_TYPE, 1),
            ({"v": {"power": "much"}}, Refusal.WRONG_TYPE, 1),
            (b'{"v":{"power":NaN}}', Refusal.NOT_FINITE, 1),
            (b'{"v":{"power":1e999}}', Refusal.NOT_FINITE, 1),
            (b'{"v":{"power":-Infinity}}', Refusal.NOT_FINITE, 1),
            ({"v": {"colour": 1, "smell": 2}}, Refusal.UNKNOWN_METRIC, 2),
            (b" " * 4_001, Refusal.TOO_LARGE, 0),
        ],
    )
    def test_whole(self, content, reason, readings):
        """A message that gives nothing is kept raw with its reason, and the messages beside it are untouched."""
        good = message(METER, {"v": {"power": 1000}})

        batch = batcher().batch([good, message(METER, content), good], NOW)

        assert [(reason, readings, True)] == reasons(batch)
        assert [(1, 0, 1.5, 0)] * 2 == rows(batch)
        assert [(100, 3, 2 + readings)] == edge(batch)
        assert message(METER, content)[1] == batch.refused[0].payload

    def test_part(self):
        """Of a message with one bad value the others count."""
        batch = batcher().batch(
            [message(METER, {"v": {"power": 1000, "voltage.a": "high", "colour": 1, "energy": 5}})], NOW
        )

        assert [1, 3] == batch.readings.point.tolist()
        assert [(Refusal.WRONG_TYPE, 1, False), (Refusal.UNKNOWN_METRIC, 1, False)] == reasons(batch)
        assert (4, 4) == counted(batch)

    def test_cut_payload(self):
        """Of a payload too large to keep, the beginning is kept and the size is told."""
        big = Cut(b"x" * 4_001)
        big.size = 5_000_000

        refused = batcher().batch([message(METER, big)], NOW).refused[0]

        assert (Refusal.TOO_LARGE, 5_000_000, METER, 100) == (
            refused.reason, refused.size, refused.device_key, refused.gateway,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "topic", [b"nothing/we/know", b"parks/p1/heavy/g/d", b"parks/\xff/bulk/-/d", b"", b"$SYS/x"]
    )
    def test_no_dialect(self, topic):
        """A topic that no dialect knows is kept with that reason."""
        batch = batcher().batch([(topic, b"{}", b"\0\1", 2)], NOW)

        assert [(Refusal.NO_DIALECT, 0, True)] == reasons(batch)
        assert [(0, 1, 0)] == edge(batch)

    def test_unclaimed(self):
        """The message of a device nobody claimed is kept raw, with the number of its values."""
        batch = batcher().batch([message("parks/p1/bulk/-/new", {"v": {"power": 1, "voltage.a": 2}})], NOW)

        refused = batch.refused[0]
        assert (Refusal.UNKNOWN_DEVICE, "native:p1/-/new", 2, "") == (
            refused.reason, refused.device_key, refused.readings, refused.alarm,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("topic", "content", "alarm"),
        [
            ("parks/p1/life/-/new", {"v": {"battery": 3, "gas": True}}, "gas"),
            ("parks/p1/bulk/-/new", {"ts": 0, "v": {"smoke": "alarm"}}, "smoke"),
            ("parks/p1/bulk/-/new", {"v": {"smoke": 1}}, "smoke"),
            ("parks/p1/bulk/-/new", [{"v": {"power": 1}}, {"v": {"call_point.2": "ON"}}], "call_point"),
            ("parks/p1/life/-/new", {"v": {"smoke": False}}, ""),
            ("zigbee2mqtt/new", {"carbon_monoxide": True}, "co_alarm"),
            ("zigbee2mqtt/new", {"carbon_monoxide": True, "gas": True, "smoke": True, "heat": True}, "smoke"),
            ("new/events/rpc", {"method": "NotifyStatus", "params": {"smoke:0": {"alarm": True}}}, "smoke"),
            (SMOKE, {"v": {"heat": True}}, "heat"),
        ],
    )
    def test_unclaimed_alarm(self, topic, content, alarm):
        """A fire that nobody bound is named, so that it can be raised."""
        refused = batcher().batch([message(topic, content)], NOW).refused[0]

        assert alarm == refused.alarm

    def test_known_without_points(self):
        """A device that is known and has no points is not waiting to be claimed."""
        batch = batcher().batch([message("parks/p1/bulk/-/quiet", {"v": {"power": 1}})], NOW)

        assert [(Refusal.UNKNOWN_METRIC, 1, True)] == reasons(batch)

    def test_half_a_character(self):
        """A name with half a surrogate pair can be refused and written to a log."""
        batch = batcher().batch([message(METER, b'{"v":{"\\ud800":NaN,"power":1}}')], NOW)

        assert 1 == len(batch.readings)
        assert decode(encode(batch)).refused == batch.refused

    def test_a_name_without_end(self):
        """Of a stranger's name no more is kept than an index holds; two that begin alike stay two, of their park."""
        topics = [f"parks/p1/life/-/{letter}" for letter in ("消" * 9_000 + "a", "消" * 9_000 + "b")]
        batch = batcher().batch([message(topic, {"v": {"smoke": 1}}) for topic in topics], NOW)

        assert ["smoke", "smoke"] == [r.alarm for r in batch.refused]
        assert 4 == len({name for r in batch.refused for name in (r.topic, r.device_key)})
        assert 2_000 > max(len(r.topic.encode()) + len(r.device_key.encode()) for r in batch.refused)
        assert all(r.topic.startswith("parks/p1/life/-/") for r in batch.refused)

    def test_infinite_by_scale(self):
        """A value that its scale makes infinite is refused."""
        resolver = Resolver(SETTINGS)
        resolver.bind([Binding("native:p/-/d", "power", 1, 1e200, metric="power")])

        batch = Batcher(SETTINGS, resolver).batch([message("parks/p/bulk/-/d", {"v": {"power": 1e305}})], NOW)

        assert [(Refusal.NOT_FINITE, 1, True)] == reasons(batch)


values = st.one_of(
    st.floats(allow_nan=True), st.integers(), st.booleans(), st.none(), st.sampled_from(["12.5", "running", "on", "x"]),
    st.lists(st.integers(), max_size=1),
)  # fmt: skip
stamps = (
    st.none() | st.integers(-10, 1 << 60) | st.integers(NOW - 500 * DAY, NOW + DAY) | st.floats() | st.text(max_size=3)
)
names = st.sampled_from(["power", "voltage.a", "energy", "machine", "output_count", "smoke", "battery", "colour"])
items = st.fixed_dictionaries(
    {"v": st.dictionaries(names, values, max_size=4)},
    optional={"ts": stamps, "backfill": st.booleans() | st.none() | st.just("x"), "more": st.integers()},
)
contents = (
    items.map(lambda i: json.dumps(i).encode())
    | st.binary(max_size=10)
    | st.lists(items, max_size=3).map(lambda i: json.dumps(i).encode())
)
some_messages = st.lists(
    st.tuples(
        st.sampled_from([*TOPICS.values(), "parks/p1/bulk/-/new", "zigbee2mqtt/hall/kitchen", "nowhere"]),
        contents,
        st.sampled_from([2, 2, 2, 3]),
    ).map(lambda t: (t[0].encode(), t[1], b"\0\1", t[2])),
    max_size=8,
)


class TestAnything:
    @given(some_messages)
    def test_counts_close(self, messages):
        """What the edge counts is what came out and what was refused, messages and readings apart."""
        batch = batcher().batch(messages, NOW)

        assert counted(batch)[0] == counted(batch)[1]
        assert len(messages) == batch.edge.messages.sum()
        assert np.isfinite(batch.readings.value).all()
        assert (batch.readings.point > 0).all()

    @given(some_messages)
    def test_hot_path_equals_decoder(self, messages):
        """The hot path reads what the decoder reads."""
        warm = batcher()
        warm.batch(messages, NOW)
        slow = batcher()
        slow._learn = lambda *_: None

        fast, plain = warm.batch(messages, NOW), slow.batch(messages, NOW)

        assert rows(plain) == rows(fast)
        assert plain.refused == fast.refused
        assert edge(plain) == edge(fast)

    @given(some_messages, st.integers(0, 8))
    def test_cut(self, messages, at):
        """However messages are cut into batches, the readings are the same."""
        b = batcher()
        whole = batcher().batch(messages, NOW)
        first, second = b.batch(messages[:at], NOW), b.batch(messages[at:], NOW)

        assert rows(whole) == rows(first) + rows(second)
        assert whole.refused == first.refused + second.refused

    @given(some_messages)
    def test_log_takes_it(self, messages):
        """Any batch can be written to a log and read again."""
        batch = batcher().batch(messages, NOW)

        again = decode(encode(batch))

        assert (rows(batch), batch.refused, edge(batch)) == (rows(again), again.refused, edge(again))
