"""Three phases, and the power factor of a month: figures of a meter that no single reading tells.

Arrival-ordered by minutes of log time: each phase's mean of what was received in a minute, judged at the
tick that ends it. A figure needs all three phases in that minute.

- Voltage unbalance is V2/V1, the magnitudes of negative and positive sequence (GB/T 15543). From phase
  voltages 120 degrees apart V2/V1 = sqrt(a2 + b2 + c2 - ab - bc - ca) / (a + b + c): 230/220/210 V give
  2.62 %, where the common (max - min) / mean gives 9.1 %. From line voltages
  L = (a4 + b4 + c4) / (a2 + b2 + c2)2, V2/V1 = sqrt((1 - r) / (1 + r)) with r = sqrt(3 - 6 L).
- Current unbalance is (max - min) / max (SD 292).
- The power factor of a month is its active over its apparent energy, from minutes of power and power factor,
  as the grid company's bill has it from kWh and kvarh.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from park.directory import Directory
from park.events import Reason
from park.operator import Emit, State
from park.readings import Float64, Int64, Quality, ReadingBatch
from park.records import Config, LimitRow
from stream.holding import Holding, bounds, of_device
from stream.months import month_of
from stream.scopes import MINUTE, chain, fitting, offset_of

VERSION = 1
_MEASURES = ("voltage_unbalance", "current_unbalance", "power_factor_month")
_PHASE, _LINE, _CURRENT, _POWER = range(4)
_CHANNELS = {
    **{("voltage", c): (_PHASE, i) for i, c in enumerate("abc")},
    **{("voltage", c): (_LINE, i) for i, c in enumerate(("ab", "bc", "ca"))},
    **{("current", c): (_CURRENT, i) for i, c in enumerate("abc")},
    ("power", ""): (_POWER, 0), ("power_factor", ""): (_POWER, 1),
}  # fmt: skip
_WIDTH = 3  # places of a group
_LEAST_DAYS = 3  # of a month, before its power factor says anything
_TOLD = 0.05  # a smaller factor at some power is a meter that does not tell it, not a load
_DAY_MINUTES = 1_440
_KEPT = ("_device", "_group", "_sum", "_count", "_day", "_days", "_active", "_apparent")
_COLUMNS = (*_KEPT, "_high", "_low", "_offset")
Figure = Callable[[Float64, Float64, Float64], Float64]


def sequence_unbalance(a: Float64, b: Float64, c: Float64) -> Float64:
    """Return V2/V1 in % of three phase voltages that are 120 degrees apart; their sum is above 0."""
    squares = a * a + b * b + c * c - a * b - b * c - c * a
    share: Float64 = 100.0 * np.sqrt(np.maximum(squares, 0.0)) / (a + b + c)
    return share


def line_unbalance(a: Float64, b: Float64, c: Float64) -> Float64:
    """Return V2/V1 in % of three line voltages, which close a triangle; 100 where they cannot."""
    squares, fourths = a * a + b * b + c * c, a**4 + b**4 + c**4
    inner = 3.0 - 6.0 * fourths / (squares * squares)
    root = np.sqrt(np.clip(inner, 0.0, 1.0))
    share: Float64 = np.where(inner < 0, 100.0, 100.0 * np.sqrt((1.0 - root) / (1.0 + root)))
    return share


def current_unbalance(a: Float64, b: Float64, c: Float64) -> Float64:
    """Return (max - min) / max in % of three currents, of which one is not 0."""
    highest = np.maximum(np.maximum(a, b), c)
    share: Float64 = 100.0 * (highest - np.minimum(np.minimum(a, b), c)) / highest
    return share


class Electricity:
    """Hold the figures of meters to their rules.

    A row is a group of points of one device: three phases, or power with its factor.
    """

    name = "electricity"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by device
        self._groups: dict[tuple[int, int], int] = {}  # (device, group) -> row
        self._cell: NDArray[np.int32] = np.zeros(2, np.int32)  # by point: row * 3 + place, from 3 on; the last: beyond
        # by row; row 0 is none
        self._device: NDArray[np.int32] = np.zeros(1, np.int32)
        self._group: NDArray[np.int8] = np.full(1, -1, np.int8)
        self._high, self._low = np.full(1, np.inf), np.full(1, -np.inf)  # of its rules, the tightest
        self._offset: Int64 = np.zeros(1, np.int64)  # minutes from UTC to park time
        self._sum: Float64 = np.zeros((1, _WIDTH))  # of the minute
        self._count: Int64 = np.zeros((1, _WIDTH), np.int64)
        self._day: Int64 = np.zeros(1, np.int64)  # of park time, the last with power; 0: none
        self._days: Int64 = np.zeros(1, np.int64)  # of the month, that had power and are over
        self._active, self._apparent = np.zeros(1), np.zeros(1)  # of the month so far, kWh and kVAh
        self._touched = False
        self._holding = Holding(directory, of_device)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add readings to their minute; they go on as they came."""
        del emit
        cell = self._cell.take(batch.point, mode="clip")
        rows = np.flatnonzero(cell)
        if not len(rows):
            return batch
        value = batch.value[rows]
        good = (batch.quality[rows] < Quality.LATE) & np.isfinite(value)
        at = cell[rows][good].astype(np.intp)
        np.add.at(self._sum.reshape(-1), at, value[good])
        np.add.at(self._count.reshape(-1), at, 1)
        self._touched = True
        return batch

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the minute that is over."""
        if self._touched:
            means = self._sum / np.maximum(self._count, 1)
            for group, measure, figure, size_of in _FIGURES:
                self._judge(group, measure, figure, size_of, means, now, emit)
            self._add_power(means, now, emit)
            self._sum[:] = 0.0
            self._count[:] = 0
            self._touched = False
        self._holding.on_tick(now, emit)

    def _judge(
        self, group: int, measure: str, figure: Figure, size_of: Callable[..., Float64], means: Float64, now: int,
        emit: Emit,
    ) -> None:  # fmt: skip
        """Take the figures of one group to the rules of their devices."""
        rows = np.flatnonzero((self._group == group) & (self._count > 0).all(axis=1))
        rows = rows[np.abs(means[rows]).max(axis=1, initial=0.0) > 0]
        a, b, c = np.abs(means[rows]).T
        share, size = figure(a, b, c), size_of(a, b, c)
        held = self._holding.subjects()
        decides = (share > self._high[rows]) | (share < self._low[rows])
        if held:
            decides |= np.isin(self._device[rows], list(held))
        for device, value, amount in zip(
            self._device[rows[decides]].tolist(), share[decides].tolist(), size[decides].tolist(), strict=True
        ):
            for rule in self._of.get(device, ()):
                if rule.metric != measure:
                    continue
                if amount >= rule.floor:
                    self._holding.step(rule, device, value, now - 1, now, emit)
                else:  # between phases that carry next to nothing there is no unbalance
                    self._holding.release(rule, device, now, Reason.BACK_IN_LIMITS, emit)

    def _add_power(self, means: Float64, now: int, emit: Emit) -> None:
        """Add a minute of power (kW) and power factor to the month; tell the month where a day is over."""
        rows = np.flatnonzero((self._group == _POWER) & (self._count[:, :2] > 0).all(axis=1))
        power, factor = np.abs(means[rows, 0]), np.abs(means[rows, 1])
        told = factor >= _TOLD
        rows, power, factor = rows[told], power[told], factor[told]
        day = (now // MINUTE - 1 + self._offset[rows]) // _DAY_MINUTES
        for row, today in zip(rows[day != self._day[rows]].tolist(), day[day != self._day[rows]].tolist(), strict=True):
            self._end_day(row, today, now, emit)
        self._active[rows] += power / 60.0
        self._apparent[rows] += power / factor / 60.0

    def _end_day(self, row: int, today: int, now: int, emit: Emit) -> None:
        device, last = int(self._device[row]), int(self._day[row])
        self._day[row] = today
        if not last:
            return
        self._days[row] += 1
        active, apparent = float(self._active[row]), float(self._apparent[row])
        if self._days[row] >= _LEAST_DAYS and apparent > 0:
            for rule in self._of.get(device, ()):
                if rule.metric == "power_factor_month" and active >= rule.floor:
                    self._holding.step(rule, device, min(1.0, active / apparent), now - 1, now, emit)
        if month_of(today) != month_of(last):
            self._days[row], self._active[row], self._apparent[row] = 0, 0.0, 0.0

    # ── registry and snapshots ───────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn which points are phases of which meter, and which rules hold there."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.metric in _MEASURES and not r.finding)
        touched = {row.device for row in config.points} | {row.device for row in config.devices}
        if config.limits is not None or (config.places and any(r.places or r.hours or r.days for r in self._rules)):
            touched = set(d.devices)
        for device in sorted(touched & d.devices.keys()):
            row = d.devices[device]
            self._of[device] = fitting(self._rules, chain(d, row.place), park=row.park, kind=row.kind)
            if not self._of[device]:
                del self._of[device]
        self._holding.fit(self._of, config.received, emit)
        for point in d.points.rows(d.points.numbers()) if config.limits is not None else config.points:
            seat = _CHANNELS.get((point.metric, point.channel))
            if seat is not None and point.device in self._of:
                self._seat(point.point, point.device, *seat)
            elif point.point < len(self._cell):
                self._cell[point.point] = 0
        for (device, group), line in self._groups.items():
            if device in touched:
                self._bound(device, group, line)

    def _bound(self, device: int, group: int, line: int) -> None:
        measure = next((m for g, m, _, _ in _FIGURES if g == group), "")
        rules = [bounds(rule) for rule in self._of.get(device, ()) if rule.metric == measure]
        self._high[line] = min((high for high, _ in rules), default=np.inf)
        self._low[line] = max((low for _, low in rules), default=-np.inf)
        self._offset[line] = offset_of(self._directory, self._directory.devices[device].park)

    def _seat(self, point: int, device: int, group: int, place: int) -> None:
        line = self._groups.get((device, group))
        if line is None:
            line = self._groups[device, group] = len(self._groups) + 1
            if line >= len(self._device):
                for name in _COLUMNS:
                    old = getattr(self, name)
                    longer = np.zeros((max(64, 2 * len(old)), *old.shape[1:]), old.dtype)
                    longer[: len(old)] = old
                    setattr(self, name, longer)
                self._group[line:] = -1
            self._device[line], self._group[line] = device, group
            self._bound(device, group, line)
        if point + 1 >= len(self._cell):
            longer = np.zeros(max(point + 2, 2 * len(self._cell)), np.int32)
            longer[: len(self._cell)] = self._cell
            self._cell = longer
        self._cell[point] = line * _WIDTH + place

    def snapshot(self) -> State:
        """Return copies of the minute, the month, and what is held."""
        used = np.flatnonzero((self._count > 0).any(axis=1) | (self._day > 0))
        return {
            **self._holding.snapshot(), "version": np.array(VERSION),
            **{name.strip("_"): getattr(self, name)[used] for name in _KEPT},
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        pairs = zip(state["device"].tolist(), state["group"].tolist(), strict=True)
        lines = np.array([self._groups.get(pair, 0) for pair in pairs], np.intp)
        for name in _KEPT[2:]:
            column = getattr(self, name)
            column[:] = 0
            column[lines[lines > 0]] = state[name.strip("_")][lines > 0]
        self._touched = bool(self._count.any())
        self._holding.restore(state, self._of)


def _mean(a: Float64, b: Float64, c: Float64) -> Float64:
    return (a + b + c) / 3.0


def _largest(a: Float64, b: Float64, c: Float64) -> Float64:
    largest: Float64 = np.maximum(np.maximum(a, b), c)
    return largest


_FIGURES: tuple[tuple[int, str, Figure, Figure], ...] = (
    (_PHASE, "voltage_unbalance", sequence_unbalance, _mean),
    (_LINE, "voltage_unbalance", line_unbalance, _mean),
    (_CURRENT, "current_unbalance", current_unbalance, _largest),
)
