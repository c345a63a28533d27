"""What goes into Kafka goes in once, in order, whatever happens to Kafka meanwhile."""

import asyncio
import logging
import os
import socket
import threading
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from park.errors import SettingsError, Unavailable
from park.metrics import Lane
from park.records import Tick
from park.settings import CitySettings
from park.wire import decode
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import KafkaLog, Partition
from runtime.kafka_node import VARIABLE, kafka_home
from runtime.log_marks import LogMarks
from runtime.topics import TOPICS, count_of, prepare_topics, topic_of
from runtime.topics_ready import TopicsReady
from tests.city.kafka import any_kafka, apache_kafka
from tests.tools import free_port, until

pytestmark = pytest.mark.server
LIFE, BULK = topic_of(Lane.LIFE), topic_of(Lane.BULK)


@pytest.fixture(scope="module")
def broker():
    """Run Apache Kafka where it is, else the broker of a Python package; return its address, and the node or None."""
    if kafka_home(os.environ) is None:
        with any_kafka() as address:
            yield address, None
    else:
        with apache_kafka() as node:
            yield node.address, node


@pytest.fixture(scope="module")
def city(broker):
    """Make the topics of a city."""
    settings = CitySettings(kafka=broker[0])
    asyncio.run(prepare_topics(settings))
    return settings


@pytest.fixture
def client(city):
    """Speak to it."""
    made = KafkaClient(city, "test")
    yield made
    made.close()


class TestTopics:
    def test_made_once(self, city):
        """What is there is left alone."""
        assert [] == asyncio.run(prepare_topics(city))

    def test_as_the_table_says(self, city, client):
        """Every topic has the partitions of the table."""

        async def ask():
            reader = await client.reader()
            found = {t.name: len(await _partitions(reader, t.name)) for t in TOPICS}
            await reader.stop()
            return found

        assert {t.name: count_of(t, city) for t in TOPICS} == client.run(ask(), 10)

    def test_another_number(self, city):
        """Another number of partitions than there are is refused: parks would have two logs."""
        with pytest.raises(SettingsError, match="partitions"):
            asyncio.run(prepare_topics(replace(city, partitions=city.partitions + 3)))

    def test_kept_otherwise(self, city, caplog):
        """A topic that keeps records otherwise than the settings say is told, and works as it did."""
        with caplog.at_level(logging.WARNING, "runtime.topics"):
            asyncio.run(prepare_topics(city))
            as_said = [r.getMessage() for r in caplog.records]
            topics = TopicsReady(replace(city, retention_hours=city.retention_hours + 1), threading.Event())
            assert topics.begin()

        assert not any("retention.ms" in said for said in as_said)
        told = [said for r in caplog.records if "retention.ms" in (said := r.getMessage())]
        assert len(told) in {0, len(TOPICS)}  # a broker of Kafka's protocol need not tell
        assert told or kafka_home(os.environ) is None
        assert told == topics.differs

    def test_not_whole_yet(self, broker):
        """More copies than there are brokers is waited for: the others may be starting."""
        if broker[1] is None:
            pytest.skip("this broker takes any number of copies")
        with apache_kafka() as node, pytest.raises(Unavailable, match="error 38"):
            asyncio.run(prepare_topics(CitySettings(kafka=node.address, replication=3)))

    def test_away(self, city):
        """Without a Kafka there is a sentence and a reason to try again."""
        with pytest.raises(Unavailable, match="Kafka at"):
            asyncio.run(prepare_topics(replace(city, kafka=f"127.0.0.1:{free_port()}")))


async def _partitions(reader, topic):
    await reader._client._wait_on_metadata(topic)
    return reader.partitions_for_topic(topic)


