"""What the rooms ask of the outside, as Protocols of a few methods.

`runtime/` builds the real ones; one contract suite in tests/contracts holds every implementation.
Positions are those of one log: rising integers, 0 before the first record. A log is named by its stream
(park.streams): its lane, and in a city its partition.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from park.events import ConditionChange, Counted, DeviceStatus, Finding, Level, Rollups
from park.metrics import Lane
from park.model import Device, Enterprise, Lease, Park, Place, Point
from park.operator import State
from park.readings import Bool, Float64, Int32, Int64, ReadingBatch
from park.records import Config, Record, Refused
from park.wire import SmallEvent


class Log(Protocol):
    """One lane's, or partition's, record of everything that happened: append, then acknowledge."""

    def append(self, records: Sequence[Record]) -> int:
        """Write and sync records; return the position after the last. Raises Full."""

    def read(self, position: int, end: int | None = None) -> Iterator[tuple[int, Record]]:
        """Yield (position after it, record) from a position on, to `end` or the end as it is now."""

    @property
    def begin(self) -> int:
        """Position of the oldest record kept."""

    @property
    def end(self) -> int:
        """Position after the newest record that is synced."""

    def trim(self, position: int) -> None:
        """Allow everything before a position to be deleted."""

    def close(self) -> None:
        """Release the files; appended records stay."""


class SnapshotStore(Protocol):
    """States of pipelines with the log position they hold; the last two are kept."""

    def save(self, name: str, position: int, states: Mapping[str, State]) -> None:
        """Write, sync and rename a snapshot."""

    def load(self, name: str) -> tuple[int, dict[str, dict[str, Any]]] | None:
        """Return the newest snapshot that can be read, or None; a broken one is skipped and told."""

    def oldest(self, name: str) -> int:
        """Return the position of the oldest snapshot kept (0: none): the log must reach back to it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a store is given at once: everything that came of the log up to `position`."""

    lane: str  # stream: the name of the log
    position: int
    readings: ReadingBatch
    rollups: tuple[Rollups, ...] = ()
    counted: tuple[Counted, ...] = ()


@dataclass(frozen=True, slots=True)
class Buckets:
    """Windows of one point, rising by start; empty windows are left out."""

    start: Int64  # epoch ms
    count: Int64
    mean: Float64
    low: Float64
    high: Float64
    last: Float64
    total: Float64
    good: Float64  # share of the window's time that good readings stand for, 0..1


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of some points; points that never spoke are left out."""

    point: Int32
    ts: Int64
    value: Float64
    quality: Int32
    received: Int64


class ReadingStore(Protocol):
    """Time series: readings and rollups. Writing again what is there changes nothing."""

    def write(self, chunk: Chunk) -> None:
        """Take a chunk: it can be asked for from now on, and lasts after `flush`. Raises Full."""

    def flush(self) -> None:
        """Make everything taken so far last."""

    def position(self, stream: str) -> int:
        """Return the log position through which everything lasts."""

    def known(self, readings: ReadingBatch) -> Bool:
        """Return for each reading whether its point and time are stored already."""

    def raw(self, point: int, start: int, end: int, limit: int) -> ReadingBatch:
        """Return readings with start <= ts < end, rising by ts, at most `limit` from the start."""

    def buckets(self, point: int, start: int, end: int, step: int, offset: int = 0) -> Buckets:
        """Return windows of `step` ms, aligned to `offset`, from readings or the rollups that suffice."""

    def rollups(self, level: Level, points: Sequence[int], start: int, end: int) -> Rollups:
        """Return the whole windows of a level (parts added up), by point and start."""

    def latest(self, points: Sequence[int]) -> Latest:
        """Return the newest reading of each point."""

    def stored(self, start: int, end: int) -> Mapping[tuple[int, int], int]:
        """Count readings that are stored by (gateway, hour of receipt): the ledger's second count."""

    def close(self) -> None:
        """Flush and release."""


Noun = Park | Place | Enterprise | Lease | Device | Point
T = TypeVar("T", Park, Place, Enterprise, Lease, Device, Point)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the registry's audit: who changed what, when, and why."""

    id: int
    at: int  # epoch ms
    actor: str
    reason: str
    noun: str  # "device", ...
    key: int  # id of the thing
    before: str  # JSON, "" when it was new
    after: str  # JSON, "" when it was retired


class RegistryStore(Protocol):
    """Parks and what stands in them, with effective dates and an audit."""

    @property
    def version(self) -> int:
        """Number of the newest change."""

    def find(self, kind: type[T], /, *, after: int = 0, limit: int = 1_000, **equal: object) -> list[T]:
        """Return things whose fields equal the given ones, rising by id, from past `after` on."""

    def get(self, kind: type[T], key: int) -> T:
        """Return one thing. Raises NotFound."""

    def save(self, things: Sequence[Noun], *, actor: str, reason: str, now: int) -> list[Noun]:
        """Insert (id 0) or replace things, all or nothing; return them with their ids. Raises Conflict.

        A register point brings its derived point with it (`energy` -> `energy_use`).
        """

    def retire(self, kind: type[T], key: int, *, actor: str, reason: str, now: int) -> None:
        """End a thing as of now; its number is never used again."""

    def config_since(self, version: int, received: int) -> Config:
        """Return what the stages must learn of the changes after a version (0: everything)."""

    def as_of(self, kind: type[T], key: int, at: int) -> T | None:
        """Return a thing as it was at a time."""

    def changes(self, *, after: int = 0, limit: int = 1_000, **equal: object) -> list[Change]:
        """Return the audit, newest last."""


