"""Messages of life safety that nobody can read: one of them may be the alarm, and a person must look.

```
 refused, and not for want of a claim ─┬─> unreadable (high), one condition a device or topic
 a state that its metric does not know ┤    └── over when none has come for an hour, or a named person has looked
 two values in a row that cannot be ────┘
```
What comes on a life-safety topic, or from a registered life-safety device on any topic, is meant here. A device
that waits to be claimed, a value that nobody bound and a time of last year are read well, and told elsewhere.
"""

import json
from dataclasses import asdict, dataclass, replace

import numpy as np

from park.directory import Directory, grown
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import CODE, METRICS, NAMES, Lane
from park.operator import Emit, State
from park.readings import ReadingBatch
from park.records import Command, Config, DeviceRow, Refusal, Refused, Verb
from stream.detectors.sign_rules import METRICS as SIGNS
from stream.detectors.sign_rules import readable
from stream.strangers import park_of

VERSION = 1
QUIET = 3_600_000  # ms without another one after which it is over
MOST = 1_000  # subjects of their own; beyond them all share one
_NAMED = 200  # characters of a topic
# By code of the metric, how many states one of life safety knows; the code -1 of "no such point" finds the last 0.
_STATES = np.array([len(METRICS[n].codes) if METRICS[n].alarm else 0 for n in NAMES] + [0], np.uint8)
_ANALOGUE = np.zeros(len(NAMES) + 1, np.bool_)  # by code of the metric, whether its values are signs of fire
_ANALOGUE[[CODE[name] for name in SIGNS]] = True
UNREADABLE = frozenset({
    Refusal.MALFORMED, Refusal.TOO_LARGE, Refusal.TOO_DEEP, Refusal.WRONG_TYPE, Refusal.NOT_FINITE, Refusal.NO_DIALECT,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """A device or topic that could not be read."""

    subject: str
    since: int  # epoch ms, log time
    newest: int  # log time of the newest one
    park: int
    place: int
    device: int


class Unreadable:
    """Keep one condition for each device, or topic, of life safety that cannot be read."""

    name = "unreadable"

    def __init__(self, directory: Directory, lane: Lane = Lane.LIFE) -> None:
        """Take the lane: on that of life safety every message counts, on bulk those of life-safety devices."""
        self._directory = directory
        self._lane = lane
        self._states = np.zeros(
            2, np.uint8
        )  # by point: how many states its metric knows; the last row is of all beyond
        self._analogue = np.zeros(2, np.bool_)  # by point: fire is told by its values
        self._odd: set[int] = set()  # of these points, whose newest value cannot be: one is noise on a wire
        self._held: dict[str, Held] = {}
        self._last: dict[str, int] = {}  # since of conditions that are over, while it could come again

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Tell of states that are neither "normal" nor an alarm, and of values that cannot be."""
        states = self._states.take(batch.point, mode="clip")
        analogue = self._analogue.take(batch.point, mode="clip")
        if not states.any() and not analogue.any():
            return batch
        known = (batch.value >= 0) & (batch.value < states) & (batch.value == np.floor(batch.value))
        odd = analogue & ~readable(self._directory, batch)
        rows = (states > 0) & ~known
        if odd.any() or self._odd:
            rows |= analogue & np.isin(batch.point, [*self._odd, *batch.point[odd].tolist()])
        for i in np.flatnonzero(rows).tolist():
            point = int(batch.point[i])
            told = bool(states[i]) or (bool(odd[i]) and point in self._odd)
            (self._odd.add if odd[i] else self._odd.discard)(point)
            row = self._directory.devices.get(int(self._directory.device[point]))
            if told and row is not None:
                self._hear(f"device:{row.device}", row, row.park, int(batch.received[i]), emit)
        return batch

    def on_refused(self, refused: tuple[Refused, ...], emit: Emit) -> None:
        """Tell of what cannot be read."""
        for message in refused:
            row = self._directory.devices.get(message.device)
            ours = self._lane is Lane.LIFE or (row is not None and row.lane is Lane.LIFE)
            if message.reason not in UNREADABLE or not ours:
                continue
            subject = f"device:{message.device}" if message.device else f"topic:{message.topic[:_NAMED]}"
            park = row.park if row else park_of(message, self._directory)
            self._hear(subject, row, park, message.received, emit)

    def _hear(self, subject: str, row: DeviceRow | None, park: int, at: int, emit: Emit) -> None:
        """Hold what could not be read at a time, of a device or of a stranger in a park's name."""
        if subject not in self._held and len(self._held) >= MOST:
            subject, row, park = "topic:*", None, 0
        held = self._held.get(subject)
        if held is not None and at - held.newest >= QUIET:
            self._end(held, held.newest + QUIET, Reason.READABLE, emit)
            held = None
        if held is not None:
            self._held[subject] = replace(held, newest=max(at, held.newest))
            return
        since = max(at, self._last.get(subject, 0) + 1)  # twice in a millisecond it is two conditions
        place, device = (row.place, row.device) if row else (0, 0)
        held = self._held[subject] = Held(subject, since, at, park, place, device)
        self._last[subject] = since
        emit(_change(held, at, AlarmState.ACTIVE, Reason.UNREADABLE))

    def on_tick(self, now: int, emit: Emit) -> None:
        """End what has not come for an hour."""
        for held in sorted(self._held.values(), key=lambda h: (h.newest, h.subject)):
            if now - held.newest >= QUIET:
                self._end(held, held.newest + QUIET, Reason.READABLE, emit)
        if self._last:
            self._last = {subject: since for subject, since in self._last.items() if since >= now}

    def on_command(self, command: Command, emit: Emit) -> None:
        """Obey a named person who has looked: at a device, a place, or the subject in the arguments.

        With a `condition` (an id) it ends nothing but that one: what cannot be read since is another.
        """
        if command.verb is not Verb.RESET or not command.actor.strip():
            return
        family, subject = command.arguments.get("family", ""), command.arguments.get("subject", "")
        condition = command.arguments.get("condition", "")
        if family not in {"", "unreadable"}:
            return
        for held in list(self._held.values()):
            meant = (command.device and held.device == command.device) or (
                command.place and held.place == command.place
            )
            if (meant or held.subject == subject) and condition in {"", f"unreadable/{held.subject}/{held.since}"}:
                self._end(held, command.received, Reason.PERSON_RESET, emit)

    def _end(self, held: Held, at: int, reason: Reason, emit: Emit) -> None:
        del self._held[held.subject]
        emit(_change(held, at, AlarmState.CLEARED, reason))

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn which points tell of fire or gas, by a state or by values."""
        del config, emit
        d = self._directory
        self._states = grown(self._states, d.size + 1)
        ours = d.life[: d.size] | (self._lane is Lane.LIFE)
        self._states[: d.size] = np.where(ours, _STATES[d.metric[: d.size]], 0)
        self._states[d.size :] = 0
        self._analogue = grown(self._analogue, d.size + 1)
        self._analogue[: d.size] = d.life[: d.size] & _ANALOGUE[d.metric[: d.size]]
        self._analogue[d.size :] = False

    def snapshot(self) -> State:
        """Return a copy of what is held."""
        told = {
            "held": [asdict(held) for held in self._held.values()],
            "last": list(self._last.items()),
            "odd": sorted(self._odd),
        }
        return {"version": np.array(VERSION), "text": np.frombuffer(json.dumps(told).encode(), np.uint8).copy()}

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        told = json.loads(state["text"].tobytes())
        self._held = {row["subject"]: Held(**row) for row in told["held"]}
        self._last = dict(told["last"])
        self._odd = set(told.get("odd", ()))


def _change(held: Held, at: int, state: AlarmState, reason: Reason) -> ConditionChange:
    return ConditionChange(
        "unreadable", "unreadable", held.subject, held.since, at, held.newest, state, Severity.HIGH, reason,
        held.park, held.place, held.device,
    )  # fmt: skip
