"""What every store of the office promises: whole changes, what is known once, histories, files, figures."""

from dataclasses import replace

import pytest

from park.alarm_ports import CaseFilter
from park.errors import Conflict, NotFound, UserError
from park.events import AlarmState
from park.governance import Done, Hazard, InspectionPlan, OfficeFile, Round, RoundState
from runtime.storage.sql.governance import SqlOffice
from runtime.storage.sql.governance_kpi import period_of
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, burns, passes

HAZARD = Hazard(1, 12, "通道堵塞", NOW, "desk", NOW + 9, origin="round:1/a")
VISIT = Round(1, "daily_patrol", "每日", "2026-11-21", NOW + HOUR, plan=3)


@pytest.fixture
def store(database):
    """The store over it."""
    return SqlOffice(database)


def test_origin_is_known_once(store):
    """What came of the same origin is kept once; what a person reports has none and is kept each time."""
    store.add(HAZARD, actor="desk", now=NOW)
    with pytest.raises(Conflict):
        store.add(HAZARD, actor="desk", now=NOW)
    for _ in range(2):
        store.add(replace(HAZARD, origin=""), actor="desk", now=NOW)

    assert 3 == len(store.find(Hazard))


def test_a_step_is_whole(store):
    """A step that fails leaves nothing of what it would have made; one that succeeds makes all of it, once."""
    visit = store.add(VISIT, actor="", now=NOW)

    def finish(r):
        return Done(replace(r, state=RoundState.DONE), "finish", made=(HAZARD, replace(HAZARD, origin="round:1/b")))

    def fails(r):
        finish(r)
        raise UserError("no")

    with pytest.raises(UserError):
        store.change(Round, visit.id, fails, actor="desk", now=NOW)
    assert [] == store.find(Hazard)
    for _ in range(2):
        store.change(Round, visit.id, finish, actor="desk", now=NOW)

    assert ["round:1/b", "round:1/a"] == [h.origin for h in store.find(Hazard)]
    assert ["create", "finish", "finish"] == [line.verb for line in store.history(Round, visit.id)]


def test_the_slower_is_told(store):
    """Who saw an older version changes nothing."""
    key = store.add(HAZARD, actor="desk", now=NOW).id
    store.change(Hazard, key, lambda h: Done(replace(h, note="a"), "x"), actor="a", now=NOW, version=1)
    with pytest.raises(Conflict):
        store.change(Hazard, key, lambda h: Done(replace(h, note="b"), "x"), actor="b", now=NOW, version=1)

    assert ("a", 2) == (store.get(Hazard, key).note, store.get(Hazard, key).version)


def test_kinds_are_apart(store):
    """A number of one kind is none of another."""
    key = store.add(VISIT, actor="", now=NOW).id

    assert VISIT.day == store.get(Round, key).day
    with pytest.raises(NotFound):
        store.get(Hazard, key)
    assert [] == store.find(InspectionPlan)


def test_lists(store):
    """Lists go by park, state and time limit, newest first, in pages."""
    for park, due in ((1, NOW), (1, NOW + 5), (2, NOW)):
        store.add(replace(HAZARD, park=park, due=due, origin=""), actor="", now=NOW)
    first = store.find(Hazard, limit=2)

    assert [2, 1] == [h.park for h in first]
    assert [1] == [h.park for h in store.find(Hazard, before=first[-1].id)]
    assert 1 == len(store.find(Hazard, park=1, due_before=NOW + 1))
    assert [] == store.find(Hazard, parks=frozenset())
    assert [] == store.find(Hazard, states=("closed",))
    assert {"found": 2} == store.counts(Hazard, 1)


def test_files(store):
    """A file stands with its thing, with who attached it and when, and is a line of its history."""
    key = store.add(HAZARD, actor="desk", now=NOW).id
    file = OfficeFile("a.jpg", "image/jpeg", 3, "d" * 64, 0, "")
    kept = store.attach(Hazard, key, file, lambda h: Done(h, "attach"), actor="desk", now=NOW)

    assert [kept] == store.files(Hazard, key)
    assert (NOW, "desk", "attach") == (kept.at, kept.actor, store.history(Hazard, key)[-1].verb)


def test_period(where):
    """A period holds the alarms of its time and park, each activation once, and its detectors."""
    alarms = Alarms(where)
    try:
        alarms.tell(burns())
        (case,) = alarms.store.cases(CaseFilter())
        found = period_of(alarms.database, NOW - HOUR, NOW + HOUR, park=case.park)
        before = period_of(alarms.database, NOW - 2 * HOUR, NOW - HOUR, park=case.park)
        strange = period_of(alarms.database, NOW - HOUR, NOW + HOUR, parks=frozenset({99}))
    finally:
        alarms.close()

    assert ([case.id], 1) == ([a.case for a in found.activations], len(found.raised))
    assert () == before.activations == strange.activations


def test_history_is_no_alarm_of_anybodys(where):
    """What was over when it was read late counts nowhere; what still stands counts from when people were called."""
    alarms = Alarms(where)
    try:
        for point, ends in ((1, True), (2, False)):
            alarms.tell(passes(NOW - 24 * HOUR, point=point), now=NOW)
            if ends:
                alarms.tell(passes(NOW - 24 * HOUR, NOW - 23 * HOUR, point=point, state=AlarmState.CLEARED), now=NOW)
        alarms.store.turn(NOW + MINUTE)
        over, stands = sorted(alarms.store.cases(CaseFilter(open=None)), key=lambda c: c.point)
        today = period_of(alarms.database, NOW - HOUR, NOW + HOUR)
        yesterday = period_of(alarms.database, NOW - 25 * HOUR, NOW - HOUR)
    finally:
        alarms.close()

    assert (0, 1) == (over.paged, stands.paged)
    assert ([stands.id], [NOW]) == ([a.case for a in today.activations], [c.raised for c in today.raised])
    assert ((), ()) == (yesterday.activations, yesterday.raised)
