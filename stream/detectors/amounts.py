"""Amounts (use, counts): marked and drawn by the detector of their kind, told of by the one of any metric.

```
 hour's sum ─┬─> own detector (use, counts) ─┬─> score, mark, band: what a chart shows, `park score` ranks
             │                               └─> of what is usual for its hour no single value is told ─┐
             └─> detector of any metric ───────> how rare, by ten tails, once settled ──────────────────┴─> told
```
Against what a building, or a street, has in this hour of the week a fault is seen best; how rare that is for its point
ten tails know better than one: docs/decisions/081-amounts-are-told-by-tails.md.
"""

from dataclasses import replace

import numpy as np

from park.events import Anomaly
from park.operator import State
from park.readings import Float64, Int64, Rows
from stream.detectors.generic import Generic
from stream.detectors.judging import KINDS, Detector, Judged

_TELLS = "tells."  # before names of columns
_COURSES = tuple(KINDS.index(kind) for kind in (Anomaly.SHAPE, Anomaly.STUCK, Anomaly.VARIANCE))


class Amounts:
    """Two detectors of the same series, rows by slot; a call takes at most one value a slot."""

    def __init__(self, marks: Detector, tells: Generic) -> None:
        self._marks, self._tells = marks, tells

    def grow(self, size: int) -> None:
        """Have at least so many slots."""
        self._marks.grow(size)
        self._tells.grow(size)

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Judged:
        """Judge finite amounts by what came before them, then learn them: score and band, and what is told."""
        marks = self._marks.judge(slot, ts, local, weekday, value)
        tells = self._tells.judge(slot, ts, local, weekday, value)
        # Of a value that is usual for its hour of the week only its course can be told: calm, restless, another day's.
        usual = (value >= marks.low) & (value <= marks.high) & ~np.isin(tells.kind, _COURSES)
        return replace(
            tells, rarity=np.where(usual, 0.0, tells.rarity), score=marks.score, notable=marks.notable,
            learning=marks.learning, expected=marks.expected, low=marks.low, high=marks.high,
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return copies of all columns."""
        tells = {_TELLS + name: column for name, column in self._tells.snapshot().items()}
        return {**self._marks.snapshot(), **tells}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; one of a program that told by marks alone teaches the marks only."""
        self._marks.restore({name: column for name, column in state.items() if not name.startswith(_TELLS)})
        tells = {name.removeprefix(_TELLS): column for name, column in state.items() if name.startswith(_TELLS)}
        if tells:
            self._tells.restore(tells)
