"""Messages carry a link that acknowledges once what they tell, and nothing else."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from park.alarm_ports import CaseFilter
from park.alarms import CaseVerb
from park.delivery import Channel
from park.duty import Chain, Officer, Step
from park.errors import Conflict, NotFound, SettingsError
from park.events import AlarmState
from runtime.delivery_send import Sender
from runtime.link_words import LinkWords
from runtime.storage.sql.alarm_links import LASTS
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.tables_alarms import alarm_links
from tests.alerts.alarm_words import MINUTE, NOW, SECOND, burns, does, passes
from tests.alerts.delivery_house import LOCAL, Office
from tests.alerts.receivers import Receiver


class Linked(Office):
    """An office whose messages carry links."""

    def __init__(self, where, key=b"k" * 32):
        super().__init__(where)
        words = LinkWords(key)
        self.dispatches = SqlDispatches(self.database, lambda _: Basis(), words)
        self.sender = Sender(LOCAL, self.network, {}, words=words)
        self.courier._dispatches, self.courier.send = self.dispatches, self.sender


@pytest.fixture
def receiver():
    """Return a receiver of webhooks."""
    with Receiver() as found:
        yield found


@pytest.fixture
def office(tmp_path, receiver):
    """Return an office that tells one desk."""
    opened = Linked(tmp_path / "park.db")
    opened.target("desk", receiver.url)
    yield opened
    opened.close()


def words_of(receiver):
    """Return the words of all links that a receiver was sent, in order."""
    alarms = [alarm for body in receiver.bodies() for alarm in body["alarms"]]
    return [alarm["acknowledge"].rpartition("/a/")[2] for alarm in alarms if "acknowledge" in alarm]


def test_acknowledges_once(office, receiver):
    """The link in a message acknowledges its alarm in the receiver's name; the second time it says that it was used."""
    case = office.tell(burns())
    office.work()
    (word,) = words_of(receiver)
    done = office.links.use(word, NOW + SECOND)

    assert (case.id, "desk", "link") == (done.id, done.acknowledged_by, office.store.history(case.id)[-1].why)
    with pytest.raises(NotFound, match="used already"):
        office.links.use(word, NOW + SECOND)


def test_in_an_officers_name(office, receiver):
    """What an officer gets on his own telephone acknowledges in his name."""
    wang = office.plans.save(Officer("wang", (("sms", "+8613800000000"),)), actor="li", now=NOW)
    office.target("gate", receiver.url, Channel.SMS)
    office.plans.save(Chain("x", (Step(0, (f"officer:{wang.id}",)),)), actor="li", now=NOW)
    office.tell(burns())
    office.work()
    (dispatch,) = office.dispatches.list()

    assert "wang" == office.links.show(LinkWords(b"k" * 32).of(dispatch.id), NOW)[1]


@pytest.mark.parametrize("gone", ["officer", "target"])
def test_of_one_who_is_gone(office, receiver, gone):
    """With an officer, or a target, the links end that acknowledge in that name; those of others stay."""
    wang = office.plans.save(Officer("wang", (("sms", "+8613800000000"),)), actor="li", now=NOW)
    gate = office.target("gate", receiver.url, Channel.SMS, addresses=("+8613900000000",))
    steps = (Step(0, (f"officer:{wang.id}", "target:gate", "target:desk")),)
    chain = office.plans.save(Chain("x", steps), actor="li", now=NOW)
    office.tell(burns())
    office.work()
    by = {d.facts.answered_by: LinkWords(b"k" * 32).of(d.id) for d in office.dispatches.list()}
    assert {"wang", "gate", "desk"} == by.keys()
    ends = {"officer": "wang", "target": "gate"}[gone]
    if gone == "officer":
        office.plans.end(Chain, chain.id, actor="li", now=NOW)
        office.plans.end(Officer, wang.id, actor="li", now=NOW)
    else:
        office.targets.end(gate.id, actor="li", now=NOW)

    with pytest.raises(NotFound, match="not valid"):
        office.links.use(by.pop(ends), NOW + SECOND)
    assert set(by) == {office.links.show(word, NOW + SECOND)[1] for word in by.values()}


def test_the_same_at_each_attempt(office, receiver):
    """A message that is tried again carries the same link: whoever got the first can use it."""
    receiver.answer = lambda _: (503 if len(receiver.got) < 3 else 200, {}, b"")
    office.tell(burns())
    office.work(NOW + MINUTE)
    words = words_of(receiver)

    assert (3, 1) == (len(words), len(set(words)))


def test_what_is_kept(office, receiver):
    """No table holds a word, only its digest."""
    office.tell(burns())
    office.work()
    (word,) = words_of(receiver)
    with office.database.read() as connection:
        rows = [str(row) for row in connection.execute(select(alarm_links))]
        rows += [d.facts.answered_by for d in office.dispatches.list()]

    assert 2 == len(rows)
    assert not any(word in row for row in rows)


