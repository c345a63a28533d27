"""What the registry says, carried to those who must know: the lanes' logs and their resolvers."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from ingest.dialects import topics_of
from ingest.message import Message
from ingest.mqtt import Reader
from ingest.resolver import Binding, Resolver
from park.errors import MachineryError
from park.metrics import Lane
from park.records import Config, LimitRow, Paper
from runtime.lane import LaneWorker
from runtime.past import config_for
from runtime.storage.sql.configuration import Bound
from runtime.storage.sql.registry import SqlRegistry
from stream.pipeline import Pipeline


class Roster:
    """Keeps lanes and resolvers at the registry's newest version."""

    def __init__(
        self,
        registry: SqlRegistry,
        limits: tuple[LimitRow, ...],
        now: Callable[[], int],
        papers: Callable[[], tuple[Paper, ...]] = tuple,
    ) -> None:
        self._registry = registry
        self._papers = papers
        self._filed: tuple[Paper, ...] = ()  # the papers that the bulk lane was told
        self._limits = limits
        self._ruled: dict[Lane, tuple[LimitRow, ...]] = {}  # the rules that a lane was told
        self._now = now
        self._lock = threading.Lock()
        self._workers: dict[Lane, LaneWorker] = {}
        self._resolvers: list[tuple[Resolver, Lane | None]] = []
        self._told: dict[Lane, int] = {}
        self._waiting: dict[Lane, list[Bound]] = {}  # what a lane's resolver has not learned yet
        self._life_topics: dict[str, tuple[str, ...]] = {}  # by device key
        self.covered: frozenset[str] = frozenset()  # topics that the life-safety client hears, of foreign dialects
        self._reader: Reader | None = None
        self._bound = registry.version
        self._first: list[Bound] | None = registry.bindings_since(0)  # until a resolver has them
        self._learn_topics(self._first)

    @property
    def life_topics(self) -> tuple[str, ...]:
        """Topics of registered life-safety devices of foreign dialects."""
        return tuple(t for topics in self._life_topics.values() for t in topics)

    def attach(self, worker: LaneWorker, resolver: Resolver, reader: Reader) -> None:
        """Take charge of a lane that has not started."""
        self._workers[worker.lane] = worker
        self._waiting[worker.lane] = []
        self._begin(resolver)
        self._resolvers.append((resolver, worker.lane))
        if worker.lane is Lane.LIFE:
            self._reader = reader

    def also(self, resolver: Resolver) -> None:
        """Keep one more resolver up to date."""
        self._begin(resolver)
        self._resolvers.append((resolver, None))

    def _begin(self, resolver: Resolver) -> None:
        """Teach a resolver what was registered at the start; one copy of it is enough for all."""
        if self._first is not None:
            bind(resolver, self._first)
            self._first = None
        else:
            resolver.adopt(self._resolvers[0][0])

    def whole(self, lane: Lane) -> Config:
        """Return what a lane must know of all that is registered now, with the rules."""
        config = config_for(self._registry.config_since(0, self._now()), lane)
        return replace(config, limits=self._limits, papers=self._papers() if lane is Lane.BULK else None)

    def again(self, lane: Lane) -> None:
        """Tell a lane's log once more what is registered: it lost what it was told. Raises Full, Unavailable."""
        with self._lock:
            self._workers[lane].submit(self.whole(lane))

    def prepare(self, lane: Lane) -> None:
        """Bring a lane up to date between its replay and its first message; called in its thread."""
        with self._lock:
            worker = self._workers[lane]
            directory = cast(Pipeline, worker.runner.stages).directory
            self._told[lane] = directory.version
            self._ruled[lane] = directory.limits
            if lane is Lane.BULK:
                self._filed = directory.papers
            bind(self._resolver(lane), self._waiting[lane])  # of its replay's time; nothing is decoded yet
            self._waiting[lane] = []
            self._tell(lane)

    def rule(self, limits: tuple[LimitRow, ...]) -> None:
        """Take another rule table and carry it to the lanes, as `sync` does."""
        with self._lock:
            self._limits = limits
        self.sync()

    def ruled(self) -> bool:
        """Return whether every lane was told the rules that hold."""
        with self._lock:
            return all(self._ruled.get(lane) == self._limits for lane in self._workers)

    def sync(self) -> None:
        """Carry what has changed since the last time; from any thread.

        Raises Full or Unavailable when a lane takes nothing; the other lane is told all the same, and that
        one the next time.
        """
        with self._lock:
            self._registry.advance(self._now())
            version = self._registry.version
            if version > self._bound:
                bound = self._registry.bindings_since(self._bound)
                self._bound = version
                self._learn_topics(bound)
                for resolver, of in self._resolvers:
                    if of is None:
                        bind(resolver, bound)
                    else:
                        self._waiting[of] += bound
            refused: list[MachineryError] = []
            for lane in self._told:
                try:
                    self._tell(lane)
                except MachineryError as why:
                    refused.append(why)
            if refused:
                raise refused[0]

    def _tell(self, lane: Lane) -> None:
        rules = None if self._ruled[lane] == self._limits else self._limits
        papers = self._papers() if lane is Lane.BULK else self._filed  # whom lives hang on needs none
        filed = papers != self._filed
        version = self._registry.version
        bound = self._waiting[lane]
        if version <= self._told[lane] and rules is None and not bound and not filed:
            return
        known = cast(Pipeline, self._workers[lane].runner.stages).directory.devices
        config = config_for(self._registry.config_since(self._told[lane], self._now()), lane, known)
        if rules is not None:
            config = replace(config, limits=rules)
        if filed:
            config = replace(config, papers=papers)
        resolver = self._resolver(lane)
        self._workers[lane].submit(config, lambda: bind(resolver, bound))
        self._told[lane], self._waiting[lane] = config.version, []
        self._ruled[lane], self._filed = self._limits, papers

    def _resolver(self, lane: Lane) -> Resolver:
        return next(r for r, of in self._resolvers if of is lane)

    def _learn_topics(self, bound: list[Bound]) -> None:
        before = self.covered
        for b in bound:
            if b.device and b.lane is Lane.LIFE:
                self._life_topics[b.device_key] = topics_of(b.device_key)
            elif not b.source_key:
                self._life_topics.pop(b.device_key, None)
        after = frozenset(self.life_topics)
        if self._reader is not None:
            # Subscribed before it is called covered: twice heard is one alarm, never heard is none.
            if after - before:
                self._reader.subscribe(sorted(after - before))
            if before - after:
                self._reader.unsubscribe(sorted(before - after))
        self.covered = after


class Prepared:
    """A reader that first brings its lane up to the registry's newest version: the source of a lane."""

    def __init__(
        self, reader: Reader, prepare: Callable[[], None], forget: Callable[[list[Message]], None] | None = None
    ) -> None:
        """Take what is done before it connects, and who hears of messages before they are acknowledged."""
        self._reader = reader
        self._prepare = prepare
        self._forget = forget
        self.poll, self.wake, self.close = reader.poll, reader.wake, reader.close

    def open(self) -> None:
        """Prepare, then connect."""
        self._prepare()
        self._reader.open()

    def ack(self, messages: list[Message]) -> None:
        """Acknowledge a list that `poll` returned."""
        if self._forget is not None:
            self._forget(messages)
        self._reader.ack(messages)


def bind(resolver: Resolver, bound: list[Bound]) -> None:
    """Teach a resolver what the registry says; in the thread it belongs to."""
    gone = [b.device_key for b in bound if not b.source_key]
    if gone:  # a device is told whole: what it had and is not named any more is nothing
        resolver.forget(gone)
    resolver.bind(Binding(*b) for b in bound if b.device)
