"""Whether Kafka answers us: asked each second, in a thread of its own.

A wire that is cut without a word looks like a Kafka in which nothing happens, to whoever reads: only a question that
finds no answer tells them apart.
"""

import threading
from collections.abc import Callable

from runtime.troubles import Troubles

_EVERY = 1.0  # s between two questions
_DEAF = 5.0  # s without an answer; of 15 s that a fire has (GB/T 45839-2025, 5.10.4) another needs 4 to begin


class Ear:
    """Asks, and remembers when it was answered last."""

    def __init__(self, ask: Callable[[], object], elapsed: Callable[[], float], deaf: float = _DEAF) -> None:
        """Take a question that raises, or takes its time, where there is no answer; nothing is asked yet."""
        self.troubles = Troubles("ear")
        self._ask = ask
        self._elapsed = elapsed
        self._deaf = deaf
        self._answered = elapsed()  # nobody is deaf before he has listened
        self._stopping = threading.Event()
        # A daemon: a question that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="ear", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()

    @property
    def hears(self) -> bool:
        """Whether there was an answer lately."""
        return self._elapsed() - self._answered < self._deaf

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self.troubles.passing("Kafka does not answer"):
                self._ask()
                self._answered = self._elapsed()
                self.troubles.over()
            self._stopping.wait(_EVERY)
