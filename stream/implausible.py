"""Points that say what cannot be for an hour: a wrong unit, a broken transducer, a changed scale.

The quality stage marks such values, and whoever learns from values leaves them out. So nobody would hear of a
meter that says W where kW is meant until its people miss it: here it is told, once, until a value can be again.
A single one is noise on a wire.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.operator import Emit, State
from park.readings import Bool, Quality, ReadingBatch, Rows
from park.records import Config
from stream.rounds import rounds

VERSION = 1
FOR = 3_600_000  # ms of nothing else: two readings of a meter that speaks by the hour
_COLUMNS = {"since": np.int64, "told": np.bool_}  # by point: receipt of the first since the last good one, epoch ms


class Implausible:
    """Tell of points whose values cannot be. Arrival-ordered."""

    name = "implausible"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._c: dict[str, npt.NDArray[Any]] = {n: np.zeros(2, kind) for n, kind in _COLUMNS.items()}
        self._watched = False  # whether any point is

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Look at what is out of range, and at what follows it; the readings go on as they came."""
        marked = bool(batch.quality.any())
        if not marked and not self._watched:  # nearly always
            return batch
        odd = (batch.quality == Quality.OUT_OF_RANGE) & (batch.point < len(self._c["since"]))
        back = (batch.quality < Quality.LATE) & (self._c["since"].take(batch.point, mode="clip") > 0)
        if odd.any():
            back |= (batch.quality < Quality.LATE) & np.isin(batch.point, batch.point[odd])
        rows = np.flatnonzero(odd | back)
        found: list[tuple[int, Finding]] = []
        for part in rounds(batch.point[rows]):
            self._follow(batch, rows[part], odd[rows[part]], found)
        for _, finding in sorted(found, key=lambda f: f[0]):
            emit(finding)
        if len(rows):
            self._watched = bool(self._c["since"].any())
        return batch

    def _follow(self, batch: ReadingBatch, rows: Rows, odd: Bool, found: list[tuple[int, Finding]]) -> None:
        c, p, at = self._c, batch.point[rows], batch.received[rows]
        began = np.where(c["since"][p] == 0, at, c["since"][p])
        c["since"][p] = np.where(odd, began, 0)
        c["told"][p] &= odd
        new = odd & ~c["told"][p] & (at - began >= FOR)
        c["told"][p[new]] = True
        d = self._directory
        for i in np.flatnonzero(new).tolist():
            point, row = int(p[i]), int(rows[i])
            value, low, high = float(batch.value[row]), _finite(d.low[point]), _finite(d.high[point])
            found.append((row, Finding(
                "range", point, int(batch.ts[row]), int(at[i]), Severity.MEDIUM, Reason.OUT_OF_RANGE,
                value if np.isfinite(value) else None, low=low, high=high, score=1.0,
                device=int(d.device[point]), place=int(d.place[point]), park=int(d.park[point]),
            )))  # fmt: skip

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: readings tell."""

    def on_config(self, config: Config, emit: Emit) -> None:  # noqa: ARG002 (nothing is told here)
        """Have room for all points."""
        for name, column in self._c.items():
            self._c[name] = grown(column, self._directory.size)

    def snapshot(self) -> State:
        """Return copies of the state."""
        n = self._directory.size
        return {"version": np.array(VERSION)} | {name: column[:n].copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        for name, column in self._c.items():
            self._c[name] = grown(state[name].copy(), len(column))
        self._watched = bool(self._c["since"].any())


def _finite(limit: float) -> float | None:
    return float(limit) if np.isfinite(limit) else None
