"""What truly happens in a park, every quarter of an hour: work, people, power, water, pieces, lorries, weather.

Everything that devices measure is read from here, so the feeds agree: a firm that stands still has no
people, no pieces and no load. Running totals are kept at the quarters' beginnings and are straight
lines between them: so a register, or a count since any moment, is a function of time.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from simulators.chance import normal, rng
from simulators.equipment import Plan
from simulators.injections import Injection
from simulators.scenario import DAY, HOUR, PARK_OFFSET, QUARTER
from simulators.trades import LUNCH, SHIFT_SHARE, SHIFTS, Trade
from simulators.workdays import park_date, work_share

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
A_DAY = 96  # quarters
TOTALS = ("energy", "water", "people_in", "people_out", "dock_in", "dock_out", "parcels", "dock_weight", "pieces",
          "running", "gate_in", "gate_out")  # fmt: skip
LEVELS = ("act", "power", "inside", "run")
DRINKING = 0.00625  # m3/h a person: 50 l in a shift of eight hours


class Grown:
    """Rows of quarters that get longer day by day; space is doubled, so that a day is cheap."""

    def __init__(self, rows: int, first: int) -> None:
        self.values = np.zeros((rows, first))
        self.filled = first

    def append(self, block: Float) -> None:
        """Add columns."""
        end = self.filled + block.shape[1]
        if end > self.values.shape[1]:
            longer = np.zeros((len(self.values), max(end, 2 * self.values.shape[1], 64 * A_DAY)))
            longer[:, : self.filled] = self.values[:, : self.filled]
            self.values = longer
        self.values[:, self.filled : end] = block
        self.filled = end


class World:
    """The truth of one park from its origin on, made day by day as far as somebody asks."""

    def __init__(self, plan: Plan, events: Sequence[Injection]) -> None:
        self.plan = plan
        self.seed = plan.scenario.seed
        self.origin = plan.scenario.origin
        self.learn(events)
        site = plan.site
        self.trades = site.trades
        self.count = len(site.trades)
        chance = rng(self.seed, 6)
        n = self.count
        self.peak = np.array([plan.meters[e] for e in range(n)])
        self.floor = np.array([t.floor for t in self.trades])
        self.cooling = np.array([t.cooling for t in self.trades])
        self.staff = np.array([x.headcount for x in site.enterprises], np.float64)
        self.saturday = np.array([t.saturday for t in self.trades]) * chance.uniform(0.85, 1.1, n)
        self.sunday = np.array([t.sunday for t in self.trades]) * chance.uniform(0.5, 1.2, n)
        self.late = chance.integers(0, 7, n)  # days that a firm starts later after Spring Festival
        self.miss = chance.uniform(0.005, 0.03, n)  # share of crossings that its door does not see
        self.work_shape, self.staff_shape = _shapes(self.trades, chance)
        self.of_building = np.zeros((len(site.buildings), n))
        for unit in site.units:
            if unit.enterprise >= 0:
                self.of_building[unit.building, unit.enterprise] = 1.0
        rows = {"energy": n + len(site.buildings) + 1, "water": n + 1, "gate_in": 2, "gate_out": 2}
        self.totals = {name: Grown(rows.get(name, n), 1) for name in TOTALS}
        self.levels = {name: Grown(rows["energy"] if name == "power" else n, 0) for name in LEVELS}
        self.days = 0
        self._inside = np.zeros(n)
        self._lorries = np.zeros((n, 3))  # still at the dock

    def learn(self, events: Sequence[Injection]) -> None:
        """Take what happens to enterprises from a list of injections; days already made stay."""
        self.events = tuple(x for x in events if x.enterprise >= 0 and not x.states and not x.curves)

    def extend(self, until: int) -> None:
        """Make every day that begins at or before a time, and the one after it."""
        while self.origin + self.days * DAY <= until + DAY:
            self._day(self.days)
            self.days += 1

    def outdoor(self, ts: Int) -> tuple[Float, Float, Float]:
        """Return degC, % and ug/m3 outdoors at some times: the climate of Shaoxing, and days that differ from it."""
        day = (ts + PARK_OFFSET) / DAY
        year = 2.0 * np.pi * (day - 20.0) / 365.2425  # coldest about 20 January
        first = np.floor(day - 0.5).astype(np.int64)
        part = day - 0.5 - first
        warm, damp, dust = (_slow(self.seed, k, first, part) for k in (1, 2, 3))
        mean = 17.0 - 12.0 * np.cos(year) + 2.6 * warm
        swing = 4.0 * np.cos(2.0 * np.pi * (day - 14.5 / 24.0)) * (1.0 - 0.25 * np.tanh(damp))
        humidity = np.clip(74.0 + 9.0 * damp - 2.4 * swing, 18.0, 100.0)
        pm25 = np.exp(3.2 + 0.45 * np.cos(year) + 0.5 * dust)
        return mean + swing, humidity, pm25

    # ── one day ──────────────────────────────────────────────────────────────────────────────────

    def _day(self, number: int) -> None:
        begin = self.origin + number * DAY
        quarters = begin + np.arange(A_DAY, dtype=np.int64) * QUARTER
        chance = rng(self.seed, 7, (begin + PARK_OFFSET) // DAY)
        work, floor, extra, leak = self._fates(quarters)
        share = work_share(park_date(begin), self.saturday, self.sunday, self.late)[:, None] * work
        mood = 1.0 + 0.05 * chance.standard_normal((self.count, 1))
        unrest = 1.0 + 0.06 * chance.standard_normal((self.count, A_DAY))
        act = np.clip(self.work_shape * share * mood * unrest, 0.0, 1.25)
        temperature = self.outdoor(quarters)[0]
        arrived, left = self._people(chance, np.minimum(share, 1.0), extra)
        run = np.clip(act * chance.uniform(0.85, 1.05, act.shape), 0.0, 1.0)
        rate = np.array([t.pieces for t in self.trades])[:, None] * 0.25
        power = self._power(chance, act, floor, extra, temperature, quarters)
        water = np.array([t.water for t in self.trades])[:, None] * act + DRINKING * self._today + leak
        lorries_in, lorries_out = self._docks(chance, act)
        day = (np.array([t.parcels for t in self.trades]) / self._usual)[:, None]
        parcels = chance.poisson(day * act).astype(np.float64)
        main = water.sum(0) + 0.3 + 0.8 * (np.arange(A_DAY) < 24)  # the tank and the greens fill at night
        cars_in, cars_out = _some(chance, arrived.sum(0), 0.3), _some(chance, left.sum(0), 0.3)
        gates = [self._gates(chance, a.sum(0) + b) for a, b in ((lorries_in, cars_in), (lorries_out, cars_out))]
        door = self.miss[:, None]
        seen = [_some(chance, k, 1.0 - door) for k in (arrived, left)]
        weight = lorries_in * chance.uniform(1.0, 8.0, act.shape)
        for name, block in (
            ("energy", power * 0.25), ("water", np.vstack([water, main]) * 0.25), ("people_in", seen[0]),
            ("people_out", seen[1]), ("dock_in", lorries_in), ("dock_out", lorries_out), ("parcels", parcels),
            ("dock_weight", weight), ("pieces", chance.poisson(rate * run).astype(np.float64)), ("running", run * 15.0),
            ("gate_in", gates[0]), ("gate_out", gates[1]),
        ):  # fmt: skip
            total = self.totals[name]
            last = total.values[:, total.filled - 1 : total.filled]
            total.append(last + np.cumsum(block, axis=1))
        for name, block in (("act", act), ("power", power), ("inside", self._today), ("run", run)):
            self.levels[name].append(block)

    def _fates(self, quarters: Int) -> tuple[Float, Float, Float, Float]:
        """Return, for each enterprise and quarter: share of work, of floor load, of sublet night work, m3/h leaking."""
        shape = (self.count, A_DAY)
        work, floor, extra, leak = np.ones(shape), np.ones(shape), np.zeros(shape), np.zeros(shape)
        hour = (quarters + PARK_OFFSET) % DAY // HOUR
        weekend = (quarters + PARK_OFFSET) // DAY % 7  # 1970-01-01 was a Thursday: 2 is Saturday, 3 Sunday
        for x in self.events:
            on = (quarters >= x.start) & (quarters < x.end)
            if not on.any():
                if x.kind == "decline" and quarters[0] >= x.end:
                    work[x.enterprise] *= 0.2
                continue
            e = x.enterprise
            if x.kind in {"stop", "paused", "zombie"}:
                # what is left: night and fridge pattern, 5 to 15 % of the median load
                visit = 0.3 * ((weekend == 0) & (hour >= 10) & (hour < 11)) if x.kind == "zombie" else 0.0
                work[e] = np.where(on, visit, work[e])
                keep = min(1.0, x.size * 0.6 / self.floor[e])
                floor[e] = np.where(on, keep, floor[e])
            elif x.kind == "stop_to_zero":
                work[e], floor[e] = np.where(on, 0.0, work[e]), np.where(on, 0.0, floor[e])
            elif x.kind == "decline":
                gone = np.clip((quarters - x.start) / (x.end - x.start), 0.0, 1.0)
                work[e] *= 1.0 - 0.8 * gone
            elif x.kind == "sublet":
                night = (hour >= 20) | (hour < 6) | (weekend == 2) | (weekend == 3)
                extra[e] = np.where(on & night, 0.45, extra[e])
            elif x.kind == "leak":
                leak[e] = np.where(on, x.size, leak[e])
        return work, floor, extra, leak

    def _people(self, chance: np.random.Generator, share: Float, extra: Float) -> tuple[Float, Float]:
        """Draw who comes and goes; the truth of who is inside is kept for the day."""
        here = chance.binomial(self.staff.astype(np.int64), 0.94)[:, None]
        inside = np.rint(here * self.staff_shape * share + 8.0 * extra)
        before = np.concatenate([self._inside[:, None], inside[:, :-1]], axis=1)
        change = inside - before
        about = chance.poisson(0.05 * np.minimum(inside, before) + 0.15 * (self.staff_shape > 0) * share)
        self._today, self._inside = inside, inside[:, -1]
        return np.maximum(change, 0.0) + about, np.maximum(-change, 0.0) + about

    def _power(
        self, chance: np.random.Generator, act: Float, floor: Float, extra: Float, outdoor: Float, quarters: Int
    ) -> Float:
        """Return kW of every load: enterprises, buildings, park."""
        need = np.clip((outdoor - 24.0) / 10.0, 0.0, 1.2) + np.clip((8.0 - outdoor) / 10.0, 0.0, 1.0)
        cold = np.array([t.cold is not None for t in self.trades])[:, None]
        base = self.floor[:, None] * floor * np.where(cold, 1.0 + 0.012 * (outdoor - 15.0), 1.0)
        climate = self.cooling[:, None] * need * np.where(cold, 0.3, act)
        rest = np.maximum(0.0, 1.0 - self.floor - self.cooling)[:, None]
        share = (base + climate + rest * act + extra * 0.6) * (1.0 + 0.04 * chance.standard_normal(act.shape))
        power = self.peak[:, None] * np.maximum(share, 0.0)
        hour = (quarters + PARK_OFFSET) % DAY / HOUR
        dark = (hour < 6.0) | (hour >= 18.0)
        used = self.of_building @ power
        common = 3.0 + 4.0 * dark + 0.01 * used
        halls = used + common
        return np.vstack([power, halls, halls.sum(0, keepdims=True) * 1.015 + 6.0 * dark])

    def _docks(self, chance: np.random.Generator, act: Float) -> tuple[Float, Float]:
        """Draw lorries: they come with the work and leave three quarters of an hour later."""
        a_day = np.array([t.vehicles for t in self.trades])
        came = chance.poisson((a_day / self._usual)[:, None] * act).astype(np.float64)
        both = np.concatenate([self._lorries, came], axis=1)
        self._lorries = both[:, -3:]
        return came, both[:, :A_DAY]

    @property
    def _usual(self) -> Float:
        return np.asarray(np.maximum(1.0, self.work_shape.sum(1)))

    @staticmethod
    def _gates(chance: np.random.Generator, vehicles: Float) -> Float:
        first = _some(chance, vehicles, 0.68)
        return np.vstack([first, vehicles - first])


def _some(chance: np.random.Generator, count: Float, share: Float | float) -> Float:
    """Draw how many of some whole numbers it hits."""
    return chance.binomial(count.astype(np.int64), share).astype(np.float64)


def _slow(seed: int, stream: int, first: Int, part: Float) -> Float:
    """Return weather that remembers: an average of the days before, joined by lines; deviation about 1."""
    weights = 0.65 ** np.arange(8)
    weights /= np.sqrt((weights**2).sum())
    low = int(first.min()) - 7
    days = np.arange(low, int(first.max()) + 2)
    drawn = normal(seed, 1_000_003 + stream, days)
    slow = np.convolve(drawn, weights)[: len(days)]
    at = first - low
    return np.asarray(slow[at] * (1.0 - part) + slow[at + 1] * part)


def _shapes(trades: Sequence[Trade], chance: np.random.Generator) -> tuple[Float, Float]:
    """Return the usual working day of each enterprise, 96 quarters: share of full work, and of its staff inside."""
    work, staff = np.zeros((len(trades), A_DAY)), np.zeros((len(trades), A_DAY))
    for e, trade in enumerate(trades):
        for (begin, end), share in zip(SHIFTS[trade.shifts], SHIFT_SHARE[trade.shifts], strict=True):
            work[e, begin:end] += share
            staff[e, begin:end] += share / sum(SHIFT_SHARE[trade.shifts])
        first, last = LUNCH[trade.shifts]
        work[e, first:last] *= 0.55 if trade.shifts != "three" else 0.85
        staff[e, first:last] *= 0.6
        shift = int(chance.integers(-2, 3))
        kernel = np.array([0.25, 0.5, 0.25])  # nobody starts all at once
        for shape in (work, staff):
            rolled = np.roll(shape[e], shift)
            shape[e] = np.convolve(np.concatenate([rolled[-1:], rolled, rolled[:1]]), kernel, "valid")
    return work, staff
