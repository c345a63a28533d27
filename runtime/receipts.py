"""Messages of life safety that receivers have acknowledged lately: shared by all who bring them."""

import threading
from collections import OrderedDict

_MOST = 5_000  # ids that are remembered


class Receipts:
    """Messages of life safety that receivers have acknowledged lately, by id; shared by all who bring them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: OrderedDict[str, str] = OrderedDict()

    def put(self, message: str, said: str) -> None:
        """Remember that a receiver has a message."""
        with self._lock:
            self._said[message] = said
            while len(self._said) > _MOST:
                self._said.popitem(last=False)

    def of(self, message: str) -> str | None:
        """Return what a receiver said to a message; None: we do not know that it has it."""
        with self._lock:
            return self._said.get(message)
