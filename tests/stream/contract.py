"""The contract that every stage is held to; a stage's own test file plugs it in.

```
TestQualityContract = contract_of(Case("quality", lambda d: (QualityGate(d),), CONFIG, rows(...), guarded=True))
```
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from math import isfinite

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from park.directory import Directory
from park.events import Bands, Counted, Event, Rollups
from park.operator import Operator
from park.readings import Quality, batch_of
from park.records import Batch, Command, Config, DeviceRow, Edge, PlaceRow, PointRow, Record, Refused, Tick
from park.wire import decode_states, encode_states
from stream.pipeline import Pipeline

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_750_003_200_000  # 2025-06-16 00:00 in China, a whole hour and park day
Row = tuple[int, int, float, int, int]  # point, ts, value, quality, received
Item = Row | Command | Refused
Stages = Callable[[Directory], tuple[Operator, ...]]


@dataclass(frozen=True)
class Case:
    """A stage (or several in a row), what it is configured with, and what is thrown at it."""

    name: str
    stages: Stages
    config: Config
    items: st.SearchStrategy[list[Item]]  # any order; the suite sorts by `received`
    event_time: bool = False  # the order of arrival within `lateness` must not matter
    lateness: int = 0  # ms
    guarded: bool = False  # a quality stage stands first: redelivered readings change nothing
    after: int = 2 * DAY  # ms that the last tick comes after the last item
    others: Config = field(default_factory=lambda: OTHERS)


EMPTY_EDGE = Edge(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32))
OTHERS = Config(
    99, START,
    points=(PointRow(900, "power", 90, 99, 98), PointRow(901, "energy", 90, 99, 98),
            PointRow(902, "energy_use", 90, 99, 98, source=901), PointRow(903, "smoke", 91, 99, 98)),
    devices=tuple(DeviceRow(n, 98, 99, lane, "meter") for n, lane in ((90, "bulk"), (91, "life"))),
    places=(PlaceRow(98, 98, 0, "park", "another"), PlaceRow(99, 98, 98, "zone", "a zone of it")),
)  # fmt: skip


def rows(
    points: Sequence[int],
    values: st.SearchStrategy[float],
    *,
    span: int = HOUR,
    step: int = 1_000,
    max_size: int = 40,
    qualities: Sequence[Quality] = (Quality.GOOD,),
    delays: Sequence[int] = (0, 500, 90_000, 20 * MINUTE),
) -> st.SearchStrategy[list[Item]]:
    """Return lists of readings within `span` ms, on a grid of `step` ms, received some delay later."""

    def row(point: int, at: int, value: float, quality: Quality, delay: int) -> Row:
        ts = START + at * step
        return (point, ts, value, int(quality), ts + delay)

    row_strategy = st.builds(
        row,
        st.sampled_from(points),
        st.integers(0, span // step),
        values,
        st.sampled_from(qualities),
        st.sampled_from(delays),
    )  # fmt: skip
    return st.lists(row_strategy, max_size=max_size)


def received(item: Item) -> int:
    """Return when an item entered the log."""
    return item[4] if isinstance(item, tuple) else item.received


def bunched(items: Iterable[Item], grid: int) -> list[Item]:
    """Return the items as they come when nothing could be received but at times of a grid, in ms."""
    at = [-(-received(item) // grid) * grid for item in items]
    return [
        (*item[:4], when) if isinstance(item, tuple) else replace(item, received=when)
        for item, when in sorted(zip(items, at, strict=True), key=lambda pair: received(pair[0]))
    ]


def records_of(items: Iterable[Item], cuts: Iterable[int] = (), after: int = 2 * DAY) -> list[Record]:
    """Return the log of some items: ticks where a minute begins, batches cut there and at `cuts`."""
    cut = set(cuts)
    records: list[Record] = []
    waiting: list[Row] = []
    now = 0

    def close() -> None:
        if waiting:
            records.append(Batch(batch_of(waiting), EMPTY_EDGE))
            waiting.clear()

    for nth, item in enumerate(sorted(items, key=received)):
        minute = received(item) // MINUTE * MINUTE
        if minute > now or nth in cut or not isinstance(item, tuple):
            close()
        if minute > now:
            now = minute
            records.append(Tick(now))
        if isinstance(item, tuple):
            waiting.append(item)
        elif isinstance(item, Command):
            records.append(item)
        else:
            records.append(Batch(batch_of([]), EMPTY_EDGE, (item,)))
    close()
    now = max(now, START)
    return [*records, *(Tick(now + after * n // 4 // MINUTE * MINUTE) for n in (1, 2, 3, 4))]


class Sum(float):
    """A sum of parts; it is rounded in another order where the parts are cut elsewhere."""

    __slots__ = ()
    __hash__ = None

    def __eq__(self, other):
        """Tell whether the other is as near as rounding leaves it."""
        return math.isclose(self, other, rel_tol=1e-9, abs_tol=1e-9)


@dataclass
class Told:
    """What came out of a run, in a form that can be compared.

    Each stage speaks in order; of two stages in a row the first has its say on a whole batch before the
    second, so that between stages there is no order.
    """

    events: list[Event] = field(default_factory=list, compare=False)
    voices: dict[str, list[Event]] = field(default_factory=dict)  # events by who says them
    readings: list[Row] = field(default_factory=list)
    windows: dict[tuple[str, int, int], list[float]] = field(default_factory=dict)
    counted: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    bands: list[tuple[float, ...]] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        """Take an event; parts of windows and counts are added up as a store would."""
        if isinstance(event, Rollups):
            for part in zip(
                event.point, event.start, event.count, event.total, event.low, event.high, event.last,
                event.last_ts, event.good, event.bad, strict=True,
            ):  # fmt: skip
                self._add(event.level, *(x.item() for x in part))
        elif isinstance(event, Bands):
            columns = (event.point, event.start, event.expected, event.low, event.high, event.score, event.learning)
            self.bands += [tuple(x.item() for x in row) for row in zip(*columns, strict=True)]
        elif isinstance(event, Counted):
            for gateway, hour, double, seen in zip(
                event.gateway, event.hour, event.duplicates, event.readings, strict=True
            ):
                before = self.counted.get((int(gateway), int(hour)), (0, 0))
                self.counted[int(gateway), int(hour)] = (before[0] + int(double), before[1] + int(seen))
        else:
            self.events.append(event)
            self.voices.setdefault(type(event).__name__ + getattr(event, "kind", ""), []).append(event)

    def _add(self, level, point, start, count, total, low, high, last, last_ts, good, bad):
        had = self.windows.get((level, point, start))
        new = [count, total, low, high, last, last_ts, good, bad]
        if had and not count:  # a part without a good reading says nothing of values
            new = [*had[:6], had[6] + good, had[7] + bad]
        elif had and had[0]:
            newest = had if had[5] > last_ts else new
            new = [
                had[0] + count, had[1] + total, min(had[2], low), max(had[3], high), newest[4], newest[5],
                had[6] + good, had[7] + bad,
            ]  # fmt: skip
        elif had:
            new = [*new[:6], had[6] + good, had[7] + bad]
        new[1] = Sum(new[1])
        self.windows[level, point, start] = new


def run(pipeline: Pipeline, records: Iterable[Record], told: Told | None = None) -> Told:
    """Pass records through a pipeline and keep all that comes of it."""
    told = told or Told()
    for record in records:
        out = pipeline.run(record, told.emit)
        told.readings += [
            (int(p), int(t), float(v), int(q), int(r))
            for p, t, v, q, r in zip(out.point, out.ts, out.value, out.quality, out.received, strict=True)
        ]
    return told


def started(case: Case) -> Pipeline:
    """Return a pipeline that has its configuration."""
    pipeline = Pipeline(case.stages)
    pipeline.run(case.config, lambda _: None)
    return pipeline


def frozen(record: Record) -> Record:
    """Return the record with arrays that cannot be written to."""
    if isinstance(record, Batch):
        for column in fields(record.readings):
            getattr(record.readings, column.name).flags.writeable = False
    return record


def numbers(event: Event) -> Iterable[float]:
    """Yield every number in an event."""
    assert is_dataclass(event)
    for f in fields(event):
        value = getattr(event, f.name)
        if isinstance(value, float | int):
            yield float(value)
        elif isinstance(value, np.ndarray):
            yield from value.astype(float).tolist()


# Eight facts of thirty stages, each shown anew by every run of the suite: what one run misses the next will find.
QUICK = settings(max_examples=100 if os.environ.get("PARK_LONG") else 25, deadline=None)


def contract_of(case: Case, quick: settings = QUICK) -> type:
    """Return the test class of a case."""
    cuts = st.sets(st.integers(0, 60))

    class Contract:
        """What holds for every stage, on any readings."""

        @quick
        @given(case.items, cuts, st.sampled_from([1, 20 * MINUTE, DAY]))
        def test_cut(self, items, at, grid):
            """However the readings are cut into batches, the same comes out, in the same order."""
            items = bunched(items, grid)
            whole = run(started(case), records_of(items, (), case.after))

            assert whole == run(started(case), records_of(items, at, case.after))
            assert whole == run(started(case), records_of(items, range(len(items)), case.after))

        @quick
        @given(case.items, cuts, st.data())
        def test_restore(self, items, at, data):
            """A snapshot taken anywhere and restored elsewhere equals never having stopped."""
            records = records_of(items, at, case.after)
            stop = data.draw(st.integers(0, len(records)))
            first, second = started(case), Pipeline(case.stages)

            told = run(first, records[:stop])
            second.restore(decode_states(encode_states(first.snapshot())))
            run(second, records[stop:], told)

            assert run(started(case), records) == told

        @quick
        @given(case.items)
        def test_snapshot_is_a_copy(self, items):
            """A snapshot does not change when its stage goes on, and a stage not when its snapshot does."""
            records = records_of(items, range(60), case.after)
            pipeline = started(case)
            run(pipeline, records[: len(records) // 2])

            state = pipeline.snapshot()
            before = encode_states(state)
            run(pipeline, records[len(records) // 2 :])

            assert all("version" in s for s in state.values())
            assert before == encode_states(state)

        @quick
        @given(case.items)
        def test_inputs_are_left_alone(self, items):
            """No array of a batch is written to."""
            run(started(case), [frozen(r) for r in records_of(items, (), case.after)])

        @quick
        @given(case.items)
        def test_events_are_finite(self, items):
            """No NaN and no infinity reaches what a person reads."""
            events = []
            pipeline = started(case)

            for record in records_of(items, (), case.after):
                pipeline.run(record, events.append)

            wrong = [e for e in events if not all(isfinite(x) for x in numbers(e))]

            assert not wrong

        @quick
        @given(case.items, cuts, st.data())
        def test_other_configuration(self, items, at, data):
            """A configuration changes nothing for what it does not name."""
            records = records_of(items, at, case.after)
            where = data.draw(st.integers(0, len(records)))

            told = run(started(case), [*records[:where], case.others, *records[where:]])

            assert run(started(case), records) == told

        @quick
        @given(case.items, cuts, st.data())
        def test_same_configuration(self, items, at, data):
            """A configuration that says again what holds already changes nothing."""
            records = records_of(items, at, case.after)
            where = data.draw(st.integers(0, len(records)))

            told = run(started(case), [*records[:where], replace(case.config, version=98), *records[where:]])

            assert run(started(case), records) == told

    if case.guarded:
        Contract.test_duplicates = _duplicates(case, quick)  # type: ignore[attr-defined]
    if case.event_time:
        Contract.test_shuffled = _shuffled(case, quick)  # type: ignore[attr-defined]
    Contract.__name__ = Contract.__qualname__ = f"Test{case.name.title().replace(' ', '')}Contract"
    return Contract


def _duplicates(case: Case, quick: settings) -> Callable[..., None]:
    @quick
    @given(case.items, st.dictionaries(st.integers(0, 30), st.integers(0, 6), max_size=8))
    def test_duplicates(self, items, again):
        """Readings delivered once more, at once or somewhat later, change nothing but the count of them."""
        items = sorted(items, key=received)
        twice: list[Item] = []
        due: list[tuple[int, Row]] = []
        for nth, item in enumerate(items):
            twice.append(item)
            if nth in again and isinstance(item, tuple):
                due.append((nth + again[nth], item))
            twice += [(*row[:4], received(item)) for at, row in due if at == nth]

        once, told = (run(started(case), records_of(i, (), case.after)) for i in (items, twice))

        assert (once.voices, once.readings, once.windows) == (told.voices, told.readings, told.windows)

    return test_duplicates


def _shuffled(case: Case, quick: settings) -> Callable[..., None]:
    @quick
    @given(case.items, st.data())
    def test_shuffled(self, items, data):
        """In whatever order readings arrive within the lateness bound, the windows are the same."""
        first = {(i[0], i[1]): i for i in items if isinstance(i, tuple)}  # a time says one thing only
        assume(first)
        late = st.lists(st.integers(0, case.lateness), min_size=len(first), max_size=len(first))

        def arrive() -> Told:
            again = [(*row[:4], row[1] + by) for row, by in zip(first.values(), data.draw(late), strict=True)]
            return run(started(case), records_of(again, (), case.after))

        one, other = arrive(), arrive()

        assert one.windows == other.windows
        assert sorted(map(repr, one.events)) == sorted(map(repr, other.events))

    return test_shuffled
