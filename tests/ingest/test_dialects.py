"""Dialects: folders of cases, and what must hold for any bytes at all."""

import json
import os
from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders.samples import UNREADABLE, Flaw, Meaning, Sample, epoch_ms, number
from ingest.dialects import DIALECTS, dialect_of, meaning_of, subscriptions, topics_of
from park.metrics import METRICS, Lane
from park.records import Refusal

NOW = 1_790_000_000_000
CASES = sorted(p.parent for p in (Path(__file__).parent / "cases").glob("*/*/input.json"))

TOPICS = (
    "parks/p1/bulk/g1/m1", "parks/p1/life/-/s1", "tele/plug1/SENSOR", "tele/a/b/STATE", "tele/plug1/LWT",
    "zigbee2mqtt/hall/t1", "zigbee2mqtt/t1/availability", "zigbee2mqtt/bridge/state", "shelly-1/events/rpc",
    "shelly-1/online",
)  # fmt: skip
leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
tree = st.recursive(leaf, lambda t: st.lists(t, max_size=4) | st.dictionaries(st.text(max_size=8), t, max_size=4))
names = st.sampled_from(["v", "ts", "backfill", "Time", "ENERGY", "last_seen", "state", "method", "params", "em:0"])
message = st.dictionaries(names, tree, max_size=6)
payloads = st.binary(max_size=60) | (message | tree).map(lambda m: json.dumps(m).encode())


def told(part):
    """Return a part as JSON can hold it."""
    if isinstance(part, Flaw):
        return {"flaw": str(part.reason), "detail": part.detail}
    flags = [name for name in ("late", "carried") if getattr(part, name)]
    value = type(part.value).__name__ if isinstance(part.value, list | dict) else part.value
    if isinstance(value, float) and not isfinite(value):
        value = str(value)
    return [part.source, value, part.ts, *flags]


def run(folder):
    """Return for each message of a case its device and what is read of it."""
    case = json.loads((folder / "input.json").read_text("utf-8"))
    states, out = {}, []
    for m in case["messages"]:
        payload = m["raw"].encode() if "raw" in m else json.dumps(m["payload"]).encode()
        dialect, key = dialect_of(m["topic"])
        states[key], parts = dialect.decode(states.get(key), m["topic"], payload, case["received"])
        out.append({"device": key, "parts": [told(p) for p in parts]})
    return out


class TestCases:
    @pytest.mark.parametrize("folder", CASES, ids=lambda p: f"{p.parent.name}-{p.name}")
    def test_case(self, folder):
        """What a real message says is read as the case expects."""
        found = run(folder)
        golden = folder / "expected.json"
        if os.environ.get("GOLDEN"):
            lines = ",\n".join(json.dumps(f, ensure_ascii=False) for f in found)
            golden.write_text(f"[\n{lines}\n]\n", "utf-8")

        assert json.loads(golden.read_text("utf-8")) == found


