"""What is to be done again and again, in a thread of its own; whatever fails is told, and tried again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from runtime.troubles import Troubles


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is due every so many turns."""

    do: Callable[[], object]
    trouble: str  # what is said where it fails
    every: int = 1  # turns


class Turning:
    """Does jobs in turn until it is stopped. One that fails keeps no other from its turn."""

    def __init__(self, who: str, jobs: tuple[Job, ...], pause: float = 1.0) -> None:
        """Name it as health does; `pause` is the s between two turns."""
        self.troubles = Troubles(who)
        self._jobs = jobs
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=who.replace(" ", "-"))

    def start(self) -> None:
        """Begin, after a pause."""
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the turn at hand and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        turn = 0
        while not self._stopping.wait(self._pause):
            failed = False
            for job in self._jobs:
                if turn % job.every == 0:
                    done = False
                    with self.troubles.passing(job.trouble):
                        job.do()
                        done = True
                    failed = failed or not done
            if not failed:
                self.troubles.over()
            turn += 1