class EventStore(Protocol):
    """Conditions, findings and device health, as SQL rows a person can ask for."""

    def apply(self, stream: str, position: int, events: Sequence[SmallEvent], *, last: bool = True) -> None:
        """Store the events of log records up to a position, together with it; known ids are skipped.

        A part of them that is not the `last` leaves the position as it is.
        """

    def takes(self, stream: str, events: Sequence[SmallEvent]) -> bool:
        """Tell whether events could be stored, without storing them. Raises Full, Unavailable."""

    def applied(self, stream: str) -> int:
        """Return the position through which events are stored."""

    def conditions(
        self, *, park: int = 0, standing: bool | None = None, before: str = "", limit: int = 100
    ) -> list[ConditionChange]:
        """Return the newest change of each condition, newest first, keyset by condition id.

        Of a park: its own, and those of no park that is known (0): a stranger's fire concerns them all.
        """

    def history(self, condition_id: str) -> list[ConditionChange]:
        """Return every change of one condition, oldest first."""

    def findings(
        self, *, park: int = 0, start: int = 0, end: int = 1 << 62, kind: str = "", before: str = "", limit: int = 100
    ) -> list[Finding]:
        """Return findings by time, newest first, keyset by id."""

    def health(self, *, park: int = 0) -> list[DeviceStatus]:
        """Return the newest status of each device that ever had one."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A refused message that waits for a person."""

    id: int
    refused: Refused
    lane: Lane
    state: str  # waiting | retried | discarded
    actor: str = ""


class QuarantineStore(Protocol):
    """Refused messages, raw, with their reasons, until they are retried or discarded."""

    def keep(self, stream: str, position: int, refused: Sequence[Refused]) -> None:
        """Store the refused messages of log records up to a position, once."""

    def waiting(
        self, *, reason: str = "", device_key: str = "", after: int = 0, limit: int = 100, payloads: bool = True
    ) -> list[Quarantined]:
        """Return waiting messages, oldest first, keyset by id."""

    def show(self, key: int) -> Quarantined:
        """Return one. Raises NotFound."""

    def mark(self, keys: Sequence[int], state: str, actor: str) -> int:
        """Move waiting messages to another state; return how many moved."""

    def devices(self) -> list[tuple[str, int, int, bytes]]:
        """Return the unknown devices: key, messages waiting, newest receipt, newest payload."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One gateway and hour of the loss ledger: the first column equals the sum of the others."""

    gateway: int
    hour: int  # epoch ms, of receipt
    messages: int  # received, counted at the edge
    received: int  # readings, counted at the edge
    stored: int  # counted by asking the store
    duplicate: int
    rejected: int  # values that could not be readings
    quarantined: int  # values of messages that wait for their device to be claimed
    in_flight: int  # in the log, not in the store yet

    @property
    def unexplained(self) -> int:
        """What is missing; anything but 0 is an alarm."""
        return self.received - self.stored - self.duplicate - self.rejected - self.quarantined - self.in_flight


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """What a live stream carries: a number that rises, a name and JSON."""

    id: int
    event: str  # "condition" | "finding" | "device" | "latest" | "freshness"
    park: int  # 0: for all
    body: bytes


class LiveFeed(Protocol):
    """Fan-out to live pages, with a bounded memory for those that come back."""

    def publish(self, event: str, park: int, body: bytes) -> None:
        """Tell everyone who listens; never blocks; may be called from any thread."""

    def since(self, last: int) -> tuple[Sequence[LiveEvent], bool]:
        """Return what came after an id, and whether that is all of it (False: some is forgotten).

        Where several processes relay the same events it may begin with some that came before: none is left out.
        """


class Subscription(Protocol):
    """One live client's bounded queue; the client that reads slowly loses the oldest and is told so."""

    @property
    def over(self) -> bool:
        """Whether nothing will come any more."""

    async def next(self, timeout: float) -> Sequence[LiveEvent]:  # noqa: ASYNC109
        """Wait for events and return all there are; nothing after `timeout` seconds.

        Where events were lost, one LiveEvent named "gap" stands in their place.
        """

    def close(self) -> None:
        """Stop listening; may be called twice."""


class LiveSource(LiveFeed, Protocol):
    """A live feed that an event loop listens to."""

    def subscribe(self, parks: frozenset[int] | None = None) -> Subscription:
        """Begin to listen to some parks and to what concerns all (None: everything).

        Called within the event loop. What is published after the return reaches the subscription, so
        that `subscribe` before `since` leaves no hole.
        """
