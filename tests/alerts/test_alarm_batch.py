"""Many triggers of one transaction are told as if one by one: cases, histories, messages, timers."""

import re
import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from alerts.gate import BLIND
from alerts.suppression import BLIND_BEGINS
from park.alarm_ports import CaseFilter
from park.alarms import DeliveryState
from park.duty import Matcher, MatchOperator, Silence
from park.events import AlarmState, Finding, Reason, Severity, Status
from park.metrics import Lane
from runtime.storage.sql.alarm_rows import case_of
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.tables_alarms import case_timers, cases
from tests.alerts.alarm_house import Alarms, small_park
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, anomaly, burns, health, limit, passes, trigger
from tests.alerts.delivery_house import Office
from tests.alerts.receivers import Receiver

STATES = st.sampled_from(list(AlarmState))


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """Return a database with a small park, and its ids."""
    path = tmp_path_factory.mktemp("batch") / "park.db"
    alarms = Alarms(path)
    ids = small_park(SqlRegistry(alarms.database))
    alarms.plans.save(
        Silence((Matcher("point", MatchOperator.EQUAL, "3"),), NOW, NOW + HOUR, "li", "x"), actor="li", now=NOW
    )
    alarms.close()
    return path, ids


def unreadable(subject, state=AlarmState.ACTIVE, since=NOW, park=1):
    """Return the trigger of an input of life safety that nobody can read."""
    change = limit(since, state=state, reason=Reason.UNREADABLE, park=park, place=0, device=0, point=0, value=None)
    return trigger(replace(change, rule=BLIND, family=BLIND, subject=f"topic:{subject}", limit=None), Lane.LIFE)


@st.composite
def told(draw, ids):
    """Return a trigger of any kind, of few subjects, so that they meet."""
    kind = draw(st.sampled_from(["fire", "limit", "finding", "health", "blind"]))
    at = NOW + draw(st.integers(0, 5))
    if kind == "fire":
        lane, place = draw(st.sampled_from(list(Lane))), draw(st.sampled_from([ids.unit, ids.other]))
        device = draw(st.integers(1, 4))
        return burns(NOW, at, lane, place=place, device=device, state=draw(STATES), confirmed=draw(st.booleans()))
    if kind == "limit":
        device, severity = draw(st.sampled_from(ids.behind)), draw(st.sampled_from(list(Severity)))
        point, state = draw(st.integers(1, 15)), draw(STATES)
        return passes(NOW, at, point=point, device=device, state=state, severity=severity, place=ids.unit)
    if kind == "finding":
        return anomaly(at, point=draw(st.integers(1, 20)))
    if kind == "blind":
        return unreadable(draw(st.integers(1, 30)), draw(STATES))
    device = draw(st.sampled_from([ids.gateway, *ids.behind, ids.alone]))
    return health(device, draw(st.sampled_from([Status.SILENT, Status.ONLINE, Status.GATEWAY_DOWN])), at)


