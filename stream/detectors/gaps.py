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
from park.readings import Int32, Int64, Rows

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
        """Yield (row, finding) of what was missing, for rows as they came; `step` is ms between values of its point."""
        c, device = self._c, d.device[point]
        last, heard = _before(point, ts, c["point"]), self._heard(device, ts, step)
        long = (last > 0) & (ts - last >= np.maximum(STEPS * step, LEAST))
        for i in np.flatnonzero(long & (heard > last + step)).tolist():
            p, since, until = int(point[i]), int(last[i]), int(ts[i])
            yield i, Finding(
                "anomaly", p, until, int(at[i]), Severity.LOW, Reason.UNUSUAL, score=_SCORE,
                device=int(d.device[p]), place=int(d.place[p]), park=int(d.park[p]),
                episode=f"anomaly/{p}/{since}", since=since, until=until, anomaly=Anomaly.MISSING,
                baseline=Baseline.PACE, times=float(ts[i] - last[i]) / float(step[i]),
            )  # fmt: skip
        np.maximum.at(c["point"], point, ts)
        np.maximum.at(c["device"], device, ts)

    def _heard(self, device: Int32, ts: Int64, step: Int64) -> Int64:
        """Return when each row's device had spoken before; remember what it spoke before its newest.

        What it said with the row's very message does not count: it may have been silent as well.
        """
        c, row = self._c, np.arange(len(ts))
        newest = _before(device, ts, c["device"])
        by = np.argsort(device, kind="stable")
        ordered, known = device[by], newest[by]
        start = _starts(ordered)
        # The newest such row up to each: there the device spoke a minute later than ever before.
        further = np.maximum.accumulate(np.where(ts[by] >= known + _MINUTE, row, -1))
        earlier = np.concatenate(([-1], further[:-1]))
        before = np.empty_like(newest)
        before[by] = np.where(earlier >= start, known[earlier], c["before"][ordered])
        ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True]))
        moved = ends[further[ends] >= start[ends]]
        c["before"][ordered[moved]] = known[further[moved]]
        heard: Int64 = np.where(newest < ts - step, newest, before)
        return heard

    def snapshot(self) -> State:
        """Return copies of the columns."""
        return {f"gap_{name}": column.copy() for name, column in self._c.items()}

    def restore(self, state: State) -> None:
        """Take the columns of an earlier snapshot."""
        for name in self._c:
            self._c[name] = grown(state[f"gap_{name}"].copy(), len(self._c[name]))


def _starts(ordered: Int32) -> Rows:
    """Return where each row's run of equal keys begins."""
    row = np.arange(len(ordered))
    begins = np.append([True], ordered[1:] != ordered[:-1])
    starts: Rows = np.maximum.accumulate(np.where(begins, row, 0))
    return starts


def _before(key: Int32, ts: Int64, reached: Int64) -> Int64:
    """Return the newest time of each row's key before that row: of the rows above it, or as it was `reached`."""
    by = np.argsort(key, kind="stable")
    ordered, time = key[by], ts[by]
    start = _starts(ordered)
    least = int(time.min())
    # Each run lies above the run before it, so that one maximum over all of them is one of each.
    shift = start * (int(time.max()) - least + 1)
    top = np.maximum.accumulate(time - least + shift)
    above = np.concatenate(([least], top[:-1] - shift[1:] + least))
    own = np.where(start == np.arange(len(by)), 0, above)
    newest = np.empty_like(ts)
    newest[by] = np.maximum(own, reached[ordered])
    return newest
