"""Who messages reach: those who are set up for it, and of a fire whoever there is."""

import json
import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from park.alarms import CaseVerb, MessageKind, Notification
from park.delivery import Channel
from park.duty import Chain, Officer, Rota, Shift, Step
from park.events import Severity
from runtime.delivery import Courier
from runtime.link_words import LinkWords
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.tables_delivery import targets
from tests.alerts.alarm_words import MINUTE, NOW, burns, does, passes

TAKES, NEVER, AWAY = 200, 400, 503


def test_nobody_to_tell(office):
    """A fire that nobody is set up for is shown as dead; an ordinary alarm is over."""
    office.tell(burns(), passes())

    office.work(NOW + MINUTE)

    states = {(d.notification.life, d.state.value) for d in office.outbox.deliveries()}
    assert {(True, "dead"), (False, "cancelled")} == states


def test_nobody_could_be_told(office, receiver):
    """Without a receiver no step says that people were called, nor its end that nobody answered; with one they do."""
    case = office.tell(burns())
    told = []
    for minutes in (1, 3, 5, 15):  # two steps of the chain, its end, and that again
        if minutes == 15:
            office.target("desk", receiver.url)
        office.store.turn(NOW + minutes * MINUTE)
        line = office.store.history(case.id)[-1]
        told.append((line.verb.value, line.why.value, office.store.get(case.id).answer.value))

    assert [
        ("escalate", "no_receiver", "unreached"),
        ("escalate", "no_receiver", "unreached"),
        ("nobody", "no_receiver", "unreached"),
        ("nobody", "timer", "nobody"),
    ] == told


def test_a_receiver_comes_in(office, receiver):
    """A step that reaches somebody after one that reached nobody waits for his answer."""
    case = office.tell(burns())
    office.store.turn(NOW + MINUTE)
    office.target("desk", receiver.url)
    office.store.turn(NOW + 3 * MINUTE)

    assert "waiting" == office.store.get(case.id).answer.value


def test_least_severity(office, receiver):
    """A target that wants only what is severe hears of every fire all the same."""
    office.target("chief", receiver.url, least=Severity.CRITICAL)
    office.tell(passes(), burns())

    office.work(NOW + MINUTE)

    assert {"fire"} == {b["alarms"][0]["family"] for b in receiver.bodies()}


def test_officer(office, receiver):
    """An officer is told at his contacts: of a fire at all of them, else at the best, and the next where that fails."""
    office.target("sms", receiver.url, Channel.SMS)
    office.target("voice", receiver.url, Channel.VOICE)
    wang = office.plans.save(
        Officer("wang", (("sms", "+8613800000000"), ("voice", "+8613900000000"))), actor="test", now=NOW
    )
    office.tell(burns())
    office.work()

    assert {("sms", "+8613800000000"), ("voice", "+8613900000000")} == {
        (b["channel"], b["to"]) for b in receiver.bodies()
    }
    assert 1 == wang.id


def test_a_gateway_of_another_park(office, receiver):
    """A fire of no known park is told to each officer by his own park's gateway: another's never learns his number."""
    office.target("theirs", receiver.url, Channel.SMS, park=8)
    office.target("ours", receiver.url, Channel.SMS, park=9)
    office.plans.save(Officer("wang", (("sms", "+8613800000000"),), park=9), actor="test", now=NOW)
    office.tell(replace(burns(), park=0))
    office.work()

    assert ["ours"] == [d.target for d in office.dispatches.list()]


def test_a_target_that_is_gone(office, receiver):
    """A fire for a target that is gone is told to the officers, where no other target has a receiver of its own."""
    office.target("sms", receiver.url, Channel.SMS)
    office.plans.save(Officer("wang", (("sms", "+8613800000000"),)), actor="test", now=NOW)
    office.plans.save(Chain("x", (Step(0, ("target:gone",)),)), actor="test", now=NOW)
    office.tell(burns())
    office.work()

    assert ["+8613800000000"] == [b["to"] for b in receiver.bodies()]


def test_a_target_that_cannot_be_read(office, receiver):
    """A target that another program wrote keeps no other from being told of a fire."""
    strange = office.target("strange", receiver.url)
    office.target("desk", receiver.url)
    with office.database.write() as connection:
        connection.execute(update(targets).where(targets.c.id == strange.id).values(body='{"channel":"pigeon"}'))
    office.tell(burns())
    office.work()

    assert ["delivered"] == office.states()


