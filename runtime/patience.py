"""Waiting for what is away at the start: a role begins in any order with the engines that it needs."""

import threading
from collections.abc import Callable
from typing import TypeVar

from park.errors import MachineryError
from runtime.troubles import Troubles

T = TypeVar("T")
_REST = 1.0  # s between two attempts


def patiently(attempt: Callable[[], T], stop: threading.Event, troubles: Troubles) -> T | None:
    """Return what an attempt gives, tried until it goes; None where we are told to stop first. Raises UserError."""
    while not stop.is_set():
        try:
            found = attempt()
        except MachineryError as why:
            if not why.retry:
                raise
            troubles.tell("it cannot be reached yet", why)
        else:
            troubles.over()
            return found
        stop.wait(_REST)
    return None
