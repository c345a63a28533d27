"""Messages reach receivers: once each, in order, life safety first, and nobody holds up anybody else."""

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from park.alarms import CaseVerb, MessageKind, Notification
from park.delivery import Channel
from park.duty import Chain, Officer, Rota, Shift, Step
from park.errors import Conflict, NotFound
from park.events import AlarmState, Severity
from runtime.delivery import Courier
from runtime.delivery_figures import delivery_figures
from runtime.link_words import LinkWords
from runtime.receipts import Receipts
from runtime.standby import Known, Standby
from runtime.storage.sql.delivery_counts import standing
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.tables_delivery import targets
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, SECOND, burns, does, passes
from tests.alerts.delivery_house import Office
from tests.alerts.receivers import Receiver
from tests.tools import until


@pytest.fixture
def office(tmp_path):
    house = Office(tmp_path / "park.db")
    yield house
    house.close()


@pytest.fixture
def receiver():
    with Receiver() as there:
        yield there


def test_fire_at_once(office, receiver):
    """A fire is told in the turn after it was raised, with an id that tells it apart."""
    office.target("desk", receiver.url)
    case = office.tell(burns())

    office.work()

    (body,) = receiver.bodies()
    assert (case.id, True, "fire", "basis of fire.pre_alarm") == (
        body["alarms"][0]["alarm"], body["life"], body["alarms"][0]["family"], body["alarms"][0]["basis"]
    )  # fmt: skip
    assert ["delivered"] == office.states()


def test_rules_that_cannot_be_read(office, receiver):
    """A fire is told also where nobody can say what its rule rests on."""

    def basis(rule):
        raise KeyError(rule)

    office.target("desk", receiver.url)
    office.tell(burns())
    office.dispatches = SqlDispatches(office.database, basis)

    office.work()

    assert ["fire"] == [b["alarms"][0]["family"] for b in receiver.bodies()]


def test_receipt(office, receiver):
    """What a receiver answers is kept as its receipt, and the notification is delivered."""
    receiver.answer = lambda _: (202, {}, b'{"receipt": "r-17"}')
    office.target("desk", receiver.url)
    office.tell(burns())

    office.work()

    assert "HTTP 202 r-17" == office.dispatches.list()[0].receipt
    assert "delivered" == office.outbox.deliveries()[0].state


