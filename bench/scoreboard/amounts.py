"""Faults put into use and counts by the hour: what a live park tells of them.

The detectors of use and of counts have labelled sets of their own (lead, dodgers), which ask what is marked on a
chart. Here the question is what a person hears of: the series of the injected faults that are use or counts, summed by
the hour as the live stage sums them, through the detector that the table of metrics gives them, at its own bar.
"""

from dataclasses import replace

import numpy as np

from bench.scoreboard.injected import distances, false_a_month, recall
from bench.scoreboard.injected_bases import HOUR, Base, bases, cases, counted
from bench.scoreboard.words import Figure
from park.operator import State
from park.readings import Float64, Int64, Rows
from stream.detectors.calendar import Calendar
from stream.detectors.judging import Judged
from stream.detectors.panel import NAMES, Panel
from stream.detectors.uses import use_of

_SEEDS = (1,)
_NOISE = 0.02
_USE = ("building", "office", "lead", "steel.use", "steel.reactive")
_COUNTS = ("street", "taxi")


class Alone:
    """The panel of detectors with series of one kind only, whose slots are their seats."""

    def __init__(self, name: str, calendar: Calendar) -> None:
        """Judge series of one of NAMES."""
        self._which, self._panel, self._used = NAMES.index(name), Panel(calendar), np.zeros(len(NAMES), np.int64)

    def grow(self, size: int) -> None:
        """Have at least so many series."""
        self._used[self._which] = size
        self._panel.grow(self._used)

    def judge(self, slot: Rows, ts: Int64, local: Int64, weekday: Int64, value: Float64) -> Judged:
        """Judge finite values by what came before them, then learn them."""
        which = np.full(len(slot), self._which, np.int8)
        return self._panel.judge(which, slot, slot, ts, local, weekday, value)

    def snapshot(self) -> State:
        """Return copies of all columns."""
        return self._panel.snapshot()

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        self._panel.restore(state, self._used)


def hourly(base: Base) -> Base:
    """Return a series summed by the hour."""
    hour, place = np.unique(base.ts // HOUR, return_inverse=True)
    return replace(base, ts=hour * HOUR, value=np.bincount(place, base.value).astype(np.float64))


def figures() -> list[Figure]:
    """Return recall and false episodes of use and of counts."""
    every = bases()
    out = []
    for word, metric, names in (("use", "energy_use", _USE), ("count", "people_in", _COUNTS)):
        some = [base for base in every if base.name.startswith(names)]
        some = [replace(b, value=counted(b.value)) if b.name.startswith("street") else b for b in some]
        made = cases([hourly(b) for b in some], _SEEDS, (True,))
        detector = Alone(use_of(metric).detector, Calendar("none"))
        rows = [np.flatnonzero(s >= 0) for s in distances(made, detector)]
        kinds = dict.fromkeys(case.fault.kind for case in made if case.fault and case.fault.kind != "missing")
        each = ", ".join(f"{kind} {recall(made, rows, plain=True, kind=kind):.2f}" for kind in kinds)
        out += [
            Figure(f"amounts.{word}_recall_plain", recall(made, rows, plain=True), _NOISE, "", "> 0.95", note=each),
            Figure(f"amounts.{word}_false_a_month", false_a_month(made, rows), 0.03, "", "< 0.2", up=False,
                   note=f"episodes a point-month on {len(some)} series without faults, by the hour"),
        ]  # fmt: skip
    return out
