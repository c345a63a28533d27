"""A message of life safety that nobody can read is told to people: once, and until it is over."""

from dataclasses import replace

import numpy as np
import pytest
from contract import MINUTE, START, Case, contract_of
from hypothesis import strategies as st

from park.events import AlarmState, Reason, Severity
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Command, Config, DeviceRow, Edge, PlaceRow, PointRow, Refusal, Refused, Tick, Verb
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages
from stream.unreadable import MOST, QUIET, UNREADABLE, Unreadable

CONFIG = Config(
    1, START,
    devices=(DeviceRow(1, 9, 10, Lane.LIFE, "smoke_detector"), DeviceRow(2, 9, 10, Lane.BULK, "meter")),
    places=(PlaceRow(9, 9, 0, "park", "p", code="xixing"), PlaceRow(10, 9, 9, "unit", "u")),
)  # fmt: skip
TOPIC = "parks/xixing/life/gw/x"


def refused(seconds=0.0, reason=Refusal.MALFORMED, topic=TOPIC, device=0, **more):
    """Return a message that was refused."""
    return Refused(reason, topic, b"{", 1, START + int(seconds * 1000), device=device, **more)


class Watch:
    """The stage in a pipeline of its own."""

    def __init__(self, lane=Lane.LIFE):
        self.pipeline = Pipeline(lambda d: (Unreadable(d, lane),))
        self.told = []
        self.pipeline.run(CONFIG, self.told.append)

    def see(self, *messages):
        """Take refused messages; return what was told of them."""
        told = []
        self.pipeline.operators[0].on_refused(messages, told.append)
        return [(e.subject, e.state, e.at - START) for e in told]

    def run(self, record):
        """Take a record; return what was told."""
        told = []
        self.pipeline.run(record, told.append)
        return [(e.subject, e.state, e.reason, e.at - START) for e in told]


NONE = np.zeros(0, np.int32)
ON, OFF = AlarmState.ACTIVE, AlarmState.CLEARED


class TestRaised:
    @pytest.mark.parametrize("reason", Refusal)
    def test_reasons(self, reason):
        """What could not be read is told; what was read and is merely not bound, claimed or timely is not."""
        assert [(f"topic:{TOPIC}", ON, 0)] * (reason in UNREADABLE) == Watch().see(refused(reason=reason))

    @pytest.mark.parametrize("stages", [life_stages, bulk_stages])
    @pytest.mark.parametrize(
        ("metric", "value", "told"),
        [("smoke", 2.0, 1), ("co_alarm", -1.0, 1), ("flame", 0.5, 1), ("heat", float("nan"), 1),
         ("smoke", 0.0, 0), ("smoke", 1.0, 0), ("fire_door", 7.0, 0)],
    )  # fmt: skip
    def test_a_state_that_nobody_knows(self, stages, metric, value, told):
        """A detector that says neither "normal" nor "alarm" guards nobody: told once, at its place."""
        pipeline, events = Pipeline(stages), []
        pipeline.run(replace(CONFIG, points=(PointRow(5, metric, 1, 10, 9),)), events.append)
        rows = [(5, START + n, value, 0, START + n) for n in (1, 2)]
        pipeline.run(Batch(batch_of(rows), Edge(NONE, NONE, NONE)), events.append)

        assert [("device:1", ON, 10)] * told == [
            (e.subject, e.state, e.place) for e in events if getattr(e, "family", "") == "unreadable"
        ]

    @pytest.mark.parametrize("stages", [life_stages, bulk_stages])
    @pytest.mark.parametrize(
        ("metric", "values", "told"),
        [
            ("temperature", (5_000, 5_000), 1),
            ("temperature", (5_000, 21, 5_000), 0),  # noise on a wire
            ("temperature", (-300, 5_000, -300), 1),  # once
            ("smoke_obscuration", (-1, -1), 1),
            ("smoke_obscuration", (101, 101), 0),  # thick smoke
            ("gas_level", (65_535, 65_535), 1),
            ("gas_level", (130, 130), 0),  # an overloaded cell
            ("co", (0, 300), 0),
            ("voltage", (1e9, 1e9), 0),
        ],
    )
    @pytest.mark.parametrize("cut", [False, True])
    def test_values_that_cannot_be(self, stages, metric, values, told, cut):
        """A detector whose values cannot be, twice in a row, guards nobody; what is above its scale is an alarm."""
        pipeline, events = Pipeline(stages), []
        pipeline.run(replace(CONFIG, points=(PointRow(5, metric, 1, 10, 9),)), events.append)
        rows = [(5, START + n * 1_000, float(v), 0, START + n * 1_000) for n, v in enumerate(values)]
        for some in [[row] for row in rows] if cut else [rows]:
            states = pipeline.snapshot()
            pipeline = Pipeline(stages)
            pipeline.restore(states)
            pipeline.run(Batch(batch_of(some), Edge(NONE, NONE, NONE)), events.append)

        assert [("device:1", ON, 10)] * told == [
            (e.subject, e.state, e.place) for e in events if getattr(e, "family", "") == "unreadable"
        ]

    def test_once(self):
        """One device gives one condition, however often it fails, at its place and of high severity."""
        watch, told = Watch(), []
        watch.pipeline.operators[0].on_refused(tuple(refused(n, device=1) for n in range(100)), told.append)

        (change,) = told
        assert (9, 10, 1, Severity.HIGH, Reason.UNREADABLE) == (
            change.park, change.place, change.device, change.severity, change.reason,
        )  # fmt: skip

    def test_a_stranger(self):
        """Who is not registered is known by his topic, and is of the park that the topic names."""
        watch, told = Watch(), []
        watch.pipeline.operators[0].on_refused((refused(), refused(topic="zigbee2mqtt/hall")), told.append)

        assert [(f"topic:{TOPIC}", 9), ("topic:zigbee2mqtt/hall", 0)] == [(e.subject, e.park) for e in told]

    def test_bulk(self):
        """On the bulk lane only devices of life safety are meant."""
        assert [("device:1", ON, 0)] == Watch(Lane.BULK).see(refused(), refused(device=2), refused(device=1))

    def test_bounded(self):
        """A flood of topics is told as one."""
        watch = Watch()
        told = watch.see(*(refused(topic=f"parks/xixing/life/gw/{n}") for n in range(MOST + 50)))

        assert (MOST + 1, "topic:*") == (len(told), told[-1][0])

    @pytest.mark.parametrize("stages", [life_stages, bulk_stages])
    def test_stands_in_the_lanes(self, stages):
        """Both lanes have the stage."""
        assert "unreadable" in [o.name for o in Pipeline(stages).operators]


