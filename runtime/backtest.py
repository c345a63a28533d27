"""What other rules would have said: a recorded time once more, with the rules that hold and with changed ones.

```
 newest snapshot before `start` ──┬─> stages with the rules that hold ──┐
 log from there to `end` ─────────┤   (all others run once)             ├─> side by side
                                  └─> stages with the changed rules ────┘
```
Registry, papers and commands are those of that time, as the log holds them; only its rule tables are replaced.
Nothing is written: it is a process of its own over files that belong to another.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from park.directory import Directory
from park.errors import UserError
from park.events import AlarmState, ConditionChange, Event, Finding
from park.metrics import Lane
from park.operator import Emit, Operator, State
from park.readings import ReadingBatch
from park.records import Batch, Command, Config, LimitRow, Record, Refused, Tick
from park.wire import decode_config
from runtime.log_reading import LogReading, Saved, snapshots_of
from runtime.merging import merged
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages

_STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}
# Stages that no rule decides: run once. One that is missing here costs more and says the same.
_SHARED = frozenset({"quality", "health", "meters", "occupancy", "seasonal", "unusual", "activity"})
_ROWS = 20_000  # readings joined before a stage sees them
_SHOWN = 500  # conditions of each side that are listed
_MOST = 200_000  # conditions remembered of each side
_FAR = 2**62
_MINUTE = 60_000


@dataclass(slots=True)
class Fired:
    """A condition that a side told of."""

    condition: str
    rule: str
    family: str
    subject: str
    severity: str
    park: int
    place: int
    device: int
    point: int
    since: int
    until: int | None  # None: it stands at the end
    value: float | None
    limit: float | None


@dataclass
class Side:
    """What one set of rules told of."""

    fired: dict[str, Fired] = field(default_factory=dict)
    dropped: int = 0

    def hear(self, event: Event) -> None:
        """Remember a change of a condition."""
        if not isinstance(event, ConditionChange):
            return
        known = self.fired.get(event.condition_id)
        over = event.state is AlarmState.CLEARED
        if known is not None:
            known.rule, known.severity = event.rule, event.severity
            known.until = event.at if over else None
        elif len(self.fired) >= _MOST:
            self.dropped += 1
        elif not over:  # what was over from before is none of ours
            self.fired[event.condition_id] = Fired(
                event.condition_id, event.rule, event.family, event.subject, event.severity, event.park, event.place,
                event.device, event.point, event.since, None, event.value, event.limit,
            )  # fmt: skip

    def within(self, start: int, end: int) -> list[Fired]:
        """Return what began within a time, in its order."""
        return sorted((f for f in self.fired.values() if start <= f.since < end), key=lambda f: (f.since, f.condition))


class Twin:
    """A stage that holds values to rules, twice: it says what it says, and the other what it would have said."""

    def __init__(self, stage: Operator, other: Operator, heard: Emit) -> None:
        self.name = stage.name
        self._stage, self._other, self._heard = stage, other, heard

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Show both the readings; they go on as the first leaves them."""
        self._other.on_batch(batch, self._heard)
        return self._stage.on_batch(batch, emit)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Tell both the time."""
        self._other.on_tick(now, self._heard)
        self._stage.on_tick(now, emit)

    def on_config(self, config: Config, emit: Emit) -> None:
        """Tell both of a configuration; each has its own rules in its own directory."""
        self._other.on_config(config, self._heard)
        self._stage.on_config(config, emit)

    def on_command(self, command: Command, emit: Emit) -> None:
        """Pass a person's act on to both."""
        for stage, told in ((self._other, self._heard), (self._stage, emit)):
            if hasattr(stage, "on_command"):
                stage.on_command(command, told)

    def on_refused(self, refused: tuple[Refused, ...], emit: Emit) -> None:
        """Show both what could not be resolved."""
        for stage, told in ((self._other, self._heard), (self._stage, emit)):
            if hasattr(stage, "on_refused"):
                stage.on_refused(refused, told)

    def on_finding(self, finding: Finding, emit: Emit) -> None:
        """Show both what was found."""
        for stage, told in ((self._other, self._heard), (self._stage, emit)):
            if hasattr(stage, "on_finding"):
                stage.on_finding(finding, told)

    def snapshot(self) -> State:
        """Return the first one's state."""
        return self._stage.snapshot()

    def restore(self, state: State) -> None:
        """Begin both where a snapshot was taken."""
        self._other.restore(state)
        self._stage.restore(state)


