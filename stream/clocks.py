"""Watch the clocks of devices: time of receipt against the time a device says.

A reading may be old for good reasons (a gateway that gathers, a network that was away), but nothing
honest lies in the future, and a device all of whose live readings are old has a slow clock. So a device
is told only after `hold` ms of nothing but wrong times, and cleared after `hold` ms of nothing but right
ones. A clock that is slow by less than a gateway may gather is told by its own past (`stream.ages`).
A device's readings go on as they are: where a clock is so far off that a reading would fall into another
day, the edge has put the time of receipt in its place already.
"""

from dataclasses import dataclass, field

import numpy as np

from park.directory import Directory, grown
from park.events import DeviceStatus, Reason, Status
from park.operator import Emit, State
from park.readings import Bool, Int64, Quality, ReadingBatch, Rows
from stream.ages import AgeRule, Ages


@dataclass(frozen=True, slots=True)
class ClockRule:
    """When a clock is wrong. Own figures: no standard names any for devices of this kind."""

    ahead: int = 60_000  # ms that a reading may lie in the future
    behind: int = 900_000  # ms that a live reading may be old: one quarter hour, the slowest gathering of meters
    hold: int = 600_000  # ms of nothing but wrong (right) times before a device is told (cleared)
    ages: AgeRule = field(default_factory=AgeRule)


class Clocks:
    """One clock a device; told once when it goes wrong, once when it is right again."""

    def __init__(self, directory: Directory, rule: ClockRule) -> None:
        self._directory = directory
        self._rule = rule
        # by device, receipt in epoch ms; 0: none
        self._since: Int64 = np.zeros(0, np.int64)  # of the first wrong time since the last right one
        self._wrong: Int64 = np.zeros(0, np.int64)  # of the last wrong time
        self._told: Bool = np.zeros(0, np.bool_)
        self._watched = False  # whether any device is under suspicion
        self._ages = Ages(directory, rule.ages)

    def grow(self, size: int) -> None:
        """Make room for devices."""
        self._since, self._wrong = grown(self._since, size), grown(self._wrong, size)
        self._told = grown(self._told, size, fill=False)
        self._ages.grow(size)

    def look(self, batch: ReadingBatch, point: Rows, present: Bool | None, emit: Emit) -> None:
        """Compare times of the rows that are `present` (None: all)."""
        rule = self._rule
        skew = batch.received - batch.ts + rule.ahead
        off = skew.view(np.uint64) > rule.ahead + rule.behind  # negative is huge
        device = self._directory.device[point]
        if present is None:
            self._ages.take(device, skew)
        else:
            replaced = batch.quality == Quality.WRONG_CLOCK  # by the time of receipt: they have no age
            own = np.flatnonzero(present & ~replaced)
            self._ages.take(device[own], skew[own])
            off |= replaced
            off &= present
        if not off.any() and not self._watched:
            return
        looked = off | (self._since[device] > 0) | self._told[device]
        if off.any():  # a device that goes wrong in this batch is watched from its first wrong row on
            looked |= np.isin(device, device[off])
        if present is not None:
            looked &= present
        for row in np.flatnonzero(looked).tolist():
            self._step(int(device[row]), bool(off[row]), int(batch.received[row]), emit)
        self._watched = bool((self._since > 0).any() or self._told.any())

    def _step(self, device: int, off: bool, at: int, emit: Emit) -> None:
        if off:
            self._wrong[device] = at
            if not self._since[device]:
                self._since[device] = at
            if not self._told[device] and at - self._since[device] >= self._rule.hold:
                self._told[device] = True
                if not self._ages.slow[device]:
                    emit(self._status(device, Status.WRONG_CLOCK, at, Reason.WRONG_CLOCK))
            return
        self._since[device] = 0
        if self._told[device] and at - self._wrong[device] >= self._rule.hold:
            self._told[device] = False
            if not self._ages.slow[device]:
                emit(self._status(device, Status.ONLINE, at, Reason.CLOCK_OK))

    def on_tick(self, now: int, emit: Emit) -> None:
        """Tell whose readings have been older than usual for hours, and whose no longer are."""
        slow, right = self._ages.over(now, self._told)
        for device in slow:
            if not self._told[device]:
                emit(self._status(device, Status.WRONG_CLOCK, now, Reason.WRONG_CLOCK))
        for device in right:
            if not self._told[device]:
                emit(self._status(device, Status.ONLINE, now, Reason.CLOCK_OK))

    def _status(self, device: int, status: Status, at: int, reason: Reason) -> DeviceStatus:
        row = self._directory.devices.get(device)
        return DeviceStatus(device, status, at, at, reason, row.park if row else 0)

    def snapshot(self) -> State:
        """Return copies of all state."""
        n = self._directory.device_size
        return {
            "clock_since": self._since[:n].copy(), "clock_wrong": self._wrong[:n].copy(),
            "clock_told": self._told[:n].copy(), **self._ages.snapshot(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._since, self._wrong = state["clock_since"].copy(), state["clock_wrong"].copy()
        self._told = state["clock_told"].copy()
        self._watched = bool((self._since > 0).any() or self._told.any())
        self._ages.restore(state)
