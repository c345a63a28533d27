"""Dirty smoke detectors: the clean-air value rises over weeks, until dust alone comes near an alarm.

Arrival-ordered. The clean-air value of a detector follows its readings with a time constant of a day, and one
reading moves it by no more than `_LESSON`: an hour of smoke is no dust. What it was in its first three days, or
the least since, is clean. A rise by the rule `fire.smoke_drift` is told once as a finding (maintenance, no alarm)
and once more when the detector has been cleaned. Detectors that compensate themselves say `fault` on their own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import Quality, ReadingBatch, Rows
from park.records import Config
from stream.rounds import rounds

VERSION = 1
RULE = "fire.smoke_drift"
KIND = "maintenance"
_DAY = 86_400_000
_LEARN = 3 * _DAY  # ms: a detector is put up on a clean day or on a dusty one, hardly on three
_LESSON = 1.0  # %/m by which a reading may differ from what it teaches
_LONGEST = 6 * 3_600_000  # ms that one reading may stand for: detectors report every six hours in the worst case
_UNSEEN = -(2**62)
_METRIC = CODE["smoke_obscuration"]
_COLUMNS = {
    "clean": np.float64,
    "least": np.float64,
    "begun": np.int64,
    "ts": np.int64,
    "at": np.int64,
    "dirty": np.bool_,
}


class Contamination:
    """Watch the clean-air values of smoke detectors."""

    name = "contamination"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._watched = np.zeros(2, np.bool_)  # by point; the last row is for all beyond
        self._column: dict[str, npt.NDArray[Any]] = {n: np.full(2, _fill(n), kind) for n, kind in _COLUMNS.items()}
        self._rise, self._band, self._tau, self._severity = np.inf, 0.0, float(_DAY), Severity.LOW

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Follow the clean air; the readings go on as they came."""
        rows = np.flatnonzero(self._watched.take(batch.point, mode="clip"))
        if not len(rows):
            return batch
        d = self._directory
        point, value = batch.point[rows], batch.value[rows]
        good = (batch.quality[rows] < Quality.LATE) & np.isfinite(value)
        rows = rows[good & (value >= d.low[point]) & (value <= d.high[point])]
        found: dict[int, Finding] = {}
        for part in rounds(batch.point[rows]):
            found |= self._follow(batch, rows[part])
        for row in sorted(found):
            emit(found[row])
        return batch

    def _follow(self, batch: ReadingBatch, rows: Rows) -> dict[int, Finding]:
        """Take one reading of each point; return, by row, the findings of detectors that became dirty, or clean."""
        c = self._column
        rows = rows[batch.ts[rows] > c["ts"][batch.point[rows]]]
        point, value, at = batch.point[rows], batch.value[rows], batch.received[rows]
        first = c["at"][point] == _UNSEEN
        elapsed = np.where(first, 0, np.clip(at - c["at"][point], 0, _LONGEST))
        clean = np.where(first, value, c["clean"][point])
        clean = clean + np.clip(value - clean, -_LESSON, _LESSON) * -np.expm1(-elapsed / self._tau)
        begun = np.where(first, at, c["begun"][point])
        least = np.where(at - begun < _LEARN, clean, np.minimum(clean, c["least"][point]))
        was = c["dirty"][point]
        dirty = np.where(was, clean - least > self._rise - self._band, clean - least >= self._rise)
        c["clean"][point], c["least"][point], c["begun"][point] = clean, least, begun
        c["ts"][point], c["at"][point], c["dirty"][point] = batch.ts[rows], at, dirty
        return {
            int(rows[i]): self._finding(
                int(point[i]), int(batch.ts[rows[i]]), int(at[i]), float(clean[i]), float(least[i])
            )
            for i in np.flatnonzero(dirty != was).tolist()
        }

    def _finding(self, point: int, ts: int, at: int, clean: float, least: float) -> Finding:
        d = self._directory
        dirty = bool(self._column["dirty"][point])
        score = min(1.0, max(0.0, (clean - least) / (2 * self._rise)))
        return Finding(
            KIND, point, ts, at, self._severity, Reason.CONTAMINATED if dirty else Reason.CLEAN, clean, least,
            high=least + self._rise, score=score, device=int(d.device[point]), place=int(d.place[point]),
            park=int(d.park[point]),
        )  # fmt: skip

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: only readings tell."""

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table; watch the smoke meters of life-safety devices."""
        del emit
        d = self._directory
        if config.limits is not None:
            row = next((r for r in d.limits if r.rule == RULE and r.high is not None), None)
            self._rise = row.high if row is not None and row.high is not None else np.inf
            self._band = row.dead_band if row is not None else 0.0
            self._tau = float(max(row.on_delay, 1)) if row is not None else float(_DAY)
            self._severity = Severity(row.severity) if row is not None else Severity.LOW
        self._watched = np.zeros(d.size + 1, np.bool_)
        self._watched[: d.size] = (d.metric[: d.size] == _METRIC) & d.life[: d.size]
        for name, column in self._column.items():
            self._column[name] = grown(column, d.size, _fill(name))

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {"version": np.array(VERSION), **{name: column.copy() for name, column in self._column.items()}}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        for name, column in self._column.items():
            self._column[name] = grown(state[name].copy(), len(column), _fill(name))


def _fill(name: str) -> int:
    return _UNSEEN if name in {"ts", "at"} else 0
