"""What every store of events promises."""

import shutil
import threading
from random import Random
from string import ascii_letters

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.errors import UserError
from park.events import ActivityDay, AlarmState, ConditionChange, DeviceStatus, Finding, Reason, Severity, Status
from park.metrics import Lane
from runtime.dead_letters import DeadLetters
from runtime.event_writer import EventWriter
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from tests.tools import until

T0 = 1_760_000_000_000


@pytest.fixture
def events(database):
    return SqlEvents(database)


def condition(since, at=None, state=AlarmState.ACTIVE, rule="limit.hot", subject="point:1", park=1):
    at = since if at is None else at
    return ConditionChange(rule, "limit.hot", subject, since, at, at, state, Severity.HIGH, Reason.ABOVE_LIMIT, park)


def finding(ts, kind="anomaly", point=1, park=1):
    return Finding(kind, point, ts, ts + 1, Severity.LOW, Reason.UNUSUAL, value=1.5, park=park)


class TestTakes:
    def test_nothing_is_stored(self, events):
        """Whether events could be stored is found out without storing them, or moving the position."""
        assert events.takes(Lane.LIFE, [condition(T0), finding(T0)])
        assert events.takes(Lane.LIFE, [])

        assert ([], [], 0) == (events.conditions(), events.findings(), events.applied(Lane.LIFE))

    def test_refused(self, events):
        """A value that no column holds is refused; the store goes on."""
        assert not events.takes(Lane.LIFE, [finding(1 << 70)])
        assert events.takes(Lane.LIFE, [finding(T0)])

    def test_what_no_index_holds(self, events, tmp_path):
        """A subject that is too long for an index keeps no fire behind it from being stored."""
        letters = Random(1)
        endless = "".join(letters.choice(ascii_letters) for _ in range(20_000))
        writer = EventWriter(events, DeadLetters(tmp_path / "refused.jsonl"))
        writer.start()
        writer.put(Lane.LIFE, 1, [condition(T0, subject=endless)])
        writer.put(Lane.LIFE, 2, [condition(T0, subject="place:3")])
        try:
            until(lambda: "place:3" in {c.subject for c in events.conditions()})
        finally:
            writer.stop()


