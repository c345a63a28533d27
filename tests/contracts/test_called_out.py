"""A fire that people are called out to before it is written in its order: one alarm, whatever comes between."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from alerts.lifecycle import STALE_AFTER
from park.alarm_ports import CaseFilter
from park.alarms import CaseState, CaseVerb, Verdict
from park.events import AlarmState
from park.metrics import Lane
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.events import SqlEvents
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import MINUTE, NOW, SECOND, does, fire
from tests.tools import until

S, V = CaseState, CaseVerb
ACTIVE, LATCHED, CLEARED = AlarmState.ACTIVE, AlarmState.LATCHED, AlarmState.CLEARED


def test_counted_once(alarms):
    """What the log tells afterwards is the same fact: it is neither counted nor called again."""
    events = [fire(), fire(NOW, NOW + SECOND, device=8, confirmed=True), fire(NOW, NOW + 2 * SECOND, device=9)]
    for event in events:
        alarms.intake.alone(Lane.LIFE, event)
    before, said = alarms.store.cases(CaseFilter()), alarms.said()
    alarms.events.apply(Lane.LIFE, 10, events)

    assert (before, said) == (alarms.store.cases(CaseFilter()), alarms.said())
    assert [3] == [case.count for case in before]


def test_called_out_again(alarms):
    """Calling out is tried until it is sure; it is done once."""
    for _ in range(3):
        alarms.intake.alone(Lane.LIFE, fire())

    assert [1] == [case.count for case in alarms.store.cases(CaseFilter())]


def test_closed_before_the_log_tells(alarms):
    """A fire that a person has ended meanwhile is no new alarm when the log tells of it."""
    alarms.intake.alone(Lane.LIFE, fire())
    (case,) = alarms.store.cases(CaseFilter())
    alarms.store.act(case.id, does(V.ACKNOWLEDGE), NOW + SECOND)
    alarms.store.act(case.id, does(V.RESET), NOW + 2 * SECOND)
    alarms.store.act(
        case.id, does(V.CLOSE, note="burnt toast", verdict=Verdict.UNWANTED, why=does(V.RESET).why), NOW + 5 * MINUTE
    )
    alarms.now = NOW + 6 * MINUTE
    alarms.events.apply(Lane.LIFE, 10, [fire()])

    assert [] == alarms.store.cases(CaseFilter())
    assert 1 == len(alarms.store.cases(CaseFilter(open=None)))


def test_it_happens_now(alarms):
    """A fire whose log time is hours behind the clock calls people at once when it is known to happen now."""
    alarms.now = NOW + STALE_AFTER + MINUTE
    alarms.intake.alone(Lane.LIFE, fire(), live=True)

    assert [f"{fire().id}/all"] == alarms.said()


def test_it_happened_now(alarms):
    """What was thought to be history when it was called out calls people once the log tells that it is none."""
    alarms.now = NOW + STALE_AFTER + MINUTE
    alarms.intake.live_from({Lane.LIFE: 5})
    alarms.intake.alone(Lane.LIFE, fire())
    thought = alarms.said()
    alarms.events.apply(Lane.LIFE, 10, [fire()])
    alarms.events.apply(Lane.LIFE, 11, [fire()])

    assert ([], [f"{fire().id}/all"]) == (thought, alarms.said())
    assert [1] == [case.count for case in alarms.store.cases(CaseFilter())]


@settings(max_examples=30)
@given(st.data())
def test_ends_as_if_nobody_had_called(file, tmp_path_factory, data):
    """Whichever activations are called out first, what stands in the end is what stands without."""
    events, at = [], NOW
    for n in range(data.draw(st.integers(1, 3))):
        since = at
        course = data.draw(st.sampled_from([[ACTIVE], [ACTIVE, CLEARED], [ACTIVE, LATCHED, ACTIVE], [ACTIVE, LATCHED]]))
        if n and events[-1].state is not CLEARED:
            events.append(replace(events[-1], at=at, state=CLEARED))
        for state in course:
            events.append(fire(since, at, state=state, device=data.draw(st.sampled_from([7, 8]))))
            at += SECOND
    early = [e for e in events if e.state is ACTIVE and data.draw(st.booleans())]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=2)))
    found = []
    for called in ([], early):
        alarms = Alarms(shutil.copy(file, tmp_path_factory.mktemp("called") / "park.sqlite"))
        for event in called:
            alarms.intake.alone(Lane.LIFE, event)
        for position, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(events)], strict=True), 1):
            alarms.events.apply(Lane.LIFE, position, events[begin:end])
        cases = alarms.store.cases(CaseFilter(open=None))
        found.append((len(cases), {c.state for c in cases}, {h.signal for c in cases for h in c.holders}))
        alarms.close()

    assert found[0] == found[1]


class _Held(SqlAlarms):
    """Cases of a process that calls out, and does not commit before something else is under way."""

    def __init__(self, database, meanwhile):
        """Take what happens meanwhile."""
        super().__init__(database)
        self._meanwhile = meanwhile

    @contextmanager
    def _writing(self, now):
        """Let it happen between what is written and the commit."""
        with super()._writing(now) as writer:
            yield writer
            self._meanwhile()


class _HeldEvents(SqlEvents):
    """Events of a process that writes them, and does not commit before something else is under way."""

    def __init__(self, database, intake, meanwhile):
        """Take what happens meanwhile."""
        super().__init__(database, intake)
        self._meanwhile = meanwhile

    def _put(self, connection, stream, events, position=0):
        """Let it happen between what is written and the commit."""
        tell = super()._put(connection, stream, events, position)
        self._meanwhile()
        return tell


def _waits(alarms):
    """Tell whether somebody waits for a row that another transaction holds: always so in SQLite, which has one."""
    with alarms.database.read() as connection:
        if connection.dialect.name == "sqlite":
            return True
        asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(connection.execute(text(asked)).scalar())


@pytest.mark.parametrize("first", ["called", "written"])
def test_at_the_same_moment(where, first):
    """Whoever calls out and whoever writes the event at one moment, in two processes, count it once together."""
    with closing(Alarms(where)) as one, closing(Alarms(where)) as other, ThreadPoolExecutor(1) as pool:
        second = []

        def begin(does, *given):
            """Begin what the other process does, and go on once it waits for us, or is done."""
            second.append(pool.submit(does, *given))
            until(lambda: second[0].done() or _waits(one))

        if first == "called":
            store = _Held(one.database, lambda: begin(other.events.apply, Lane.LIFE, 10, [fire()]))
            Intake(store, lambda: NOW).alone(Lane.LIFE, fire())
        else:
            events = _HeldEvents(one.database, one.intake, lambda: begin(other.intake.alone, Lane.LIFE, fire()))
            events.apply(Lane.LIFE, 10, [fire()])
        second[0].result()

        assert [1] == [case.count for case in one.store.cases(CaseFilter())]
        assert [f"{fire().id}/all"] == one.said()
