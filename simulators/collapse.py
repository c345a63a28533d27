"""Collapse on real loads: what a tenant's series becomes when it stops, and what only looks like it.

Semi-synthetic: a real hourly series is cut, scaled and silenced by a table of scenarios with a fixed seed.
Positives must be found stopped; hard negatives must not. A base is brought to Chinese weekdays as it is:
its own quiet days are part of the test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

Hours = npt.NDArray[np.float64]
A_DAY = 24


@dataclass(frozen=True, slots=True)
class Tenant:
    """A series that something was done to; hours from local midnight of `begin`."""

    use: Hours  # amounts by hour; nan: nothing came
    register: bool  # told as a register that rises, not as amounts
    onset: int = -1  # day from which it has stopped (abrupt) or its end of decline; -1: it never stops
    abrupt: bool = False
    voltage: bool = False  # a heartbeat beside it
    stuck: tuple[int, int] = (0, 0)  # hours in which the register stands still and jumps after
    papers: tuple[tuple[str, int, int], ...] = ()  # kind, first and last day


@dataclass(frozen=True, slots=True)
class Base:
    """A real series by hour."""

    name: str
    begin: date
    use: Hours
    count: bool = False  # people, not kWh


Make = Callable[[Base, Hours, int, np.random.Generator], Tenant]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of change: what it does to a series from a day on."""

    name: str
    positive: bool
    make: Make = field(repr=False)


def _days(use: Hours) -> int:
    return len(use) // A_DAY


def _from(use: Hours, day: int) -> slice:
    return slice(day * A_DAY, len(use))


def _abrupt(_: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    out = use.copy()
    out[_from(use, day)] *= chance.uniform(0.05, 0.15)  # of the whole: night and fridge pattern kept
    return Tenant(out, False, day, abrupt=True)


def _midday(base: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    made = _abrupt(base, use, day, chance)
    made.use[day * A_DAY : day * A_DAY + 12] = use[day * A_DAY : day * A_DAY + 12]
    return made


def _slow(_: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    weeks = int(chance.integers(4, 9))
    left = chance.uniform(0.05, 0.15)
    share = np.ones(len(use))
    falls = np.linspace(1.0, left, weeks * 7 * A_DAY)
    at = day * A_DAY
    some = min(len(falls), len(use) - at)
    share[at : at + some] = falls[:some]
    share[at + some :] = left
    return Tenant(use * share, False, min(day + weeks * 7, _days(use) - 1))


def _zero(_: Base, use: Hours, day: int, __: np.random.Generator) -> Tenant:
    out = use.copy()
    out[_from(use, day)] = 0.0
    return Tenant(out, False, day, abrupt=True)


def _zero_register(base: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    made = _zero(base, use, day, chance)
    return Tenant(made.use, not base.count, day, abrupt=True, voltage=True)


def _visits(_: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    out, left = use.copy(), chance.uniform(0.05, 0.15)
    weekday = int(chance.integers(0, 7))
    for d in range(day, _days(use)):
        if (d - day) % 7 != weekday or d - day < 3:
            out[d * A_DAY : (d + 1) * A_DAY] *= left
    return Tenant(out, False, day)


def _plain(_: Base, use: Hours, __: int, ___: np.random.Generator) -> Tenant:
    return Tenant(use, False)


def _less_a_shift(_: Base, use: Hours, day: int, __: np.random.Generator) -> Tenant:
    out = use.copy()
    out[_from(use, day)] *= 0.5
    return Tenant(out, False)


def _season(_: Base, use: Hours, __: int, chance: np.random.Generator) -> Tenant:
    swing = chance.uniform(0.2, 0.4)
    phase = chance.uniform(0, 2 * np.pi)
    return Tenant(use * (1 + swing * np.sin(2 * np.pi * np.arange(len(use)) / (365 * A_DAY) + phase)), False)


def _outage(_: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    out = use.copy()
    out[day * A_DAY : (day + int(chance.integers(5, 31))) * A_DAY] = np.nan
    return Tenant(out, False)


def _register_outage(base: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    return Tenant(_outage(base, use, day, chance).use, not base.count)


def _stuck(base: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    if base.count:
        return _outage(base, use, day, chance)
    long = int(chance.integers(3, 31))
    return Tenant(use, True, stuck=(day * A_DAY, (day + long) * A_DAY))


def _repeats(base: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    out = use.copy()
    at = day * A_DAY + (3 if not base.count else 0)
    long = int(chance.integers(3, 31)) * A_DAY
    out[at : at + long] = np.nan if base.count else out[at]
    return Tenant(out, False)


def _new(_: Base, use: Hours, __: int, chance: np.random.Generator) -> Tenant:
    ramp = int(chance.integers(20, 60)) * A_DAY
    out = use.copy()
    start = int(chance.integers(5, 40)) * A_DAY
    out[:start] = 0.0
    out[start : start + ramp] *= np.linspace(0, 1, ramp)
    return Tenant(out, False)


def _pause(_: Base, use: Hours, day: int, chance: np.random.Generator) -> Tenant:
    out = use.copy()
    out[day * A_DAY : (day + 15) * A_DAY] *= chance.uniform(0.0, 0.1)
    return Tenant(out, False, papers=(("supply_pause", day, day + 14),))


def _cold_store(base: Base, use: Hours, _: int, chance: np.random.Generator) -> Tenant:
    flat = np.full(len(use), np.nanmedian(use)) * (1 + 0.06 * chance.standard_normal(len(use)))
    return Tenant(np.maximum(flat, 0.0) if not base.count else use, False)


def _festival(base: Base, use: Hours, _: int, chance: np.random.Generator) -> Tenant:
    from simulators.workdays import new_year

    out = use.copy()
    long, early = int(chance.integers(7, 15)), int(chance.integers(1, 8))
    for year in range(base.begin.year, base.begin.year + 3):
        first = (new_year(year) - base.begin).days - early
        for d in range(max(0, first), min(_days(use), first + long)):
            out[d * A_DAY : (d + 1) * A_DAY] *= chance.uniform(0.03, 0.12)
    return Tenant(out, False)


SCENARIOS: Mapping[str, Scenario] = {
    s.name: s
    for s in (
        Scenario("abrupt", True, _abrupt), Scenario("abrupt_midday", True, _midday), Scenario("slow", True, _slow),
        Scenario("zero", True, _zero), Scenario("zero_register", True, _zero_register),
        Scenario("visits", True, _visits),
        Scenario("plain", False, _plain), Scenario("festival", False, _festival),
        Scenario("less_a_shift", False, _less_a_shift), Scenario("season", False, _season),
        Scenario("outage", False, _outage), Scenario("register_outage", False, _register_outage),
        Scenario("stuck", False, _stuck), Scenario("repeats", False, _repeats), Scenario("new", False, _new),
        Scenario("pause", False, _pause), Scenario("cold_store", False, _cold_store),
    )
}  # fmt: skip