class TestOver:
    def test_an_hour(self):
        """It is over when none has come for an hour, at that time, whenever the tick comes."""
        watch = Watch()
        watch.see(refused(0), refused(60))

        assert [] == watch.run(Tick(START + QUIET))
        assert [(f"topic:{TOPIC}", OFF, Reason.READABLE, QUIET + MINUTE)] == watch.run(Tick(START + 2 * QUIET))
        assert [(f"topic:{TOPIC}", ON, 3 * QUIET)] == watch.see(refused(3 * QUIET / 1000))

    def test_the_next_one_after_an_hour(self):
        """One that comes after an hour of quiet is another condition, also before the tick."""
        watch = Watch()
        watch.see(refused(0))
        assert [(f"topic:{TOPIC}", OFF, QUIET), (f"topic:{TOPIC}", ON, QUIET + 1)] == watch.see(
            refused((QUIET + 1) / 1000)
        )

    @pytest.mark.parametrize(
        ("about", "ends"),
        [
            ({"place": 10}, True), ({"device": 1}, True), ({"arguments": {"subject": "device:1"}}, True),
            ({"place": 11}, False), ({"device": 2}, False),
            ({"arguments": {"subject": "device:1", "family": "fire"}}, False),
        ],
    )  # fmt: skip
    def test_a_person_has_looked(self, about, ends):
        """A named person ends what stands, and nothing else; the next message is told again."""
        watch = Watch()
        watch.see(refused(0, device=1))

        assert [("device:1", OFF, Reason.PERSON_RESET, 5)] * ends == watch.run(
            Command(Verb.RESET, START + 5, "Lin", **about)
        )
        assert [("device:1", ON, 10_000)] * ends == watch.see(refused(10, device=1))

    def test_twice_in_a_millisecond(self):
        """Raised, ended and raised again at one time it is two conditions, of different ids."""
        watch, told = Watch(), []
        stage = watch.pipeline.operators[0]
        stage.on_refused((refused(),), told.append)
        watch.pipeline.run(Command(Verb.RESET, START, "Lin", arguments={"subject": f"topic:{TOPIC}"}), told.append)
        stage.on_refused((refused(),), told.append)

        assert 2 == len({e.condition_id for e in told})


values = st.builds(
    lambda at, value: (5, START + at * 1000, value, 0, START + at * 1000),
    st.integers(0, 3 * 3600), st.sampled_from([21.0, 5_000.0, -300.0]),
)  # fmt: skip
items = st.lists(
    values | st.builds(
        lambda at, device, reason: refused(at, reason, device=device),
        st.integers(0, 3 * 3600), st.sampled_from([0, 1, 2]), st.sampled_from([Refusal.MALFORMED, Refusal.FAR_PAST]),
    ) | st.builds(
        lambda at: Command(Verb.RESET, START + at * 1000, "Lin", place=10), st.integers(0, 3 * 3600)
    ), max_size=25,
)  # fmt: skip
TestUnreadableContract = contract_of(
    Case(
        "unreadable", lambda d: (Unreadable(d),), replace(CONFIG, points=(PointRow(5, "temperature", 1, 10, 9),)), items
    )
)
