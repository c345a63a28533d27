"""What is no fire and looks like one: cooking, steam, dust, welding, sun, heaters, lorries, cold doors, noise.

Labelled by how it is made: courses of the three quantities over an hour, with seeds for sizes, times and noise, at
the paces of real detectors, through the fire stage with the rules as shipped. Every alarm is false. Sizes are what
each does at the ceiling of an ordinary room without a detector of GB 4715's least sensitive kind (0.3 dB/m) or a
heat detector of class A1 answering; none of them is taken from the recorded fires. `size` multiplies the cause and
not the noise; the margin is the least size at which something alarms.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bench.scoreboard.words import Figure
from park.events import ConditionChange, Event
from park.metrics import Lane
from park.readings import Float64, ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.fire import Fire
from stream.pipeline import Pipeline
from stream.rules import parse, shipped

START = 1_750_003_200_000
HOUR = 3_600  # s
PACES = (2, 10, 30)  # s between readings
SEEDS = 20
SIZES = (1.0, 1.25, 1.5, 2.0, 3.0)
QUANTITIES = ("temperature", "smoke_obscuration", "co")
_KINDS = ("heat_detector", "smoke_detector", "co_detector")
_NOISE = (0.1, 0.1, 3.0)  # K, %/m, ppm: standard deviation of good sensors
Chance = np.random.Generator
Courses = tuple[Float64, Float64, Float64]  # heat K, smoke %/m, CO ppm, above clean air


def _bump(t: Float64, at: float, rise: float, fall: float) -> Float64:
    """Return a course that goes to 1 with one time constant from a time on, and back with another."""
    up = -np.expm1(-np.maximum(t - at, 0) / rise)
    return np.asarray(up * np.exp(-np.maximum(t - at - 3 * rise, 0) / fall))


def _bursts(t: Float64, chance: Chance, count: int, seconds: float) -> Float64:
    """Return passing clouds: bumps of some seconds, at any time."""
    found = np.zeros_like(t)
    for at in chance.uniform(600, 3_300, count):
        found += chance.uniform(0.4, 1.0) * np.exp(-(((t - at) / seconds) ** 2))
    return np.minimum(found, 1.2)


def _cooking(t: Float64, chance: Chance) -> Courses:
    at = chance.uniform(600, 1_500)
    return 6 * _bump(t, at, 300, 900), 2.2 * _bump(t, at + 120, 90, 240), 12 * _bump(t, at, 300, 900)


def _steam(t: Float64, chance: Chance) -> Courses:
    at = chance.uniform(600, 1_500)
    return 2 * _bump(t, at, 150, 400), 2.6 * _bump(t, at, 20, 200), 0 * t


def _dust(t: Float64, chance: Chance) -> Courses:
    return 0 * t, 2.6 * _bursts(t, chance, 12, 25), 0 * t


def _welding(t: Float64, chance: Chance) -> Courses:
    at = chance.uniform(600, 1_500)
    on = (np.sin(t / chance.uniform(20, 60)) > 0) * _bump(t, at, 60, 600)
    return 1.5 * _bump(t, at, 400, 900), 2.0 * on, 10 * _bump(t, at, 300, 900)


def _sun(t: Float64, chance: Chance) -> Courses:
    clouds = np.interp(t, np.arange(0, HOUR + 180, 180), chance.uniform(0.6, 1.0, HOUR // 180 + 1))
    return 18 * -np.expm1(-t / 1_200) * clouds, 0 * t, 0 * t


def _heater(t: Float64, chance: Chance) -> Courses:
    at, period = chance.uniform(600, 1_200), chance.uniform(600, 1_200)
    on = np.where(((t - at) % period) < period / 2, 1.0, 0.0) * (t > at)
    warm = np.zeros_like(t)
    step = t[1] - t[0]
    for n in range(1, len(t)):
        warm[n] = warm[n - 1] + (10 * on[n] - warm[n - 1]) * -np.expm1(-step / 240)
    return warm, 0.2 * on, 0 * t


def _forklift(t: Float64, chance: Chance) -> Courses:
    passing = _bursts(t, chance, 10, 30)
    return 0.5 * passing, 0.7 * passing, 30 * t / HOUR + 50 * passing


def _cold_door(t: Float64, chance: Chance) -> Courses:
    return -15 * _bursts(t, chance, 4, 90), 0 * t, 0 * t


def _noise(t: Float64, chance: Chance) -> Courses:
    steps = np.round(chance.normal(0, 0.5, len(t)) / 0.3) * 0.3  # a coarse meter, as real ones are
    return chance.normal(0, 0.6, len(t)), steps, chance.normal(0, 15, len(t))


def _quiet(t: Float64, chance: Chance) -> Courses:
    return 1.5 * np.sin(t / chance.uniform(300, 900)), 0 * t, 0 * t


KINDS: Mapping[str, Callable[[Float64, Chance], Courses]] = MappingProxyType({
    "quiet": _quiet, "cooking": _cooking, "steam": _steam, "dust": _dust, "welding": _welding, "sun": _sun,
    "heater": _heater, "forklift": _forklift, "cold_door": _cold_door, "noise": _noise,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tally:
    """What some rooms came to."""

    rooms: int
    alarmed: int
    rules: tuple[str, ...]


def _config(rooms: int) -> Config:
    points, devices, places = [], [], [PlaceRow(1, 1, 0, "park", "p")]
    for room in range(rooms):
        places.append(PlaceRow(10 + room, 1, 1, "zone", str(room)))
        for q, metric in enumerate(QUANTITIES):
            number = 3 * room + q + 1
            points.append(PointRow(number, metric, number, 10 + room, 1))
            devices.append(DeviceRow(number, 1, 10 + room, Lane.LIFE, _KINDS[q]))
    return Config(1, START, tuple(points), tuple(devices), tuple(places), parse(shipped()))


def tally(kind: str, size: float = 1.0, paces: Sequence[int] = PACES, seeds: int = SEEDS) -> Tally:
    """Return how many of the rooms in which something harmless happens raise an alarm of fire or gas."""
    alarmed, rules = 0, set()
    for pace in paces:
        t = np.arange(0, HOUR, pace, dtype=np.float64)
        values = np.zeros((len(t), 3 * seeds))
        for room in range(seeds):
            chance = np.random.default_rng([room, pace])
            courses = KINDS[kind](t, chance)
            for q, course in enumerate(courses):
                clean = (chance.uniform(16, 30), chance.uniform(0, 0.5), chance.uniform(0, 6))[q]
                column = clean + size * course + chance.normal(0, _NOISE[q], len(t))
                values[:, 3 * room + q] = column if q == 0 else np.maximum(column, 0)
        pipeline = Pipeline(lambda d: (Fire(d),))
        told: list[Event] = []
        pipeline.run(_config(seeds), told.append)
        point = np.arange(1, 3 * seeds + 1, dtype=np.int32)
        for at, row in zip((START + t * 1_000).astype(np.int64).tolist(), values, strict=True):
            stamp = np.full(len(point), at)
            batch = ReadingBatch(point, stamp, row, np.zeros(len(point), np.uint8), stamp)
            pipeline.operators[0].on_batch(batch, told.append)
        changes = [e for e in told if isinstance(e, ConditionChange)]
        alarmed += len({e.subject for e in changes})
        rules |= {f"{e.rule} {e.reason}" for e in changes}
    return Tally(seeds * len(paces), alarmed, tuple(sorted(rules)))


def margin(kind: str, sizes: Sequence[float] = SIZES) -> float:
    """Return the least of some sizes at which a room alarms; infinity where none does."""
    return next((size for size in sizes if tally(kind, size).alarmed), np.inf)


def figures() -> list[Figure]:
    """Return the rows of the scoreboard."""
    rooms = {kind: tally(kind) for kind in KINDS}
    note = f"of {sum(t.rooms for t in rooms.values())} room-hours; " + ", ".join(
        f"{kind} alarms from x{margin(kind, SIZES[1:]):g}" for kind in KINDS
    )
    false = sum(t.alarmed for t in rooms.values())
    return [Figure("nuisances.false_alarms", false, 0, aim="0", up=False, note=note.replace("xinf", "no size to x3"))]


if __name__ == "__main__":
    for name in KINDS:
        print(name, [(size, tally(name, size)) for size in SIZES])
