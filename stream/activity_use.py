"""Use at hours that were never used: living in the plant, a second tenant's night shift, another trade.

An enterprise's share of use from 20 to 06 h is held against its own past. Group-rented flats were found by
little use by day and a jump after 20:00 (domain rule book 2.4, V R3); rising night and weekend shares are its
signals for the ledger. A stop raises the night's share as well, for what is left is standing load: so the
night's use itself must have risen, and the day's total must not have fallen. Only days that used to be
workdays count: of a day of rest the night is most anyhow. Numbers marked I are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import grown
from park.events import Reason
from park.operator import State
from park.readings import Bool, Float64, Rows

LEARN = 20  # I: workdays before anything is said
RISE, SPREADS = 0.12, 4.0  # I: of share, and of usual deviations, by which a night is unlike
MORE = 1.3  # I: times the usual use of its nights
WHOLE = 0.7  # I: of the usual day; below it the share says nothing
NIGHTS, OF = 10, 14  # I: nights of fourteen workdays
FLAT_BEFORE, FLAT_NOW = 0.6, 0.85  # I: 02-05 h against the day's mean: worked round the clock now, and not before
_COLUMNS: Mapping[str, tuple[Any, float]] = {
    "share": (np.float32, np.nan),  # usual share of the night
    "spread": (np.float32, 0.0),  # usual deviation from it
    "energy": (np.float32, np.nan),  # usual use of a night
    "flat": (np.float32, np.nan),  # usual 02-05 h against the day's mean
    "days": (np.int32, 0),
    "bits": (np.int32, 0),  # the last fourteen workdays: 1 unlike
    "lately": (np.float32, np.nan),
    "told": (np.bool_, 0),
}


@dataclass(frozen=True, slots=True)
class Found:
    """An enterprise whose nights are unlike its past."""

    row: int  # of those asked about
    reason: Reason
    share: float  # of the last nights
    usual: float
    bound: float  # above which a night is unlike


class Uses:
    """Shares of nights, by slot."""

    def __init__(self) -> None:
        self.c: dict[str, npt.NDArray[Any]] = {n: np.full(0, fill, kind) for n, (kind, fill) in _COLUMNS.items()}

    def grow(self, size: int) -> None:
        """Make room for enterprises."""
        for name, (_, fill) in _COLUMNS.items():
            self.c[name] = grown(self.c[name], size, fill)

    def forget(self, slot: int) -> None:
        """Begin anew: other meters make it."""
        for name, (_, fill) in _COLUMNS.items():
            self.c[name][slot] = fill

    def step(
        self, rows: Rows, dark: Float64, flat: Float64, amount: Float64, ratio: Float64, judged: Bool
    ) -> list[Found]:
        """Look at a day; return the enterprises whose nights have become unlike, each once.

        `dark`: share of use from 20 to 06 h; `flat`: 02-05 h against the day's mean; nan: cannot be said.
        """
        c = self.c
        seen = judged & ~np.isnan(dark) & (amount > 0)
        rows, dark, flat, amount, ratio = rows[seen], dark[seen], flat[seen], amount[seen], ratio[seen]
        where = np.flatnonzero(seen)
        share, days = c["share"][rows], c["days"][rows]
        bound = share + np.maximum(RISE, SPREADS * c["spread"][rows])
        energy = dark * amount
        learned = days >= LEARN
        unlike = learned & (dark > bound) & (energy > MORE * c["energy"][rows]) & (ratio >= WHOLE)
        c["bits"][rows] = (c["bits"][rows] << 1 | unlike) & ((1 << OF) - 1)
        nights = np.bitwise_count(c["bits"][rows])
        lately = c["lately"][rows]
        c["lately"][rows] = np.where(np.isnan(lately), dark, lately + (dark - lately) / 7)
        found = learned & (nights >= NIGHTS) & ~c["told"][rows]
        c["told"][rows[found]] = True
        c["told"][rows[learned & (nights == 0)]] = False  # over: the next time is told again
        learn = ~unlike & (nights < NIGHTS // 2) & (ratio >= WHOLE)
        self._learn(rows[learn], dark[learn], flat[learn], energy[learn])
        return [
            Found(
                int(where[i]),
                Reason.OTHER_SHAPE
                if c["flat"][rows[i]] <= FLAT_BEFORE and flat[i] >= FLAT_NOW
                else Reason.NIGHT_USE,
                float(c["lately"][rows[i]]), float(share[i]), float(bound[i]),
            )
            for i in np.flatnonzero(found).tolist()
        ]  # fmt: skip

    def _learn(self, rows: Rows, dark: Float64, flat: Float64, energy: Float64) -> None:
        c = self.c
        c["days"][rows] += 1
        rate = 1 / np.clip(c["days"][rows], 1, 40)
        for name, value in (("share", dark), ("energy", energy), ("flat", flat)):
            old = c[name][rows]
            known = np.where(np.isnan(old), value, old)
            c[name][rows] = np.where(np.isnan(value), old, known + (value - known) * rate)
        c["spread"][rows] += (np.abs(dark - c["share"][rows]) - c["spread"][rows]) * rate

    def snapshot(self, size: int) -> State:
        """Return copies of the first rows."""
        return {f"use_{name}": column[:size].copy() for name, column in self.c.items()}

    def restore(self, state: State) -> None:
        """Take the rows of an earlier `snapshot`."""
        for name in _COLUMNS:
            size = len(state[f"use_{name}"])
            self.grow(size)
            self.c[name][:size] = state[f"use_{name}"]
