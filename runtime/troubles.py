"""What goes wrong in a thread that must go on: said once, counted, and passed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from park.errors import MachineryError

_log = logging.getLogger(__name__)


class Troubles:
    """The troubles of one thread, for its health page and the program's log."""

    def __init__(self, who: str) -> None:
        self.newest = ""
        self.failures = 0  # faults of ours; a full disk is none
        self._who = who

    def tell(self, what: str, why: Exception) -> None:
        """Say what went wrong; the same twice in a row is said once."""
        ours = not isinstance(why, MachineryError)
        self.failures += ours
        trouble = f"{what}: {why!r}" if ours else f"{what}: {why}"
        if trouble != self.newest:
            _log.error("%s: %s", self._who, trouble, exc_info=why if ours else None)
        self.newest = trouble

    def over(self) -> None:
        """Say that it works again."""
        self.newest = ""

    @contextmanager
    def passing(self, what: str, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Tell of any exception inside (`but` some) and go on behind it: the next message may be a fire."""
        try:
            yield
        except but:
            raise
        except Exception as why:  # noqa: BLE001 - the one place; every thread that must not end uses it
            self.tell(what, why)
