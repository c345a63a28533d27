"""What every detector of values answers, and the verbs of one: many series at once, rows by slot."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from park.events import Anomaly, Baseline
from park.operator import State
from park.readings import Bool, Float64, Int64, Rows
from stream.detectors.episodes import Spoken

KINDS: tuple[Anomaly, ...] = tuple(Anomaly)  # of columns that hold places in it
BASELINES: tuple[Baseline, ...] = tuple(Baseline)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a chart shows of values, columns by value."""

    score: Float64  # 0..1; from 0.5 on notable; 0 while learning
    notable: Bool
    learning: Bool
    expected: Float64  # in the unit of the values
    low: Float64  # of the usual band
    high: Float64


@dataclass(frozen=True, slots=True)
class Judged(Marks):
    """What was found of values, with what people may be told of; a notable one speaks for its episode."""

    rarity: Float64  # log10 of how many values are needed to see one like it
    kind: npt.NDArray[np.int64]  # place in KINDS
    baseline: npt.NDArray[np.int64]  # place in BASELINES
    rising: Bool  # upward or downward
    spoken: Spoken  # what it does to its episode
    parts: Float64 | None = None  # rarity by park.events.Statistic, [value, statistic]; None: there is but one
    moves: Float64 | None = None  # how far values are apart, of late or usually: the larger


class Detector(Protocol):
    """Learns many series and judges each value by those before it, never by those behind."""

    def grow(self, size: int) -> None:
        """Have at least so many slots."""

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Marks:
        """Judge finite values, one a slot, then learn them.

        `ts` is epoch ms and rises for each slot, `local` the same in ms of park time; `weekday` (0: Monday) the
        day whose habits count: a make-up Saturday is a Friday.
        """

    def snapshot(self) -> State:
        """Return copies of all columns."""

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot; slots are numbered as they were."""


class Teller(Detector, Protocol):
    """A detector that people are told by."""

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Judged:
        """Judge as every detector does."""
