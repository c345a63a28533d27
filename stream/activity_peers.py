"""Enterprises that are idle since before anybody measured them: held against others, for they have no past.

```
 use a m2      against the median of its trade in the park (three others, else all of the park)   <= 30 %
 people, water a head, against the median of the park                                              <= 15 %, all known
 fifteen workdays of it, no paper on file ──> a lead, once
```
One that worked when it was measured first has a past, and the ladder is its judge. Use alone says little (a
workshop may need hardly any), so another signal must be silent, too (domain rule book 2.3: a suspicion needs
papers to be absent and one other signal). Numbers marked I are ours; the rest carry their source.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from park.readings import Bool, Float64, Rows
from stream.activity_columns import Columns, Fields
from stream.activity_ladder import FEEDS
from stream.activity_ladder import State as Observed

LEARN = 20  # I: workdays that its mean is made of
LOW = 0.30  # O R1: works above 30 %; here of its peers' use
QUIET = 0.15  # I: as for a feed against its own past
OVER = 0.50  # I: of its peers' use, from which it may be told anew
RUN = 15  # V R4: workdays in a row
PEERS, PARK = 3, 5  # I: fewer others are no trade, no park
_WATCHED = [0, *(1 + FEEDS.index(name) for name in ("people_in", "water_use"))]  # use, then what must be silent
_COLUMNS: Fields = {
    "mean": (np.float64, (len(_WATCHED),), np.nan),  # of a workday: use, then feeds
    "days": (np.int32, (len(_WATCHED),), 0),
    "run": (np.int32, (), 0),  # workdays in a row on which it was low
    "told": (np.bool_, (), 0),
}


@dataclass(frozen=True, slots=True)
class Lead:
    """An enterprise that uses little for what it is."""

    row: int  # of those asked about
    use: float  # a workday and m2
    peers: float  # their median
    others: int
    trade: bool  # these are of its trade; else of its park


class Peers:
    """Usual workdays of enterprises, by slot."""

    def __init__(self) -> None:
        self.columns = Columns("peers", _COLUMNS)
        self.c = self.columns.c

    def step(
        self, rows: Rows, amounts: Float64, works: Bool, state: npt.NDArray[np.uint8], size: Float64,
        groups: Sequence[tuple[int, str]],
    ) -> list[Lead]:  # fmt: skip
        """Look at a day; return who has become low, each once.

        `amounts` (row, use and FEEDS): of the day, nan where not known; `works`: rows whose workday it is, and nothing
        on file explains; `state`: as the ladder has it: who stopped has a past that speaks; `size` (row, m2 and
        heads): 0 where not known; `groups`: park and trade.
        """
        c, day, idle = self.c, amounts[:, _WATCHED], state >= Observed.STOPPED
        known = works[:, None] & ~np.isnan(day)
        days, mean = c["days"][rows] + known, c["mean"][rows]
        old = np.where(np.isnan(mean), day, mean)
        mean = np.where(known, old + (day - old) / np.clip(days, 1, LEARN), mean)
        c["days"][rows], c["mean"][rows] = days, mean
        by = size[:, [0] + [1] * (len(_WATCHED) - 1)]
        share = np.where((days >= LEARN) & (by > 0), mean / np.where(by > 0, by, 1.0), np.nan)
        ratio, peers, others, trade = _against(share, groups)
        low = works & ~idle & (ratio[:, 0] <= LOW) & _silent(ratio[:, 1:])
        today = (
            np.nan_to_num(day[:, 0]) <= LOW * np.nan_to_num(peers) * size[:, 0]
        )  # a visit neither counts nor ends it
        run = np.where(low, c["run"][rows] + today, np.where(works, 0, c["run"][rows]))
        c["run"][rows] = run
        c["told"][rows] &= ~(ratio[:, 0] > OVER)
        new = low & (run >= RUN) & ~c["told"][rows]
        c["told"][rows[new]] = True
        return [
            Lead(i, float(share[i, 0]), float(peers[i]), int(others[i]), bool(trade[i]))
            for i in np.flatnonzero(new).tolist()
        ]


def _silent(ratio: Float64) -> Bool:
    """Return where some feed is known, and all that are known are silent."""
    known = ~np.isnan(ratio)
    silent: Bool = np.all(~known | (ratio <= QUIET), axis=1) & known.any(axis=1)
    return silent


def _against(share: Float64, groups: Sequence[tuple[int, str]]) -> tuple[Float64, Float64, npt.NDArray[np.int64], Bool]:
    """Return each row's shares of its peers' medians (nan: no peers), these of use, how many, whether of its trade."""
    n = len(share)
    ratio, peers = np.full(share.shape, np.nan), np.full(n, np.nan)
    others, trade = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    parks: dict[int, list[int]] = {}
    trades: dict[tuple[int, str], list[int]] = {}
    for i, group in enumerate(groups):
        parks.setdefault(group[0], []).append(i)
        trades.setdefault(group, []).append(i)
    for i, group in enumerate(groups):
        mine = [j for j in trades[group] if j != i and not np.isnan(share[j, 0])] if group[1] else []
        trade[i] = len(mine) >= PEERS
        near = [j for j in parks[group[0]] if j != i]
        for k in range(share.shape[1]):
            some = share[mine if k == 0 and trade[i] else near, k]
            some = some[~np.isnan(some)]
            middle = float(np.median(some)) if len(some) >= (PEERS if k == 0 and trade[i] else PARK) else 0.0
            if middle > 0:
                ratio[i, k] = share[i, k] / middle
                if k == 0:
                    peers[i], others[i] = middle, len(some)
    return ratio, peers, others, trade
