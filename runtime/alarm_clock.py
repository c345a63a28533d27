"""The time of alarms: the wall clock, but never back: a timer of a fire waits for no hour to come twice."""

import threading
from collections.abc import Callable

_DAY = 86_400_000  # ms


class AlarmClock:
    """Wall time that goes on by elapsed time while the wall clock stands behind it.

    A clock that was set back an hour would hold every escalation back an hour. One that is set forward is
    followed; what timers then make of it is only early.
    """

    def __init__(self, now: Callable[[], int], elapsed: Callable[[], float], newest: int = 0) -> None:
        """`newest` is the time of the newest change we know of: not believed where it is a day ahead."""
        wall = now()
        self._now = now
        self._elapsed = elapsed
        self._at = newest if wall < newest < wall + _DAY else wall
        self._since = elapsed()
        self._lock = threading.Lock()

    def now(self) -> int:
        """Return the time, epoch ms; never less than before."""
        with self._lock:
            passed = max(0, int((self._elapsed() - self._since) * 1_000))
            wall = self._now()
            if wall >= self._at + passed:
                self._at, self._since = wall, self._elapsed()
                return wall
            return self._at + passed
