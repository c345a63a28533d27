"""What ended long ago is deleted; what still waits, and every alarm, stays."""

import pytest
from alarm_house import small_park
from alarm_words import HOUR, NOW, fire, trigger

from park.alarm_ports import CaseFilter
from park.errors import NotFound
from park.metrics import Lane
from runtime.cases import Cases
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.registry import SqlRegistry

DAY = 24 * HOUR


@pytest.fixture
def cases(tmp_path):
    """Return the stores of alarms with two fires: one message ended, one waits; the clock is 40 days on."""
    database = Database.open(tmp_path / "park.db")
    small_park(SqlRegistry(database))
    time = [NOW]
    made = Cases(database, tmp_path, lambda *_: None, lambda: time[0], lambda: (time[0] - NOW) / 1_000)
    SqlEvents(database, made.intake).apply(Lane.LIFE, 1, [fire(), fire(place=13)])
    first, _ = made.outbox.deliveries()
    made.outbox.delivered(first.notification.id, "200", NOW)
    time[0] = NOW + 40 * DAY
    yield made
    database.close()


@pytest.mark.parametrize(("keep", "left"), [(0, 2), (30 * DAY, 1), (60 * DAY, 2)])
def test_messages(cases, keep, left):
    """Messages that ended are deleted after their time, where one is set; those that wait never are."""
    cases.trim(keep)

    assert (left, 2) == (len(cases.outbox.deliveries()), len(cases.store.cases(CaseFilter())))


def test_links(cases):
    """A link that ended is deleted, one that is good stays."""
    old = cases.links.make(1, "王磊", now=NOW, lasts=HOUR)
    good = cases.links.make(1, "王磊", now=NOW + 40 * DAY, lasts=HOUR)
    cases.trim(0)

    with pytest.raises(NotFound):
        cases.links.show(old, NOW + 1)
    assert "王磊" == cases.links.show(good, NOW + 40 * DAY + 1)[1]


def test_calls(cases):
    """A call to what was never written in its order is forgotten after 30 days, a newer one is not."""
    (old, new) = (trigger(fire(place=n), Lane.LIFE) for n in (14, 15))
    cases.store.call_out(old, NOW)
    cases.store.call_out(new, NOW + 39 * DAY)
    cases.trim(0)
    for one in (old, new):
        cases.store.call_out(one, NOW + 40 * DAY)

    assert {14: 2, 15: 1} == {c.place: c.count for c in cases.store.cases(CaseFilter()) if c.place > 13}
