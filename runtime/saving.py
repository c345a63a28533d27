"""When a pipeline's state is saved, and that the log may then let go of what came before."""

import threading
import time
from collections.abc import Callable, Mapping

from park.operator import State
from park.ports import Log, SnapshotStore
from runtime.troubles import Troubles


class Saving:
    """The snapshots of one runner: by so much log, or by so much time."""

    def __init__(
        self, name: str, snapshots: SnapshotStore, log: Log, troubles: Troubles, *, step: int, seconds: float
    ) -> None:
        self.position = 0  # of the newest snapshot
        self._name = name
        self._snapshots = snapshots
        self._log = log
        self._troubles = troubles
        self._step = step  # bytes of log
        self._seconds = seconds
        self._next = time.monotonic() + seconds
        self._thread: threading.Thread | None = None

    def begin(self, position: int) -> None:
        """Learn what the newest snapshot holds."""
        self.position = position
        self._next = time.monotonic() + self._seconds

    def due(self, position: int) -> bool:
        """Tell whether it is time to save, and the last saving is over."""
        if self._thread is not None and self._thread.is_alive():
            return False
        return position - self.position >= self._step or (position > self.position and time.monotonic() >= self._next)

    def write(self, position: int, states: Mapping[str, State]) -> bool:
        """Save now; return whether it was saved."""
        self._next = time.monotonic() + self._seconds
        with self._troubles.passing("a snapshot could not be saved"):
            self._snapshots.save(self._name, position, states)
            self.position = position
            self._log.trim(self._snapshots.oldest(self._name))
            return True
        return False

    def write_beside(self, position: int, states: Mapping[str, State], then: Callable[[], None] = lambda: None) -> None:
        """Save in a thread of its own: a large state takes a second to reach the disk. `then` is called behind it."""

        def write() -> None:
            try:
                self.write(position, states)
            finally:
                then()

        self._thread = threading.Thread(target=write, name=f"snapshot-{self._name}")
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Let a saving that is under way come to its end; tell whether it did."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()
