"""Messages reach receivers: once each, in order, life safety first, and nobody holds up anybody else."""

import base64
import hashlib
import hmac
import threading

import pytest

from park.alarms import CaseVerb
from park.delivery import Channel
from park.errors import Conflict, NotFound
from park.events import AlarmState, Severity
from runtime.delivery_figures import delivery_figures
from runtime.receipts import Receipts
from runtime.standby import Known, Standby
from runtime.storage.sql.delivery_counts import standing
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, SECOND, burns, does, passes
from tests.alerts.delivery_house import Office
from tests.alerts.receivers import Receiver
from tests.tools import until


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


def test_quiet_hours(office, receiver):
    """In quiet hours an ordinary alarm waits for the morning, and a fire does not."""
    office.target("desk", receiver.url, quiet=(15 * 60, 17 * 60))  # it is 16:00 in the park
    office.tell(passes(), burns())

    office.work(NOW + 59 * MINUTE, MINUTE)
    assert {"fire"} == {b["alarms"][0]["family"] for b in receiver.bodies()}
    office.work(NOW + 61 * MINUTE, MINUTE)
    assert "limit.over_voltage" == receiver.bodies()[-1]["alarms"][0]["family"]


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
