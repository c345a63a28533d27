"""The detectors of a lane: the one of any metric, which tells, and those of use and of counts, which mark.

```
 value or hour's sum ─┬─> detector of any metric ──> how rare, by ten tails, once settled ──────────────┬─> told
                      └─> own detector, of amounts ─┬─> of what is usual for its hour nothing is told ──┘
                                                    └─> score, mark, band: what a chart shows
```
Against what a building, or a street, has in this hour of the week a fault is seen best; how rare that is for its point
ten tails know better than one: docs/decisions/081-amounts-are-told-by-tails.md. What comes together is judged in one
call of the detector of any metric: of two hundred values the call itself is three quarters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from park.events import Anomaly
from park.operator import State
from park.readings import Bool, Float64, Int64, Rows
from stream.detectors.calendar import Calendar
from stream.detectors.generic import Generic
from stream.detectors.judging import KINDS, Detector, Judged
from stream.detectors.uses import DETECTORS

NAMES = tuple(DETECTORS)
_TELLS = "tells."  # before names of columns of an earlier program, which had one of any metric beside each that marks
_COURSE = np.array([kind in {Anomaly.SHAPE, Anomaly.STUCK, Anomaly.VARIANCE} for kind in KINDS])
_MARKED = ("score", "notable", "learning", "expected", "low", "high")


class Panel:
    """Many series: rows of the detector of any metric by seat, of the one that marks by slot."""

    def __init__(self, calendar: Calendar) -> None:
        self._tells = Generic(calendar)
        self._marks: tuple[Detector | None, ...] = tuple(make and make(calendar) for make in DETECTORS.values())

    def grow(self, used: Int64) -> None:
        """Have at least so many series of each of NAMES."""
        self._tells.grow(int(used.sum()))
        for marks, slots in zip(self._marks, used.tolist(), strict=True):
            if marks is not None:
                marks.grow(slots)

    def keep(self, seat: Rows, keeps: Bool) -> None:
        """Say which series rest does not lower."""
        self._tells.keep(seat, keeps)

    def judge(
        self, which: npt.NDArray[np.int8], slot: Rows, seat: Rows, ts: Int64, local: Int64, weekday: Int64,
        value: Float64,
    ) -> Judged:  # fmt: skip
        """Judge finite values of different series, then learn them; `which` is the place in NAMES.

        What an own detector marks has its score and band, and nothing is told of a value within them but of its
        course: calm, restless, another day's.
        """
        judged = self._tells.judge(seat, ts, local, weekday, value)
        columns: dict[str, Any] = {}
        for k, marks in enumerate(self._marks):
            if marks is None:
                continue
            rows = np.flatnonzero(which == k)
            if not len(rows):
                continue
            own = marks.judge(slot[rows], ts[rows], local[rows], weekday[rows], value[rows])
            columns = columns or {name: getattr(judged, name).copy() for name in ("rarity", *_MARKED)}
            for name in _MARKED:
                columns[name][rows] = getattr(own, name)
            usual = (value[rows] >= own.low) & (value[rows] <= own.high) & ~_COURSE[judged.kind[rows]]
            columns["rarity"][rows[usual]] = 0.0
        return replace(judged, **columns) if columns else judged

    def snapshot(self) -> State:
        """Return copies of all columns."""
        state = {f"{NAMES[0]}.{key}": column for key, column in self._tells.snapshot().items()}
        for name, marks in self._own():
            state |= {f"{name}.{key}": column for key, column in marks.snapshot().items()}
        return state

    def restore(self, state: State, used: Int64) -> None:
        """Take the columns of an earlier snapshot; series are numbered as they were.

        Of an earlier program's, which had a detector of any metric for each of NAMES, seats are in their order.
        """
        tells = _of(state, f"{NAMES[0]}.")
        others = [_of(state, f"{name}.{_TELLS}") for name in NAMES[1:]]
        if any(others):
            tells = {
                key: np.concatenate(
                    [column[: used[0]], *(other[key][:n] for other, n in zip(others, used[1:], strict=True))]
                )
                for key, column in tells.items()
            }
        self._tells.restore(tells)
        for name, marks in self._own():
            own = _of(state, f"{name}.")
            marks.restore({key: column for key, column in own.items() if not key.startswith(_TELLS)})
        self.grow(used)

    def _own(self) -> Iterator[tuple[str, Detector]]:
        return ((name, marks) for name, marks in zip(NAMES, self._marks, strict=True) if marks is not None)


def seats(which: Rows, slot: Rows, used: Int64) -> Int64:
    """Return the seats of series as an earlier program's columns are joined."""
    before = np.cumsum(used) - used
    found: Int64 = before[which] + slot
    return found


def _of(state: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {key.removeprefix(prefix): column for key, column in state.items() if key.startswith(prefix)}
