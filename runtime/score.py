"""Run a live detector over one recorded series, row by row.

Nothing is known of a row but those before it: the sampling interval, the levels and the tails are learned
on the way, and while they are learned the score is 0. It is the code of the live stages, with one series.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np

from park.errors import UserError
from runtime.recordings import SHOWN, TIME, absent, cells_of, moment
from stream.detectors.calendar import NAMES as CALENDARS
from stream.detectors.calendar import Calendar
from stream.detectors.counts import Counts
from stream.detectors.energy import Energy
from stream.detectors.energy_register import RegisterUse
from stream.detectors.generic import Generic
from stream.detectors.judging import Detector

_MAKE: Mapping[str, Callable[[Calendar], Detector]] = MappingProxyType({
    "generic": Generic,
    "energy": Energy,
    "energy_total": Energy,
    "count": Counts,
    "temperature": Generic,
})  # fmt: skip
KINDS = tuple(_MAKE)
_DAY = 86_400_000
_ODD = 0.9  # score of a register reading that goes backwards, or farther than a meter can
_EAST = 8 * 3_600_000  # of a park day


def score_series(series: Path, time: str, value: str, out: Path, kind: str = "generic", calendar: str = "CN") -> None:
    """Write `timestamp,value,score,anomaly`, one row for each row of a series. Raises UserError with the line.

    `kind` is what the value is: energy = use per interval, energy_total = a register, count = events per
    interval (-1: missing). A time without offset is park time.
    """
    if kind not in KINDS:
        raise UserError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if calendar not in CALENDARS:
        raise UserError(f"calendar {calendar!r} is none of {', '.join(CALENDARS)}")
    judge = Judge(kind, calendar)
    rows = []
    for number, (stamp, text) in cells_of(series, (time, value)):
        at = moment(stamp, ZoneInfo("Asia/Shanghai"))
        if at is None:
            raise UserError(f"{series}: line {number}: {time} {stamp[:SHOWN]!r} is {TIME}")
        amount = _amount(text, kind)
        if amount is not None and not np.isfinite(amount):
            raise UserError(f"{series}: line {number}: {value} {text[:SHOWN]!r} is no number")
        score = judge.take(at, amount)
        if score is None:
            rows.append((stamp, text, "", 0))
        else:
            rows.append((stamp, text, repr(score[0]), int(score[1])))
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("timestamp", "value", "score", "anomaly"))
            writer.writerows(rows)
    except OSError as why:
        raise UserError(f"{out}: {why.strerror or why}") from why


def _amount(text: str, kind: str) -> float | None:
    """Return a value; None where it is missing; infinity where it cannot be read."""
    if absent(text):
        return None
    try:
        amount = float(text)
    except ValueError:
        return np.inf
    return None if kind == "count" and amount == -1 else amount


class Judge:
    """The detector of one series."""

    def __init__(self, kind: str, calendar: str = "CN") -> None:
        self._kind = kind
        self._calendar = Calendar(calendar)
        self._detector = _MAKE[kind](self._calendar)
        self._detector.grow(1)
        self._register = RegisterUse()
        self._learning = True

    def take(self, at: int, amount: float | None) -> tuple[float, bool] | None:
        """Return score and anomaly of a row; None where there is no value."""
        if amount is None:
            return None
        value = amount
        if self._kind == "energy_total":
            step = self._register.take(at, amount)
            if step.use is None:  # nothing is known of it, but perhaps that it does not follow from the one before
                return (_ODD, True) if step.odd and not self._learning else (0.0, False)
            value = step.use
        local = np.array([at + _EAST])
        weekday = self._calendar.like(local // _DAY)
        judged = self._detector.judge(np.zeros(1, np.intp), np.array([at]), local, weekday, np.array([value]))
        self._learning = bool(judged.learning[0])
        return float(judged.score[0]), bool(judged.notable[0])
