"""What other rules would have said: a recorded time once more, with the rules that hold and with changed ones.

```
 newest snapshot before `start` ──┬─> stages with the rules that hold ──┐
 log from there to `end` ─────────┤   (all others run once)             ├─> side by side
                                  └─> stages with the changed rules ────┘
```
Registry, papers and commands are those of that time, as the log holds them; only its rule tables are replaced.
Nothing is written: it is a process of its own over files that belong to another.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from park.errors import UserError
from park.known import known_config
from park.metrics import Lane
from park.records import Batch, Config, LimitRow, Record, Tick
from runtime.backtest_before import Before, iso_of, run_before
from runtime.backtest_sides import MOST, Fired, Pair
from runtime.log_reading import LogReading, Saved, snapshots_of
from runtime.merging import merged

_ROWS = 20_000  # readings joined before a stage sees them
_SHOWN = 500  # conditions of each side that are listed
_FAR = 2**62
_MINUTE = 60_000


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
            notes.append(f"{dropped} conditions beyond {MOST} are not counted ({name})")
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
    before_log = Before(0, ())
    if before is not None:
        position, reached = before.position, before.tick
        pair.begin(before.states, None, before.tick)
    else:
        position, reached = log.begin, 0
        known = _known_since(saved) if log.begin else None
        pair.begin(None, known, 0)
        if known is not None:
            opening = next((t for t in (_time(record) for _, record in log.read(position)) if t), 0)
            before_log = _before(asked, lane, pair, known, opening)
            notes += before_log.notes
            reached = min(opening, asked.end) if before_log.readings else 0
    readings, first = before_log.readings, 0
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
        if not before_log.readings:
            notes.append(f"the log begins at {iso_of(first)}; what was before is not known")
        approximate = True
    if reached < asked.start:
        notes.append("the log ends before the start")
        approximate = True
    about = {
        "lane": str(lane), "from": before.tick if before else asked.start if before_log.readings else first or reached,
        "readings": readings, "approximate": approximate, "notes": notes,
    }  # fmt: skip
    return pair, about


def _before(asked: Asked, lane: Lane, pair: Pair, known: Config, opening: int) -> Before:
    """Run what is stored of the time before the log's first record, at `opening`; return what to say of it."""
    if asked.start >= opening:
        return Before(0, ())
    if lane is Lane.LIFE:
        return Before(0, ("what detectors of fire and gas said before the log begins is kept by nothing else",))
    present = frozenset(known.limits or ()) if asked.present is None else frozenset(asked.present)
    differing = present ^ frozenset(asked.changed)
    return run_before(asked.folder, pair, known, (asked.start, min(opening, asked.end)), differing)


def _known_since(saved: list[Saved]) -> Config | None:
    """Return the oldest configuration that is known where the log's own beginning is gone."""
    return known_config(saved[-1].states["directory"]) if saved else None


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
