"""The alarms of a city: whatever workers tell is an alarm once, whoever dies meanwhile."""

import os
import signal

import pytest

from park.told import Told, encode_told
from runtime.role_alarms import run_alarms
from runtime.storage.sql.database import Database
from tests.city.kafka import PROGRAM, kafka
from tests.city.told_city import (
    T0,
    Process,
    cases,
    fire,
    settings_in,
    thread_of,
    webhook,
    with_webhook,
    worker_in,
    written,
)
from tests.servers import postgresql
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        not PROGRAM.exists(), reason="the Kafka-protocol broker's package has no program for this machine"
    ),
]


@pytest.fixture
def url():
    """Run a PostgreSQL; return its address."""
    with postgresql() as address:
        yield address


@pytest.fixture
def settings(tmp_path, url):
    """Return the settings of a city with a Kafka-protocol broker."""
    with kafka() as address:
        yield settings_in(tmp_path, address, url)


@pytest.fixture
def database(url):
    """Return a look at the city's rows."""
    opened = Database.open(url)
    yield opened
    opened.close()


@pytest.fixture
def topics(settings):
    """Make the topics, as whoever comes first does."""
    import asyncio

    from runtime.topics import prepare_topics

    asyncio.run(prepare_topics(settings.city))


@pytest.mark.usefixtures("topics")
def test_from_a_word_to_a_call(settings, url, database):
    """What a worker tells becomes a case, and the webhook is called, once, whatever comes before and behind it.

    A fire in what is not believed is a case, too: who told it may be right.
    """
    with webhook() as (address, notes), worker_in(settings, url) as worker:
        worker.bring("life-0", [b"no such thing", encode_told(Told("life-1", 1, 1, (fire(9),)))])
        with thread_of(run_alarms, with_webhook(settings, address)):
            until(lambda: worker.tell("life-0", [fire(1)]) and cases(database), 30, 0.5)
            worker.tell("bulk-1", [fire(2)])
            worker.tell("life-1", [fire(3)], epoch=2**40)  # was never given out
            worker.tell("life-1", [fire(4)], position=2**50)  # beyond the log's end
            worker.tell("life-1", [fire(5)])
            until(lambda: [(f"place:{n}", 1) for n in (1, 2, 3, 4, 5, 9)] == cases(database))
            until(lambda: {1, 2, 3, 4, 5, 9} <= {alarm["since"] - T0 for note in notes for alarm in note["alarms"]})

    assert len(notes) == len({str(note) for note in notes})


def leads(process):
    """Tell whether a process does the work."""
    return process.figures().get("park_alarms_leads") == "1"


@pytest.mark.slow
@pytest.mark.usefixtures("topics")
def test_killed_and_followed(settings, url, database, tmp_path):
    """Of two processes one does the work; killed or paused it is followed, and each alarm is there once."""
    file = written(settings, tmp_path / "city.toml")
    told = 0
    with worker_in(settings, url) as worker:
        both = [Process("alarms", file), Process("alarms", file)]
        try:
            for process in both:
                process.until_well()
            for how in (signal.SIGKILL, signal.SIGSTOP):
                first = until(lambda: next((p for p in both if leads(p)), None))
                for _ in range(20):
                    told += 1
                    worker.tell(f"life-{told % 2}", [fire(told)])
                os.kill(first.child.pid, how)
                until(lambda first=first: any(leads(p) for p in both if p is not first), 60)
                until(lambda told=told: told == len(cases(database)), 60)
                if how is signal.SIGKILL:
                    first.kill()
                    both[both.index(first)] = Process("alarms", file)
                    both[-1].until_well()
                    both[0].until_well()
                else:
                    os.kill(first.child.pid, signal.SIGCONT)
                    until(lambda first=first: first.figures().get("park_alarms_leads") == "0", 60)
            assert [0, 0] == [process.end() for process in both]
        finally:
            for process in both:
                process.kill()

    assert {1} == {n for _, n in cases(database)}
