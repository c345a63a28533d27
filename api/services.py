"""What the API asks of the house: ports, and a few verbs that only the runtime can do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from api.alarm_services import AlarmServices
from api.delivery_services import DeliveryServices
from api.no_activity import NoDays, NoPapers
from api.no_findings import NoBands, NoEpisodes
from api.office_services import OfficeDesk
from park.activity_ports import ActivityStore, PaperStore
from park.episodes import BandStore, EpisodeStore
from park.errors import NotFound, Unavailable
from park.metrics import Lane
from park.model import Device
from park.ports import EventStore, LedgerRow, LiveSource, QuarantineStore, ReadingStore, RegistryStore
from park.records import Command, LimitRow
from park.roles import Principal, Purpose
from park.rulebook import DryRun, DryRuns, Rules
from park.settings import ApiSettings


class Keys(Protocol):
    """API keys, stored hashed."""

    def check(self, token: str, now: int) -> Principal | None:
        """Return who holds a key; None for a wrong, expired or revoked one."""

    def holds(self, key: int, now: int) -> bool:
        """Tell whether the key of a number opens anything now."""

    def open(self, key: int, purpose: Purpose, *, now: int, lasts: int) -> str:
        """Return a new word that stands for a key for so many ms, in every process."""

    def enter(self, word: str, purpose: Purpose, now: int) -> Principal | None:
        """Return who holds the key behind a word; None where either is good for nothing. A ticket is spent."""

    def close(self, word: str) -> None:
        """Let a word end, if there is one."""


class Ledger(Protocol):
    """The loss ledger, both counts already joined."""

    def rows(self, start: int, end: int) -> Sequence[LedgerRow]:
        """Return rows of the hours with start <= hour < end (epoch ms), by hour and gateway."""


@dataclass(frozen=True, slots=True)
class ClaimedPoint:
    """A value of a waiting device, and what it is."""

    source_key: str
    metric: str
    channel: str = ""
    scale: float = 1.0
    offset: float = 0.0
    interval: int = 60_000


@dataclass(frozen=True, slots=True)
class Claim:
    """What a person says of a waiting device."""

    device_key: str
    park: int
    place: int
    kind: str
    name: str = ""
    gateway: int = 0
    interval: int = 60_000
    points: tuple[ClaimedPoint, ...] = ()  # (): as its dialect names them


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the platform and whether it does its work."""

    name: str  # "bulk lane", "store", "broker", ...
    ready: bool
    detail: str = ""  # one sentence when it is not; no secrets, no paths
    serving: bool = True  # False: not even fit to be asked (start-up, replay)


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric family in Prometheus' words."""

    name: str  # park_readings_total, ...
    kind: str  # counter | gauge
    text: str  # what it counts, one line
    samples: Sequence[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a registry file: all of it is in, or nothing is and `problems` says why."""

    saved: Mapping[str, int]  # noun -> how many
    problems: Sequence[tuple[str, str]] = ()  # (file or sheet and line, why)


def _no_import(name: str, content: bytes, actor: str) -> Imported:
    """Say that this instance takes no files."""
    raise Unavailable(f"{name}: {len(content)} bytes for {actor}")


def _no_export(form: str) -> bytes:
    """Say that this instance gives no files."""
    raise Unavailable(form)


def _no_backup() -> Path:
    """Say that this instance makes none."""
    raise Unavailable("backup")


def _no_readings(start: int, end: int) -> Path:
    """Say that this instance writes none."""
    raise Unavailable(f"readings from {start} to {end}")


def _no_hand_in(lanes: Mapping[Lane, Sequence[tuple[str, bytes]]]) -> None:
    """Say that this instance takes no messages."""
    raise Unavailable(f"{sum(map(len, lanes.values()))} messages")


def _no_limits() -> Sequence[LimitRow]:
    """Return none: this instance has no table."""
    return ()


class NoDryRuns:
    """Where no platform runs, nothing is tried."""

    def begin(self, text: str, start: int, end: int, actor: str) -> DryRun:
        """Say that this instance starts none."""
        raise Unavailable(f"dry run for {actor}: {len(text)} characters, {start} to {end}")

    def get(self, run: str) -> DryRun:
        """Say that this instance has none."""
        raise NotFound(f"there is no dry run {run}")


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the API may touch; built by the runtime, handed to `create_app`."""

    registry: RegistryStore
    readings: ReadingStore
    events: EventStore
    quarantine: QuarantineStore
    live: LiveSource
    keys: Keys
    ledger: Ledger
    submit: Callable[[Lane, Command], object]  # into a lane's log; raises Full or Unavailable
    retry: Callable[[Sequence[int], str], int]  # waiting messages back into their lanes: (ids, actor) -> how many
    claim: Callable[[Claim, str], Device]  # and its kept messages are injected anew: (claim, actor)
    components: Callable[[], Sequence[Component]]
    figures: Callable[[], Sequence[Figure]]
    rules: Rules
    now: Callable[[], int]  # epoch ms
    require_keys: bool = True
    registry_changed: Callable[[], None] = _nothing  # the stages should learn of it
    registry_import: Callable[[str, bytes, str], Imported] = _no_import  # (file name, content, actor)
    registry_export: Callable[[str], bytes] = _no_export  # "xlsx", or "csv": a zip of files
    backup: Callable[[], Path] = _no_backup  # a new tar file, to be deleted once it was given out
    limits: Callable[[], Sequence[LimitRow]] = _no_limits  # the rule table that the stages hold values to
    readings_export: Callable[[int, int], Path] = _no_readings  # start, end (ms): a new Parquet file, to be deleted too
    dry_runs: DryRuns = field(default_factory=NoDryRuns)
    activity: ActivityStore = field(default_factory=NoDays)
    papers: PaperStore = field(default_factory=NoPapers)
    alarms: AlarmServices | None = None  # None: an instance without
    hand_in: Callable[[Mapping[Lane, Sequence[tuple[str, bytes]]]], None] = _no_hand_in  # (topic, payload) by lane
    settings: ApiSettings = field(default_factory=ApiSettings)
    version: str = "0.1.0"
    office: OfficeDesk | None = None  # None: an instance without
    delivery: DeliveryServices | None = None  # None: an instance that tells nobody
    bands: BandStore = field(default_factory=NoBands)
    episodes: EpisodeStore = field(default_factory=NoEpisodes)
