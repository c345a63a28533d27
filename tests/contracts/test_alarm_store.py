"""What every store of alarms promises: one open case a key, whole changes, timers that are taken once."""

import threading
from dataclasses import replace

import pytest

from alerts.lifecycle import STALE_AFTER
from park.alarm_ports import CaseFilter, place_after
from park.alarms import Answer, Attachment, CaseState, CaseVerb, DeliveryState, Signal, SuppressionReason, Verdict
from park.delivery import Channel, Target
from park.errors import Conflict, Forbidden, NotFound, UserError
from park.events import AlarmState, DeviceStatus, Reason, Severity, Status
from park.metrics import Lane
from runtime.storage.sql.alarm_writer import SETTLE
from runtime.storage.sql.delivery_targets import SqlTargets
from tests.alerts.alarm_words import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    anomaly,
    burns,
    does,
    fire,
    health,
    limit,
    passes,
    silent,
)

S, V = CaseState, CaseVerb
THREADS = 8


def together(*jobs):
    """Run jobs in threads at once; return what they raised."""
    raised = []

    def guarded(job):
        try:
            job()
        except Exception as why:  # noqa: BLE001 - told to the test
            raised.append(why)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


class TestOneCase:
    def test_a_thousand_at_once(self, alarms):
        """A thousand identical triggers from many threads are one alarm that counts a thousand."""

        def some(first):
            for k in range(first, 1_000, THREADS * 5):
                alarms.store.trigger([passes(NOW + k + THREADS * i) for i in range(5)], NOW + k)

        raised = together(*(lambda n=n: some(n) for n in range(THREADS)))

        assert [] == raised
        assert [1_000] == [c.count for c in alarms.store.cases(CaseFilter(open=None))]
        assert ["case-1/1/0/raised/all"] == alarms.said()

    def test_another_place_is_another_case(self, alarms):
        """Two places burn in two cases."""
        alarms.tell(burns(place=12), burns(place=13, device=8))

        assert 2 == len(alarms.store.cases(CaseFilter()))

    def test_after_the_end_another(self, alarms):
        """What begins again after its case was closed is another case."""
        case = alarms.tell(passes())
        alarms.store.act(case.id, does(V.ACKNOWLEDGE), NOW)
        alarms.tell(passes(NOW, NOW + 5, state=AlarmState.CLEARED), passes(NOW + 9))

        assert [(2, S.UNACKNOWLEDGED), (1, S.CLOSED)] == [
            (c.id, c.state) for c in alarms.store.cases(CaseFilter(open=None))
        ]

    def test_half_is_nothing(self, alarms):
        """When one of several triggers cannot be told, none was."""
        broken = replace(burns(), severity="terrible")
        with pytest.raises(KeyError, match="terrible"):
            alarms.store.trigger([passes(), broken], NOW)

        assert ([], []) == (alarms.store.cases(CaseFilter(open=None)), alarms.said())


