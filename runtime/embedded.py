"""One machine: two lanes, a projector, a writer of events and a pulse, over the stores of one house.

```
 reader ─> LaneWorker(life) ─┐                        ┌─> live pages
 reader ─> LaneWorker(bulk) ─┴─> logs ─> Projector    ├─> EventWriter ─> SQL
                                            └─> ReadingStore
```
Parts start life safety first and stop in reverse; each has its own thread and survives its own faults.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from types import TracebackType
from typing import Self

from api.services import Claim, Component, Figure, Services
from ingest.batcher import Batcher
from ingest.dialects import subscriptions
from ingest.mqtt import Reader
from ingest.resolver import Resolver
from park.errors import Unavailable
from park.metrics import Lane
from park.model import Device
from park.records import Command
from park.streams import lane_of
from runtime import ahead, clock
from runtime.ahead import Ahead, Task
from runtime.bands import BandQueue
from runtime.cases import case_timer
from runtime.claiming import claim_device
from runtime.dead_letters import DeadLetters
from runtime.delivery_chart import chart_of
from runtime.delivery_office import adapters_of
from runtime.dry_runs import DryRunner
from runtime.event_writer import EventWriter
from runtime.figures import figures_of
from runtime.house import House
from runtime.journal import journals_in
from runtime.lane import LaneWorker
from runtime.lane_health import lane_parts
from runtime.lane_words import LaneSettings, Phase
from runtime.log_time import Agreement, LogTime
from runtime.loss import WholeLedger
from runtime.names import REFUSED_EVENTS
from runtime.office import office_timer
from runtime.pipelines import pipeline_of
from runtime.projector import Projector
from runtime.pulse import Pulse
from runtime.roster import Prepared, Roster
from runtime.taking_again import TakingAgain
from runtime.troubles import Troubles
from stream.stages import store_stages

_MINUTE = 60.0  # s
_DAY = 86_400_000  # ms
_PATIENCE = 10.0  # s that a person waits for a lane
_LAG = 4 << 20  # bytes of log that the store may be behind and still be called ready


class Embedded:
    """A running platform."""

    def __init__(self, house: House) -> None:
        """Build every part; nothing runs before `start`."""
        self.house = house
        ingest = house.settings.ingest
        self.roster = Roster(house.registry, house.rulebook.rows, clock.now, house.papers.standing)
        house.rulebook.attach(self.roster.rule, self.roster.ruled)
        aside = DeadLetters(house.settings.data_dir / REFUSED_EVENTS)
        house.delivery.prepare(house.settings.delivery, house.cases, house.cases.clock.now())
        self.courier = house.delivery.courier(
            house.settings.delivery, house.cases, time.monotonic, adapters_of(house), chart_of(house.readings)
        )
        self.standby = house.delivery.standby(self.courier, house.cases, time.monotonic)
        ends = {lane: log.end for lane, log in house.logs.items()}
        house.cases.intake.live_from(ends)
        self.writer = EventWriter(house.events, aside, house.cases.intake.alone, watch=self.standby, ends=ends)
        self.bands = BandQueue(house.readings)
        self.readers: dict[Lane, Reader] = {}
        self.lanes: dict[Lane, LaneWorker] = {}
        agreement = Agreement()
        for lane in (Lane.LIFE, Lane.BULK):
            resolver = Resolver(ingest)
            batcher = Batcher(ingest, resolver, self._covered if lane is Lane.BULK else None)
            reader = Reader(ingest, lane, subscriptions(lane, self.roster.life_topics))
            worker = LaneWorker(
                lane,
                source=Prepared(reader, lambda lane=lane: self.roster.prepare(lane)),  # type: ignore[misc]
                decode=batcher.batch,
                log=house.logs[lane],
                pipeline=lambda lane=lane: pipeline_of(lane),  # type: ignore[misc]
                snapshots=house.snapshots,
                sink=self.writer.put,
                publish=house.live.tell,
                applied=lambda lane=lane: self.writer.applied(lane),  # type: ignore[misc]
                time=LogTime(clock.now, agreement=agreement),
                settings=LaneSettings(
                    nap=ingest.batch_nap if lane is Lane.BULK else 0.0, busy=ingest.receive_maximum // 4
                ),
                registry=partial(self.roster.whole, lane),
                drawn=self.bands.put,
                early=self.writer.early,
            )
            self.roster.attach(worker, resolver, reader)
            self.readers[lane], self.lanes[lane] = reader, worker
        self.projector = Projector(
            logs=house.logs, stages=store_stages, store=house.readings, quarantine=house.quarantine,
            ledger=house.ledger, snapshots=house.snapshots,
            journals=journals_in(house.settings.data_dir / "projector"),
            reached=lambda lane: (house.quarantine.kept(lane), house.ledger.reached(lane)),
            registry=lambda stream: self.roster.whole(lane_of(stream)), beside=self.bands.write,
        )  # fmt: skip
        self.ahead = self._long_past()
        self.dry_runs = DryRunner(house.settings.data_dir, lambda: house.rulebook.current().text)
        self._caught_up = False
        self.pulse = Pulse(house)
        self.case_timer = case_timer(house.cases)
        self.office_timer = office_timer(house.office.office, house.office.offset)
        house.office.office.registry_changed = self.roster.sync
        self._again = TakingAgain(ingest, house.quarantine, lambda lane, batch: _logged(self.lanes[lane].submit(batch)))
        self.roster.also(self._again.resolver)
        self._claimed: dict[str, str] = {}  # device key -> by whom: what it said last may still be on its way
        self._stopping = threading.Event()
        self._chores = threading.Thread(target=self._do_chores, name="chores")

    def _covered(self, topic: str) -> bool:
        """Tell whether the life-safety client hears a topic for certain: twice heard is better than never."""
        return topic in self.roster.covered and self.readers[Lane.LIFE].hears(topic)

    def _long_past(self) -> Ahead | None:
        """Return the replay of a bulk lane that has a long log and no snapshot, where there is a core for it."""
        log, snapshots, settings = self.house.logs[Lane.BULK], self.house.snapshots, self.house.settings
        if log.end < ahead.LEAST or snapshots.any(Lane.BULK) or ahead.cores() < 2:
            return None
        folder = settings.data_dir
        return Ahead(
            Task(Lane.BULK, str(folder / "log" / Lane.BULK), log.end, str(folder / "ahead"), settings.log),
            snapshots, self.writer.put, lambda: self.writer.applied(Lane.BULK), self._begin_bulk, self.bands.put,
        )  # fmt: skip

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start every part; life safety is live before the rest begins."""
        self.standby.start()
        self.writer.start()
        self.case_timer.start()
        self.courier.start()
        if self.ahead is not None:
            self.ahead.start()  # on another core, which life safety does not need
        self.lanes[Lane.LIFE].start()
        self._await_life()
        if self.ahead is None:
            self.lanes[Lane.BULK].start()
        self.projector.start()
        self.pulse.start()
        self._chores.start()
        self.office_timer.start()  # once the lanes take commands: a drill that ended meanwhile gives its devices back

    def _await_life(self) -> None:
        """Wait until life safety is live, or will not be."""
        life = self.lanes[Lane.LIFE]
        while not (life.live.wait(0.1) or life.state.phase is Phase.FAILED or self._stopping.is_set()):
            pass

    def _begin_bulk(self) -> None:
        """Begin the bulk lane, whose past was replayed elsewhere; never before life safety is live."""
        self._await_life()
        if not self._stopping.is_set():
            self.lanes[Lane.BULK].start()

    def stop(self) -> None:
        """Stop every part, newest first; what was acknowledged lasts, what was not comes again."""
        self._stopping.set()
        if self._chores.ident is not None:
            self._chores.join()
        self.pulse.stop()
        self.office_timer.stop()
        self.case_timer.stop()
        self.dry_runs.stop()
        if self.ahead is not None:
            self.ahead.stop()
        for lane in (Lane.BULK, Lane.LIFE):
            self.lanes[lane].stop()
        self.writer.stop()
        for worker in self.lanes.values():
            worker.save()
        self.courier.stop()
        self.standby.stop()
        self.projector.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _do_chores(self) -> None:
        """Each minute: leases that begin or end, log segments past their keep; each day: events past theirs."""
        troubles, trimmed = Troubles("chores"), 0
        while not self._stopping.wait(_MINUTE):
            with troubles.passing("the registry could not be read"):
                self.roster.sync()
            with troubles.passing("messages of a claimed device could not be taken in"):
                for key, actor in list(self._claimed.items()):
                    self._again.of_device(key, actor)
                    del self._claimed[key]
            with troubles.passing("the logs could not be trimmed"):
                for lane, log in self.house.logs.items():
                    log.trim(self.house.snapshots.oldest(lane))
            now, keep = clock.now(), self.house.settings.store.event_days * _DAY
            if now // _DAY != trimmed:
                with troubles.passing("what is old could not be deleted"):
                    self.house.cases.trim(keep)
                    if keep:
                        self.house.delivery.dispatches.trim(now - keep)
                        self.house.events.trim(now - keep)
                    trimmed = now // _DAY

    # ── how it is ────────────────────────────────────────────────────────────────────────────────

    def components(self) -> Sequence[Component]:
        """Return every part and whether it does its work."""
        parts: list[Component] = []
        for lane, worker in self.lanes.items():
            parts += lane_parts(worker, self.readers[lane], self.house.logs[lane].damage)
        store = self.projector.state()
        behind = not store.ready or store.lag_bytes > _LAG
        self._caught_up |= not behind
        detail = f"{store.lag_bytes / 1e6:.0f} MB of log behind" if behind else store.trouble
        parts.append(Component("store", not behind and not store.trouble, detail, serving=self._caught_up))
        wrong = self.house.rulebook.troubles.newest
        parts.append(Component("rules", not wrong, wrong))
        trouble = "; ".join(filter(None, (self.writer.troubles.newest, self.writer.aside.said)))
        parts.append(Component("event writer", not trouble, trouble))
        trouble = self.case_timer.troubles.newest or self.house.cases.intake.troubles.newest
        parts.append(Component("alarms", not trouble, trouble))
        trouble = self.office_timer.troubles.newest
        parts.append(Component("office", not trouble, trouble))
        trouble = self.courier.trouble
        parts.append(Component("delivery", not trouble, trouble))
        return parts

    def ran_ahead(self, lane: Lane) -> int:
        """Return the position up to which another process has run a lane's log; 0 where none does."""
        return self.ahead.position if self.ahead is not None and lane is Lane.BULK else 0

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask."""
        return [
            *figures_of(self.house, self.lanes, self.readers, self.projector, self.writer),
            *self.house.delivery.figures(self.courier, self.standby, self.house.cases.clock.now()),
        ]

    # ── what the API may do ──────────────────────────────────────────────────────────────────────

    def services(self, *, require_keys: bool) -> Services:
        """Return the house's services with the verbs that only a running platform has."""
        return self.house.services(
            require_keys=require_keys,
            submit=self.submit,
            retry=self._again.retry,
            claim=self.claim,
            hand_in=self.hand_in,
            components=self.components,
            figures=self.figures,
            registry_changed=self.roster.sync,
            limits=lambda: self.house.rulebook.rows,
            dry_runs=self.dry_runs,
            delivery=self.house.delivery.services(
                self.house.settings.delivery, self.house.cases.clock.now, self.courier.wake
            ),
            ledger=WholeLedger(self.house.ledger, self.house.readings, self.house.logs, self.projector),
        )

    def submit(self, lane: Lane, command: Command) -> object:
        """Put a command into a lane's log and wait until it is there. Raises Full, Unavailable."""
        return _logged(self.lanes[lane].submit(command))

    def hand_in(self, lanes: Mapping[Lane, Sequence[tuple[str, bytes]]]) -> None:
        """Take messages (topic, payload), those of life safety first, and wait until they are in the logs.

        Raises Full, Unavailable.
        """
        futures = [
            self.lanes[lane].submit([(topic.encode(), payload, b"", 0) for topic, payload in lanes[lane]])
            for lane in (Lane.LIFE, Lane.BULK)
            if lanes.get(lane)
        ]
        for future in futures:
            _logged(future)

    def claim(self, claim: Claim, actor: str) -> Device:
        """Make a waiting device ours and take in what it has said so far."""
        device = claim_device(self.house, claim, actor, clock.now())
        self.roster.sync()
        self._claimed[claim.device_key] = actor
        self._again.of_device(claim.device_key, actor)
        return device


def _logged(entry: "Future[int]") -> int:
    """Wait until a record is in its log; return its position. Raises Full, Unavailable.

    A lane that can take nothing now (its disk is full, it still replays) takes it as soon as it can.
    """
    try:
        return entry.result(_PATIENCE)
    except FutureTimeout as why:
        raise Unavailable("the lane cannot take this now; it will as soon as it can") from why
