"""The partitions of a lane that this worker holds: begun as the group gives them, ended as it takes them away.

```
 FaustFeed ── assigned, revoked, put ──> LanePartitions ── one CityLane a partition
                                             └── watch: whose each log is, asked once in a while; ended ones begin anew
```
When the group changes, all its members let go of everything and most get back what they had. So what we hold goes on
running meanwhile, under its epoch, and only saves where it stands: whoever takes over begins there.

A worker that cannot take over what it is given, and sees that this is its own trouble, leaves the group, so that
others have all of it; what it runs goes on beside the group until the database says that it is another's.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from math import inf

from park.errors import MachineryError
from park.metrics import Lane
from park.streams import stream_of
from runtime.city_lane import CityLane
from runtime.city_lane_words import ALL, CityLaneState, Phase
from runtime.kafka_log import Entry
from runtime.troubles import Troubles

_log = logging.getLogger(__name__)

WATCH = 2.0  # s between two looks at whose the logs are
_AGAIN = 5.0  # s after which what was lost, and the group says no more of, is taken back
_STUCK = 1.0  # s without progress after which a partition does not hold up the others
_ENDING = 20.0  # s that a partition may take to end
_SILENT = 15.0  # s without an answer of the database after which it is away: a wire that is cut says nothing
_HELPLESS = 30.0  # s in which a partition could not be taken over, after which another process may be able to
# Makes what does a partition's work, and is told how far the log is known to be what it was; nothing of it runs yet.
Begin = Callable[[str, int], CityLane]


class LanePartitions:
    """One lane's partitions in this process. `assigned` to `room` belong to one thread."""

    def __init__(
        self, lane: Lane, begin: Begin, holders: Callable[[], dict[str, int]], helpless: float = _HELPLESS,
        silent: float = _SILENT,
    ) -> None:  # fmt: skip
        """Take how a partition's work is begun, and who says which epoch of each log is the newest.

        `helpless`: s in which a partition could not be taken over, after which all are better left to others. `silent`:
        s without an answer of who says it, after which the database is away.
        """
        self.lane = lane
        self.troubles = Troubles(f"{lane} partitions")
        self._begin = begin
        self._holders = holders
        self._lock = threading.Lock()
        self._lanes: dict[int, CityLane] = {}
        self._seen: dict[int, tuple[int, float]] = {}  # position, and when it was there first
        self._lost: dict[int, float] = {}  # since when
        self._ending: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._look = threading.Event()
        self._watching = threading.Thread(target=self._watch, name=f"watch-{lane}")
        self._helpless = helpless
        self._silent = silent
        self._working = time.monotonic()  # when what we were given was not kept from us, or not by our own trouble
        self._answered = self._working  # when the database did
        self._left = False  # the group, and what runs goes on beside it

    # ── from the feed ────────────────────────────────────────────────────────────────────────────

    def assigned(self, partitions: frozenset[int]) -> None:
        """Begin what is new, go on with what stays, end what is another's."""
        with self._lock:
            if self._stopping.is_set():
                return
            _log.info("%s: the group gives us %s, we run %s", self.lane, sorted(partitions), sorted(self._lanes))
            for partition, lane in list(self._lanes.items()):
                if partition not in partitions:
                    self._end(self._lanes.pop(partition))
                elif lane.lost:  # whoever had it meanwhile has it no more: nobody hears it now
                    self._end(lane)
                    self._start(partition, lane.sound)
            self._left = False
            self._lost = dict.fromkeys(partitions, -inf)  # nor what we learn of only now
            for partition in sorted(partitions - self._lanes.keys()):
                self._start(partition)
        self._look.set()

    def revoked(self, timeout: float) -> None:
        """Save where everything stands, side by side: another may go on from there."""
        lanes = self.lanes
        if not lanes:
            return
        with ThreadPoolExecutor(len(lanes)) as pool:
            wait([pool.submit(lane.settle, timeout) for lane in lanes], timeout)

    def reached(self, ends: Mapping[int, int]) -> None:
        """Learn how far partitions reach; what lies before is read from Kafka, by whoever has not run it."""
        for partition, end in ends.items():
            lane = self._lanes.get(partition)
            if lane is not None:
                lane.tail.reach(end)

    def put(self, partition: int, entry: Entry) -> None:
        """Hand a message to its partition; one that is not ours is left out: whoever has it reads it for himself."""
        lane = self._lanes.get(partition)
        if lane is not None:
            lane.put(entry)

    def room(self, partition: int) -> bool:
        """Tell whether more may be put; a partition that stands still holds up no other: it reads on by itself."""
        lane = self._lanes.get(partition)
        if lane is None or lane.room:
            self._seen.pop(partition, None)
            return True
        position, now = lane.state.position, time.monotonic()
        before = self._seen.get(partition)
        if before is None or before[0] != position:
            self._seen[partition] = position, now
            return False
        return now - before[1] > _STUCK

    @property
    def able(self) -> bool:
        """Whether we could take a log over, or run one and did not leave: that goes on without a database."""
        return self._answers or bool(self._lanes and not self._left)

    @property
    def helpless(self) -> bool:
        """Whether something of what the group gave us could not be taken over for long, and others may be able to.

        While one partition runs, and the database answers, we stay: what we cannot take nobody can.
        """
        now, lanes = time.monotonic(), self.lanes
        # Whoever asks over a wire that is cut waits, and has no trouble to tell of.
        kept = bool(lanes) and all(lane.kept_away for lane in lanes)
        if not (kept if self._answers else any(map(_idle, lanes))):
            self._working = now
        return now - self._working > self._helpless

    @property
    def _answers(self) -> bool:
        """Whether the database does."""
        return time.monotonic() - self._answered < self._silent

    def left(self) -> None:
        """Learn that others are given everything now: what does not run ends, what runs goes on."""
        with self._lock:
            self._left = True
            for partition, lane in list(self._lanes.items()):
                if _idle(lane):
                    self._end(self._lanes.pop(partition))

    def follow(self) -> None:
        """Learn from Kafka what nobody puts: messages for what runs while we are in no group."""
        with self.troubles.passing("what comes could not be followed"):
            self._ask_ends(CityLane.follow)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to watch."""
        self._watching.start()

    def stop(self, timeout: float = _ENDING) -> bool:
        """Save and end everything, side by side; tell whether that went in time."""
        self._stopping.set()
        self._look.set()
        if self._watching.ident is not None:
            self._watching.join(timeout)
        with self._lock:
            lanes, self._lanes = list(self._lanes.values()), {}
            ending, self._ending = self._ending, []
        with ThreadPoolExecutor(max(1, len(lanes))) as pool:
            ended = all(pool.map(lambda lane: lane.stop(timeout), lanes))
        for thread in ending:
            thread.join(timeout)
        return ended and not any(thread.is_alive() for thread in ending)

    @property
    def lanes(self) -> Sequence[CityLane]:
        """What runs, or begins to."""
        with self._lock:
            return list(self._lanes.values())

    @property
    def states(self) -> list[CityLaneState]:
        """How each partition is."""
        return [lane.state for lane in self.lanes]

    def _start(self, partition: int, sound: int = ALL) -> None:
        lane = self._begin(stream_of(self.lane, partition), sound)
        self._lanes[partition] = lane
        lane.start()

    def _end(self, lane: CityLane) -> None:
        """End it beside us. It saves nothing: that was done when it was revoked, and it may be another's by now."""
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        thread = threading.Thread(target=lane.stop, args=(_ENDING,), kwargs={"keep": False}, name=f"end-{lane.stream}")
        thread.start()
        self._ending.append(thread)

    # ── the watch ────────────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._look.wait(WATCH)
            self._look.clear()
            with self.troubles.passing("whose the logs are could not be found out"):
                try:
                    self._mark_lost(self._holders())
                    self._answered = time.monotonic()
                    self.troubles.over()
                except MachineryError as why:
                    # Nobody else can take them either, while the database is away: what is ours goes on.
                    self._answered = -inf
                    self.troubles.tell("whose the logs are cannot be asked now", why)
                self._ask_ends(CityLane.look)
                self._begin_anew()

    def _mark_lost(self, newest: dict[str, int]) -> None:
        for lane in self.lanes:
            held = lane.held
            if held is not None and newest.get(lane.stream, held.epoch) != held.epoch:
                held.lost.set()
                lane.tail.wake()

    def _ask_ends(self, ask: Callable[[CityLane], None]) -> None:
        """See where the logs end, whatever the group hands on; Kafka is asked no further once it does not answer."""
        try:
            for lane in self.lanes:
                ask(lane)
        except MachineryError as why:
            self.troubles.tell("where the logs end cannot be asked now", why)

    def _begin_anew(self) -> None:
        """Take back what has ended though the group still says that it is ours: nobody else would hear it."""
        now = time.monotonic()
        with self._lock:
            for partition, lane in list(self._lanes.items()):
                if not lane.over:
                    if not lane.lost:  # else it is about to end
                        self._lost.pop(partition, None)
                    continue
                if self._left:
                    self._end(self._lanes.pop(partition))
                    continue
                since = self._lost.setdefault(partition, now)
                if lane.phase is Phase.FAILED or lane.short or now - since >= _AGAIN:
                    self._lost.pop(partition, None)
                    _log.info("%s: begins anew after %s", lane.stream, lane.phase)
                    self._end(lane)
                    self._start(partition, lane.sound)


def _idle(lane: CityLane) -> bool:
    """Tell whether a log that we were given does not run: it waits to be taken over, or others had it and it is over.

    What is over begins anew once it is known whose it is, and a database over a wire that is cut never says that.
    """
    return lane.phase is Phase.TAKING or lane.lost or lane.over
