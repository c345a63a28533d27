"""The city's Kafka: the shipped configuration, formatted and started as the container does it, by a real Kafka 4."""

import asyncio
import os
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import pytest

from park.settings import CitySettings
from runtime.kafka_node import VARIABLE, kafka_home
from runtime.topics import TOPICS, count_of, prepare_topics
from tests.deploy.compose_file import VARIABLES, compose
from tests.deploy.prepared import ROOT
from tests.tools import free_port, until

pytestmark = [pytest.mark.server, pytest.mark.slow]
CONFIG = ROOT / "deploy" / "kafka"
SERVICE = compose()["services"]["kafka"]


@pytest.fixture(scope="module")
def libraries():
    """Return Kafka's jars; its own scripts only set a class path before them."""
    home = kafka_home(os.environ)
    if home is None:
        pytest.skip(f"Apache Kafka and Java are not here: {VARIABLE} says where Kafka's jars are")
    return home / "libs"


def java(libraries, program, *arguments):
    """Return the command of one of Kafka's programs, with the container's options."""
    environment = SERVICE["environment"]
    log = environment["KAFKA_LOG4J_OPTS"].replace("/etc/kafka/park", str(CONFIG))
    small = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # quick to start; the container has a gigabyte
    return ["java", *small, log, "-cp", f"{libraries}/*", program, *arguments]


@contextmanager
def kafka(libraries, folder, port):
    """Run it as the container does: format what is not formatted, then start."""
    config = folder / "server.properties"
    text = (CONFIG / "server.properties").read_text("utf-8")
    controller = free_port()
    for theirs, ours in {
        "/var/lib/kafka/data": str(folder / "data"), "PLAINTEXT://:9092": f"PLAINTEXT://127.0.0.1:{port}",
        "kafka:9092": f"127.0.0.1:{port}", "localhost:9093": f"localhost:{controller}",
    }.items():  # fmt: skip
        assert theirs in text
        text = text.replace(theirs, ours)
    config.write_text(text)
    options = ["--ignore-formatted", "--cluster-id", VARIABLES["KAFKA_CLUSTER_ID"], "--config", str(config)]
    subprocess.run(java(libraries, "kafka.tools.StorageTool", "format", *options), check=True, capture_output=True)
    with (folder / "log").open("a") as log:
        child = subprocess.Popen(java(libraries, "kafka.Kafka", str(config)), stdout=log, stderr=log)
    try:
        yield child
    finally:
        child.terminate()
        child.wait(60)


def made(settings):
    """Return the topics that the platform made; [] while Kafka is not ready."""
    from park.errors import Unavailable

    try:
        return asyncio.run(prepare_topics(settings)) or ["none"]
    except Unavailable:
        return []


def test_topics_of_the_platform(libraries, tmp_path):
    """The platform makes its topics there, and finds them, and its records, after a restart."""
    port = free_port()
    settings = replace(CitySettings(), kafka=f"127.0.0.1:{port}")
    with kafka(libraries, tmp_path, port):
        first = until(lambda: made(settings), 60, 0.5)
        asyncio.run(said(port, b"record"))
    with kafka(libraries, tmp_path, port):
        second = until(lambda: made(settings), 60, 0.5)
        found = asyncio.run(heard(port))

    assert (sorted(t.name for t in TOPICS), ["none"], b"record") == (sorted(first), second, found)
    complaints = [x for x in (tmp_path / "log").read_text().splitlines() if " ERROR " in x or "unused" in x.lower()]
    assert [] == complaints


async def said(port, value):
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{port}", acks="all")
    await producer.start()
    await producer.send_and_wait("park.life", value, partition=0)
    await producer.stop()


async def heard(port):
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=f"127.0.0.1:{port}", auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition("park.life", 0)])
    await consumer.seek_to_beginning()
    message = await asyncio.wait_for(consumer.getone(), 30)
    await consumer.stop()
    return message.value


def test_largest_record():
    """Kafka takes records as large as a topic may hold."""
    lines = dict(
        x.split("=", 1) for x in (CONFIG / "server.properties").read_text().splitlines() if "=" in x and x[0] != "#"
    )

    assert CitySettings().message_bytes <= int(lines["message.max.bytes"])
    assert CitySettings().message_bytes <= int(lines["replica.fetch.max.bytes"])


def test_partitions_are_counted():
    """Each topic of the table has partitions."""
    assert {True} == {count_of(t, CitySettings()) > 0 for t in TOPICS}
