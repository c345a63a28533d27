"""Whose turn it is to write, in the order in which they asked.

A lock of the system goes to whoever is quickest, and that is mostly who has just let go of it: a writer of ten
thousand findings, while the courier with a fire's message waits for one turn after the other.
"""

import threading
from collections import deque


class Turn:
    """A lock that is handed to whoever has waited longest."""

    def __init__(self) -> None:
        self._inner = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()  # each is held until its turn comes

    def take(self, timeout: float) -> bool:
        """Wait for one's turn; tell whether it came within some s. At 0 it comes only if nobody has or wants it."""
        with self._inner:
            if not self._taken:
                self._taken = True
                return True
            if timeout <= 0:
                return False
            mine = threading.Lock()
            mine.acquire()  # let go by whoever hands the turn over
            self._waiting.append(mine)
        if mine.acquire(timeout=timeout):
            return True
        with self._inner:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it came between the two looks

    def give(self) -> None:
        """Hand the turn to the next, or to nobody."""
        with self._inner:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