class TestConditions:
    def test_newest_change_and_history(self, events):
        """A condition is shown as it is now, and its history as it went."""
        began, ended = condition(T0), condition(T0, T0 + 9, AlarmState.CLEARED)
        events.apply(Lane.BULK, 10, [began])
        events.apply(Lane.BULK, 20, [ended])

        assert [ended] == events.conditions()
        assert [began, ended] == events.history(began.condition_id)

    def test_standing(self, events):
        """What is over is told apart from what stands."""
        over, stands = condition(T0, T0 + 1, AlarmState.CLEARED), condition(T0 + 5, subject="point:2")
        events.apply(Lane.LIFE, 1, [condition(T0), over, stands])

        assert [stands] == events.conditions(standing=True)
        assert [over] == events.conditions(standing=False)

    def test_of_a_park(self, events):
        """A park sees its own conditions only."""
        mine, other = condition(T0, park=1), condition(T0, park=2, subject="point:2")
        events.apply(Lane.BULK, 1, [mine, other])

        assert [mine] == events.conditions(park=1)

    def test_of_no_park(self, events):
        """What is of no park that is known is of every park."""
        mine, nobodys = condition(T0 + 1, park=1), condition(T0, park=0, subject="unclaimed:x")
        events.apply(Lane.LIFE, 1, [mine, nobodys])

        assert [[mine, nobodys], [nobodys]] == [events.conditions(park=park) for park in (1, 2)]

    @pytest.mark.parametrize("size", [1, 2, 7])
    def test_pages(self, events, size):
        """Pages hold every condition once, newest first, though some began at the same time."""
        all_of_them = [condition(T0 + k // 2, subject=f"point:{k}") for k in range(7)]
        events.apply(Lane.BULK, 1, all_of_them)

        pages, before = [], ""
        while page := events.conditions(before=before, limit=size):
            pages += page
            before = page[-1].condition_id

        assert sorted(all_of_them, key=lambda c: (c.since, c.condition_id), reverse=True) == pages

    def test_no_such_page(self, events):
        """A place to go on from that is none of ours is refused."""
        with pytest.raises(UserError, match="go on"):
            events.conditions(before="' OR 1=1 --")


class TestApply:
    def test_position(self, events):
        """The position of each lane is kept with its events."""
        events.apply(Lane.BULK, 10, [])
        events.apply(Lane.LIFE, 7, [finding(T0)])

        assert (10, 7) == (events.applied(Lane.BULK), events.applied(Lane.LIFE))

    def test_read_again(self, events):
        """Records at or below the position are skipped."""
        events.apply(Lane.BULK, 10, [condition(T0), condition(T0, T0 + 9, AlarmState.CLEARED)])
        events.apply(Lane.BULK, 10, [condition(T0), finding(T0)])

        assert [] == events.findings()
        assert [] == events.conditions(standing=True)

    def test_the_same_fact(self, events):
        """A known id changes nothing, wherever in the log it is met again."""
        began, ended = condition(T0), condition(T0, T0 + 9, AlarmState.CLEARED)
        events.apply(Lane.BULK, 10, [began, ended, began])
        events.apply(Lane.BULK, 20, [began, finding(T0), finding(T0)])

        assert ([ended], [began, ended]) == (events.conditions(), events.history(began.condition_id))
        assert [finding(T0)] == events.findings()

    def test_all_or_nothing(self, events, database):
        """A write that fails leaves neither events nor position."""
        with pytest.raises(ZeroDivisionError), database.write() as connection:
            connection.exec_driver_sql("INSERT INTO findings (id, kind, park, ts, body) VALUES ('x', '', 0, 0, '')")
            raise ZeroDivisionError

        assert ([], 0) == (events.findings(), events.applied(Lane.BULK))

    def test_lasts(self, where):
        """What was applied is there after a restart."""
        first = Database.open(where)
        SqlEvents(first).apply(Lane.LIFE, 3, [condition(T0)])
        first.close()

        again = Database.open(where)
        found, position = SqlEvents(again).conditions(), SqlEvents(again).applied(Lane.LIFE)
        again.close()

        assert ([condition(T0)], 3) == (found, position)

    def test_threads(self, events):
        """Two lanes write at the same time, and nobody is turned away."""
        failures = []

        def write(lane):
            try:
                for k in range(1, 30):
                    events.apply(lane, k, [finding(T0 + k, kind=str(lane))])
                    events.findings(limit=5)
            except Exception as why:  # noqa: BLE001 - told below
                failures.append(why)

        threads = [threading.Thread(target=write, args=(lane,)) for lane in Lane]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [] == failures
        assert 58 == len(events.findings(limit=100))

    def test_many(self, events):
        """Ten thousand findings of one record are one write."""
        events.apply(Lane.BULK, 1, [finding(T0 + k) for k in range(10_000)])

        assert T0 + 9_999 == events.findings(limit=1)[0].ts

    @settings(max_examples=30, deadline=None)
    @given(cuts=st.lists(st.integers(0, 12), max_size=4))
    def test_cuts(self, cuts, file, tmp_path_factory):
        """However the records are cut into writes, and whatever is written again, the rows are the same."""
        told = [condition(T0 + k % 3, T0 + k, list(AlarmState)[k % 4]) for k in range(12)]
        database = Database.open(shutil.copy(file, tmp_path_factory.mktemp("events") / "park.sqlite"))
        store = SqlEvents(database)
        for cut in [*sorted(cuts), 12]:
            position = store.applied(Lane.BULK)
            store.apply(Lane.BULK, cut, told[position:cut])
            store.apply(Lane.BULK, cut, told[:cut])

        histories = {c.condition_id: store.history(c.condition_id) for c in store.conditions()}
        database.close()

        expected = {}
        for change in told:
            expected.setdefault(change.condition_id, []).append(change)
        assert expected == histories


class TestFindings:
    def test_asked_for(self, events):
        """Findings are asked for by time, park and kind."""
        wanted = finding(T0 + 5, "meter", park=2)
        events.apply(
            Lane.BULK, 1, [wanted, finding(T0 + 5), finding(T0, "meter", park=2), finding(T0 + 9, "meter", park=2)]
        )

        assert [wanted] == events.findings(park=2, kind="meter", start=T0 + 1, end=T0 + 9)

    @pytest.mark.parametrize("size", [1, 3, 10])
    def test_pages(self, events, size):
        """Pages hold every finding once, newest first."""
        told = [finding(T0 + k // 3, point=k) for k in range(10)]
        events.apply(Lane.BULK, 1, told)

        pages, before = [], ""
        while page := events.findings(before=before, limit=size):
            pages += page
            before = page[-1].id

        assert sorted(told, key=lambda f: (f.ts, f.id), reverse=True) == pages


class TestHealth:
    def test_newest(self, events):
        """A device has the status that was told last."""
        silent = DeviceStatus(7, Status.SILENT, T0 + 5, T0, Reason.SILENT, park=1)
        events.apply(Lane.BULK, 1, [DeviceStatus(7, Status.ONLINE, T0, T0, Reason.BACK, park=1), silent])
        events.apply(Lane.LIFE, 1, [DeviceStatus(8, Status.ONLINE, T0, T0, Reason.BACK, park=2)])

        assert [silent] == events.health(park=1)
        assert [7, 8] == [s.device for s in events.health()]


def test_activity(events):
    """A day that is judged again is revised, not doubled."""
    events.apply(Lane.BULK, 1, [ActivityDay(5, "2026-03-01", "active", 1.0, 0.1)])
    revised = ActivityDay(5, "2026-03-01", "reduced", 0.4, 0.7, ("energy",))
    events.apply(Lane.BULK, 2, [revised, ActivityDay(5, "2026-03-02", "active", 1.0, 0.1)])

    assert [revised] == events.activity(5, "2026-03-01", "2026-03-02")


def test_trim(events):
    """What is old and over goes; what stands stays."""
    old = condition(T0, subject="point:2")
    events.apply(Lane.BULK, 1, [condition(T0, T0 + 1, AlarmState.CLEARED), old, finding(T0), finding(T0 + 99)])

    assert 2 == events.trim(T0 + 50)
    assert ([old], [finding(T0 + 99)]) == (events.conditions(), events.findings())