class TestEvents:
    def test_case_with_its_event(self, alarms):
        """What the fire stage said is a case as soon as it is an event."""
        alarms.events.apply(Lane.LIFE, 10, [fire()])

        (case,) = alarms.store.cases(CaseFilter())
        assert (fire().condition_id, S.UNACKNOWLEDGED, [f"{fire().id}/all"]) == (
            case.condition, case.state, alarms.said()
        )  # fmt: skip

    def test_read_again(self, alarms):
        """Events that the log tells again, in other bundles, count once."""
        alarms.events.apply(Lane.LIFE, 10, [fire()])
        alarms.events.apply(Lane.LIFE, 20, [fire(), fire(NOW, NOW + 5, device=8, confirmed=True)])
        alarms.events.apply(Lane.LIFE, 20, [fire(NOW, NOW + 5, device=8, confirmed=True)])
        alarms.events.apply(Lane.LIFE, 10, [fire()])

        assert [(2, (7, 8))] == [(c.count, c.devices) for c in alarms.store.cases(CaseFilter())]

    def test_both_lanes_one_case(self, alarms):
        """A fire that both lanes hear is one case, and people are called once."""
        alarms.events.apply(Lane.LIFE, 10, [fire()])
        alarms.events.apply(Lane.BULK, 10, [fire(NOW + 3)])

        assert [2] == [len(c.holders) for c in alarms.store.cases(CaseFilter())]
        assert [f"{fire().id}/all"] == alarms.said()

    def test_status_told_again(self, alarms):
        """A device's health that is read again from the log changes nothing."""
        down = DeviceStatus(5, Status.SILENT, NOW, NOW - HOUR, Reason.SILENT, 1)
        back = DeviceStatus(5, Status.ONLINE, NOW + 5, NOW + 5, Reason.BACK, 1)
        alarms.events.apply(Lane.BULK, 10, [down])
        alarms.events.apply(Lane.BULK, 20, [down, back])
        alarms.events.apply(Lane.BULK, 30, [down, back])

        assert [(1, S.RETURNED)] == [(c.count, c.state) for c in alarms.store.cases(CaseFilter())]

    @pytest.mark.parametrize(("first", "then"), [(Lane.LIFE, Lane.BULK), (Lane.BULK, Lane.LIFE)], ids=["life", "bulk"])
    def test_gateway_of_both_lanes(self, alarms, first, then):
        """A gateway that both lanes miss and hear again at one time is one case, over when the last says so."""
        down = DeviceStatus(5, Status.GATEWAY_DOWN, NOW, NOW - HOUR, Reason.GATEWAY_DOWN, 1)
        back = DeviceStatus(5, Status.ONLINE, NOW + MINUTE, NOW + MINUTE, Reason.BACK, 1)
        for lane in (Lane.LIFE, Lane.BULK):
            alarms.events.apply(lane, 10, [down])
        alarms.events.apply(first, 20, [back])
        held = [[h.source for h in c.holders] for c in alarms.store.cases(CaseFilter())]
        alarms.events.apply(then, 20, [back])
        told = [(c.state, c.holders) for c in alarms.store.cases(CaseFilter())]
        alarms.events.apply(then, 30, [back])

        assert [[then.value]] == held
        assert [(S.RETURNED, ())] == told
        assert told == [(c.state, c.holders) for c in alarms.store.cases(CaseFilter())]

    def test_the_world_is_told_after(self, alarms):
        """Whoever listens hears of a case once it is committed, with the number of messages that wait."""
        alarms.events.apply(Lane.LIFE, 10, [fire()])

        assert [([1], 1)] == [([c.id for c in cases], waiting) for cases, waiting in alarms.told]

    def test_a_fault_of_ours(self, alarms):
        """A trigger that the machine cannot digest costs itself: all else is kept, and a fire is told all the same."""
        broken = replace(fire(), severity="terrible")
        alarms.events.apply(Lane.LIFE, 10, [limit(), broken])

        assert 10 == alarms.events.applied(Lane.LIFE)
        assert ["limit.over_voltage"] == [c.rule for c in alarms.store.cases(CaseFilter())]
        assert [f"{broken.id}/all"] == [n for n in alarms.said() if n.startswith("fire")]
        assert "no case could be told" in alarms.intake.troubles.newest

    def test_history_that_is_read_late(self, alarms):
        """A past that is replayed calls nobody, and leaves open only what still stands."""
        alarms.now = NOW + 100 * HOUR
        over = [limit(), limit(NOW, NOW + 5, state=AlarmState.CLEARED)]
        alarms.events.apply(Lane.BULK, 10, [*over, limit(NOW + 9, point=41)])
        quiet = alarms.said()
        alarms.store.turn(alarms.now + SETTLE)

        assert ([], ["case-2/1/0/raised/all"]) == (quiet, alarms.said())
        assert [S.CLOSED] == [c.state for c in alarms.store.cases(CaseFilter(open=False))]

    def test_a_fire_before_an_outage(self, alarms):
        """A fire that was logged before a long outage calls people some seconds after the start."""
        alarms.now = NOW + STALE_AFTER + HOUR
        alarms.events.apply(Lane.LIFE, 10, [fire()])
        alarms.store.turn(alarms.now + SETTLE)

        assert ["case-1/1/0/raised/all"] == alarms.said()

    def test_log_time_behind(self, alarms):
        """A fire that is raised and reset while log time is hours behind the clock is told at once: it happens now."""
        alarms.now = NOW + 3 * HOUR
        alarms.intake.live_from({Lane.LIFE: 9})
        alarms.events.apply(Lane.LIFE, 10, [fire()])
        alarms.events.apply(Lane.LIFE, 11, [fire(NOW, NOW + 5 * SECOND, state=AlarmState.CLEARED)])

        assert ["case-1/1/0/returned/all", f"{fire().id}/all"] == alarms.said()
        assert [S.RETURNED] == [c.state for c in alarms.store.cases(CaseFilter())]

    def test_reset_while_it_settles(self, alarms):
        """A fire of before the start that is reset before our eyes, before anybody was told of it, is told."""
        alarms.now = NOW + 3 * HOUR
        alarms.intake.live_from({Lane.LIFE: 10})
        alarms.events.apply(Lane.LIFE, 10, [fire()])
        before = alarms.said()
        alarms.events.apply(Lane.LIFE, 11, [fire(NOW, NOW + 5 * SECOND, state=AlarmState.CLEARED)])
        alarms.store.turn(alarms.now + SETTLE)

        assert ([], 1) == (before, len(alarms.said()))
        assert [S.RETURNED] == [c.state for c in alarms.store.cases(CaseFilter())]

    def test_both_before_the_start(self, alarms):
        """A fire that was raised and reset hours before the start is history, wherever the log ended."""
        alarms.now = NOW + 3 * HOUR
        alarms.intake.live_from({Lane.LIFE: 11})
        alarms.events.apply(Lane.LIFE, 10, [fire()])
        alarms.events.apply(Lane.LIFE, 11, [fire(NOW, NOW + 5 * SECOND, state=AlarmState.CLEARED)])

        assert [] == alarms.said()
        assert [S.CLOSED] == [c.state for c in alarms.store.cases(CaseFilter(open=False))]


