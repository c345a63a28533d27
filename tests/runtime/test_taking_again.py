"""Messages that no worker could read go back into the logs once they can be read, and not before."""

import numpy as np
import pytest

from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Command, Config, Edge, Refusal, Refused, Tick, Verb
from park.settings import IngestSettings
from park.streams import is_log
from park.wire import encode
from runtime.kafka_records import record_again
from runtime.storage.sql.database import Database
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.taking_again import TakingAgain

NOW = 1_790_000_000_000
NONE = np.zeros(0, np.int32)
BATCH = Batch(batch_of([(7, NOW, 1.5, 0, NOW)]), Edge(NONE, NONE, NONE))
AHEAD = Batch(batch_of([(7, NOW, 1.5, 0, NOW + 9 * 86_400_000)]), Edge(NONE, NONE, NONE))
COMMAND = Command(Verb.RESET, NOW, "chen", place=3)


@pytest.fixture
def ground(tmp_path):
    """Return (quarantine, what takes again, what came into the logs)."""
    database = Database.open(tmp_path / "park.db")
    quarantine, logged = SqlQuarantine(database), []
    taking = TakingAgain(
        IngestSettings(), quarantine, lambda lane, record: logged.append((lane, encode(record))), record_again
    )
    yield quarantine, taking, logged
    database.close()


def kept(quarantine, payload, *, size=None, topic="life-2", received=NOW):
    """Keep a message that was no record; return its number."""
    refused = Refused(Refusal.MALFORMED, topic, payload, size or len(payload), received, detail="record before 9: why")
    quarantine.keep("life-2", len(quarantine.waiting()) + 1, [refused])
    return quarantine.waiting()[-1].id


@pytest.mark.parametrize("record", [BATCH, COMMAND], ids=["batch", "command"])
def test_what_is_a_record_now(ground, record):
    """It goes into its lane, as it is, and waits no more."""
    quarantine, taking, logged = ground
    key = kept(quarantine, encode(record))

    assert 1 == taking.retry([key], "chen")
    assert [(Lane.LIFE, encode(record))] == logged
    assert ("retried", "chen") == (quarantine.show(key).state, quarantine.show(key).actor)


STILL = {
    "no record": {"payload": b"\x09nonsense"},
    "a part of one": {"payload": encode(BATCH), "size": 9_999_999},
    "a clock that is wrong": {"payload": encode(AHEAD), "topic": "bulk-2"},
    "a time that is over": {"payload": encode(Tick(NOW // 60_000 * 60_000))},
    "a configuration of then": {"payload": encode(Config(1, NOW))},
}


@pytest.mark.parametrize("case", STILL)
def test_what_is_none_still(ground, case):
    """It stays where it is, and nothing comes into the logs."""
    quarantine, taking, logged = ground
    key = kept(quarantine, **STILL[case])

    assert 0 == taking.retry([key], "chen")
    assert ([], "waiting") == (logged, quarantine.show(key).state)


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("life-2", True),
        ("bulk-13", True),
        ("life", False),
        ("life-", False),
        ("bulk-x", False),
        ("parks/a/life/1", False),
    ],
)
def test_names(name, log):
    """Names of logs are told from topics of devices."""
    assert log is is_log(name)