def test_signed(office, receiver):
    """A webhook's body is signed with its secret as Standard Webhooks has it, under its id."""
    office.target("desk", receiver.url, secret="s3cret")
    office.tell(burns())

    office.work()

    ((_, headers, content),) = receiver.got
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    expected = base64.b64encode(hmac.new(b"s3cret", said, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" == headers["webhook-signature"]
    assert headers["webhook-id"] == headers["Idempotency-Key"]


def test_ordinary_waits_for_company(office, receiver):
    """Ordinary alarms of a building wait half a minute, and are told in one message."""
    office.target("desk", receiver.url)
    office.tell(passes(point=40), passes(point=41))

    office.work(NOW + 29 * SECOND)
    assert [] == receiver.got
    office.work(NOW + 31 * SECOND)

    (body,) = receiver.bodies()
    assert 2 == len(body["alarms"])


def test_fire_before_the_rest(office, receiver):
    """A fire does not wait for what was written before it."""
    office.target("desk", receiver.url)
    office.tell(*(passes(point=p) for p in range(40, 48)))
    office.now = NOW + 31 * SECOND
    office.tell(burns(), now=office.now)

    office.work()

    assert "fire" == receiver.bodies()[0]["alarms"][0]["family"]


def test_slow_receiver(office, receiver):
    """A receiver that does not answer holds up nobody else, nor a fire to itself."""
    gate = threading.Event()
    with Receiver(lambda body: (gate.wait(20), (200, {}, b""))[1] if b"limit" in body else (200, {}, b"")) as slow:
        office.target("slow", slow.url)
        office.target("desk", receiver.url)
        office.tell(passes())
        office.now = NOW + 31 * SECOND
        office.courier.start()
        try:
            until(lambda: slow.got and receiver.got)
            office.tell(burns(), now=office.now)
            office.courier.wake()
            until(lambda: len(slow.got) == 2 and len(receiver.got) == 2)
            assert "fire" == slow.bodies()[1]["alarms"][0]["family"]
        finally:
            gate.set()
            office.courier.stop()


@pytest.mark.parametrize("answer", [(500, {}, b"x"), (429, {}, b""), (503, {}, b"\xff\x00garbage"), (404, {}, b"")])
def test_tried_again(office, receiver, answer):
    """A receiver that cannot take a message now gets it later, under the same id."""
    answers = [answer, answer, (200, {}, b"")]
    receiver.answer = lambda _: answers.pop(0)
    office.target("desk", receiver.url)
    office.tell(burns())

    office.work(NOW + 5 * MINUTE)

    assert 3 == len(receiver.got)
    assert 1 == len({headers["webhook-id"] for _, headers, _ in receiver.got})
    assert ["delivered"] == office.states()


def test_retry_after(office, receiver):
    """A receiver that asks for time is given it, of an ordinary alarm."""
    answers = [(429, {"Retry-After": "600"}, b""), (200, {}, b"")]
    receiver.answer = lambda _: answers.pop(0)
    office.target("desk", receiver.url)
    office.tell(passes())

    office.work(NOW + 30 * SECOND + 599 * SECOND)
    assert 1 == len(receiver.got)
    office.work(NOW + 30 * SECOND + 602 * SECOND)
    assert 2 == len(receiver.got)


def test_retry_after_of_a_fire(office, receiver):
    """A fire is held back by a receiver's wish for half a minute, and no longer."""
    answers = [(429, {"Retry-After": "3600"}, b""), (200, {}, b"")]
    receiver.answer = lambda _: answers.pop(0)
    office.target("desk", receiver.url)
    office.tell(burns())

    office.work(NOW + 31 * SECOND)

    assert 2 == len(receiver.got)


def test_refused(office, receiver):
    """What a receiver will never take is dead at once, shown, and can be sent again."""
    receiver.answer = lambda _: (400, {}, b"")
    office.target("desk", receiver.url)
    office.tell(burns())
    office.work()
    dead = office.dispatches.list(state="dead")
    receiver.answer = lambda _: (200, {}, b"")

    office.dispatches.again(dead[0].id, office.now)
    office.work()

    assert ["delivered"] == office.states()
    assert ["delivered"] == [d.state for d in office.outbox.deliveries()]
    with pytest.raises(Conflict, match="delivered, not dead"):
        office.dispatches.again(dead[0].id, office.now)
    with pytest.raises(NotFound):
        office.dispatches.again("no such", office.now)


def test_an_hour_away(office, receiver):
    """A receiver that is away for an hour is told after it, of each alarm in order; others hear at once."""
    back = NOW + HOUR
    with Receiver(lambda _: (200, {}, b"") if office.now >= back else (503, {}, b"")) as away:
        office.target("away", away.url)
        office.target("desk", receiver.url)
        first = office.tell(burns())
        office.work(NOW + SECOND)
        assert 1 == len(receiver.got)
        office.tell(burns(at=office.now + 1, confirmed=True), now=office.now + 1)
        office.tell(passes(since=office.now), now=office.now)
        office.work(NOW + 2 * MINUTE, 500)
        office.tell(passes(since=NOW + SECOND, at=office.now, state=AlarmState.CLEARED), now=office.now)
        refused = len(away.got)
        office.work(NOW + HOUR + 10 * MINUTE, 10_000)

        delivered = [a for b in away.bodies()[refused:] for a in b["alarms"]]
        kinds = {a["id"]: a["kind"] for a in delivered if a["alarm"] == first.id}
        assert {"delivered"} == set(office.states())
        assert sorted(receiver.told()) == sorted(set(receiver.told()))
        assert ["raised", "worse"] == list(kinds.values())[:2]
        rest = list({a["id"]: a["kind"] for a in delivered if a["alarm"] != first.id}.values())
        assert ["raised", "returned"] == rest


def test_given_up(office, receiver):
    """What a receiver never takes is dead in the end: an ordinary alarm after six hours."""
    receiver.answer = lambda _: (500, {}, b"")
    office.target("desk", receiver.url)
    office.tell(passes())

    office.work(NOW + 7 * HOUR, MINUTE)

    assert "dead" == office.states()[0]


def test_restart(office, receiver, tmp_path):
    """What was being sent when the process ended is sent at the next start, and nothing else is."""
    office.target("desk", receiver.url)
    office.tell(burns())
    office.work()
    office.tell(burns(place=13, device=8))
    office.dispatches.spread(NOW)
    (lost,) = office.dispatches.claim(NOW, lease=60_000, busy=frozenset(), ready=lambda *_: True)
    office.close()

    again = Office(tmp_path / "park.db")
    again.courier.start()
    try:
        until(lambda: len(receiver.got) == 2)
        until(lambda: again.states() == ["delivered"] * 2)
        assert lost.id == receiver.bodies()[1]["id"]
    finally:
        again.courier.stop()
        again.close()


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


def test_quiet_hours(office, receiver):
    """In quiet hours an ordinary alarm waits for the morning, and a fire does not."""
    office.target("desk", receiver.url, quiet=(15 * 60, 17 * 60))  # it is 16:00 in the park
    office.tell(passes(), burns())

    office.work(NOW + 59 * MINUTE, MINUTE)
    assert {"fire"} == {b["alarms"][0]["family"] for b in receiver.bodies()}
    office.work(NOW + 61 * MINUTE, MINUTE)
    assert "limit.over_voltage" == receiver.bodies()[-1]["alarms"][0]["family"]


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


def test_no_thread_to_be_had(office, receiver):
    """A machine that gives no thread now keeps no receiver from being told of a fire once it does."""
    office.target("desk", receiver.url)
    office.tell(burns())
    threading.stack_size(1 << 46)  # more than there is: none can begin
    try:
        with pytest.raises(RuntimeError, match="thread"):
            office.courier.turn()
    finally:
        threading.stack_size(0)
    office.now += 61 * SECOND  # what was taken and not sent is due again

    office.courier.turn()
    until(lambda: office.states() == ["delivered"])
    office.courier.stop()


def test_target_off(office, receiver):
    """What waits for a target that is taken away is dead, and holds up nothing."""
    target = office.target("desk", receiver.url)
    receiver.answer = lambda _: (500, {}, b"")
    office.tell(burns())
    office.work()
    office.targets.end(target.id, actor="test", now=office.now)

    office.work(NOW + MINUTE)

    assert ["dead"] == office.states()


def test_rate(office, receiver):
    """A target's limit holds ordinary alarms back, leaves room for fires, and never holds one back."""
    office.target("desk", receiver.url, rate=8)
    office.tell(*(passes(point=p, severity=Severity.CRITICAL) for p in range(40, 48)))
    office.work()
    ordinary = len(receiver.got)
    office.tell(*(burns(place=p, device=p) for p in range(50, 62)))
    office.work()

    assert ordinary < 8
    assert 12 == sum(b["life"] for b in receiver.bodies())


def test_order_of_one_alarm(office, receiver):
    """Of one alarm nothing newer is told while something older is still to be tried again."""
    receiver.answer = lambda _: (500, {}, b"")
    office.target("desk", receiver.url)
    case = office.tell(burns())
    office.work()
    office.store.act(case.id, does(CaseVerb.CONFIRM), office.now + 1)
    receiver.answer = lambda _: (200, {}, b"")

    office.work(NOW + 10 * SECOND, 100)

    assert ["raised", "raised", "worse"] == [b["kind"] for b in receiver.bodies()]


def test_backlog(office, receiver):
    """Many that wait for one receiver are told together: no storm when it comes back."""
    office.target("desk", receiver.url)
    office.tell(*(passes(point=p, severity=Severity.CRITICAL) for p in range(40, 100)))

    office.work()

    assert 60 == len(set(receiver.told()))
    assert len(receiver.got) <= 3


def test_figures(office, receiver):
    """Prometheus is told of attempts and of what stands, by channel; a channel without messages stands at nothing."""
    with Receiver(lambda _: (503, {}, b"")) as away:
        office.target("desk", receiver.url)
        office.target("away", away.url)
        office.target("robot", "https://oapi.dingtalk.com/robot/send", Channel.DINGTALK, enabled=False)
        office.tell(burns())
        office.work()
    standby = Standby(Known, office.sender, Receipts(), lambda: 0.0, lambda: office.now, lambda: 0.0)
    figures = {
        f.name: f.samples for f in delivery_figures(office.courier, standby, standing(office.database, office.now))
    }

    robot, hook = {"channel": "dingtalk"}, {"channel": "webhook"}
    assert [(robot, 0.0), (hook, 1.0)] == figures["park_notifications_sent_total"]
    assert [(robot, 0.0), (hook, 1.0)] == figures["park_notifications_failed_total"]
    assert [(robot, 0.0), (hook, 1.0)] == figures["park_notifications_waiting"]
    assert [(robot, 0.0), (hook, 0.0)] == figures["park_notifications_dead"]
    assert [({}, 0.0)] == figures["park_standby_watched"]


TAKES, NEVER, AWAY = 200, 400, 503


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