class TestActs:
    def test_two_officers(self, alarms):
        """The second of two who acted on the same version is told that it changed."""
        case = alarms.tell(burns())
        alarms.store.act(case.id, does(V.ACKNOWLEDGE), NOW, version=case.version)

        with pytest.raises(Conflict, match="version 2, you saw 1"):
            alarms.store.act(case.id, does(V.COMMENT, note="x"), NOW, version=case.version)
        assert ["trigger", "acknowledge"] == alarms.verbs(case.id)

    def test_unknown(self, alarms):
        """There is no alarm that was never raised."""
        for ask in (alarms.store.get, lambda k: alarms.store.act(k, does(V.ACKNOWLEDGE), NOW)):
            with pytest.raises(NotFound):
                ask(99)

    def test_assigned_to_a_stranger(self, alarms):
        """Nobody is given an alarm whom we do not know."""
        case = alarms.tell(burns())
        with pytest.raises(UserError, match="no officer 'nemo'"):
            alarms.store.act(case.id, does(V.ASSIGN, owner="nemo"), NOW)

        assert "wang" == alarms.store.act(case.id, does(V.ASSIGN, owner="wang"), NOW).owner

    def test_attachment(self, alarms):
        """A file is in the list and in the history."""
        case = alarms.tell(burns())
        kept = alarms.store.attach(Attachment(case.id, "room.jpg", "image/jpeg", 3, "0" * 64, 0, "wang"), NOW)

        assert [kept] == alarms.store.attachments(case.id)
        assert (kept.id, "room.jpg") == (
            alarms.store.history(case.id)[-1].attachment, alarms.store.history(case.id)[-1].note
        )  # fmt: skip

    def test_shelf_ends(self, alarms):
        """A shelved alarm calls nobody; when its time is over and it still stands, people are called."""
        case = alarms.tell(passes())
        alarms.store.act(case.id, does(V.SHELVE, note="known", until=NOW + HOUR), NOW)
        alarms.store.turn(NOW + HOUR - 1)
        before = alarms.said(DeliveryState.WAITING)
        alarms.store.turn(NOW + HOUR)

        assert ([], ["case-1/2/0/again/all"]) == (before, alarms.said(DeliveryState.WAITING))
        assert "shelf_end" in alarms.verbs(case.id)

    def test_fire_is_not_shelved(self, alarms):
        """Nobody shelves a fire, and the try leaves nothing."""
        case = alarms.tell(burns())
        with pytest.raises(Forbidden):
            alarms.store.act(case.id, does(V.SHELVE, note="x", until=NOW + HOUR), NOW)

        assert ["trigger"] == alarms.verbs(case.id)


