"""Cut a batch so that no point occurs twice in a part."""

from collections.abc import Iterator

import numpy as np

from park.readings import Int32, Rows


def rounds(point: Int32 | Rows) -> Iterator[Rows]:
    """Yield rows of the batch, each point at most once a round, in order of arrival.

    Stages whose next state depends on the last one need this; sums and extremes do not (`np.add.at`
    and friends are cheaper). Most batches are a single round, told by a look at the sorted points.

    ```
    point   7 3 7 7 3        rows, round 0   0 1
    nth     0 0 1 2 1              round 1   2 4
                                   round 2   3
    ```
    """
    size = len(point)
    if not size:
        return
    by_point = np.argsort(point, kind="stable")
    ordered = point[by_point]
    first = np.empty(size, np.bool_)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    if first.all():
        yield np.arange(size)
        return
    place = np.arange(size)
    nth = place - np.maximum.accumulate(np.where(first, place, 0))
    by_round = np.argsort(nth, kind="stable")
    ends = np.cumsum(np.bincount(nth))
    for rows in np.split(by_point[by_round], ends[:-1]):
        rows.sort()
        yield rows
