"""A long past that a log still tells: people are called to what stands in it once it is read, and to a fire before."""

from dataclasses import replace

import pytest

from alerts.lifecycle import STALE_AFTER
from park.alarm_ports import CaseFilter
from park.alarms import CaseState
from park.events import AlarmState, DeviceStatus, Label, Reason, Status
from park.metrics import Lane
from runtime.storage.sql.alarm_writer import SETTLE
from tests.alerts.alarm_words import HOUR, NOW, SECOND, fire, limit

END = 100  # of each log, when we began


@pytest.fixture
def reading(alarms):
    """An hour of log time is read in a second, days after it was written."""
    alarms.now = NOW + STALE_AFTER + 1_000 * HOUR
    alarms.intake.live_from({Lane.LIFE: END, Lane.BULK: END})
    return alarms


def past(alarms, hours):
    """Read on until `hours` are read, a second each, with alarms of many points on the way; turn each second."""
    for n in range(hours):
        alarms.now += SECOND
        since = NOW + n * HOUR
        events = [limit(since, point=100 + n), limit(since, since + 5, point=100 + n, state=AlarmState.CLEARED)]
        alarms.events.apply(Lane.BULK, 2 + n, events)
        alarms.store.turn(alarms.now)


def test_over_further_on(reading):
    """What stood in the past for longer than we took to settle calls nobody where it is over before the log's end."""
    reading.events.apply(Lane.BULK, 1, [limit()])
    past(reading, 30)
    reading.events.apply(Lane.BULK, 40, [limit(NOW, NOW + 30 * HOUR, state=AlarmState.CLEARED)])
    reading.store.turn(reading.now + HOUR)

    assert [] == reading.said()
    assert {CaseState.CLOSED} == {case.state for case in reading.store.cases(CaseFilter(open=None))}


def test_stands_at_the_end(reading):
    """What still stands when the log is read calls people some seconds later, once."""
    reading.events.apply(Lane.BULK, 1, [limit()])
    past(reading, 30)
    before = reading.said()
    for late in (SETTLE, SETTLE + SECOND):
        reading.store.turn(reading.now + late)

    assert ([], ["case-1/1/0/raised/all"]) == (before, reading.said())


def test_a_fire_waits_for_no_reading(reading):
    """A fire that was logged before we began calls people after some seconds, however long the other log is."""
    reading.events.apply(Lane.LIFE, 1, [fire()])
    past(reading, SETTLE // SECOND)

    assert ["case-1/1/0/raised/all"] == reading.said()


def test_what_happens_meanwhile(reading):
    """What happens now calls people at once while the past is still read."""
    past(reading, 3)
    reading.events.apply(Lane.BULK, END + 1, [limit(reading.now)])

    assert 1 == len(reading.said())


@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize("kind", [fire, limit])
def test_what_a_claimed_device_said_long_ago(reading, kind, over):
    """Old messages that are taken in now call people where their alarm still stands seconds later, and else nobody."""
    told = [kind(NOW, NOW + n, state=s) for n, s in enumerate((AlarmState.ACTIVE, AlarmState.CLEARED))]
    lane = Lane.LIFE if kind is fire else Lane.BULK
    for n, change in enumerate(told[: 1 + over]):
        reading.events.apply(lane, END + 1 + n, [replace(change, labels=(Label.HISTORY,))])
    before = reading.said()
    reading.store.turn(reading.now + SETTLE)

    assert ([], 0 if over else 1) == (before, len(reading.said()))
    assert [over] == [case.state is CaseState.CLOSED for case in reading.store.cases(CaseFilter(open=None))]


@pytest.mark.parametrize("status", [Status.SILENT, Status.ONLINE])
def test_how_a_claimed_device_was_long_ago(reading, status):
    """So it is with its health: who is well by then calls nobody, who is away calls once it is seen to stay so."""
    for n, how in enumerate((Status.SILENT, status)):
        told = DeviceStatus(9, how, NOW + n, NOW, Reason.SILENT, park=1, labels=(Label.HISTORY,))
        reading.events.apply(Lane.BULK, END + 1 + n, [told])
    before = reading.said()
    reading.store.turn(reading.now + SETTLE)

    assert ([], 0 if status is Status.ONLINE else 1) == (before, len(reading.said()))