class TestEscalation:
    def test_until_somebody_answers(self, alarms):
        """Steps of the chain come when they are due, each once, and stop when somebody answers."""
        case = alarms.tell(burns())
        for at in (59, 60, 60, 61, 179):
            alarms.store.turn(NOW + at * SECOND)
        alarms.store.act(case.id, does(V.ACKNOWLEDGE), NOW + 179 * SECOND)
        alarms.store.turn(NOW + 600 * SECOND)

        assert [f"{fire().id}/all", "case-1/1/1/escalated/all"] == alarms.said()
        assert Answer.ANSWERED is alarms.store.get(case.id).answer

    def test_nobody(self, alarms):
        """When nobody answers, that is a state, everyone is told of it, and of a fire again and again."""
        SqlTargets(alarms.database).save(Target("desk", Channel.WEBHOOK, "https://x.example"), actor="t", now=NOW)
        case = alarms.tell(burns())
        for at in range(0, 1_000, 10):
            alarms.store.turn(NOW + at * SECOND)

        assert Answer.NOBODY is alarms.store.get(case.id).answer
        assert ["case-1/1/2/nobody/all", "case-1/2/2/nobody/all"] == [n for n in alarms.said() if "nobody" in n]

    def test_worse_begins_anew(self, alarms):
        """A confirmed fire is called anew from the first step."""
        alarms.tell(burns())
        alarms.store.turn(NOW + 60 * SECOND)
        alarms.tell(burns(NOW, NOW + 70 * SECOND, device=8, confirmed=True))
        alarms.store.turn(NOW + 130 * SECOND)

        worse = fire(NOW, NOW + 70 * SECOND, device=8, confirmed=True)
        assert [f"{worse.id}/all", "case-1/2/1/escalated/all"] == alarms.said()[-2:]

    def test_two_processes(self, alarms):
        """Timers that several take at once are each taken once."""
        for k in range(20):
            alarms.tell(burns(place=100 + k, device=k + 1))
        raised = together(*(lambda: alarms.store.turn(NOW + 60 * SECOND) for _ in range(THREADS)))

        assert [] == raised
        assert 20 == sum("escalated" in verb for n in range(1, 21) for verb in alarms.said(case=n))
        assert [1] * 20 == [alarms.verbs(n).count("escalate") for n in range(1, 21)]

    def test_an_ordinary_alarm_that_is_over(self, alarms):
        """Messages of an ordinary alarm that ended before they were sent are taken back."""
        alarms.tell(passes(), passes(NOW, NOW + 5, state=AlarmState.CLEARED))

        assert [] == alarms.said(DeliveryState.WAITING)

    def test_a_fire_that_is_over(self, alarms):
        """Messages of a fire go out, whatever came after."""
        alarms.tell(burns(), burns(NOW, NOW + 5, state=AlarmState.CLEARED))

        assert {"case-1/1/0/returned/all", f"{fire().id}/all"} == set(alarms.said(DeliveryState.WAITING))

    def test_coming_and_going(self, alarms):
        """An ordinary alarm that comes and goes calls people once, not each time."""
        for k in range(20):
            alarms.tell(
                passes(NOW + k * MINUTE), passes(NOW + k * MINUTE, NOW + k * MINUTE + 9, state=AlarmState.CLEARED)
            )

        assert 1 == sum("raised" in n or "again" in n for n in alarms.said())
        assert 20 == alarms.store.get(1).count

    def test_low_calls_nobody(self, alarms):
        """What nobody has to do anything about now calls nobody, and is there."""
        alarms.tell(passes(severity=Severity.LOW))

        assert ([], Answer.NONE) == (alarms.said(), alarms.store.get(1).answer)


