"""The words of a city's partition: how its work paces itself, and how it is."""

from dataclasses import dataclass
from enum import StrEnum

from runtime.projector import ProjectorState

ALL = 1 << 62  # a position behind every log's end


class Phase(StrEnum):
    """How a partition is."""

    TAKING = "taking"  # an epoch, and its past
    FILLING = "filling"  # the log from its snapshot on
    LIVE = "live"
    LOST = "lost"  # somebody else holds it
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CityLaneSettings:
    """How a partition paces itself."""

    rows: int = 20_000  # readings run at once where many wait
    ahead: int = 4_000  # messages handed over and not run yet, beyond which no more are taken
    retry: float = 0.5  # s between attempts
    said: float = 1.0  # s between words that nothing was found
    snapshot_records: int = 20_000  # from one snapshot to the next
    snapshot_seconds: float = 120.0
    worth: int = 500  # records, beyond which a snapshot is worth its while when the partition moves


@dataclass(frozen=True, slots=True)
class CityLaneState:
    """A partition as health pages see it."""

    stream: str
    phase: Phase
    epoch: int
    position: int  # of the log, run through
    end: int  # known of
    tick: int  # newest, epoch ms
    readings: int  # since the start
    events: int
    dead: int  # messages that were no records
    failures: int
    trouble: str  # the newest, in words; "" for none
    lost: str  # what of its past it does not know, in words
    store: ProjectorState | None