def test_too_old(office, receiver):
    """After a day a link says that it is too old."""
    office.tell(burns())
    office.work()
    with pytest.raises(NotFound, match="too old"):
        office.links.use(words_of(receiver)[0], NOW + LASTS + SECOND)


@pytest.mark.parametrize("word", ["x" * 43, "", "A" * 101])
def test_forged(office, word):
    """A word that nobody sent says nothing but that it is none."""
    office.tell(burns())
    office.work()
    with pytest.raises(NotFound, match="not valid"):
        office.links.use(word, NOW)


WORSE = {
    "confirmed": lambda o: o.tell(burns(NOW, NOW + SECOND, device=8, confirmed=True)),
    "a further device": lambda o: o.tell(burns(NOW, NOW + SECOND, device=9)),
    "again": lambda o: o.tell(burns(NOW, NOW + SECOND, state=AlarmState.CLEARED), burns(NOW + 2 * SECOND)),
    "by a person": lambda o: o.store.act(1, does(CaseVerb.CONFIRM), NOW + SECOND),
}


@pytest.mark.parametrize("worsens", WORSE.values(), ids=WORSE.keys())
def test_worse_since(office, receiver, worsens):
    """What has become worse since the message is not acknowledged by it; by the link of the newer one it is."""
    office.tell(burns())
    office.work()
    first = words_of(receiver)[0]
    worsens(office)
    with pytest.raises(Conflict, match="worse since"):
        office.links.use(first, NOW + 3 * SECOND)
    assert not office.store.get(1).acknowledged
    office.work(NOW + 3 * SECOND)

    assert office.links.use(words_of(receiver)[-1], NOW + 4 * SECOND).acknowledged


def test_not_worse(office, receiver):
    """A comment, the same once more, or a step of the chain does not spoil a link."""
    office.tell(burns())
    office.work()
    office.tell(burns(NOW, NOW + SECOND))
    office.store.act(1, does(CaseVerb.COMMENT, note="on my way"), NOW + SECOND)
    office.store.turn(NOW + MINUTE)

    assert office.links.use(words_of(receiver)[0], NOW + MINUTE).acknowledged


def test_somebody_was_faster(office, receiver):
    """Who is second is told who was first."""
    office.tell(burns())
    office.work()
    office.store.act(1, does(CaseVerb.ACKNOWLEDGE), NOW)
    with pytest.raises(Conflict, match="wang has acknowledged"):
        office.links.use(words_of(receiver)[0], NOW)


def test_nothing_to_answer(office, receiver):
    """That an alarm is over asks nobody, and carries no link."""
    office.tell(passes())
    office.work(NOW + MINUTE)
    office.tell(passes(NOW, NOW + MINUTE, state=AlarmState.CLEARED))
    office.work(NOW + 2 * MINUTE)
    kinds = [alarm["kind"] for body in receiver.bodies() for alarm in body["alarms"]]

    assert (["raised", "returned"], 1) == (kinds, len(words_of(receiver)))


def test_without_an_address(office, receiver):
    """Where no setting says how people reach our pages no message carries a link."""
    office.sender._settings = replace(LOCAL, public_url="")
    office.tell(burns())
    office.work()

    assert [] == words_of(receiver)


def test_several_alarms_in_one_message(office, receiver):
    """Each alarm of a message that tells of several has a link of its own."""
    for point in (1, 2, 3):
        office.tell(passes(point=point))
    office.work(NOW + MINUTE)
    words = words_of(receiver)
    done = {office.links.use(word, NOW + MINUTE).id for word in words}

    assert (1, 3, {c.id for c in office.store.cases(CaseFilter())}) == (len(receiver.got), len(set(words)), done)


class TestKey:
    def test_made_once(self, tmp_path):
        """Several that begin at once on a new folder agree on one key, which only we may read."""
        found = []
        path = tmp_path / "links.key"
        threads = [threading.Thread(target=lambda: found.append(LinkWords.kept_in(path).of("x"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found.append(LinkWords.kept_in(path).of("x"))

        assert (1, 0o600, [path]) == (len(set(found)), path.stat().st_mode & 0o777, list(tmp_path.iterdir()))

    @pytest.mark.parametrize("content", ["", "xyz", "ab" * 8])
    def test_no_key(self, tmp_path, content):
        """A file that holds no key is refused; its content is not told."""
        path = tmp_path / "links.key"
        path.write_text(content)
        with pytest.raises(SettingsError) as told:
            LinkWords.kept_in(path)

        assert f"{path}: a key of links is 64 hexadecimal digits" == str(told.value)