class TestBytes:
    def test_follow(self, client):
        """Who waits at the end is given what comes, and where it ends."""
        log = Partition(client, LIFE, 3)
        end = log.end
        other = Partition(client, LIFE, 3)
        heard = []
        waiting = threading.Thread(target=lambda: heard.append(other.follow(end, 10.0)))
        waiting.start()
        log.append([(b"k", b"one"), (b"", b"two")])
        waiting.join()

        (entries, reached) = heard[0]
        while len(entries) < 2:
            more, reached = other.follow(reached, 10.0)
            entries += more
        assert [(end + 1, b"k", b"one"), (end + 2, b"", b"two")] == [(e.position, e.key, e.value) for e in entries]
        assert end + 2 == reached
        assert all(e.appended > 1_600_000_000_000 for e in entries)
        log.close()
        other.close()

    def test_follow_nothing(self, client):
        """Where nothing comes the wait ends."""
        log = Partition(client, LIFE, 2)

        assert ([], log.end) == log.follow(log.end, 0.05)
        log.close()

    def test_too_large(self, client, city):
        """A message that no topic takes is our fault, said so, and hinders no other."""
        log = Partition(client, LIFE, 1)
        with pytest.raises(ValueError, match="larger"):
            log.append([(b"", bytes(city.message_bytes + (1 << 20)))])
        end = log.append([(b"", b"small")])

        assert [b"small"] == [e.value for e in log.read(end - 1)]
        log.close()

    def test_what_is_no_record(self, client):
        """A message that is no record is told, and those around it are read."""
        told = []
        log = KafkaLog(client, BULK, 3, refuse=lambda position, value, why: told.append((position, value, why)))
        begin = log.append([Tick(60_000)])
        middle = log.partition.append([(b"", b"garbage"), (b"p-of-another", b"\x01")])
        log.append([Tick(120_000)])

        assert [60_000, 120_000] == [record.now for _, record in log.read(begin - 1)]
        assert [(middle - 1, b"garbage"), (middle, b"\x01")] == [t[:2] for t in told]
        assert all(t[2] for t in told)
        log.close()

    def test_one_client_for_many(self, client):
        """Threads that share a client do not wait for each other's answers, nor mix them up."""
        logs = [Partition(client, BULK, n) for n in (0, 1, 2)]
        begins = [log.end for log in logs]

        def speak(n):
            for i in range(30):
                logs[n].append([(b"", b"%d-%d" % (n, i))])

        threads = [threading.Thread(target=speak, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for n, log in enumerate(logs):
            assert [b"%d-%d" % (n, i) for i in range(30)] == [e.value for e in log.read(begins[n])]
            log.close()


def test_nobody_there(city):
    """Without a Kafka nothing is appended and nothing hangs."""
    client = KafkaClient(replace(city, kafka=f"127.0.0.1:{free_port()}"), "nobody")
    log = KafkaLog(client, LIFE, 0)
    with pytest.raises(Unavailable):
        log.append([Tick(1)])
    with pytest.raises(Unavailable):
        list(log.read(0))
    log.close()
    client.close()
    with pytest.raises(Unavailable, match="closed"):
        log.append([Tick(1)])


def test_closed_meanwhile():
    """Whoever waits for a Kafka that does not answer hears at once that the client is closed."""
    said = []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = KafkaClient(CitySettings(kafka=f"127.0.0.1:{mute.getsockname()[1]}"), "waiting")

        def wait():
            with pytest.raises(Unavailable) as why:
                KafkaLog(client, LIFE, 0).append([Tick(1)])
            said.append(why.value)

        waiting = threading.Thread(target=wait)
        waiting.start()
        with mute.accept()[0]:
            client.close()
            waiting.join(3)

    assert 1 == len(said)


def grown(things, by):
    """Wait until there are more of something."""
    goal = len(things) + by
    until(lambda: len(things) >= goal, 60)


@pytest.mark.slow
class TestAway:
    """Kafka is killed while records are appended, and comes back."""

    @pytest.fixture
    def node(self, broker, city):
        """Return Apache Kafka: what it had it has again."""
        assert city.kafka == broker[0]
        if broker[1] is None:
            pytest.skip(f"Apache Kafka and Java are not here: {VARIABLE} says where Kafka's jars are")
        yield broker[1]
        if not broker[1].pid:
            broker[1].start()

    def test_once_and_in_order(self, node, caplog):
        """What is appended again and again while Kafka is away stands in the log once, in order."""
        client = KafkaClient(CitySettings(kafka=node.address), "away")
        log = KafkaLog(client, BULK, 0)
        begin = log.end
        done, refused = [], []
        going = threading.Event()
        going.set()

        def speak():
            n = 0
            while going.is_set():
                n += 1
                records = [Tick(60_000 * n + i) for i in range(5)]
                while True:
                    try:
                        log.append(records)
                        break
                    except Unavailable as why:
                        refused.append(str(why))
                done.append(n)

        with caplog.at_level(logging.WARNING):
            speaking = threading.Thread(target=speak)
            speaking.start()
            for _ in range(2):
                grown(done, 20)
                node.kill()
                grown(refused, 1)
                node.start()
                grown(done, 5)
            going.clear()
            speaking.join()

        expected = [60_000 * n + i for n in done for i in range(5)]
        assert expected == [r.now for _, r in log.read(begin)]
        assert begin + len(expected) == log.end
        libraries = [r for r in caplog.records if r.name.startswith("aiokafka")]
        assert len(libraries) < 100
        log.close()
        client.close()

    def test_a_command_is_done_at_once_or_never(self, node):
        """A brief client's record that was refused does not turn up when Kafka is back."""
        client = KafkaClient(CitySettings(kafka=node.address), "brief", sure=False)
        log = KafkaLog(client, LIFE, 0)
        begin = log.append([Tick(1)]) - 1
        node.kill()
        with pytest.raises(Unavailable):
            log.append([Tick(2)])
        node.start()

        def appended():
            try:
                return log.append([Tick(3)])
            except Unavailable:
                return 0

        assert begin + 2 == until(appended, 60)
        assert [1, 3] == [decode(e.value).now for e in log.partition.read(begin)]
        log.close()
        client.close()


async def make_anew(address, topic):
    """Delete a topic, if it is there, and make it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        if topic in await admin.list_topics():
            await admin.delete_topics([topic])
        for _ in range(300):
            answer = await admin.create_topics([NewTopic(topic, 1, 1)])
            if not answer.topic_errors[0][1]:
                return
            await asyncio.sleep(0.1)  # the one before is still being deleted
        raise TimeoutError(topic)
    finally:
        await admin.close()


class TestAnotherLog:
    """What stands in a partition is what was read of it, or is not."""

    def test_made_anew(self, broker, client):
        """A topic that was made anew and grew past what was read is another; one that let go of its oldest is not."""
        asyncio.run(make_anew(broker[0], "anew"))
        partition, marks = Partition(client, "anew", 0), LogMarks()
        partition.append([(b"", b"old %d" % n) for n in range(20)])
        for entry in partition.read(0):
            marks.saw(entry)
        before = marks.changed(partition)
        if broker[1] is not None:  # the small broker deletes no records
            partition.delete(12)
        trimmed = marks.changed(partition)
        asyncio.run(make_anew(broker[0], "anew"))

        def appended():
            try:
                return partition.append([(b"", b"new %d" % n) for n in range(40)])
            except Unavailable:
                return 0

        def changed():
            try:
                return marks.changed(partition) is not None
            except Unavailable:
                return False

        assert until(appended, 60) >= 40
        until(changed, 60)
        assert (None, None, 0) == (before, trimmed, marks.changed(partition))
        partition.close()
