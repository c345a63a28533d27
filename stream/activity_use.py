"""Use at hours that were never used: living in the plant, a second tenant's night shift, another trade.

What an enterprise uses from 20 to 06 h is held against its own past nights. Group-rented flats were found by little
use by day and a jump after 20:00 (domain rule book 2.4, V R3); rising night and weekend use is the ledger's signal for
them. A night is held against nights of its kind of day (workday, Saturday, Sunday), for a share of the day's use says
little: an office that is empty on Saturdays uses most of a Saturday at night. Its nights' kWh are the steadiest thing a
firm has, so a rise of them is seen however its days go. A stop raises the night's share as well, and a busier trade its
use: so the night must have risen by more than the day, and the day's total must not have fallen. Holidays and the
festival's weeks are left out. Numbers marked I are ours.
"""

from dataclasses import dataclass

import numpy as np

from park.events import Reason
from park.readings import Bool, Float64, Int64, Rows
from stream.activity_columns import Columns, Fields

LEARN, LEARN_KIND = 20, 3  # I: days, and of the same kind, before anything is said
SPREADS = 4.0  # I: usual deviations by which a night is unlike
MORE = 1.3  # I: times the usual use of its nights: heating, a pump and a sign are less
RISE = 0.12  # I: of a usual workday's use; a lamp that is left on is less
WHOLE = 0.7  # I: of the usual day; below it the night says nothing
NIGHTS, OF = 10, 14  # I: nights of fourteen known days
FLAT_BEFORE, FLAT_NOW = 0.6, 0.85  # I: 02-05 h against the day's mean: worked round the clock now, and not before
_RATE = (1 / 40, 1 / 12, 1 / 12)  # I: of learning, by kind of day: two months of workdays, a quarter of Sundays
_FAR = 3.0  # I: usual deviations beyond which a night is learned as no farther
_SURE = 0.05  # I: of the usual night; a deviation is never held for less
_MOST = 2.0  # I: times the usual day; what is more is learned as so much
_KINDS = 3
_COLUMNS: Fields = {
    "night": (np.float32, (_KINDS,), np.nan),  # usual use from 20 to 06 h, by kind of day
    "away": (np.float32, (_KINDS,), 0.0),  # usual deviation from it
    "day": (np.float32, (_KINDS,), np.nan),  # usual use of the other hours
    "seen": (np.int32, (_KINDS,), 0),
    "flat": (np.float32, (), np.nan),  # usual 02-05 h of workdays against the day's mean
    "bits": (np.int32, (), 0),  # the last fourteen days that are known: 1 unlike
    "lately": (np.float32, (), np.nan),  # share of the night
    "told": (np.bool_, (), 0),
}


@dataclass(frozen=True, slots=True)
class Found:
    """An enterprise whose nights are unlike its past."""

    row: int  # of those asked about
    reason: Reason
    share: float  # of the last nights
    usual: float
    bound: float  # above which a night is unlike


def kinds_of(weekday: Int64) -> Int64:
    """Return the kind of a weekday (0: Monday): 0 workday, 1 Saturday, 2 Sunday."""
    kind: Int64 = np.maximum(weekday - 4, 0)
    return kind


class Uses:
    """Nights, by slot."""

    def __init__(self) -> None:
        self.columns = Columns("use", _COLUMNS)
        self.c = self.columns.c

    def step(self, rows: Rows, kind: Int64, dark: Float64, flat: Float64, amount: Float64, known: Bool) -> list[Found]:
        """Look at a day; return the enterprises whose nights have become unlike, each once.

        `kind`: of the day (`kinds_of`); `dark`: share of use from 20 to 06 h; `flat`: 02-05 h against the day's mean;
        nan: cannot be said.
        """
        c = self.c
        seen = known & ~np.isnan(dark) & (amount > 0)
        rows, kind, dark, flat, amount = rows[seen], kind[seen], dark[seen], flat[seen], amount[seen]
        where = np.flatnonzero(seen)
        night, rest = dark * amount, (1 - dark) * amount
        usual, by_day = c["night"][rows, kind].astype(np.float64), c["day"][rows, kind].astype(np.float64)
        busier = np.maximum(1.0, rest / np.maximum(by_day, 1e-9))
        away = np.maximum(c["away"][rows, kind], _SURE * usual)
        bound = (
            np.maximum(np.maximum(MORE * usual, usual + SPREADS * away), usual + RISE * self._workday(rows)) * busier
        )
        learned = (c["seen"][rows].sum(axis=1) >= LEARN) & (c["seen"][rows, kind] >= LEARN_KIND)
        whole = ~(amount < WHOLE * (usual + by_day))
        unlike = learned & whole & (night > bound)
        told = rows[learned]
        c["bits"][told] = (c["bits"][told] << 1 | unlike[learned]) & ((1 << OF) - 1)
        nights = np.bitwise_count(c["bits"][rows])
        lately = c["lately"][rows]
        c["lately"][rows] = np.where(np.isnan(lately), dark, lately + (dark - lately) / 7)
        found = unlike & (nights >= NIGHTS) & ~c["told"][rows]
        c["told"][rows[found]] = True
        c["told"][rows[learned & (nights == 0)]] = False  # over: the next time is told again
        wrong = ~whole & (c["seen"][rows, kind] <= LEARN_KIND)  # what came first was not usual
        c["seen"][rows[wrong], kind[wrong]] = 0
        learn = wrong | (~unlike & whole & (nights < NIGHTS // 2))
        self._learn(rows[learn], kind[learn], night[learn], rest[learn], flat[learn])
        return [
            Found(
                int(where[i]),
                Reason.OTHER_SHAPE if c["flat"][rows[i]] <= FLAT_BEFORE and flat[i] >= FLAT_NOW else Reason.NIGHT_USE,
                float(c["lately"][rows[i]]),
                float(usual[i] / (usual[i] + by_day[i])),
                float(min(bound[i] / amount[i], c["lately"][rows[i]])),
            )
            for i in np.flatnonzero(found).tolist()
        ]

    def _workday(self, rows: Rows) -> Float64:
        """Return the use of a usual workday; of a usual day of rest, where no workday was seen."""
        both = self.c["night"][rows] + self.c["day"][rows]
        first: Float64 = np.where(np.isnan(both[:, 0]), np.nan_to_num(both).max(axis=1), both[:, 0]).astype(np.float64)
        return first

    def _learn(self, rows: Rows, kind: Int64, night: Float64, rest: Float64, flat: Float64) -> None:
        c = self.c
        n = c["seen"][rows, kind] + 1
        c["seen"][rows, kind] = n
        rate = np.maximum(1 / n, np.array(_RATE)[kind])
        usual, away = c["night"][rows, kind].astype(np.float64), c["away"][rows, kind].astype(np.float64)
        usual = np.where(n == 1, night, usual)
        far = _FAR * np.maximum(away, _SURE * usual)
        error = np.where(n > LEARN_KIND, np.clip(night - usual, -far, far), night - usual)
        c["night"][rows, kind] = usual + error * rate
        c["away"][rows, kind] = away + (np.abs(error) - away) * rate
        by_day = np.where(n == 1, rest, c["day"][rows, kind].astype(np.float64))
        rest = np.where(n > LEARN_KIND, np.minimum(rest, _MOST * by_day), rest)
        c["day"][rows, kind] = by_day + (rest - by_day) * rate
        work = (kind == 0) & ~np.isnan(flat)
        at, old = rows[work], c["flat"][rows[work]].astype(np.float64)
        c["flat"][at] = np.where(np.isnan(old), flat[work], old + (flat[work] - old) * rate[work])
