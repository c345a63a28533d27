"""One case for each enterprise that is suspected: when it is raised, and what ends it."""

from dataclasses import replace

import pytest

from park.activity import Evidence, Sign
from park.alarm_ports import CaseFilter
from park.alarms import Act, CaseState, CaseVerb
from park.events import ActivityDay, Reason, Severity
from park.metrics import Lane
from park.model import Enterprise, Lease
from runtime.storage.sql.registry import SqlRegistry
from tests.alerts.alarm_house import small_park
from tests.alerts.alarm_words import NOW

DAY = 86_400_000


def day(number, state="zombie_suspect", enterprise=5, **more):
    return ActivityDay(enterprise, f"2027-01-{number:02}", state, 0.01, 0.9, park=1, at=NOW + number * DAY, **more)


def tell(alarms, *days):
    """Store days, each as its own turn of the log."""
    for one in days:
        alarms.position = getattr(alarms, "position", 0) + 1
        alarms.now = one.at
        alarms.events.apply(Lane.BULK.value, alarms.position, [one])


def cases(alarms):
    return [(c.subject, c.state, c.count) for c in alarms.store.cases(CaseFilter(open=None))]


PAPER = (Evidence(Sign.PAPER, {"kind": "holiday", "begin": "2027-01-01", "end": "2027-02-01"}),)


def test_one_for_each_enterprise(alarms):
    """Days of suspicion are one low alarm of the enterprise, told once."""
    tell(alarms, day(1, "stopped"), day(2), day(3), day(3, enterprise=6), day(4))

    (five,) = (c for c in alarms.store.cases(CaseFilter()) if c.subject == "enterprise:5")
    assert ("activity", "activity.zombie_suspect", Severity.LOW, Reason.ZOMBIE_SUSPECT, 1) == (
        five.family, five.rule, five.severity, five.reason, five.count,
    )  # fmt: skip
    assert 2 == len(cases(alarms))


@pytest.mark.parametrize("end", [day(5, "active"), day(5, "reduced"), day(5, "unknown", evidence=PAPER)])
def test_what_ends_it(alarms, end):
    """Use, or a paper that explains the silence, ends it."""
    tell(alarms, day(1), end)

    assert [("enterprise:5", CaseState.RETURNED, 1)] == cases(alarms)


def test_a_paper_that_is_filed_later(alarms):
    """The newest day, judged again because of a paper, ends it."""
    tell(alarms, day(1), day(2), day(2, "unknown", evidence=PAPER))

    assert [("enterprise:5", CaseState.RETURNED, 1)] == cases(alarms)


def test_unknown_days(alarms):
    """A meter that says nothing neither raises a suspicion nor ends one, nor is it told twice."""
    tell(alarms, day(1), day(2, "unknown"), day(3))

    assert [("enterprise:5", CaseState.UNACKNOWLEDGED, 1)] == cases(alarms)


def test_days_of_the_past(alarms):
    """A day of the past that is judged again says nothing of today."""
    tell(alarms, day(1), day(4), day(2, "active"))

    assert [("enterprise:5", CaseState.UNACKNOWLEDGED, 1)] == cases(alarms)


def test_suspected_again(alarms):
    """One that was suspected, worked and is suspected again is told again."""
    tell(alarms, day(1), day(5, "active"), day(9))

    assert [("enterprise:5", CaseState.UNACKNOWLEDGED, 2)] == cases(alarms)


def test_closed_by_a_person(alarms):
    """A case that was seen and is over is closed; the next suspicion is another case."""
    tell(alarms, day(1))
    (case,) = alarms.store.cases(CaseFilter())
    alarms.store.act(case.id, Act(CaseVerb.ACKNOWLEDGE, "li"), alarms.now)
    tell(alarms, day(2, "active"), day(3))

    assert [("enterprise:5", CaseState.CLOSED), ("enterprise:5", CaseState.UNACKNOWLEDGED)] == sorted(
        (s, state) for s, state, _ in cases(alarms)
    )


def test_closed_stays_closed(alarms):
    """A suspicion that a person closed is not told again because its meter was silent for a day."""
    tell(alarms, day(1))
    (case,) = alarms.store.cases(CaseFilter())
    alarms.store.act(case.id, Act(CaseVerb.ACKNOWLEDGE, "li"), alarms.now)
    tell(alarms, day(2, "active"), day(3))
    (again,) = alarms.store.cases(CaseFilter())
    tell(alarms, day(4, "unknown"), day(5), day(6, "unknown", evidence=PAPER), day(7))

    (now,) = alarms.store.cases(CaseFilter())
    assert (again.id, 2, True) == (now.id, now.count, now.active)  # once more after the paper, not after the silence


def test_it_left_the_park(alarms):
    """The case of an enterprise that leases nothing any more ends with the next day of any other."""
    registry = SqlRegistry(alarms.database)
    park = small_park(registry)
    firms = registry.save(
        [Enterprise(0, park.park, f"F{n}", "五金") for n in (1, 2)], actor="li", reason="", now=NOW
    )  # fmt: skip
    (lease,) = registry.save([Lease(0, park.other, firms[0].id, NOW - DAY)], actor="li", reason="", now=NOW)
    one, other = (replace(day(n, enterprise=f.id), park=park.park) for n, f in ((1, firms[0]), (3, firms[1])))
    tell(alarms, one, replace(other, day="2027-01-02", state="active"))
    assert [True] == [c.active for c in alarms.store.cases(CaseFilter())]
    registry.save([replace(lease, valid_to=NOW + 2 * DAY)], actor="li", reason="", now=NOW)
    tell(alarms, replace(other, state="active"))

    (case,) = alarms.store.cases(CaseFilter())
    assert not case.active
    assert f"activity/{firms[0].id}/left/2027-01-03" == alarms.store.history(case.id)[-1].event


def test_many_days_at_once(alarms):
    """A past that is read at once gives what it would have given day by day."""
    alarms.now = NOW + 9 * DAY
    alarms.events.apply(Lane.BULK.value, 1, [day(1), day(2), day(3, "active"), day(4, enterprise=6)])

    assert [("enterprise:6", True)] == [(c.subject, c.active) for c in alarms.store.cases(CaseFilter())]


def test_read_again(alarms):
    """A log that is read again tells nothing new."""
    tell(alarms, day(1), day(2, "active"), day(3))
    before = cases(alarms)
    tell(alarms, day(1), day(2, "active"), day(3))

    assert before == cases(alarms)


def test_where_it_is(alarms):
    """The alarm stands at the unit that the enterprise leases, where its evidence is shown."""
    registry = SqlRegistry(alarms.database)
    park = small_park(registry)
    (firm,) = registry.save([Enterprise(0, park.park, "F5", "五金")], actor="li", reason="", now=NOW)
    registry.save([Lease(0, park.other, firm.id, NOW - DAY)], actor="li", reason="", now=NOW)
    tell(alarms, day(1, enterprise=firm.id))

    assert [park.other] == [c.place for c in alarms.store.cases(CaseFilter())]