class Pair:
    """One lane's pipeline with two sets of rules; None: the rules of the time, as the log holds them."""

    def __init__(self, lane: Lane, present: tuple[LimitRow, ...] | None, changed: tuple[LimitRow, ...]) -> None:
        self.present, self.changed = Side(), Side()
        self._rules, self._other_rules = present, changed
        self._other = Directory()

        def stages(directory: Directory) -> tuple[Operator, ...]:
            both = zip(_STAGES[lane](directory), _STAGES[lane](self._other), strict=True)
            return tuple(a if a.name in _SHARED else Twin(a, b, self.changed.hear) for a, b in both)

        self._pipeline = Pipeline(stages)

    def begin(self, states: Mapping[str, State] | None, config: Config | None, at: int) -> None:
        """Begin at a snapshot, or empty with a configuration, and let the rules hold from there."""
        if states is not None:
            whole = decode_config(np.asarray(states["directory"]["config"]).tobytes())
            self._other.apply(whole)
            self._pipeline.restore(states)
        elif config is not None:
            self.run(replace(config, received=at))
        version = self._pipeline.directory.version
        rules = self._pipeline.directory.limits if self._rules is None else self._rules
        self.run(Config(version, at, limits=rules))

    def run(self, record: Record) -> None:
        """Run one record through both."""
        if isinstance(record, Config):
            rules = record.limits
            if rules is not None:
                record = replace(record, limits=rules if self._rules is None else self._rules)
                self._other.apply(replace(record, limits=self._other_rules))
            else:
                self._other.apply(record)
        self._pipeline.run(record, self.present.hear)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be tried."""

    folder: Path  # data folder
    changed: tuple[LimitRow, ...]
    present: tuple[LimitRow, ...] | None  # None: the rules of that time
    start: int  # epoch ms
    end: int


def backtest(asked: Asked, told: Callable[[float], None]) -> dict[str, Any]:
    """Return what would have fired, side by side; `told` hears shares. Raises UserError, MachineryError."""
    if asked.end <= asked.start:
        raise UserError("the end must be after the start")
    lanes, notes = [], []
    pairs = {}
    for nth, lane in enumerate(Lane):
        log = LogReading(asked.folder / "log" / lane)
        pairs[lane], about = _lane(asked, lane, log, lambda share, n=nth: told((n + share) / len(Lane)))  # type: ignore[misc]
        lanes.append(about)
        notes += [f"{lane}: {notice}" for notice in (*about.pop("notes"), *log.notices)]
    told(1.0)
    present = [f for pair in pairs.values() for f in pair.present.within(asked.start, asked.end)]
    changed = [f for pair in pairs.values() for f in pair.changed.within(asked.start, asked.end)]
    for name in ("present", "changed"):
        dropped = sum(getattr(pair, name).dropped for pair in pairs.values())
        if dropped:
            notes.append(f"{dropped} conditions beyond {_MOST} are not counted ({name})")
    only_present, only_changed = _without(present, changed), _without(changed, present)
    return {
        "start": asked.start, "end": asked.end, "against": "then" if asked.present is None else "present",
        "approximate": any(lane["approximate"] for lane in lanes), "notes": notes, "lanes": lanes,
        "rules": list(_by_rule(present, changed, only_present, only_changed, asked.end)),
        "only_present": [asdict(f) for f in only_present[:_SHOWN]],
        "only_changed": [asdict(f) for f in only_changed[:_SHOWN]],
    }  # fmt: skip


def _lane(asked: Asked, lane: Lane, log: LogReading, told: Callable[[float], None]) -> tuple[Pair, dict[str, Any]]:
    """Run one lane; return what both sides said, and how exact it is."""
    pair = Pair(lane, asked.present, asked.changed)
    saved = [s for s in snapshots_of(asked.folder / "snapshots", lane) if log.begin <= s.position <= log.end]
    before = next((s for s in saved if s.tick <= asked.start), None)
    notes: list[str] = []
    if before is not None:
        position, reached = before.position, before.tick
        pair.begin(before.states, None, before.tick)
    else:
        position, reached = log.begin, 0
        pair.begin(None, _known_since(saved) if log.begin else None, 0)
    readings, first = 0, 0
    for after, record in merged(log.read(position), _ROWS):
        now = _time(record)
        first = first or now
        if now >= asked.end:
            break
        reached = max(reached, now)
        pair.run(record)
        readings += len(record.readings) if isinstance(record, Batch) else 0
        told((after - position) / max(1, log.end - position))
    pair.run(Tick(asked.end // _MINUTE * _MINUTE)) if reached else None
    approximate = before is None and log.begin > 0
    if approximate:
        notes.append("no snapshot is as old: it began without a memory where the log begins")
    if first > asked.start and before is None:
        notes.append(f"the log begins at {first}; what was before is not known")
        approximate = True
    if reached < asked.start:
        notes.append("the log ends before the start")
        approximate = True
    about = {
        "lane": str(lane), "from": reached if before is None and not first else (before.tick if before else first),
        "readings": readings, "approximate": approximate, "notes": notes,
    }  # fmt: skip
    return pair, about


def _known_since(saved: list[Saved]) -> Config | None:
    """Return the oldest configuration that is known where the log's own beginning is gone."""
    return decode_config(saved[-1].states["directory"]["config"].tobytes()) if saved else None


def _time(record: Record) -> int:
    """Return the log time of a record; 0: it has none."""
    if isinstance(record, Tick):
        return record.now
    if isinstance(record, Batch):
        return int(record.readings.received[0]) if len(record.readings) else 0
    return record.received


def _without(these: list[Fired], those: Iterable[Fired]) -> list[Fired]:
    """Return what no other of the same family and subject overlaps in time."""
    by: dict[tuple[str, str], list[Fired]] = {}
    for other in those:
        by.setdefault((other.family, other.subject), []).append(other)
    return [
        f for f in these
        if not any(
            o.since <= (_FAR if f.until is None else f.until) and f.since <= (_FAR if o.until is None else o.until)
            for o in by.get((f.family, f.subject), ())
        )
    ]  # fmt: skip


def _by_rule(
    present: list[Fired], changed: list[Fired], only_present: list[Fired], only_changed: list[Fired], end: int
) -> Iterator[dict[str, Any]]:
    for rule in sorted({f.rule for f in (*present, *changed)}):
        row: dict[str, Any] = {"rule": rule}
        for name, found in (("present", present), ("changed", changed)):
            mine = [f for f in found if f.rule == rule]
            stood = sum((end if f.until is None else min(f.until, end)) - f.since for f in mine)
            row |= {name: len(mine), f"{name}_minutes": round(stood / _MINUTE, 1)}
        row |= {
            "gone": sum(f.rule == rule for f in only_present), "new": sum(f.rule == rule for f in only_changed),
        }  # fmt: skip
        yield row
