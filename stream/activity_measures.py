"""Which points speak for an enterprise, and what a day of theirs comes to.

```
 energy_use of the outermost meters ──> amount ┐
 power (mean x 24 h) ──> stands in for a register that is stuck or silent, and tells a stuck one from idleness
 energy register, voltage ──> heard, and alive ├──> Facts of the day
 people, vehicles, parcels, pieces, water ─────┘
```
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.readings import Bool, Float64, Int64
from park.records import PointRow
from stream.activity_cells import DAY, NIGHT_HOURS, DayCells
from stream.activity_ladder import FEEDS


class Role(IntEnum):
    """What a point tells of its enterprise."""

    NONE = 0
    AMOUNT = 1  # adds up to its feed
    MEAN = 2  # power
    VOICE = 3  # a register: heard, and whether it moves
    ALIVE = 4  # says that a meter lives: voltage


_AMOUNTS: Mapping[str, int] = {name: n for n, name in enumerate(FEEDS)}
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(FEEDS, Role.AMOUNT), "power": Role.MEAN, "energy": Role.VOICE, "water": Role.VOICE,
    "voltage": Role.ALIVE,
}  # fmt: skip
# What stands for an enterprise's activity: the first of these that it has.
MEASURES = ("energy_use", "power", "water_use", "output_count", "people_in", "vehicles_in", "parcels")
UNITS: Mapping[str, str] = {"energy_use": "kWh", "power": "kWh", "water_use": "m3"}
_HEARD_SHARE = 0.5  # I: of the hours in which its promise lets it speak; less of counters, which speak on events
_HEARD_EVENTS = 0.25
_REPEATS = 6  # readings of one value that are a stuck meter and no chance
_LONG = 3 * 3_600_000  # ms: a slower meter says nothing of the night
_ALIVE_KW = 0.02  # kW below which a power is none


@dataclass(frozen=True, slots=True)
class Taken:
    """A day of every enterprise, by slot."""

    amount: Float64  # of its measure; nan: nothing
    heard: Bool
    hours: Int64  # in which its meters spoke; the least of them
    of: Int64  # in which they would
    still: Bool
    repeated: Bool
    low: Float64  # least reading of its meters
    instead: Bool  # power stands in
    estimated: Float64
    night: Float64
    dark: Float64  # share of the amount from 20 to 06 h; nan: nothing
    others: Float64  # (slot, feed)


class Measures:
    """The points of enterprises: cells with their slot, feed and role."""

    def __init__(self, directory: Directory, cells: DayCells) -> None:
        self._directory = directory
        self._cells = cells
        self.cell: npt.NDArray[np.int32] = np.full(1, -1, np.int32)  # by point; the last row is for all beyond
        self.points: list[int] = []  # by cell
        self.slot: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # by cell; -1: nobody's
        self.offset: Int64 = np.zeros(0, np.int64)  # by cell: ms from UTC to park time
        self._role: npt.NDArray[np.int8] = np.zeros(0, np.int8)
        self._feed: npt.NDArray[np.int8] = np.zeros(0, np.int8)
        self._voice: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # cell that says whether it was heard
        self._least: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # hours in which it is heard enough
        self._of: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._slow: Bool = np.zeros(0, np.bool_)
        self.measure: list[str] = []  # by slot
        self.meters: list[tuple[int, ...]] = []  # by slot: the points that its measure is made of

    def watch(self, point: int) -> int:
        """Return the cell of a point, making one where there is none."""
        size = self._directory.size + 1
        if size > len(self.cell):
            longer = np.full(max(size, 2 * len(self.cell)), -1, np.int32)
            longer[: len(self.cell) - 1] = self.cell[:-1]
            self.cell = longer
        if self.cell[point] < 0:
            self.cell[point] = len(self.points)
            self.points.append(point)
            self._room(len(self.points))
        return int(self.cell[point])

    def _room(self, size: int) -> None:
        self._cells.grow(size)
        for name in ("slot", "offset", "_role", "_feed", "_voice", "_least", "_of", "_slow"):
            setattr(self, name, grown(getattr(self, name), size, -1 if name == "slot" else 0))

    def assign(self, slot: int, rows: Sequence[PointRow], offset: int) -> bool:
        """Let points speak for a slot; return whether its measure is made of others than before."""
        while len(self.measure) <= slot:
            self.measure.append("")
            self.meters.append(())
        known = {row.metric for row in rows}
        measure = next((m for m in MEASURES if m in known), "")
        chosen: list[int] = []
        for metric in _ROLES:
            some = [row for row in rows if row.metric == metric]
            outermost = _outermost(self._directory, some) if _ROLES[metric] in {Role.AMOUNT, Role.MEAN} else some
            for row in some:
                self._cell_of(slot, row, outermost=row in outermost, offset=offset)
            if metric == measure:
                chosen = sorted(row.point for row in outermost)
        changed = tuple(chosen) != self.meters[slot] and bool(self.meters[slot])
        self.measure[slot], self.meters[slot] = measure, tuple(chosen)
        return changed

    def _cell_of(self, slot: int, row: PointRow, *, outermost: bool, offset: int) -> None:
        cell = self.watch(row.point)
        if self.slot[cell] not in {slot, -1}:  # another's past is not this one's
            self._cells.clear(np.array([cell]))
        role = _ROLES[row.metric] if outermost else Role.NONE
        self.slot[cell], self.offset[cell], self._role[cell] = slot, offset, role
        self._feed[cell] = _AMOUNTS.get(row.metric, 0)
        summed = role in {Role.AMOUNT, Role.MEAN}
        self._cells.keep(cell, reach=_ROLES[row.metric] is not Role.ALIVE, sums=summed)
        source = self._directory.points.get(row.source)
        self._voice[cell] = self.watch(row.source) if source is not None else cell
        interval = source.interval if source is not None else row.interval
        of = int(np.clip(DAY // max(interval, 1), 1, 24))
        share = _HEARD_SHARE if row.metric in {"energy_use", "power", "water_use"} else _HEARD_EVENTS
        self._of[cell], self._least[cell], self._slow[cell] = of, max(1, int(of * share)), interval > _LONG

    def release(self, points: Iterable[int]) -> None:
        """Let points speak for nobody."""
        for point in points:
            cell = int(self.cell[point])
            if cell >= 0:
                self.slot[cell] = -1
                self._role[cell] = Role.NONE
                self._cells.clear(np.array([cell]))

    def day(self, day: int, slots: int) -> Taken:
        """Return what a day came to, by slot."""
        n = len(self.points)
        role, slot, voice = self._role[:n], self.slot[:n], self._voice[:n]
        cells = self._cells
        total, count = cells.of("total", day)[:n], cells.of("count", day)[:n]
        bits = cells.of("hours", day)[:n]
        hours = np.bitwise_count(bits[voice]).astype(np.int64)
        heard = hours >= self._least[:n]
        low, high = cells.of("low", day)[:n], cells.of("high", day)[:n]
        mine = slot >= 0
        amount = mine & (role == Role.AMOUNT)
        sums = np.full((slots, len(FEEDS)), np.nan)
        said = amount & (count > 0)
        has = np.zeros((slots, len(FEEDS)), np.bool_)
        has[slot[said], self._feed[:n][said]] = True
        sums[has] = 0.0
        np.add.at(sums, (slot[said], self._feed[:n][said]), total[said])
        power = mine & (role == Role.MEAN) & heard & (count > 0)
        mean = np.full(slots, np.nan)
        mean[slot[power]] = 0.0
        np.add.at(mean, slot[power], 24 * total[power] / count[power])
        feed, by_power = self._measured(slots)
        main = mine & (
            ((role == Role.AMOUNT) & (self._feed[:n] == feed[slot])) | (by_power[slot] & (role == Role.MEAN))
        )
        main &= (role == Role.AMOUNT) | by_power[slot]
        least, of = np.full(slots, 24, np.int64), np.full(slots, 24, np.int64)
        np.minimum.at(least, slot[main], hours[main])
        np.minimum.at(of, slot[main], self._of[:n][main])
        whole = np.zeros(slots, np.bool_)
        whole[slot[main]] = True
        whole[slot[main & ~heard]] = False
        told = np.where(by_power, mean, sums[np.arange(slots), feed])
        electric = feed == 0
        stuck = main & (voice != np.arange(n)) & (low[voice] == high[voice]) & (count[voice] > 1)
        moves = np.zeros(slots, np.bool_)
        moves[slot[main & ~stuck]] = True
        still = whole & ~moves & (told == 0) & electric & ~by_power
        lives = mine & heard & (role == Role.ALIVE) & cells.of("above", day)[:n]
        alive = np.zeros(slots, np.bool_)
        alive[slot[lives]] = True
        powered = ~np.isnan(mean)
        idle = still & ((powered & (mean <= 24 * _ALIVE_KW)) | (~powered & alive))
        instead = electric & ~by_power & powered & ((still & ~idle) | ~whole)
        same = main & (low == high) & (low != 0) & (count >= _REPEATS) & (voice == np.arange(n)) & (self._feed[:n] < 2)
        repeated, lowest = np.zeros(slots, np.bool_), np.full(slots, np.inf)
        repeated[slot[same]] = True
        repeated[slot[main & ~same]] = False
        np.minimum.at(lowest, slot[main], low[main])
        parts = {}
        for name in ("spread", "night", "dark"):
            part = np.zeros(slots)
            np.add.at(part, slot[main & said], cells.of(name, day)[:n][main & said])
            parts[name] = np.where(told > 0, part / np.where(told > 0, told, 1.0), np.nan)
        blind = np.zeros(slots, np.bool_)  # somebody's night cannot be seen
        blind[slot[main & (self._slow[:n] | ((bits[voice] & NIGHT_HOURS) != NIGHT_HOURS))]] = True
        blind |= by_power | instead
        # Meters call what a slow register tells "estimated" hour by hour; of the day that is so for hours unheard.
        spread = np.minimum(np.nan_to_num(parts["spread"]), 1 - least / np.maximum(of, 1)).clip(0.0)
        others = sums.copy()
        others[np.arange(slots), feed] = np.nan
        return Taken(
            np.where(instead, mean, told), whole | instead, least, of, still & ~idle & ~instead, repeated & ~instead,
            lowest, instead, spread, np.where(blind, np.nan, parts["night"] * 8),
            np.where(blind, np.nan, parts["dark"]), others,
        )  # fmt: skip

    def _measured(self, slots: int) -> tuple[npt.NDArray[np.intp], Bool]:
        """Return by slot the feed of its measure, and whether that is power alone."""
        feed = np.zeros(slots, np.intp)
        by_power = np.zeros(slots, np.bool_)
        for s, measure in enumerate(self.measure[:slots]):
            feed[s] = _AMOUNTS.get(measure, 0)
            by_power[s] = measure == "power"
        return feed, by_power


def role_of(metric: str) -> Role:
    """Return what a metric tells of an enterprise."""
    return _ROLES.get(metric, Role.NONE)


def _outermost(directory: Directory, rows: Sequence[PointRow]) -> list[PointRow]:
    """Return the points that no other of them counts already: none of theirs stands around their place."""
    places = {row.place for row in rows}
    whole = {row.device for row in rows if not row.channel}  # devices that tell the sum of their phases, too
    kept = []
    for row in rows:
        if row.channel and row.device in whole:
            continue
        around, place = set(), directory.places.get(row.place)
        while place is not None and place.parent and place.parent not in around:
            around.add(place.parent)
            place = directory.places.get(place.parent)
        if not around & (places - {row.place}):
            kept.append(row)
    return kept
