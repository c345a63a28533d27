"""What workers tell survives the way to bytes and back, and what is no such thing is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import Corrupt
from park.events import ActivityDay, AlarmState, ConditionChange, DeviceStatus, Finding, Reason, Severity, Status
from park.told import EVENTS_AT_ONCE, Told, decode_told, encode_told, tell

FIRE = ConditionChange(
    "fire.pre_alarm", "fire", "place:1", 5, 6, 7, AlarmState.LATCHED, Severity.CRITICAL, Reason.DETECTOR_ALARM, park=3
)
EVENTS = (
    FIRE,
    Finding("anomaly", 4, 5, 6, Severity.LOW, Reason.UNUSUAL, value=1.5, similar=(1, 2)),
    DeviceStatus(9, Status.SILENT, 8, 7, Reason.SILENT),
    ActivityDay(2, "2026-01-01", "active", 0.9, 0.8, ("as ever",)),
)

streams = st.sampled_from(["life", "bulk", "life-0", "bulk-3", "bulk-123456"])
counts = st.integers(0, 2**63 - 1)


@given(streams, counts, counts, st.lists(st.sampled_from(EVENTS), max_size=5), st.booleans())
def test_round_trip(stream, epoch, position, events, last):
    """Anything that is told comes back equal."""
    told = Told(stream, epoch, position, tuple(events), last)

    assert told == decode_told(encode_told(told))


@given(st.integers(0, 3 * EVENTS_AT_ONCE + 1))
def test_parts_hold_everything_and_only_the_last_is_last(count):
    """Any number of events is cut into messages that hold them all in order; the last alone moves the position."""
    events = [DeviceStatus(n, Status.ONLINE, n, n, Reason.BACK) for n in range(count)]

    parts = [decode_told(encode_told(part)) for part in tell("bulk-1", 2, 9, events)]

    assert tuple(events) == sum((part.events for part in parts), ())
    assert [False] * (len(parts) - 1) + [True] == [part.last for part in parts]


GOOD = b'{"version":1,"stream":"life-0","epoch":1,"position":2,"last":true,"events":[]}'


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(GOOD[:-9], id="half"),
        pytest.param(GOOD.replace(b'"version":1', b'"version":2'), id="another version"),
        pytest.param(GOOD.replace(b"life-0", b"life-x"), id="no stream"),
        pytest.param(GOOD.replace(b"life-0", b"gas-0"), id="no lane"),
        pytest.param(GOOD.replace(b'"epoch":1', b'"epoch":-1'), id="negative epoch"),
        pytest.param(GOOD.replace(b'"position":2', b'"position":1e30'), id="no whole position"),
        pytest.param(GOOD.replace(b'"last":true,', b""), id="field missing"),
        pytest.param(GOOD.replace(b"{", b'{"more":1,'), id="field too many"),
        pytest.param(GOOD.replace(b"[]", b"[[]]"), id="event that is a list"),
        pytest.param(GOOD.replace(b"[]", b'["x"]'), id="event that is a text"),
        pytest.param(GOOD.replace(b"[]", b'[{"type":[],"id":""}]'), id="event of no type"),
        pytest.param(GOOD.replace(b"[]", b'[{"type":"condition","id":"x"}]'), id="event without fields"),
        pytest.param(GOOD.replace(b"life-0", b"\xff\xfe"), id="no UTF-8"),
        pytest.param(GOOD.replace(b"[]", b"[" + b",".join([b"{}"] * (EVENTS_AT_ONCE + 1)) + b"]"), id="too many"),
        pytest.param(b"[" * 20_000, id="deep"),
        pytest.param(GOOD + b" " * (17 << 20), id="gigantic"),
    ],
)
def test_what_is_no_told_is_corrupt(content):
    """Anything else is refused in the one way that callers wait for."""
    with pytest.raises(Corrupt):
        decode_told(content)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_corrupt(content):
    """No bytes raise anything but Corrupt."""
    try:
        decode_told(content)
    except Corrupt:
        return
    raise AssertionError("random bytes were taken for a message")