def everything(alarms):
    """Return all that lies in the tables, cases by their keys: a flood that begins among many has a number behind."""
    with alarms.database.read() as connection:
        rows = [row._asdict() for row in connection.execute(select(cases).order_by(cases.c.id))]
        timers = [tuple(row) for row in connection.execute(select(case_timers))]
    names: dict[int, str] = {}
    for row in rows:
        key = "|".join((row["family"], row["subject"], row["cause"]))
        names[row["id"]] = f"{key}|{sum(name.startswith(f'{key}|') for name in names.values())}"

    def named(text):
        return re.sub(r"case:(\d+)", lambda found: names[int(found[1])], text)

    for row in rows:
        case = case_of(row["body"])
        held = tuple(replace(s, by=named(s.by)) for s in case.suppressed)
        row["body"] = replace(case, id=0, suppressed=held)
    past = {n: alarms.store.history(n) for n in names}
    lines = {names[n]: [replace(t, id=0, case=0, note=named(t.note)) for t in found] for n, found in past.items()}
    messages = {}
    for delivery in alarms.outbox.deliveries(limit=10_000):
        note = delivery.notification
        said = note.id.replace(f"case-{note.case}/", f"{names.get(note.case)}/")
        messages[said] = replace(delivery, notification=replace(note, id=said, case=0)), names.get(note.case)
    return (
        {names[row["id"]]: row | {"id": 0} for row in rows}, sorted((names[n], *rest) for n, *rest in timers),
        lines, messages,
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_as_one_by_one(founded, tmp_path_factory, data):
    """Whatever is told together, at whatever cut, leaves the same rows as when each is told by itself."""
    path, ids = founded
    triggers = data.draw(st.lists(told(ids), min_size=2, max_size=60))
    cut = data.draw(st.integers(0, len(triggers)))
    folder = tmp_path_factory.mktemp("twice")
    together, alone = (Alarms(shutil.copy(path, folder / name)) for name in ("together.db", "alone.db"))
    for part in (triggers[:cut], triggers[cut:]):
        together.store.trigger(part, NOW + 9)
    for one in triggers:
        alone.store.trigger([one], NOW + 9)
    left, right = everything(together), everything(alone)
    together.close()
    alone.close()

    assert right == left


def test_statements(tmp_path):
    """Two hundred findings of one record take a number of statements that does not grow with them."""
    alarms = Alarms(tmp_path / "park.db")
    counted = []
    event.listen(alarms.database._engine, "before_cursor_execute", lambda *a: counted.append(a[2]))

    def statements(first, many):
        counted.clear()
        found = [
            Finding("anomaly", first + k, NOW, NOW, Severity.HIGH, Reason.UNUSUAL, 9.0, park=1) for k in range(many)
        ]
        alarms.events.apply(Lane.BULK, first, found)
        return len(counted)

    few, many = statements(1_000, 20), statements(2_000, 200)
    alarms.close()

    assert few + 5 >= many


class TestUnreadable:
    """What would say fire and cannot be read is told whatever else there is."""

    def test_over_before_it_was_sent(self, tmp_path):
        """Whoever is still to hear that it cannot be read hears that it can again, in the order of what happened."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.tell(unreadable("x"), unreadable("x", AlarmState.CLEARED))
        said = alarms.said()
        alarms.close()

        assert ["case-1/1/0/raised/all", "case-1/1/0/returned/all"] == sorted(said)

    def test_in_a_flood(self, tmp_path):
        """In a flood of other alarms it is told by itself, at once, as a message of life safety."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.store.trigger([passes(NOW, point=1_000 + k) for k in range(50)], NOW)
        case = alarms.tell(unreadable("x"))
        (note,) = [d.notification for d in alarms.outbox.deliveries(case=case.id)]
        alarms.close()

        assert ((), True, NOW, "") == (case.held_back, note.life, note.not_before, note.group)

    def test_many_of_them(self, tmp_path):
        """Twenty are told one by one; the rest in one summary, at once, whatever the hour."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.store.trigger([unreadable(k) for k in range(BLIND_BEGINS + 30)], NOW)
        single = [d.notification for d in alarms.outbox.deliveries(state=DeliveryState.WAITING, limit=1_000)]
        hidden = alarms.store.hidden(None, limit=1_000)
        (flood,) = alarms.store.cases(CaseFilter(family="flood"))
        alarms.close()

        assert (BLIND_BEGINS + 1, {True}) == (len(single), {n.life for n in single})
        assert (30, BLIND, 30) == (len(hidden), flood.cause, flood.count)

    def test_their_flood_hides_nothing_else(self, tmp_path):
        """Their flood takes only their own kind: another alarm is told, and counts for no flood of theirs."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.store.trigger([unreadable(k) for k in range(BLIND_BEGINS + 30)], NOW)
        case = alarms.tell(passes())
        alarms.close()

        assert () == case.held_back

    def test_its_flood_ends(self, tmp_path):
        """When none came for a while their flood is over, and none of them is told once more."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.store.trigger([unreadable(k) for k in range(BLIND_BEGINS + 30)], NOW)
        for minutes in (20, 21):
            alarms.store.turn(NOW + minutes * MINUTE)
        left = alarms.store.hidden(None, limit=1_000)
        told = {d.notification.case for d in alarms.outbox.deliveries(limit=1_000) if d.notification.kind == "raised"}
        alarms.close()

        assert ([], BLIND_BEGINS + 1) == (left, len(told))

    def test_over(self, tmp_path):
        """That it can be read again is an ordinary message."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.store.trigger([unreadable("x"), unreadable("x", AlarmState.CLEARED)], NOW)
        life = {d.notification.kind.value: d.notification.life for d in alarms.outbox.deliveries()}
        alarms.close()

        assert {"raised": True, "returned": False} == life

    def test_many_in_a_flood(self, tmp_path):
        """Their summary goes out in the midst of a flood of other alarms: no flood is told in another."""
        alarms = Alarms(tmp_path / "park.db")
        alarms.store.trigger([passes(NOW, point=1_000 + k) for k in range(50)], NOW)
        alarms.store.trigger([unreadable(k) for k in range(BLIND_BEGINS + 5)], NOW)
        floods = {c.cause: c for c in alarms.store.cases(CaseFilter(family="flood"))}
        told = {d.notification.case: d.notification.life for d in alarms.outbox.deliveries(limit=1_000)}
        alarms.close()

        assert {"", BLIND} == floods.keys()
        assert [(), ()] == [case.held_back for case in floods.values()]
        assert (False, True) == (told[floods[""].id], told[floods[BLIND].id])

    def test_at_night(self, tmp_path):
        """It is told within quiet hours, and so is the summary of many; another alarm waits for the morning."""
        with Receiver() as receiver:
            office = Office(tmp_path / "park.db")
            office.target("desk", receiver.url, quiet=(1, 0))  # but for one minute of the day
            office.store.trigger([passes(), *(unreadable(k) for k in range(BLIND_BEGINS + 5))], NOW)
            office.work(NOW + MINUTE)
            office.close()
        families = [alarm["family"] for body in receiver.bodies() for alarm in body["alarms"]]

        assert (BLIND_BEGINS, 1, 0) == tuple(families.count(f) for f in (BLIND, "flood", "limit.over_voltage"))
