"""Follows one partition of a topic from a position on, in a thread of its own, and hands on what comes, in order.

Whoever takes a message may refuse it for now (MachineryError): it is handed to him again until he takes it. What he
cannot take for a fault of ours is told, tried some times, and passed: behind it a fire may wait.
"""

import threading
import time
from collections.abc import Callable

from park.errors import Corrupt, MachineryError, Unavailable
from runtime.kafka_log import Entry, Partition
from runtime.log_marks import LogMarks
from runtime.troubles import Troubles

_LOOK = 0.5  # s that one look waits; what comes meanwhile is handed on at once
_REST = 0.5  # s after something that may pass
_TRIES = 3  # of a message that its taker fails on
ASK = 5.0  # s between two looks at where it ends and what stands in it: a Kafka that is away is noticed, too

Take = Callable[[Entry], None]
Start = Callable[[int, int], int]  # (begin, end) of the partition as it is now -> position to begin at


class Follower:
    """One partition, followed."""

    def __init__(
        self, partition: Partition, start: Start, take: Take, passed: Callable[[Entry, str], None], ask: float = ASK
    ) -> None:
        """`start` says where to begin; `passed` hears of messages that nobody could take; `ask` in s."""
        self.name = f"{partition.topic}-{partition.partition}"
        self.troubles = Troubles(self.name)
        self.position = -1  # of the next message; -1: not known yet
        self.end = 0  # as it was when we asked last
        self.lost = ""  # what was gone when we came, in a sentence; "" for nothing
        self.caught_up = threading.Event()  # set once everything that was there at the start was handed on
        self._partition = partition
        self._marks = LogMarks()
        self._start = start
        self._take = take
        self._ask = ask
        self._passed = passed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow-{self.name}")

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Finish the message at hand and end; twice is as good as once."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._partition.close()

    def leave(self) -> None:
        """Say that `stop` will come, so that many end at once."""
        self._stopping.set()

    @property
    def behind(self) -> int:
        """Messages that are there and were not handed on, as far as is known."""
        return max(0, self.end - self.position) if self.position >= 0 else 0

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self.troubles.passing("it cannot be read now"):
                self._follow()
            if not self._stopping.is_set():
                self._stopping.wait(_REST)

    def _follow(self) -> None:
        self._place()
        ask = time.monotonic() + self._ask
        first = self.end
        while not self._stopping.is_set():
            if self.position >= first:
                self.caught_up.set()
            try:
                entries, reached = self._partition.follow(self.position, _LOOK)
            except Corrupt:
                self._place()  # what we were to read is gone, or the topic was made anew
                continue
            for entry in entries:
                if not self._handed(entry):
                    return
                self.position = entry.position
                self._marks.saw(entry)
            self.position = max(self.position, reached)
            self.end = max(self.end, self.position)
            if time.monotonic() >= ask:
                self._see()
                ask = time.monotonic() + self._ask
            self.troubles.over()

    def _place(self) -> None:
        """Find where to go on. A position that is not there any more is moved to what is, and told."""
        begin, self.end = self._partition.begin, self._partition.end
        if self.position < 0:
            self.position = self._start(begin, self.end)
        before, lost = self.position, ""
        if before > self.end:
            lost = f"{self.name} ends at {self.end}, and we had read up to {before}: it was made anew"
        elif before < begin:
            lost = f"{begin - before} messages of {self.name} were gone before they were read"
        if lost:
            self._go_on_at(begin, lost)

    def _go_on_at(self, position: int, lost: str) -> None:
        self.position, self.lost, self._marks = position, lost, LogMarks()
        self.troubles.tell("it does not go on where we were", Unavailable(lost))

    def _see(self) -> None:
        """See where it ends, and that it is what was read: it may have been cut short, and have grown again."""
        self.end = self._partition.end
        if self.end < self.position:
            self._place()
            return
        same = self._marks.changed(self._partition)
        if same is not None:
            self._go_on_at(same, f"{self.name} was another beyond {same} when it was read: its messages were lost")

    def _handed(self, entry: Entry) -> bool:
        """Hand a message on; return whether it is done with (not so: we are to stop)."""
        failed = 0
        while not self._stopping.is_set():
            try:
                self._take(entry)
            except MachineryError as why:
                self.troubles.tell("what comes is not taken now", why)
            except Exception as why:  # noqa: BLE001 - a fault of ours must hold up nothing behind it
                failed += 1
                self.troubles.tell(f"message {entry.position} cannot be taken", why)
                if failed >= _TRIES:
                    self._pass_over(entry, why)
                    return True
            else:
                return True
            self._stopping.wait(_REST)
        return False

    def _pass_over(self, entry: Entry, why: Exception) -> None:
        with self.troubles.passing("a message that was passed over could not be kept"):
            self._passed(entry, f"{type(why).__name__}: {why}")