class TestAnyBytes:
    @given(st.sampled_from(TOPICS), payloads)
    def test_no_exception(self, topic, payload):
        """Any bytes on any topic give samples or flaws, never an exception."""
        dialect, _ = dialect_of(topic)

        _, parts = dialect.decode(None, topic, payload, NOW)

        assert all(isinstance(p, Sample | Flaw) for p in parts)

    @given(st.sampled_from([t for t in TOPICS if t.endswith("rpc")]), st.lists(payloads, max_size=4))
    def test_state_of_any_past(self, topic, many):
        """A device may say anything in any order: its state never leads to an exception."""
        dialect, _ = dialect_of(topic)
        state = None
        for payload in many:
            state, parts = dialect.decode(state, topic, payload, NOW)
            assert all(isinstance(p, Sample | Flaw) for p in parts)

    @given(st.text())
    def test_topics(self, topic):
        """Any topic belongs to one dialect or none, and a device key names its dialect."""
        found = dialect_of(topic)

        assert found is None or found[1].startswith(found[0].name + ":")

    @pytest.mark.parametrize("topic", TOPICS)
    @pytest.mark.parametrize("depth", [20, 5_000, 200_000])
    def test_deep(self, topic, depth):
        """Nesting without end is refused, not followed."""
        dialect, _ = dialect_of(topic)
        for payload in (b"[" * depth, b'{"a":' * depth, b'{"v":{"a":' + b"[" * depth + b"]" * depth + b"}}"):
            _, parts = dialect.decode(None, topic, payload, NOW)
            assert all(isinstance(p, Sample | Flaw) for p in parts)

    def test_huge_numbers(self):
        """A number of ten thousand digits is refused."""
        dialect, _ = dialect_of("parks/p1/bulk/g1/m1")

        _, parts = dialect.decode(None, "parks/p1/bulk/g1/m1", b'{"v":{"power":1' + b"0" * 10_000 + b"}}", NOW)

        assert isinstance(parts[0], Flaw)


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (1, 1.0),
            (2.5, 2.5),
            ("12.5", 12.5),
            (" -3e2 ", -300.0),
            (".5", 0.5),
            ("1e999", Refusal.NOT_FINITE),
            ("nan", Refusal.WRONG_TYPE),
            ("1_000", Refusal.WRONG_TYPE),
            ("0x10", Refusal.WRONG_TYPE),
            ("", Refusal.WRONG_TYPE),
            ("١٢", Refusal.WRONG_TYPE),
            ("1" * 100, Refusal.WRONG_TYPE),
            (True, Refusal.WRONG_TYPE),
            (None, Refusal.WRONG_TYPE),
            ([1], Refusal.WRONG_TYPE),
            (float("nan"), Refusal.NOT_FINITE),
            (float("inf"), Refusal.NOT_FINITE),
            (10**400, Refusal.NOT_FINITE),
        ],
    )
    def test_number(self, value, expected):
        """Numbers and texts of numbers count; all else has its reason."""
        assert expected == number(value)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, None),
            (NOW, NOW),
            (float(NOW), NOW),
            (str(NOW), NOW),
            ("2026-09-21T22:13:20", NOW),
            ("2026-09-21T14:13:20Z", NOW),
            ("2026.09.21 22:13:20", NOW),
            ("-", UNREADABLE),
            (-1, UNREADABLE),
            (1 << 60, UNREADABLE),
            (True, UNREADABLE),
            ({}, UNREADABLE),
            ("9999-99-99T00:00:00", UNREADABLE),
            ("0001-01-01T00:00:00", UNREADABLE),
        ],
    )
    def test_time(self, value, expected):
        """A time without a zone is park time; what is no time is said to be unreadable."""
        assert expected == epoch_ms(value)


class TestTables:
    def test_meanings_are_metrics(self):
        """Every meaning that a dialect gives names a metric of the catalogue."""
        keys = [
            ("tasmota", "ENERGY.Power.2"), ("tasmota", "POWER1"), ("z2m", "carbon_monoxide"), ("z2m", "power_phase_b"),
            ("shelly", "em:0/b_act_power"), ("shelly", "switch:1/aenergy.total"), ("native", "voltage.a"),
        ]  # fmt: skip

        assert all(meaning_of(f"{d}:x", k).metric in METRICS for d, k in keys)

    @pytest.mark.parametrize(
        ("device", "source", "expected"),
        [
            ("tasmota:a", "ENERGY.Power", Meaning("power", "", 1e-3)),
            ("z2m:a", "linkquality", None),
            ("shelly:a", "em:0/c_voltage", Meaning("voltage", "c", 1.0)),
            ("native:p/g/d", "power.2", Meaning("power", "2", 1.0)),
            ("native:p/g/d", "whatever", Meaning("", "", 1.0)),
            ("nobody:a", "power", None),
        ],
    )
    def test_meaning(self, device, source, expected):
        """A dialect proposes metric, channel and scale for the values it knows."""
        assert expected == meaning_of(device, source)

    def test_subscriptions(self):
        """The lanes share no native topic, and the life lane also asks for its devices of other dialects."""
        life = subscriptions(Lane.LIFE, ["zigbee2mqtt/kitchen", "zigbee2mqtt/kitchen", "parks/p/life/-/s"])

        assert ("parks/+/life/#", "zigbee2mqtt/kitchen") == life
        assert not set(life) & set(subscriptions(Lane.BULK))

    def test_alarm_topics(self):
        """The topics on which a foreign device speaks lead back to its key."""
        keys = ["tasmota:hall/plug", "z2m:hall/smoke", "shelly:smoke-1"]

        assert keys == [dialect_of(t)[1] for k in keys for t in topics_of(k)]

    @pytest.mark.parametrize(
        "key", ["z2m:a+b", "z2m:#", "tasmota:a\0", "z2m:" + "x" * 70_000, "native:p/g/d", "z2m:", "?"]
    )
    def test_no_alarm_topics(self, key):
        """A name that no topic can hold costs the lane nothing."""
        assert () == topics_of(key)
        assert ("parks/+/life/#",) == subscriptions(Lane.LIFE, [f"zigbee2mqtt/{key}+"])

    def test_names_are_unique(self):
        """No two dialects share a name: it begins the device keys."""
        assert len(DIALECTS) == len({d.name for d in DIALECTS})
