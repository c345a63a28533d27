"""Small tools that many tests need: free ports, and waiting for a condition instead of for time."""

import contextlib
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SLOWER = 3  # times: a machine of CI may be so much slower than one of ours, and waits end with what they wait for


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], T], seconds: float = 20.0, every: float = 0.02) -> T:
    """Return the condition's first true value; fail when it stays false for so long, by the pace of a quiet machine."""
    pause = socket.socketpair()  # waiting on a silent socket is a nap that needs no time.sleep
    try:
        pause[0].settimeout(every)
        deadline = time.monotonic() + SLOWER * seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"still {value!r} after {SLOWER * seconds} s")
            with contextlib.suppress(TimeoutError):
                pause[0].recv(1)
    finally:
        for end in pause:
            end.close()


def until_open(port: int, seconds: float = 20.0) -> None:
    """Wait until somebody listens on a loopback port."""

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(answers, seconds)
