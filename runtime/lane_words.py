"""The words of a lane: where its messages come from, how it paces itself, how it is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ingest.message import Message
from park.metrics import Lane
from park.records import Batch
from park.wire import SmallEvent


class Source(Protocol):
    """Where messages come from (ingest.mqtt.Reader)."""

    def open(self) -> None:
        """Begin to connect; `poll` does the work."""

    def poll(self, timeout: float, limit: int | None = None) -> list[Message]:
        """Return messages in order of arrival; with `limit` 0 only keep the connection alive."""

    def ack(self, messages: list[Message]) -> None:
        """Acknowledge a list that `poll` returned, the oldest first."""

    def wake(self) -> None:
        """End the waiting of `poll`; from any thread."""

    def close(self) -> None:
        """Say good-bye; what is not acknowledged comes again."""


Decode = Callable[[list[Message], int], Batch]  # ingest.batcher.Batcher.batch
Sink = Callable[[Lane, int, list[SmallEvent]], None]  # raises Full or Unavailable: it is asked again


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane paces itself."""

    nap: float = 0.0  # s from one reading of the socket to the next, only after work
    busy: int = 1_250  # messages at once from which on there is no nap
    poll: float = 0.2  # s to wait for messages, at most
    retry: float = 0.5  # s between attempts when the disk is full
    tries: int = 10  # to read the log, before the rest of it is left alone
    held: int = 100_000  # messages a life-safety lane may run ahead of its log; a broker of MQTT 5 sends fewer
    held_bytes: int = 256 << 20  # of their payloads
    undelivered: int = 1_000  # steps whose events may wait for the writer
    snapshot_bytes: int = 256 << 20  # of log from one snapshot to the next
    snapshot_seconds: float = 600.0


class Phase(StrEnum):
    """How a lane is."""

    STARTING = "starting"
    REPLAYING = "replaying"
    LIVE = "live"
    FULL = "full"  # no room for the log: bulk has stopped reading, life safety goes on from memory
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane as health pages see it."""

    phase: Phase
    position: int  # of the log, run through
    end: int  # of the log
    tick: int  # newest, epoch ms
    messages: int  # since the start
    readings: int
    refused: int
    events: int
    held: int  # messages in memory that the log has not taken yet
    failures: int  # of stages and decoders: faults of ours
    trouble: str  # the newest, in words; "" for none
    lost: str = ""  # what of its past it does not know, in words
    clock: str = ""  # what is wrong with its time, in words