class TestAsking:
    @pytest.mark.parametrize("size", [1, 3, 7])
    def test_pages(self, alarms, size):
        """Pages hold every case once, the worst first, then the newest."""
        levels = [Severity.LOW, Severity.HIGH, Severity.MEDIUM, Severity.HIGH, Severity.LOW, Severity.MEDIUM]
        for k, severity in enumerate(levels):
            alarms.tell(passes(NOW + k // 2, point=k + 1, severity=severity), now=NOW + k // 2)
        alarms.tell(burns())
        found, before = [], ""
        while page := alarms.store.cases(CaseFilter(), before=before, limit=size):
            found += page
            before = place_after(page[-1])

        assert [1, 4, 2, 6, 3, 5] == [c.id for c in found if c.family != "fire"] or [4, 2] == [
            c.id for c in found if c.severity is Severity.HIGH and c.family != "fire"
        ]
        assert sorted(found, key=lambda c: (c.severity != "high", c.severity != "medium", -c.raised, -c.id)) == found
        assert 7 == len({c.id for c in found})

    @pytest.mark.parametrize("before", ["x", "1.2", "1.2.3.4", f"{1 << 70}.1.1", "1.1.' OR 1=1"])
    def test_no_such_page(self, alarms, before):
        """A place to go on from that is none of ours is refused."""
        with pytest.raises(UserError, match="go on"):
            alarms.store.cases(CaseFilter(), before=before)

    def test_filters(self, alarms):
        """Each filter leaves what it says."""
        alarms.tell(burns(), passes(), anomaly(severity=Severity.CRITICAL, point=77))
        alarms.store.act(2, does(V.ACKNOWLEDGE), NOW)
        alarms.store.act(2, does(V.ASSIGN, owner="wang"), NOW)

        def ids(**asked):
            return sorted(c.id for c in alarms.store.cases(CaseFilter(**asked)))

        assert [[1], [2, 3], [2], [3], [2, 3], [2], [], [1, 2, 3], [], [1]] == [
            ids(life=True), ids(life=False), ids(states=(S.ACKNOWLEDGED,)), ids(severities=(Severity.CRITICAL,)),
            sorted(ids(family="limit") + ids(family="finding.anomaly")), ids(owner="wang"), ids(parks=frozenset({9})),
            ids(parks=frozenset({1})), ids(start=NOW + 1), ids(device=7),
        ]  # fmt: skip

    def test_a_strangers_fire(self, alarms):
        """A fire of no park that is known is shown in every park."""
        alarms.tell(burns(park=0, place=0, device=0))

        assert [1] == [c.id for c in alarms.store.cases(CaseFilter(park=9, parks=frozenset({9})))]

    def test_closed(self, alarms):
        """What was closed is found where it is asked for, with its verdict."""
        case = alarms.tell(burns(), burns(NOW, NOW + 5, state=AlarmState.CLEARED))
        alarms.store.act(case.id, does(V.CLOSE, verdict=Verdict.UNWANTED), NOW + 9)

        assert [] == alarms.store.cases(CaseFilter())
        assert [Verdict.UNWANTED] == [c.verdict for c in alarms.store.cases(CaseFilter(open=False))]
        assert Signal.OVER == burns(state=AlarmState.CLEARED).signal


class TestHealth:
    def test_one_case_a_device(self, alarms):
        """A device that ails in another way is the same case under another rule."""
        alarms.tell(silent(5), health(5, Status.LOW_BATTERY, NOW + 5))

        assert [("device.low_battery", Severity.LOW)] == [
            (c.rule, c.severity) for c in alarms.store.cases(CaseFilter())
        ]

    def test_reasons_of_suppression(self):
        """Every reason has a word of its own."""
        assert len(SuppressionReason) == len({r.value for r in SuppressionReason})
