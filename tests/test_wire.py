"""Records and events survive the way to bytes and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from park.events import AlarmState, ConditionChange, Reason, Severity
from park.readings import COLUMNS, batch_of
from park.records import Batch, Command, Config, Edge, PointRow, Refusal, Refused, Tick, Verb
from park.wire import decode, decode_event, encode, encode_event

times = st.integers(0, 2**52)
rows = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), times, st.floats(), st.integers(0, 255), st.integers(10**12, 10**12 + 10**9)),
    max_size=20,
)


def edge(gateways):
    column = np.array(gateways, np.int32)
    return Edge(column, column, column)


class TestBatch:
    @given(rows, st.lists(st.integers(0, 99), max_size=3), st.binary(max_size=20))
    def test_round_trip(self, readings, gateways, payload):
        """Any readings, counts and refused messages come back as they were."""
        refused = (Refused(Refusal.MALFORMED, "a/b", payload, len(payload), 1),)
        before = Batch(batch_of(readings), edge(gateways), refused)

        after = decode(encode(before))

        assert refused == after.refused
        assert gateways == after.edge.gateway.tolist()
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(before.readings, name), getattr(after.readings, name))


def test_small_records_round_trip():
    """Ticks, configurations and commands come back equal."""
    records = [
        Tick(60_000),
        Config(3, 5, (PointRow(1, "power", 2, 3, 4),), limits=()),
        Command(Verb.RESET, 9, "officer", place=3, reason="seen on site"),
    ]

    assert records == [decode(encode(r)) for r in records]


def test_events_round_trip():
    """An event keeps its fields, and its id is derived again."""
    change = ConditionChange(
        "fire.pre_alarm", "fire", "place:1", 5, 6, 7, AlarmState.LATCHED, Severity.HIGH, Reason.DETECTOR_ALARM
    )

    again = decode_event(encode_event(change))

    assert (change, change.id) == (again, again.id)
