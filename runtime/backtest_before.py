"""What was before the log's first record: stored windows in the place of the readings that are gone.

```
 kept by the store   1m 1m 1m 1m 1m 1m 1m │ log: every reading
 a dry run           means as readings    │ as it was
```
A window's mean stands for a gauge, its sum for an amount, its last value for a state: so a rule on a clock window
says what it said, one on single readings sees no peak within a minute, and what no window keeps (messages of fire
devices, what stages made of several points, findings) is not known. The result says which rules that leaves out.
The files belong to another process: those of the days that are needed are copied before they are opened.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from park.episodes import RARITY
from park.errors import MachineryError
from park.events import Level, Rollups
from park.metrics import METRICS, Kind, Lane
from park.readings import Quality, ReadingBatch
from park.records import Batch, Config, Edge, LimitRow, PointRow, Tick
from park.settings import StoreSettings
from runtime.backtest_sides import Pair
from runtime.storage import commit
from runtime.storage.duckdb import DuckStore
from runtime.storage.kinds import LEVELS

_HOUR, _DAY = 3_600_000, 86_400_000  # ms
_WIDTHS = {Level.MINUTE: 60_000, Level.QUARTER: 900_000, Level.HOUR: _HOUR}
_LEARN = 28 * _DAY  # before the start, where what is usual of values must be learned
_MOST = 1 << 30  # bytes of files that are copied; of coarser windows there are fewer
_ROOM = 2  # times what is copied that must be free
_AMOUNTS = frozenset({Kind.INTERVAL, Kind.COUNT})
_NO_EDGE = Edge(*(np.zeros(0, np.int32),) * 3)


@dataclass(frozen=True, slots=True)
class Before:
    """What was run before the log begins."""

    readings: int
    notes: tuple[str, ...]


def run_before(folder: Path, pair: Pair, config: Config, span: tuple[int, int], rules: Iterable[LimitRow]) -> Before:
    """Run stored windows of a time through both sides, for the points that some rules are about.

    `span` is from the start that was asked for to the log's first record; `config` is the oldest that is known. Where
    nothing is stored, or it cannot be read, the notes say so and nothing was run.
    """
    start, end = span
    judged, lost = _sorted_out(rules)
    life = {device.device for device in config.devices if device.lane is Lane.LIFE}
    points = []
    for row in config.points:
        mine = {rule.rule for rule in judged if _about(rule, row)}
        if row.device in life:
            lost |= mine  # its lane's log is the only one that has what it said
        elif mine:
            points.append(row)
    notes = [f"before the log nothing is known of: {', '.join(sorted(lost))}"] if lost else []
    if not points:
        return Before(0, tuple(notes))
    begin = start - max((_memory(rule) for rule in judged), default=0)
    try:
        with tempfile.TemporaryDirectory(prefix="park-") as copy:
            level = _copied(folder / "series", Path(copy), begin, end)
            if level is None:
                return Before(0, (*notes, "nothing is stored of the time before the log"))
            store = DuckStore(Path(copy), StoreSettings(duckdb_memory="512MB"))
            try:
                readings = _run(store, pair, config, points, level, (begin, end))
            finally:
                store.close()
    except (MachineryError, OSError) as why:
        return Before(0, (*notes, f"what is stored of the time before the log cannot be read: {why}"))
    if readings:
        notes.append(
            f"from {iso_of(start)} to {iso_of(end)} windows of {level} stand in the place of the readings of "
            f"{len(points)} points, with the registry of the log's beginning"
        )
    else:
        notes.append("nothing is stored of the time before the log")
    return Before(readings, tuple(notes))


def _sorted_out(rules: Iterable[LimitRow]) -> tuple[list[LimitRow], set[str]]:
    """Return the rules that stored windows can be held to, and the names of the others."""
    judged: list[LimitRow] = []
    lost: set[str] = set()
    for rule in rules:
        if rule.metric == RARITY or (rule.metric in METRICS and not rule.finding):
            judged.append(rule)
        else:
            lost.add(rule.rule)
    return judged, lost


def _about(rule: LimitRow, row: PointRow) -> bool:
    """Return whether a rule may be about a point; its places and kinds are looked at by the stages."""
    if METRICS[row.metric].kind is Kind.REGISTER or (rule.points and row.point not in rule.points):
        return False
    if rule.metric == RARITY:
        return not rule.metrics or row.metric in rule.metrics
    return rule.metric == row.metric


def _memory(rule: LimitRow) -> int:
    """Return the ms before the start that a rule has to have seen."""
    return _LEARN if rule.metric == RARITY else rule.window * rule.usual + rule.on_delay


def _copied(series: Path, copy: Path, begin: int, end: int) -> Level | None:
    """Copy the files of the finest level that is there and not too much; None: there is none."""
    for level in _WIDTHS:
        kind = LEVELS[level]
        first, last = (int(n) for n in kind.periods(np.array([begin, end - 1])))
        found = [
            path for path in sorted((series / kind.name).glob("*.duckdb"))
            if first <= kind.number(path.name.split(".")[0]) <= last
        ]  # fmt: skip
        size = sum(path.stat().st_size for path in found)
        if not found or size > _MOST or shutil.disk_usage(copy).free < _ROOM * size:
            continue
        (copy / kind.name).mkdir()
        for path in found:
            for part in (path, path.with_name(path.name + ".wal")):
                if part.exists():
                    shutil.copy(part, copy / kind.name)
        if (series / commit.NAME).exists():
            shutil.copy(series / commit.NAME, copy)
        return level
    return None


def _run(
    store: DuckStore, pair: Pair, config: Config, points: list[PointRow], level: Level, span: tuple[int, int]
) -> int:
    """Run the windows through both sides, hour by hour; return how many there were."""
    width, (begin, end) = _WIDTHS[level], span
    amount = np.zeros(max(row.point for row in points) + 1, np.int8)
    for row in points:
        kind = METRICS[row.metric].kind
        amount[row.point] = 1 if kind in _AMOUNTS else 2 if kind is Kind.STATE else 0
    # A window stands for its whole width, however often the point spoke within it.
    wide = tuple(replace(row, interval=max(row.interval, width)) for row in points)
    pair.run(replace(config, received=begin, points=wide, devices=(), places=(), limits=None))
    count = 0
    for at in range(begin // _HOUR * _HOUR, end, _HOUR):
        stop = min(at + _HOUR, end)
        for batch in _batches(store.rollups(level, [row.point for row in points], at, stop), amount, width, stop):
            pair.run(batch)
            count += len(batch.readings)
        pair.run(Tick(stop // 60_000 * 60_000))
    pair.run(replace(config, received=end, points=tuple(points), devices=(), places=(), limits=None))
    return count


def _batches(windows: Rollups, amount: np.ndarray, width: int, stop: int) -> Iterator[Batch]:
    """Yield windows that are over as readings received at their end."""
    rows = np.flatnonzero((windows.count > 0) & (windows.start + width <= stop))
    if not len(rows):
        return
    point, start = windows.point[rows], windows.start[rows]
    means = windows.total[rows] / windows.count[rows]
    value = np.choose(amount[point], (means, windows.total[rows], windows.last[rows]))
    order = np.lexsort((point, start))
    point, start, value = point[order], start[order], value[order]
    quality = np.full(len(order), Quality.GOOD, np.uint8)
    yield Batch(ReadingBatch(point, start, value, quality, start + width), _NO_EDGE)


def iso_of(ms: int) -> str:
    """Return a time as people write it, to the minute."""
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%MZ")
