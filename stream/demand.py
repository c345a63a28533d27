"""The demand of a place against what its contract allows: the mean power of its meters by the quarter hour.

Event-time. Maximum demand is the largest 15-minute mean of the month; what is contracted stands in the
registry, on the park, building or unit that has the contract. The meters of the place itself are summed, not
those below them; a quarter hour in which one of them was not heard for three quarters of it decides nothing.
"""

from dataclasses import dataclass

import numpy as np

from park.directory import Directory
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import ReadingBatch
from park.records import Config, LimitRow
from stream.gathering import Gathering
from stream.holding import Holding, of_place
from stream.scopes import MINUTE, chain, fitting, holds
from stream.sums import Closed

VERSION = 1
QUARTER = 15 * MINUTE  # ms: the interval that bills count in (domain: R77)
LATENESS = 2 * MINUTE  # ms, as that of rollups
VALID = 0.75  # share of a quarter hour that each meter must stand for
MEASURE = "demand_share"
_SUB = "sub_meter"
_TO_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Supply:
    """What a place has contracted, and the points of power that say how much of it is drawn."""

    contracted: float  # kW
    power: tuple[int, ...]


class Demand:
    """Hold the demand of places with a contract to their rules."""

    name = "demand"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by place
        self._supplies: dict[int, Supply] = {}  # by place
        self._holding = Holding(directory, of_place)
        self._gathering = Gathering(directory, self._holding, self._judge, width=QUARTER, lateness=LATENESS)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add power to its quarter hours; readings go on as they came."""
        return self._gathering.on_batch(batch, emit)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the quarter hours that are over."""
        self._gathering.on_tick(now, emit)

    def _judge(self, part: Closed, end: int, emit: Emit) -> None:
        means = (part.total / part.count).tolist()
        heard = zip(self._gathering.points(part), means, (part.share >= VALID).tolist(), strict=True)
        mean = {point: value for point, value, valid in heard if valid}
        for place, supply in self._supplies.items():
            if not all(point in mean for point in supply.power):
                continue
            share = _TO_PERCENT * sum(mean[point] for point in supply.power) / supply.contracted
            for rule in self._of[place]:
                if holds(rule, self._directory, self._directory.places[place].park, end - QUARTER):
                    self._holding.step(rule, place, share, end - 1, end + LATENESS, emit)

    # ── registry and snapshots ───────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and see which places have a contract and what tells their power."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.metric == MEASURE and not r.finding)
        elif not config.points and not config.places and not config.devices:
            return
        with_contract = {row.place for row in d.places.values() if row.contracted_demand > 0}
        power = self._power(with_contract) if self._rules and with_contract else {}
        self._of, self._supplies = {}, {}
        for place, points in sorted(power.items()):
            row = d.places[place]
            rules = fitting(self._rules, chain(d, place), park=row.park, kind="")
            if rules:
                self._of[place], self._supplies[place] = rules, Supply(row.contracted_demand, tuple(points))
        self._holding.fit(self._of, config.received, emit)
        self._gathering.watch(point for supply in self._supplies.values() for point in supply.power)

    def _power(self, places: set[int]) -> dict[int, list[int]]:
        """Return the points of power of the main meters that stand for places."""
        d = self._directory
        found: dict[int, list[int]] = {}
        for point in np.flatnonzero(d.metric == CODE["power"]).tolist():
            place, device = int(d.place[point]), d.devices.get(int(d.device[point]))
            whole = not d.points[point].channel  # of all phases
            if place in places and whole and device is not None and not device.retired and device.kind != _SUB:
                found.setdefault(place, []).append(point)
        return found

    def snapshot(self) -> State:
        """Return copies of open quarter hours, and of what is held."""
        return {**self._gathering.snapshot(), "version": np.array(VERSION)}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._gathering.restore(state, self._of)
