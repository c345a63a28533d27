"""Values that did not come while their device went on speaking: a channel that fell out.

A device that falls silent as a whole is told by device health, once; here is only what nobody else sees. It
is told when values come again, with the time that is missing.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import Anomaly, Baseline, Finding, Reason, Severity
from park.operator import State
from park.readings import Int32, Int64

STEPS = 6  # that are missed at least: some are lost on every wire
LEAST = 2 * 3_600_000  # ms
_MINUTE = 60_000
_SCORE = 0.6  # notable


class Gaps:
    """When each point was judged last, and when each device spoke last and before that."""

    def __init__(self) -> None:
        self._c: dict[str, npt.NDArray[Any]] = {n: np.zeros(0, np.int64) for n in ("point", "device", "before")}

    def grow(self, points: int, devices: int) -> None:
        """Have so many of them."""
        self._c["point"] = grown(self._c["point"], points)
        for name in ("device", "before"):
            self._c[name] = grown(self._c[name], devices)

    def take(self, d: Directory, point: Int32, ts: Int64, at: Int64, step: Int64) -> Iterator[tuple[int, Finding]]:
        """Yield (row, finding) of different points that were missing; `step` is ms between their values."""
        c = self._c
        last, device = c["point"][point], d.device[point]
        long = (last > 0) & (ts - last >= np.maximum(STEPS * step, LEAST))
        if long.any():
            # What the device said with this very message does not count: it may have been silent as well.
            newest, before = c["device"][device], c["before"][device]
            heard = np.where(newest < ts - step, newest, before)
            for i in np.flatnonzero(long & (heard > last + step)).tolist():
                p, since, until = int(point[i]), int(last[i]), int(ts[i])
                yield i, Finding(
                    "anomaly", p, until, int(at[i]), Severity.LOW, Reason.UNUSUAL, score=_SCORE,
                    device=int(d.device[p]), place=int(d.place[p]), park=int(d.park[p]),
                    episode=f"anomaly/{p}/{since}", since=since, until=until, anomaly=Anomaly.MISSING,
                    baseline=Baseline.PACE, times=float(ts[i] - last[i]) / float(step[i]),
                )  # fmt: skip
        c["point"][point] = np.maximum(last, ts)
        further = ts >= c["device"][device] + _MINUTE
        moved = device[further]
        c["before"][moved] = c["device"][moved]
        np.maximum.at(c["device"], device, ts)

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"gap_{name}": column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        for name in self._c:
            self._c[name] = grown(state[f"gap_{name}"].copy(), len(self._c[name]))
