"""What each kind of point measures: a function of the world and a device's own noise, for many rows at once.

The table at the end names them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulators.chance import normal, uniform
from simulators.scenario import DAY, HOUR, MINUTE, PARK_OFFSET, QUARTER
from simulators.world import Float, Int, World

NOMINAL = 231.0  # V


@dataclass(slots=True)
class Asked:
    """Rows of one model: what is asked for, and where it stands in the world's quarters."""

    world: World
    point: Int  # the stream of its noise
    ts: Int
    since: Int
    who: Int
    a: Float
    b: Float
    q: Int  # quarter since the origin
    part: Float  # of it that has passed

    def noise(self, every: int) -> Float:
        """Return the device's own noise, new every so many ms."""
        return normal(self.world.seed, self.point, self.ts // every)

    def level(self, name: str) -> Float:
        """Return a level of the quarter."""
        return np.asarray(self.world.levels[name].values[self.who, self.q])

    def total(self, name: str, ts: Int | None = None) -> Float:
        """Return a running total at a time (now)."""
        q, part = (self.q, self.part) if ts is None else placed(self.world, ts)
        values = self.world.totals[name].values
        low = values[self.who, q]
        return np.asarray(low + part * (values[self.who, q + 1] - low))

    def counted(self, name: str) -> Float:
        """Return how many whole events there were since the value before."""
        return np.asarray(np.floor(self.total(name)) - np.floor(self.total(name, self.since)))

    def outdoor(self) -> tuple[Float, Float, Float]:
        """Return outdoor temperature, humidity and PM2.5."""
        return self.world.outdoor(self.ts)

    def of_trade(self, name: str) -> Float:
        """Return a number of each row's trade."""
        return np.asarray(np.array([float(getattr(t, name) or 0.0) for t in self.world.trades])[self.who])


Model = Callable[[Asked], Float]


def rounded(value: Float, digits: int = 0) -> Float:
    """Return values as a device with so many digits tells them."""
    return np.asarray(np.round(value, digits), np.float64)


def placed(world: World, ts: Int) -> tuple[Int, Float]:
    """Return the quarters of the world that times lie in, and the part of them that has passed."""
    since = np.maximum(ts - world.origin, 0)
    return since // QUARTER, (since % QUARTER) / QUARTER


# ── energy ───────────────────────────────────────────────────────────────────────────────────────


def _energy(x: Asked) -> Float:
    return np.asarray(np.floor((x.a + x.total("energy") / np.maximum(x.b, 1.0)) * 100.0) / 100.0)


def _power(x: Asked) -> Float:
    """Vary within the quarter about its mean, so that the register stays its integral."""
    return rounded(x.level("power") * (1.0 + 0.03 * x.noise(10_000)), 3)


def _peak(x: Asked) -> Float:
    meters = x.world.plan.meters
    return np.asarray(np.array([meters[i] for i in range(len(meters))])[x.who])


def _factor(x: Asked) -> Float:
    load = np.minimum(1.0, x.level("power") / _peak(x))
    return np.clip(0.875 + 0.085 * np.sqrt(load) + 0.006 * x.noise(MINUTE), 0.5, 1.0)


def _power_factor(x: Asked) -> Float:
    return rounded(_factor(x), 3)


def _voltage(x: Asked) -> Float:
    """Sag under the park's load, a little more on phase b, and wander by the minute."""
    whole = x.world.levels["power"].values[-1, x.q] / x.world.plan.meters[len(x.world.plan.meters) - 1]
    return rounded(NOMINAL + 2.2 - 7.0 * whole - 0.8 * (x.b == 1.0) + 0.9 * x.noise(MINUTE), 1)


def _current(x: Asked) -> Float:
    """Share the load among the phases, not evenly; b = -1 is a single phase that carries all."""
    share = np.where(x.b < 0.0, 1.0, (1.0 + 0.07 * np.cos(2.0944 * x.b + x.who)) / 3.0)
    watts = 1000.0 * x.level("power") * share * (1.0 + 0.02 * x.noise(10_000))
    return rounded(watts / (NOMINAL * _factor(x)), 2)


def _transformer_load(x: Asked) -> Float:
    return rounded(100.0 * x.level("power") / (1.1 * _peak(x)), 1)


# ── water, people, vehicles, production ──────────────────────────────────────────────────────────


def _water(x: Asked) -> Float:
    return np.asarray(np.floor((x.a + x.total("water")) * 1000.0) / 1000.0)


def _count(name: str) -> Model:
    return lambda x: x.counted(name)


def _amount(name: str) -> Model:
    return lambda x: rounded(x.total(name) - x.total(name, x.since), 3)


def _machine(x: Asked) -> Float:
    """Run for as large a part of the five minutes as the world's quarter says."""
    five = x.ts // (5 * MINUTE)
    running = uniform(x.world.seed, x.point, five) < x.level("run")
    broken = uniform(x.world.seed, x.point + 500_000, five // 12) < 0.004
    return np.where(broken & (x.level("act") > 0.05), 2.0, running.astype(np.float64))


# ── environment ──────────────────────────────────────────────────────────────────────────────────


def _outdoor(which: int, digits: int, spread: float) -> Model:
    def model(x: Asked) -> Float:
        value = x.outdoor()[which] * (1.0 + spread * x.noise(5 * MINUTE))
        return rounded(np.maximum(value, 0.5) if which else value, digits)

    return model


def _outdoor_noise(x: Asked) -> Float:
    hour = (x.ts + PARK_OFFSET) % DAY / HOUR
    lorries = x.world.levels["act"].values[:, x.q].mean(0)
    return rounded(44.0 + 6.0 * ((hour > 6.0) & (hour < 22.0)) + 12.0 * lorries + 1.5 * x.noise(MINUTE), 1)


def _indoor(x: Asked) -> Float:
    """Follow the weather at a distance, warmed by the work; nobody works below 12 degC or, cooled, far above 30."""
    outside = x.outdoor()[0]
    return 0.62 * outside + 9.0 + x.of_trade("warmth") * x.level("act")


def _room_temperature(x: Asked) -> Float:
    return rounded(_indoor(x) + 0.25 * x.noise(5 * MINUTE), 1)


def _cold_temperature(x: Asked) -> Float:
    """Swing about the set point with the defrosting, and rise a little when doors stand open."""
    wave = np.sin(2.0 * np.pi * (x.ts % (6 * HOUR)) / (6 * HOUR) + x.who)
    return rounded(x.a + 0.8 * wave + 1.2 * x.level("act") + 0.2 * x.noise(5 * MINUTE), 1)


def _room_humidity(x: Asked) -> Float:
    _, humidity, _ = x.outdoor()
    return rounded(np.clip(0.7 * humidity + 10.0 + 1.2 * x.noise(5 * MINUTE), 5.0, 100.0), 1)


def _room_noise(x: Asked) -> Float:
    """Add energies, not decibels: the quiet room and the machines."""
    work = np.maximum(x.level("act"), 0.0)
    return rounded(10.0 * np.log10(10.0**4.0 + work * 10.0 ** (x.a / 10.0)) + 1.2 * x.noise(MINUTE), 1)


def _co2(x: Asked) -> Float:
    """Balance people's 20 l/h against one change of air an hour in the part of the hall they sit in."""
    people = x.level("inside")
    air = np.maximum(x.a * 0.12 * 3.0, 60.0)
    return rounded(425.0 + 1e6 * 0.02 * people / air + 9.0 * x.noise(5 * MINUTE))


def _nmhc(x: Asked) -> Float:
    return rounded(np.maximum(0.2, 1.5 + 22.0 * x.level("act") * (1.0 + 0.2 * x.noise(QUARTER))), 2)


def _cod(x: Asked) -> Float:
    return rounded(np.maximum(5.0, 60.0 + 190.0 * x.level("act") * (1.0 + 0.15 * x.noise(QUARTER))), 1)


def _ph(x: Asked) -> Float:
    return rounded(7.4 + 0.12 * x.noise(QUARTER), 2)


def _discharge(x: Asked) -> Float:
    return rounded(np.maximum(0.0, x.of_trade("water") * 0.8 * x.level("act")) * (1.0 + 0.05 * x.noise(MINUTE)), 2)


# ── fire, gas, electrical fire, hydrants: quiet; what is not is laid over it ─────────────────────


def _quiet(x: Asked) -> Float:
    return np.zeros(len(x.ts))


def _obscuration(x: Asked) -> Float:
    return rounded(np.maximum(0.0, 0.12 + 0.08 * x.noise(MINUTE)), 3)


def _ceiling(x: Asked) -> Float:
    """Take the air under the ceiling of a unit, let or vacant."""
    return rounded(0.5 * x.outdoor()[0] + 13.0 + 0.3 * x.noise(5 * MINUTE), 1)


def _co(x: Asked) -> Float:
    return rounded(np.maximum(0.0, 1.2 + 0.8 * x.noise(MINUTE)), 1)


def _gas_level(x: Asked) -> Float:
    return rounded(np.maximum(0.0, 0.4 + 0.4 * x.noise(MINUTE)), 1)


def _residual(x: Asked) -> Float:
    load = np.minimum(1.0, x.level("power") / _peak(x))
    return rounded(x.a * (1.0 + 0.35 * load) + 2.0 * x.noise(MINUTE), 1)


def _cable(x: Asked) -> Float:
    load = np.minimum(1.2, x.level("power") / _peak(x))
    return rounded(0.62 * x.outdoor()[0] + 10.0 + 22.0 * load**2 + 0.3 * x.noise(5 * MINUTE), 1)


def _pressure(x: Asked) -> Float:
    return rounded(x.a + 0.006 * np.sin(2.0 * np.pi * (x.ts % DAY) / DAY) + 0.002 * x.noise(MINUTE), 3)


def _tank(x: Asked) -> Float:
    """Lose a little, and be filled every Monday night."""
    return rounded(x.a - 0.25 * ((x.ts + PARK_OFFSET - 4 * DAY) % (7 * DAY)) / (7 * DAY) + 0.003 * x.noise(MINUTE), 3)


# ── devices themselves ───────────────────────────────────────────────────────────────────────────


def _battery_level(x: Asked) -> Float:
    """Fall from `a` by `b` per cent a year, then be changed at 20."""
    used = x.b * (x.ts - x.world.origin) / (365.0 * DAY)
    return np.floor(x.a - used % (x.a - 20.0))


def _low_battery(x: Asked) -> Float:
    return (_battery_level(x) < 15.0).astype(np.float64)


def _constant(x: Asked) -> Float:
    return x.a.copy()


def _radio(x: Asked) -> Float:
    return rounded(x.a + 2.0 * x.noise(HOUR))


MODELS: Mapping[str, Model] = {
    "none": _quiet, "constant": _constant, "radio": _radio, "battery": _battery_level, "low_battery": _low_battery,
    "energy": _energy, "power": _power, "power_factor": _power_factor, "voltage": _voltage, "current": _current,
    "transformer_load": _transformer_load, "water": _water,
    "people_in": _count("people_in"), "people_out": _count("people_out"), "dock_in": _count("dock_in"),
    "dock_out": _count("dock_out"), "parcels": _count("parcels"), "dock_weight": _amount("dock_weight"),
    "gate_in": _count("gate_in"), "gate_out": _count("gate_out"), "output_count": _count("pieces"),
    "run_time": _amount("running"), "machine": _machine,
    "outdoor_temperature": _outdoor(0, 1, 0.005), "outdoor_humidity": _outdoor(1, 1, 0.01),
    "outdoor_pm25": _outdoor(2, 1, 0.06), "outdoor_noise": _outdoor_noise,
    "room_temperature": _room_temperature, "room_humidity": _room_humidity, "cold_temperature": _cold_temperature,
    "room_noise": _room_noise, "co2": _co2, "nmhc": _nmhc, "cod": _cod, "ph": _ph, "discharge_flow": _discharge,
    "smoke": _quiet, "heat": _quiet, "gas": _quiet, "co_alarm": _quiet, "call_point": _quiet,
    "smoke_obscuration": _obscuration, "ceiling_temperature": _ceiling, "co": _co, "gas_level": _gas_level,
    "residual_current": _residual, "cable_temperature": _cable, "water_pressure": _pressure, "tank_level": _tank,
}  # fmt: skip
