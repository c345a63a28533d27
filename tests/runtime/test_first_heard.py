"""What the broker sends again is stamped as when it was heard first; what only looks like it is not."""

import pytest
from lane_parts import BINDINGS, CONFIG, MINUTE, START

from ingest.batcher import Batcher
from ingest.message import DUP
from ingest.resolver import Resolver
from park.events import ConditionChange
from park.records import Tick
from park.settings import IngestSettings
from runtime.first_ear import fire_stages
from runtime.first_heard import LONGEST, FirstHeard
from runtime.partition_pipeline import PartitionPipeline
from stream.pipeline import Pipeline
from stream.stages import life_stages

AT, LATER = START + 5_000, START + 10 * MINUTE
SMOKE, CALM = b'{"v":{"smoke":"alarm"}}', b'{"v":{"smoke":"normal"}}'
TOPIC = b"parks/p/life/-/smoke"


def said(packet, payload=SMOKE, *, again=False, topic=TOPIC):
    """Return a message under a packet id."""
    return topic, payload, packet.to_bytes(2), 2 | (DUP if again else 0)


class Session:
    """A session's messages, decoded by one process after the other."""

    def __init__(self, folder):
        self.path = folder / "first-heard"
        resolver = Resolver(IngestSettings())
        resolver.bind(BINDINGS)
        self.decode = Batcher(IngestSettings(), resolver).batch
        self.begin()

    def begin(self, session="broker:1883 park"):
        """Go on in another process."""
        self.heard = FirstHeard(self.path, session)

    def hear(self, at, *messages):
        """Return when each row of some messages was received."""
        return self.batch(at, *messages).readings.received.tolist()

    def batch(self, at, *messages):
        """Return what messages say."""
        return self.heard.decoded(self.decode, list(messages), at)


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path)


@pytest.mark.parametrize("process", ["the same", "another", "the one after that"])
def test_sent_again(session, process):
    """It is of the time of its first hearing, for whoever hears it after us as well; what is new is of now."""
    session.hear(AT, said(1))
    session.hear(AT + 1, said(2, CALM))
    session.heard.keep()
    if process != "the same":
        session.begin()
    if process == "the one after that":
        session.hear(AT + 2, said(1, again=True))
        session.begin()

    assert [AT, AT + 1, LATER] == session.hear(LATER, said(1, again=True), said(2, CALM, again=True), said(3))


def not_again(session):
    session.hear(LATER - 1, said(1))


def acknowledged(session):
    session.heard.forget([said(1)])


def of_another_session(session):
    session.begin("broker:1883 park-0-of-2")


def after_a_boot(session):
    content = session.path.read_bytes()
    session.path.write_bytes(b"f" + content[1:] if content[:1] != b"f" else b"0" + content[1:])
    session.begin()


@pytest.mark.parametrize(
    "between", [acknowledged, not_again, of_another_session, after_a_boot], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("restart", [False, True], ids=["", "in another process"])
def test_a_packet_id_that_stands_for_another(session, between, restart):
    """Whose packet id may be another message's is heard now, though it says the same: it may be the next fire."""
    session.hear(AT, said(1))
    session.heard.keep()
    between(session)
    if restart:
        session.begin()

    (received,) = session.hear(LATER, said(1, again=True))
    assert received > AT


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (LATER, said(1)),
        (LATER, said(1, CALM, again=True)),
        (LATER, said(1, again=True, topic=b"parks/p/life/-/heat")),
        (LATER, said(2, again=True)),
        (AT + LONGEST + 1, said(1, again=True)),
        (AT - 1, said(1, again=True)),
    ],
    ids=["sent first", "another payload", "another topic", "another id", "an hour ago", "a clock that went back"],
)
def test_what_only_looks_like_it(session, at, message):
    """It is stamped with the time of now."""
    session.hear(AT, said(1))

    assert {at} >= set(session.hear(at, message))


def test_without_an_acknowledgement_nothing_is_kept(session):
    """The file is gone once all that stood in it was acknowledged."""
    session.hear(AT, said(1))
    session.heard.keep()
    before = session.path.exists()
    session.heard.forget([said(1)])

    assert (True, False) == (before, session.path.exists())


def test_a_folder_that_takes_nothing(session):
    """What cannot be kept is said; messages are heard all the same, and nothing half kept is believed later."""
    session.hear(AT, said(1))
    session.path.mkdir()
    session.heard.keep()
    said_then = session.heard.troubles.newest
    heard = session.hear(LATER, said(1, again=True))
    session.path.rmdir()
    session.begin()

    assert ("what was heard cannot be kept" in said_then, [AT]) == (True, heard)
    assert [LATER] == session.hear(LATER, said(1, again=True))


def test_one_fire(session):
    """A fire that is heard before there is a log, by two processes, and then logged has one id from all three."""
    ids = []
    for at in (AT, AT + MINUTE):
        ear = Pipeline(fire_stages)
        ear.run(CONFIG, ids.append)
        ear.run(session.batch(at, said(1, again=at > AT)), ids.append)
        session.heard.keep()
        session.begin()
    worker = PartitionPipeline(life_stages)
    for record in (CONFIG, Tick(LATER // MINUTE * MINUTE), session.batch(LATER, said(1, again=True))):
        worker.run(record, ids.append)
    fires = [e for e in ids if isinstance(e, ConditionChange) and e.family == "fire"]

    assert (3, 1) == (len(fires), len({e.id for e in fires}))
