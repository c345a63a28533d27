"""Amounts are judged by the hour: sums of the hours that are open, and hours that are over.

```
 rows of a point, in order of arrival      hour  9   9  10   9  10  11        open before: hour 9 with its sum
 hour that is open                               9   9  10  10  10  11
 counts in                                       x   x   x       x   x        the fourth came after its hour was over
 an hour is over                                         9          10
```
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.readings import Float64, Int32, Int64, Rows

_SPAN = 2**42  # more than there are hours in an epoch time of 64 bits


@dataclass(frozen=True, slots=True)
class Ended:
    """Hours that are over and were seen from their beginning, by the row that begins the next; points in order."""

    row: Rows
    hour: Int64  # of park time
    total: Float64


def add_to_hours(c: Mapping[str, npt.NDArray[Any]], point: Int32, hour: Int64, value: Float64) -> Ended:
    """Add rows to the open hours of their points; return the hours that this ends.

    `c` holds by point the hour that is open (0: none), its sum, and whether it was seen as a whole; all are changed.
    """
    order = np.argsort(point, kind="stable")
    point, hour, value = point[order], hour[order], value[order]
    first = np.empty(len(point), np.bool_)
    first[0] = True
    np.not_equal(point[1:], point[:-1], out=first[1:])
    begin = np.flatnonzero(first)
    held = c["open"][point[begin]]
    largest = hour.copy()
    largest[begin] = np.maximum(hour[begin], held)
    place = (np.cumsum(first) - 1) * _SPAN  # so that no point's hours reach into the next one's
    largest = np.maximum.accumulate(largest + place) - place
    before = np.empty_like(largest)
    before[1:] = largest[:-1]
    before[begin] = held
    begins = largest > before
    # A cell is an hour of a point; the first is the one that is held, where it goes on.
    opens = first | begins
    cell = np.cumsum(opens) - 1
    at = np.flatnonzero(opens)
    goes_on = ~begins[at]
    held_sum, held_whole = c["sum"][point[at]], c["whole"][point[at]]
    total = np.where(goes_on, held_sum, 0.0)
    whole = np.where(goes_on, held_whole, before[at] > 0)
    now = hour == largest
    np.add.at(total, cell[now], value[now])
    over = np.flatnonzero(begins)
    own = first[over]  # what ends is the hour that was held
    ended = cell[over]
    seen = np.where(own, held_whole[ended], whole[ended - 1])
    sums = np.where(own, held_sum[ended], total[ended - 1])
    last = np.append(begin[1:], len(point)) - 1
    c["open"][point[last]] = largest[last]
    c["sum"][point[last]], c["whole"][point[last]] = total[cell[last]], whole[cell[last]]
    return Ended(order[over[seen]], before[over[seen]], sums[seen])
