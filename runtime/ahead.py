"""Replay a lane's whole past in a process of its own, before the lane itself begins.

A park that is founded has half a year in its log. Its store is filled from that log by the projector, and
its lane runs it through the stages: two long works of one interpreter, which lets one of them run at a
time. So the lane's is done here, on the other core:

```
 Ahead, in the platform                        the process
   start ─────────────── task, JSON ─────────────> reads the log up to where it ends, runs the stages
   sink  <──────── position and events, a line ──── as it finds them
   save  <──────── snapshot in a folder aside ───── at the end
```
Events go the way they go in any replay: to the sink, and nobody is notified. The snapshot is taken
over once they last, and never before; the lane then restores it and finds nothing left to replay. Whatever goes
wrong here leaves the lane to replay for itself, which is slower and no different.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from park.errors import Full, MachineryError
from park.events import Bands
from park.metrics import Lane
from park.ports import SnapshotStore
from park.settings import LogSettings
from park.wire import SmallEvent, decode_event, encode_event
from runtime.bands import packed, unpacked
from runtime.lane_words import Sink
from runtime.log import SegmentLog
from runtime.pipelines import pipeline_of
from runtime.runner import Runner
from runtime.storage.snapshots import FileSnapshots
from runtime.troubles import Troubles

LEAST = 16 << 20  # bytes of log that are worth a process: it takes a second to be there, as long as to replay them
_EVERY = 4 << 20  # bytes of log from one line to the next: how far it is, where it finds nothing
_PAUSE = 0.05  # s


class Task(msgspec.Struct, frozen=True):
    """What the process is asked to do."""

    lane: Lane
    log: str  # folder
    end: int  # position up to which the log is synced
    aside: str  # folder for the snapshot
    settings: LogSettings


class Line(msgspec.Struct, frozen=True):
    """How far it is, and what it found on the way."""

    position: int
    events: list[msgspec.Raw] = []
    bands: list[tuple[int, list[bytes]]] = []  # width, columns


class Ahead:
    """The replay of one lane by another process; then the lane is begun, whatever came of it."""

    def __init__(
        self,
        task: Task,
        snapshots: SnapshotStore,
        sink: Sink,
        applied: Callable[[], int],
        then: Callable[[], None],
        drawn: Callable[[Bands], None] = lambda _bands: None,
    ) -> None:
        """Take the parts; `applied` is the position through which the sink's events last.

        `drawn` takes what was usual, at once and without fail.
        """
        self.position = 0  # of the log, through which it has run
        self.troubles = Troubles(f"replay of the {task.lane} lane ahead")
        self._task = task
        self._snapshots = snapshots
        self._sink = sink
        self._applied = applied
        self._then = then
        self._drawn = drawn
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="ahead")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a lane that was not begun yet is not begun any more."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.kill()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def pid(self) -> int:
        """Number of the process; 0 before there is one."""
        return self._process.pid if self._process is not None else 0

    def _run(self) -> None:
        aside = Path(self._task.aside)
        with self.troubles.passing("the lane replays for itself"):
            shutil.rmtree(aside, ignore_errors=True)  # of one that was cut off
            last = self._read()
            while self._applied() < last and not self._stopping.wait(_PAUSE):
                pass
            made = FileSnapshots(aside).load(self._task.lane)
            if made is not None and made[0] == self._task.end and not self._stopping.is_set():
                self._snapshots.save(self._task.lane, *made)
        shutil.rmtree(aside, ignore_errors=True)
        if not self._stopping.is_set():
            self._then()

    def _read(self) -> int:
        """Hand on what the process finds; return the position of the last events."""
        last = 0
        command = [sys.executable, "-m", "runtime.ahead", msgspec.json.encode(self._task).decode()]
        # Its input stays open as long as we live, and says nothing: its end is the sign that we are no more.
        with subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            self._process = process
            if self._stopping.is_set():
                process.kill()
            for text in process.stdout or ():
                line = msgspec.json.decode(text, type=Line)
                events = [decode_event(bytes(event)) for event in line.events]
                for bands in line.bands:
                    self._drawn(unpacked(*bands))
                if events:
                    self._put(line.position, events)
                    last = line.position
                self.position = line.position
        return last

    def _put(self, position: int, events: list[SmallEvent]) -> None:
        while not self._stopping.is_set():
            try:
                return self._sink(self._task.lane, position, events)
            except Full:  # the writer is behind
                self._stopping.wait(_PAUSE)
        return None


def cores() -> int:
    """Return how many processes can really run at a time."""
    return len(os.sched_getaffinity(0))


# ── the process ──────────────────────────────────────────────────────────────────────────────────


def replay(task: Task, tell: Callable[[Line], None]) -> None:
    """Run the lane's stages over its log from the beginning; leave a snapshot aside. Raises MachineryError."""
    log = SegmentLog(Path(task.log), task.settings, task.lane, until=task.end)
    runner = Runner(task.lane, lambda: pipeline_of(task.lane), log, FileSnapshots(Path(task.aside)))
    told = 0
    for position, found in runner.replay():
        events = [msgspec.Raw(encode_event(e)) for e in found if isinstance(e, SmallEvent)]
        bands = [packed(e) for e in found if isinstance(e, Bands)]
        if events or bands or position - told >= _EVERY:
            tell(Line(position, events, bands))
            told = position
    if runner.troubles.failures:  # told where people look: by the lane, when it replays for itself
        raise MachineryError(runner.troubles.newest)
    FileSnapshots(Path(task.aside)).save(task.lane, runner.position, runner.states())
    if runner.position > told:
        tell(Line(runner.position, []))


def main() -> int:
    """Do the task that the argument says; end with the input, at once."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    threading.Thread(target=_end_with_input, daemon=True).start()
    out = sys.stdout.buffer

    def tell(line: Line) -> None:
        out.write(msgspec.json.encode(line) + b"\n")
        out.flush()

    replay(task, tell)
    return 0


def _end_with_input() -> None:
    while os.read(0, 64):  # not by its buffer, which a thread must not hold when the program ends
        pass
    os._exit(1)  # whoever asked is gone; what stands aside is swept by whoever comes next


if __name__ == "__main__":
    sys.exit(main())
