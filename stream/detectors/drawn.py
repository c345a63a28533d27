"""What charts draw behind a point's values: by hour, what was usual and how unusual the most of it was."""

from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import grown
from park.events import Bands
from park.operator import State
from park.readings import Float64, Int32, Int64
from stream.detectors.judging import Judged

WIDTH = 3_600_000  # ms
_WAIT = 300_000  # ms after its end that an hour is handed on: readings are on their way for so long
_COLUMNS: dict[str, Any] = {
    "start": np.int64,  # epoch ms of the hour that is open; 0: none
    "expected": np.float64,
    "low": np.float64,
    "high": np.float64,
    "score": np.float64,
    "learning": np.bool_,
}
_Row = dict[str, npt.NDArray[Any]]


class Drawn:
    """The open hour of each point, and hours that were over before the tick that hands them on."""

    def __init__(self) -> None:
        self._c: _Row = {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()}
        self._over: list[_Row] = []

    def grow(self, size: int) -> None:
        """Have at least so many points."""
        for name in self._c:
            self._c[name] = grown(self._c[name], size)

    def take(self, point: Int32, ts: Int64, bands: tuple[Float64, Float64, Float64], judged: Judged) -> None:
        """Take what was found of different points; an hour keeps what was usual at its first value."""
        c = self._c
        start = ts // WIDTH * WIDTH
        new = start > c["start"][point]
        if new.any():
            begun = point[new]
            full = begun[c["start"][begun] > 0]
            if len(full):
                self._over.append(self._rows(full))
            c["start"][begun] = start[new]
            for name, column in zip(("expected", "low", "high"), bands, strict=True):
                c[name][begun] = column[new]
            c["learning"][begun] = judged.learning[new]
            c["score"][begun] = 0.0
        now = start == c["start"][point]
        held = point[now]
        c["score"][held] = np.maximum(c["score"][held], judged.score[now])

    def _rows(self, points: npt.NDArray[Any]) -> _Row:
        return {"point": points.astype(np.int32), **{name: self._c[name][points] for name in _COLUMNS}}

    def closed(self, now: int) -> Bands | None:
        """Return the hours that are over by log time, by hour and point; None: none."""
        full = np.flatnonzero((self._c["start"] > 0) & (self._c["start"] + WIDTH + _WAIT <= now))
        parts = [*self._over, self._rows(full)] if len(full) else self._over
        if not parts:
            return None
        self._c["start"][full] = 0
        self._over = []
        rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((rows["point"], rows["start"]))
        rows = {name: column[order] for name, column in rows.items()}
        start = rows.pop("start")
        return Bands(rows.pop("point"), start, WIDTH, **rows)

    def snapshot(self) -> State:
        """Return copies of the columns."""
        state = {f"drawn_{name}": column.copy() for name, column in self._c.items()}
        empty = {"point": np.zeros(0, np.int32), **{n: np.zeros(0, k) for n, k in _COLUMNS.items()}}
        for name, none in empty.items():
            state[f"over_{name}"] = np.concatenate([none, *(part[name] for part in self._over)])
        return state

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        for name in self._c:
            kept = state[f"drawn_{name}"]
            self._c[name] = grown(kept.copy(), len(self._c[name]))
        over = {name: state[f"over_{name}"].copy() for name in ("point", *_COLUMNS)}
        self._over = [over] if len(over["point"]) else []
