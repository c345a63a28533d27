"""Findings of one cause are one episode, with a beginning and an end.

An episode opens when a rarity passes CALM and is over after half a day below it. Inside one, only a value
that is AGAIN times worse than all before speaks. What spoke often of late must be rarer to speak again (an
alarm budget that each series sets itself), and so must what spoke at this hour of the day before: a habit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.operator import State
from park.readings import Bool, Float64, Int64, Rows

NOTABLE = 3.6  # log10 of values: one of 4,000. Chosen on injected faults and public series: docs/detection.md
CALM, AGAIN = 2.0, 1.15
APART = 1.5  # times the rarity of all before: within an episode, something else has happened
QUIET_MINUTES, QUIET_LEAST, QUIET_MOST = 720.0, 8, 64  # an episode ends after half a day, within so many values
STANDS = 3 * 86_400_000  # ms for which an episode is one thing that happened; then it is how things are
PAST = 6  # episodes that are remembered
_BUDGET, _HALF_LIFE = 0.05, 8_000.0  # for each of late; values
_HABIT, _NEAR, _TOO_NEAR, _FAR = 0.5, 90, 720, 14 * 1_440  # for each at this hour; minutes
_DAY = 1_440
_NONE = -(2**31)

_COLUMNS: dict[str, Any] = {
    "quiet": np.int16,  # values left of an episode; 0: none
    "worst": np.float32,
    "spent": np.float32,  # how often it spoke, fading
    "loud": np.int16,  # values left of what a person may be told of; 0: nothing
    "since": np.int64,  # epoch ms: its first notable value
    "until": np.int64,  # and its newest
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What values do to the episodes of their slots."""

    score: Float64  # rarity less budget and habit
    speaks: Bool  # opens an episode, or is worse than all of it
    notable: Bool  # speaks, beyond NOTABLE
    over: Bool  # an episode has ended with this value: half a day of values were not notable
    open: Bool  # an episode is under way, or began with this value
    since: Int64  # epoch ms of its first value, where one is open or over
    until: Int64  # of its newest


class Episodes:
    """Open episodes, and the last few, of many series."""

    def __init__(self) -> None:
        self.c: dict[str, npt.NDArray[Any]] = {n: np.zeros(0, kind) for n, kind in _COLUMNS.items()}
        self.past: npt.NDArray[np.int32] = np.full((0, PAST), _NONE, np.int32)  # minutes of park time

    def grow(self, size: int) -> None:
        """Have so many slots."""
        more = size - len(self.past)
        for name, column in self.c.items():
            self.c[name] = np.concatenate([column, np.zeros(more, column.dtype)])
        self.past = np.concatenate([self.past, np.full((more, PAST), _NONE, np.int32)])

    def take(self, slot: Rows, ts: Int64, local: Int64, step: Float64, rarity: Float64) -> Spoken:
        """Judge rarities, one a slot, at times in epoch ms and in ms of park time; `step`: minutes between values."""
        c = self.c
        minute = local // 60_000
        quiet = c["quiet"].take(slot)
        worst, spent = c["worst"].take(slot).astype(np.float64), c["spent"].take(slot).astype(np.float64)
        score = rarity - _BUDGET * spent
        stirs = score > CALM
        if stirs.any():
            some = np.flatnonzero(stirs)
            score[some] -= _HABIT * self._habit(slot[some], minute[some])
            stirs = score > CALM
        was_open = quiet > 0
        speaks = stirs & (~was_open | (score > AGAIN * worst))
        notable = speaks & (score >= NOTABLE)
        enough = np.clip(QUIET_MINUTES / np.maximum(step, 1.0), QUIET_LEAST, QUIET_MOST)
        left = np.where(stirs, enough.astype(np.int64), np.maximum(quiet - 1, 0))
        c["quiet"][slot] = left
        c["worst"][slot] = np.where(speaks, score, np.where(left > 0, worst, 0))
        c["spent"][slot] = spent * 0.5 ** (1 / _HALF_LIFE) + notable
        first = np.flatnonzero(notable & (~was_open | (worst < NOTABLE)))
        if len(first):
            self.past[slot[first], 1:] = self.past[slot[first], :-1]
            self.past[slot[first], 0] = minute[first]
        # What a person is told reaches from the first to the last notable rarity: a series stirs every few hours.
        loud = score >= NOTABLE
        stood = c["loud"].take(slot)
        stands = np.where(loud, enough.astype(np.int64), np.maximum(stood - 1, 0))
        c["loud"][slot] = stands
        if loud.any():
            some = slot[loud]
            c["since"][some] = np.where((stood == 0) | (score > APART * worst), ts, c["since"][slot])[loud]
            c["until"][some] = ts[loud]
        return Spoken(
            score, speaks, notable, (stood > 0) & (stands == 0), stands > 0, c["since"].take(slot),
            c["until"].take(slot),
        )  # fmt: skip

    def standing(self, slot: Rows, ts: Int64) -> Bool:
        """Return where something notable has been under way, for no more than STANDS."""
        c = self.c
        stands: Bool = (c["loud"].take(slot) > 0) & (ts - c["since"].take(slot) < STANDS)
        return stands

    def _habit(self, slot: Rows, minute: Int64) -> Float64:
        """Return how many remembered episodes began about this hour of another day."""
        past = self.past[slot].astype(np.int64)
        age = minute[:, None] - past
        apart = age % _DAY
        near = np.minimum(apart, _DAY - apart) < _NEAR
        like: Float64 = (near & (age > _TOO_NEAR) & (age < _FAR)).sum(axis=1).astype(np.float64)
        return like

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"episode_{n}": column.copy() for n, column in [*self.c.items(), ("past", self.past)]}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""
        size = len(self.past)
        for name in self.c:
            self.c[name] = state[f"episode_{name}"].copy()
        self.past = state["episode_past"].copy()
        if len(self.past) < size:
            self.grow(size)