def test_a_drill_for_those_on_duty(office, receiver):
    """A message that names a rota, as a drill's may, is told to whoever is on duty, and to nobody else."""
    office.target("sms", receiver.url, Channel.SMS)
    office.target("desk", receiver.url)
    one, two = (
        office.plans.save(Officer(name, (("sms", number),)), actor="test", now=NOW)
        for name, number in (("wang", "+8613800000000"), ("li", "+8613900000000"))
    )
    rota = office.plans.save(
        Rota("r", (Shift(one.id, 0, 1_440), Shift(two.id, 0, 1_440, last="2020-01-01"))), actor="test", now=NOW
    )
    note = Notification(
        "drill/1/7", 0, f"rota:{rota.id}", MessageKind.DRILL, Severity.HIGH, life=False, not_before=NOW, group="",
        created=NOW,
    )  # fmt: skip
    office.outbox.put([note], NOW)
    office.work()

    assert ["+8613800000000"] == [b["to"] for b in receiver.bodies()]


def test_target_off(office, receiver):
    """What waits for a target that is taken away is dead, and holds up nothing."""
    target = office.target("desk", receiver.url)
    receiver.answer = lambda _: (500, {}, b"")
    office.tell(burns())
    office.work()
    office.targets.end(target.id, actor="test", now=office.now)

    office.work(NOW + MINUTE)

    assert ["dead"] == office.states()


class TestInPlaceOfTheDead:
    """A message of life safety that dies at one receiver goes at once to others, who come next in the chain."""

    @pytest.fixture
    def desks(self, office, receiver):
        """Set up two officers called one after the other, and a third whom no chain names; each answers so."""
        answers = {}
        receiver.answer = lambda content: (answers[json.loads(content).get("to", "")], {}, b"")
        office.target("sms", receiver.url, Channel.SMS, broadcast=False)
        for nth in range(3):
            address = f"+86138{nth}"
            office.plans.save(Officer(address, (("sms", address),)), actor="test", now=NOW)
        steps = (Step(0, ("officer:1",)), Step(10 * MINUTE, ("officer:2",)))
        office.plans.save(Chain("x", steps, wait=10 * MINUTE), actor="test", now=NOW)

        def answer(*said):
            answers.update({f"+86138{nth}": status for nth, status in enumerate(said)} | {"": TAKES})

        return answer

    def told(self, office, case=0):
        """Return who is told, in order, and how it went."""
        return [(d.address[-1:], d.state.value) for d in reversed(office.dispatches.list(case=case))]

    def test_at_once(self, office, desks):
        """Who comes next hears of a fire in the same second; where nobody is left it stays to be seen."""
        for place, (answers, told) in enumerate((
            ((TAKES, TAKES, TAKES), [("0", "delivered")]),
            ((NEVER, TAKES, TAKES), [("0", "dead"), ("1", "delivered")]),
            ((NEVER, NEVER, TAKES), [("0", "dead"), ("1", "dead"), ("2", "delivered")]),  # past the chain's end
            ((NEVER, NEVER, NEVER), [("0", "dead"), ("1", "dead"), ("2", "dead")]),  # nobody twice
            ((NEVER, AWAY, TAKES), [("0", "dead"), ("1", "waiting"), ("2", "delivered")]),
            ((AWAY, TAKES, TAKES), [("0", "waiting")]),  # it may come yet: the chain goes on in its time
        ), start=1):  # fmt: skip
            desks(*answers)
            case = office.tell(burns(place=place))
            office.work(NOW)

            assert told == self.told(office, case.id)

    def test_a_target_that_was_switched_off(self, office, receiver, desks):
        """So it is where the target itself is off by now: whoever else there is hears of it."""
        desks(AWAY, AWAY, AWAY)
        office.target("desk", receiver.url, broadcast=False)
        office.tell(burns())
        office.work(NOW)
        sms = next(t for t in office.targets.all() if t.name == "sms")
        office.targets.save(replace(sms, enabled=False), actor="test", now=NOW)
        office.work(NOW + MINUTE)

        assert [("0", "dead"), ("", "delivered")] == self.told(office)

    def test_not_of_what_was_answered_or_is_no_fire(self, office, desks):
        """An ordinary alarm, or a fire that somebody has acknowledged meanwhile, is told to nobody in his place."""
        desks(NEVER, TAKES, TAKES)
        office.tell(passes())
        case = office.tell(burns())
        office.store.act(case.id, does(CaseVerb.ACKNOWLEDGE), NOW)
        office.work(NOW + MINUTE)

        assert [("0", "dead")] * 2 == self.told(office)

    def test_the_link_is_of_who_is_told(self, office, desks):
        """The link in such a message acknowledges in the name of whoever gets it."""
        office.dispatches = SqlDispatches(office.database, lambda _: Basis(), LinkWords(b"k" * 32))
        office.courier = Courier(office.dispatches, office.sender, lambda: office.now, time.monotonic)
        desks(NEVER, TAKES, TAKES)
        office.tell(burns())
        office.work(NOW)

        assert ["+861380", "+861381"] == [d.facts.answered_by for d in reversed(office.dispatches.list())]
