"""Run the live streaming detector over one recorded series, row by row.

Nothing is known of a row but those before it: the sampling interval, the levels and the tails are learned
on the way, and while they are learned the score is 0.
"""

import csv
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from park.errors import UserError
from runtime.recordings import cells_of, moment
from stream.detectors.bands import HOURS, Bands
from stream.detectors.seasonal import steadied

KINDS = ("generic", "energy", "energy_total", "count", "temperature")
CALENDARS = ("CN", "none")
_HOUR = 3_600_000
_ABSENT = {"", "nan", "na", "null", "none"}


def score_series(series: Path, time: str, value: str, out: Path, kind: str = "generic", calendar: str = "CN") -> None:
    """Write `timestamp,value,score,anomaly`, one row for each row of a series. Raises UserError with the line.

    `kind` is what the value is: energy = use per interval, energy_total = a register, count = events per
    interval (-1: missing). A time without offset is park time.
    """
    if kind not in KINDS:
        raise UserError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if calendar not in CALENDARS:
        raise UserError(f"calendar {calendar!r} is none of {', '.join(CALENDARS)}")
    judge = Judge(kind)
    rows = []
    for number, (stamp, text) in cells_of(series, (time, value)):
        at = moment(stamp, ZoneInfo("Asia/Shanghai"))
        if at is None:
            raise UserError(f"{series}: line {number}: {time} {stamp!r} is no time")
        amount = _amount(text, kind)
        if amount is not None and not np.isfinite(amount):
            raise UserError(f"{series}: line {number}: {value} {text!r} is no number")
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
    text = text.strip()
    if text.lower() in _ABSENT:
        return None
    try:
        amount = float(text)
    except ValueError:
        return np.inf
    return None if kind == "count" and amount == -1 else amount


class Judge:
    """The detector of one series."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._bands = Bands()
        self._bands.grow(1)
        self._register: tuple[int, float] | None = None  # the last reading of a register
        self._pace = 0.0  # ms between rows, learned

    def take(self, at: int, amount: float | None) -> tuple[float, bool] | None:
        """Return score and anomaly of a row; None where there is no value."""
        if amount is None:
            return None
        value = amount
        if self._kind == "energy_total":
            use = self._use(at, amount)
            if use is None:
                return 0.0, False
            value = use
        if self._kind == "count":
            value = float(steadied(np.array([value]))[0])
        shift = 8 * _HOUR  # hours of the park's day; any fixed shift would do
        judged = self._bands.judge(
            np.zeros(1, np.intp), np.array([at]), np.array([(at + shift) // _HOUR % HOURS]), np.array([value])
        )
        return float(judged.score[0]), bool(judged.tells[0])

    def _use(self, at: int, reading: float) -> float | None:
        """Return the use since the last reading of a register, as if it had taken the usual time."""
        before, self._register = self._register, (at, reading)
        if before is None or at <= before[0]:
            return None
        gap, use = at - before[0], reading - before[1]
        usual = self._pace or gap
        self._pace = usual + 0.05 * (min(gap, 4 * usual) - usual)
        if use < 0:
            return None  # a rollover, a reset or another meter: no use is known
        return use * usual / gap
