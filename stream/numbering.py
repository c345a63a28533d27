"""Numbers of a partition's own for its points: dense, so that its columns are as long as the points it has.

```
 registry's number ──pages──> row 1, 2, 3 ... of this partition ──number──> registry's number
```
The registry deals numbers out city-wide, and a partition has a few of them. Rows are given in the order in which the
log names points, those of one configuration by rising number: so equal logs give equal rows, and what stages tell by
rising row comes by rising number.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from park.directory import grown
from park.events import Bands, ConditionChange, Event, Finding, Rollups
from park.readings import Int32, ReadingBatch
from park.records import Config, LimitRow

_PAGE = 10  # bits: 4 KiB a page, and a city's points lie in runs of a park's
_SIZE = 1 << _PAGE
_BEFORE = "point:"  # subjects that name a point


class Numbering:
    """Which row of a partition's columns stands for which point of the registry; row 0 is none."""

    def __init__(self) -> None:
        self.size = 1  # rows given, and row 0
        self._number: Int32 = np.zeros(64, np.int32)  # the registry's, by row
        self._page: Int32 = np.zeros(1, np.int32)  # by the upper bits of a number; page 0 is empty
        self._pages: Int32 = np.zeros((1, _SIZE), np.int32)  # rows by the lower bits; 0: not given

    # ── from the registry's numbers ──────────────────────────────────────────────────────────────

    def rows(self, numbers: Int32) -> Int32:
        """Return the rows of points; 0 for those that have none."""
        page = self._page.take(numbers >> _PAGE, mode="clip")  # the last page of the table is an empty one
        rows: Int32 = self._pages[page, numbers & (_SIZE - 1)]
        return rows

    def give(self, numbers: Int32) -> None:
        """Give rows to points that have none, by rising number."""
        new = np.unique(numbers[(numbers > 0) & (self.rows(numbers) == 0)])
        if len(new):
            self._set(new, np.arange(self.size, self.size + len(new), dtype=np.int32))

    def _set(self, numbers: Int32, rows: Int32) -> None:
        upper = numbers >> _PAGE
        most = int(upper.max()) + 2  # one more, which stays empty
        if most > len(self._page):
            self._page = np.append(self._page, np.zeros(2 * most - len(self._page), np.int32))
        pages = np.unique(upper)
        pages = pages[self._page[pages] == 0]
        self._page[pages] = np.arange(len(self._pages), len(self._pages) + len(pages))
        self._pages = np.append(self._pages, np.zeros((len(pages), _SIZE), np.int32), axis=0)
        self._pages[self._page[upper], numbers & (_SIZE - 1)] = rows
        self._number = grown(self._number, int(rows.max()) + 1)
        self._number[rows] = numbers
        self.size = int(rows.max()) + 1

    def config(self, config: Config, limits: tuple[LimitRow, ...]) -> Config:
        """Return a configuration by rows, and give rows to what it names first.

        `limits` hold so far, by rows: they come again where one names a point that had no row then. It may have got
        one since by a reading, before anybody said what it is.
        """
        numbers = np.array([(row.point, row.source) for row in config.points], np.int32).reshape(-1, 2)
        self.give(numbers)
        told = config.limits
        if config.points and told is None and any(p < 0 and self._row(-p) for limit in limits for p in limit.points):
            told = tuple(replace(limit, points=tuple(map(self._number_of, limit.points))) for limit in limits)
        rows = self.rows(numbers).tolist()
        points = tuple(
            replace(row, point=point, source=source) for row, (point, source) in zip(config.points, rows, strict=True)
        )
        return replace(config, points=points, limits=told if told is None else tuple(map(self._limit, told)))

    def _limit(self, limit: LimitRow) -> LimitRow:
        """Return a rule by rows; a point without one stays as its number, below 0: no rule may hold everywhere."""
        return replace(limit, points=tuple(self._row(p) or -p for p in limit.points)) if limit.points else limit

    def _row(self, number: int) -> int:
        return int(self.rows(np.array([number], np.int32))[0])

    def _number_of(self, row: int) -> int:
        return int(self._number[row]) if row >= 0 else -row

    # ── to the registry's numbers ────────────────────────────────────────────────────────────────

    def named(self, batch: ReadingBatch) -> ReadingBatch:
        """Return readings by the registry's numbers."""
        return ReadingBatch(self._number[batch.point], batch.ts, batch.value, batch.quality, batch.received)

    def event(self, event: Event) -> Event:
        """Return what a stage has found by the registry's numbers."""
        change = _NAMED.get(type(event))
        return event if change is None else change(self, event)

    def _condition(self, event: ConditionChange) -> ConditionChange:
        subject = event.subject
        if subject.startswith(_BEFORE):
            subject = f"{_BEFORE}{self._number[int(subject[len(_BEFORE) :])]}"
        return replace(event, point=int(self._number[event.point]), subject=subject)

    def _finding(self, event: Finding) -> Finding:
        """An episode is named "anomaly/point/since"."""
        point, episode = int(self._number[event.point]), event.episode
        if episode:
            kind, _, since = episode.split("/")
            episode = f"{kind}/{point}/{since}"
        return replace(event, point=point, episode=episode)

    def _columns(self, event: Any) -> Any:
        return replace(event, point=self._number[event.point])

    # ── state ────────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> Int32:
        """Return the number of each row."""
        return self._number[: self.size].copy()

    @classmethod
    def restored(cls, numbers: Int32) -> "Numbering":
        """Return the numbering of an earlier `snapshot`; numbers that count up from 0 leave everything as it was."""
        made = cls()
        if len(numbers) > 1:
            made._set(numbers[1:].astype(np.int32), np.arange(1, len(numbers), dtype=np.int32))
        return made


_NAMED: Mapping[type, Callable[[Numbering, Any], Event]] = {
    ConditionChange: Numbering._condition,
    Finding: Numbering._finding,
    Rollups: Numbering._columns,
    Bands: Numbering._columns,
}
