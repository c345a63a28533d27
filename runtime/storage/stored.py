"""How many readings a store holds, by gateway and hour of receipt: the second count of the loss ledger."""

from collections import Counter

import numpy as np

from runtime.storage.hot import Array, Newest, entries
from runtime.storage.kinds import DAY, FIRST, RAW
from runtime.storage.memory import HOUR
from runtime.storage.runs import single
from runtime.storage.shelf import Shelf


def stored_by_hour(
    raw: Shelf, run: int, hot: dict[str, Array], newest: Array, gateways: Array, span: tuple[int, int]
) -> Counter[tuple[int, int]]:
    """Count the readings of some whole hours of receipt, epoch ms.

    `hot` are rows in memory, `newest` what `run` has on disk by point, `gateways` whose each point is.
    """
    start, end = span
    h = single(hot)
    counts: list[tuple[Array, Array, Array]] = [(h["point"], h["received"], np.ones(len(h["point"])))]
    # What a flush will find to be there already, the same or corrected, is counted there.
    old = np.flatnonzero(h["ts"] <= entries(newest, h["point"], Newest.NEVER))
    periods = RAW.periods(h["ts"][old])
    for period in np.unique(periods).tolist():
        rows = old[periods == period]
        rows = rows[raw.held(period, h["point"][rows], h["ts"][rows], run)["i"]]
        counts.append((h["point"][rows], h["received"][rows], -np.ones(len(rows))))
    counts += [raw.by_hour(period, start, end, run) for period in raw.files.periods(FIRST, end + 2 * DAY)]
    total: Counter[tuple[int, int]] = Counter()
    for point, received, number in counts:
        mine = (received >= start) & (received < end)
        hour, gateway = received[mine] // HOUR, entries(gateways, point[mine], 0)
        for at in np.unique(hour).tolist():
            of_hour = hour == at
            n = np.bincount(gateway[of_hour] + 1, number[mine][of_hour])  # -1: made by the stages
            for g in np.flatnonzero(n).tolist():
                total[g - 1, at * HOUR] += int(n[g])
    return +total
